"""Hours of months by calendar arithmetic: no clock, no time zone, no list of holidays, but the rules as written.

A month has 24 hours a day, one less where clocks go forward and one more where they go back; no clock changes in a
peak hour, so that a peak day has all of them.
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Callable
from datetime import date, timedelta

import pytest

from aurum.market.calendars import CALENDARS
from aurum.market.hours import hour_counts
from aurum.market.periods import months_from

YEARS = range(2023, 2029)
MONDAY, THURSDAY, SATURDAY, SUNDAY = 0, 3, 5, 6


def days_of(year: int, month: int) -> list[date]:
    return [date(year, month, day + 1) for day in range(monthrange(year, month)[1])]


def nth(year: int, month: int, weekday: int, n: int) -> date:
    """The n-th such weekday of a month, from 1; -1 is the last."""
    found = [day for day in days_of(year, month) if day.weekday() == weekday]
    return found[n - 1 if n > 0 else n]


def easter(year: int) -> date:
    """Of the Gregorian calendar, by the anonymous rule that Nature printed in 1876."""
    a, (b, c) = year % 19, divmod(year, 100)
    (d, e), g = divmod(b, 4), (b - (b + 8) // 25 + 1) // 3
    h = (19 * a + b - d - g + 15) % 30
    i, k = divmod(c, 4)
    m = (32 + 2 * e + 2 * i - h - k) % 7
    month, day = divmod(h + m - 7 * ((a + 11 * h + 22 * m) // 451) + 114, 31)
    return date(year, month, day + 1)


# ---- the rules ----


def nerc(year: int) -> set[date]:
    """NERC: "by definition, predetermined dates each year. However, in the event that they fall on a Sunday, the Monday
    immediately following"; "if these days fall on a Saturday, [it] remains on that Saturday"."""
    fixed = [date(year, 1, 1), date(year, 7, 4), date(year, 12, 25)]
    moved = {day + timedelta(1) if day.weekday() == SUNDAY else day for day in fixed}
    return moved | {nth(year, 5, MONDAY, -1), nth(year, 9, MONDAY, 1), nth(year, 11, THURSDAY, 4)}


def ontario(year: int) -> set[date]:
    """Ontario Electricity Financial Corporation: ten days; of a weekend on "the next adjacent weekday (that is not
    also a holiday)". Victoria Day is the Monday before 25 May."""
    kept = {
        nth(year, 2, MONDAY, 3),
        easter(year) - timedelta(2),
        date(year, 5, 24) - timedelta(date(year, 5, 24).weekday()),
    }
    kept |= {nth(year, 8, MONDAY, 1), nth(year, 9, MONDAY, 1), nth(year, 10, MONDAY, 2)}
    fixed = [date(year, 1, 1), date(year, 7, 1), date(year, 12, 25), date(year, 12, 26)]
    kept |= {day for day in fixed if day.weekday() < SATURDAY}
    for day in (day for day in fixed if day.weekday() >= SATURDAY):
        kept.add(
            next(later for n in range(7) if (later := day + timedelta(n)).weekday() < SATURDAY and later not in kept)
        )
    return kept


def north_american(year: int) -> tuple[date, date | None]:
    """Energy Policy Act of 2005: from the second Sunday of March to the first of November."""
    return nth(year, 3, SUNDAY, 2), nth(year, 11, SUNDAY, 1)


def albertan(year: int) -> tuple[date | None, date | None]:
    """As there, until Alberta stays on its summer's clock from 2026 on."""
    forward, back = north_american(year)
    return (forward if year <= 2026 else None), (back if year < 2026 else None)


def european(year: int) -> tuple[date, date]:
    """Directive 2000/84/EC, and the Summer Time Order 2002: the last Sundays of March and October."""
    return nth(year, 3, SUNDAY, -1), nth(year, 10, SUNDAY, -1)


def gas(year: int) -> tuple[date, date]:
    """The night before that Sunday is in the gas day of Saturday."""
    forward, back = european(year)
    return forward - timedelta(1), back - timedelta(1)


def never(year: int) -> tuple[None, None]:
    return None, None


def none(year: int) -> set[date]:
    return set()


Changes = Callable[[int], tuple[date | None, date | None]]
RULES: dict[str, tuple[Changes, int, int, Callable[[int], set[date]]]] = {  # clocks, hours and days of peak, holidays
    "PJM": (north_american, 16, 5, nerc),
    "NYISO": (north_american, 16, 5, nerc),
    "ISONE": (north_american, 16, 5, nerc),
    "MISO": (north_american, 16, 5, nerc),
    "ERCOT": (north_american, 16, 5, nerc),
    "SPP": (north_american, 16, 5, nerc),
    "CAISO": (north_american, 16, 6, nerc),
    "IESO": (never, 16, 5, ontario),
    "AESO": (albertan, 16, 6, nerc),
    "EEX": (european, 12, 5, none),
    "GB": (european, 12, 5, none),
    "EU_GAS": (gas, 0, 0, none),
    "GB_GAS": (gas, 0, 0, none),
}


def expected(code: str, block: str, year: int, month: int) -> int:
    changes, hours, weekdays, holidays = RULES[code]
    days = days_of(year, month)
    forward, back = changes(year)
    if block == "7x24":
        return 24 * len(days) - (forward in days) + (back in days)
    if block == "DAY":
        return hours * len(days)
    return hours * sum(day.weekday() < weekdays and day not in holidays(year) for day in days)


def counted(code: str, block: str, year: int) -> list[float]:
    market, months = CALENDARS[code], [months_from(year, month, 1) for month in range(1, 13)]
    return list(hour_counts(market, market.block(block), months))


def test_every_market_has_its_rules() -> None:
    assert RULES.keys() == CALENDARS.keys()


@pytest.mark.parametrize("year", YEARS)
@pytest.mark.parametrize("code", RULES)
def test_months_have_the_hours_that_their_rules_give(code: str, year: int) -> None:
    whole, *blocks = ["7x24"] if CALENDARS[code].peak is None else ["7x24", "PEAK", "DAY"]
    for block in (whole, *blocks):
        assert counted(code, block, year) == [expected(code, block, year, month) for month in range(1, 13)], block
    if blocks:
        off_peak = [expected(code, whole, year, month) - expected(code, "PEAK", year, month) for month in range(1, 13)]
        assert counted(code, "OFF_PEAK", year) == off_peak


# ---- golden vectors: what the rules above gave when they were written ----

FIVE_BY_SIXTEEN = {
    2024: [352, 336, 336, 352, 352, 320, 352, 352, 320, 368, 320, 336],
    2025: [352, 320, 336, 352, 336, 336, 352, 336, 336, 368, 304, 352],
    2026: [336, 320, 352, 352, 320, 352, 368, 336, 336, 352, 320, 352],
}
SIX_BY_SIXTEEN = {
    2024: [416, 400, 416, 416, 416, 400, 416, 432, 384, 432, 400, 400],
    2025: [416, 384, 416, 416, 416, 400, 416, 416, 400, 432, 384, 416],
    2026: [416, 384, 416, 416, 400, 416, 416, 416, 400, 432, 384, 416],
}
ONTARIO = {
    2024: [352, 320, 320, 352, 352, 320, 352, 336, 320, 352, 336, 320],
    2025: [352, 304, 336, 336, 336, 336, 352, 320, 336, 352, 320, 336],
    2026: [336, 304, 352, 336, 320, 352, 352, 320, 336, 336, 336, 336],
}


@pytest.mark.parametrize("year", FIVE_BY_SIXTEEN)
def test_peak_hours_of_three_years(year: int) -> None:
    assert counted("SPP", "5x16", year) == counted("ISONE", "5x16", year) == FIVE_BY_SIXTEEN[year]
    assert counted("AESO", "6x16", year) == counted("CAISO", "6x16", year) == SIX_BY_SIXTEEN[year]
    assert counted("IESO", "5x16", year) == ONTARIO[year]


def test_hours_of_all_days_where_clocks_differ() -> None:
    """2026: Ontario's market never changes its clock, Alberta's goes forward and not back."""
    assert counted("SPP", "7x24", 2026)[2:11:8] == [743, 721]
    assert counted("IESO", "7x24", 2026)[2:11:8] == [744, 720]
    assert counted("AESO", "7x24", 2026)[2:11:8] == [743, 720]
    assert counted("AESO", "7x16", 2026)[:3] == [496, 448, 496]


@pytest.mark.parametrize(
    ("year", "dates"),
    [  # as the corporation has published them
        (2021, "01-01 02-15 04-02 05-24 07-01 08-02 09-06 10-11 12-27 12-28"),
        (2022, "01-03 02-21 04-15 05-23 07-01 08-01 09-05 10-10 12-26 12-27"),
        (2025, "01-01 02-17 04-18 05-19 07-01 08-04 09-01 10-13 12-25 12-26"),
        (2026, "01-01 02-16 04-03 05-18 07-01 08-03 09-07 10-12 12-25 12-28"),
    ],
)
def test_holidays_of_ontario_as_published(year: int, dates: str) -> None:
    found = CALENDARS["IESO"].holidays(date(year, 1, 1), date(year + 1, 1, 1))
    assert [f"{day:%m-%d}" for day in found] == dates.split()


def test_canada_day_of_a_weekend_is_kept_on_monday() -> None:
    for day in (date(2023, 7, 3), date(2028, 7, 3), date(2029, 7, 2)):
        assert CALENDARS["IESO"].holidays(day, day + timedelta(1)) == {day: "Canada Day"}
