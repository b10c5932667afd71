"""From the numbers of sheets to curves: the months, strips and seasons of one product, with its bids and asks.

All curves of a file stand in one table, a row per curve and a column per delivery period, and a sheet is placed
in it as one piece. A curve then takes the periods it has; curves with the same periods on the same rows share
their grid and their places.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from aurum.errors import WorkbookTooLarge
from aurum.market.cells import Cells, PointRows
from aurum.market.counts import counted
from aurum.market.periods import DeliveryPeriod, Tenor, TenorGrid, TenorType, canonical_order
from aurum.parsers.cells import column_letter
from aurum.parsers.findings import Findings
from aurum.parsers.layout import Role
from aurum.parsers.model import ParsedCurve, Prices
from aurum.parsers.workbook import Block, Headed

Index = NDArray[np.int64]
Period = tuple[TenorType, DeliveryPeriod]
Twins = dict[str, list[tuple[str, str, str]]]  # by curve: a sheet and the first cells of both columns

NO_CELL = -1
MOST_POINTS = 5_000_000  # curves times delivery periods of a file; an RP file has 28,000


@dataclass(slots=True)
class Side:
    """Numbers of one kind, (mid,) or (bid, ask), with the place of each: an index into the table's places.

    `rejected`: there is a cell, and an ERROR says why it gave no number.
    """

    values: tuple[Prices, ...]
    places: Index
    rejected: NDArray[np.bool_]

    @classmethod
    def empty(cls, count: int, shape: tuple[int, int]) -> Side:
        values = tuple(np.full(shape, np.nan) for _ in range(count))
        return cls(values, np.full(shape, NO_CELL), np.zeros(shape, dtype=bool))

    @property
    def standing(self) -> Index:
        """The places of numbers and of what was rejected; NO_CELL elsewhere."""
        return np.where(np.isfinite(self.values[0]) | self.rejected, self.places, NO_CELL)


@dataclass(slots=True)
class Table:
    """The curves of a file in the order of their first columns, the periods in the order of a grid."""

    headed: list[Headed]
    tenors: list[Tenor]
    mid: Side
    quote: Side
    curves: dict[str, int]
    periods: dict[Period, int]
    blocks: list[Block]
    places: list[tuple[int, int]] = field(default_factory=list)  # a block and a row, counted from 0
    letters: dict[tuple[int, int], str] = field(default_factory=dict)  # of a curve in a block

    def key(self, curve: int) -> str:
        return self.headed[curve].key

    def cell(self, curve: int, place: int, sheet: str) -> str:
        """The address of a curve's cell, with its sheet's name where that is another."""
        block, row = self.places[place]
        name = self.blocks[block].sheet.name
        return ("" if name == sheet else f"{name}!") + f"{self.letters[block, curve]}{row + 1}"


def tabulate(blocks: list[Block], findings: Findings, file: str) -> Table:
    """All curves and periods of the sheets, each number once."""
    headed: dict[str, Headed] = {}
    tenors: dict[Period, Tenor] = {}
    for block in blocks:
        for column in block.columns:
            headed.setdefault(column.headed.key, column.headed)
        for tenor in block.tenors:
            tenors.setdefault((tenor.type, tenor.period), tenor)
    given = list(tenors.values())
    ordered = [given[at] for at in canonical_order(given)]
    shape = (len(headed), len(ordered))
    if shape[0] * shape[1] > MOST_POINTS:
        what = f"{counted(shape[0], 'curve')} over {counted(shape[1], 'delivery period')}"
        raise WorkbookTooLarge(f"{file} has {what}", file=file)
    table = Table(
        headed=list(headed.values()),
        tenors=ordered,
        mid=Side.empty(1, shape),
        quote=Side.empty(2, shape),
        curves={key: at for at, key in enumerate(headed)},
        periods={(tenor.type, tenor.period): at for at, tenor in enumerate(ordered)},
        blocks=blocks,
    )
    twins: Twins = {}
    for number, block in enumerate(blocks):
        _place(table, number, block, _without_twins(block, findings, twins), findings)
    for key, places in twins.items():
        sheet, *cells = places[0]
        message = f"one curve in two columns with the same values, on {counted(len(places), 'sheet')}"
        findings.warning("EQUAL_TWIN_COLUMNS", message, sheet, *cells, curve_key=key)
    return table


# ------------------------------------------------------------------------------------------------- twins


def _without_twins(block: Block, findings: Findings, twins: Twins) -> list[int]:
    """One column per curve. Equal twins are noted; where unequal ones differ, neither number is kept."""
    first: dict[str, int] = {}
    for at, column in enumerate(block.columns):
        twin = first.setdefault(column.key, at)
        if twin != at:
            _compare_twins(block, twin, at, findings, twins)
    return list(first.values())


def _compare_twins(block: Block, one: int, other: int, findings: Findings, twins: Twins) -> None:
    key = block.columns[one].key
    same = np.all([_same(values[:, one], values[:, other]) for values in block.values], axis=0)
    differing = np.flatnonzero(~same)
    if not len(differing):
        twins.setdefault(key, []).append((block.sheet.name, block.cell(0, one), block.cell(0, other)))
        return
    row = int(differing[0])
    findings.error(
        "CONFLICTING_COLUMNS",
        f"one curve in two columns that differ on {counted(len(differing), 'row')}: "
        f"{_numbers(block.values, row, one)} and {_numbers(block.values, row, other)}",
        block.sheet.name,
        *(block.cell(row, column) for row in differing.tolist() for column in (one, other)),
        curve_key=key,
    )
    for values in block.values:
        values[differing, one] = np.nan
    block.rejected[differing, one] = True


def _same(one: Prices, other: Prices) -> NDArray[np.bool_]:
    same: NDArray[np.bool_] = (one == other) | (np.isnan(one) & np.isnan(other))
    return same


def _numbers(values: Sequence[Prices], *at: int) -> str:
    return " / ".join("none" if np.isnan(side[at]) else repr(float(side[at])) for side in values)


# ------------------------------------------------------------------------------------------------- places


def _place(table: Table, number: int, block: Block, columns: list[int], findings: Findings) -> None:
    """Put a sheet's numbers into the table. Rows of one period go in one after the other, the first one wins."""
    side = table.quote if block.sheet.rule.role is Role.BIDASK else table.mid
    curves = [table.curves[block.columns[column].key] for column in columns]
    for curve, column in zip(curves, columns, strict=True):
        table.letters[number, curve] = column_letter(block.columns[column].at)
    periods = [table.periods[tenor.type, tenor.period] for tenor in block.tenors]
    first_place = len(table.places)
    table.places.extend((number, row) for row in block.at)
    for layer in _layers(periods) if curves else ():
        at = np.ix_(curves, [periods[row] for row in layer])
        new = tuple(values[np.ix_(layer, columns)].T for values in block.values)
        places = np.array(layer) + first_place
        clash = np.isfinite(side.values[0][at]) & np.isfinite(new[0])
        if clash.any():
            _report_clashes(table, side, at, new, places, clash, findings)
        rejected = block.rejected[np.ix_(layer, columns)].T
        fresh = (np.isfinite(new[0]) | rejected) & (side.places[at] == NO_CELL)
        for kept, values in zip(side.values, new, strict=True):
            kept[at] = np.where(fresh, values, kept[at])
        side.places[at] = np.where(fresh, places, side.places[at])
        side.rejected[at] |= fresh & rejected


def _layers(periods: list[int]) -> list[list[int]]:
    """The rows that are the first of their periods, those that are the second, and so on."""
    layers: list[list[int]] = []
    seen: Counter[int] = Counter()
    for row, period in enumerate(periods):
        if seen[period] == len(layers):
            layers.append([])
        layers[seen[period]].append(row)
        seen[period] += 1
    return layers


def _report_clashes(
    table: Table,
    side: Side,
    at: tuple[Index, ...],
    new: tuple[Prices, ...],
    places: Index,
    clash: NDArray[np.bool_],
    findings: Findings,
) -> None:
    """A period twice in one curve: the same numbers are noted, others are errors and neither is kept."""
    old = tuple(kept[at] for kept in side.values)
    same = np.all([_same(one, other) for one, other in zip(old, new, strict=True)], axis=0)
    for period in np.flatnonzero(clash.any(axis=0)).tolist():
        place, label = int(places[period]), table.tenors[int(at[1][0, period])].label
        sheet = table.blocks[table.places[place][0]].sheet.name
        equal, unequal = (np.flatnonzero(clash[:, period] & kind[:, period]).tolist() for kind in (same, ~same))
        cells = {
            row: [table.cell(int(at[0][row, 0]), at_, sheet) for at_ in (int(side.places[at][row, period]), place)]
            for row in equal[:1] + unequal
        }
        if equal:
            message = f"{label} stands twice, with the same values in {counted(len(equal), 'curve')}"
            findings.warning("DUPLICATE_TENOR", message, sheet, *cells[equal[0]])
        for row in unequal:
            message = f"{label} stands twice: {_numbers(old, row, period)} and {_numbers(new, row, period)}"
            key = table.key(int(at[0][row, 0]))
            findings.error("CONFLICTING_TENORS", message, sheet, *cells[row], curve_key=key)
    for kept in side.values:
        kept[at] = np.where(clash & ~same, np.nan, kept[at])
    side.rejected[at] |= clash & ~same


# ------------------------------------------------------------------------------------------------- curves


def curves_of(table: Table, groups: dict[int, list[str]]) -> list[ParsedCurve]:
    """The curves with a number, in the order of their first columns. `groups` are the regional sheets of each."""
    mid, (bid, ask) = table.mid.values[0], table.quote.values
    mid_places, quote_places = table.mid.standing, table.quote.standing
    two_sided = set(np.flatnonzero((quote_places != NO_CELL).any(axis=1)).tolist())
    shapes: dict[bytes, _Shape] = {}
    curves = []
    for at, headed in enumerate(table.headed):
        signature = mid_places[at].tobytes() + quote_places[at].tobytes()
        shape = shapes.get(signature)
        if shape is None:
            shape = shapes[signature] = _shape(table, mid_places[at], quote_places[at])
        described, points = headed.described, shape.points
        if described is None or not len(points):
            continue
        curves.append(
            ParsedCurve(
                identity=described.identity,
                asset_class=described.asset_class,
                commodity=described.commodity,
                region=described.region,
                unit_text=described.unit_text,
                attributes=described.attributes + tuple(("group", name) for name in groups.get(at, ())),
                tenors=shape.grid,
                mid=_numbers_of(mid[at], points),
                bid=_numbers_of(bid[at], points) if at in two_sided else None,
                ask=_numbers_of(ask[at], points) if at in two_sided else None,
                mid_cells=shape.mid.cells(table, at),
                quote_cells=shape.quote.cells(table, at) if at in two_sided else None,
            )
        )
    return curves


@dataclass(frozen=True, slots=True)
class _Rows:
    rows: PointRows
    blocks: tuple[int, ...]

    def cells(self, table: Table, curve: int) -> Cells:
        return Cells(self.rows, tuple([table.letters[block, curve] for block in self.blocks]))


@dataclass(frozen=True, slots=True)
class _Shape:
    """What curves share that have the same periods on the same rows. `points` are their columns in the table."""

    points: Index
    grid: TenorGrid
    mid: _Rows
    quote: _Rows


def _shape(table: Table, mid_places: Index, quote_places: Index) -> _Shape:
    points = np.flatnonzero((mid_places != NO_CELL) | (quote_places != NO_CELL))
    grid = TenorGrid(table.tenors[at] for at in points.tolist())
    return _Shape(points, grid, _rows(table, mid_places[points]), _rows(table, quote_places[points]))


def _rows(table: Table, places: Index) -> _Rows:
    at = [table.places[place] if place != NO_CELL else None for place in places.tolist()]
    blocks = tuple(sorted({block for block, _ in filter(None, at)}))
    rows = PointRows(
        sheets=tuple(table.blocks[block].sheet.name for block in blocks),
        sheet=tuple(blocks.index(place[0]) if place else 0 for place in at),
        row=tuple(place[1] + 1 if place else 0 for place in at),
    )
    return _Rows(rows, blocks)


def _numbers_of(values: Prices, points: Index) -> Prices:
    numbers = values.take(points)
    numbers.flags.writeable = False
    return numbers
