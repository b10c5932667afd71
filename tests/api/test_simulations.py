"""Simulations of runs: asked for, pinned, computed once, and read, on both databases."""

from __future__ import annotations

import os
import signal
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import SecretStr

from aurum.auth import worker_principal
from aurum.graphql.ids import row_of
from aurum.metadata.model import CurveFilter
from aurum.scenarios.repository.model import Definition
from aurum.scenarios.runs.execution import execute
from aurum.scenarios.runs.model import Request, Run, RunState
from aurum.scenarios.simulation.asked import PositionAsked, SimulationAsked
from aurum.scenarios.simulation.shocks import normals
from aurum.services import Services, open_services
from aurum.settings import DatabaseSettings, ScenarioSettings, Settings
from tests.api.conftest import Ask, said
from tests.api.history import DAYS, US, british, gas, history, publish
from tests.api.test_scenario_crew import looked, until, with_crew
from tests.api.test_scenario_runs import CANCEL, RUN, claimed, queued
from tests.published import GERMAN, NBP, TTF
from tests.statements import statements_from_here

GAS, BRITISH, POWER = (each.identity.key for each in (TTF, NBP, GERMAN))
DIGEST = "99079e04e348fd5db9accba87de864530f202eed683da57d4916f86b8a138ef6"
APRIL = {"start": "2025-04-01", "end": "2025-05-01"}
TEN_MW = {"curve": GAS, "delivery": APRIL, "volume": 10}
RESULT = """
query($id: ID!) { scenarioRun(id: $id) { state errorCode inputDigest outputDigest issues { code path } simulation {
  asOf paths horizon level currency digest positions { curveKey volume per hours currency exchangeRate }
  model { days daysFound asOfDates firstDay lastDay partial apart explained }
  risk {
    total { valueAtRisk valueAtRiskError conditionalValueAtRisk conditionalValueAtRiskError contribution }
    byPeriod { deliveryStart deliveryEnd valueAtRisk conditionalValueAtRisk contribution }
  }
  stressDays { asOf loss byPeriod { deliveryStart loss } }
  stressDaysIncomplete
  curves { nodes { curve { key } moves unmodelled columns { tenor mid mean p5 p50 p95 meanError p5Error } } }
} } }
"""


@pytest.fixture(autouse=True)
def _no_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    """The tests are the workers."""
    monkeypatch.setenv("AURUM_SCENARIOS__PROCESSES", "0")


async def simulated(ask: Ask, services: Services, of: str, **asked: Any) -> Any:
    """A run that has ended."""
    id_ = await queued(ask, of, seed=5, simulation=asked)
    await execute(services.scenario_runs, await claimed(services))
    return await said(ask, RESULT, id=id_)


async def plain(ask: Ask, *drivers: Any, name: str = "Gas", keys: tuple[str, ...] = (GAS, BRITISH), **more: Any) -> str:
    create = "mutation($i: ScenarioInput!) { createScenario(input: $i) { scenario { id } problems { code } } }"
    made = await said(ask, create, i={"name": name, "drivers": list(drivers), "filter": {"keys": list(keys)}, **more})
    assert made["problems"] == []
    return str(made["scenario"]["id"])


async def test_a_gas_position_loses_what_is_computed_by_hand(historic: Services, ask: Ask) -> None:
    """Gas moves by 1 a day, up and down: a deviation of the square root of 30/29, in ten trading days of 10 times its
    square. 10 MW in the 720 hours of April lose 7,200 for each euro that it falls."""
    run = await simulated(ask, historic, await plain(ask, keys=(GAS,)), absolute=[GAS], positions=[TEN_MW], stress=2)
    found, (curve,) = run["simulation"], run["simulation"]["curves"]["nodes"]
    assert (run["state"], found["asOf"], found["currency"]) == ("SUCCEEDED", "2025-03-17", "EUR")
    held = {"curveKey": GAS, "volume": 10, "per": "HOUR", "hours": [720], "currency": "EUR", "exchangeRate": 1}
    assert found["positions"] == [held]
    assert found["model"] == {
        "days": 30, "daysFound": 30, "firstDay": "2025-02-04", "lastDay": "2025-03-17", "partial": 0, "apart": 0,
        "asOfDates": 31,
        "explained": [pytest.approx(1)],
    }  # fmt: skip

    moves = np.sort(np.sqrt(30 / 29 * 10) * normals(5, "factor/0", 1, 1000)[0])
    assert (curve["curve"]["key"], curve["moves"], curve["unmodelled"]) == (GAS, "ABSOLUTE", 1)
    columns = curve["columns"]
    assert columns["p5"][8] is None  # eight months ahead it was listed on 3 March: a move of 30 is missing
    assert columns["tenor"] == [f"2025-{month:02}" for month in range(3, 12)]
    assert columns["mid"] == [50] * 9
    expected = {"p5": np.quantile(moves, 0.05), "p50": np.median(moves), "p95": np.quantile(moves, 0.95)}
    for name, move in (expected | {"mean": moves.mean()}).items():
        assert columns[name][:8] == pytest.approx([50 + move] * 8, rel=1e-6), name
    assert columns["meanError"][:8] == pytest.approx([moves.std(ddof=1) / np.sqrt(1000)] * 8, rel=1e-6)

    losses = -7200 * moves[::-1]
    total, (april,) = found["risk"]["total"], found["risk"]["byPeriod"]
    assert total["valueAtRisk"] == pytest.approx(losses[949], rel=1e-6)
    assert total["conditionalValueAtRisk"] == pytest.approx(losses[950:].mean(), rel=1e-6)
    assert april == {
        "deliveryStart": "2025-04-01", "deliveryEnd": "2025-05-01", "valueAtRisk": total["valueAtRisk"],
        "conditionalValueAtRisk": total["conditionalValueAtRisk"],
        "contribution": pytest.approx(total["conditionalValueAtRisk"]),
    }  # fmt: skip
    falls = [day.isoformat() for n, day in enumerate(DAYS) if gas(n) == 50][1:3]
    assert [(each["asOf"], each["loss"]) for each in found["stressDays"]] == [(day, 7200) for day in falls]
    assert found["stressDays"][0]["byPeriod"] == [{"deliveryStart": "2025-04-01", "loss": 7200}]
    assert found["stressDaysIncomplete"] == 0


async def test_pounds_and_euros_with_digests_that_every_machine_has(historic: Services, ask: Ask) -> None:
    """Both ends of a spread in euros, a pound being 1.20; what a driver adds to gas is drawn."""
    drawn = {"stochastic": {"distributionType": "NORMAL", "parameters": [{"name": "mean", "value": 1}, {"name": "std",
             "value": 0.5}], "baseDriver": {"shift": {"amount": 2, "unit": "EUR/MWh",
             "limits": {"curves": {"keys": [GAS]}}}}}}  # fmt: skip
    short = {"curve": BRITISH, "delivery": {"start": "2025-04-01", "end": "2025-10-01"}, "volume": -3, "per": "MONTH"}
    run = await simulated(
        ask, historic, await plain(ask, drawn), positions=[TEN_MW, short], currency="EUR", horizon=30,
        rates=[{"currency": "GBP", "rate": 1.2}], periods="QUARTER",
    )  # fmt: skip
    found = run["simulation"]
    assert run["outputDigest"] == DIGEST, run["outputDigest"]
    assert [(each["hours"], each["exchangeRate"]) for each in found["positions"]] == [
        ([720], 1), ([1] * 6, pytest.approx(0.012))]  # fmt: skip
    assert [each["deliveryStart"] for each in found["risk"]["byPeriod"]] == ["2025-04-01", "2025-07-01"]
    parts = [each["contribution"] for each in found["risk"]["byPeriod"]]
    assert sum(parts) == pytest.approx(found["risk"]["total"]["conditionalValueAtRisk"])
    assert {each["moves"] for each in found["curves"]["nodes"]} == {"LOG"}
    by_key = {each["curve"]["key"]: each["columns"] for each in found["curves"]["nodes"]}
    assert by_key[GAS]["mid"] == [52] * 9
    spread = by_key[GAS]["p95"][3] - by_key[GAS]["p5"][3]
    assert spread > 3.28 * np.hypot(1.0, 52 * 0.0198 * np.sqrt(30)) * 0.9  # a driver of 1 beside what the curve does
    assert await queued(ask, await plain(ask, drawn, name="Other"), seed=5)
    again = await said(ask, "query { scenarioRuns(first: 1) { nodes { simulation { digest } } } }")
    assert again["nodes"] == [{"simulation": None}]


async def test_two_stories_with_one_seed_differ_by_the_story_alone(historic: Services, ask: Ask) -> None:
    up = {"shift": {"amount": 5, "unit": "EUR/MWh", "limits": {"curves": {"keys": [GAS]}}}}
    found = []
    for n, drivers in enumerate(([], [up])):
        run = await simulated(ask, historic, await plain(ask, *drivers, name=str(n)), absolute=[GAS])
        found.append({each["curve"]["key"]: each["columns"] for each in run["simulation"]["curves"]["nodes"]})
    base, story = found
    for name in ("mid", "mean", "p5", "p50", "p95"):
        assert np.subtract(story[GAS][name][:8], base[GAS][name][:8]) == pytest.approx([5.0] * 8, abs=1e-12)
    assert story[BRITISH] == base[BRITISH]
    assert run["simulation"]["risk"] is None


async def test_the_same_asked_again_is_one_run_unless_history_was_restated(historic: Services, ask: Ask) -> None:
    of = await plain(ask)
    run = await queued(ask, of, simulation={"positions": [TEN_MW]}, idempotencyKey="once")
    assert await queued(ask, of, simulation={"positions": [TEN_MW]}) == run
    others = [{}, {"positions": [TEN_MW], "level": 0.9}, {"positions": [TEN_MW, TEN_MW]}]
    assert len({run, await queued(ask, of), *[await queued(ask, of, simulation=each) for each in others]}) == 5
    other = await said(ask, RUN, input={"scenario": of, "simulation": {}, "idempotencyKey": "once"})
    assert [each["code"] for each in other["problems"]] == ["CONFLICT"]
    await publish(historic, (DAYS[3], {TTF: 55.0}), published=date(2025, 3, 18))
    assert await queued(ask, of, simulation={"positions": [TEN_MW]}) != run
    known_then = {"knownAt": "2025-03-18T00:00:00Z"}
    assert await queued(ask, of, simulation={"positions": [TEN_MW]}, **known_then) == run


async def test_the_same_in_a_year_is_the_same_to_the_byte(historic: Services, ask: Ask) -> None:
    """Of another scenario that says the same, computed when more is known."""
    then: dict[str, Any] = {"asOf": "2025-03-17", "knownAt": "2025-03-18T00:00:00Z"}
    asked = {"positions": [TEN_MW], "absolute": [BRITISH]}
    first = await simulated(ask, historic, await plain(ask, name="one", **then), **asked)
    await publish(historic, (DAYS[3], {TTF: 55.0}), published=date(2025, 3, 18))
    await publish(historic, (date(2025, 3, 18), {TTF: 49.0, NBP: 99.0}))
    again = await simulated(ask, historic, await plain(ask, name="other", **then), **asked)
    assert again == first
    newest = await simulated(ask, historic, await plain(ask, name="newest"), **asked)
    assert newest["inputDigest"] != first["inputDigest"]
    assert newest["simulation"]["digest"] != first["simulation"]["digest"]


async def test_what_is_wrong_is_told_by_field_and_nothing_is_kept(historic: Services, ask: Ask) -> None:
    of = await plain(ask, keys=(GAS, BRITISH, POWER))
    gas_alone = {"keys": [GAS, BRITISH]}
    british_too = {**TEN_MW, "curve": BRITISH}
    cases: list[tuple[dict[str, Any], list[tuple[str, str]]]] = [
        ({}, [("TOO_LITTLE_HISTORY", "simulation.filter")]),
        ({"filter": {"keys": ["none"]}}, [("EMPTY_SELECTION", "simulation.filter")]),
        ({"paths": 99, "window": 29, "share": 0, "level": 1, "stress": 51},
         [("OUT_OF_RANGE", f"simulation.{name}") for name in ("paths", "window", "share", "level", "stress")]),
        ({"paths": 100, "positions": [TEN_MW]}, [("OUT_OF_RANGE", "simulation.level")]),
        ({"positions": [{**TEN_MW, "curve": POWER}]}, [("UNKNOWN_CURVE", "simulation.positions.0.curve")]),
        ({"absolute": [POWER]}, [("UNKNOWN_CURVE", "simulation.absolute.0")]),
        ({"positions": [TEN_MW, british_too]},
         [("NO_EXCHANGE_RATE", "simulation.currency")]),
        ({"positions": [british_too], "currency": "EURO"}, [("UNKNOWN_CURRENCY", "simulation.currency")]),
        ({"positions": [british_too] * 2, "currency": "EUR"}, [("NO_EXCHANGE_RATE", "simulation.rates")]),
        ({"positions": [TEN_MW], "currency": "EUR", "rates": [{"currency": each, "rate": -1} for each in ("XXX", "GBP",
          "GBP", "EUR")]},
         [("UNKNOWN_CURRENCY", "simulation.rates.0.currency"), ("OUT_OF_RANGE", "simulation.rates.1.rate"),
          ("NAME_TWICE", "simulation.rates.2.currency"), ("OUT_OF_RANGE", "simulation.rates.3.currency")]),
        ({"positions": [{**TEN_MW, "delivery": {"start": start, "end": end}} for start, end in (
            ("2025-04-02", "2025-05-01"), ("2025-05-01", "2025-04-01"), ("2025-11-01", "2026-01-01"))]},
         [("OUT_OF_RANGE", f"simulation.positions.{n}.delivery") for n in range(3)]),
        ({"positions": [{**TEN_MW, "volume": 1e300}]}, [("OUT_OF_RANGE", "simulation.positions.0.volume")]),
        ({"positions": [TEN_MW] * 501}, [("TOO_LONG", "simulation.positions")]),
    ]  # fmt: skip
    for asked, issues in cases:
        answer = await said(
            ask, RUN, input={"scenario": of, "simulation": {"filter": gas_alone} | asked if asked else {}}
        )
        assert [(each["code"], each["path"]) for each in answer["issues"]] == issues, answer
        assert answer["run"] is None
    assert (await said(ask, "{ scenarioRuns { totalCount } }"))["totalCount"] == 0
    refused = await said(ask, RUN.replace("code path", "message"), input={"scenario": of, "simulation": {}})
    assert refused["issues"][0]["message"] == (
        f"4 daily moves were found, on 5 as-of dates that all curves have, and 30 are needed; {POWER} has the fewest, 5"
    )


async def test_a_simulation_whose_numbers_are_too_large_has_failed(historic: Services, ask: Ask) -> None:
    up = {"scale": {"percent": 999_900}}
    wide = [{"name": "mean", "value": 1}, {"name": "sigma", "value": 1000}]
    drawn = {"stochastic": {"distributionType": "LOGNORMAL", "parameters": wide, "baseDriver": up}}
    for drivers, path in (([up] * 75, "simulation.filter"), ([drawn], "drivers.0.stochastic.parameters")):
        of = await plain(ask, *drivers, name=path, keys=(GAS,))
        run = await simulated(ask, historic, of, absolute=[GAS], positions=[TEN_MW])
        assert (run["state"], run["errorCode"]) == ("FAILED", "INVALID_SCENARIO")
        assert [(each["code"], each["path"]) for each in run["issues"]] == [("OVERFLOW", path)]


async def test_correlations_that_are_none_are_refused_before_anything_is_kept(historic: Services, ask: Ask) -> None:
    def drawn(name: str, **others: dict[str, float]) -> dict[str, Any]:
        matrix = [{"name": one, "values": [{"name": other, "value": value} for other, value in row.items()]}
                  for one, row in others.items()]  # fmt: skip
        up = {"shift": {"amount": 1, "unit": "EUR/MWh", "limits": {"curves": {"keys": [GAS]}}}}
        parameters = [{"name": "mean", "value": 0}, {"name": "std", "value": 1}]
        return {"stochastic": {"name": name, "distributionType": "NORMAL", "parameters": parameters,
                               "baseDriver": up, "correlationMatrix": matrix}}  # fmt: skip

    def pair(one: str, other: str, value: float) -> dict[str, dict[str, float]]:
        return {one: {one: 1, other: value}, other: {one: value, other: 1}}

    parts = [drawn("a", **pair("a", "b", 0.9)), drawn("b", **pair("b", "c", 0.9)), drawn("c", **pair("a", "c", -0.9))]
    of = await plain(ask, *parts)
    answer = await said(ask, RUN, input={"scenario": of, "simulation": {}})
    assert [(each["code"], each["path"].split(".")[:2]) for each in answer["issues"]] == [
        ("NOT_A_CORRELATION", ["drivers", "0"])]  # fmt: skip
    assert answer["run"] is None
    assert await queued(ask, of)  # without simulation they take their means


async def test_a_run_that_cannot_be_simulated_fails_with_the_field(historic: Services, ask: Ask) -> None:
    """The scenario takes gas below zero, where it has no logarithm."""
    down = {"shift": {"amount": -60, "unit": "EUR/MWh", "limits": {"curves": {"keys": [GAS]}}}}
    of = await plain(ask, down)
    run = await simulated(ask, historic, of)
    assert (run["state"], run["errorCode"], run["simulation"]["model"]) == ("FAILED", "INVALID_SCENARIO", None)
    assert run["issues"] == [{"code": "OUT_OF_RANGE", "path": "simulation.absolute"}]
    assert run["simulation"]["curves"]["nodes"] == []
    assert (await simulated(ask, historic, of, absolute=[GAS]))["state"] == "SUCCEEDED"


async def test_curves_without_prices_of_the_day_are_left_out_and_named(historic: Services, ask: Ask) -> None:
    next_day = DAYS[-1] + timedelta(days=1)
    await publish(historic, (next_day, {TTF: gas(31), NBP: british(31)}))
    run = await simulated(ask, historic, await plain(ask, keys=(GAS, BRITISH, POWER)))
    assert (run["state"], run["simulation"]["asOf"]) == ("SUCCEEDED", next_day.isoformat())
    warned = [(each["code"], each["path"]) for each in run["issues"]]
    assert warned == [("NO_PRICES", "asOf"), ("LEFT_OUT", "simulation.filter")]
    assert [each["curve"]["key"] for each in run["simulation"]["curves"]["nodes"]] == [GAS, BRITISH]


async def test_a_simulation_is_cancelled_while_it_waits_and_not_once_it_has_ended(historic: Services, ask: Ask) -> None:
    of = await plain(ask)
    waits = await queued(ask, of, simulation={})
    for _ in range(2):
        assert (await said(ask, CANCEL, input={"id": waits}))["run"] == {"state": "CANCELLED"}
    assert await historic.scenario_runs.claim() is None
    assert (await said(ask, RESULT, id=waits))["simulation"]["curves"] == {"nodes": []}
    again = await queued(ask, of, simulation={})
    assert again != waits
    await execute(historic.scenario_runs, await claimed(historic))
    ended = await said(ask, RESULT, id=again)
    assert [each["code"] for each in (await said(ask, CANCEL, input={"id": again}))["problems"]] == ["CONFLICT"]
    assert await said(ask, RESULT, id=again) == ended
    assert (ended["state"], len(ended["simulation"]["curves"]["nodes"])) == ("SUCCEEDED", 2)


async def test_a_silent_workers_simulation_is_computed_again_and_kept_once(historic: Services, ask: Ask) -> None:
    id_ = await queued(ask, await plain(ask), simulation={"positions": [TEN_MW]})
    silent, clock = await claimed(historic), historic.scenario_runs.clock
    historic.scenario_runs.clock = lambda: clock() + timedelta(minutes=1)
    other = await claimed(historic)
    await execute(historic.scenario_runs, other)
    first = await said(ask, RESULT, id=id_)
    await execute(historic.scenario_runs, silent)
    assert await said(ask, RESULT, id=id_) == first
    assert first["state"] == "SUCCEEDED"
    assert len(first["simulation"]["curves"]["nodes"]) == 2


async def test_another_tenant_sees_nothing_of_it(historic: Services, ask: Ask) -> None:
    run = row_of(await queued(ask, await plain(ask), simulation={}), "ScenarioRun")
    await execute(historic.scenario_runs, await claimed(historic))
    found, curve = historic.scenario_simulations, (await historic.metadata.by_key(US, [GAS]))[GAS].id
    ours, theirs = worker_principal("demo"), worker_principal("other")
    assert list(await found.simulations(ours, [run])) == [run]
    assert list(await found.curves(ours, [(run, curve)])) == [(run, curve)]
    assert await found.simulations(theirs, [run]) == {}
    assert await found.curves(theirs, [(run, curve)]) == {}
    assert await historic.scenario_runs.simulations.pinned("other", run) is None


async def test_any_number_of_curves_takes_few_statements(historic: Services, ask: Ask) -> None:
    of = await plain(ask)
    seen = statements_from_here(historic.database)
    ids = [await queued(ask, of, seed=seed, simulation={"positions": [TEN_MW]}) for seed in (1, 2)]
    submitted = len([each for each in seen if "SELECT" in each])
    claims = [await claimed(historic) for _ in ids]
    seen = statements_from_here(historic.database)
    for claim in claims:
        await execute(historic.scenario_runs, claim)
    assert len([each for each in seen if "SELECT" in each]) <= 2 * 10
    seen = statements_from_here(historic.database)
    query = """{ scenarioRuns { nodes { simulation { digest risk { total { valueAtRisk } }
      curves(first: 1) { pageInfo { hasNextPage } nodes { curve { key } columns { p50 } points { p50 } } } } } } }"""
    nodes = (await said(ask, query))["nodes"]
    assert len([each for each in seen if "SELECT" in each]) <= 5
    assert submitted <= 2 * 16
    assert [each["simulation"]["curves"]["pageInfo"]["hasNextPage"] for each in nodes] == [True, True]
    (curve,) = nodes[0]["simulation"]["curves"]["nodes"]
    assert [each["p50"] for each in curve["points"]] == curve["columns"]["p50"]


@pytest.mark.slow
async def test_a_process_that_takes_over_from_a_killed_one_computes_the_same(
    migrated_sqlite_url: str, tmp_path: Path
) -> None:
    """As this process does for another scenario that says the same."""
    settings = Settings(
        home=tmp_path, database=DatabaseSettings(url=SecretStr(migrated_sqlite_url)),
        scenarios=ScenarioSettings(processes=1, ready=True),
    )  # fmt: skip
    async with open_services(settings) as desk:
        await publish(desk, *history())

        async def submitted(name: str) -> Run:
            kept = await desk.scenarios.create(US, Definition(name, curves=CurveFilter(keys=(GAS, BRITISH))))
            position = PositionAsked(GAS, date(2025, 4, 1), date(2025, 6, 1), 10)
            asked = SimulationAsked(positions=(position,))
            return await desk.scenario_runs.submit(US, Request(kept.scenario.id, simulation=asked))

        async def play(pid: int) -> None:
            run = await submitted("Killed")
            await until(desk, run, lambda found: found.state is RunState.RUNNING)
            os.kill(pid, signal.SIGKILL)
            ended = await until(desk, run, lambda found: found.state.final)
            assert (ended.state, ended.attempt) == (RunState.SUCCEEDED, 2)
            runs.append(ended)

        runs: list[Run] = []
        await with_crew(desk, settings, play)
        here = await submitted("Here")
        await execute(desk.scenario_runs, await claimed(desk))
        runs.append(await looked(desk, here))
        assert runs[0].output_digest == runs[1].output_digest is not None
        found = await desk.scenario_simulations.simulations(US, [each.id for each in runs])
        assert found[runs[0].id].summary == found[runs[1].id].summary is not None


SWEEP = """mutation($input: SweepScenarioInput!) { sweepScenario(input: $input) {
  batch { id runs { run { id } } } issues { code path } problems { code field } } }"""
TORNADO = """mutation($input: RunTornadoInput!) { runTornado(input: $input) {
  batch { id runs { queued run { id } } } issues { code path } problems { code field } } }"""
RISK = """query($id: ID!) { scenarioBatch(id: $id) { risk { currency level rows { deliveryStart deliveryEnd
  values { valueAtRisk valueAtRiskError conditionalValueAtRisk } } } } }"""


async def test_a_sweep_tells_what_positions_may_lose_in_each_run(historic: Services, ask: Ask) -> None:
    of = await plain(ask, {"scale": {"percent": 5}})
    asked = {"paths": 500, "horizon": 10, "positions": [TEN_MW]}
    sweep = {"scenario": of, "seed": 5, "driver": 0, "parameter": "percent", "over": {"values": [0, 100]}}
    batch = (await said(ask, SWEEP, input=sweep | {"simulation": asked}))["batch"]
    runs = [each["run"]["id"] for each in batch["runs"]]
    assert (await said(ask, RISK, id=batch["id"]))["risk"] == {"currency": "EUR", "level": 0.95, "rows": []}
    for _ in runs[:2]:
        await execute(historic.scenario_runs, await claimed(historic))
    rows = (await said(ask, RISK, id=batch["id"]))["risk"]["rows"]
    assert [[each is None for each in row["values"]] for row in rows] == [[False, False, True]] * 2
    await execute(historic.scenario_runs, await claimed(historic))
    total, april = (await said(ask, RISK, id=batch["id"]))["risk"]["rows"]
    assert (total["deliveryStart"], april["deliveryStart"], april["deliveryEnd"]) == (None, *APRIL.values())
    for run, value in zip(runs, total["values"], strict=True):
        alone = (await said(ask, RESULT, id=run))["simulation"]["risk"]["total"]
        assert value == {name: alone[name] for name in value}
    assert total["values"][2]["valueAtRisk"] == pytest.approx(2 * total["values"][1]["valueAtRisk"])
    # Ten runs of a batch simulate at most, and one without positions has no risk.
    many = sweep | {"simulation": asked, "over": {"values": list(range(10))}}
    refused = await said(ask, SWEEP, input=many)
    assert [(each["code"], each["field"]) for each in refused["problems"]] == [("BAD_USER_INPUT", "simulation")]
    bare = (await said(ask, SWEEP, input=sweep))["batch"]
    assert (await said(ask, RISK, id=bare["id"]))["risk"] is None


async def test_a_tornado_tells_which_driver_makes_the_value_at_risk(historic: Services, ask: Ask) -> None:
    """Prices move in per cent, from (50 + 5) x 1.5: with 5.5 that is 1/110 more, with 55 in place of 50 % 1/30."""
    query = """query($id: ID!) { scenarioBatch(id: $id) { risk { rows { values { valueAtRisk }
      bars { position driver { type } up down range } } } } }"""
    drivers = {"shift": {"amount": 5}}, {"scale": {"percent": 50}}
    of = await plain(ask, *drivers, keys=(GAS,))
    given = {"scenario": of, "seed": 5, "percent": 10, "simulation": {"paths": 500, "positions": [TEN_MW]}}
    for alone in (False, True):
        batch = (await said(ask, TORNADO, input=given | {"alone": alone}))["batch"]
        for _ in [each for each in batch["runs"] if each["queued"]]:
            await execute(historic.scenario_runs, await claimed(historic))
        (total, _) = (await said(ask, query, id=batch["id"]))["risk"]["rows"]
        assert None not in total["values"]
        if alone:  # nobody has simulated the base
            assert total["bars"] == []
            continue
        for bar, kind, share in zip(total["bars"], ("scale", "shift"), (1 / 30, 1 / 110), strict=True):
            step = total["values"][0]["valueAtRisk"] * share
            assert bar["driver"]["type"] == kind
            assert [bar[each] for each in ("up", "down", "range")] == pytest.approx([step, -step, 2 * step])


async def test_a_policy_of_the_tenant_moves_what_is_simulated(historic: Services, ask: Ask) -> None:
    doubled = {"scale": {"percent": 100, "limits": {"curves": {"keys": [GAS]}}}}
    policy = {
        "name": "Gas doubled", "expectedVersion": 0, "description": "x", "source": "x", "reason": "x",
        "effects": [doubled],
    }  # fmt: skip
    register = "mutation($i: RegisterPolicyInput!) { registerPolicy(input: $i) { problems { code } } }"
    assert (await said(ask, register, i=policy))["problems"] == []
    of = await plain(ask, {"policy": {"policyName": "gas doubled"}})
    told = await simulated(ask, historic, of, paths=500, positions=[TEN_MW])
    said_so = await simulated(ask, historic, await plain(ask, doubled, name="The same"), paths=500, positions=[TEN_MW])
    base = await simulated(ask, historic, await plain(ask, name="Nothing"), paths=500, positions=[TEN_MW])
    assert told["state"] == "SUCCEEDED"
    assert told["simulation"] == said_so["simulation"]
    risks = [each["simulation"]["risk"]["total"]["valueAtRisk"] for each in (told, base)]
    assert risks[0] == pytest.approx(2 * risks[1])
