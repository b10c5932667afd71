"""Version 2: its envelope and pages, the dimensions, a curve's difference, lists. On SQLite and on PostgreSQL."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import orjson
import pytest
from pydantic import SecretStr

from aurum.rest.cursors import Cursors
from aurum.rest.v2 import RowPage, UnitListParameters
from tests.published import GERMAN, NBP, TTF
from tests.rest.conftest import Rest
from tests.rest.test_curves import quoted

A, B = "2025-02-12", "2025-02-13"
NAMES = ["asset_class", "iso", "location", "market", "product", "block", "tenor_type"]
DIMENSIONS = "/v2/metadata/dimensions"


@pytest.fixture
async def market(rest: Rest) -> Rest:
    """TTF on both days, with a month that goes, one that comes, one without a price; NBP on the second alone."""
    nan = float("nan")
    first = {"2025-02": 48.0, "2025-03": 50.0, "2025-04": 51.0, "2025-05": nan, "Q3 2025": 44.0, "Cal-26": 40.0}
    second = {"2025-03": 53.0, "2025-04": nan, "2025-05": 54.0, "Q3 2025": 45.0, "Calendar 2026": 41.0}
    await rest.publish(A, (TTF, quoted(A, first)), published_at="2025-02-12 22:15")
    await rest.publish(B, (TTF, quoted(B, second)), (NBP, quoted(B, {"2025-04": 8.0})), published_at="2025-02-13 22:20")
    return rest


async def v2(rest: Rest, path: str, status: int = 200, **query: Any) -> httpx.Response:
    response = await rest.get(path, **({"tenant_id": "demo"} | query))
    assert response.status_code == status, response.text
    return response


def url_of(curve: Any) -> str:
    return f"/v2/curves/{curve.legacy_key}/diff"


async def test_dimensions_are_those_of_v1_as_a_list(market: Rest) -> None:
    queries: list[tuple[dict[str, Any], str]] = [({}, "latest"), ({"asof": A}, A)]
    for query, as_of in queries:
        of_v1 = (await market.get("/v1/metadata/dimensions", **query)).json()["data"]
        answer = (await v2(market, DIMENSIONS, **query)).json()
        assert list(answer) == ["data", "meta", "links"]
        found = [{name: value for name, value in each.items() if name != "meta"} for each in answer["data"]]
        assert found == [{"dimension": name, "values": of_v1[name], "asof": as_of} for name in NAMES]
    assert of_v1["tenor_type"] == ["CALENDAR", "MONTHLY", "QUARTER"]


async def test_the_envelope_of_a_list(market: Rest) -> None:
    response = await v2(market, DIMENSIONS, limit=3)
    answer = response.json()
    each = {name: answer["meta"].pop(name) for name in ("request_id", "tenant_id", "version", "processing_time_ms")}
    assert [row["meta"] for row in answer["data"]] == [each] * 3
    assert (each["request_id"], each["tenant_id"], each["version"]) == (response.headers["x-request-id"], "demo", "v2")
    assert each["processing_time_ms"] == round(each["processing_time_ms"], 2) > 0
    cursor = answer["meta"].pop("next_cursor")
    assert answer["meta"] == {"limit": 3, "has_more": True, "returned_count": 3, "offset": 0, "total": 7}
    base = "http://127.0.0.1:8000/v2/metadata/dimensions?tenant_id=demo&limit=3"
    assert answer["links"] == {"self": base, "next": f"{base}&cursor={cursor}"}
    assert response.headers["link"] == f'<{base}&cursor={cursor}>; rel="next", <{base}>; rel="canonical"'
    rows = [{name: value for name, value in row.items() if name != "meta"} for row in answer["data"]]
    canonical = orjson.dumps({"next_cursor": cursor}) + orjson.dumps({"data": rows}, option=orjson.OPT_SORT_KEYS)
    assert response.headers["etag"] == f'"{hashlib.sha256(canonical).hexdigest()}"'
    assert response.headers["cache-control"] == "private, max-age=300"
    assert (response.headers["x-api-version"], "deprecation" in response.headers) == ("v2", False)
    again = await market.get(DIMENSIONS, {"if-none-match": response.headers["etag"]}, tenant_id="demo", limit=3)
    assert (again.status_code, again.content) == (304, b"")


async def test_links_lead_through_all_pages_and_back(market: Rest) -> None:
    url, pages = f"{DIMENSIONS}?tenant_id=demo&limit=3&asof={A}", []
    while url:
        pages.append((await market.client.get(url)).json())
        url = pages[-1]["links"].get("next", "")
    assert [[row["dimension"] for row in page["data"]] for page in pages] == [NAMES[:3], NAMES[3:6], NAMES[6:]]
    assert [page["meta"]["offset"] for page in pages] == [0, 3, 6]
    assert "next_cursor" not in pages[-1]["meta"]
    assert "prev_cursor" not in pages[0]["meta"]
    back = (await market.client.get(pages[-1]["links"]["prev"])).json()
    assert (back["data"][0]["dimension"], back["meta"]["offset"], back["data"][0]["asof"]) == ("market", 3, A)
    assert parse_qs(urlsplit(back["links"]["next"]).query)["tenant_id"] == ["demo"]


async def test_a_cursor_has_limit_and_filters(market: Rest) -> None:
    cursor = (await v2(market, DIMENSIONS, limit=3, asof=A)).json()["meta"]["next_cursor"]
    assert (await v2(market, DIMENSIONS, cursor=cursor)).json()["meta"]["returned_count"] == 3
    assert (await v2(market, DIMENSIONS, cursor=cursor)).json()["data"][0]["asof"] == A
    assert (await v2(market, DIMENSIONS, cursor=cursor, limit=50)).json()["meta"]["limit"] == 3
    assert (await v2(market, DIMENSIONS, cursor=cursor, limit=2)).json()["meta"]["returned_count"] == 2
    problem = (await v2(market, DIMENSIONS, 400, cursor=cursor, asof=B)).json()
    assert problem["detail"] == "Cursor filters do not match request filters"
    foreign = (await market.answer(limit=2))["meta"]["next_cursor"]
    for wrong in (foreign, "x", cursor[:-2], cursor + "AA"):
        assert (await v2(market, DIMENSIONS, 400, cursor=wrong)).json()["detail"] == "Invalid cursor"


@pytest.mark.parametrize("wrong", [{"tenant_id": ""}, {"limit": 0}, {"limit": 101}, {"asof": "today"}, {"known_at": A}],
                         ids=str)  # fmt: skip
async def test_what_is_wrong_is_refused(embedded: Rest, wrong: dict[str, Any]) -> None:
    problem = (await v2(embedded, DIMENSIONS, 422, **wrong)).json()
    assert [error["field"] for error in problem["errors"]] == list(wrong)


async def test_the_tenant_is_the_callers_own(embedded: Rest) -> None:
    assert (await v2(embedded, DIMENSIONS, 403, tenant_id="other")).json()["detail"] == "tenant mismatch"


async def test_a_curves_difference_is_its_rows_of_v1_counted(market: Rest) -> None:
    """March, the third quarter and 2026 have a price on both days. The newest load of them is the second day's, by the
    clock of storing: loads are two seconds apart there.
    """
    rows = (await market.get("/v1/curves/diff", asof_a=A, asof_b=B)).json()["data"]
    response = await v2(market, url_of(TTF), from_timestamp=A, to_timestamp=f"{B}T23:30:00-05:00")
    found = response.json()
    meta = found.pop("meta")
    assert found == {
        "id": TTF.legacy_key,
        "name": TTF.legacy_key,
        "description": "Diff between 2025-02-12 and 2025-02-13T23:30:00-05:00",
        "data_points": 3,
        "created_at": "2025-02-20T08:00:03Z",
    }
    assert len(rows) == 3
    assert (meta["from_timestamp"], meta["to_timestamp"]) == (A, f"{B}T23:30:00-05:00")
    assert (meta["tenant_id"], meta["version"]) == ("demo", "v2")
    tag = hashlib.sha256(b"{}" + orjson.dumps(found, option=orjson.OPT_SORT_KEYS)).hexdigest()
    assert response.headers["etag"] == f'"{tag}"'
    assert response.headers["cache-control"] == "private, max-age=120"
    same = (await v2(market, url_of(TTF), from_timestamp=A, to_timestamp=A)).json()
    assert (same["data_points"], same["created_at"]) == (5, "2025-02-20T08:00:01Z")


async def test_a_restatement_of_the_older_day_is_the_newest_load(market: Rest) -> None:
    await market.publish(A, (TTF, quoted(A, {"2025-03": 49.0})), published_at="2025-02-14 09:00")
    found = (await v2(market, url_of(TTF), from_timestamp=A, to_timestamp=B)).json()
    assert (found["data_points"], found["created_at"]) == (1, "2025-02-20T08:00:05Z")


async def test_curves_without_rows_and_without_a_name(market: Rest) -> None:
    found = (await v2(market, url_of(NBP), from_timestamp=A, to_timestamp=B)).json()
    assert (found["data_points"], found["created_at"]) == (0, None)
    for curve in (GERMAN.legacy_key, "x", "%00", TTF.legacy_key.upper()):
        response = await v2(market, f"/v2/curves/{curve}/diff", 404, from_timestamp=A, to_timestamp=B)
        assert response.json()["detail"] == "Curve not found"
    for wrong in ({"to_timestamp": ""}, {"from_timestamp": "12.2.2025"}, {"to_timestamp": f"{B}T25:00"},
                  {"to_timestamp": f"{B}x10:00"}):  # fmt: skip
        await v2(market, url_of(TTF), 422, **({"from_timestamp": A, "to_timestamp": B} | wrong))


async def test_of_curves_that_share_a_key_the_first_alone_is_compared(market: Rest) -> None:
    simple = replace(TTF, identity=replace(TTF.identity, vendor="SIMPLE"))
    months = {f"2026-{month:02}": 1.0 for month in range(1, 13)}
    for day in (A, B):
        await market.publish(day, (simple, quoted(day, months)))
    assert (await v2(market, url_of(TTF), from_timestamp=A, to_timestamp=B)).json()["data_points"] == 3


async def test_compared_quotes_are_counted_by_dimension(market: Rest) -> None:
    query = """query($to: Date, $types: [TenorType!]) { quoteFacets(asOf: "2025-02-12", comparedWith: $to,
        tenorTypes: $types) { curveCount quoteCount tenorTypes { tenorType count }
        dimensions(names: [PRODUCT]) { values { value count } } } }"""

    async def facets(**variables: Any) -> Any:
        answer = await market.client.post("/graphql", json={"query": query, "variables": variables})
        return answer.json()["data"]["quoteFacets"]

    assert await facets(to=B) == {
        "curveCount": 1, "quoteCount": 3, "dimensions": [{"values": [{"value": "gas", "count": 3}]}],
        "tenorTypes": [{"tenorType": name, "count": 1} for name in ("MONTH", "QUARTER", "CALENDAR")],
    }  # fmt: skip
    assert (await facets(to=B, types=["MONTH"]))["quoteCount"] == 1
    assert (await facets(to="2025-02-14")) == {"curveCount": 0, "quoteCount": 0, "tenorTypes": [],
                                               "dimensions": [{"values": []}]}  # fmt: skip


# ---- lists of what is known of the market ----


async def everything(rest: Rest, path: str, limit: int, **query: Any) -> tuple[list[dict[str, Any]], list[int]]:
    """The rows of all pages without their `meta`, and where the pages begin."""
    response = await v2(rest, f"/v2/metadata/{path}", limit=limit, **query)
    assert response.headers["cache-control"] == "private, max-age=300"
    rows, offsets = [], []
    while True:
        page = response.json()
        rows += [{name: value for name, value in row.items() if name != "meta"} for row in page["data"]]
        offsets.append(page["meta"]["offset"])
        assert page["meta"]["total"] >= len(rows)
        if "next" not in page["links"]:
            return rows, offsets
        response = await rest.client.get(page["links"]["next"])


async def test_locations_of_an_operator(embedded: Rest) -> None:
    of_v1 = (await embedded.get("/v1/metadata/locations", iso="PJM")).json()["data"]
    rows, offsets = await everything(embedded, "locations", 7, iso="pjm")
    assert [(row["iso"], row["location_id"], row["name"]) for row in rows] == [
        (each["iso"], each["location_id"], each["location_name"]) for each in of_v1
    ]
    assert {(row["latitude"], row["longitude"]) for row in rows} == {(None, None)}
    assert offsets == list(range(0, len(rows), 7))
    assert (await everything(embedded, "locations", 10, iso="nowhere")) == ([], [0])
    assert (await v2(embedded, "/v2/metadata/locations", 422)).json()["errors"][0]["field"] == "iso"


async def test_units_are_the_pairs_that_texts_mean(embedded: Rest) -> None:
    of_v1 = (await embedded.get("/v1/metadata/units/mapping")).json()["data"]
    rows, _ = await everything(embedded, "units", 3)
    assert {(row["currency"], row["per_unit"]) for row in rows} == {
        (each["currency"], each["per_unit"]) for each in of_v1
    }
    keys = [(row["currency"] is None, row["currency"] or "", row["per_unit"] is None, row["per_unit"]) for row in rows]
    assert keys == sorted(set(keys))
    assert {"currency": "EUR", "per_unit": "MWh"} in rows


async def test_calendars_with_their_blocks(embedded: Rest) -> None:
    rows, offsets = await everything(embedded, "calendars", 5)
    names = [each["name"] for each in (await embedded.get("/v1/metadata/calendars")).json()["data"]]
    assert ([row["name"] for row in rows], offsets[:2]) == (names, [0, 5])
    for row in rows:
        blocks = (await embedded.get(f"/v1/metadata/calendars/{row['name']}/blocks")).json()["data"]
        assert row["blocks"] == blocks


def test_a_page_goes_on_where_its_row_was_though_that_is_gone() -> None:
    rows: list[dict[str, Any]] = [{"currency": one, "per_unit": "MWh"} for one in ("CAD", "EUR", "GBP", None)]
    cursors = Cursors([SecretStr("k")], Path("nowhere"))

    def page(cursor: str | None) -> RowPage:
        asked = UnitListParameters(tenant_id="demo", limit=2, cursor=cursor)
        return RowPage(asked, cursors, "units", "demo")

    found, told, beside = page(None).of(rows)
    assert ([row["currency"] for row in found], told["has_more"]) == (["CAD", "EUR"], True)
    later = [{"currency": "AUD", "per_unit": "MWh"}, rows[0], *rows[2:]]  # one has come, EUR has gone
    found, told, beside = page(beside["next_cursor"]).of(later)
    assert ([row["currency"] for row in found], told["offset"], told["has_more"]) == (["GBP", None], 2, False)
    found, told, beside = page(beside["prev_cursor"]).of(later)
    assert ([row["currency"] for row in found], "prev_cursor" in beside) == (["AUD", "CAD"], False)


def test_nothing_is_left_where_a_cursor_points() -> None:
    rows: list[dict[str, Any]] = [{"currency": one, "per_unit": "MWh"} for one in ("CAD", "EUR", "GBP", "USD")]
    cursors = Cursors([SecretStr("k")], Path("nowhere"))

    def page(cursor: str | None) -> RowPage:
        asked = UnitListParameters(tenant_id="demo", limit=2, cursor=cursor)
        return RowPage(asked, cursors, "units", "demo")

    _, _, beside = page(None).of(rows)
    found, told, ends = page(beside["next_cursor"]).of(rows[:2])
    assert (found, told["has_more"], ends) == ([], False, {})
    _, _, beside = page(beside["next_cursor"]).of(rows)
    found, told, ends = page(beside["prev_cursor"]).of(rows[2:])
    assert ([row["currency"] for row in found], told["has_more"], ends) == (["GBP", "USD"], False, {})
