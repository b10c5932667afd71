"""Points of curves, one by one and as columns."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from datetime import date
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
import strawberry
from numpy.typing import NDArray

from aurum.curves import model
from aurum.curves.graphql.arguments import DeliveryRange
from aurum.graphql.columnar.records import Column, Columns, Constant, RecordBatch, SharedColumn
from aurum.market.periods import Tenor, TenorGrid, TenorType


@strawberry.type(
    description="A point of a curve: the prices of one delivery period, in the currency and unit of what it is in."
)
class CurvePoint:
    tenor: str = strawberry.field(description="The market's label: months as `2025-06`, else the vendor's text.")
    tenor_type: TenorType = strawberry.field(description="What kind of period it is.")
    delivery_start: date = strawberry.field(description="The first day of delivery.")
    delivery_end: date = strawberry.field(description="The day after the last day of delivery.")
    mid: float | None = strawberry.field(
        description="The vendor's mid, not that of bid and ask; null where none is quoted."
    )
    bid: float | None = strawberry.field(description="Null where none is quoted.")
    ask: float | None = strawberry.field(description="Null where none is quoted.")
    cell: str | None = strawberry.field(description="Where the mid stands in the file: `Fixed Prices - Mid!D12`.")
    quote_cell: str | None = strawberry.field(name="bidAskCell", description="Where bid and ask stand in the file.")
    withheld: bool = strawberry.field(
        description="Whether it is in quarantine: the file has a number that is not served until somebody decides."
    )


@strawberry.type(description="The points of a curve as parallel lists: the same numbers, less to carry.")
class CurveColumns:
    tenor: list[str] = strawberry.field(description="See `CurvePoint.tenor`.")
    tenor_type: list[TenorType] = strawberry.field(description="See `CurvePoint.tenorType`.")
    delivery_start: list[date] = strawberry.field(description="See `CurvePoint.deliveryStart`.")
    delivery_end: list[date] = strawberry.field(description="See `CurvePoint.deliveryEnd`.")
    mid: list[float | None] = strawberry.field(description="See `CurvePoint.mid`.")
    bid: list[float | None] = strawberry.field(description="See `CurvePoint.bid`.")
    ask: list[float | None] = strawberry.field(description="See `CurvePoint.ask`.")
    withheld: list[bool] = strawberry.field(description="See `CurvePoint.withheld`.")


_shared: WeakKeyDictionary[TenorGrid, dict[str, SharedColumn]] = WeakKeyDictionary()


def points_of(
    prices: model.CurvePrices, chosen: list[int] | None = None, cache_key: Hashable = None
) -> RecordBatch[CurvePoint]:
    """The chosen points, all where None. `cache_key` says which points of which snapshot they are."""
    count = len(prices.tenors) if chosen is None else len(chosen)
    return RecordBatch(CurvePoint, count, lambda: _columns_of(prices, chosen), cache_key)


def _columns_of(prices: model.CurvePrices, chosen: list[int] | None) -> Columns:
    mid_cells, quote_cells = prices.mid_cells, prices.quote_cells
    places: Sequence[int] = range(len(prices.tenors)) if chosen is None else chosen
    return {
        **tenors_of(prices.tenors, chosen),
        "mid": _side(prices.mid, chosen),
        "bid": _side(prices.bid, chosen),
        "ask": _side(prices.ask, chosen),
        "cell": lambda: [mid_cells.address(place) for place in places] if mid_cells else Constant(None),
        "quote_cell": lambda: [quote_cells.address(place) for place in places] if quote_cells else Constant(None),
        "withheld": lambda: _withheld(prices, places) if prices.withheld else Constant(False),
    }


def tenors_of(grid: TenorGrid, chosen: list[int] | None) -> Columns:
    """What the tenors are, of the chosen places, of all where None."""
    return _tenors(grid) if chosen is None else _columns([grid[place] for place in chosen])


def _tenors(grid: TenorGrid) -> dict[str, SharedColumn]:
    """The columns that all curves of a grid have in common."""
    found = _shared.get(grid)
    if found is None:
        found = _shared[grid] = {name: SharedColumn(column()) for name, column in _columns(grid).items()}
    return found


def _columns(tenors: Sequence[Tenor]) -> dict[str, Callable[[], list[Any]]]:
    return {
        "tenor": lambda: [tenor.label for tenor in tenors],
        "tenor_type": lambda: [tenor.type for tenor in tenors],
        "delivery_start": lambda: [tenor.period.start for tenor in tenors],
        "delivery_end": lambda: [tenor.period.end for tenor in tenors],
    }


def _side(side: NDArray[np.float64] | None, chosen: list[int] | None) -> Column:
    if side is None:
        return Constant(None)
    return side if chosen is None else side[chosen]


def _withheld(prices: model.CurvePrices, places: Sequence[int]) -> list[bool]:
    held = set(prices.withheld)
    return [place in held for place in places]


def columns_of(prices: model.CurvePrices, chosen: list[int] | None) -> CurveColumns:
    return points_of(prices, chosen).parallel(CurveColumns)


def chosen(
    tenors: TenorGrid, types: list[TenorType] | None, delivery: DeliveryRange | None
) -> list[int] | None:  # fmt: skip
    """Where the points stand that are asked for; None: all."""
    start, end = (delivery.start, delivery.end) if delivery else (None, None)
    if types is None and start is None and end is None:
        return None
    return tenors.chosen(types, start, end)
