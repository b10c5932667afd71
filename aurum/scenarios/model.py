"""The curves of a scenario, what drivers did to them, and what is to be known of that."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from aurum.curves.model import Prices
from aurum.market.periods import TenorGrid
from aurum.metadata.model import Curve


class Severity(StrEnum):
    """ERROR: nothing is run or kept. WARNING: run, and probably not what was meant. INFO: worth knowing."""

    ERROR = "ERROR"
    WARNING = "WARNING"
    INFO = "INFO"


@dataclass(frozen=True, slots=True)
class Issue:
    """Something to mend or to know. `path` is the field, as `drivers.0.payload.percent`; `suggestion` is a way out."""

    severity: Severity
    code: str
    message: str
    path: str
    suggestion: str | None = None


@dataclass(frozen=True, slots=True, eq=False)
class BaseCurve:
    """What a curve is before any driver: a version of a day, in the curve's own currency and unit; NaN: not quoted."""

    curve: Curve
    as_of: date
    version: int
    tenors: TenorGrid
    mid: Prices

    @property
    def key(self) -> str:
        return self.curve.key


@dataclass(frozen=True, slots=True, eq=False)
class Contribution:
    """What one driver did to each point of a curve, in the curve's unit. `driver` counts from 0, in their order.

    NaN where the point is not quoted, or where nobody can say what the driver does to it.
    """

    driver: int
    amounts: Prices


@dataclass(frozen=True, slots=True, eq=False)
class ScenarioCurve:
    """A curve as a scenario has it. Only drivers that moved it have a contribution.

    The contributions added one after another are `move`, and mid less base.mid is that to the bit; but see `settled`.
    """

    base: BaseCurve
    mid: Prices
    contributions: tuple[Contribution, ...] = ()

    @property
    def move(self) -> Prices:
        return added(self.base.mid, (each.amounts for each in self.contributions))


@dataclass(frozen=True, slots=True, eq=False)
class Outcome:
    """Every curve that was given, by key, and what is to be known of the run."""

    curves: Mapping[str, ScenarioCurve]
    issues: Sequence[Issue] = ()


def added(like: Prices, amounts: Iterable[Prices]) -> Prices:
    """One after another, in this order: sums of floating point numbers depend on it."""
    total = like * 0.0  # NaN where nothing is quoted
    for each in amounts:
        total = total + each
    return total
