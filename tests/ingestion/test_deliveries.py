"""Which of the expected files are in, late or missing."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from aurum.ingestion.expectations import Arrival, Delivery, DeliveryState, Expectations, Expected, status
from aurum.parsers.archive import document_times, unpack
from tests.ingestion.test_expectations import DOCUMENTS, VENDORS

BUILT_IN = Expectations()
NEW_YORK = ZoneInfo("America/New_York")
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
IN, LATE, DUE, MISSING, UNEXPECTED, _BACKFILLED = DeliveryState

INSTANTS = st.datetimes(datetime(2025, 1, 1), datetime(2025, 3, 1), timezones=st.just(UTC))  # noqa: DTZ001
WINTER = st.dates(date(2025, 1, 1), date(2025, 2, 28))
ARRIVALS = st.lists(st.builds(Arrival, st.sampled_from(VENDORS), WINTER, INSTANTS), max_size=20)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def test_how_it_stands_with_the_files_of_a_week() -> None:
    monday = date(2025, 2, 17)  # Presidents' Day
    expected = BUILT_IN.expected("RP", monday, monday + 4 * DAY, first_loaded=date(2025, 2, 12))
    arrivals = [
        Arrival("RP", date(2025, 2, 18), utc("2025-02-19 09:00")),  # corrected the next morning
        Arrival("RP", date(2025, 2, 18), utc("2025-02-18 23:59")),
        Arrival("RP", date(2025, 2, 19), utc("2025-02-20 00:30")),
        Arrival("RP", monday, utc("2025-02-17 22:16")),
        Arrival("RP", date(2025, 2, 20), utc("2025-02-22 12:00")),  # not yet
    ]
    due = {day: utc(f"2025-02-{day} 23:00") for day in (18, 19, 20, 21)}
    assert status(expected, arrivals, utc("2025-02-21 12:00")) == [
        Delivery("RP", monday, UNEXPECTED, None, arrivals[3].received_at),
        Delivery("RP", date(2025, 2, 18), IN, due[18], arrivals[1].received_at),
        Delivery("RP", date(2025, 2, 19), LATE, due[19], arrivals[2].received_at, 1.5 * HOUR),
        Delivery("RP", date(2025, 2, 20), MISSING, due[20], None, 13 * HOUR),
        Delivery("RP", date(2025, 2, 21), DUE, due[21], None),
    ]


def test_in_time_is_to_the_end_of_the_grace() -> None:
    day, end = date(2025, 2, 18), utc("2025-02-19 00:00")
    expected = BUILT_IN.expected("RP", day, day, first_loaded=day)
    moment = timedelta(microseconds=1)
    for came, state in ((end, IN), (end + moment, LATE)):
        assert [each.state for each in status(expected, [Arrival("RP", day, came)], end + DAY)] == [state]
    assert [[each.state for each in status(expected, [], now)] for now in (end, end + moment)] == [[DUE], [MISSING]]
    assert [each.state for each in status(expected, [Arrival("EUGP", day, end)], end)] == [UNEXPECTED, DUE]


@given(DOCUMENTS, ARRIVALS, INSTANTS)
def test_every_day_expected_and_every_day_that_came_stands_somewhere_once(
    document: dict[str, Any], arrivals: list[Arrival], now: datetime
) -> None:
    expected = winter(document)
    deliveries = status(expected, arrivals, now)
    asked = {(each.as_of, each.vendor) for each in expected}
    came = {(each.as_of, each.vendor) for each in arrivals if each.received_at <= now}
    assert [(each.as_of, each.vendor) for each in deliveries] == sorted(asked | came)
    assert {(each.as_of, each.vendor) for each in deliveries if each.arrived_at} == came
    for each in deliveries:
        assert (each.state in (IN, LATE, UNEXPECTED)) is (each.arrived_at is not None)
        assert (each.state is UNEXPECTED) is (each.due_at is None)
        assert (each.state in (LATE, MISSING)) is (each.late_by is not None)


@given(DOCUMENTS, ARRIVALS, INSTANTS, INSTANTS)
def test_time_only_moves_from_due_to_in_or_missing_and_from_missing_to_late(
    document: dict[str, Any], arrivals: list[Arrival], one: datetime, other: datetime
) -> None:
    expected = winter(document)
    before, after = (
        {(each.as_of, each.vendor): each for each in status(expected, arrivals, now)} for now in sorted((one, other))
    )
    assert before.keys() <= after.keys()
    follow = {DUE: {DUE, IN, MISSING, LATE}, MISSING: {MISSING, LATE}}
    for day, then in before.items():
        assert after[day].state in follow.get(then.state, {then.state})
        if then.arrived_at:
            assert after[day] == then


def winter(document: dict[str, Any]) -> list[Expected]:
    first, last = date(2025, 1, 1), date(2025, 2, 28)
    expectations = Expectations.from_dict(document)
    return [each for vendor in VENDORS for each in expectations.expected(vendor, first, last, first)]


def test_the_real_files_are_expected_and_in_time_and_one_friday_is_absent(vendor_files: Path) -> None:
    for vendor in ("EUGP", "RP"):
        written = [written_at(file) for file in sorted(vendor_files.glob(f"EOD_{vendor}_*.xlsx"))]
        assert len(written) == 14
        assert {f"{each.received_at.astimezone(NEW_YORK):%H:%M}" for each in written} <= {"17:15", "17:16"}
        first, last = date(2025, 2, 12), date(2025, 2, 28)
        expected = BUILT_IN.expected(vendor, first, last, first)
        expected += BUILT_IN.expected(vendor, date(2025, 9, 10), date(2025, 9, 12), first)
        states = {each.as_of: each.state for each in status(expected, written, utc("2026-01-01 00:00"))}
        assert [day for day, state in states.items() if state is IN] == [each.as_of for each in written]
        assert {day: state for day, state in states.items() if state is not IN} == {date(2025, 2, 21): MISSING}


def written_at(file: Path) -> Arrival:
    """As if it had been received when it was written."""
    _, vendor, day, _ = file.stem.split("_")
    created, _ = document_times(unpack(file.read_bytes(), file.name))
    assert created
    return Arrival(vendor, date.fromisoformat(day), created)
