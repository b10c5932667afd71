"""What is served, and when it starts by itself."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from aurum.errors import InvalidInput
from aurum.settings import PrefectSettings
from flows.serve import LOADS, deployments, schedule_of


async def test_all_flows_are_served_under_the_configured_name() -> None:
    served = await deployments(PrefectSettings(deployment="ingest-workbook/prod"), 2)
    assert {f"{each.flow_name}/{each.name}": each.concurrency_limit for each in served} == {
        "ingest-workbook/prod": LOADS,
        "ingest-day/prod-day": 1,
        "ingest-files/prod-files": 1,
        "backfill/prod-backfill": 1,
    }
    assert not any(each.schedules for each in served)


async def test_runs_of_scenarios_are_served_where_that_is_configured() -> None:
    *_, last = await deployments(PrefectSettings(scenarios="run-scenario/desk"), 3)
    assert (last.flow_name, last.name, last.concurrency_limit) == ("run-scenario", "desk", 3)


@pytest.mark.parametrize("deployment", ["ingest-workbook", "ingest-workbook/", "backfill/ingest", ""])
async def test_a_deployment_of_another_flow_is_refused(deployment: str) -> None:
    with pytest.raises(InvalidInput):
        await deployments(PrefectSettings(deployment=deployment), 2)


def test_a_schedule_is_by_the_clocks_of_its_zone() -> None:
    schedule = schedule_of(PrefectSettings(schedule="30 18 * * 1-5", time_zone="America/New_York"))
    assert schedule is not None
    assert (schedule.cron, schedule.timezone) == ("30 18 * * 1-5", "America/New_York")


@pytest.mark.parametrize(("schedule", "zone"), [("99 18 * * *", "UTC"), ("0 7 * * FUN", "UTC"), ("0 7 * * *", "Mars")])
def test_what_is_no_schedule_is_refused_with_a_hint(schedule: str, zone: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        schedule_of(PrefectSettings(schedule=schedule, time_zone=zone))
    assert "AURUM_PREFECT__SCHEDULE" in str(refusal.value.hint)


@pytest.mark.parametrize("schedule", ["daily", "@daily", "30 18 * *", "30 18 * * 1-5 *"])
def test_a_schedule_has_five_fields(schedule: str) -> None:
    with pytest.raises(ValidationError):
        PrefectSettings(schedule=schedule)
