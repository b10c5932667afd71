"""A file beside the days before it, by delivery period: the first month of yesterday may not be that of today.

And what repeats the day before.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np

from aurum.ingestion.checks.flags import Flags
from aurum.ingestion.checks.table import (
    NO_POINT,
    Block,
    Index,
    Mask,
    PricesOfCurve,
    Table,
    blocks_of,
    columns_of,
    key_of,
)
from aurum.ingestion.checks.thresholds import VendorLimits
from aurum.market.counts import counted
from aurum.parsers.model import ParsedWorkbook, Prices


@dataclass(frozen=True, slots=True, eq=False)
class Day:
    """The mids of a vendor's curves on one as-of date. Never changes: it may be kept and used again."""

    as_of: date
    blocks: tuple[Block, ...]

    @classmethod
    def of(cls, parsed: ParsedWorkbook) -> Day:
        return cls(parsed.as_of, blocks_of({key_of(curve.identity): curve for curve in parsed.curves}))

    @classmethod
    def of_prices(cls, as_of: date, prices: Mapping[str, PricesOfCurve]) -> Day:
        """From prices by curve key, such as those of snapshots."""
        return cls(as_of, blocks_of(prices))


# ------------------------------------------------------------------------------------------------- in one array


@dataclass(frozen=True, slots=True, eq=False)
class History:
    """Earlier days and, last, the file's own: `mid[day, row, column]` by rows and columns of its table.

    The columns are the table's first: months; in a file without any, all. Strips say nothing that months do not.
    """

    table: Table
    days: tuple[date, ...]
    mid: Prices

    def days_identical(self, rows: Sequence[int]) -> str:
        """On how many days before these curves were the same, in words."""
        earlier = self.mid[:-1, rows]
        known = np.isfinite(earlier)
        same = np.all((earlier[:, 1:] == earlier[:, :1]) | ~known[:, :1], axis=(1, 2))
        compared = np.all(np.any(known, axis=2), axis=1)
        count, of = int((same & compared).sum()), int(compared.sum())
        return f", as on {count or 'none'} of the {counted(of, 'day')} before" if of else ""


def history_of(table: Table, days: Sequence[Day], limits: VendorLimits) -> History:
    """The last days before the file's own, as its thresholds have them."""
    as_of = table.parsed.as_of
    earlier = {day.as_of: day for day in days if day.as_of < as_of}
    near = [day for day in sorted(earlier) if (as_of - day).days <= limits.file.history_age]
    # The last day is kept however old it is, to compare values with.
    kept = [earlier[day] for day in (near or sorted(earlier)[-1:])[-limits.file.history_days :]]
    width = len(table.months) or len(table.tenors)
    mid = np.full((len(kept) + 1, len(table.keys), width), np.nan)
    rows: dict[tuple[str, ...], Index] = {table.keys: np.arange(len(table.keys))}
    columns: dict[str, Index] = {}
    for at, day in enumerate(kept):
        for block in day.blocks:
            if block.keys not in rows:
                rows[block.keys] = np.array([table.rows.get(key, NO_POINT) for key in block.keys])
            if block.grid.digest not in columns:
                found = np.array(columns_of(block.grid, table.columns))
                columns[block.grid.digest] = np.where(found < width, found, NO_POINT)
            _put(mid[at], rows[block.keys], columns[block.grid.digest], block.mid)
    mid[-1] = table.mid[:, :width]
    return History(table, (*(day.as_of for day in kept), as_of), mid)


def _put(target: Prices, rows: Index, columns: Index, values: Prices) -> None:
    """Places that follow each other are taken as slices: ten times as fast, and the usual case."""
    (to_rows, from_rows), (to_columns, from_columns) = _places(rows), _places(columns)
    if isinstance(to_rows, slice) and isinstance(to_columns, slice):
        target[to_rows, to_columns] = values[from_rows, from_columns]
    else:
        here, there = np.flatnonzero(rows >= 0), np.flatnonzero(columns >= 0)
        target[np.ix_(rows[here], columns[there])] = values[np.ix_(here, there)]


def _places(index: Index) -> tuple[slice | None, slice | None]:
    """Where the found ones go and where they stand, if both are without gaps."""
    found = np.flatnonzero(index >= 0)
    if not len(found):
        return slice(0, 0), slice(0, 0)
    first, end = int(found[0]), int(found[-1]) + 1
    start = int(index[first])
    if end - first != len(found) or not np.array_equal(index[first:end], np.arange(start, start + end - first)):
        return None, None
    return slice(start, start + end - first), slice(first, end)


# ------------------------------------------------------------------------------------------------- what repeats


def check_stale(history: History, limits: VendorLimits, flags: Flags) -> None:
    """Values that are those of the day before on all common periods."""
    if len(history.days) < 2:
        return
    table, mid = history.table, history.mid
    last = _last_day(mid)
    before = mid[last, np.arange(len(table.keys))]
    repeated = _repeated(mid[-1], before, limits.each("stale_points")[:, 0]) & (last >= 0)
    rows = np.flatnonzero(repeated).tolist()
    share = len(rows) / max(1, len(table.keys))
    if len(rows) > 1 and share > limits.file.stale_file_share:
        flags.add(
            "STALE_FILE",
            f"{len(rows)} of {counted(len(table.keys), 'curve')} ({share:.0%}) are those of {history.days[-2]}: is it "
            "the file of another day?",
        )
    for row in rows:
        since = _unchanged_since(mid[:, row], int(last[row]))
        if last[row] - since + 1 < limits.of(table.keys[row]).stale_days:
            continue
        common = int((np.isfinite(mid[-1, row]) & np.isfinite(before[row])).sum())
        moved, compared = _days_moved(mid[:-1, row])
        habit = f"; it moved on {moved} of the {counted(compared, 'day')} before" if compared else ""
        flags.add(
            "STALE_CURVE",
            f"{counted(common, 'value')} unchanged since {history.days[since]}{habit}",
            addresses=[table.first_address(row)],
            curve_key=table.keys[row],
            points={table.keys[row]: table.all_points(row)},
        )


def _last_day(mid: Prices) -> Index:
    """For each curve the last earlier day with a value, or -1."""
    last = np.full(mid.shape[1], -1)
    for day in range(len(mid) - 2, -1, -1):
        sought = np.flatnonzero(last < 0)
        if not len(sought):
            break
        last[sought[np.isfinite(mid[day, sought]).any(axis=1)]] = day
    return last


def _repeated(now: Prices, before: Prices, least: Prices) -> Mask:
    common = np.isfinite(now) & np.isfinite(before)
    repeated: Mask = ((now == before) | ~common).all(axis=1) & (common.sum(axis=1) >= least)
    return repeated


def _unchanged_since(mid: Prices, last: int) -> int:
    """The first day of those in a row that a curve has been the same on."""
    since = last
    for day in range(last - 1, -1, -1):
        common = np.isfinite(mid[day]) & np.isfinite(mid[-1])
        if not common.any() or (mid[day] != mid[-1])[common].any():
            break
        since = day
    return since


def _days_moved(mid: Prices) -> tuple[int, int]:
    """On how many days a curve was not that of the day before, of how many."""
    moves = np.abs(np.diff(mid, axis=0))
    compared = np.isfinite(moves).any(axis=1)
    return int((np.nan_to_num(moves) > 0).any(axis=1).sum()), int(compared.sum())
