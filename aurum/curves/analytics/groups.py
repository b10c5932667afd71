"""Groups of curves by their dimensions. Only what is in one unit is ever pooled."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from aurum.market.identity import Measure
from aurum.metadata.model import Curve, Dimension

_OF_CURVE = {Dimension.ASSET_CLASS, Dimension.COMMODITY, Dimension.REGION}


@dataclass(frozen=True, slots=True)
class Group:
    """Curves of the same measure, currency and unit with the same values of the dimensions asked for.

    `curve`: it is all of them. So it is where the unit is not known: whether others are in the same nobody knows.
    """

    values: tuple[str | None, ...]
    measure: Measure
    currency: str | None
    unit: str | None
    curve: Curve | None

    @property
    def position(self) -> tuple[str | None, ...]:
        """Groups of one question are told apart and sorted by it, None last."""
        key = None if self.curve is None else self.curve.key
        return (*self.values, self.measure.value, self.currency, self.unit, key)


def group_of(
    curve: Curve, dimensions: Sequence[Dimension], by_curve: bool, currency: str | None, unit: str | None
) -> Group:  # fmt: skip
    """The group of a curve whose prices are in this unit; half of one is as good as none."""
    known = {Dimension.CURRENCY: currency, Dimension.UNIT: unit}
    values = tuple(known[each] if each in known else _value(curve, each) for each in dimensions)
    alone = by_curve or currency is None or unit is None
    return Group(values, curve.identity.measure, currency, unit, curve if alone else None)


def _value(curve: Curve, dimension: Dimension) -> str | None:
    found: str | None = getattr(curve if dimension in _OF_CURVE else curve.identity, dimension.value)
    return found
