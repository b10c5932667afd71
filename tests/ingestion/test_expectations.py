"""Which files are expected, and by when; what a document may say of that."""

from __future__ import annotations

import json
import re
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import holidays
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aurum.errors import InvalidInput
from aurum.ingestion.expectations import Expectations, Expected

BUILT_IN = Expectations()
HOUR, DAY = timedelta(hours=1), timedelta(days=1)

NYSE_2025 = "01-01 01-09 01-20 02-17 04-18 05-26 06-19 07-04 09-01 11-27 12-25"  # 9 January: mourning for Carter
NYSE_2026 = "01-01 01-19 02-16 04-03 05-25 06-19 07-03 09-07 11-26 12-25"


def only(vendor: str, **values: Any) -> Expectations:
    return Expectations.from_dict({"vendors": {vendor: values}})


def days(expected: list[Expected]) -> list[date]:
    return [each.as_of for each in expected]


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


# ---------------------------------------------------------------------------------------------------- days


@pytest.mark.parametrize(("year", "rests", "trading_days"), [(2025, NYSE_2025, 250), (2026, NYSE_2026, 251)])
@pytest.mark.parametrize("vendor", ["EUGP", "RP"])
def test_a_file_is_expected_of_every_trading_day_of_new_york(
    vendor: str, year: int, rests: str, trading_days: int
) -> None:
    first, last = date(year, 1, 1), date(year, 12, 31)
    expected = days(BUILT_IN.expected(vendor, first, last, first_loaded=first))
    weekdays = [first + number * DAY for number in range(365) if (first + number * DAY).weekday() < 5]
    assert " ".join(f"{day:%m-%d}" for day in weekdays if day not in expected) == rests
    assert len(expected) == trading_days
    assert set(expected) <= set(weekdays)


def test_nothing_is_expected_before_the_first_file_nor_of_a_vendor_of_whom_nothing_is_said() -> None:
    february = date(2025, 2, 1), date(2025, 2, 14)
    assert BUILT_IN.expected("RP", *february) == []
    assert days(BUILT_IN.expected("RP", *february, first_loaded=date(2025, 2, 13))) == [date(2025, 2, 13), february[1]]
    for vendor in ("PW", "SIMPLE", "ACME"):
        assert BUILT_IN.expected(vendor, *february, first_loaded=february[0]) == []
        assert BUILT_IN.starts(vendor, february[0]) is None


def test_since_is_said_and_not_what_was_loaded() -> None:
    expectations = only("RP", since="2025-02-12")
    for first_loaded in (None, date(2025, 2, 3), date(2025, 2, 14)):
        assert days(expectations.expected("RP", date.min, date(2025, 2, 13), first_loaded)) == [
            date(2025, 2, 12),
            date(2025, 2, 13),
        ]


def test_what_is_set_replaces_what_is_built_in_value_by_value() -> None:
    expectations = only("EUGP", closed=["2025-02-21"], open=["2025-02-17", "2025-02-22"], since="2025-02-14")
    expected = days(expectations.expected("EUGP", date.min, date(2025, 2, 24)))
    assert [day.day for day in expected] == [14, 17, 18, 19, 20, 22, 24]
    assert Expectations.from_dict({"vendors": {"eugp": None}}).of("EUGP") is None
    assert BUILT_IN.of("EUGP") == only("EUGP").of("EUGP") == BUILT_IN.of("RP")


@pytest.mark.parametrize(
    ("calendar", "day", "expects"),
    [
        ("XNYS", "2025-10-13", True),
        ("US", "2025-10-13", False),  # Columbus Day
        ("US", "2021-12-31", False),  # New Year's Day, observed in the year before
        ("NYSE", "2025-04-18", False),
        ("XECB", "2025-05-01", False),
        ("IFEU", "2025-02-17", True),
        ("GB", "2025-12-26", False),
        ("DE", "2025-06-19", True),
        ("DE-BY", "2025-06-19", False),  # Corpus Christi
        (None, "2025-12-25", True),
    ],
)
def test_calendars_are_of_markets_countries_and_their_parts(calendar: str | None, day: str, expects: bool) -> None:
    schedule = only("PW", calendar=calendar, time_zone="UTC", due="12:00").of("PW")
    assert schedule
    assert schedule.expects(date.fromisoformat(day)) is expects


@pytest.mark.parametrize(
    ("weekdays", "numbers"),
    [("MON-FRI", "01234"), ("SUN-THU", "01236"), ("SAT", "5"), ("MON-SUN", "0123456"), (["SUN", "WED"], "26")],
)
def test_weekdays_are_a_range_or_a_list(weekdays: object, numbers: str) -> None:
    schedule = only("PW", weekdays=weekdays, time_zone="UTC", due="12:00").of("PW")
    assert schedule
    assert schedule.weekdays == frozenset(map(int, numbers))


# ---------------------------------------------------------------------------------------------------- due times


@pytest.mark.parametrize(
    ("zone", "due", "as_of", "due_at"),
    [
        ("America/New_York", "18:00", "2025-03-07", "2025-03-07 23:00"),
        ("America/New_York", "18:00", "2025-03-10", "2025-03-10 22:00"),
        ("America/New_York", "18:00", "2025-10-31", "2025-10-31 22:00"),
        ("America/New_York", "18:00", "2025-11-03", "2025-11-03 23:00"),
        ("Europe/London", "00:30", "2025-06-02", "2025-06-01 23:30"),
        ("Europe/Berlin", "02:30", "2025-03-30", "2025-03-30 01:30"),  # skipped: 03:30 in summer
        ("Europe/Berlin", "02:30", "2025-10-26", "2025-10-26 01:30"),  # twice: the second, in winter
        ("Asia/Kolkata", "18:00", "2025-03-30", "2025-03-30 12:30"),
    ],
)
def test_due_by_local_clocks_across_their_changes(zone: str, due: str, as_of: str, due_at: str) -> None:
    day = date.fromisoformat(as_of)
    expectations = only("PW", weekdays="MON-SUN", time_zone=zone, due=due, grace_minutes=90, since=as_of)
    assert expectations.expected("PW", day, day) == [Expected("PW", day, utc(due_at), utc(due_at) + 1.5 * HOUR)]


def test_due_some_calendar_days_later() -> None:
    expectations = only("PW", time_zone="Europe/London", due="07:00", due_days=3, since="2025-03-28")
    (friday,) = expectations.expected("PW", date(2025, 3, 28), date(2025, 3, 30))
    assert friday.due_at == utc("2025-03-31 06:00")


VENDORS = ["EUGP", "RP", "PW"]
ZONES = ["UTC", "America/New_York", "Europe/Berlin", "Australia/Lord_Howe", "Pacific/Apia", "Asia/Kathmandu"]
WEEK = ["MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN"]
DAYS = st.dates(date(2011, 12, 1), date(2026, 12, 31))
TEXTS = DAYS.map(date.isoformat)

SCHEDULES = st.fixed_dictionaries(
    {"time_zone": st.sampled_from(ZONES), "due": st.times().map("{:%H:%M}".format)},
    optional={
        "calendar": st.sampled_from(["XNYS", "XECB", "DE-BY", "US", None]),
        "weekdays": st.lists(st.sampled_from(WEEK), min_size=1, unique=True),
        "due_days": st.integers(0, 31),
        "grace_minutes": st.integers(0, 10_080),
        "since": st.none() | TEXTS,
        "closed": st.lists(TEXTS, max_size=3),
    },
)
DOCUMENTS = st.dictionaries(st.sampled_from(VENDORS), st.none() | SCHEDULES).map(lambda vendors: {"vendors": vendors})
RESTS: dict[str | None, Any] = {
    "XNYS": holidays.financial_holidays("NYSE"),
    "XECB": holidays.financial_holidays("ECB"),
    "US": holidays.country_holidays("US"),
    "DE-BY": holidays.country_holidays("DE", subdiv="BY"),
    None: (),
}


@given(SCHEDULES, st.lists(TEXTS, max_size=3), DAYS, st.integers(0, 60))
def test_every_day_expected_is_a_business_day_and_due_after_the_one_before(
    values: dict[str, Any], opened: list[str], first: date, length: int
) -> None:
    values["open"] = [day for day in opened if day not in values.get("closed", [])]
    expected = only("PW", **values).expected("PW", first, first + length * DAY, first)
    begin = max(first.isoformat(), values.get("since") or first.isoformat())
    span = [first + number * DAY for number in range(length + 1)]
    assert days(expected) == [day for day in span if day.isoformat() >= begin and business_day(day, values)]
    assert all(one.due_at <= other.due_at for one, other in pairwise(expected))
    for each in expected:
        local = each.due_at.astimezone(ZoneInfo(values["time_zone"])).replace(tzinfo=None)
        said = datetime.fromisoformat(f"{each.as_of} {values['due']}") + values.get("due_days", 0) * DAY
        assert timedelta(0) <= local - said <= DAY  # later only where clocks skip it; Apia skipped a day
        assert each.late_after - each.due_at == timedelta(minutes=values.get("grace_minutes", 60))


def business_day(day: date, values: dict[str, Any]) -> bool:
    if day.isoformat() in values["open"]:
        return True
    if day.isoformat() in values.get("closed", []) or WEEK[day.weekday()] not in values.get("weekdays", WEEK[:5]):
        return False
    return day not in RESTS[values.get("calendar")]


# ---------------------------------------------------------------------------------------------------- documents


@given(DOCUMENTS)
def test_expectations_survive_a_journey_through_json(document: dict[str, Any]) -> None:
    expectations = Expectations.from_dict(document)
    again = Expectations.from_dict(json.loads(json.dumps(expectations.to_dict())))
    assert again == expectations
    assert [again.of(vendor) for vendor in VENDORS] == [expectations.of(vendor) for vendor in VENDORS]


def test_a_document_is_given_back_as_it_was_set() -> None:
    values = {
        "calendar": "DE-BY",
        "weekdays": ["MON", "TUE", "SUN"],
        "time_zone": "Europe/Berlin",
        "due": "07:05",
        "due_days": 1,
        "grace_minutes": 0,
        "since": None,
        "closed": ["2025-02-21", "2025-02-24"],
        "open": ["2025-12-25"],
    }
    document = {"vendors": {"PW": values, "RP": None, "EUGP": {"closed": ["2025-02-21"]}}}
    assert Expectations.from_dict(document).to_dict() == document
    assert Expectations.from_dict({}) == Expectations()


PW = {"time_zone": "UTC", "due": "12:00"}
WRONG: dict[str, list[Any]] = {
    "calendar": ["XXXX", "nyse", "DE-", "DE-ZZ", "HolidayBase", "", 3, ["US"]],
    "weekdays": ["", "MON-", "MON-TUE-WED", "Monday", [], ["MON", 3], None],
    "time_zone": ["", "CET+1", "../UTC", "Europe", "localtime", "right/UTC", None, 1],
    "due": ["24:00", "9:00", "12:00:30", "12:00+01:00", "١٢:٠٠", "12:00\n", None, 12],
    "due_days": [-1, 32, 1.5, True, "1", None],
    "grace_minutes": [-1, 10_081, float("nan"), None],
    "since": ["2025-02-30", "1989-12-31", "2101-01-01", "2025-02-12T00:00", 20250212],
    "closed": [None, "2025-02-21", {}],
}


@pytest.mark.parametrize(
    ("document", "path"),
    [
        ([], "expectations"),
        ({"vendor": {}}, "expectations"),
        ({"vendors": []}, "vendors"),
        ({"vendors": {"R P": {}}}, "vendors"),
        ({"vendors": {"RP": {}, "rp": None}}, "vendors"),
        ({"vendors": {"RP": "XNYS"}}, "vendors.RP"),
        ({"vendors": {"RP": {"holidays": []}}}, "vendors.RP"),
        ({"vendors": {"PW": {}}}, "vendors.PW"),
        ({"vendors": {"PW": {"due": "12:00"}}}, "vendors.PW"),
        ({"vendors": {"RP": {"closed": ["2025-02-21"], "open": ["2025-02-21"]}}}, "vendors.RP"),
        *(
            ({"vendors": {"PW": {**PW, name: value}}}, f"vendors.PW.{name}")
            for name, wrong in WRONG.items()
            for value in wrong
        ),
        ({"vendors": {"RP": {"open": ["2025-02-21", "Friday"]}}}, "vendors.RP.open[1]"),
        ({"vendors": {"RP": {"closed": [None]}}}, "vendors.RP.closed[0]"),
    ],
)
def test_what_is_no_expectation_is_refused_with_its_place(document: object, path: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        Expectations.from_dict(document)
    assert refused.value.details["path"] == path
    assert re.match(rf"{re.escape(path)}: \S", refused.value.message)


def test_what_is_beyond_the_calendars_is_refused() -> None:
    with pytest.raises(InvalidInput, match=r"^last: 2101-01-01"):
        BUILT_IN.expected("RP", date(2025, 1, 1), date(2101, 1, 1), date(2025, 1, 1))
    assert len(BUILT_IN.expected("RP", date.min, date(2100, 12, 31), date(2100, 12, 1))) > 20
