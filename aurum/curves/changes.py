"""What differs between two snapshots of a curve, point by point and to the bit."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from aurum.curves.model import CurvePrices, Prices
from aurum.market.periods import DeliveryPeriod, Tenor, TenorType

_Numbers: TypeAlias = tuple[float | None, float | None, float | None, bool]
_NOTHING: _Numbers = (None, None, None, False)


class ChangeKind(StrEnum):
    ADDED = "ADDED"
    CHANGED = "CHANGED"
    REMOVED = "REMOVED"


@dataclass(frozen=True, slots=True)
class PointChange:
    """A point as it is now: `mid`, `bid`, `ask`, None where it is not quoted, and whether it is in quarantine."""

    kind: ChangeKind
    tenor: Tenor
    numbers: _Numbers = _NOTHING


def point_changes(before: CurvePrices | None, after: CurvePrices) -> list[PointChange]:
    """What turns the points of one into those of the other, in the order of a grid.

    A point is known by its type and delivery period: a vendor may write its label in another way.
    """
    old, new = {} if before is None else _points(before), _points(after)
    changes = [PointChange(ChangeKind.REMOVED, old[key][0]) for key in old.keys() - new.keys()]
    changes += [PointChange(ChangeKind.ADDED, *new[key]) for key in new.keys() - old.keys()]
    # As texts: to the bit, where 0.0 equals -0.0.
    changed = (key for key in new.keys() & old.keys() if repr(new[key]) != repr(old[key]))
    changes += [PointChange(ChangeKind.CHANGED, *new[key]) for key in changed]
    return sorted(changes, key=lambda change: (_RANK[change.tenor.type], change.tenor.period))


def _points(prices: CurvePrices) -> dict[tuple[TenorType, DeliveryPeriod], tuple[Tenor, _Numbers]]:
    held = set(prices.withheld)
    withheld = [place in held for place in range(len(prices.tenors))]
    rows = zip(*(_numbers(side, len(withheld)) for side in (prices.mid, prices.bid, prices.ask)), withheld, strict=True)
    return {(tenor.type, tenor.period): (tenor, row) for tenor, row in zip(prices.tenors, rows, strict=True)}


def _numbers(side: Prices | None, count: int) -> list[float | None]:
    return [None] * count if side is None else [None if value != value else value for value in side.tolist()]


_RANK = {type_: rank for rank, type_ in enumerate(TenorType)}
