"""Calendars: a market's clock, its delivery day, its peak and its holidays."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from functools import cache, lru_cache
from types import MappingProxyType

from aurum.errors import InvalidInput
from aurum.market.blocks import BASELOAD, BLOCK_BY_SPELLING, BLOCKS, Block, patterns, spelled
from aurum.market.clocks import END_DAY, FIRST_DAY


class HolidayRule(StrEnum):
    """Which days beside those of the week are no peak days."""

    NERC = "NERC"
    ONTARIO = "ONTARIO"


@dataclass(frozen=True, slots=True)
class Peak:
    """Local clock hours from `start` until `end` on the first `days` days of a week that begins on Monday."""

    start: int
    end: int
    days: int = 5
    holidays: HolidayRule | None = None


@dataclass(frozen=True, slots=True)
class Calendar:
    """When a market delivers. `peak` is None where it has no blocks but all hours.

    A delivery day begins at `day_start` o'clock of the local date that it is named after. `source` is where this is
    from, `unverified` what of it was not checked against a second source.
    """

    code: str
    name: str
    zone: str
    peak: Peak | None
    source: str
    unverified: str | None = None
    aliases: tuple[str, ...] = ()
    day_start: int = 0

    def __post_init__(self) -> None:
        if self.peak and self.day_start:
            raise ValueError(f"{self.code}: peak hours are counted in days that begin at midnight")

    @property
    def patterns(self) -> Mapping[str, Block]:
        """Its blocks by what traders call them, such as `5x16`; off-peak has no such name."""
        if self.peak is None:
            return MappingProxyType({"7x24": BASELOAD})
        return patterns(self.peak.days, self.peak.end - self.peak.start, self.peak.holidays is not None)

    @property
    def blocks(self) -> tuple[Block, ...]:
        return (BASELOAD,) if self.peak is None else tuple(BLOCKS.values())

    def block(self, text: str) -> Block:
        """By its code, an alias or what traders call it here, in any spelling. Raises InvalidInput for any other."""
        return _block(self, text[:60])

    def holidays(self, start: date, end: date) -> dict[date, str]:
        """From `start` until before `end`, by date; those on a weekend, too."""
        rule = self.peak.holidays if self.peak else None
        return {day: name for day, name in sorted(_days_of(rule).items()) if start <= day < end} if rule else {}


@lru_cache(maxsize=2048)
def _block(calendar: Calendar, text: str) -> Block:
    spelling = spelled(text)
    found = BLOCK_BY_SPELLING.get(spelling) or calendar.patterns.get(spelling)
    if found is None or found not in calendar.blocks:
        known = ", ".join([*(block.code for block in calendar.blocks), *calendar.patterns])
        raise InvalidInput(f"{text!r} is no block of {calendar.code}", hint=f"It has {known}.", field="block")
    return found


# ---- holidays ----

_NERC = ("New Year's Day", "Memorial Day", "Independence Day", "Labor Day", "Thanksgiving Day", "Christmas Day")
_NOT_OF_ONTARIO = {"Easter Monday", "Remembrance Day"}
_YEARS = range(FIRST_DAY.year, END_DAY.year)


@cache
def _days_of(rule: HolidayRule) -> Mapping[date, str]:
    return MappingProxyType(_nerc() if rule is HolidayRule.NERC else _ontario())


def _nerc() -> dict[date, str]:
    """NERC's additional off-peak days: six of the United States' holidays, kept on Monday where they fall on a Sunday,
    and not moved from a Saturday."""
    import holidays

    days = holidays.country_holidays("US", years=_YEARS, observed=False)
    return {
        day + timedelta(day.weekday() == 6): name
        for day, names in days.items()
        for name in names.split("; ")
        if name in _NERC
    }


def _ontario() -> dict[date, str]:
    """Those that the Ontario Electricity Financial Corporation keeps for on-peak and off-peak generation: one of a
    weekend is kept on the next weekday that is none."""
    import holidays

    days = holidays.country_holidays(
        "CA", subdiv="ON", years=_YEARS, observed=False, categories=("public", "optional"), language="en_CA"
    )
    named = {day: names for day, names in sorted(days.items()) if not _NOT_OF_ONTARIO & {*names.split("; ")}}
    kept: dict[date, str] = {}
    for day, name in named.items():
        while day.weekday() > 4 or day in kept or named.get(day, name) != name:
            day += timedelta(1)
        kept[day] = name
    return kept


# ---- the calendars ----

_EAST, _CENTRAL = "America/New_York", "America/Chicago"
_EASTERN = Peak(7, 23, holidays=HolidayRule.NERC)
_WESTERN = Peak(6, 22, days=6, holidays=HolidayRule.NERC)

CALENDARS: Mapping[str, Calendar] = MappingProxyType(
    {
        calendar.code: calendar
        for calendar in (
            Calendar(
                "PJM", "PJM Interconnection", _EAST, _EASTERN,
                "Power contracts: hours ending 08-23 of the eastern clock, Monday to Friday, but PJM's holidays",
            ),
            Calendar(
                "NYISO", "New York ISO", _EAST, _EASTERN,
                "NYMEX, futures of New York's zones: hours ending 08-23 of the eastern clock, Monday to Friday, but "
                "NERC's holidays",
            ),
            Calendar(
                "ISONE", "ISO New England", _EAST, _EASTERN,
                "Nodal Exchange: Monday to Friday by the eastern clock, but NERC's holidays; Molecule's elektra: hours "
                "ending 08-23",
                aliases=("ISO-NE", "NEISO", "NEPOOL"),
            ),
            Calendar(
                "MISO", "Midcontinent ISO", _EAST, _EASTERN,
                "NYMEX, MISO hours: futures go by the clock of the East, hours ending 08-23, but NERC's holidays",
                "A vendor that quotes by MISO's tariff has other hours: ending 07-22 of Eastern Standard Time.",
            ),
            Calendar(
                "ERCOT", "Electric Reliability Council of Texas", _CENTRAL, Peak(6, 22, holidays=HolidayRule.NERC),
                "Market guides: hours ending 07-22 of the central clock, Monday to Friday, but NERC's holidays",
            ),
            Calendar(
                "SPP", "Southwest Power Pool", _CENTRAL, Peak(6, 22, holidays=HolidayRule.NERC),
                "Molecule's elektra: hours ending 07-22 of the central clock, Monday to Friday, but NERC's holidays",
            ),
            Calendar(
                "CAISO", "California ISO", "America/Los_Angeles", _WESTERN,
                "Power contracts: hours ending 07-22 of the Pacific clock, Monday to Saturday, but NERC's holidays",
                aliases=("WECC",),
            ),
            Calendar(
                "IESO", "Independent Electricity System Operator (Ontario)", "Etc/GMT+5",
                Peak(7, 23, holidays=HolidayRule.ONTARIO),
                "IESO: hours ending of Eastern Standard Time in summer, too; Ontario Electricity Financial "
                "Corporation: holidays; peak hours as the project's design states them",
                "Peak hours; that a vendor's blocks keep the Civic Holiday, as that corporation's contracts do.",
            ),
            Calendar(
                "AESO", "Alberta Electric System Operator", "America/Edmonton",
                Peak(7, 23, days=6, holidays=HolidayRule.NERC),
                "Molecule's elektra: hours ending 08-23 by the clock of the place; days and holidays as the project's "
                "design states them",
                "Peak days and holidays; that the market follows Alberta's clock, which changes no more from "
                "November 2026 on.",
            ),
            Calendar(
                "EEX", "Continental Europe (EEX)", "Europe/Berlin", Peak(8, 20),
                "CME, German Power Peakload: 8 to 20 o'clock German time on all weekdays of the month, holidays, too",
            ),
            Calendar(
                "GB", "Great Britain", "Europe/London", Peak(7, 19),
                "ICE, UK Peak Electricity: 07-19 o'clock London time, Monday to Friday; EFA: bank holidays, too",
                "Days begin at midnight here; contracts by EFA day begin at 23:00 before, with as many hours in every "
                "month.",
            ),
            Calendar(
                "EU_GAS", "Gas days of continental Europe", "Europe/Berlin", None,
                "Regulation (EU) 2017/459, article 3: from 5:00 UTC in winter, 4:00 UTC in summer", day_start=6,
            ),
            Calendar(
                "GB_GAS", "Gas days of Great Britain", "Europe/London", None,
                "Uniform Network Code, modification 461: the gas day of the European network codes", day_start=5,
            ),
        )
    }
)  # fmt: skip

_BY_SPELLING = {spelled(text): each for each in CALENDARS.values() for text in (each.code, *each.aliases)}


def calendar(text: str) -> Calendar | None:
    """By its code or an alias, in any spelling."""
    return _BY_SPELLING.get(spelled(text))
