"""All curves of a file in one table: a row per curve, a column per delivery period."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from aurum.market.identity import CurveIdentity
from aurum.market.periods import DeliveryPeriod, Tenor, TenorGrid, TenorType, canonical_order
from aurum.parsers.model import ParsedCurve, ParsedWorkbook, Prices

Index = NDArray[np.int64]
Mask = NDArray[np.bool_]
Period = tuple[TenorType, DeliveryPeriod]
NO_POINT = -1


class PricesOfCurve(Protocol):
    """What parsed curves and stored snapshots have in common."""

    @property
    def tenors(self) -> TenorGrid: ...

    @property
    def mid(self) -> Prices: ...


@lru_cache(maxsize=16_384)
def key_of(identity: CurveIdentity) -> str:
    return identity.key


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """Mids of curves that share a grid: a row per key, a column per tenor."""

    grid: TenorGrid
    keys: tuple[str, ...]
    mid: Prices


def blocks_of(curves: Mapping[str, PricesOfCurve]) -> tuple[Block, ...]:
    """Curves by their grids; grids are compared as objects first, for parser and store share them."""
    by_id: dict[int, list[str]] = {}
    for key, curve in curves.items():
        by_id.setdefault(id(curve.tenors), []).append(key)
    return tuple(
        Block(curves[keys[0]].tenors, tuple(keys), np.array([curves[key].mid for key in keys]))
        for keys in by_id.values()
    )


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """The numbers of a parsed file; NaN where there is none. `point[row, column]` is the curve's point, or NO_POINT."""

    parsed: ParsedWorkbook
    curves: Sequence[ParsedCurve]
    keys: tuple[str, ...]
    rows: Mapping[str, int]
    tenors: Sequence[Tenor]
    columns: Mapping[Period, int]
    months: Index  # the columns of months, in order of delivery
    mid: Prices
    bid: Prices
    ask: Prices
    point: Index

    @property
    def middle(self) -> Prices:
        middle: Prices = (self.bid + self.ask) / 2
        return middle

    def points(self, row: int, columns: Iterable[int]) -> list[int]:
        """The points of a curve at some columns, where it has any."""
        return [point for column in columns if (point := int(self.point[row, column])) != NO_POINT]

    def all_points(self, row: int) -> range:
        return range(len(self.curves[row].tenors))

    def mid_address(self, row: int, column: int) -> str | None:
        point = int(self.point[row, column])
        return None if point == NO_POINT else self.curves[row].mid_cells.address(point)

    def quote_address(self, row: int, column: int) -> str | None:
        point, cells = int(self.point[row, column]), self.curves[row].quote_cells
        return None if point == NO_POINT or cells is None else cells.address(point)

    def first_address(self, row: int) -> str | None:
        """The first cell of a curve."""
        curve = self.curves[row]
        sides = [cells for cells in (curve.mid_cells, curve.quote_cells) if cells is not None]
        return next(filter(None, (cells.address(at) for cells in sides for at in self.all_points(row))), None)


def tabulate(parsed: ParsedWorkbook) -> Table:
    """A row for each curve, in the order of the file; a column for each delivery, months first: NaN where none is."""
    curves = parsed.curves
    keys = tuple([key_of(curve.identity) for curve in curves])
    groups: dict[int, list[int]] = {}
    for row, curve in enumerate(curves):
        groups.setdefault(id(curve.tenors), []).append(row)
    tenors: dict[Period, Tenor] = {}
    for rows in groups.values():
        for tenor in curves[rows[0]].tenors:
            tenors.setdefault((tenor.type, tenor.period), tenor)
    given = list(tenors.values())
    ordered = [given[at] for at in canonical_order(given)]
    columns = {(tenor.type, tenor.period): at for at, tenor in enumerate(ordered)}
    shape = (len(curves), len(ordered))
    mid, bid, ask = (np.full(shape, np.nan) for _ in range(3))
    point = np.full(shape, NO_POINT)
    for rows in groups.values():
        grid = curves[rows[0]].tenors
        at = np.ix_(rows, columns_of(grid, columns))
        mid[at] = [curves[row].mid for row in rows]
        point[at] = np.arange(len(grid))
        quoted = [row for row in rows if curves[row].bid is not None]
        if quoted:
            at = (np.array(quoted)[:, None], at[1])
            bid[at] = [curves[row].bid for row in quoted]
            ask[at] = [curves[row].ask for row in quoted]
    months = np.array([at for at, tenor in enumerate(ordered) if tenor.type is TenorType.MONTH], dtype=np.int64)
    return Table(
        parsed, curves, keys, dict(zip(keys, range(len(keys)), strict=True)), ordered, columns, months, mid, bid, ask,
        point,
    )  # fmt: skip


def columns_of(grid: TenorGrid, columns: Mapping[Period, int]) -> list[int]:
    """The column of each tenor; NO_POINT for a period that the table does not have."""
    return [columns.get((tenor.type, tenor.period), NO_POINT) for tenor in grid]
