"""Curves side by side: the full outer join of their tenors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from aurum.curves.blocks import NOWHERE
from aurum.curves.model import CurvePrices, Prices
from aurum.market.periods import Tenor, TenorGrid

Places = NDArray[np.int64]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Alignment:
    """The tenors of several grids, each once by its type and delivery period, in the order of a grid.

    `places[g, n]` is where grid `g` has tenor `n`, or NOWHERE; `starts[n]` is the first day of delivery
    (datetime64[D]). A label is the one of the last grid that has the tenor.
    """

    tenors: TenorGrid
    places: Places
    starts: NDArray[np.datetime64]


@lru_cache(maxsize=512)
def aligned(*grids: TenorGrid) -> Alignment:
    union: dict[object, Tenor] = {}
    for grid in grids:
        union.update(((tenor.type, tenor.period), tenor) for tenor in grid)
    tenors = TenorGrid(union.values())
    places = np.full((len(grids), len(tenors)), NOWHERE, dtype=np.int64)
    columns = {(tenor.type, tenor.period): column for column, tenor in enumerate(tenors)}
    for row, grid in enumerate(grids):
        places[row, [columns[tenor.type, tenor.period] for tenor in grid]] = np.arange(len(grid))
    starts = np.array([tenor.period.start for tenor in tenors], dtype="datetime64[D]")
    return Alignment(tenors, places, starts)


def taken(side: Prices | None, places: Places) -> Prices:
    """The numbers at these places, one for each; NaN for NOWHERE and where there is no such side."""
    if side is None:
        return np.full(len(places), np.nan)
    found: Prices = np.append(side, np.nan)[places]  # NOWHERE is the last one
    return found


def brought(values: Prices, source: TenorGrid, target: TenorGrid) -> Prices:
    """Numbers that stand beside one grid's tenors beside another's; NaN for tenors that the first one lacks."""
    places = aligned(source, target).places
    return taken(values, places[0][places[1] != NOWHERE])  # a grid's own order is that of all tenors


def side_by_side(curves: Sequence[CurvePrices | None]) -> tuple[Alignment, Prices]:
    """The mids of many curves as a row each, a column for each of their tenors; None is a row of NaN."""
    rows: dict[TenorGrid, list[int]] = {}
    for row, curve in enumerate(curves):
        if curve is not None:
            rows.setdefault(curve.tenors, []).append(row)
    joined = aligned(*rows)
    mids = np.full((len(curves), len(joined.tenors)), np.nan)
    for grid, its_rows in enumerate(rows.values()):
        # A grid's own order is that of all tenors: its places grow along the columns that it has.
        columns = np.flatnonzero(joined.places[grid] != NOWHERE)
        mids[np.array(its_rows)[:, None], columns] = [curve.mid for curve in map(curves.__getitem__, its_rows) if curve]
    return joined, mids
