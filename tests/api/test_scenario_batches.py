"""Many runs at once: all queued or none, and read as one table, on both databases."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from aurum.auth import Principal, Scope, worker_principal
from aurum.errors import Forbidden
from aurum.graphql.ids import node_id, row_of
from aurum.scenarios.batches import service
from aurum.scenarios.runs.execution import execute
from aurum.services import Services
from tests.api.conftest import Ask, said
from tests.api.test_scenario_runs import FOLLOWED, GAS_UP, POWER, TTF, claimed, done, mids, queued, scenario
from tests.statements import statements_from_here

BATCH = "batch { id kind runs { position queued run { id state variation { label } } } } issues { code path } problems"
BATCH += " { code field message }"
SEVERAL = f"mutation($input: RunScenariosInput!) {{ runScenarios(input: $input) {{ {BATCH} }} }}"
SWEEP = f"mutation($input: SweepScenarioInput!) {{ sweepScenario(input: $input) {{ {BATCH} }} }}"
TORNADO = f"mutation($input: RunTornadoInput!) {{ runTornado(input: $input) {{ {BATCH} }} }}"
CANCEL = f"mutation($input: CancelScenarioBatchInput!) {{ cancelScenarioBatch(input: $input) {{ {BATCH} }} }}"
TABLE = """
query($id: ID!, $bucket: ComparisonBucket! = MONTH) { scenarioBatch(id: $id) { done table(bucket: $bucket) {
  totalCount rows(first: 500) { curve { key } label base values changes spread
    bars { position driver { type } up down range } } } } }
"""
POSITION = """
query($id: ID!, $holdings: [HoldingInput!]!) { scenarioBatch(id: $id) { position(holdings: $holdings) {
  currency base values changes bars { position up down range } } } }
"""
COUNTS = "{ scenarioRuns { totalCount } scenarioBatches { totalCount } }"
MARCH = {"deliveryStart": "2025-03-01", "deliveryEnd": "2025-04-01"}


@pytest.fixture(autouse=True)
def _no_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AURUM_SCENARIOS__PROCESSES", "0")


async def asked(ask: Ask, mutation: str, **given: Any) -> Any:
    answer = await said(ask, mutation, input=given)
    assert (answer["problems"], answer["issues"]) == ([], [])
    return answer["batch"]


async def worked(services: Services) -> None:
    while (claim := await services.scenario_runs.claim()) is not None:
        await execute(services.scenario_runs, claim)


def over(*values: Any) -> dict[str, Any]:
    return {"driver": 0, "parameter": "percent", "over": {"values": list(values)}}


async def counts(ask: Ask) -> tuple[int, int]:
    data = (await ask(COUNTS))["data"]
    return data["scenarioRuns"]["totalCount"], data["scenarioBatches"]["totalCount"]


async def test_a_sweep_is_a_run_for_each_value_and_one_table(loaded: Services, ask: Ask) -> None:
    of = await scenario(ask)
    batch = await asked(ask, SWEEP, scenario=of, driver=0, parameter="percent",
                        over={"range": {"start": -10, "end": 10, "steps": 3}})  # fmt: skip
    assert [(each["position"], each["queued"], (each["run"]["variation"] or {}).get("label")) for each in batch["runs"]
            ] == [(0, True, None), (1, True, "drivers.0: percent = -10"), (2, True, "drivers.0: percent = 0"),
                  (3, True, "drivers.0: percent = 10")]  # fmt: skip
    assert not (await said(ask, TABLE, id=batch["id"]))["done"]
    await worked(loaded)
    gas = await mids(ask, TTF)
    read = await said(ask, TABLE, id=batch["id"])
    rows = {(each["curve"]["key"], each["label"]): each for each in read["table"]["rows"]}
    assert read["done"]
    assert len(rows) == read["table"]["totalCount"] == 2 * len(gas)
    row = rows[TTF, "2025-03"]
    assert row["base"] == gas[1]
    assert row["values"] == pytest.approx([gas[1] * by for by in (1.2, 0.9, 1, 1.1)])
    assert row["changes"] == [value - gas[1] for value in row["values"]]
    assert rows[POWER, "2025-03"]["changes"] == pytest.approx([2 * gas[1] * by for by in (0.2, -0.1, 0, 0.1)])
    assert row["bars"] == []
    spreads = [each["spread"] for each in read["table"]["rows"]]
    assert spreads == sorted(spreads, reverse=True)
    # A run of it is a run: its curves, drivers and digests are what it says.
    third = batch["runs"][3]["run"]["id"]
    query = "query($id: ID!) { scenarioRun(id: $id) { variation { driver parameter value } drivers { payload } } }"
    told = await said(ask, query, id=third)
    assert told["variation"] == {"driver": 0, "parameter": "percent", "value": 10}
    assert told["drivers"][0]["payload"]["percent"] == 10
    assert await mids(ask, TTF, run=third) == pytest.approx([1.1 * mid for mid in gas])


async def test_a_tornado_has_a_bar_for_each_driver_the_longest_first(loaded: Services, ask: Ask) -> None:
    lift = {"shift": {"amount": 1, "unit": "EUR/MWh", "limits": {"curves": {"keys": [POWER]}}}}
    of = await scenario(ask, "Three", lift, GAS_UP, FOLLOWED)
    batch = await asked(ask, TORNADO, scenario=of, percent=50)
    await worked(loaded)
    gas, power = await mids(ask, TTF), await mids(ask, POWER)
    rows = (await said(ask, TABLE, id=batch["id"]))["table"]["rows"]
    (row,) = [each for each in rows if (each["curve"]["key"], each["label"]) == (POWER, "2025-03")]
    follows = 2 * 0.2 * gas[1]  # what power takes of gas: by half of it up and down, for the gas driver and the rate
    assert row["values"][0] == pytest.approx(power[1] + 1 + follows)
    assert [each["driver"]["type"] for each in row["bars"]][2] == "shift"
    assert [each["position"] for each in row["bars"]] in ([1, 2, 0], [2, 1, 0])  # the two differ by rounding alone
    for each, by in zip(row["bars"], (follows, follows, 1.0), strict=True):
        assert (each["up"], each["down"], each["range"]) == pytest.approx((by / 2, -by / 2, by))

    held = [{"curve": POWER, "quantity": 1000, **MARCH}, {"curve": TTF, "quantity": -2000, **MARCH}]
    position = (await said(ask, POSITION, id=batch["id"], holdings=held))["position"]
    assert (position["currency"], position["base"]) == ("EUR", pytest.approx(1000 * power[1] - 2000 * gas[1]))
    assert position["changes"][0] == pytest.approx(1000)  # what gas does to power, it does to twice the gas
    first = position["bars"][0]
    assert [first[name] for name in ("position", "up", "down", "range")] == pytest.approx(
        [2, 500 * follows, -500 * follows, 1000 * follows])  # fmt: skip
    assert [each["position"] for each in position["bars"]][:2] == [2, 0]

    alone = await asked(ask, TORNADO, scenario=of, percent=50, alone=True)
    await worked(loaded)
    rows = (await said(ask, TABLE, id=alone["id"]))["table"]["rows"]
    (row,) = [each for each in rows if (each["curve"]["key"], each["label"]) == (POWER, "2025-03")]
    bars = {each["position"]: (each["up"], each["down"]) for each in row["bars"]}
    assert bars[0] == (pytest.approx(1.5), pytest.approx(0.5))
    assert (bars[1], bars[2]) == ((0, 0), (0, 0))  # a rate without gas moves nothing, nor gas power without a rate


async def test_several_scenarios_are_run_at_once_each_once(loaded: Services, ask: Ask) -> None:
    one, other = await scenario(ask, "One"), await scenario(ask, "Other", GAS_UP)
    before = await queued(ask, one)
    given = {"runs": [{"scenario": one}, {"scenario": other, "idempotencyKey": "k-1"}, {"scenario": other}]}
    batch = await asked(ask, SEVERAL, **given, idempotencyKey="all-1")
    ids = [each["run"]["id"] for each in batch["runs"]]
    assert (ids[0], ids[1] == ids[2]) == (before, True)
    assert [each["queued"] for each in batch["runs"]] == [False, True, False]
    assert (await asked(ask, SEVERAL, **given, idempotencyKey="all-1"))["id"] == batch["id"]
    again = await asked(ask, SEVERAL, **given)
    assert again["id"] != batch["id"]
    assert [each["run"]["id"] for each in again["runs"]] == ids
    assert await counts(ask) == (2, 2)
    keys = {"runs": [{"scenario": other, "idempotencyKey": key} for key in ("k-1", "k-2", "k-3")]}
    seen = statements_from_here(loaded.database)
    await asked(ask, SEVERAL, **keys)
    # Before, and under the lock.
    assert len([each for each in seen if "scenario_run_keys.idempotency_key IN" in each]) == 2
    wrong = await said(ask, SEVERAL, input={"runs": [{"scenario": other}, {"scenario": one, "idempotencyKey": "k-1"}]})
    assert [(each["code"], each["field"]) for each in wrong["problems"]] == [("CONFLICT", "runs.1.idempotencyKey")]
    other_use = await said(ask, SEVERAL, input={"runs": [{"scenario": one}], "idempotencyKey": "all-1"})
    assert [(each["code"], each["field"]) for each in other_use["problems"]] == [("CONFLICT", "idempotencyKey")]
    answer = await ask(TABLE, id=batch["id"])
    assert [each["extensions"]["code"] for each in answer["errors"]] == ["BAD_USER_INPUT"]


async def test_what_is_wrong_with_one_names_its_field_and_nothing_is_queued(loaded: Services, ask: Ask) -> None:
    of, away, nobodys = await scenario(ask), await scenario(ask, "Away"), node_id("Scenario", 999)
    await said(ask, "mutation($i: PutAwayScenarioInput!) { archiveScenario(input: $i) { problems { code } } }",
               i={"id": away})  # fmt: skip
    for mutation, given, code, field in (
        (SEVERAL, {"runs": [{"scenario": of}, {"scenario": away}]}, "CONFLICT", "runs.1.scenario"),
        (SEVERAL, {"runs": [{"scenario": of}, {"scenario": of, "version": 7}]}, "NOT_FOUND", "runs.1.version"),
        (SEVERAL, {"runs": [{"scenario": of}, {"scenario": of, "seed": -1}]}, "BAD_USER_INPUT", "runs.1.seed"),
        (SEVERAL, {"runs": [{"scenario": of, "idempotencyKey": "k"}, {"scenario": of},
                            {"scenario": of, "idempotencyKey": "k"}]}, "BAD_USER_INPUT", "runs.2.idempotencyKey"),
        (SEVERAL, {"runs": [{"scenario": of}, {"scenario": "nonsense"}]}, "BAD_USER_INPUT", "runs.1.scenario"),
        (SEVERAL, {"runs": [{"scenario": of}, {"scenario": nobodys}]}, "NOT_FOUND", "runs.1.scenario"),
        (SWEEP, {"scenario": nobodys, **over(1)}, "NOT_FOUND", "scenario"),
        (TORNADO, {"scenario": "nonsense", "percent": 10}, "BAD_USER_INPUT", "scenario"),
        (SEVERAL, {"runs": []}, "BAD_USER_INPUT", "runs"),
        (SEVERAL, {"runs": [{"scenario": of}] * 101}, "BAD_USER_INPUT", "runs"),
        (SEVERAL, {"runs": [{"scenario": of, "simulation": {}}] * 11}, "BAD_USER_INPUT", "runs"),
        (SEVERAL, {"runs": [{"scenario": of}, {"scenario": of, "asOf": "2020-01-01"}]}, "INVALID_SCENARIO",
         "runs.1.filter"),
        (SWEEP, {"scenario": of, **over(1, -200)}, "INVALID_SCENARIO", "over.values.1"),
        (SWEEP, {"scenario": of, **over(*range(101))}, "INVALID_SCENARIO", "over.values"),
        (SWEEP, {"scenario": of, **over(1), "driver": 9}, "INVALID_SCENARIO", "driver"),
        (SWEEP, {"scenario": of, **over("one"), "parameter": "name"}, "INVALID_SCENARIO", "parameter"),
        (SWEEP, {"scenario": of, **over(1), "over": {"range": {"start": 0, "end": 1, "steps": 1}}}, "BAD_USER_INPUT",
         "over.range.steps"),
        (SWEEP, {"scenario": of, **over(1), "timeLimitSeconds": 0}, "BAD_USER_INPUT", "timeLimitSeconds"),
        (SWEEP, {"scenario": of, **over(1), "idempotencyKey": " "}, "BAD_USER_INPUT", "idempotencyKey"),
        (TORNADO, {"scenario": of, "percent": 0}, "BAD_USER_INPUT", "percent"),
        (TORNADO, {"scenario": away, "percent": 10}, "CONFLICT", "scenario"),
    ):  # fmt: skip
        refused = await said(ask, mutation, input=given)
        assert refused["batch"] is None
        assert [(each["code"], each["field"]) for each in refused["problems"]] == [(code, field)], given
    assert await counts(ask) == (0, 0)


async def test_a_number_is_swept_once_however_it_is_written(loaded: Services, ask: Ask) -> None:
    of = await scenario(ask)
    batch = await asked(ask, SWEEP, scenario=of, **over(1, 1.0, 0, -0.0))
    ids = [each["run"]["id"] for each in batch["runs"]]
    assert (ids[1], ids[3]) == (ids[2], ids[4])
    assert (await counts(ask))[0] == 3


async def test_a_batch_of_too_many_curves_is_refused(
    loaded: Services, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    of, every = await scenario(ask), over(1, 2)
    monkeypatch.setattr(service, "MOST_CURVES", 2)
    (problem,) = (await said(ask, SWEEP, input={"scenario": of, **every}))["problems"]
    assert problem["message"].startswith("at most 2 curves of all runs of a batch together")
    assert await counts(ask) == (0, 0)


async def test_a_batch_is_ended_but_for_what_others_have_asked_for(loaded: Services, ask: Ask) -> None:
    of = await scenario(ask)
    mine = await queued(ask, of)
    batch = await asked(ask, SWEEP, scenario=of, **over(1, 2))
    assert [each["queued"] for each in batch["runs"]] == [False, True, True]
    await asked(ask, CANCEL, id=batch["id"])
    ended = await asked(ask, CANCEL, id=batch["id"])
    assert [each["run"]["state"] for each in ended["runs"]] == ["QUEUED", "CANCELLED", "CANCELLED"]
    assert ended["runs"][0]["run"]["id"] == mine
    half = await asked(ask, SWEEP, scenario=of, **over(1, 2))  # cancelled runs block nothing
    await execute(loaded.scenario_runs, await claimed(loaded))
    rows = (await said(ask, TABLE, id=half["id"], bucket="ALL"))["table"]["rows"]
    assert {tuple(value is None for value in each["values"]) for each in rows} == {(False, True, True)}


async def test_a_varied_run_in_a_year_is_the_same_to_the_byte(loaded: Services, ask: Ask) -> None:
    of = await scenario(ask, asOf="2025-02-12", knownAt="2025-02-13T00:00:00Z")
    first = await asked(ask, SWEEP, scenario=of, **over(30))
    await worked(loaded)
    digests = "query($id: ID!) { scenarioRun(id: $id) { inputDigest outputDigest } }"
    told = await said(ask, digests, id=first["runs"][1]["run"]["id"])
    harder = {"scale": {"percent": 30, "limits": {"curves": {"keys": [TTF]}}}}
    plain = await done(ask, loaded, await scenario(ask, "Said", harder, FOLLOWED, asOf="2025-02-12",
                                                   knownAt="2025-02-13T00:00:00Z"))  # fmt: skip
    assert await said(ask, digests, id=plain) == told  # as if a scenario said so
    again = await asked(ask, SWEEP, scenario=of, version=1, **over(30))
    assert [each["run"]["id"] for each in again["runs"]] == [each["run"]["id"] for each in first["runs"]]


async def test_two_batches_of_the_same_at_once_queue_each_run_once(loaded: Services, ask: Ask) -> None:
    of = await scenario(ask)
    forward, backward = over(*range(8)), over(*range(7, -1, -1))
    both = await asyncio.gather(*(asked(ask, SWEEP, scenario=of, **each) for each in (forward, backward)))
    assert len({run["run"]["id"] for batch in both for run in batch["runs"]}) == 9
    assert (await counts(ask))[0] == 9


async def test_holdings_that_cannot_be_valued_are_refused(loaded: Services, ask: Ask) -> None:
    batch = await asked(ask, SWEEP, scenario=await scenario(ask), **over(1))
    await worked(loaded)
    for wrong, field in (
        ({"curve": "eugp:no/such/curve", "quantity": 1, **MARCH}, "holdings.0.curve"),
        ({"curve": "eugp:uk/nbp/gas", "quantity": 1, **MARCH}, "holdings.0.curve"),
        ({"curve": TTF, "quantity": 1, **MARCH, "deliveryEnd": "2025-03-15"}, "holdings.0.deliveryEnd"),
        ({"curve": TTF, "quantity": 1, **MARCH, "deliveryEnd": "2055-01-01"}, "holdings.0"),
        ({"curve": TTF, "quantity": 1e300, **MARCH}, "holdings.0.quantity"),
    ):
        answer = await ask(POSITION, id=batch["id"], holdings=[wrong])
        assert [each["extensions"]["field"] for each in answer["errors"]] == [field]
    assert [each["extensions"]["field"] for each in (await ask(POSITION, id=batch["id"], holdings=[]))["errors"]] == [
        "holdings"]  # fmt: skip


async def test_another_tenant_sees_no_batch_and_scopes_are_asked_for(loaded: Services, ask: Ask) -> None:
    batch = await asked(ask, SWEEP, scenario=await scenario(ask), **over(1))
    row, batches = row_of(batch["id"], "ScenarioBatch"), loaded.scenario_batches
    other = worker_principal("other")
    assert await batches.batches(other, [row]) == {}
    assert await batches.runs_of(other, [row]) == {}
    reader = Principal("demo", "reader", frozenset({Scope.SCENARIOS_READ, Scope.CURVES_READ}))
    with pytest.raises(Forbidden):
        await batches.cancel(reader, row)
    with pytest.raises(Forbidden):
        await batches.run_all(reader, [], None)
    listed = "query($s: ID) { scenarioBatches(scenario: $s) { totalCount nodes { id scenario { name } } } }"
    found = await said(ask, listed)
    assert found["nodes"] == [{"id": batch["id"], "scenario": {"name": "Gas up, power follows"}}]
    node = "query($id: ID!) { node(id: $id) { ... on ScenarioBatch { kind } } }"
    assert await said(ask, node, id=batch["id"]) == {"kind": "SWEEP"}


async def test_batches_with_their_runs_are_read_together(loaded: Services, ask: Ask) -> None:
    of = await scenario(ask)
    for values in ((1, 2, 3), (4, 5)):
        await asked(ask, SWEEP, scenario=of, **over(*values))
    seen = statements_from_here(loaded.database)
    query = "{ scenarioBatches { nodes { done runs { run { state drivers { type } scenario { name } } } } } }"
    assert len((await said(ask, query))["nodes"]) == 2
    assert len([each for each in seen if "SELECT" in each]) <= 6  # batches, members, runs, versions, scenarios
    del seen[:]
    await asked(ask, SWEEP, scenario=of, **over(*range(20, 60)))
    selects = [each for each in seen if each.lstrip().startswith("SELECT") and "advisory" not in each]
    assert len(selects) <= 20  # for any number of runs


async def test_a_table_has_curves_that_only_one_value_of_a_sweep_names(loaded: Services, ask: Ask) -> None:
    follows = {"heatRate": {"reference": TTF, "limits": {"curves": {"keys": [POWER]}}}}
    of = await scenario(ask, "All up", follows, {"scale": {"percent": 10}}, filter={"keys": [POWER]})
    peak = "eugp:eu/german/power/peak"
    batch = await asked(ask, SWEEP, scenario=of, driver=0, parameter="reference", over={"values": [peak]})
    await worked(loaded)
    rows = (await said(ask, TABLE, id=batch["id"], bucket="ALL"))["table"]["rows"]
    changes = {each["curve"]["key"]: [change > 0 for change in each["changes"]] for each in rows}
    assert changes == {POWER: [True, True], TTF: [True, False], peak: [False, True]}
