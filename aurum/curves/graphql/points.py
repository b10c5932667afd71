"""Points of curves, one by one and as columns."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from datetime import date
from functools import partial
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
import strawberry
from numpy.typing import NDArray

from aurum.curves import model
from aurum.curves.graphql.arguments import DeliveryRange
from aurum.graphql.columnar.records import Batches, Columns, Constant, RecordBatch, SharedColumn, Stack
from aurum.market.cells import Cells
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
    return _stack([prices], chosen).batch(0, cache_key)


def points_of_each(
    prices: Sequence[model.CurvePrices],
    types: list[TenorType] | None,
    delivery: DeliveryRange | None,
    cache_keys: Sequence[Hashable],
) -> Batches[CurvePoint]:
    """Those of curves that share a grid, and are quoted alike, are a stack."""
    if len(prices) == 1:
        stack = _stack(prices, chosen(prices[0].tenors, types, delivery))
        return Batches(CurvePoint, [(stack, 0)], cache_keys)
    alike: dict[Hashable, list[model.CurvePrices]] = {}
    places: list[tuple[Hashable, int]] = []
    for each in prices:
        kind = (id(each.tenors), each.bid is None, each.ask is None, not each.withheld)
        others = alike.setdefault(kind, [])
        places.append((kind, len(others)))
        others.append(each)
    stacks = {kind: _stack(of_kind, chosen(of_kind[0].tenors, types, delivery)) for kind, of_kind in alike.items()}
    return Batches(CurvePoint, [(stacks[kind], place) for kind, place in places], cache_keys)


def _stack(prices: Sequence[model.CurvePrices], chosen: list[int] | None) -> Stack[CurvePoint]:
    """Of a grid; quoted alike."""
    places: Sequence[int] = range(len(prices[0].tenors)) if chosen is None else chosen
    return Stack(CurvePoint, len(places), partial(_all_columns, prices, chosen, places))


def _all_columns(prices: Sequence[model.CurvePrices], chosen: list[int] | None, places: Sequence[int]) -> Columns:
    first = prices[0]
    return {
        **shared_tenors_of(first.tenors, chosen),
        "mid": lambda: _sides([each.mid for each in prices], chosen),
        "bid": lambda: _sides([each.bid for each in prices], chosen),
        "ask": lambda: _sides([each.ask for each in prices], chosen),
        "cell": lambda: [_cells(each.mid_cells, places) for each in prices],
        "quote_cell": lambda: [_cells(each.quote_cells, places) for each in prices],
        "withheld": lambda: [_held(each, places) for each in prices] if first.withheld else Constant(False),
    }


def tenors_of(grid: TenorGrid, chosen: list[int] | None) -> Columns:
    """What the tenors are, of the chosen places, of all where None."""
    return _tenors(grid) if chosen is None else _columns([grid[place] for place in chosen])


def shared_tenors_of(grid: TenorGrid, chosen: list[int] | None) -> Columns:
    """Those of all batches of a stack."""
    return {name: partial(_shared_column, column) for name, column in tenors_of(grid, chosen).items()}


def _shared_column(column: Any) -> SharedColumn:
    made = column() if callable(column) else column
    return made if isinstance(made, SharedColumn) else SharedColumn(made)


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


def _sides(sides: Sequence[NDArray[np.float64] | None], chosen: list[int] | None) -> Any:
    """Of all or none."""
    if sides[0] is None:
        return Constant(None)
    return np.array(sides) if chosen is None else np.array(sides)[:, chosen]


def _cells(cells: Cells | None, places: Sequence[int]) -> list[str | None]:
    return [None if cells is None else cells.address(place) for place in places]


def _held(prices: model.CurvePrices, places: Sequence[int]) -> list[bool]:
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
