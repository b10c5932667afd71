"""What somebody wants simulated with a run, and the terms that it comes to once everything is pinned."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

import numpy as np

from aurum.curves.analytics.deliveries import Granularity, strip_with
from aurum.errors import InvalidInput
from aurum.market.periods import DeliveryPeriod, month_number, months_at
from aurum.metadata.model import CurveFilter
from aurum.scenarios.drivers import EVERY_CURVE
from aurum.scenarios.model import Issue, Severity
from aurum.scenarios.simulation.factors import LEAST_MOVES, SHARE
from aurum.scenarios.simulation.histories import Places
from aurum.scenarios.simulation.moves import MOST_WINDOW, WINDOW
from aurum.scenarios.simulation.risk import Position, rank_at_risk
from aurum.scenarios.simulation.shocks import Sampling

MOST_SIMULATED = 500  # curves
MOST_POSITIONS, MOST_STRESS, MOST_RATES = 500, 50, 30
LARGEST_VOLUME = 1e12


class Per(StrEnum):
    """HOUR: in every hour of the curve's block. MONTH: in a delivery month altogether."""

    HOUR = "HOUR"
    MONTH = "MONTH"


class RiskPeriod(StrEnum):
    """By which delivery periods the risk of positions is told. Seasons are the vendor's."""

    MONTH = "MONTH"
    QUARTER = "QUARTER"
    SEASON = "SEASON"
    CALENDAR = "CALENDAR"
    GAS_YEAR = "GAS_YEAR"


@dataclass(frozen=True, slots=True)
class PositionAsked:
    """Bought (above 0) or sold, in each month from `start` until before `end`, of the quantity of the curve's unit."""

    curve: str  # its key, or legacy key
    start: date
    end: date
    volume: float
    per: Per = Per.HOUR


@dataclass(frozen=True, slots=True)
class SimulationAsked:
    """`curves`: which of the run's. `absolute`: keys of those whose moves are amounts, whatever their prices are.

    `rates`: how much of `currency` one of another is; None: the positions' own, if they have one.
    """

    curves: CurveFilter = EVERY_CURVE
    paths: int = 1000
    horizon: int = 10
    window: int = WINDOW
    share: float = SHARE
    level: float = 0.95
    periods: RiskPeriod = RiskPeriod.MONTH
    stress: int = 10
    absolute: tuple[str, ...] = ()
    positions: tuple[PositionAsked, ...] = ()
    currency: str | None = None
    rates: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True, slots=True)
class Held:
    """A position with what it is worth by: `hours` of each month, and what one of the curve's currency is."""

    key: str
    start: date
    end: date
    volume: float
    per: Per
    hours: tuple[float, ...]
    currency: str  # of the curve
    exchange_rate: float

    @property
    def months(self) -> Places:
        return np.arange(month_number(self.start), month_number(self.end))

    def position(self, currency: str) -> Position:
        months = self.months
        volumes = np.full(len(months), self.volume)
        return Position(self.key, months, volumes, np.array(self.hours), currency, self.exchange_rate)


@dataclass(frozen=True, slots=True)
class Terms:
    """All that a simulation depends on beside curves, drivers, histories and the seed; the same on every machine."""

    as_of: date
    paths: int
    horizon: int
    window: int
    share: float
    level: float
    periods: RiskPeriod
    stress: int
    absolute: tuple[str, ...]  # keys of curves, sorted
    currency: str | None  # None: there is no position
    positions: tuple[Held, ...]

    @property
    def risk_periods(self) -> list[DeliveryPeriod]:
        """Those that have a month of a position."""
        months = {month for held in self.positions for month in held.months.tolist()}
        return sorted({_period(self.periods, month) for month in months})


def _period(kind: RiskPeriod, month: int) -> DeliveryPeriod:
    return months_at(month) if kind is RiskPeriod.MONTH else strip_with(month, Granularity(kind.value)).period


def impossible(asked: SimulationAsked) -> list[Issue]:
    """What can be seen without curves."""
    return list(_impossible(asked))


def _impossible(asked: SimulationAsked) -> Iterator[Issue]:
    yield from refusals(lambda: Sampling(asked.paths, asked.horizon))
    if not LEAST_MOVES <= asked.window <= MOST_WINDOW:
        yield error("OUT_OF_RANGE", f"the window is {LEAST_MOVES} to {MOST_WINDOW} daily moves", "window")
    if not 0.0 < asked.share <= 1.0:
        yield error("OUT_OF_RANGE", "the share of variance is above 0 and at most 1", "share")
    if not 0.5 <= asked.level < 1.0:
        yield error("OUT_OF_RANGE", "the level is at least 0.5 and below 1", "level")
    elif asked.positions:
        yield from refusals(lambda: rank_at_risk(asked.paths, asked.level))
    if not 0 <= asked.stress <= MOST_STRESS:
        yield error("OUT_OF_RANGE", f"0 to {MOST_STRESS} stress days are told", "stress")
    for name, items, most in (
        ("positions", asked.positions, MOST_POSITIONS), ("absolute", asked.absolute, MOST_SIMULATED),
        ("rates", asked.rates, MOST_RATES),
    ):  # fmt: skip
        if len(items) > most:
            yield error("TOO_LONG", f"at most {most} of them", name)


def refusals(check: Callable[[], object]) -> Iterable[Issue]:
    """What a check raises."""
    try:
        check()
    except InvalidInput as refused:
        return [issue_of(refused)]
    return []


def issue_of(refused: InvalidInput) -> Issue:
    """Of an input that the arithmetic refuses."""
    code = "OUT_OF_RANGE" if type(refused) is InvalidInput else refused.code
    return error(
        code, refused.message, refused.details.get("field", "filter").replace("curves", "filter"), refused.hint
    )


def error(code: str, message: str, field: str, suggestion: str | None = None) -> Issue:
    return Issue(Severity.ERROR, code, message, f"simulation.{field}", suggestion)
