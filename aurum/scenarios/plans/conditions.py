"""Readings of curves that conditional drivers depend on."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from aurum.curves.model import Prices
from aurum.market.periods import month_number
from aurum.scenarios.drivers import Comparison, Condition
from aurum.scenarios.plans.book import CurveBook
from aurum.scenarios.plans.following import factor_into, stated_unit
from aurum.scenarios.plans.steps import Mask, Reading

_COMPARED: Mapping[Comparison, Callable[[Any, Any], Any]] = MappingProxyType(
    {
        Comparison.ABOVE: operator.gt,
        Comparison.AT_LEAST: operator.ge,
        Comparison.BELOW: operator.lt,
        Comparison.AT_MOST: operator.le,
    }
)


def reading_of(condition: Condition, at: int, book: CurveBook, path: str) -> Reading:
    """Raises UnitMismatch and its kin for a level that is not in a unit of the curve."""
    base, compare = book.curves[at], _COMPARED[condition.comparison]
    stated = None if condition.unit is None else stated_unit(condition.unit)
    level = condition.level * factor_into(base.curve, stated)

    def holds(read: Prices) -> Mask:
        found: Mask = compare(read, level)
        return found

    months = range(month_number(condition.delivery_start), month_number(condition.delivery_end))
    return Reading(at, book.lines[at], tuple(months), holds, path)
