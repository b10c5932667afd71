"""Delivery periods, and the labels the market gives them."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from enum import StrEnum
from functools import cached_property, lru_cache
from typing import Never, overload

from aurum.errors import InvalidInput, UnknownTenor
from aurum.market.identity import collapse, fold

FIRST_YEAR, LAST_YEAR = 2000, 2100


class TenorType(StrEnum):
    """What kind of period a tenor is. The order is the order of points in a curve."""

    MONTH = "MONTH"
    QUARTER = "QUARTER"
    SEASON = "SEASON"
    CALENDAR = "CALENDAR"
    BALANCE = "BALANCE"


_RANK = {type_: rank for rank, type_ in enumerate(TenorType)}


@dataclass(frozen=True, slots=True, order=True)
class DeliveryPeriod:
    """Days of delivery, half-open: `start` is delivered, `end` is not."""

    start: date
    end: date

    def __post_init__(self) -> None:
        if self.end <= self.start:
            raise ValueError(f"a delivery period ends after it starts: {self.start} to {self.end}")


def check_order(name: str, first: date | None, last: date | None) -> None:
    """Raises InvalidInput, of the field `name`, for days that are swapped; None is an open end."""
    if first and last and last < first:
        raise InvalidInput(f"`{name}` ends before it begins: {first} to {last}", field=name, hint="Swap the two days.")


@dataclass(frozen=True, slots=True)
class Tenor:
    """A label as the market writes it, with the period it stands for.

    Months are labelled `2025-06`; everything else keeps the vendor's text, blanks collapsed.
    """

    label: str
    type: TenorType
    period: DeliveryPeriod


def standard_label(tenor: Tenor) -> str:
    """`2025-06`, `Q2 2025`, `Calendar 2025`; else the vendor's text."""
    start = tenor.period.start
    if tenor.type is TenorType.QUARTER:
        return f"Q{(start.month + 2) // 3} {start.year}"
    if tenor.type is TenorType.CALENDAR:
        return f"Calendar {start.year}"
    return tenor.label


class TenorGrid(Sequence[Tenor]):
    """The tenors of a curve in the order of its points: by type, then by delivery. Shared and stored once.

    Immutable, and equal to any grid of the same tenors. Values that stand beside tenors in another order are
    brought into the grid's with `canonical_order`.
    """

    _tenors: tuple[Tenor, ...]

    def __init__(self, tenors: Iterable[Tenor]) -> None:
        given = tuple(tenors)
        if len({(tenor.type, tenor.period) for tenor in given}) < len(given):
            raise ValueError(f"a grid has each period once: {_first_twin(given)}")
        object.__setattr__(self, "_tenors", tuple(given[at] for at in canonical_order(given)))

    @cached_property
    def digest(self) -> str:
        """SHA-256 (hex) over a line `label|type|start|end` per tenor: the grid's name in the store."""
        lines = (f"{t.label}|{t.type}|{t.period.start}|{t.period.end}\n" for t in self._tenors)
        return hashlib.sha256("".join(lines).encode()).hexdigest()

    @cached_property
    def places(self) -> Mapping[DeliveryPeriod, int]:
        """Where each period stands; of types that have the same one the first."""
        return {tenor.period: place for place, tenor in reversed(list(enumerate(self._tenors)))}

    def chosen(self, types: Collection[TenorType] | None, start: date | None, end: date | None) -> list[int]:
        """Where the tenors of these types (None: any) stand whose delivery lies within the half-open range."""
        return [
            place
            for place, tenor in enumerate(self._tenors)
            if (types is None or tenor.type in types)
            and (start is None or tenor.period.start >= start)
            and (end is None or tenor.period.end <= end)
        ]

    def __len__(self) -> int:
        return len(self._tenors)

    @overload
    def __getitem__(self, index: int) -> Tenor: ...

    @overload
    def __getitem__(self, index: slice) -> tuple[Tenor, ...]: ...

    def __getitem__(self, index: int | slice) -> Tenor | tuple[Tenor, ...]:
        return self._tenors[index]

    def __eq__(self, other: object) -> bool:
        return self is other or (isinstance(other, TenorGrid) and self.digest == other.digest)

    def __hash__(self) -> int:
        return hash(self.digest)

    def __repr__(self) -> str:
        return f"TenorGrid({[tenor.label for tenor in self._tenors]})"

    def __setattr__(self, name: str, value: object) -> Never:
        raise AttributeError(f"a tenor grid does not change: {name}")


def canonical_order(tenors: Sequence[Tenor]) -> list[int]:
    """Positions in a grid's order: `values[canonical_order(tenors)]` stands beside `TenorGrid(tenors)`."""
    return sorted(range(len(tenors)), key=lambda at: _order(tenors[at]))


def _order(tenor: Tenor) -> tuple[int, date, date, str]:
    return _RANK[tenor.type], tenor.period.start, tenor.period.end, tenor.label


def _first_twin(tenors: tuple[Tenor, ...]) -> str:
    seen: dict[tuple[TenorType, DeliveryPeriod], Tenor] = {}
    for tenor in tenors:
        twin = seen.setdefault((tenor.type, tenor.period), tenor)
        if twin is not tenor:
            return f"{twin.label!r} and {tenor.label!r} are both {tenor.type} from {tenor.period.start}"
    return ""


def month_number(day: date) -> int:
    """Of all months since the year 0: the next month has the next number."""
    return day.year * 12 + day.month - 1


def first_day(number: int) -> date:
    """Of the month of this number."""
    return date(number // 12, number % 12 + 1, 1)


def months_from(year: int, month: int, count: int) -> DeliveryPeriod:
    """`count` whole months of delivery, from the first of `month`."""
    return months_at(month_number(date(year, month, 1)), count)


def months_at(number: int, count: int = 1) -> DeliveryPeriod:
    """`count` whole months of delivery, from the month of this number."""
    return DeliveryPeriod(first_day(number), first_day(number + count))


# ------------------------------------------------------------------------------------------------- labels

_NAMES = (
    *("january", "february", "march", "april", "may", "june"),
    *("july", "august", "september", "october", "november", "december"),
)
_MONTHS = {name: at for at, full in enumerate(_NAMES, 1) for name in (full, full[:3])} | {"sept": 9}
_MONTH = "|".join(sorted(_MONTHS, key=len, reverse=True))
_YEAR = "[0-9]{4}|[0-9]{2}"

_Reading = Callable[[re.Match[str], date], tuple[TenorType, DeliveryPeriod] | None]


def _month(label: re.Match[str], as_of: date) -> tuple[TenorType, DeliveryPeriod]:
    month = label["month"]
    number = int(month) if month.isdigit() else _MONTHS[month]
    return TenorType.MONTH, months_from(_year(label["year"]), number, 1)


def _quarter(label: re.Match[str], as_of: date) -> tuple[TenorType, DeliveryPeriod]:
    return TenorType.QUARTER, months_from(_year(label["year"]), 3 * int(label["quarter"]) - 2, 3)


def _summer(label: re.Match[str], as_of: date) -> tuple[TenorType, DeliveryPeriod]:
    return TenorType.SEASON, months_from(_year(label["year"]), 4, 7)


def _winter(label: re.Match[str], as_of: date) -> tuple[TenorType, DeliveryPeriod] | None:
    named = _year(label["year"])
    if label["until"] is not None and int(label["until"]) not in (named + 1, (named + 1) % 100):
        return None
    november = named if label["until"] is not None else named - 1
    return TenorType.SEASON, months_from(november, 11, 5)


def _calendar(label: re.Match[str], as_of: date) -> tuple[TenorType, DeliveryPeriod]:
    return TenorType.CALENDAR, months_from(_year(label["year"]), 1, 12)


def _balance(label: re.Match[str], as_of: date) -> tuple[TenorType, DeliveryPeriod] | None:
    if _year(label["year"]) != as_of.year:
        return None
    return TenorType.BALANCE, months_from(as_of.year, as_of.month, 13 - as_of.month)


# What a label looks like once folded, and how it is read. A winter alone is named after its January; one of
# two years starts in the first. Dates of digits alone are read in ISO order only: 01/02/2025 could be either.
_LABELS: tuple[tuple[re.Pattern[str], _Reading], ...] = (
    (re.compile(r"(?P<year>[0-9]{4})-(?P<month>0[1-9]|1[0-2])(?:-01(?:[ t]00:00:00)?)?"), _month),
    (re.compile(rf"(?:0?1[ -])?(?P<month>{_MONTH})\.?[-/' ]?(?P<year>{_YEAR})"), _month),
    (re.compile(rf"q(?P<quarter>[1-4])[ -](?P<year>{_YEAR})"), _quarter),
    (re.compile(rf"summer[ -](?P<year>{_YEAR})"), _summer),
    (re.compile(rf"winter[ -](?P<year>{_YEAR})(?: ?[-/] ?(?P<until>{_YEAR}))?"), _winter),
    (re.compile(rf"cal(?:endar)?[ -]?(?P<year>{_YEAR})"), _calendar),
    (re.compile(rf"bal(?:ance)?[ -](?P<year>{_YEAR})"), _balance),
)


def parse_tenor(label: str | date | datetime, as_of: date) -> Tenor:
    """The period that a label of the market names, looked at from `as_of` (a balance runs from its month)."""
    if isinstance(label, datetime):
        if label.time() != time():
            raise UnknownTenor(f"{label} is not a delivery month: it has a time of day", label=str(label))
        label = label.date()
    return _parse(label.isoformat() if isinstance(label, date) else label, as_of)


@lru_cache(maxsize=4096)
def _parse(label: str, as_of: date) -> Tenor:
    text = fold(label)
    for pattern, reading in _LABELS:
        match = pattern.fullmatch(text)
        found = reading(match, as_of) if match and _within(match) else None
        if found is not None:
            type_, period = found
            month = f"{period.start:%Y-%m}"
            return Tenor(month if type_ is TenorType.MONTH else collapse(label), type_, period)
    raise UnknownTenor(
        f"{collapse(label)[:60]!r} names no delivery period",
        hint="Known are dates on day 1, 2025-06, Jan-25, Q1 2025, Summer 2026, Winter 2026, Winter 2025-26, "
        "Cal-27, and Bal of the as-of's year.",
        label=label[:60],
    )


def _within(label: re.Match[str]) -> bool:
    years = (label[name] for name in ("year", "until") if label.groupdict().get(name) is not None)
    return all(FIRST_YEAR <= _year(year) <= LAST_YEAR for year in years)


def _year(digits: str) -> int:
    return int(digits) if len(digits) == 4 else 2000 + int(digits)
