"""Scenario runs beside each other: what is found of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from aurum.errors import InvalidInput
from aurum.market.periods import DeliveryPeriod

MOST_RUNS = 20


class Bucket(StrEnum):
    """POINT: each tenor as it is quoted. The others are the months of a curve, which all weigh the same."""

    POINT = "POINT"
    MONTH = "MONTH"
    QUARTER = "QUARTER"
    YEAR = "YEAR"
    ALL = "ALL"


class By(StrEnum):
    """How large a difference is: in the curve's own unit, or in % of the first base; infinite where that is 0."""

    ABSOLUTE = "ABSOLUTE"
    PERCENT = "PERCENT"


@dataclass(frozen=True, slots=True)
class RunValue:
    """Of one run in a bucket, in the curve's unit: its base, its price, and what each driver did, by its number."""

    base: float
    value: float
    contributions: tuple[tuple[int, float], ...]

    @property
    def move(self) -> float:
        return self.value - self.base


@dataclass(frozen=True, slots=True)
class Difference:
    """A curve's bucket in all runs, parallel to them; None: a run does not have it. `points` of it are compared.

    `spread` is the largest less the smallest of all values and bases; `size` is what differences are sorted by.
    """

    key: str
    label: str
    delivery: DeliveryPeriod
    points: int
    runs: tuple[RunValue | None, ...]
    spread: float
    size: float


def check_runs(run_ids: Sequence[int], field: str) -> None:
    """Raises InvalidInput for none, too many, and one that is named twice."""
    if not 0 < len(run_ids) <= MOST_RUNS or len(set(run_ids)) < len(run_ids):
        raise InvalidInput(f"1 to {MOST_RUNS} runs are compared, each once", field=field)
