"""Which of the expected files are in, in time or late, and which are missing."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class Expected:
    """The file of a day. Due at an instant (UTC); late is what comes after `late_after`, when the grace has passed."""

    vendor: str
    as_of: date
    due_at: datetime
    late_after: datetime


@dataclass(frozen=True, slots=True)
class Arrival:
    """A file that is loaded, and when Aurum received it. What was refused has not arrived."""

    vendor: str
    as_of: date
    received_at: datetime


class DeliveryState(StrEnum):
    """DUE becomes IN or, when due time and grace have passed, MISSING; what was missing and came is LATE.

    IN: came in time. UNEXPECTED: came for a day of which no file is expected. BACKFILLED: was due before any file of
    the vendor came, and came with its history. IN, LATE, UNEXPECTED and BACKFILLED are final.
    """

    IN = "IN"
    LATE = "LATE"
    DUE = "DUE"
    MISSING = "MISSING"
    UNEXPECTED = "UNEXPECTED"
    BACKFILLED = "BACKFILLED"


@dataclass(frozen=True, slots=True)
class Delivery:
    """How it stands with the file of a day. `arrived_at` is of the first file, if any; corrections come later.

    `due_at` is None for UNEXPECTED. `late_by` counts from `due_at`: to the arrival if LATE, to now if MISSING.
    """

    vendor: str
    as_of: date
    state: DeliveryState
    due_at: datetime | None
    arrived_at: datetime | None
    late_by: timedelta | None = None


def status(expected: Iterable[Expected], arrivals: Iterable[Arrival], now: datetime) -> list[Delivery]:
    """How it stands at `now`, by day and vendor; arrivals after `now` have not happened yet.

    `expected` names a day of a vendor once. Every arrival of a day that is not among them is UNEXPECTED: give those of
    the same days, and of each vendor from the day that `Expectations.starts` says.
    """
    came: dict[tuple[date, str], datetime] = {}
    for arrival in arrivals:
        if arrival.received_at <= now:
            day = (arrival.as_of, arrival.vendor)
            came[day] = min(arrival.received_at, came.get(day, arrival.received_at))
    found = [_delivery(each, came.pop((each.as_of, each.vendor), None), now) for each in expected]
    found += [
        Delivery(vendor, as_of, DeliveryState.UNEXPECTED, None, arrived_at)
        for (as_of, vendor), arrived_at in came.items()
    ]
    return sorted(found, key=lambda delivery: (delivery.as_of, delivery.vendor))


def _delivery(expected: Expected, arrived_at: datetime | None, now: datetime) -> Delivery:
    seen_at = arrived_at or now
    late = seen_at > expected.late_after
    if arrived_at is None:
        state = DeliveryState.MISSING if late else DeliveryState.DUE
    else:
        state = DeliveryState.LATE if late else DeliveryState.IN
    late_by = seen_at - expected.due_at if late else None
    return Delivery(expected.vendor, expected.as_of, state, expected.due_at, arrived_at, late_by)
