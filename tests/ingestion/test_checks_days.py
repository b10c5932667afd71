"""Prices of a day to come cannot be known; somewhere on earth it may be tomorrow already."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from aurum.auth import Principal, Scope
from aurum.demo import eugp_workbook
from aurum.ingestion.checks import Flag, Thresholds, check, refusal
from aurum.ingestion.model import RunState
from aurum.ingestion.service import Submission
from aurum.metadata.model import CurveFilter
from aurum.parsers import parse
from aurum.parsers.model import Severity
from aurum.services import Services

FRIDAY = date(2025, 2, 14)
ONE = timedelta(days=1)


def flags_on(today: date, thresholds: Thresholds | None = None) -> list[Flag]:
    """Of the workbook of FRIDAY."""
    workbook = eugp_workbook(FRIDAY, months=3)
    found = check(parse(workbook.to_bytes(), workbook.name), thresholds=thresholds or Thresholds(), today=today)
    return [flag for flag in found if flag.finding.code == "AS_OF_IN_FUTURE"]


def test_a_file_of_today_or_before_is_as_good_as_any() -> None:
    assert flags_on(FRIDAY) == flags_on(FRIDAY + ONE) == []


def test_a_file_of_tomorrow_is_warned_of_and_loaded() -> None:
    flags = flags_on(FRIDAY - ONE)
    assert [flag.finding.severity for flag in flags] == [Severity.WARNING]
    assert refusal(flags) is None


def test_a_file_of_the_day_after_is_refused_unless_somebody_says_otherwise() -> None:
    (flag,) = flags_on(FRIDAY - 2 * ONE)
    assert refusal([flag]) is flag
    assert "2025-02-14 is after today, 2025-02-12 in UTC" in flag.finding.message
    lenient = Thresholds(vendors={"EUGP": {"severities": {"AS_OF_IN_FUTURE": "WARNING"}}})
    assert refusal(flags_on(FRIDAY - 2 * ONE, lenient)) is None


async def test_nothing_of_a_file_of_next_week_is_loaded(services: Services) -> None:
    desk = Principal("desk", "analyst", frozenset(Scope))
    workbook = eugp_workbook(datetime.now(UTC).date() + timedelta(days=7), months=3)
    run = await services.ingestion.ingest(desk, Submission(workbook.to_bytes(), workbook.name, "test"))
    assert (run.state, run.error_code) == (RunState.FAILED, "AS_OF_IN_FUTURE")
    assert await services.metadata.count(desk, CurveFilter()) == 0
