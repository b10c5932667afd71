"""Runs of scenarios: asked for once, computed once, and read as any curve, on both databases."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest

from aurum.auth import Principal, Scope, worker_principal
from aurum.errors import Forbidden
from aurum.graphql.ids import row_of
from aurum.ingestion.graphql.events import event_of
from aurum.scenarios.digest import output_digest
from aurum.scenarios.model import Issue, Outcome, Severity
from aurum.scenarios.refusals import refused
from aurum.scenarios.runs.execution import execute
from aurum.scenarios.runs.model import Claim, RunState
from aurum.services import Services
from tests.api.conftest import Ask, said
from tests.statements import statements_from_here

TTF, POWER = "eugp:eu/dutch_ttf/gas", "eugp:eu/german/power/base"
GAS_UP = {"scale": {"percent": 20, "limits": {"curves": {"keys": [TTF]}}}}
FOLLOWED = {"heatRate": {"reference": TTF, "heatRate": 2, "limits": {"curves": {"keys": [POWER]}}}}
CREATE = "mutation($input: ScenarioInput!) { createScenario(input: $input) { scenario { id } problems { code } } }"
RUN = """
mutation($input: RunScenarioInput!) { runScenario(input: $input) {
  run { id state version asOf seed priority } issues { code path } problems { code field } } }
"""
CANCEL = """
mutation($input: CancelScenarioRunInput!) { cancelScenarioRun(input: $input) { run { state } problems { code } } }
"""
LOOK = """
query($id: ID!) { scenarioRun(id: $id) {
  state progress curveCount movedCount inputDigest outputDigest attempt errorCode issues { code path } } }
"""
MENDED_NOT_YET = "72eeba9b108a2135e1bfd40c67febfe82a4c1a9ce899a9e0b4445bff76fc2521"

Run = Callable[..., Awaitable[str]]


@pytest.fixture(autouse=True)
def _no_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    """The tests are the workers."""
    monkeypatch.setenv("AURUM_SCENARIOS__PROCESSES", "0")


async def scenario(ask: Ask, name: str = "Gas up, power follows", *drivers: Any, **more: Any) -> str:
    given = {"name": name, "drivers": list(drivers) or [GAS_UP, FOLLOWED], "filter": {"keys": [TTF, POWER]}, **more}
    made = await said(ask, CREATE, input=given)
    assert made["problems"] == []
    return str(made["scenario"]["id"])


async def queued(ask: Ask, of: str, **more: Any) -> str:
    answer = await said(ask, RUN, input={"scenario": of, **more})
    assert answer["problems"] == []
    return str(answer["run"]["id"])


async def claimed(services: Services) -> Claim:
    claim = await services.scenario_runs.claim()
    assert claim is not None
    return claim


async def done(ask: Ask, services: Services, of: str, **more: Any) -> str:
    """The id of a run that has succeeded."""
    id_ = await queued(ask, of, **more)
    await execute(services.scenario_runs, await claimed(services))
    assert (await said(ask, LOOK, id=id_))["state"] == "SUCCEEDED"
    return id_


async def mids(ask: Ask, key: str, **where: Any) -> list[float]:
    query = "query($key: String!, $run: ID, $asOf: Date) { curve(key: $key) { snapshot(scenarioRun: $run, asOf: $asOf) "
    found = await said(ask, query + "{ columns(tenorTypes: [MONTH]) { mid } } } }", key=key, **where)
    numbers: list[float] = found["snapshot"]["columns"]["mid"]
    return numbers


async def test_a_run_knows_nothing_that_is_still_to_come(loaded: Services, ask: Ask) -> None:
    run = await queued(ask, await scenario(ask), knownAt="2199-01-01T00:00:00Z")
    told = await said(ask, "query($id: ID!) { scenarioRun(id: $id) { knownAt createdAt } }", id=run)
    assert told["knownAt"] <= told["createdAt"]


async def test_a_run_is_one_more_way_to_know_a_curve(loaded: Services, ask: Ask) -> None:
    run = await done(ask, loaded, await scenario(ask))
    looked = await said(ask, LOOK, id=run)
    assert (looked["progress"], looked["curveCount"], looked["movedCount"], looked["attempt"]) == (1, 2, 2, 1)
    gas, power = await mids(ask, TTF), await mids(ask, POWER)
    assert await mids(ask, TTF, run=run) == pytest.approx([1.2 * mid for mid in gas], rel=1e-12)
    follows = [mid + 2 * 0.2 * fuel for mid, fuel in zip(power, gas, strict=True)]
    assert await mids(ask, POWER, run=run) == pytest.approx(follows, rel=1e-12)

    query = """
    query($key: String!, $run: ID!) { curve(key: $key) {
      snapshot(scenarioRun: $run) {
        id scenarioRunId supersededAt currency { code }
        points(tenorTypes: [MONTH]) { mid bid cell }
        strip(delivery: {start: "2025-03-01", end: "2025-05-01"}) { mid }
      }
      diff(from: {}, to: {scenarioRun: $run}) { move { total market scenario } points { status } }
    } }"""
    found = await said(ask, query, key=TTF, run=run)
    told, diff = found["snapshot"], found["diff"]
    assert [each["mid"] for each in told["points"]] == await mids(ask, TTF, run=run)
    assert {each["bid"] for each in told["points"]} == {each["cell"] for each in told["points"]} == {None}
    assert told["strip"]["mid"] == pytest.approx(1.2 * (gas[1] + gas[2]) / 2)
    assert (told["scenarioRunId"], told["supersededAt"], told["currency"]["code"]) == (run, None, "EUR")
    assert diff["move"]["total"] == pytest.approx(0.2 * sum(gas))
    assert (diff["move"]["market"], diff["move"]["scenario"]) == (0, pytest.approx(diff["move"]["total"]))
    assert {each["status"] for each in diff["points"]} == {"CHANGED"}

    again = await said(
        ask, "query($id: ID!) { node(id: $id) { ... on CurveSnapshot { id scenarioRunId } } }", id=told["id"]
    )
    assert again == {"id": told["id"], "scenarioRunId": run}
    spark = f"spark([{POWER}], [{TTF}], 2)"
    derived = "query($e: String!, $run: ID) { derivedCurve(expression: $e, scenarioRun: $run) { columns { value } } }"
    without, with_ = [await said(ask, derived, e=spark, run=each) for each in (None, run)]
    assert with_["columns"]["value"][1] == pytest.approx(without["columns"]["value"][1])  # power follows by as much


async def test_an_end_of_another_day_moves_by_the_market_and_by_the_scenario(loaded: Services, ask: Ask) -> None:
    run = await done(ask, loaded, await scenario(ask))
    query = """
    query($key: String!, $run: ID!) { curve(key: $key) {
      diff(from: {asOf: "2025-02-13"}, to: {scenarioRun: $run}) {
        move { from to total market restatement rollOff listing unitMove scenario } } } }"""
    move = (await said(ask, query, key=TTF, run=run))["diff"]["move"]
    old, new = await mids(ask, TTF, asOf="2025-02-13"), await mids(ask, TTF)
    assert move["market"] == pytest.approx(sum(new) - sum(old))
    assert move["scenario"] == pytest.approx(0.2 * sum(new))
    parts = [move[each] for each in ("market", "restatement", "rollOff", "listing", "unitMove", "scenario")]
    assert move["to"] - move["from"] == pytest.approx(sum(parts)) == move["total"]


async def test_a_run_is_refused_where_it_would_not_be_read(loaded: Services, ask: Ask) -> None:
    run = await done(ask, loaded, await scenario(ask))
    other = f'{{scenarioRun: "{run}", asOf: "2025-02-13"}}'
    fields = (
        f"movers(from: {{}}, to: {other}) {{ nodes {{ change }} }}",
        f'curve(key: "{TTF}") {{ snapshot(scenarioRun: "{run}", asOf: "2025-02-13") {{ id }} }}',
        f'curve(key: "{TTF}") {{ diff(from: {{}}, to: {other}) {{ move {{ to }} }} }}',
    )
    for field in fields:
        answer = await ask(f"{{ {field} }}")
        assert [each["extensions"]["code"] for each in answer["errors"]] == ["BAD_USER_INPUT"], answer


async def test_what_is_refused_leaves_a_run_that_is_asked_beside_it_as_it_is(loaded: Services, ask: Ask) -> None:
    """What is under way when another one is refused is given up; it must not be given up for good."""
    run = await done(ask, loaded, await scenario(ask))
    start = 'from: {asOf: "2025-02-13"}'
    wrong = f'a: diff({start}, to: {{scenarioRun: "zz"}}) {{ move {{ total }} }}'
    other = f'b: diff({start}, to: {{scenarioRun: "{run}"}}) {{ move {{ total }} }}'
    for fields in (f"{wrong} {other}", f"{other} {wrong}"):
        answer = await ask(f'{{ curve(key: "{TTF}") {{ {fields} }} }}')
        assert answer["data"] == {"curve": None}
        assert [each["extensions"]["code"] for each in answer["errors"]] == ["BAD_USER_INPUT"]


async def test_what_each_driver_did_adds_up_to_the_last_bit(loaded: Services, ask: Ask) -> None:
    lift = {"shift": {"amount": 3, "unit": "EUR/MWh", "name": "retired"}}
    run = await done(ask, loaded, await scenario(ask, "Three", GAS_UP, FOLLOWED, lift))
    query = """
    query($run: ID!) { scenarioRun(id: $run) { curves(moved: true) { nodes {
      curve { key } base { columns { mid } } snapshot { columns { mid } }
      contributions { position driver { type name } tenor amount } } } } }"""
    curves = (await said(ask, query, run=run))["curves"]["nodes"]
    assert [(each["curve"]["key"], [one["position"] for one in each["contributions"]]) for each in curves] == [
        (TTF, [0, 2]), (POWER, [1, 2])]  # fmt: skip
    assert curves[1]["contributions"][1]["driver"] == {"type": "shift", "name": "retired"}
    for each in curves:
        added = [one["amount"] for one in each["contributions"]]
        total = [sum(points, start=0.0) for points in zip(*added, strict=True)]
        base = each["base"]["columns"]["mid"]
        assert [mid + move for mid, move in zip(base, total, strict=True)] == each["snapshot"]["columns"]["mid"]


async def test_the_same_request_is_one_run_and_a_key_means_one_request(loaded: Services, ask: Ask) -> None:
    of = await scenario(ask)
    first = await queued(ask, of, idempotencyKey="tonight-1")
    assert await queued(ask, of, idempotencyKey="tonight-1") == first
    assert await queued(ask, of) == first  # it would be computed from the same
    other = await said(ask, RUN, input={"scenario": of, "idempotencyKey": "tonight-1", "seed": 7})
    assert [(each["code"], each["field"]) for each in other["problems"]] == [("CONFLICT", "idempotencyKey")]
    seeded = await queued(ask, of, seed=7)
    assert seeded != first
    assert (await said(ask, CANCEL, input={"id": first}))["run"] == {"state": "CANCELLED"}
    assert (await said(ask, CANCEL, input={"id": first}))["run"] == {"state": "CANCELLED"}
    assert await queued(ask, of, idempotencyKey="tonight-1") == first  # a key decides, whatever became of it
    assert await queued(ask, of) not in (first, seeded)
    listed = await said(ask, "query($f: ScenarioRunFilter) { scenarioRuns(filter: $f) { totalCount nodes { state } } }",
                        f={"scenario": of, "states": ["QUEUED"]})  # fmt: skip
    assert listed == {"totalCount": 2, "nodes": [{"state": "QUEUED"}] * 2}


async def test_no_state_but_the_next_one(loaded: Services, ask: Ask) -> None:
    of = await scenario(ask)
    id_ = await queued(ask, of)
    claim = await claimed(loaded)
    assert await loaded.scenario_runs.claim() is None
    assert (await said(ask, CANCEL, input={"id": id_}))["run"] == {"state": "CANCELLED"}
    assert not await loaded.scenario_runs.end(claim, RunState.SUCCEEDED)
    await execute(loaded.scenario_runs, claim)  # in vain
    looked = await said(ask, LOOK, id=id_)
    assert (looked["state"], looked["curveCount"], looked["errorCode"]) == ("CANCELLED", 0, "CANCELLED")
    ended = await done(ask, loaded, of)
    assert [each["code"] for each in (await said(ask, CANCEL, input={"id": ended}))["problems"]] == ["CONFLICT"]
    answer = await ask("query($id: ID!, $key: String!) { curve(key: $key) { snapshot(scenarioRun: $id) { id } } }",
                       id=id_, key=TTF)  # fmt: skip
    assert [each["extensions"]["code"] for each in answer["errors"]] == ["CONFLICT"]


async def test_a_run_of_a_silent_worker_is_finished_by_another_one_once(loaded: Services, ask: Ask) -> None:
    id_ = await queued(ask, await scenario(ask))
    silent = await claimed(loaded)
    clock = loaded.scenario_runs.clock
    loaded.scenario_runs.clock = lambda: clock() + timedelta(minutes=1)
    other = await claimed(loaded)
    assert (other.run_id, other.attempt) == (silent.run_id, 2)
    await execute(loaded.scenario_runs, other)
    await execute(loaded.scenario_runs, silent)
    looked = await said(ask, LOOK, id=id_)
    assert (looked["state"], looked["curveCount"], looked["attempt"]) == ("SUCCEEDED", 2, 2)


async def test_a_run_that_ends_its_workers_has_failed(loaded: Services, ask: Ask) -> None:
    id_ = await queued(ask, await scenario(ask))
    for _ in range(3):
        await loaded.scenario_runs.release(await claimed(loaded))
    assert await loaded.scenario_runs.claim() is None
    looked = await said(ask, LOOK, id=id_)
    assert (looked["state"], looked["errorCode"]) == ("FAILED", "WORKER_LOST")


async def test_nobody_writes_to_look_for_what_is_not_there(loaded: Services, ask: Ask) -> None:
    of, service = await scenario(ask), loaded.scenario_runs
    await queued(ask, of, priority="CRITICAL")
    held = await claimed(loaded)
    waits = await queued(ask, of, seed=1)
    seen = statements_from_here(loaded.database)
    assert await service.claim((held.tenant, held.run_id)) is None
    assert [run.id for _, run in await service.free(10)] == [row_of(waits, "ScenarioRun")]
    assert [each.split()[0] for each in seen if each != "BEGIN"] == ["SELECT"] * 3
    assert not [each for each in seen if "FOR UPDATE" in each]
    await service.release(held)
    service.settings = service.settings.model_copy(update={"max_attempts": 1})
    assert [run.id for _, run in await service.free(10)] == [row_of(waits, "ScenarioRun")]  # the other one has failed
    assert (await service.runs(worker_principal("demo"), [held.run_id]))[held.run_id].state is RunState.FAILED


@pytest.mark.parametrize("migrated_url", ["postgresql"], indirect=True)
async def test_who_changes_several_runs_locks_them_by_id_first(loaded: Services, ask: Ask) -> None:
    of, service = await scenario(ask), loaded.scenario_runs
    for seed in range(3):
        await queued(ask, of, seed=seed)
    claims = [await claimed(loaded) for _ in range(3)]
    seen = statements_from_here(loaded.database)
    await service.extend(claims[::-1])
    await service.cancel_all(worker_principal("demo"), [claims[2].run_id, claims[1].run_id])
    await service.release(claims[0])
    service.settings = service.settings.model_copy(update={"max_attempts": 1})
    assert await service.free(10) == []
    locks = [each for each in seen if each.endswith("ORDER BY scenario_runs.id FOR UPDATE")]
    changes = [each for each in seen if each.startswith("UPDATE scenario_runs")]
    order = [each.split()[0] for each in seen if each in locks or each in changes]  # the release is of one run
    assert order == ["SELECT", "UPDATE", "SELECT", "UPDATE", "UPDATE", "SELECT", "UPDATE"]
    ended = await service.runs(worker_principal("demo"), [each.run_id for each in claims])
    assert [ended[each.run_id].state for each in claims] == ["FAILED", "CANCELLED", "CANCELLED"]


async def test_workers_take_different_runs_the_urgent_ones_first(loaded: Services, ask: Ask) -> None:
    of = await scenario(ask)
    given = {"LOW": 1, "NORMAL": 2, "CRITICAL": 3}
    ids = {name: await queued(ask, of, seed=seed, priority=name) for name, seed in given.items()}
    first = await claimed(loaded)
    assert first.run_id == row_of(ids["CRITICAL"], "ScenarioRun")
    claims = await asyncio.gather(*(loaded.scenario_runs.claim() for _ in range(4)))
    taken = {each.run_id for each in claims if each is not None}
    if len(taken) < 2:  # PostgreSQL: one that met another one at the same run comes back for the next
        taken |= {(await claimed(loaded)).run_id}
    assert taken == {row_of(ids[name], "ScenarioRun") for name in ("LOW", "NORMAL")}


async def test_the_same_in_a_year_is_the_same_to_the_byte(loaded: Services, ask: Ask) -> None:
    of = await scenario(ask, asOf="2025-02-12", knownAt="2025-02-13T00:00:00Z")
    first = await done(ask, loaded, of)
    digests = await said(ask, LOOK, id=first)
    assert digests["outputDigest"] == MENDED_NOT_YET  # on both databases
    update = """mutation($input: UpdateScenarioInput!) { updateScenario(input: $input) { scenario { version } } }"""
    harder = {"id": of, "expectedVersion": 1, "drivers": [{"scale": {"percent": 50}}], "reason": "worse"}
    assert (await said(ask, update, input=harder))["scenario"] == {"version": 2}
    assert await queued(ask, of, version=1) == first
    corrected = await done(ask, loaded, of, version=1, knownAt="2025-02-14T00:00:00Z")  # TTF of March was mended
    assert (await said(ask, LOOK, id=corrected))["outputDigest"] != digests["outputDigest"]
    assert (await said(ask, LOOK, id=first)) == digests


async def test_a_run_that_cannot_be_computed_says_which_field(loaded: Services, ask: Ask) -> None:
    of = await scenario(ask, "Gone", {"basis": {"reference": POWER, "limits": {"curves": {"keys": [TTF]}}}}, GAS_UP)
    empty = await said(ask, RUN, input={"scenario": of, "asOf": "2020-01-01"})
    assert [(each["code"], each["path"]) for each in empty["issues"]] == [("EMPTY_SELECTION", "filter")]
    wrong = await said(ask, RUN, input={"scenario": of, "timeLimitSeconds": 0})
    assert [(each["code"], each["field"]) for each in wrong["problems"]] == [("BAD_USER_INPUT", "timeLimitSeconds")]
    assert (await said(ask, "{ scenarioRuns { totalCount } }"))["totalCount"] == 0


@pytest.mark.parametrize(
    ("error", "code", "paths"),
    [
        (MemoryError(), "OUT_OF_MEMORY", []),
        (ZeroDivisionError(), "INTERNAL", []),
        (refused([Issue(Severity.ERROR, "OVERFLOW", "too large", "drivers.0")]), "INVALID_SCENARIO", ["drivers.0"]),
    ],
)
async def test_a_run_that_fails_keeps_nothing_and_says_why(
    loaded: Services, ask: Ask, monkeypatch: pytest.MonkeyPatch, error: Exception, code: str, paths: list[str]
) -> None:
    def fails(*_: Any, **__: Any) -> None:
        raise error

    monkeypatch.setattr("aurum.scenarios.runs.execution.apply", fails)
    of = await scenario(ask)
    id_ = await queued(ask, of)
    await execute(loaded.scenario_runs, await claimed(loaded))
    looked = await said(ask, LOOK, id=id_)
    assert (looked["state"], looked["errorCode"], looked["curveCount"]) == ("FAILED", code, 0)
    assert [each["path"] for each in looked["issues"]] == paths
    assert await queued(ask, of) != id_  # it may be run again


async def test_another_tenant_sees_no_run_and_scopes_are_asked_for(loaded: Services, ask: Ask) -> None:
    run = row_of(await done(ask, loaded, await scenario(ask)), "ScenarioRun")
    other = worker_principal("other")
    assert await loaded.scenario_runs.runs(other, [run]) == {}
    curve = (await loaded.metadata.by_key(worker_principal("demo"), [TTF]))[TTF]
    assert await loaded.scenario_results.results(other, [(run, curve.id)]) == {}
    reader = Principal("demo", "reader", frozenset({Scope.SCENARIOS_READ, Scope.CURVES_READ}))
    with pytest.raises(Forbidden):
        await loaded.scenario_runs.cancel(reader, run)


async def test_curves_of_runs_are_read_together(loaded: Services, ask: Ask) -> None:
    of = await scenario(ask, "All", {"scale": {"percent": 1}}, filter=None)
    run, other = [await done(ask, loaded, of, seed=seed) for seed in (1, 2)]
    snapshots = "query($run: ID) { curves(first: 20) { nodes { snapshot(scenarioRun: $run) { columns { mid } } } } }"
    diffs = """query($run: ID, $other: ID) { curves(first: 20) { nodes {
      diff(from: {scenarioRun: $other}, to: {scenarioRun: $run}) { move { total } } } } }"""
    pages = """query { scenarioRuns { nodes { curves(first: 3) { pageInfo { hasNextPage } nodes {
      curve { key } snapshot { version } contributions { driver { type } } } } } } }"""
    for query in (snapshots, diffs, pages):
        seen = statements_from_here(loaded.database)
        assert "errors" not in await ask(query, run=run, other=other)
        # Such as head, curves, and of both ends runs, results, bases with grids and cells: for any number of curves.
        assert len([each for each in seen if "SELECT" in each]) <= 10
    found = (await said(ask, pages))["nodes"]
    assert len(found) == 2
    assert [len(each["curves"]["nodes"]) for each in found] == [3, 3]
    assert {each["curves"]["pageInfo"]["hasNextPage"] for each in found} == {True}


async def test_curves_of_a_run_come_in_pages(loaded: Services, ask: Ask) -> None:
    run = await done(ask, loaded, await scenario(ask))
    query = """query($id: ID!, $first: Int, $after: String, $last: Int) { scenarioRun(id: $id) {
      curves(first: $first, after: $after, last: $last) {
        pageInfo { hasNextPage endCursor } nodes { curve { key } } } } }"""
    first = (await said(ask, query, id=run, first=1))["curves"]
    assert (first["nodes"], first["pageInfo"]["hasNextPage"]) == ([{"curve": {"key": TTF}}], True)
    rest = (await said(ask, query, id=run, first=5, after=first["pageInfo"]["endCursor"]))["curves"]
    assert (rest["nodes"], rest["pageInfo"]["hasNextPage"]) == ([{"curve": {"key": POWER}}], False)
    assert (await said(ask, query, id=run, last=1))["curves"]["nodes"] == rest["nodes"]


async def test_an_archived_scenario_is_run_no_more(loaded: Services, ask: Ask) -> None:
    of = await scenario(ask)
    away = "mutation($i: PutAwayScenarioInput!) { archiveScenario(input: $i) { scenario { state } } }"
    await said(ask, away, i={"id": of})
    refused = await said(ask, RUN, input={"scenario": of})
    assert [(each["code"], each["field"]) for each in refused["problems"]] == [("CONFLICT", "scenario")]


async def test_every_step_is_told_once(loaded: Services, ask: Ask) -> None:
    before = await loaded.events.head("demo")
    run = await done(ask, loaded, await scenario(ask))
    told = await loaded.events.read("demo", before, ["SCENARIO_RUN"])
    assert {event_of(each).scenario_run_id for each in told} == {run}
    assert [(each.payload["state"], each.payload["progress"]) for each in told] == [
        ("QUEUED", 0), ("RUNNING", 0), ("SUCCEEDED", 1)]  # fmt: skip


class Held:
    """Stands for the last curve of a run, of which the computing thread waits for the test to look."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.go_on = threading.Event()
        self.fails = False
        monkeypatch.setattr("aurum.scenarios.runs.execution.output_digest", self)
        monkeypatch.setattr("aurum.scenarios.runs.execution._TELL_SECONDS", 0.01)

    def __call__(self, outcome: Outcome) -> str:
        assert self.go_on.wait(120)
        if self.fails:
            raise MemoryError
        return output_digest(outcome)


PARTLY = """query($id: ID!) { scenarioRun(id: $id) { state progress curveCount curves(first: 1) { nodes {
  partial curve { key } snapshot { id columns(tenorTypes: [MONTH]) { mid } } contributions { amount } } } } }"""


async def partly(loaded: Services, ask: Ask, of: str) -> tuple[str, Claim, asyncio.Task[None], Any]:
    """A run that is computed but for its digest, and how it is read by then."""
    id_ = await queued(ask, of)
    claim = await claimed(loaded)
    task = asyncio.create_task(execute(loaded.scenario_runs, claim))
    async with asyncio.timeout(60):
        while (found := await said(ask, PARTLY, id=id_))["progress"] < 0.9:  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    return id_, claim, task, found


async def test_curves_of_a_run_under_way_are_partial_and_what_it_will_have(
    loaded: Services, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    held, before = Held(monkeypatch), await loaded.events.head("demo")
    id_, _, task, found = await partly(loaded, ask, await scenario(ask))
    (seen,) = found["curves"]["nodes"]
    assert (found["state"], found["progress"], found["curveCount"], seen["partial"]) == ("RUNNING", 0.9, 2, True)
    query = "query($key: String!, $run: ID) { curve(key: $key) { snapshot(scenarioRun: $run) { id } } }"
    refused = await ask(query, key=TTF, run=id_)
    assert [each["extensions"]["code"] for each in refused["errors"]] == ["CONFLICT"]
    node = "query($id: ID!) { node(id: $id) { id } }"
    assert await said(ask, node, id=seen["snapshot"]["id"]) is None

    held.go_on.set()
    await task
    (final,) = (await said(ask, PARTLY, id=id_))["curves"]["nodes"]
    assert final["snapshot"]["columns"] == seen["snapshot"]["columns"]
    assert (final["partial"], final["contributions"]) == (False, seen["contributions"])
    assert final["snapshot"]["id"] != seen["snapshot"]["id"]  # whoever keeps things by their ids keeps none for another
    assert await said(ask, node, id=seen["snapshot"]["id"]) is None
    told = await loaded.events.read("demo", before, ["SCENARIO_RUN"])
    assert [(each.payload["state"], each.payload["progress"], each.payload["curves"]) for each in told][-2:] == [
        ("RUNNING", 0.9, 2), ("SUCCEEDED", 1, 2)]  # fmt: skip
    assert len(told) <= 8  # queued, taken, at most five steps of so small a run, and its end


@pytest.mark.parametrize("how", ["fails", "cancelled", "given up"])
async def test_what_was_partial_is_gone_when_a_run_does_not_succeed(
    loaded: Services, ask: Ask, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    held = Held(monkeypatch)
    id_, claim, task, _ = await partly(loaded, ask, await scenario(ask))
    held.fails = how == "fails"
    if how == "cancelled":
        await said(ask, CANCEL, input={"id": id_})
    if how == "given up":
        await loaded.scenario_runs.release(claim)
        for _ in range(2):
            taken = await claimed(loaded)
            assert (await said(ask, PARTLY, id=id_))["curves"]["nodes"] == []
            await loaded.scenario_runs.release(taken)
        assert await loaded.scenario_runs.claim() is None
    held.go_on.set()
    await task
    ended = await said(ask, PARTLY, id=id_)
    assert (ended["curveCount"], ended["curves"]["nodes"]) == (0, [])
    assert ended["state"] == ("CANCELLED" if how == "cancelled" else "FAILED")


async def test_runs_leave_what_is_kept_of_curves(loaded: Services, ask: Ask) -> None:
    await mids(ask, TTF)
    await done(ask, loaded, await scenario(ask))
    seen = statements_from_here(loaded.database)
    await mids(ask, TTF)
    assert not [each for each in seen if "snapshots" in each]


async def test_twelve_runs_at_once_do_not_mix_and_the_urgent_ones_come_first(loaded: Services, ask: Ask) -> None:
    names = ["LOW", "NORMAL", "HIGH", "CRITICAL"]
    of = [await scenario(ask, f"{n} %", {"scale": {"percent": n}}, FOLLOWED) for n in range(1, 13)]
    ids = await asyncio.gather(*(queued(ask, each, priority=names[n % 4]) for n, each in enumerate(of)))
    claims = [await claimed(loaded) for _ in ids]
    urgencies = {row_of(id_, "ScenarioRun"): n % 4 for n, id_ in enumerate(ids)}
    assert [urgencies[each.run_id] for each in claims] == [3] * 3 + [2] * 3 + [1] * 3 + [0] * 3
    await asyncio.gather(*(execute(loaded.scenario_runs, each) for each in claims))
    gas, power = await mids(ask, TTF), await mids(ask, POWER)
    for percent, run in enumerate(ids, 1):
        up = percent / 100
        assert await mids(ask, TTF, run=run) == pytest.approx([mid * (1 + up) for mid in gas], rel=1e-12)
        followed = [mid * (1 + up) + 2 * up * price for mid, price in zip(power, gas, strict=True)]
        assert await mids(ask, POWER, run=run) == pytest.approx(followed, rel=1e-12)


async def test_runs_are_compared_by_curve_delivery_and_driver(loaded: Services, ask: Ask) -> None:
    up = await done(ask, loaded, await scenario(ask))
    ten = {"scale": {"percent": -10, "limits": {"curves": {"keys": [TTF]}, "deliveryStart": "2025-04-01"}}}
    down = await done(ask, loaded, await scenario(ask, "Gas down from April", ten))
    query = """
    query($runs: [ID!]!) { compareRuns(runs: $runs, filter: {assetClasses: ["gas"]}) {
      runs { id } totalCount
      differences(first: 2) { curve { key } spread values { base value move contributions { position amount } } }
    } }"""
    found = await said(ask, query, runs=[up, down])
    gas = await mids(ask, TTF)
    assert [each["id"] for each in found["runs"]] == [up, down]
    assert found["totalCount"] == len(gas)
    top = found["differences"][0]
    place = max(range(2, len(gas)), key=gas.__getitem__)  # from April on the spread is 30 % of the price, before 20 %
    assert (top["curve"]["key"], top["spread"]) == (TTF, pytest.approx(0.3 * gas[place]))
    assert [each["move"] for each in top["values"]] == pytest.approx([0.2 * gas[place], -0.1 * gas[place]])
    assert [each["contributions"][0]["position"] for each in top["values"]] == [0, 0]
    twice = await ask(query, runs=[up, up])
    assert [each["extensions"]["code"] for each in twice["errors"]] == ["BAD_USER_INPUT"]


async def test_runs_are_compared_in_the_unit_they_were_made_in(loaded: Services, ask: Ask) -> None:
    of = await scenario(ask, "Gas up", GAS_UP)
    before = await done(ask, loaded, of)
    curve = await said(ask, "query($key: String!) { curve(key: $key) { id } }", key=TTF)
    unit = {"curveId": curve["id"], "currency": "GBX", "unit": "therm", "reason": "the vendor said so"}
    await said(ask, "mutation($i: SetUnitInput!) { setUnit(input: $i) { problems { code } } }", i=unit)
    query = """
    query($runs: [ID!]!, $only: CurveFilter) { compareRuns(runs: $runs, filter: $only) {
      differences(first: 1) { curve { key currency { code } unit { code } } } } }"""
    (told,) = (await said(ask, query, runs=[before], only={"keys": [TTF]}))["differences"]
    assert told["curve"] == {"key": TTF, "currency": {"code": "EUR"}, "unit": {"code": "MWh"}}
    after = await done(ask, loaded, of)
    (refused,) = (await ask(query, runs=[before, after]))["errors"]
    assert (refused["extensions"]["code"], refused["extensions"]["field"]) == ("UNIT_MISMATCH", "filter")
    assert (await said(ask, query, runs=[before, after], only={"keys": [POWER]}))["differences"] == []


async def test_a_key_finds_its_run_for_ever_whoever_has_queued_it(loaded: Services, ask: Ask) -> None:
    of = await scenario(ask)
    first = await queued(ask, of)
    assert await queued(ask, of, idempotencyKey="k-1") == first
    other = await said(ask, RUN, input={"scenario": of, "seed": 7, "idempotencyKey": "k-1"})
    assert [(each["code"], each["field"]) for each in other["problems"]] == [("CONFLICT", "idempotencyKey")]
    await said(ask, CANCEL, input={"id": first})
    assert await queued(ask, of) != first  # what is cancelled is not what is asked for, without a key
    assert await queued(ask, of, idempotencyKey="k-1") == first
    both = await asyncio.gather(*(queued(ask, of, idempotencyKey="k-2") for _ in range(2)))
    assert both[0] == both[1]
