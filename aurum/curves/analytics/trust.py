"""What a snapshot has to be for a caller to take its numbers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

import numpy as np

from aurum.curves.analytics.alignment import aligned, taken
from aurum.curves.blocks import NOWHERE
from aurum.curves.model import CurvePrices, Snapshot
from aurum.market.counts import counted


class Requirement(StrEnum):
    MAX_AGE = "MAX_AGE"
    MIN_COMPLETENESS = "MIN_COMPLETENESS"
    NOT_STALE = "NOT_STALE"
    NO_FINDINGS = "NO_FINDINGS"


@dataclass(frozen=True, slots=True)
class Requirements:
    """`max_age` in calendar days; `min_completeness` from 0 to 1. None and False: not asked for."""

    max_age: int | None = None
    min_completeness: float | None = None
    not_stale: bool = False
    no_findings: bool = False


@dataclass(frozen=True, slots=True)
class Failure:
    """A requirement that is not met: what was found, and what is wanted, in the requirement's own unit."""

    requirement: Requirement
    message: str
    found: float
    required: float


def age(snapshot: Snapshot, day: date) -> int:
    """Calendar days from the as-of date to `day`."""
    return (day - snapshot.as_of).days


def completeness(prices: CurvePrices) -> float:
    """The share of the points on the curve's own grid that have a mid, from 0 to 1; 0 of a curve without points."""
    return float(np.isfinite(prices.mid).mean()) if len(prices.tenors) else 0.0


def repeats(prices: CurvePrices, before: CurvePrices) -> bool:
    """Whether every mid is the one of the as-of date before, to the bit, in the deliveries that both quote."""
    joined = aligned(before.tenors, prices.tenors)
    both = (joined.places != NOWHERE).all(axis=0)
    old, new = (taken(side, places[both]) for side, places in zip((before.mid, prices.mid), joined.places, strict=True))
    quoted = np.isfinite(old) & np.isfinite(new)
    return bool(quoted.any() and (old[quoted] == new[quoted]).all())


def failures(
    required: Requirements, snapshot: Snapshot, day: date, before: Snapshot | None, findings: int
) -> list[Failure]:
    """What `snapshot` does not fulfil, looked at from `day`; `before` is the as-of date before its own.

    `findings` are the warnings and errors about the curve in the file that it was read from.
    """
    found: list[Failure] = []
    if required.max_age is not None and (days := age(snapshot, day)) > required.max_age:
        text = f"the newest as-of date is {snapshot.as_of}, {counted(days, 'day')} before {day}"
        found.append(Failure(Requirement.MAX_AGE, text, days, required.max_age))
    share = completeness(snapshot.prices)
    if required.min_completeness is not None and share < required.min_completeness:
        text = f"{share:.1%} of its points have a price"
        found.append(Failure(Requirement.MIN_COMPLETENESS, text, share, required.min_completeness))
    if required.not_stale and before is not None and repeats(snapshot.prices, before.prices):
        text = f"its prices are those of {before.as_of} in all deliveries that both quote"
        found.append(Failure(Requirement.NOT_STALE, text, 1, 0))
    if required.no_findings and findings:
        text = f"warnings and errors that were found about it: {findings}"
        found.append(Failure(Requirement.NO_FINDINGS, text, findings, 0))
    return found
