"""Runs whose finite prices lie near the largest number there is: what is made of them is finite, or refused."""

from __future__ import annotations

from typing import Any

import pytest

from aurum.services import Services
from tests.api.conftest import Ask, said
from tests.api.test_exports import created, ended
from tests.api.test_scenario_batches import MARCH, POSITION, TABLE, asked, worked
from tests.api.test_scenario_runs import TTF, done, scenario

LARGE = 8e307  # of which no three can be added
UP = [{"scale": {"percent": 999_900}}] * 76 + [{"scale": {"percent": 99_900}}]  # together by 1e307
COMPARED = """
query($runs: [ID!]!, $bucket: ComparisonBucket!, $by: ComparisonMeasure! = ABSOLUTE) {
  compareRuns(runs: $runs, bucket: $bucket, by: $by, filter: {keys: ["eugp:eu/dutch_ttf/gas"]}) {
    differences { spread size values { base value move } } } }
"""
DIFF = """
query($run: ID!, $to: SnapshotRef!) { curve(key: "eugp:eu/dutch_ttf/gas") {
  diff(from: {scenarioRun: $run}, to: $to) { POINTS } } }
"""
OF_RUN = 'query($run: ID!) { curve(key: "eugp:eu/dutch_ttf/gas") { FIELD } }'
SNAPSHOT = OF_RUN.replace("FIELD", "latest: snapshot(scenarioRun: $run) { FIELD }")
AGGREGATE = """
query($run: ID!) { aggregate(scenarioRun: $run, groupBy: {delivery: CALENDAR}, measures: [MEASURE]) {
  nodes { mean minimum maximum } } }
"""


@pytest.fixture(autouse=True)
def _no_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    """The tests are the workers."""
    monkeypatch.setenv("AURUM_SCENARIOS__PROCESSES", "0")


def large(price: float) -> list[dict[str, Any]]:
    """All prices of TTF at this, times 1e307."""
    return [{"replace": {"price": price}}, *UP]


async def run(ask: Ask, services: Services, price: float, name: str = "large") -> str:
    of = await scenario(ask, name, *large(price), filter={"keys": [TTF]})
    return await done(ask, services, of)


async def codes(ask: Ask, query: str, **variables: Any) -> list[str]:
    """Of the errors: none where there is an answer."""
    answer = await ask(query, **variables)
    return [each["extensions"]["code"] for each in answer.get("errors", [])]


async def test_a_run_near_the_largest_number_is_compared_as_far_as_there_are_numbers(
    loaded: Services, ask: Ask
) -> None:
    up, down = await run(ask, loaded, 8), await run(ask, loaded, -8, "negative")
    both = await said(ask, COMPARED, runs=[up, down], bucket="MONTH")
    assert [each["spread"] for each in both["differences"]] == pytest.approx([2 * LARGE] * 4)
    assert await codes(ask, COMPARED, runs=[up], bucket="YEAR") == ["OVERFLOW"]
    assert await codes(ask, COMPARED, runs=[up], bucket="MONTH", by="PERCENT") == ["OVERFLOW"]
    moved = {"run": up, "to": {"scenarioRun": down}}
    assert await codes(ask, DIFF.replace("POINTS", "points { change scenario }"), **moved) == []
    assert await codes(ask, DIFF.replace("POINTS", "points { percent }"), **moved) == ["OVERFLOW"]
    assert await codes(ask, DIFF.replace("POINTS", "move { total }"), **moved) == ["OVERFLOW"]


async def test_what_is_made_of_a_run_near_the_largest_number_is_refused(loaded: Services, ask: Ask) -> None:
    id_ = await run(ask, loaded, 8)
    cents = SNAPSHOT.replace("FIELD", 'converted(currency: "EUX") { points { mid } }')
    assert await codes(ask, cents, run=id_) == ["OVERFLOW"]
    for measure in ("MEAN", "STANDARD_DEVIATION"):
        assert await codes(ask, AGGREGATE.replace("MEASURE", measure), run=id_) == ["OVERFLOW"]
    for selection in ({"scenarioRun": id_, "currency": "EUX"}, {"compareRuns": [id_], "bucket": "YEAR"}):
        export = await ended(ask, (await created(ask, **selection))["export"]["id"])
        assert (export["state"], export["errorCode"]) == ("FAILED", "OVERFLOW")


async def test_a_batch_near_the_largest_number_is_refused_as_a_table_and_as_a_position(
    loaded: Services, ask: Ask
) -> None:
    mutation = "mutation($input: SweepScenarioInput!) { sweepScenario(input: $input) { batch { id } problems { code } "
    mutation += "issues { code } } }"
    of = await scenario(ask, "swept", *large(1), filter={"keys": [TTF]})
    given = {"driver": 0, "parameter": "price", "over": {"values": [8, -8.5]}}
    batch = await asked(ask, mutation, scenario=of, **given)
    await worked(loaded)
    assert await codes(ask, TABLE, id=batch["id"], bucket="MONTH") == []
    assert await codes(ask, TABLE, id=batch["id"], bucket="YEAR") == ["OVERFLOW"]
    holding = {"curve": TTF, "quantity": 1, **MARCH}
    assert await codes(ask, POSITION, id=batch["id"], holdings=[holding]) == []
    assert await codes(ask, POSITION, id=batch["id"], holdings=[holding | {"quantity": 10}]) == ["OVERFLOW"]
