"""What drivers come down to: moves of vectors, one after another, together, or depending on a reading.

Every value is an array (stories, points): an ordinary run has one story, attribution one for each set of drivers. Steps
never change what they are given; they answer what the curves that they move have become.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum, auto

import numpy as np
from numpy.typing import NDArray

from aurum.curves.expressions.alignment import NOWHERE, places
from aurum.curves.model import Prices
from aurum.market.periods import TenorGrid
from aurum.scenarios.analytics.months import Months, spread
from aurum.scenarios.model import Issue, Severity
from aurum.scenarios.refusals import refused

Values = Mapping[int, Prices]  # by the place of the curve among all
Mask = NDArray[np.bool_]


class Kind(Enum):
    SHIFT = auto()
    SCALE = auto()
    REPLACE = auto()
    FOLLOW = auto()


@dataclass(frozen=True, slots=True, eq=False)
class Line:
    """The points of a curve, and the months that they deliver in."""

    tenors: TenorGrid
    months: Months

    def by_month(self, values: Prices, months: Months) -> Prices:
        """The values of its own months beside those of another line; NaN for those that it lacks."""
        at = months.numbers - self.months.numbers[0]
        inside = (at >= 0) & (at < len(self.months.own))
        own = np.where(inside, self.months.own[np.where(inside, at, 0)], NOWHERE)
        return _taken(values, own)


@dataclass(frozen=True, slots=True, eq=False)
class Target:
    """A curve that moves by `weights`, by month, times `factor`. `points`: those of them that may."""

    curve: int
    line: Line
    weights: Prices
    factor: float
    points: Mask


@dataclass(frozen=True, slots=True, eq=False)
class Move:
    """A primitive. Its targets' weights times factor are

    SHIFT    what is added, in the curve's unit
    SCALE    the share of the price that is added
    REPLACE  the share of delivery whose price becomes `level`, in the unit in which the curve's is times the factor
    FOLLOW   what the curve takes of the move of `reference`: since the driver began if `own`, else since the base
    """

    kind: Kind
    targets: tuple[Target, ...]
    level: float = 0.0
    reference: tuple[int, Line] | None = None
    own: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Chain:
    """One after another. `begins`: what follows its own driver's moves, follows those since here."""

    parts: tuple[Step, ...]
    begins: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Together:
    """All move what was there before them; what they add is added up."""

    parts: tuple[Step, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Weighted:
    """What the part moves, times a weight."""

    part: Step
    weight: float


@dataclass(frozen=True, slots=True, eq=False)
class Reading:
    """The mean of a curve's months, by their ordinals, and whether it `holds`."""

    curve: int
    line: Line
    months: tuple[int, ...]
    holds: Callable[[Prices], Mask]
    path: str


@dataclass(frozen=True, slots=True, eq=False)
class Branch:
    readings: tuple[Reading, ...]
    all_of_them: bool
    then: Step
    otherwise: Step


Step = Move | Chain | Together | Weighted | Branch
NOTHING = Chain(())


def moves_of(step: Step) -> Iterator[Move]:
    match step:
        case Move():
            yield step
        case Chain(parts=parts) | Together(parts=parts):
            for part in parts:
                yield from moves_of(part)
        case Weighted(part=part):
            yield from moves_of(part)
        case Branch(then=then, otherwise=otherwise):
            yield from moves_of(then)
            yield from moves_of(otherwise)


def only(step: Step, curves: Container[int]) -> Step:
    """Without the moves of other curves."""
    match step:
        case Move():
            return replace(step, targets=tuple(to for to in step.targets if to.curve in curves))
        case Chain() | Together():
            return replace(step, parts=tuple(only(part, curves) for part in step.parts))
        case Weighted():
            return replace(step, part=only(step.part, curves))
        case Branch():
            left = replace(step, then=only(step.then, curves), otherwise=only(step.otherwise, curves))
            return left if any(move.targets for move in moves_of(left)) else NOTHING  # what it reads may not be there


def dependencies(step: Step, under: frozenset[int] = frozenset()) -> Iterator[tuple[int, frozenset[int]]]:
    """The curves that it moves, each with those that its move depends on."""
    match step:
        case Move():
            followed = under if step.reference is None else under | {step.reference[0]}
            yield from ((to.curve, followed) for to in step.targets)
        case Chain(parts=parts) | Together(parts=parts):
            for part in parts:
                yield from dependencies(part, under)
        case Weighted(part=part):
            yield from dependencies(part, under)
        case Branch(readings=readings):
            read = under | {each.curve for each in readings}
            yield from dependencies(step.then, read)
            yield from dependencies(step.otherwise, read)


def moved(step: Step, now: Values, start: Values, base: Values) -> dict[int, Prices]:
    """What becomes of the curves that it moves. `start`: when its driver began; `base`: before any driver."""
    match step:
        case Move():
            return {to.curve: _moved(step, to, now, start if step.own else base) for to in step.targets}
        case Chain(parts, begins):
            found: dict[int, Prices] = {}
            for part in parts:
                found |= moved(part, {**now, **found}, now if begins else start, base)
            return found
        case Together(parts):
            return _together([moved(part, now, start, base) for part in parts], now)
        case Weighted(part, weight):
            whole = moved(part, now, start, base)
            return {at: now[at] + weight * (new - now[at]) for at, new in whole.items()}
        case Branch():
            return _branched(step, now, start, base)


def _moved(move: Move, to: Target, now: Values, before: Values) -> Prices:
    old, months, weights = now[to.curve], to.line.months, to.weights * to.factor
    if move.kind is Kind.SHIFT:
        change = spread(weights, np.ones(old.shape), lambda: np.ones((len(old), len(weights))), months)
    elif move.kind is Kind.SCALE:
        change = spread(weights, old, lambda: to.line.by_month(old, months), months)
    elif move.kind is Kind.FOLLOW and move.reference is not None:
        at, line = move.reference
        followed = now[at] - before[at]
        full = _taken(followed, places(line.tenors, to.line.tenors, 0))
        change = spread(weights, full, lambda: line.by_month(followed, months), months)
    else:
        return _replaced(np.multiply(move.level, to.factor), to, old)
    return np.where(to.points, old + change, old)


def _replaced(level: float, to: Target, old: Prices) -> Prices:
    months = to.line.months
    change = spread(to.weights, level - old, lambda: level - to.line.by_month(old, months), months)
    wholly = (months.on_points(to.weights) == 1.0).all(axis=1)
    new = np.where(wholly & np.isfinite(old), level, old + change)
    return np.where(to.points, new, old)


def _together(parts: Sequence[Mapping[int, Prices]], now: Values) -> dict[int, Prices]:
    found: dict[int, Prices] = {}
    for part in parts:
        for at, new in part.items():
            found[at] = found[at] + (new - now[at]) if at in found else new
    return found


def _branched(branch: Branch, now: Values, start: Values, base: Values) -> dict[int, Prices]:
    """Each story goes its own way."""
    held = np.array([each.holds(_read(each, now)) for each in branch.readings])
    true = held.all(axis=0) if branch.all_of_them else held.any(axis=0)
    found: dict[int, Prices] = {}
    for stories, part in ((true, branch.then), (~true, branch.otherwise)):
        if stories.any():
            mine, began, first = ({at: each[stories] for at, each in all_.items()} for all_ in (now, start, base))
            for at, new in moved(part, mine, began, first).items():
                found.setdefault(at, now[at].copy())[stories] = new
    return found


def _read(reading: Reading, now: Values) -> Prices:
    values, first = now[reading.curve], reading.line.months.numbers[0]
    own = reading.line.months.own
    total = np.zeros(len(values))
    for month in reading.months:
        at = month - first
        point = own[at] if 0 <= at < len(own) else NOWHERE
        total = total + (values[:, point] if point != NOWHERE else np.nan)
    if not np.isfinite(total).all():
        why = "a condition reads months that have no price"
        raise refused([Issue(Severity.ERROR, "UNREADABLE_CONDITION", why, reading.path, "Read other months.")])
    mean: Prices = total / len(reading.months)
    return mean


def _taken(values: Prices, at: NDArray[np.int64]) -> Prices:
    """The values at these places, along the last axis; NaN for NOWHERE."""
    found: Prices = np.where(at == NOWHERE, np.nan, values[..., np.maximum(at, 0)])
    return found
