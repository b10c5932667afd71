"""The as-of date that scenarios and runs start from: other numbers than its own are never taken silently."""

from __future__ import annotations

from datetime import date

import pytest

from aurum.services import Services
from tests import published
from tests.api.conftest import Ask, said
from tests.api.history import publish
from tests.api.test_scenario_runs import RUN, done, queued, scenario
from tests.api.test_scenarios import CREATE, GAS_UP, LIST, UPDATE, created


@pytest.fixture(autouse=True)
def _no_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    """The tests are the workers."""
    monkeypatch.setenv("AURUM_SCENARIOS__PROCESSES", "0")


async def test_an_as_of_date_without_prices_is_told_and_one_to_come_refused(loaded: Services, ask: Ask) -> None:
    """On a Saturday there are Friday's: 14 February 2025."""
    for as_of, severity, code, suggestion in (
        ("2025-02-15", "WARNING", "NO_PRICES", "Take 2025-02-14."),
        ("9999-12-31", "ERROR", "AS_OF_IN_FUTURE", None),
    ):
        told = await said(ask, CREATE, input={"name": as_of, "drivers": [GAS_UP], "asOf": as_of})
        (issue,) = told["issues"]
        assert (issue["severity"], issue["code"], issue["path"]) == (severity, code, "asOf")
        assert suggestion in (None, issue["suggestion"])
    assert [each["name"] for each in (await said(ask, LIST))["nodes"]] == ["2025-02-15"]
    made = await created(ask, asOf="2025-02-14")
    given = {"id": made["id"], "expectedVersion": 1, "reason": "x", "asOf": "9999-12-31"}
    changed = await said(ask, UPDATE, input=given)
    assert [each["code"] for each in changed["issues"]] == ["AS_OF_IN_FUTURE"]


async def test_a_run_says_where_its_numbers_are_of_another_date(loaded: Services, ask: Ask) -> None:
    """A Saturday has no prices, a day to come cannot have any; of the 17th there is gas and no power."""
    query = "query($id: ID!) { scenarioRun(id: $id) { asOf issues { severity code path message suggestion } } }"
    of = await scenario(ask, "Gas up", GAS_UP)
    friday = await done(ask, loaded, of)
    told = await said(ask, query, id=friday)
    assert (told["asOf"], told["issues"]) == ("2025-02-14", [])
    saturday = await done(ask, loaded, of, asOf="2025-02-15")
    told = await said(ask, query, id=saturday)
    (issue,) = told["issues"]
    assert (told["asOf"], issue["severity"], issue["code"]) == ("2025-02-14", "WARNING", "NO_PRICES")
    assert issue["suggestion"] == "Take 2025-02-14."
    refused = await said(ask, RUN, input={"scenario": of, "asOf": "9999-12-31"})
    assert (refused["run"], refused["issues"]) == (None, [{"code": "AS_OF_IN_FUTURE", "path": "asOf"}])
    await publish(loaded, (date(2025, 2, 17), {published.TTF: 50.0}))
    told = await said(ask, query, id=await done(ask, loaded, of))
    (issue,) = told["issues"]
    assert (told["asOf"], issue["severity"], issue["code"]) == ("2025-02-17", "WARNING", "NO_PRICES")
    assert issue["message"].startswith("1 of 2 curves, such as eugp:eu/german/power/base, have no prices of 2025-02-17")
    assert friday == await queued(ask, of, asOf="2025-02-14")
    assert saturday == await queued(ask, of, asOf="2025-02-15")
