"""On which days a vendor publishes a file, and until when it is due."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, available_timezones


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """The days that a vendor publishes a file of, and until when it is due.

    A day counts if it is one of `weekdays` (0 is Monday), no holiday of `calendar` and not in `closed`, or if it is in
    `open`. The file is due `due_days` calendar days later, at `due` by the clocks of `time_zone`.
    """

    time_zone: str
    due: time
    due_days: int = 0
    grace_minutes: int = 60
    calendar: str | None = None
    weekdays: frozenset[int] = frozenset(range(5))
    since: date | None = None
    closed: frozenset[date] = frozenset()
    open: frozenset[date] = frozenset()

    def expects(self, as_of: date) -> bool:
        if as_of in self.open:
            return True
        if as_of.weekday() not in self.weekdays or as_of in self.closed:
            return False
        return self.calendar is None or as_of not in _holidays(self.calendar, as_of.year)

    def due_at(self, as_of: date) -> datetime:
        """UTC. Of a local time that occurs twice, the second; one that is skipped is as much later as clocks jump."""
        local = datetime.combine(as_of + timedelta(self.due_days), self.due, ZoneInfo(self.time_zone))
        return max(local.replace(fold=fold).astimezone(UTC) for fold in (0, 1))


@lru_cache(maxsize=4096)
def _holidays(calendar: str, year: int) -> frozenset[date]:
    """The days of a year on which a calendar rests, observed ones included; a market's early closes are not."""
    import holidays

    if calendar in holidays.list_supported_financial():
        return frozenset(holidays.financial_holidays(calendar, years=year, expand=False))
    country, _, subdivision = calendar.partition("-")
    return frozenset(holidays.country_holidays(country, subdivision or None, years=year, expand=False))


def is_calendar(code: str) -> bool:
    import holidays

    if code in holidays.list_supported_financial():
        return True
    country, dash, subdivision = code.partition("-")
    subdivisions = holidays.list_supported_countries().get(country)
    return subdivisions is not None and (not dash or subdivision in subdivisions)


@lru_cache(maxsize=1)
def time_zones() -> frozenset[str]:
    return frozenset(available_timezones()) - {"localtime", "Factory"}  # what the machine has set, and nothing
