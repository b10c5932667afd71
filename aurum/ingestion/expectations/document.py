"""What an operator sets: of which vendors files are expected, on which days and by when."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, time, timedelta
from types import MappingProxyType
from typing import Any

from aurum.errors import InvalidInput
from aurum.ingestion.documents import check_names, mapping_of, vendor_code
from aurum.ingestion.expectations.deliveries import Expected
from aurum.ingestion.expectations.schedule import Schedule, is_calendar, time_zones

WEEKDAYS = ("MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN")
FIRST_YEAR, LAST_YEAR = 1990, 2100
Values = Mapping[str, Any]

_AMERICAN: Values = {"calendar": "XNYS", "time_zone": "America/New_York", "due": time(18), "grace_minutes": 60}

BUILT_IN: Mapping[str, Values] = MappingProxyType({"EUGP": _AMERICAN, "RP": _AMERICAN})


@dataclass(frozen=True, slots=True)
class Expectations:
    """What is set otherwise than built in, vendor by vendor and value by value. None: nothing is expected of it."""

    vendors: Mapping[str, Values | None] = field(default_factory=dict)

    def of(self, vendor: str) -> Schedule | None:
        """None where nothing is expected of the vendor."""
        given = self.vendors.get(vendor, {})
        values = {} if given is None else {**BUILT_IN.get(vendor, {}), **given}
        return Schedule(**values) if values else None

    def starts(self, vendor: str, first_loaded: date | None = None) -> date | None:
        """The first day of which a file is expected: `since`, else that of the first file loaded. None: of no day."""
        schedule = self.of(vendor)
        return None if schedule is None else schedule.since or first_loaded

    def expected(self, vendor: str, first: date, last: date, first_loaded: date | None = None) -> list[Expected]:
        """The files of the days from `first` to `last`, both included, in order; none before `starts`.

        Raises InvalidInput beyond the year to which calendars reach.
        """
        if last.year > LAST_YEAR:
            raise InvalidInput(f"last: {last} is after {LAST_YEAR}, and calendars end there", path="last")
        schedule, start = self.of(vendor), self.starts(vendor, first_loaded)
        if schedule is None or start is None:
            return []
        start, grace = max(first, start), timedelta(minutes=schedule.grace_minutes)
        days = [start + timedelta(number) for number in range((last - start).days + 1)]
        due = [(day, schedule.due_at(day)) for day in days if schedule.expects(day)]
        return [Expected(vendor, as_of, due_at, due_at + grace) for as_of, due_at in due]

    def to_dict(self) -> dict[str, Any]:
        """Plain dicts, numbers and texts, for JSON; `from_dict` reads it back."""
        return {
            "vendors": {
                vendor: None if values is None else {name: _plain(name, value) for name, value in values.items()}
                for vendor, values in self.vendors.items()
            }
        }

    @classmethod
    def from_dict(cls, document: object) -> Expectations:
        """Raises InvalidInput, with the path, for an unknown name or a value that is none."""
        parts = mapping_of(document, "expectations")
        check_names(parts, ("vendors",), "expectations")
        given = mapping_of(parts.get("vendors", {}), "vendors")
        vendors = {
            vendor_code(name): _values(vendor_code(name), values, f"vendors.{name}") for name, values in given.items()
        }
        if len(vendors) < len(given):
            raise InvalidInput("vendors: the same vendor is named twice", path="vendors")
        return cls(vendors)


def _plain(name: str, value: Any) -> Any:
    if name == "weekdays":
        return [WEEKDAYS[day] for day in sorted(value)]
    if isinstance(value, frozenset):
        return sorted(day.isoformat() for day in value)
    if isinstance(value, time):
        return f"{value:%H:%M}"
    return value.isoformat() if isinstance(value, date) else value


def _values(vendor: str, values: object, path: str) -> Values | None:
    if values is None:
        return None
    given = mapping_of(values, path)
    check_names(given, _READ, path)
    read = {name: _READ[name](value, f"{path}.{name}") for name, value in given.items()}
    whole = {**BUILT_IN.get(vendor, {}), **read}
    missing = [name for name in ("time_zone", "due") if name not in whole]
    if missing:
        raise InvalidInput(f"{path}: {' and '.join(missing)} is missing", path=path)
    both = whole.get("closed", frozenset()) & whole.get("open", frozenset())
    if both:
        raise InvalidInput(f"{path}: {min(both)} is both closed and open", path=path)
    return read


def _calendar(value: object, path: str) -> str | None:
    if value is None or (isinstance(value, str) and is_calendar(value)):
        return value
    hint = "A market (XNYS, XECB, IFEU), a country (US, DE), a part of one (DE-BY), as `holidays` has it, or null."
    raise InvalidInput(f"{path}: {str(value)[:60]!r} is no known calendar", hint=hint, path=path)


def _weekdays(value: object, path: str) -> frozenset[int]:
    """`MON-FRI`, which may go over the weekend (`SUN-THU`), or a list of days."""
    names = value.split("-") if isinstance(value, str) else value
    if not isinstance(names, list) or not names or not all(name in WEEKDAYS for name in names):
        raise _wrong(f"days like MON-FRI or a list of some of {', '.join(WEEKDAYS)}", value, path)
    days = [WEEKDAYS.index(name) for name in names]
    if not isinstance(value, str):
        return frozenset(days)
    if len(days) > 2:
        raise _wrong("days like MON-FRI", value, path)
    return frozenset((days[0] + number) % 7 for number in range((days[-1] - days[0]) % 7 + 1))


def _time_zone(value: object, path: str) -> str:
    if not isinstance(value, str) or value not in time_zones():
        raise InvalidInput(
            f"{path}: {str(value)[:60]!r} is no time zone", hint="An IANA name, like Europe/London.", path=path
        )
    return value


def _time(value: object, path: str) -> time:
    if not isinstance(value, str) or not re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d", value, re.ASCII):
        raise _wrong("a time like 18:00", value, path)
    return time.fromisoformat(value)


def _whole(high: int) -> Callable[[object, str], int]:
    def read(value: object, path: str) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= high:
            raise _wrong(f"a whole number from 0 to {high}", value, path)
        return value

    return read


def _day(value: object, path: str) -> date:
    try:
        day = date.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        day = None
    if day is None or not FIRST_YEAR <= day.year <= LAST_YEAR:
        raise _wrong(f"a date like 2026-11-20, from {FIRST_YEAR} to {LAST_YEAR},", value, path)
    return day


def _since(value: object, path: str) -> date | None:
    return None if value is None else _day(value, path)


def _days(value: object, path: str) -> frozenset[date]:
    if not isinstance(value, list):
        raise _wrong("a list of dates", value, path)
    return frozenset(_day(day, f"{path}[{number}]") for number, day in enumerate(value))


def _wrong(due: str, value: object, path: str) -> InvalidInput:
    return InvalidInput(f"{path}: {due} is due, not {str(value)[:60]!r}", path=path)


_READ: Mapping[str, Callable[[object, str], Any]] = MappingProxyType(
    {
        "calendar": _calendar,
        "weekdays": _weekdays,
        "time_zone": _time_zone,
        "due": _time,
        "due_days": _whole(31),
        "grace_minutes": _whole(7 * 24 * 60),
        "since": _since,
        "closed": _days,
        "open": _days,
    }
)
