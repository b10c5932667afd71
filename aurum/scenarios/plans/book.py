"""The curves that a scenario looks at, beside what drivers ask of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import isfinite

import numpy as np

from aurum.curves.model import Prices
from aurum.errors import Overflow
from aurum.market.identity import Measure, fold, normalize_key
from aurum.metadata.model import Curve
from aurum.scenarios.analytics.months import months_of
from aurum.scenarios.model import BaseCurve
from aurum.scenarios.plans.selection import Within, described
from aurum.scenarios.plans.steps import Line, Mask, Target


@dataclass(frozen=True, slots=True, eq=False)
class _Covered:
    """Of one grid within some limits: the share of each month, which points may move, and whether any does."""

    shares: Prices
    points: Mask
    any: bool


class CurveBook:
    """Curves in the order of their keys: nothing depends on the order in which they are given."""

    def __init__(self, curves: Iterable[BaseCurve]) -> None:
        self.curves: Sequence[BaseCurve] = sorted(curves, key=lambda each: each.key)
        if len({each.key for each in self.curves}) < len(self.curves):
            raise ValueError("a scenario has each curve once")
        self.lines = [Line(each.tenors, months_of(each.tenors, each.as_of)) for each in self.curves]
        quoted = [(at, each.curve) for at, each in enumerate(self.curves) if len(each.tenors)]
        legacy = {curve.legacy_key: at for at, curve in reversed(quoted)}  # of several with the same the first
        self._places = legacy | {curve.key: at for at, curve in quoted}
        self._said = [described(each.curve) for each in self.curves]
        self._covered: dict[tuple[Within, int], _Covered] = {}

    def find(self, key: str) -> int | None:
        """Where the curve of a key, or of a legacy key, stands."""
        return self._places.get(normalize_key(key))

    @property
    def keys(self) -> list[str]:
        return [each.key for each in self.curves]

    def within(self, within: Within) -> list[int]:
        """Those that fit, and of which any point delivers within the limits."""
        fitting = within.fitting(self._said)
        return [at for at in fitting if len(self.curves[at].tenors) and self._cover(at, within).any]

    def target(self, at: int, within: Within, by_month: Prices | None = None, factor: float = 1.0) -> Target:
        """The curve, moved within the limits by what there is for each of its months; 1 where there is nothing.

        Raises Overflow.
        """
        if not (isfinite(factor) and (by_month is None or np.isfinite(by_month).all())):
            raise Overflow("what it moves is too large for a number")
        line = self.lines[at]
        covered = self._cover(at, within)
        weights = covered.shares if by_month is None else covered.shares * by_month
        return Target(at, line, weights, factor, covered.points)

    def _cover(self, at: int, within: Within) -> _Covered:
        line = self.lines[at]
        key = (within, id(line.months))  # months are shared, and kept for as long as the lines are
        if key not in self._covered:
            shares, points = within.shares(line.months), within.points(line.tenors)
            some = bool((line.months.on_points(shares)[points] > 0.0).any())
            self._covered[key] = _Covered(shares, points, some)
        return self._covered[key]


def is_power(curve: Curve) -> bool:
    """A price of power: no spread."""
    return fold(curve.asset_class) == "power" and curve.identity.measure == Measure.PRICE


def is_in(curve: Curve, region: str | None) -> bool:
    """Whether one of the places that a curve names is the region. None is anywhere."""
    places = (curve.identity.iso, curve.identity.market, curve.region, curve.identity.location)
    return region is None or fold(region) in {fold(place) for place in places if place}
