"""The same operation, answered as an Arrow stream where that is what is accepted."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import httpx
import pyarrow as pa
import pytest

from aurum.graphql.arrow import flattened
from aurum.graphql.ids import node_id
from aurum.services import Services
from tests.api.conftest import Ask

ARROW = "application/vnd.apache.arrow.stream"
TTF = "eugp:eu/dutch_ttf/gas"
POINT = "tenor tenorType deliveryStart deliveryEnd mid bid ask cell bidAskCell withheld"


async def post(client: httpx.AsyncClient, query: str, accept: str = ARROW, **variables: Any) -> httpx.Response:
    return await client.post("/graphql", json={"query": query, "variables": variables}, headers={"accept": accept})


async def table(client: httpx.AsyncClient, query: str, **variables: Any) -> Any:
    response = await post(client, query, **variables)
    assert (response.status_code, response.headers["content-type"]) == (200, ARROW), response.text
    return pa.ipc.open_stream(response.content).read_all()


def plain(row: dict[str, Any]) -> dict[str, Any]:
    """As JSON has it."""
    instants = {name: value.isoformat() for name, value in row.items() if isinstance(value, (date, datetime))}
    return row | instants


async def test_points_of_a_curve_are_rows_to_the_bit(client: httpx.AsyncClient, ask: Ask, loaded: Services) -> None:
    query = f"query($key: String!) {{ curve(key: $key) {{ snapshot {{ points {{ {POINT} }} }} }} }}"
    found = await table(client, query, key=TTF)
    answer = await ask(query, key=TTF)
    assert [plain(row) for row in found.to_pylist()] == answer["data"]["curve"]["snapshot"]["points"]
    text = pa.dictionary(pa.int32(), pa.utf8())
    assert found.schema.types == [
        pa.utf8(), text, pa.date32(), pa.date32(), *[pa.float64()] * 3, pa.utf8(), pa.utf8(), pa.bool_(),
    ]  # fmt: skip
    assert found["mid"].null_count < found.num_rows
    assert not found.schema.field("tenor").nullable


async def test_columns_and_points_are_the_same_table(client: httpx.AsyncClient, loaded: Services) -> None:
    asked = (
        "{{ curves(first: 100) {{ nodes {{ key snapshot {{ asOf {} {{ tenor tenorType mid bid withheld }} }} }} }} }}"
    )
    points, columns = [await table(client, asked.format(name)) for name in ("points", "columns")]
    assert points.num_rows > 400
    assert points.equals(columns)


async def test_a_large_table_is_sent_as_it_is_written(
    client: httpx.AsyncClient, loaded: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    query = "{ curves(first: 100) { nodes { key snapshot { asOf points { tenor tenorType mid cell } } } } }"
    whole = await table(client, query)
    monkeypatch.setattr(flattened, "_AT_ONCE", 10)
    monkeypatch.setattr(flattened, "ROWS", 100)
    response = await post(client, query)
    assert "content-length" not in response.headers
    batches = list(pa.ipc.open_stream(response.content))
    assert [each.num_rows for each in batches] == [100, 100, 100, 100, whole.num_rows - 400]
    assert pa.Table.from_batches(batches).to_pylist() == whole.to_pylist()


async def test_what_is_around_a_list_is_repeated(client: httpx.AsyncClient, ask: Ask, loaded: Services) -> None:
    query = """{
      curves(first: 3) {
        totalCount pageInfo { endCursor }
        nodes {
          key measure currency { code } snapshot { id publishedAt version points { tenor mid } } unit { code factor }
        }
      }
    }"""
    found = await table(client, query)
    curves = (await ask(query))["data"]["curves"]
    expected = [
        {
            "totalCount": curves["totalCount"], "pageInfo.endCursor": curves["pageInfo"]["endCursor"],
            "key": curve["key"], "measure": curve["measure"], "currency.code": (curve["currency"] or {}).get("code"),
            "id": curve["snapshot"]["id"], "publishedAt": curve["snapshot"]["publishedAt"],
            "version": curve["snapshot"]["version"], **point,
            "unit.code": (curve["unit"] or {}).get("code"), "unit.factor": (curve["unit"] or {}).get("factor"),
        }
        for curve in curves["nodes"]
        for point in curve["snapshot"]["points"]
    ]  # fmt: skip
    assert [plain(row) for row in found.to_pylist()] == expected
    assert [*expected[0]] == found.column_names
    types = dict(zip(found.column_names, found.schema.types, strict=True))
    assert types["key"] == types["measure"] == pa.dictionary(pa.int32(), pa.utf8())
    assert types["publishedAt"] == pa.timestamp("us", "UTC")
    assert types["version"] == pa.int32()


async def test_any_list_of_snapshots_is_a_table(client: httpx.AsyncClient, ask: Ask, loaded: Services) -> None:
    snapshot = "asOf version points(tenorTypes: [MONTH]) { deliveryStart mid }"
    days = f'{{ curve(key: "{TTF}") {{ snapshots(asOf: {{first: "2025-02-13"}}) {{ nodes {{ {snapshot} }} }} }} }}'
    versions = f'{{ curve(key: "{TTF}") {{ versions(asOf: "2025-02-12") {{ {snapshot} }} }} }}'
    found = await table(client, days)
    assert sorted({day.isoformat() for day in found["asOf"].to_pylist()}) == ["2025-02-13", "2025-02-14"]
    found = await table(client, versions)
    assert 99.5 in found["mid"].to_pylist()
    assert set(found["version"].to_pylist()) == {1, 2}
    ids = (await ask(versions.replace(snapshot, "id")))["data"]["curve"]["versions"]
    nodes = f"query($ids: [ID!]!) {{ nodes(ids: $ids) {{ id ... on CurveSnapshot {{ {snapshot} }} }} }}"
    again = await table(client, nodes, ids=[each["id"] for each in ids] + [node_id("CurveSnapshot", 10**6)])
    assert again.drop_columns(["id"]).to_pylist() == found.to_pylist()
    quotes = await table(client, "{ quotes(first: 7) { edges { cursor node { curve { key } mid cell } } } }")
    assert (quotes.column_names, quotes.num_rows) == (["cursor", "node.curve.key", "node.mid", "node.cell"], 7)


async def test_lists_of_leaves_are_lists(client: httpx.AsyncClient, ask: Ask, loaded: Services) -> None:
    query = "{ asOfDates { asOf completeness lastPublishedAt missingVendors } }"
    found = await table(client, query)
    assert [plain(row) for row in found.to_pylist()] == (await ask(query))["data"]["asOfDates"]
    assert found.schema.field("missingVendors").type == pa.list_(pa.utf8())


async def test_nothing_there_is_a_table_without_rows(client: httpx.AsyncClient) -> None:
    found = await table(client, '{ curve(key: "eugp:none") { name snapshot { points { mid tenorType } } } }')
    assert (found.num_rows, found.column_names) == (0, ["name", "mid", "tenorType"])


async def test_get_and_costs_are_as_of_json(client: httpx.AsyncClient, loaded: Services) -> None:
    query = "{ curves(first: 2) { nodes { key } } }"
    headers = {"accept": ARROW, "x-show-cost": "true"}
    response = await client.get("/graphql", params={"query": query}, headers=headers)
    found = pa.ipc.open_stream(response.content).read_all()
    assert found.num_rows == 2
    assert found.schema.metadata[b"extensions"].startswith(b'{"cost":{"estimated":3')


async def test_an_error_in_one_row_leaves_no_table(client: httpx.AsyncClient, loaded: Services) -> None:
    query = '{ curves(first: 2) { nodes { key snapshot(knownAt: "2025-02-12T00:00:00") { points { mid } } } } }'
    response = await post(client, query)
    answer = response.json()
    assert (response.status_code, answer["data"]) == (422, None)
    assert answer["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"
