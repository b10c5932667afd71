"""What parts of an expression come to: sums of weighted curves as long as they are such, numbers and slopes after.

Values are parallel to the delivery periods of the answer. NaN is a gap, and makes one of whatever it is part of.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from aurum.curves.expressions.units import CompoundUnit
from aurum.errors import InvalidExpression

Values: TypeAlias = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Leaf:
    """A curve as an expression uses it: `at` is its own as-of date; prices are those of `months` later."""

    key: str
    at: date | None = None
    months: int = 0


@dataclass(frozen=True, slots=True)
class Linear:
    """weights * curves + constant; in `unit`, the weights for each unit of the curve's price."""

    unit: CompoundUnit
    weights: Mapping[Leaf, float] = field(default_factory=dict)
    constant: float = 0.0

    def scaled(self, by: float) -> Linear:
        weights = {leaf: _times(weight, by) for leaf, weight in self.weights.items()}
        return replace(self, weights=weights, constant=_times(self.constant, by))

    def divided(self, by: float) -> Linear:
        if by == 0:
            raise InvalidExpression("division by zero")
        weights = {leaf: _over(weight, by) for leaf, weight in self.weights.items()}
        return replace(self, weights=weights, constant=_over(self.constant, by))


@dataclass(frozen=True, slots=True)
class Curved:
    """Values that are no weighted sum. `slopes`: by how much they move with each curve, at each period."""

    unit: CompoundUnit
    values: Values
    slopes: Mapping[Leaf, Values]


Form: TypeAlias = Linear | Curved


class Forms:
    """Computes with forms over the prices of the leaves, and notes where there is no value for a reason of its own."""

    def __init__(self, prices: Mapping[Leaf, Values], length: int) -> None:
        self._prices, self._length = prices, length
        self.divided_by_zero, self.without_hours = np.zeros((2, length), dtype=bool)

    def values(self, form: Form) -> Values:
        """Of a weighted sum: weight * price of each leaf in order, added up from the left, then the constant."""
        if isinstance(form, Curved):
            return form.values
        total = np.full(self._length, 0.0)
        for at, (leaf, weight) in enumerate(form.weights.items()):
            part = weight * self._prices[leaf]
            total = part if at == 0 else total + part
        return _finite(total + form.constant if form.constant or not form.weights else total)

    def explained(self, form: Form) -> Values:
        """The values, without those of which slopes or contributions are too large for a number."""
        values = self.values(form)
        if isinstance(form, Linear):
            return values
        parts = (slope * self._prices[leaf] for leaf, slope in form.slopes.items())
        found: Values = np.where(np.isfinite(sum(parts)), values, np.nan)
        return found

    def slopes(self, form: Form) -> Mapping[Leaf, Values]:
        if isinstance(form, Curved):
            return form.slopes
        ones = np.ones(self._length)
        return {leaf: weight * ones for leaf, weight in form.weights.items()}

    def add(self, one: Form, other: Form) -> Form:
        """Both in the unit of the first."""
        if isinstance(one, Linear) and isinstance(other, Linear):
            weights = dict(one.weights)
            for leaf, weight in other.weights.items():
                weights[leaf] = _sound(weights.get(leaf, 0.0) + weight)
            return Linear(one.unit, weights, _sound(one.constant + other.constant))
        return Curved(one.unit, _finite(self.values(one) + self.values(other)), self._mixed((one, 1.0), (other, 1.0)))

    def scale(self, form: Form, by: float) -> Form:
        if isinstance(form, Linear):
            return form.scaled(by)
        return Curved(form.unit, _finite(form.values * by), self._mixed((form, by)))

    def multiply(self, one: Form, other: Form) -> Form:
        unit = one.unit * other.unit
        if (by := number_of(other)) is not None:
            return replace(self.scale(one, by), unit=unit)
        if (by := number_of(one)) is not None:
            return replace(self.scale(other, by), unit=unit)
        mine, theirs = self.values(one), self.values(other)
        return Curved(unit, _finite(mine * theirs), self._mixed((one, theirs), (other, mine)))

    def divide(self, one: Form, other: Form) -> Form:
        unit, by = one.unit / other.unit, number_of(other)
        if by is not None and isinstance(one, Linear):
            return replace(one.divided(by), unit=unit)
        if by == 0:
            raise InvalidExpression("division by zero")
        below = self.values(other)
        self.divided_by_zero |= below == 0
        ratio = _finite(self.values(one) / below)
        return Curved(unit, ratio, self._mixed((one, 1 / below), (other, -ratio / below)))

    def choose(self, forms: Sequence[Form], largest: bool) -> Form:
        """At each period the largest or the smallest, which of numbers is a number; a gap in one of them is one of the
        answer.
        """
        numbers = [number for form in forms if (number := number_of(form)) is not None]
        if len(numbers) == len(forms):
            return Linear(forms[0].unit, {}, (max if largest else min)(numbers))
        columns = np.array([self.values(form) for form in forms])
        gap = np.isnan(columns).any(axis=0)
        which = (np.argmax if largest else np.argmin)(np.where(gap, 0.0, columns), axis=0)
        values = np.where(gap, np.nan, columns[which, np.arange(columns.shape[1])])
        shares = [(form, (which == at).astype(np.float64)) for at, form in enumerate(forms)]
        return Curved(forms[0].unit, values, self._mixed(*shares))

    def mix(self, one: Form, other: Form, shares: tuple[Values, Values]) -> Form:
        """So much of each at each period, both in the unit of the first; no share: nobody knows the hours."""
        self.without_hours |= np.isnan(shares[0])
        slopes = self._mixed((one, shares[0]), (other, shares[1]))
        parts = [slope * self._prices[leaf] for leaf, slope in slopes.items()]
        return Curved(one.unit, _finite(sum(parts[1:], parts[0])), slopes)

    def _mixed(self, *shares: tuple[Form, Values | float]) -> dict[Leaf, Values]:
        found: dict[Leaf, Values] = {}
        for form, by in shares:
            for leaf, slope in self.slopes(form).items():
                part = slope * by
                found[leaf] = found[leaf] + part if leaf in found else part
        return found


def number_of(form: Form) -> float | None:
    """None for what names a curve."""
    return form.constant if isinstance(form, Linear) and not form.weights else None


def _times(one: float, other: float) -> float:
    return _sound(one * other, lost=one != 0 and other != 0)


def _over(one: float, other: float) -> float:
    return _sound(one / other, lost=one != 0)


def _sound(number: float, lost: bool = False) -> float:
    """`lost`: 0 would be what is left of something."""
    if not np.isfinite(number) or (lost and abs(number) < _TINY):
        raise InvalidExpression("its numbers are too large or too small to compute with")
    return number


_TINY = float(np.finfo(np.float64).tiny)


def _finite(values: Values) -> Values:
    """An overflow is a gap at once: dividing by it would make a number of it again."""
    found: Values = np.where(np.isfinite(values), values, np.nan)
    return found
