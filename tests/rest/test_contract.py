"""What every legacy answer looks like: envelope, headers, errors. Section numbers are the contract's."""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import re
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import orjson
import pytest
from graphql import parse, validate
from pydantic import ValidationError
from starlette.routing import Route

from aurum.app import create_app
from aurum.errors import AurumError, Conflict, Forbidden, InvalidCursor, InvalidInput, NotFound, Unavailable
from aurum.market.identity import legacy_curve_key
from aurum.rest.legacy import DOCUMENTS, OPERATIONS
from aurum.rest.problems import told
from aurum.schema import create_schema
from aurum.settings import GraphQLSettings, RestSettings, Settings
from tests.published import GERMAN, NBP, TTF, prices
from tests.rest.conftest import Rest, served

CONTRACT = Path(__file__).parents[3] / "shared" / "design" / "rest-contract.md"


@pytest.fixture
async def rest(embedded: Rest) -> Rest:
    """Three curves of three months."""
    await embedded.publish("2025-02-12", *((curve, prices([1.0, 2.25, -3.125])) for curve in (TTF, NBP, GERMAN)))
    return embedded


# ------------------------------------------------------------------------------------ the table and the documents


@pytest.mark.parametrize("document", sorted(DOCUMENTS.iterdir()), ids=lambda path: path.stem)
def test_every_document_is_one_operation_of_the_schema(document: Path) -> None:
    parsed = parse(document.read_text())
    assert validate(create_schema(GraphQLSettings())._schema, parsed) == []
    assert len(parsed.definitions) == 1
    assert document.stem in {operation.document for operation in OPERATIONS}


_OWN = ("/docs/", "/exports.", "/exports/", "/files/", "/runs/")  # of Aurum itself, and what its answers link to


def test_everything_served_is_in_the_contract() -> None:
    """Section 12. What is not served yet is printed by `pytest -rA`."""
    if not CONTRACT.exists():
        pytest.skip(f"the contract is not here: {CONTRACT}")
    checklist = CONTRACT.read_text().split("## 12 ", 1)[1]
    promised = {
        (method, re.sub(r"\{[^}]*\}", "{}", path)): int(code)
        for method, path, code in re.findall(r"\|(GET|POST|PUT|PATCH|DELETE)\|`([^`]+)`\|(\d{3})(?=\|)", checklist)
    }
    assert len(promised) == 83
    served_paths = {
        (method, re.sub(r"\{[^}]*\}", "{}", route.path))
        for route in create_app(Settings()).routes
        if isinstance(route, Route) and not route.path.endswith("{_:path}") and not route.path.startswith(_OWN)
        for method in (route.methods or ())
        if method != "HEAD" and not route.path.startswith(("/graphql", "/graphiql"))
    }
    assert served_paths <= promised.keys()
    assert ("GET", "/v1/curves") in served_paths
    missing = sorted(f"{method} {path}" for method, path in promised.keys() - served_paths)
    print(f"{len(served_paths)} of {len(promised)} operations are served; not yet:", *missing, sep="\n  ")  # noqa: T201


@pytest.mark.parametrize(
    ("region", "location", "block", "key"),
    [
        ("US", "Western Hub", "ON_PEAK", "141c82111409235ac0f6f2e476c00826c6edbbda3b4ba8d6c7dc8fdc969a2dd6"),
        ("US", "  western   HUB ", "ON_PEAK", "141c82111409235ac0f6f2e476c00826c6edbbda3b4ba8d6c7dc8fdc969a2dd6"),
        ("US", "Western Hub", "OFF_PEAK", "3c4350c6a2820e7eeb3fb6b8e7c303d476c6c20dadb4ef4c6b122c094da5d687"),
        (None, "Western Hub", "ON_PEAK", "e9f33d71a433f8997db1ac8223bce632c5bba386bd2110a7d341050b0bb1bec8"),
    ],
)
def test_the_legacy_keys_of_section_11(region: str | None, location: str, block: str, key: str) -> None:
    fields = {"asset_class": "power", "iso": "PJM", "market": "DA", "product": "ENERGY", "spark_location": None}
    assert legacy_curve_key(region=region, location=location, block=block, **fields) == key


# --------------------------------------------------------------------------------------- 1.2 envelope, 1.5 headers


async def test_the_envelope_of_a_paged_list(rest: Rest) -> None:
    answer = await rest.answer(limit=2, offset=1)
    assert list(answer) == ["meta", "data"]
    meta = answer["meta"]
    request_id = meta.pop("request_id")
    assert (str(UUID(request_id)), UUID(request_id).version) == (request_id, 4)
    assert meta.pop("query_time_ms") >= 0
    assert meta.pop("next_cursor")
    assert meta.pop("prev_cursor")
    assert meta == {"limit": 2, "has_more": True, "count": 2, "offset": 1, "total": None}
    empty = await rest.answer(location="nowhere")
    assert (empty["data"], empty["meta"]["count"], empty["meta"]["has_more"]) == ([], 0, False)
    assert (empty["meta"]["next_cursor"], empty["meta"]["prev_cursor"], empty["meta"]["offset"]) == (None, None, None)


async def test_ids_are_echoed_where_they_are_well_formed(rest: Rest) -> None:
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    sent = {
        "x-request-id": "desk-7",
        "x-correlation-id": "day.1",
        "traceparent": f"00-{trace}-00f067aa0ba902b7-01",
    }
    response = await rest.get(headers=sent)
    assert response.json()["meta"]["request_id"] == response.headers["x-request-id"] == "desk-7"
    assert response.headers["x-correlation-id"] == "day.1"
    assert response.headers["x-trace-id"] == trace
    for wrong in ({"x-request-id": "a b", "x-correlation-id": "a,b"}, {"x-request-id": "a" * 129}):
        response = await rest.get(headers={**wrong, "traceparent": f"00-{'0' * 32}-00f067aa0ba902b7-01"})
        assert len(response.headers["x-request-id"]) == 36
        assert response.headers["x-correlation-id"] == response.headers["x-request-id"]
        assert re.fullmatch("[0-9a-f]{32}", response.headers["x-trace-id"])
        assert re.fullmatch("[0-9a-f]{16}", response.headers["x-span-id"])
        assert int(response.headers["x-trace-id"], 16) > 0


async def test_the_headers_of_an_answer(rest: Rest) -> None:
    headers = (await rest.get()).headers
    assert headers["content-type"] == "application/json"
    assert headers["cache-control"] == "private, max-age=120"
    assert headers["vary"] == "Authorization, X-Aurum-Tenant, Accept, Accept-Encoding"
    assert headers["x-api-version"] == "v1"
    assert headers["x-aurum-tenant"] == "demo"


async def test_the_guide_that_v1_names_is_there_and_has_every_operation(rest: Rest) -> None:
    url = (await rest.get()).headers["x-api-migration-guide"]
    guide = await rest.get(url)
    assert (guide.status_code, guide.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert [each.path for each in OPERATIONS if each.version == "v1" and each.path not in guide.text] == []
    assert "query" in guide.text


async def test_every_v1_answer_says_that_v1_ends(migrated_sqlite_url: str, tmp_path: Path) -> None:
    at = datetime(2026, 1, 1, tzinfo=UTC)
    settings = {"v1_deprecated_at": at, "v1_sunset_at": date(2026, 12, 31), "migration_url": "https://aurum/m"}
    async with served(migrated_sqlite_url, tmp_path, **settings) as rest:
        etag = (await rest.get()).headers["etag"]
        for response in (
            await rest.get(),
            await rest.get(headers={"if-none-match": etag}),
            await rest.get(limit=0),
            await rest.get("/v1/nothing"),
        ):
            assert response.headers["deprecation"] == "@1767225600"
            assert response.headers["sunset"] == "Thu, 31 Dec 2026 00:00:00 GMT"
            assert response.headers["link"] == (
                '<https://aurum/m>; rel="deprecation"; type="text/html", '
                '<https://aurum/m>; rel="sunset"; type="text/html", </graphql>; rel="successor-version"'
            )
            assert response.headers["warning"] == '299 aurum "API v1 is deprecated; migrate before 2026-12-31"'
            assert response.headers["x-api-lifecycle"] == "deprecated"
            assert response.headers["x-api-migration-guide"] == "https://aurum/m"
        for response in (await rest.get("/v2/nothing"), await rest.get("/health")):
            assert not {"deprecation", "link", "warning", "sunset"} & set(response.headers)
        assert (await rest.get("/v2/nothing")).headers["x-api-version"] == "v2"


async def test_without_a_sunset_none_is_named(rest: Rest) -> None:
    headers = (await rest.get()).headers
    assert headers["deprecation"]
    assert not {"sunset", "warning"} & set(headers)


def test_the_sunset_is_not_before_the_deprecation() -> None:
    with pytest.raises(ValidationError, match="sunset"):
        RestSettings(v1_sunset_at=date(2025, 12, 31))


# ------------------------------------------------------------------------------------------- 1.5 CSV, compression


async def test_csv_to_the_byte(rest: Rest) -> None:
    answer = await rest.answer(limit=4)
    response = await rest.get(limit=4, format="csv")
    assert response.headers["content-type"] == "text/csv; charset=utf-8"
    assert response.headers["content-disposition"] == 'attachment; filename="curves.csv"'
    assert response.headers["x-next-cursor"] == answer["meta"]["next_cursor"]
    assert "x-prev-cursor" not in response.headers
    first, *lines = response.text.split("\r\n")
    assert first == "curve_key,tenor_label,tenor_type,contract_month,asof_date,mid,bid,ask,price_type"
    key = answer["data"][0]["curve_key"]
    assert lines[:3] == [
        f"{key},2025-03,MONTHLY,2025-03-01,2025-02-12,1,0.95,1.05,MID",
        f"{key},2025-04,MONTHLY,2025-04-01,2025-02-12,2.25,2.2,2.3,MID",
        f"{key},2025-05,MONTHLY,2025-05-01,2025-02-12,-3.125,-3.175,-3.075,MID",
    ]
    assert len(lines) == 5
    assert lines[-1] == ""
    last = await rest.get(limit=4, format="csv", offset=6)
    assert "x-next-cursor" not in last.headers
    assert last.headers["x-prev-cursor"]


async def test_null_is_empty_in_csv(rest: Rest) -> None:
    await rest.publish("2025-02-13", (TTF, prices([1e-7, 1e22, 0.1 + 0.2], spread=None)))
    rows = (await rest.get(format="csv", asof="2025-02-13")).text.split("\r\n")[1:-1]
    assert [row.split(",", 5)[-1] for row in rows] == ["1e-07,,,MID", "1e+22,,,MID", "0.30000000000000004,,,MID"]


@pytest.mark.parametrize(
    ("accepted", "coding"),
    [("gzip", "gzip"), ("br, *", "gzip"), ("gzip;q=0, br", None), ("identity", None), ("", None)],
)
async def test_bodies_of_500_bytes_and_more_are_compressed(rest: Rest, accepted: str, coding: str | None) -> None:
    async with rest.client.stream("GET", "/v1/curves", headers={"accept-encoding": accepted}) as response:
        body = b"".join([part async for part in response.aiter_raw()])
    assert response.headers.get("content-encoding") == coding
    assert int(response.headers["content-length"]) == len(body)
    assert len(orjson.loads(gzip.decompress(body) if coding else body)["data"]) == 9
    small = await rest.get(headers={"accept-encoding": accepted}, iso="none")
    assert "content-encoding" not in small.headers


# ------------------------------------------------------------------------------------------ 1.7 conditional requests


async def test_an_etag_is_of_what_is_answered_and_its_cursors(rest: Rest) -> None:
    response = await rest.get(limit=2)
    cursors = {name: response.json()["meta"][name] for name in ("next_cursor", "prev_cursor")}
    content = orjson.dumps({"data": response.json()["data"]}, option=orjson.OPT_SORT_KEYS)
    assert response.headers["etag"] == f'"{hashlib.sha256(orjson.dumps(cursors) + content).hexdigest()}"'
    assert (await rest.get(limit=2)).headers["etag"] == response.headers["etag"]
    others = [await rest.get(limit=3), await rest.get(limit=2, offset=1), await rest.get(limit=2, format="csv")]
    assert len({each.headers["etag"] for each in [response, *others]}) == 4


@pytest.mark.parametrize("known", ["{}", "W/{}", '"old", {} ', "*"])
async def test_what_is_known_is_not_sent_again(rest: Rest, known: str) -> None:
    etag = (await rest.get()).headers["etag"]
    response = await rest.get(headers={"if-none-match": known.format(etag)})
    assert (response.status_code, response.content) == (304, b"")
    assert (response.headers["etag"], response.headers["cache-control"]) == (etag, "private, max-age=120")
    await rest.publish("2025-02-13", (TTF, prices([9.0])))
    assert (await rest.get(headers={"if-none-match": etag})).status_code == 200


# ------------------------------------------------------------------------------------------------------ 1.8 errors


async def problem(response: httpx.Response, status: int) -> dict[str, Any]:
    assert response.status_code == status
    assert response.headers["content-type"] == "application/problem+json"
    assert response.headers["cache-control"] == "no-store"
    body: dict[str, Any] = response.json()
    assert (body["status"], body["request_id"]) == (status, response.headers["x-request-id"])
    assert body["type"].startswith("https://api.aurum.com/problems/")
    assert body["instance"] == response.request.url.path
    assert datetime.fromisoformat(body["timestamp"]).tzinfo is not None
    assert None not in body.values()
    return body


@pytest.mark.parametrize(
    ("query", "type_", "constraint"),
    [
        ({"limit": "0"}, "greater_than_equal", {"ge": 1}),
        ({"limit": "1001"}, "less_than_equal", {"le": 1000}),
        ({"limit": "many"}, "int_parsing", None),
        ({"offset": "-1"}, "greater_than_equal", {"ge": 0}),
        ({"asof": "12.02.2025"}, "date_parsing", None),
        ({"asof": "20250212"}, "date_parsing", None),
        ({"asof": "2025-02-30"}, "date_from_datetime_parsing", {"error": "day value is outside expected range"}),
        ({"asof": "1739318400"}, "date_parsing", None),
        ({"tenor_type": "STRIP"}, "literal_error", {"expected": "'MONTHLY', 'CALENDAR', 'SEASON' or 'QUARTER'"}),
        ({"format": "xml"}, "literal_error", {"expected": "'json' or 'csv'"}),
    ],
)
async def test_a_wrong_parameter_is_named(rest: Rest, query: dict[str, Any], type_: str, constraint: Any) -> None:
    body = await problem(await rest.get(**query), 422)
    ((name, value),) = query.items()
    assert body["title"] == "Unprocessable Entity"
    (detail,) = body["detail"]
    assert (detail["loc"], detail["type"]) == (["query", name], type_)
    error = {"field": name, "message": detail["msg"], "code": type_, "value": value}
    assert body["errors"] == [error if constraint is None else error | {"constraint": constraint}]


async def test_everything_wrong_is_named_at_once_and_empty_is_not_sent(rest: Rest) -> None:
    body = await problem(await rest.get(limit="0", asof="x", format="", tenor_type=""), 422)
    assert {error["field"] for error in body["errors"]} == {"asof", "limit"}


@pytest.mark.parametrize(
    ("error", "status", "detail", "more"),
    [
        (NotFound("curve not found"), 404, "Curve not found", {}),
        (Forbidden("this needs curves:read", scope="curves:read"), 403, "this needs curves:read", {}),
        (Conflict("it is there"), 409, "it is there", {}),
        (InvalidCursor("no cursor"), 400, "Invalid cursor", {}),
        (InvalidInput("too much", field="x"), 422, "too much", {"errors": [{"field": "x", "message": "too much"}]}),
        (Unavailable("busy"), 503, "busy",
         {"error": "service_unavailable", "message": "busy", "retry_after_seconds": 5}),
        (AurumError("secret"), 500, "An unexpected error occurred", {}),
        (ZeroDivisionError("secret"), 500, "An unexpected error occurred", {}),
    ],
)  # fmt: skip
async def test_each_failure_of_the_schema_is_a_row_of_the_contract(
    rest: Rest, monkeypatch: pytest.MonkeyPatch, error: Exception, status: int, detail: str, more: dict[str, Any]
) -> None:
    async def fails(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(type(rest.services.curves.quotes), "page", fails)
    response = await rest.get()
    body = await problem(response, status)
    assert body["detail"] == detail
    assert {name: body[name] for name in more} == more
    assert "secret" not in response.text
    assert response.headers.get("retry-after") == ("5" if status == 503 else None)
    assert response.headers.get("x-required-permission") == ("curves:read" if status == 403 else None)


async def test_a_failure_of_the_shim_is_masked_and_logged(
    rest: Rest, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fails(*_: object) -> None:
        raise ZeroDivisionError("secret")

    monkeypatch.setattr("aurum.rest.pages.AskedPage.neighbours", fails)
    response = await rest.get()
    assert (await problem(response, 500))["detail"] == "An unexpected error occurred"
    assert "secret" not in response.text
    assert response.headers["deprecation"]
    assert "secret" in caplog.text


def test_a_document_that_is_refused_is_our_fault() -> None:
    assert told("Cannot query field", {"code": "GRAPHQL_INVALID"}).status == 500


async def test_there_is_nothing_else(rest: Rest) -> None:
    for path in ("/v1/nothing", "/v2/curves/x/y", "/v1/curves/", "/v1/"):
        body = await problem(await rest.get(path), 404)
        assert (body["title"], body["detail"]) == ("Not Found Error", "Not Found")
    await problem(await rest.client.post("/v1/curves"), 404)


async def test_only_this_machine_is_answered(rest: Rest) -> None:
    transport = httpx.ASGITransport(rest.app, client=("10.0.0.1", 50000))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8000") as stranger:
        for path in ("/v1/curves", "/v1/nothing"):
            response = await stranger.get(path)
            body = await problem(response, 401)
            assert (body["error"], body["message"]) == ("unauthorized", body["detail"])
            assert response.headers["www-authenticate"] == "Bearer"
            assert "x-aurum-tenant" not in response.headers
        assert (await stranger.get("/health")).status_code == 200


# ----------------------------------------------------------------------------------------------------- 1.9 tenancy


@pytest.mark.parametrize(
    ("headers", "query", "status", "detail"),
    [
        ({"x-aurum-tenant": " Demo "}, {}, 200, ""),
        ({"x-tenant-id": "demo"}, {"tenant_id": "DEMO"}, 200, ""),
        ({"x-aurum-tenant": " "}, {"tenant_id": ""}, 200, ""),
        ({"x-aurum-tenant": "demo", "x-tenant-id": "other"}, {}, 200, ""),  # the left one counts
        ({"x-aurum-tenant": "other"}, {}, 403, "tenant mismatch"),
        ({"x-aurum-tenant": "demo"}, {"tenant_id": "other"}, 403, "tenant mismatch"),
        ({"x-tenant-id": "a/b"}, {}, 400, "Invalid tenant identifier"),
        ({"x-tenant-id": "other"}, {"tenant_id": "-a"}, 400, "Invalid tenant identifier"),
        ({}, {"tenant_id": "a" * 65}, 400, "Invalid tenant identifier"),
    ],
)
async def test_a_tenant_that_is_named_is_the_callers_own(
    rest: Rest, headers: dict[str, str], query: dict[str, str], status: int, detail: str
) -> None:
    response = await rest.get(headers=headers, **query)
    assert response.status_code == status
    assert response.headers.get("x-aurum-tenant") == ("demo" if status == 200 else None)
    if detail:
        assert (await problem(response, status))["detail"] == detail


# ------------------------------------------------------------------------------------------------------ 10.1 probes


@pytest.mark.parametrize(
    ("path", "status"),
    [("/health", "ok"), ("/healthz", "ok"), ("/health/live", "ok"), ("/live", "alive"), ("/livez", "alive")],
)
async def test_the_process_lives(rest: Rest, path: str, status: str) -> None:
    response = await rest.get(path, headers={"x-request-id": "probe-1"})
    assert response.json() == {"status": status, "request_id": "probe-1"}
    assert response.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("path", ["/ready", "/readyz"])
async def test_ready_while_the_database_answers(rest: Rest, monkeypatch: pytest.MonkeyPatch, path: str) -> None:
    response = await rest.get(path)
    checks = {"trino": True, "timescale": True, "redis": True}
    expected = {"status": "ready", "request_id": response.headers["x-request-id"], "checks": checks}
    assert (response.status_code, response.json()) == (200, expected)

    def unreachable() -> None:
        raise Unavailable("secret address")

    monkeypatch.setattr(rest.services.database, "read", unreachable)
    response = await rest.get(path)
    body = await problem(response, 503)
    assert body["detail"] == {"status": "unavailable", "checks": {"trino": False, "timescale": False, "redis": True}}
    assert response.headers["retry-after"] == "5"
    assert "secret" not in response.text


async def test_a_database_that_hangs_is_not_ready(rest: Rest, monkeypatch: pytest.MonkeyPatch) -> None:
    class Hanging:
        async def __aenter__(self) -> None:
            await asyncio.sleep(60)

        async def __aexit__(self, *_: object) -> None:
            pass

    monkeypatch.setattr("aurum.rest.health._PATIENCE_SECONDS", 0.01)
    monkeypatch.setattr(rest.services.database, "read", Hanging)
    await problem(await rest.get("/ready"), 503)
