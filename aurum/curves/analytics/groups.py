"""Groups of curves by their dimensions. Only what is in one unit is ever pooled."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter

from aurum.market.identity import Measure
from aurum.metadata.model import Curve, Dimension

PricedIn = tuple[str | None, str | None]  # currency and unit
Texts = tuple[str | None, ...]
_OF_CURVE = {Dimension.ASSET_CLASS, Dimension.COMMODITY, Dimension.REGION}


@dataclass(frozen=True, slots=True)
class Group:
    """Curves of the same measure, currency and unit with the same values of the dimensions asked for.

    `curve`: it is all of them. So it is where the unit is not known: whether others are in the same nobody knows.
    Groups of one question are told apart and sorted by `position`, None last.
    """

    position: Texts
    curve: Curve | None

    @property
    def values(self) -> Texts:
        return self.position[:-4]

    @property
    def measure(self) -> Measure:
        return Measure(self.position[-4] or "")

    @property
    def currency(self) -> str | None:
        return self.position[-3]

    @property
    def unit(self) -> str | None:
        return self.position[-2]


def grouped(
    curves: Sequence[Curve], priced_in: Mapping[int, PricedIn], dimensions: Sequence[Dimension], by_curve: bool
) -> tuple[list[Group], list[int]]:
    """The groups in order, and the place of each curve's. Half a unit is as good as none."""
    getters = [getter_of(each) for each in dimensions]
    groups: dict[Texts, Group] = {}
    positions = []
    for curve in curves:
        units = priced_in[curve.id]
        alone = by_curve or None in units
        key = curve.key if alone else None
        position = (*[get(curve, units) for get in getters], curve.identity.measure, *units, key)
        if position not in groups:
            groups[position] = Group(position, curve if alone else None)
        positions.append(position)
    ordered = sorted(groups, key=order_of)
    places = {position: place for place, position in enumerate(ordered)}
    return [groups[position] for position in ordered], [places[position] for position in positions]


def order_of(position: Sequence[object]) -> list[tuple[bool, str]]:
    """None comes last; dates sort as their texts do."""
    return [(each is None, "" if each is None else str(each)) for each in position]


def getter_of(dimension: Dimension) -> Callable[[Curve, PricedIn], str | None]:
    if dimension is Dimension.CURRENCY:
        return lambda _, units: units[0]
    if dimension is Dimension.UNIT:
        return lambda _, units: units[1]
    found = attrgetter(dimension.value if dimension in _OF_CURVE else f"identity.{dimension.value}")
    return lambda curve, _: found(curve)
