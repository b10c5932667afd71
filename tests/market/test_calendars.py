"""Markets, their blocks and their hours: by published counts, and hour by hour in another way."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from functools import cache
from importlib.resources import files
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aurum.errors import InvalidInput
from aurum.market.blocks import BASELOAD, BLOCKS, DAY, NIGHT, OFF_PEAK, PEAK, PEAK_NIGHT, REST_DAY, Block
from aurum.market.calendars import CALENDARS, Calendar, calendar
from aurum.market.clocks import clock
from aurum.market.hours import Instants, hour_count, hour_counts, in_block, intervals
from aurum.market.periods import DeliveryPeriod, months_from

YEARS = (2024, 2025, 2026)
calendars = st.sampled_from(list(CALENDARS.values()))
days = st.dates(date(2000, 1, 1), date(2101, 6, 30))


def count(code: str, block: str, period: DeliveryPeriod) -> float:
    market = CALENDARS[code]
    return hour_count(market, market.block(block), period)


# ---- published ----


def test_pjm_july_2025_as_published() -> None:
    july = months_from(2025, 7, 1)
    counts = [count("PJM", block, july) for block in ("ATC", "On-Peak", "Off-Peak")]
    assert counts == [744, 352, 392]


def test_a_german_peak_month_has_240_to_276_hours() -> None:
    """As CME says of its German Power Peakload contract: 12 hours on each weekday of the month, 240 to 276 MWh."""
    months = [months_from(2010 + at // 12, at % 12 + 1, 1) for at in range(480)]
    counts = hour_counts(CALENDARS["EEX"], PEAK, months)
    assert (counts.min(), counts.max()) == (240, 276)


@pytest.mark.parametrize(
    ("day", "hours", "first"),
    [
        (date(2019, 3, 30), 23, "2019-03-30T05:00"),
        (date(2018, 10, 27), 25, "2018-10-27T04:00"),
        (date(2026, 3, 28), 23, "2026-03-28T05:00"),
    ],
)
def test_the_short_and_the_long_gas_day_as_operators_have_announced_them(day: date, hours: int, first: str) -> None:
    found = intervals(CALENDARS["EU_GAS"], DeliveryPeriod(day, day + timedelta(1)))
    assert (len(found), str(found[0])) == (hours, f"{first}:00")


def test_the_futures_of_miso_go_by_the_clock_of_the_east() -> None:
    """As NYMEX says: hours ending 08-23 of the prevailing time, which are those ending 07-22 of standard time in summer
    and those ending 08-23 in winter."""
    for day, first in (("2025-07-01", 6), ("2025-01-07", 7)):
        found = block_intervals("MISO", "5x16", date.fromisoformat(day))
        assert found[0] == np.datetime64(f"{day}T{first + 5:02}")
        assert len(found) == 16


@pytest.mark.parametrize(
    ("year", "dates"),
    [  # NERC's list: those of Sunday on Monday, those of Saturday not moved
        (2010, "01-01 05-31 07-05 09-06 11-25 12-25"),
        (2011, "01-01 05-30 07-04 09-05 11-24 12-26"),
        (2012, "01-02 05-28 07-04 09-03 11-22 12-25"),
        (2021, "01-01 05-31 07-05 09-06 11-25 12-25"),
        (2026, "01-01 05-25 07-04 09-07 11-26 12-25"),
    ],
)
def test_holidays_of_nerc(year: int, dates: str) -> None:
    found = CALENDARS["PJM"].holidays(date(year, 1, 1), date(year + 1, 1, 1))
    assert [f"{day:%m-%d}" for day in found] == dates.split()


# ---- hour by hour, in another way ----

# Hours ending, weekdays (0 is Monday), and the zone; "nerc" and "ontario" are below.
ON_PEAK: dict[str, tuple[str, range, int, str | None]] = {
    "PJM": ("America/New_York", range(8, 24), 5, "nerc"),
    "NYISO": ("America/New_York", range(8, 24), 5, "nerc"),
    "ISONE": ("America/New_York", range(8, 24), 5, "nerc"),
    "MISO": ("America/New_York", range(8, 24), 5, "nerc"),
    "ERCOT": ("America/Chicago", range(7, 23), 5, "nerc"),
    "SPP": ("America/Chicago", range(7, 23), 5, "nerc"),
    "CAISO": ("America/Los_Angeles", range(7, 23), 6, "nerc"),
    "IESO": ("Etc/GMT+5", range(8, 24), 5, "ontario"),
    "AESO": ("America/Edmonton", range(8, 24), 6, "nerc"),
    "EEX": ("Europe/Berlin", range(9, 21), 5, None),
    "GB": ("Europe/London", range(8, 20), 5, None),
    "EU_GAS": ("Europe/Berlin", range(0), 0, None),
    "GB_GAS": ("Europe/London", range(0), 0, None),
}
DAY_STARTS = {"EU_GAS": 6, "GB_GAS": 5}
ONTARIO = {
    2024: "01-01 02-19 03-29 05-20 07-01 08-05 09-02 10-14 12-25 12-26",
    2025: "01-01 02-17 04-18 05-19 07-01 08-04 09-01 10-13 12-25 12-26",
    2026: "01-01 02-16 04-03 05-18 07-01 08-03 09-07 10-12 12-25 12-28",
}


@cache
def zone(name: str) -> ZoneInfo:
    with files("tzdata").joinpath("zoneinfo", *name.split("/")).open("rb") as data:
        return ZoneInfo.from_file(data)


def is_nerc_holiday(day: date) -> bool:
    def is_one(day: date) -> bool:
        return (day.month, day.day) in ((1, 1), (7, 4), (12, 25))

    return (
        (is_one(day) and day.weekday() != 6)
        or (day.weekday() == 0 and is_one(day - timedelta(1)))
        or (day.month == 5 and day.weekday() == 0 and (day + timedelta(7)).month == 6)
        or (day.month == 9 and day.weekday() == 0 and day.day <= 7)
        or (day.month == 11 and day.weekday() == 3 and 22 <= day.day <= 28)
    )


IS_HOLIDAY: dict[str | None, Callable[[date], bool]] = {
    "nerc": is_nerc_holiday,
    "ontario": lambda day: f"{day:%m-%d}" in ONTARIO[day.year].split(),
    None: lambda day: False,
}


def walked(code: str, start: date, end: date) -> Iterator[tuple[datetime, bool, bool]]:
    """Each hour from local `start` until local `end`: when (UTC), whether on a peak day, whether in a peak hour."""
    name, endings, days, holidays = ON_PEAK[code]
    tz, opens = zone(name), DAY_STARTS.get(code, 0)
    now, until = (datetime(day.year, day.month, day.day, opens, tzinfo=tz).astimezone(UTC) for day in (start, end))
    while now < until:
        local = now.astimezone(tz)
        yield now, local.weekday() < days and not IS_HOLIDAY[holidays](local.date()), local.hour + 1 in endings
        now += timedelta(hours=1)


WITHIN: dict[Block, Callable[[bool, bool], bool]] = {
    BASELOAD: lambda day, hour: True,
    PEAK: lambda day, hour: day and hour,
    OFF_PEAK: lambda day, hour: not (day and hour),
    DAY: lambda day, hour: hour,
    REST_DAY: lambda day, hour: hour and not day,
    NIGHT: lambda day, hour: not hour,
    PEAK_NIGHT: lambda day, hour: day and not hour,
}


@pytest.mark.parametrize("year", YEARS)
@pytest.mark.parametrize("code", ON_PEAK)
def test_every_month_of_three_years_is_what_a_walk_through_its_hours_finds(code: str, year: int) -> None:
    market = CALENDARS[code]
    for month in range(1, 13):
        period = months_from(year, month, 1)
        seen = Counter((day, hour) for _, day, hour in walked(code, period.start, period.end))
        for block in market.blocks:
            expected = sum(number for parts, number in seen.items() if WITHIN[block](*parts))
            assert hour_count(market, block, period) == expected, (period, block.code)


def clock_changes(code: str) -> list[date]:
    """The dates on which a market's clock changes, from 2024 to 2026."""
    tz, day, found = zone(ON_PEAK[code][0]), date(2024, 1, 1), []
    while day < date(2027, 1, 1):
        offsets = {datetime(day.year, day.month, day.day, hour, tzinfo=tz).utcoffset() for hour in (0, 23)}
        found += [day] if len(offsets) > 1 else []
        day += timedelta(1)
    return found


@pytest.mark.parametrize("code", ON_PEAK)
def test_the_days_around_clock_changes_have_the_hours_that_a_walk_finds(code: str) -> None:
    changes = clock_changes(code)
    assert len(changes) == {"Etc/GMT+5": 0, "America/Edmonton": 5}.get(ON_PEAK[code][0], 6)  # Alberta stops in 2026
    market = CALENDARS[code]
    for start in (changed + timedelta(shift) for changed in changes for shift in (-1, 0, 1)):
        period = DeliveryPeriod(start, start + timedelta(1))
        found = intervals(market, period)
        expected = list(walked(code, period.start, period.end))
        assert found.tolist() == [when.replace(tzinfo=None) for when, _, _ in expected]
        for block in market.blocks:
            mask = in_block(market, block, found)
            assert mask.tolist() == [WITHIN[block](day, hour) for _, day, hour in expected]
            assert hour_count(market, block, period) == mask.sum()


def test_alberta_changes_its_clocks_no_more() -> None:
    """Which a machine's own time zones may not know yet: those of requirements.lock are taken."""
    change = date(2026, 11, 1)
    assert len(intervals(CALENDARS["AESO"], DeliveryPeriod(change, change + timedelta(1)))) == 24
    assert count("AESO", "ATC", months_from(2026, 11, 1)) == 720
    assert count("PJM", "ATC", months_from(2026, 11, 1)) == 721


def test_a_gas_day_changes_its_clock_before_the_day_of_power_does() -> None:
    sunday = date(2025, 3, 30)
    lengths = {
        code: [
            count(code, "7x24", DeliveryPeriod(sunday + timedelta(at), sunday + timedelta(at + 1))) for at in (-1, 0)
        ]
        for code in ("EEX", "EU_GAS", "GB", "GB_GAS")
    }
    assert lengths == {"EEX": [24, 23], "EU_GAS": [23, 24], "GB": [24, 23], "GB_GAS": [23, 24]}


# ---- what holds for all ----


def block_intervals(code: str, block: str, day: date, minutes: int = 60) -> Instants:
    market = CALENDARS[code]
    starts = intervals(market, DeliveryPeriod(day, day + timedelta(1)), minutes)
    return starts[in_block(market, market.block(block), starts)]


@given(calendars, days, st.integers(1, 200))
def test_parts_add_up_to_all_hours(market: Calendar, start: date, length: int) -> None:
    period = DeliveryPeriod(start, start + timedelta(length))
    hours = {code: hour_count(market, block, period) for code, block in BLOCKS.items() if block in market.blocks}
    assert abs(hours["BASELOAD"] - 24 * length) <= 1
    if market.peak:
        assert hours["PEAK"] + hours["OFF_PEAK"] == hours["BASELOAD"]
        assert hours["DAY"] + hours["NIGHT"] == hours["BASELOAD"]
        assert hours["PEAK"] + hours["REST_DAY"] == hours["DAY"]
        assert hours["OFF_PEAK"] == hours["REST_DAY"] + hours["NIGHT"]
        assert 0 <= hours["PEAK_NIGHT"] <= hours["NIGHT"]


@given(calendars, days, st.integers(1, 40), st.sampled_from([15, 30, 60]), st.data())
def test_counts_are_the_lengths_of_the_intervals(
    market: Calendar, start: date, length: int, minutes: int, data: st.DataObject
) -> None:
    period = DeliveryPeriod(start, start + timedelta(length))
    block = data.draw(st.sampled_from(market.blocks))
    starts = intervals(market, period, minutes)
    assert (np.diff(starts) == np.timedelta64(minutes, "m")).all()
    assert in_block(market, block, starts).sum() * minutes / 60 == hour_count(market, block, period)


@given(calendars, days, st.lists(st.integers(1, 100), min_size=1, max_size=5))
def test_a_period_has_the_hours_of_its_pieces(market: Calendar, start: date, lengths: list[int]) -> None:
    ends = [start + timedelta(sum(lengths[: at + 1])) for at in range(len(lengths))]
    pieces = [DeliveryPeriod(*each) for each in zip([start, *ends], ends, strict=False)]
    for block in market.blocks:
        assert hour_counts(market, block, pieces).sum() == hour_count(market, block, DeliveryPeriod(start, ends[-1]))


@given(st.sampled_from(sorted({each.zone for each in CALENDARS.values()})), days, st.integers(0, 86_399))
def test_a_clock_shows_what_the_zone_says(name: str, day: date, second: int) -> None:
    instant = datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(seconds=second)
    seconds = np.array([int(instant.timestamp())])
    local = instant.astimezone(zone(name)).replace(tzinfo=None)
    assert clock(name).local(seconds).astype("M8[s]").tolist() == [local]
    expected = instant.replace(tzinfo=zone(name)).astimezone(UTC).replace(tzinfo=None)
    assert clock(name).instants(seconds).astype("M8[s]").tolist() == [expected]


# ---- names ----


@pytest.mark.parametrize(
    ("code", "text", "block"),
    [
        ("PJM", "5x16", PEAK), ("PJM", "2x16", REST_DAY), ("PJM", "7x8", NIGHT), ("PJM", "7x16", DAY),
        ("PJM", "5x8", PEAK_NIGHT), ("PJM", "ON_PEAK", PEAK), ("PJM", "wrap", OFF_PEAK), ("PJM", "ATC", BASELOAD),
        ("CAISO", "6x16", PEAK), ("CAISO", "1X16", REST_DAY), ("EEX", "5x12", PEAK), ("EEX", "7x12", DAY),
        ("ERCOT", "2x16H", REST_DAY), ("CAISO", "1x16H", REST_DAY), ("AESO", "Flat", BASELOAD),
        ("EEX", " Base ", BASELOAD), ("GB", "Peak", PEAK), ("EU_GAS", "7x24", BASELOAD),
    ],
)  # fmt: skip
def test_blocks_by_what_they_are_called(code: str, text: str, block: Block) -> None:
    assert CALENDARS[code].block(text) is block


@pytest.mark.parametrize(
    ("code", "text"),
    [("CAISO", "5x16"), ("EEX", "5x16"), ("PJM", "6x16"), ("EU_GAS", "peak"), ("PJM", ""), ("EEX", "2x12H")],
)
def test_a_block_that_a_market_has_not_is_refused(code: str, text: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        CALENDARS[code].block(text)
    assert "7x24" in (refused.value.hint or "")


def test_calendars_by_what_they_are_called() -> None:
    assert calendar("pjm") is CALENDARS["PJM"]
    assert calendar("ISO-NE") is CALENDARS["ISONE"]
    assert calendar("Nord Pool") is None
    assert set(ON_PEAK) == set(CALENDARS)


def test_what_lies_outside_is_refused() -> None:
    pjm = CALENDARS["PJM"]
    with pytest.raises(InvalidInput):
        hour_count(pjm, PEAK, DeliveryPeriod(date(1999, 12, 31), date(2000, 1, 2)))
    with pytest.raises(InvalidInput):
        hour_count(pjm, PEAK, DeliveryPeriod(date(2101, 12, 31), date(2102, 1, 2)))
    with pytest.raises(InvalidInput):
        intervals(pjm, months_from(2025, 7, 1), 20)
    assert hour_counts(pjm, PEAK, []).shape == (0,)
