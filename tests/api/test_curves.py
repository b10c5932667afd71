"""Curves as GraphQL answers them, on SQLite and on PostgreSQL."""

from __future__ import annotations

import base64
from typing import Any

import orjson
import pytest

from aurum.services import Services
from tests.api.conftest import Ask, data
from tests.statements import statements_from_here

pytestmark = pytest.mark.usefixtures("loaded")


async def test_the_first_query_of_the_readme(ask: Ask) -> None:
    curve = (
        await data(
            ask,
            """{ curve(key: "eugp:eu/dutch_ttf/gas") {
                name currency { code } unit { code }
                snapshot { asOf version publishedAt
                  points(tenorTypes: [MONTH]) { tenor deliveryStart deliveryEnd mid bid ask cell bidAskCell } } } }""",
        )
    )["curve"]
    assert (curve["name"], curve["currency"]["code"], curve["unit"]["code"]) == ("TTF (Dutch) gas", "EUR", "MWh")
    snapshot = curve["snapshot"]
    assert (snapshot["asOf"], snapshot["version"], snapshot["publishedAt"]) == (
        "2025-02-14", 1, "2025-02-14T22:15:00+00:00",
    )  # fmt: skip
    first = snapshot["points"][0]
    assert (first["tenor"], first["deliveryStart"], first["deliveryEnd"]) == ("2025-02", "2025-02-01", "2025-03-01")
    assert first["bid"] < first["mid"] < first["ask"]
    assert (first["cell"], first["bidAskCell"]) == ("Fixed Prices - Mid!D12", "Fixed Prices - BidAsk!D12")


async def test_what_was_it_and_what_was_known_when(ask: Ask) -> None:
    curve = (
        await data(
            ask,
            """{ curve(key: "eugp:eu/dutch_ttf/gas") {
                now: snapshot(asOf: "2025-02-12") { version supersededAt columns(tenorTypes: [MONTH]) { mid } }
                then: snapshot(asOf: "2025-02-12", knownAt: "2025-02-13T07:39:59Z") {
                  version supersededAt columns(tenorTypes: [MONTH]) { mid } }
                before: snapshot(knownAt: "2025-02-12T22:14:59Z") { version }
                sunday: snapshot(asOf: "2025-02-16") { asOf }
                versions(asOf: "2025-02-12") { version source { name } } } }""",
        )
    )["curve"]
    assert curve["now"]["version"] == 2
    assert curve["now"]["columns"]["mid"][1] == pytest.approx(99.5)
    assert curve["now"]["supersededAt"] is None
    assert curve["then"]["version"] == 1
    assert curve["then"]["columns"]["mid"][1] != pytest.approx(99.5)
    assert curve["then"]["supersededAt"] == "2025-02-13T07:40:00+00:00"
    assert curve["before"] is None
    assert curve["sunday"]["asOf"] == "2025-02-14"
    assert [version["version"] for version in curve["versions"]] == [2, 1]
    assert curve["versions"][0]["source"]["name"].startswith("EOD_EUGP_20250212")


async def test_known_at_needs_a_time_zone(ask: Ask) -> None:
    answer = await ask('{ curve(key: "eugp:eu/dutch_ttf/gas") { snapshot(knownAt: "2025-02-13T07:00:00") { asOf } } }')
    assert answer["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"
    assert "time zone" in answer["errors"][0]["message"]


async def test_columns_are_the_points(ask: Ask) -> None:
    snapshot = (
        await data(
            ask,
            """{ curve(key: "eugp:eu/german/power/peak") { snapshot {
                points { tenor tenorType deliveryStart deliveryEnd mid bid ask }
                columns { tenor tenorType deliveryStart deliveryEnd mid bid ask } } } }""",
        )
    )["curve"]["snapshot"]
    columns = snapshot["columns"]
    rows = [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]
    assert rows == snapshot["points"]


async def test_points_of_a_delivery_range_lie_within_it(ask: Ask) -> None:
    points = (
        await data(
            ask,
            """{ curve(key: "eugp:eu/dutch_ttf/gas") { snapshot {
                points(delivery: {start: "2025-03-01", end: "2025-05-01"}) { tenor } } } }""",
        )
    )["curve"]["snapshot"]["points"]
    assert [point["tenor"] for point in points] == ["2025-03", "2025-04"]


async def test_curves_are_filtered_searched_and_sorted(ask: Ask) -> None:
    query = """query($filter: CurveFilter, $search: String, $order: [CurveOrder!]) {
        curves(filter: $filter, search: $search, orderBy: $order, first: 100) {
          totalCount nodes { key name product } } }"""
    gas = (await data(ask, query, filter={"products": ["GAS"], "regions": ["uk"]}))["curves"]
    assert [curve["key"] for curve in gas["nodes"]] == ["eugp:uk/nbp/gas", "eugp:uk/nbp_usdmmbtu/gas"]
    assert gas["totalCount"] == 2
    found = (await data(ask, query, search="german PEAK", filter={"measures": ["PRICE"]}))["curves"]["nodes"]
    assert {curve["key"] for curve in found} == {"eugp:eu/german/power/peak", "eugp:eu/german%2faustrian/power/peak"}
    order = [{"field": "PRODUCT", "direction": "DESC"}, {"field": "NAME"}]
    rows = (await data(ask, query, order=order))["curves"]["nodes"]
    expected = sorted(rows, key=lambda row: row["name"])
    assert rows == sorted(expected, key=lambda row: row["product"], reverse=True)
    assert (await data(ask, query, search="100%"))["curves"]["totalCount"] == 0


@pytest.mark.parametrize("order", [[], [{"field": "NAME", "direction": "DESC"}], [{"field": "ASSET_CLASS"}]])
async def test_paging_forwards_and_backwards_gives_every_curve_once(ask: Ask, order: list[dict[str, str]]) -> None:
    query = """query($order: [CurveOrder!], $first: Int, $after: String, $last: Int, $before: String) {
        curves(orderBy: $order, first: $first, after: $after, last: $last, before: $before) {
          nodes { key } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }"""
    everything = [node["key"] for node in (await data(ask, query, order=order, first=200))["curves"]["nodes"]]
    assert len(everything) == len(set(everything)) == 83
    forwards: list[str] = []
    after = None
    while True:
        page = (await data(ask, query, order=order, first=30, after=after))["curves"]
        assert page["pageInfo"]["hasPreviousPage"] is (after is not None)
        forwards += [node["key"] for node in page["nodes"]]
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            break
    assert forwards == everything
    page = (await data(ask, query, order=order, last=30, before=after))["curves"]
    assert [node["key"] for node in page["nodes"]] == everything[-31:-1]
    assert page["pageInfo"]["hasPreviousPage"] is True


@pytest.mark.parametrize("instant", ["9999-12-31T23:59:59-12:00", "0001-01-01T00:00:00+12:00"])
async def test_an_instant_beyond_the_calendar_is_the_callers_mistake(ask: Ask, instant: str) -> None:
    answer = await ask(f'{{ curve(key: "eugp:uk/nbp/gas") {{ snapshot(knownAt: "{instant}") {{ asOf }} }} }}')
    assert answer["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ('first: 10, after: "bad cursor"', "INVALID_CURSOR"),
        ('first: 10, after: "WyJjdXJ2ZXMga2V5IiwxMjNd"', "INVALID_CURSOR"),
        ("first: 501", "BAD_USER_INPUT"),
        ("first: -1", "BAD_USER_INPUT"),
        ("first: 1, last: 1", "BAD_USER_INPUT"),
        ("orderBy: [{field: NAME}, {field: NAME}]", "BAD_USER_INPUT"),
    ],
)
async def test_what_a_page_cannot_be_is_refused_with_a_code(ask: Ask, arguments: str, code: str) -> None:
    answer = await ask(f"{{ curves({arguments}) {{ nodes {{ key }} }} }}")
    assert answer["errors"][0]["extensions"]["code"] == code


async def test_snapshots_of_a_range_page_by_page(ask: Ask) -> None:
    query = """query($after: String) { curve(key: "eugp:eu/dutch_ttf/gas") {
        snapshots(asOf: {first: "2025-02-12"}, first: 2, after: $after) {
          nodes { asOf version } pageInfo { hasNextPage endCursor } } } }"""
    page = (await data(ask, query))["curve"]["snapshots"]
    assert page["nodes"] == [{"asOf": "2025-02-12", "version": 2}, {"asOf": "2025-02-13", "version": 1}]
    assert page["pageInfo"]["hasNextPage"] is True
    page = (await data(ask, query, after=page["pageInfo"]["endCursor"]))["curve"]["snapshots"]
    assert page["nodes"] == [{"asOf": "2025-02-14", "version": 1}]
    assert page["pageInfo"]["hasNextPage"] is False


async def test_snapshots_of_a_range_from_its_end(ask: Ask) -> None:
    query = """query($before: String) { curve(key: "eugp:eu/dutch_ttf/gas") {
        snapshots(asOf: {first: "2025-02-12"}, last: 2, before: $before) {
          nodes { asOf } pageInfo { hasNextPage hasPreviousPage startCursor } } } }"""
    page = (await data(ask, query))["curve"]["snapshots"]
    assert page["nodes"] == [{"asOf": "2025-02-13"}, {"asOf": "2025-02-14"}]
    assert (page["pageInfo"]["hasPreviousPage"], page["pageInfo"]["hasNextPage"]) == (True, False)
    page = (await data(ask, query, before=page["pageInfo"]["startCursor"]))["curve"]["snapshots"]
    assert page["nodes"] == [{"asOf": "2025-02-12"}]
    assert (page["pageInfo"]["hasPreviousPage"], page["pageInfo"]["hasNextPage"]) == (False, True)


async def test_as_of_dates_say_how_complete_they_are(ask: Ask) -> None:
    days = (await data(ask, "{ asOfDates { asOf curveCount knownCurveCount completeness } }"))["asOfDates"]
    assert [day["asOf"] for day in days] == ["2025-02-12", "2025-02-13", "2025-02-14"]
    assert all(day["curveCount"] == day["knownCurveCount"] == 83 and day["completeness"] == 1 for day in days)
    query = """{ asOfDates(knownAt: "2025-02-13T23:00:00Z") { asOf }
        curve(key: "eugp:uk/nbp/gas") { lastAsOf(knownAt: "2025-02-12T23:00:00Z") } }"""
    then = await data(ask, query)
    assert [day["asOf"] for day in then["asOfDates"]] == ["2025-02-12", "2025-02-13"]
    assert then["curve"] == {"lastAsOf": "2025-02-12"}
    query = '{ asOfDates(filter: {products: ["carbon"]}, range: {first: "2025-02-13"}) { asOf curveCount } }'
    assert (await data(ask, query))["asOfDates"] == [
        {"asOf": "2025-02-13", "curveCount": 2},
        {"asOf": "2025-02-14", "curveCount": 2},
    ]


async def test_dimensions_count_the_chosen_curves(ask: Ask) -> None:
    query = """{ dimensions(names: [PRODUCT, BLOCK], filter: {measures: [PRICE]}, prefix: "", limit: 10) {
        dimension values { value count } } }"""
    products, blocks = (await data(ask, query))["dimensions"]
    assert products["values"] == [
        {"value": "carbon", "count": 2}, {"value": "gas", "count": 11}, {"value": "power", "count": 35},
    ]  # fmt: skip
    assert {value["value"] for value in blocks["values"]} == {"BASE", "PEAK"}
    query = '{ dimensions(names: [LOCATION], prefix: "dutch") { values { value } } }'
    values = (await data(ask, query))["dimensions"][0]["values"]
    assert [value["value"] for value in values] == ["Dutch", "Dutch_TTF", "Dutch_TTF_USDMMBTU"]


async def test_a_measure_is_told_as_the_filter_takes_it(ask: Ask) -> None:
    told = "dimensions(names: [MEASURE]) { values { value } }"
    query = f"""{{ {told} quoteFacets {{ {told} }}
      aggregate(asOf: {{first: "2025-02-13", last: "2025-02-13"}}, groupBy: {{dimensions: [MEASURE]}}) {{
        nodes {{ measure keys {{ value }} }} }} }}"""
    found = await data(ask, query)
    measures = [{"value": "PRICE"}, {"value": "SPARK_SPREAD"}]
    assert found["dimensions"] == found["quoteFacets"]["dimensions"] == [{"values": measures}]
    rows = found["aggregate"]["nodes"]
    assert {row["measure"] for row in rows} == {"PRICE", "SPARK_SPREAD"}
    assert all(row["keys"] == [{"value": row["measure"]}] for row in rows)


async def test_a_spark_spread_names_its_gas_leg(ask: Ask) -> None:
    curve = (
        await data(
            ask,
            """{ curve(key: "eugp:eu/dutch/power/base~spark_spread~dutch_ttf") {
                measure legName leg { key } snapshot { points { mid bid } } } }""",
        )
    )["curve"]
    assert (curve["measure"], curve["legName"], curve["leg"]["key"]) == (
        "SPARK_SPREAD", "Dutch_TTF", "eugp:eu/dutch_ttf/gas",
    )  # fmt: skip
    assert curve["snapshot"]["points"][0]["bid"] is None


async def test_everything_can_be_fetched_again_by_its_id(ask: Ask) -> None:
    found = await data(
        ask,
        """{ curve(key: "eugp:eu/dutch_ttf/gas") { id snapshot { id source { id } } }
             ingestionRuns(first: 1) { nodes { id } } }""",
    )
    ids = [
        found["curve"]["id"],
        found["curve"]["snapshot"]["id"],
        found["curve"]["snapshot"]["source"]["id"],
        found["ingestionRuns"]["nodes"][0]["id"],
    ]
    query = "query($ids: [ID!]!) { nodes(ids: $ids) { id __typename } }"
    nodes = (await data(ask, query, ids=[*ids, "Q3VydmU6OTk5OTk5"]))["nodes"]
    assert [node and node["id"] for node in nodes] == [*ids, None]
    assert [node["__typename"] for node in nodes[:4]] == ["Curve", "CurveSnapshot", "SourceFile", "IngestionRun"]
    assert (await data(ask, "query($id: ID!) { node(id: $id) { ... on Curve { key } } }", id=ids[0]))["node"] == {
        "key": "eugp:eu/dutch_ttf/gas"
    }
    answer = await ask('{ node(id: "nonsense") { id } }')
    assert answer["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"


async def test_a_page_of_fifty_curves_with_snapshots_takes_a_fixed_number_of_statements(
    ask: Ask, services: Services
) -> None:
    query = """query($first: Int!) { curves(first: $first) { nodes {
        key leg { key } firstAsOf asOfCount unitVersions { source }
        snapshot(asOf: "2025-02-13") { asOf supersededAt points { mid cell } source { name } curve { key } } } } }"""
    await data(ask, query, first=50)  # shared tenor grids are kept once they are read
    statements = statements_from_here(services.database)
    counts = []
    for first in (5, 50):
        statements.clear()
        nodes = (await data(ask, query, first=first))["curves"]["nodes"]
        assert len(nodes) == first
        assert all(node["snapshot"]["points"] for node in nodes)
        counts.append(len([each for each in statements if each.lstrip().startswith(("SELECT", "WITH"))]))
    # the newest event, curves, coverage, unit versions, legs, superseded, files, the snapshots' curves; the
    # snapshots, and the page of fifty, are known
    assert counts == [8, 7], statements


@pytest.mark.parametrize("forged", [{"on": "0001-01-01"}, {"on": "9999-12-31"}, {"at": "2025-02-13T00:00:00"}, 5])
@pytest.mark.parametrize("page", ["first: 2, after", "last: 2, before"])
async def test_a_forged_cursor_of_days_is_an_error_of_the_client(ask: Ask, page: str, forged: Any) -> None:
    snapshots = 'curve(key: "eugp:eu/dutch_ttf/gas") { snapshots(asOf: {}, %s) { pageInfo { endCursor } } }'
    found = await data(ask, f"{{ {snapshots % 'first: 1'} }}")
    order, _ = orjson.loads(base64.urlsafe_b64decode(found["curve"]["snapshots"]["pageInfo"]["endCursor"] + "=="))
    cursor = base64.urlsafe_b64encode(orjson.dumps([order, forged])).decode()
    answer = await ask(f"{{ {snapshots % f'{page}: {orjson.dumps(cursor).decode()}'} }}")
    assert [error["extensions"]["code"] for error in answer["errors"]] == ["INVALID_CURSOR"]


@pytest.mark.parametrize(
    ("fields", "name"),
    [
        ('snapshots(asOf: {first: "2025-02-14", last: "2025-02-13"}) { nodes { asOf } }', "asOf"),
        ('snapshot { points(delivery: {start: "2026-01-01", end: "2025-12-01"}) { mid } }', "delivery"),
    ],
)
async def test_swapped_days_are_refused_and_do_not_look_like_no_prices(ask: Ask, fields: str, name: str) -> None:
    (error,) = (await ask(f'{{ curve(key: "eugp:eu/dutch_ttf/gas") {{ {fields} }} }}'))["errors"]
    assert (error["extensions"]["code"], error["extensions"]["field"]) == ("BAD_USER_INPUT", name)


@pytest.mark.parametrize(
    ("argument", "text", "example"),
    [("asOf: Date", "14.02.2025", "2025-02-12"), ("knownAt: DateTime", "yesterday", "2025-02-12T22:15:00Z"),
     ("asOf: Date", 20250214, "2025-02-12")],
)  # fmt: skip
async def test_who_writes_a_date_otherwise_is_told_how_it_is_written(
    ask: Ask, argument: str, text: str | int, example: str
) -> None:
    name, type_ = argument.split(": ")
    curve = f'curve(key: "eugp:eu/dutch_ttf/gas") {{ snapshot({name}: %s) {{ asOf }} }}'
    literal = await ask("{ " + curve % orjson.dumps(text).decode() + " }")
    variable = await ask(f"query ($given: {type_}) {{ {curve % '$given'} }}", given=text)
    written = len('{ curve(key: "eugp:eu/dutch_ttf/gas") { snapshot(') + len(name) + len(": ")
    assert literal["errors"][0]["locations"] == [{"line": 1, "column": written + 1}]
    for (error,) in (literal["errors"], variable["errors"]):
        assert error["message"].endswith(f'Value cannot represent a {type_}: {text!r}. It is written as "{example}".')
        assert error["extensions"]["code"] == "GRAPHQL_INVALID"
