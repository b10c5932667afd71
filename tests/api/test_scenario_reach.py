"""Where a snapshot is read, a run of a scenario is read: movers, aggregates and exports, on both databases."""

from __future__ import annotations

import io
from typing import Any

import httpx
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from openpyxl import load_workbook
from sqlalchemy import text

from aurum.auth import Principal, Scope, worker_principal
from aurum.errors import Forbidden, NotFound
from aurum.exports.model import ExportFormat, Selection
from aurum.graphql.ids import row_of
from aurum.services import Services
from tests.api.conftest import Ask, said
from tests.api.test_exports import ended
from tests.api.test_scenario_batches import SWEEP, asked, worked
from tests.api.test_scenario_policies import registered
from tests.api.test_scenario_runs import FOLLOWED, GAS_UP, LOOK, POWER, TTF, done, mids, queued, scenario
from tests.statements import statements_from_here

MOVERS = """
query($from: SnapshotRef!, $to: SnapshotRef!, $by: MoveMeasure) {
  movers(from: $from, to: $to, by: $by, onePerCurve: false, first: 500) {
    curveCount comparedCount
    nodes { curve { key } tenor tenorType fromMid toMid change percent fromVersion toAsOf deviation { absence } } } }
"""
AGGREGATE = """
query($run: ID, $asOf: DateRange, $side: QuoteSide, $keys: [String!]) {
  aggregate(scenarioRun: $run, asOf: $asOf, side: $side, filter: {keys: $keys}, groupBy: {curve: true, asOf: DAY},
            measures: [MEAN, MAXIMUM], percentiles: [50]) {
    curveCount snapshotCount
    nodes { curve { key } asOf { first last } count missing mean maximum percentiles { value } } } }
"""


@pytest.fixture(autouse=True)
def _no_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    """The tests are the workers."""
    monkeypatch.setenv("AURUM_SCENARIOS__PROCESSES", "0")


async def test_movers_have_a_run_at_either_end(loaded: Services, ask: Ask) -> None:
    run = await done(ask, loaded, await scenario(ask))
    moved = await said(ask, MOVERS, **{"from": {}, "to": {"scenarioRun": run}})
    assert moved["comparedCount"] == 2  # of the curves that the run has
    gas, told = await mids(ask, TTF), await mids(ask, TTF, run=run)
    months = [each for each in moved["nodes"] if (each["curve"]["key"], each["tenorType"]) == (TTF, "MONTH")]
    assert sorted(each["fromMid"] for each in months) == sorted(gas)
    assert sorted(each["toMid"] for each in months) == sorted(told)
    assert {round(each["percent"], 9) for each in months} == {20}
    assert moved["nodes"][0]["curve"]["key"] == POWER  # moves by twice as much
    back = await said(ask, MOVERS, **{"from": {"scenarioRun": run}, "to": {}})
    assert [each["change"] for each in back["nodes"]] == [-each["change"] for each in moved["nodes"]]
    still = await said(ask, MOVERS, **{"from": {"scenarioRun": run}, "to": {"scenarioRun": run}})
    assert {each["change"] for each in still["nodes"]} == {0}
    scored = await said(ask, MOVERS, **{"from": {}, "to": {"scenarioRun": run}, "by": "ZSCORE"})
    assert {each["deviation"]["absence"] for each in scored["nodes"]} == {"SAME_DAY"}


async def test_movers_from_another_day_have_the_market_and_the_scenario(loaded: Services, ask: Ask) -> None:
    run = await done(ask, loaded, await scenario(ask))
    both = await said(ask, MOVERS, **{"from": {"asOf": "2025-02-13"}, "to": {"scenarioRun": run}})
    market = await said(ask, MOVERS, **{"from": {"asOf": "2025-02-13"}, "to": {}})
    scenario_ = await said(ask, MOVERS, **{"from": {}, "to": {"scenarioRun": run}})

    def by_point(found: Any) -> dict[tuple[str, str], float]:
        return {(each["curve"]["key"], each["tenor"]): each["change"] for each in found["nodes"]}

    first, second = by_point(market), by_point(scenario_)
    summed = {point: pytest.approx(first[point] + second[point], abs=1e-9) for point in by_point(both)}
    assert by_point(both) == summed != {}


async def test_what_is_not_converted_as_a_difference_is_as_movers(loaded: Services, ask: Ask) -> None:
    run = await done(ask, loaded, await scenario(ask))
    diff = f"""query($to: SnapshotRef!) {{ curve(key: "{TTF}") {{
        diff(from: {{}}, to: $to, unit: "therm") {{ unconverted }} }} }}"""
    refused = (await ask(diff, to={"scenarioRun": run}))["errors"][0]["extensions"]
    assert (refused["field"], "`movers`" in refused["hint"]) == ("unit", True)
    movers = f"""query($to: SnapshotRef!, $unit: String) {{
        movers(from: {{}}, to: $to, filter: {{keys: ["{TTF}"]}}, unit: $unit) {{ nodes {{ change }} }} }}"""
    megawatt_hours, therms = [await said(ask, movers, to={"scenarioRun": run}, unit=each) for each in ("MWh", "therm")]
    assert megawatt_hours["nodes"][0]["change"] == pytest.approx(34.12141633 * therms["nodes"][0]["change"])


async def test_an_aggregate_of_a_run_is_that_of_its_curves(loaded: Services, ask: Ask) -> None:
    run = await done(ask, loaded, await scenario(ask))
    found = await said(ask, AGGREGATE, run=run)
    assert (found["curveCount"], found["snapshotCount"]) == (2, 2)
    rows = {each["curve"]["key"]: each for each in found["nodes"] if each["curve"]}
    assert set(rows) == {TTF, POWER}
    for key, row in rows.items():
        told = await mids(ask, key, run=run)
        assert (row["count"], row["missing"]) == (len(told), 0)
        assert row["asOf"] == {"first": "2025-02-14", "last": "2025-02-14"}
        assert (row["mean"], row["maximum"]) == (pytest.approx(sum(told) / len(told)), max(told))
    alone = await said(ask, AGGREGATE, run=run, keys=[TTF])
    assert [each["curve"]["key"] for each in alone["nodes"]] == [TTF]


async def test_a_run_has_one_as_of_date_and_mids(loaded: Services, ask: Ask) -> None:
    run = await done(ask, loaded, await scenario(ask))
    for given, field in (
        ({"run": run, "asOf": {"first": "2025-02-01"}}, "scenarioRun"), ({"run": run, "side": "BID"}, "side"),
        ({}, "asOf"),
    ):  # fmt: skip
        refused = (await ask(AGGREGATE, **given))["errors"][0]["extensions"]
        assert (refused["code"], refused["field"]) == ("BAD_USER_INPUT", field)


async def test_a_run_that_has_not_succeeded_is_read_nowhere(loaded: Services, ask: Ask) -> None:
    run = await queued(ask, await scenario(ask))
    for query, given in ((MOVERS, {"from": {}, "to": {"scenarioRun": run}}), (AGGREGATE, {"run": run})):
        assert (await ask(query, **given))["errors"][0]["extensions"]["code"] == "CONFLICT"


async def test_another_tenants_run_is_told_to_nobody(loaded: Services, ask: Ask) -> None:
    run = row_of(await done(ask, loaded, await scenario(ask)), "ScenarioRun")
    stories, other = loaded.scenario_results, worker_principal("other")
    ours = Principal("demo", "reader", frozenset({Scope.CURVES_READ}))
    for ask_ in (stories.told(other, [run]), stories.days(other, run, [1]), stories.listed(other, run, [1])):
        with pytest.raises(NotFound):
            await ask_
    for refused in (stories.told(ours, [run]), stories.days(ours, run, [1]), stories.listed(ours, run, [1])):
        with pytest.raises(Forbidden):
            await refused


async def test_runs_are_read_with_the_same_statements_however_many_curves(loaded: Services, ask: Ask) -> None:
    of = await scenario(ask, "All", {"scale": {"percent": 1}}, filter=None)
    run = await done(ask, loaded, of)
    for query, given, most in (
        (MOVERS.replace("deviation { absence }", ""), {"from": {}, "to": {"scenarioRun": run}}, 8),
        (AGGREGATE, {"run": run}, 8),
        (PARTS.replace("driver { type }", ""), {"run": run}, 16),
    ):
        seen = statements_from_here(loaded.database)
        assert "errors" not in await ask(query, **given)
        assert 0 < len([each for each in seen if "SELECT" in each]) <= most


PARTS = """
query($run: ID!) { scenarioRun(id: $run) { curves(first: 20) { nodes {
  curve { key } base { columns { mid } } snapshot { columns { mid } }
  contributions { position amount } shapleyContributions { position driver { type } amount } } } } }
"""


async def test_what_each_driver_did_without_order_adds_up_to_the_last_bit(loaded: Services, ask: Ask) -> None:
    more = {"scale": {"percent": 10, "limits": {"curves": {"keys": [TTF]}}}}
    run = await done(ask, loaded, await scenario(ask, "Twice up, power follows", GAS_UP, more, FOLLOWED))
    found = {each["curve"]["key"]: each for each in (await said(ask, PARTS, run=run))["curves"]["nodes"]}
    for each in found.values():
        ends = zip(each["base"]["columns"]["mid"], each["snapshot"]["columns"]["mid"], strict=True)
        for at, (base, mid) in enumerate(ends):
            for parts in (each["contributions"], each["shapleyContributions"]):
                total = 0.0
                for part in parts:
                    total += part["amount"][at]
                assert base + total == mid
    gas, in_order = found[TTF]["shapleyContributions"], found[TTF]["contributions"]
    base = found[TTF]["base"]["columns"]["mid"][0]
    assert [each["amount"][0] / base for each in in_order] == pytest.approx([0.2, 0.12])
    assert [each["amount"][0] / base for each in gas] == pytest.approx([0.21, 0.11])
    power = found[POWER]["shapleyContributions"]
    assert [(each["position"], each["driver"]["type"]) for each in power] == [
        (0, "scale"), (1, "scale"), (2, "heat_rate")]  # fmt: skip
    # Power follows what is before it: nothing in a third of all orders, one of the two in a third, both in a third.
    assert power[2]["amount"][0] / base == pytest.approx(2 * ((0.2 + 0.1) / 2 + 0.32) / 3)


async def test_more_than_ten_drivers_are_refused_where_they_count(loaded: Services, ask: Ask) -> None:
    many = [{"scale": {"percent": 1, "limits": {"curves": {"keys": [TTF]}}}} for _ in range(11)]
    up = {"scale": {"percent": 2, "limits": {"curves": {"keys": [POWER]}}}}
    run = await done(ask, loaded, await scenario(ask, "Many", *many, up))
    one = "query($key: String!) { curve(key: $key) { id } }"
    ids = {key: (await said(ask, one, key=key))["id"] for key in (TTF, POWER)}
    query = """query($run: ID!, $curve: ID!) { scenarioRun(id: $run) { attribution(curve: $curve) {
      shapleyContributions { position } } } }"""
    refused = (await ask(query, run=run, curve=ids[TTF]))["errors"][0]["extensions"]
    assert (refused["code"], refused["issues"][0]["code"]) == ("INVALID_SCENARIO", "TOO_MANY_DRIVERS")
    assert (await said(ask, query, run=run, curve=ids[POWER]))["attribution"] == {
        "shapleyContributions": [{"position": 11}]}  # fmt: skip


async def test_parts_of_another_total_are_never_served(loaded: Services, ask: Ask) -> None:
    run = await done(ask, loaded, await scenario(ask))
    async with loaded.database.write() as transaction:
        await transaction.execute(text("UPDATE scenario_results SET mid = amounts WHERE mid IS NOT NULL"))
    refused = (await ask(PARTS, run=run))["errors"][0]["extensions"]
    assert refused["code"] == "CONFLICT"


EXPORT = """
mutation($input: CreateExportInput!) { createExport(input: $input) {
  export { id selection knownAt fileName } problems { code field } } }
"""


async def exported(client: httpx.AsyncClient, format_: str, **query: str) -> httpx.Response:
    return await client.get(f"/exports.{format_}", params=query)


def rows_of(data: bytes) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = pa.ipc.open_stream(data).read_all().to_pylist()
    return found


async def test_an_export_has_the_curves_of_a_run_beside_what_it_started_from(
    loaded: Services, ask: Ask, client: httpx.AsyncClient
) -> None:
    run = await done(ask, loaded, await scenario(ask, "=Gas up"))
    response = await exported(client, "arrows", scenario_run=run, tenor_type="MONTH")
    table = pa.ipc.open_stream(response.content).read_all()
    rows = table.to_pylist()
    assert {each["curve_key"] for each in rows} == {TTF, POWER}
    for key in (TTF, POWER):
        assert [each["mid"] for each in rows if each["curve_key"] == key] == await mids(ask, key, run=run)
        assert [each["base"] for each in rows if each["curve_key"] == key] == await mids(ask, key)
    assert {(each["bid"], each["cell"], each["scenario_run"]) for each in rows} == {(None, None, run)}
    looked = await said(ask, LOOK, id=run)
    told = {name.decode(): text.decode() for name, text in table.schema.metadata.items()}
    assert (told["aurum.scenario"], told["aurum.scenario_version"]) == ("=Gas up", "1")
    assert told["aurum.output_digest"] == looked["outputDigest"]
    etag = response.headers["etag"]  # a run never changes: no instant has to be named
    again = await client.get(
        "/exports.arrows", params={"scenario_run": run, "tenor_type": "MONTH"}, headers={"if-none-match": etag}
    )
    assert again.status_code == 304

    book = load_workbook(io.BytesIO((await exported(client, "xlsx", scenario_run=run, curve=TTF, unit="kWh")).content))
    about = {row[0]: row[1] for row in book["About"].iter_rows(max_col=2, values_only=True) if row[0]}
    assert (about["Scenario run"], about["Scenario"]) == (run, "version 1 of =Gas up")
    assert about["Input digest"] == f"SHA-256 {looked['inputDigest']}"
    assert about["Drivers"] == "scale, then heat_rate"
    header, first, *_ = book["Points"].iter_rows(values_only=True)
    point: dict[Any, Any] = dict(zip(header, first, strict=True))
    assert point["mid"] == pytest.approx(1.2 * point["base"])
    assert point["base"] == pytest.approx((await mids(ask, TTF))[0] / 1000)
    csv, parquet = [(await exported(client, each, scenario_run=run)).content for each in ("csv", "parquet")]
    assert csv.count(run.encode()) == pq.read_table(io.BytesIO(parquet)).num_rows


async def test_a_job_exports_a_run_to_whoever_may_read_runs(
    loaded: Services, ask: Ask, client: httpx.AsyncClient
) -> None:
    run = await done(ask, loaded, await scenario(ask))
    asked = {"format": "CSV", "scenarioRun": run, "filter": {"keys": [TTF]}}
    export = (await said(ask, EXPORT, input=asked))["export"]
    assert export["fileName"] == f"curves of scenario run {row_of(run, 'ScenarioRun')}.csv"
    finished = await ended(ask, export["id"])
    assert finished["state"] == "SUCCEEDED"
    at_once = await client.get(f"/exports.csv?{export['selection']}")
    assert (await client.get(finished["url"])).content == at_once.content
    id_ = row_of(export["id"], "Export")
    with pytest.raises(Forbidden):
        await loaded.exports.file(Principal("demo", "reader", frozenset({Scope.CURVES_READ})), id_)


async def test_an_export_of_a_run_is_refused_where_it_would_not_be_that(
    loaded: Services, ask: Ask, client: httpx.AsyncClient
) -> None:
    of = await scenario(ask)
    run = await done(ask, loaded, of)
    waits = await queued(ask, of, seed=1)
    for query, status in (
        ({"scenario_run": waits}, 409), ({"scenario_run": run, "as_of": "2025-02-14"}, 422),
        ({"scenario_run": run, "as_of_from": "2025-02-14"}, 422),
        ({"scenario_run": run, "known_at": "2025-02-14T00:00:00Z"}, 422),
    ):  # fmt: skip
        assert (await exported(client, "csv", **query)).status_code == status
    refused = await said(ask, EXPORT, input={"format": "CSV", "scenarioRun": waits})
    assert (refused["export"], refused["problems"]) == (None, [{"code": "CONFLICT", "field": "scenarioRun"}])
    selection = Selection(scenario_run=row_of(run, "ScenarioRun"))
    with pytest.raises(NotFound):
        await loaded.exports.plan(worker_principal("other"), selection, ExportFormat.CSV)
    for scope in (Scope.CURVES_READ, Scope.SCENARIOS_READ):
        with pytest.raises(Forbidden):
            await loaded.exports.plan(Principal("demo", "reader", frozenset({scope})), selection, ExportFormat.CSV)


COMPARED = """
query($runs: [ID!]!) { compareRuns(runs: $runs, bucket: QUARTER, by: PERCENT) { differences(first: 1000) {
  curve { key } label spread values { base value move contributions { position amount } } } } }
"""


async def test_a_comparison_is_exported_as_one_table(loaded: Services, ask: Ask, client: httpx.AsyncClient) -> None:
    up = await done(ask, loaded, await scenario(ask))
    down = {"scale": {"percent": -10, "limits": {"curves": {"keys": [TTF]}}}}
    other = await done(ask, loaded, await scenario(ask, "=Down", down, filter={"keys": [TTF]}))
    asked = {"compare_run": [up, other], "bucket": "quarter", "by": "PERCENT"}
    response = await client.get("/exports.arrows", params=asked)
    rows = rows_of(response.content)
    found = (await said(ask, COMPARED, runs=[up, other]))["differences"]
    flat = [
        (run, each["curve"]["key"], each["label"], value["base"], value["value"], value["move"], each["spread"])
        for each in found for run, value in zip((up, other), each["values"], strict=True) if value is not None
    ]  # fmt: skip
    names = ("scenario_run", "curve_key", "delivery", "base", "value", "difference", "spread")
    assert [tuple(each[name] for name in names) for each in rows] == flat
    for row in rows:
        assert row["driver_0"] + (row["driver_1"] or 0.0) == pytest.approx(row["difference"])
        assert (row["driver_1"] is None) is (row["scenario_run"] == other)
        assert (row["currency"], row["unit"]) == ("EUR", "MWh")
    assert {each["scenario_run"] for each in rows if each["curve_key"] == POWER} == {up}  # the other does not have it
    assert {each["variation"] for each in rows} == {None}
    assert response.headers["x-aurum-points"] == str(len(rows))

    book = load_workbook(io.BytesIO((await client.get("/exports.xlsx", params=asked)).content))
    assert book.sheetnames == ["About", "Differences"]
    told = [row[1] for row in book["About"].iter_rows(max_col=2, values_only=True)]
    assert [each for each in told if str(each).startswith("version")] == [
        "version 1 of Gas up, power follows", "version 1 of =Down"]  # fmt: skip
    header, *sheet = book["Differences"].iter_rows(values_only=True)
    assert header[-2:] == ("driver_0", "driver_1")
    assert len(sheet) == len(rows)
    csv, parquet = [(await client.get(f"/exports.{each}", params=asked)).content for each in ("csv", "parquet")]
    assert csv.count(b"\r\n") - 1 == pq.read_table(io.BytesIO(parquet)).num_rows == len(rows)

    job = (await said(ask, EXPORT, input={"format": "CSV", "compareRuns": [up, other], "bucket": "QUARTER",
                                          "by": "PERCENT"}))["export"]  # fmt: skip
    finished = await ended(ask, job["id"])
    assert (finished["state"], (await client.get(finished["url"])).content) == ("SUCCEEDED", csv)
    wrong: list[dict[str, Any]] = [{"compareRuns": []}, {"compareRuns": [up], "unit": "kWh"}, {"bucket": "MONTH"}]
    for given in wrong:
        problems = (await said(ask, EXPORT, input={"format": "CSV", **given}))["problems"]
        assert [each["code"] for each in problems] == ["BAD_USER_INPUT"]
    assert (await client.get("/exports.csv", params={"compare_run": [up, up]})).status_code == 422


async def test_a_varied_run_is_attributed_and_exported_as_it_was_varied(
    loaded: Services, ask: Ask, client: httpx.AsyncClient
) -> None:
    """With a policy of the tenant's own beside the driver that is varied."""
    await registered(ask, {"scale": {"percent": 10, "limits": {"curves": {"keys": [TTF]}}}})
    of = await scenario(ask, "Both", GAS_UP, {"policy": {"policyName": "Coal exit"}})
    batch = await asked(ask, SWEEP, scenario=of, driver=0, parameter="percent", over={"values": [30]})
    await worked(loaded)
    (varied,) = [each["run"]["id"] for each in batch["runs"] if each["run"]["variation"]]
    (gas,) = [
        each for each in (await said(ask, PARTS, run=varied))["curves"]["nodes"] if each["curve"]["key"] == TTF
    ]  # fmt: skip
    base = gas["base"]["columns"]["mid"][0]
    parts = [each["amount"][0] / base for each in gas["shapleyContributions"]]
    assert parts == pytest.approx([0.3 + 0.015, 0.1 + 0.015])
    book = load_workbook(io.BytesIO((await exported(client, "xlsx", scenario_run=varied)).content))
    about = {row[0]: row[1] for row in book["About"].iter_rows(max_col=2, values_only=True) if row[0]}
    assert (about["Varied"], about["Drivers"]) == ("drivers.0: percent = 30", "scale, then policy")
