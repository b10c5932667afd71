"""A file against the vendor's last one: curves, sheets and tenors that are new or gone, columns that moved."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Protocol

import numpy as np

from aurum.ingestion.checks.flags import Flags
from aurum.ingestion.checks.table import Table, columns_of, key_of
from aurum.ingestion.checks.thresholds import VendorLimits
from aurum.market.cells import Cells
from aurum.market.counts import counted
from aurum.market.identity import alike
from aurum.market.periods import Tenor, TenorGrid, TenorType, month_number
from aurum.parsers.model import ParsedWorkbook, Prices, Severity


class _Placed(Protocol):
    """What parsed curves and stored prices have in common."""

    @property
    def tenors(self) -> TenorGrid: ...

    @property
    def mid(self) -> Prices: ...

    @property
    def mid_cells(self) -> Cells | None: ...

    @property
    def quote_cells(self) -> Cells | None: ...


@dataclass(frozen=True, slots=True, eq=False)
class PreviousFile:
    """What the vendor's last file held: its curves, where they stood, its sheets (None: not known), and which of them
    were not read."""

    file: str
    as_of: date
    curves: Mapping[str, _Placed]
    sheets: tuple[str, ...] | None = None
    unread: tuple[str, ...] = ()

    @classmethod
    def of(cls, parsed: ParsedWorkbook) -> PreviousFile:
        curves = {key_of(curve.identity): curve for curve in parsed.curves}
        return cls(parsed.file, parsed.as_of, curves, sheets_of(parsed), _unread(parsed))


def sheets_of(parsed: ParsedWorkbook) -> tuple[str, ...]:
    """All sheets of a file, also those that are not read."""
    return (*(sheet.name for sheet in parsed.sheets), *_unread(parsed))


def _unread(parsed: ParsedWorkbook) -> tuple[str, ...]:
    return tuple(f.sheet for f in parsed.findings if f.code == "UNKNOWN_SHEET" and f.sheet is not None)


def check_drift(table: Table, previous: PreviousFile, limits: VendorLimits, flags: Flags) -> None:
    _check_sheets(table, previous, flags)
    new = [row for row, key in enumerate(table.keys) if key not in previous.curves]
    gone = [key for key in previous.curves if key not in table.rows]
    _report_new(table, previous, new, flags)
    _report_gone(previous, gone, flags)
    _check_renamed(table, previous, new, gone, limits, flags)
    _check_columns(table, previous, flags)
    _check_tenors(table, previous, flags)


def _check_sheets(table: Table, previous: PreviousFile, flags: Flags) -> None:
    if previous.sheets is None:
        return
    now, before = ({alike(name): name for name in sheets} for sheets in (sheets_of(table.parsed), previous.sheets))
    for words, name in now.items():
        if words not in before:
            flags.add("SHEET_NEW", f"{name!r} was not in {previous.file}", sheet=name)
    for words, name in before.items():
        if words not in now:
            most = Severity.INFO if name in previous.unread else Severity.ERROR
            flags.add("SHEET_GONE", f"{name!r} was in {previous.file}, and is gone", sheet=name, at_most=most)


# ------------------------------------------------------------------------------------------------- curves


def _report_new(table: Table, previous: PreviousFile, new: list[int], flags: Flags) -> None:
    for row in new:
        key = table.keys[row]
        flags.add(
            "CURVE_NEW",
            f"{_name(table, row)} was not in {previous.file}",
            addresses=[table.first_address(row)],
            curve_key=key,
            points={key: table.all_points(row)},
        )


def _report_gone(previous: PreviousFile, gone: list[str], flags: Flags) -> None:
    for key in gone:
        places = ", ".join(f"{letter} of {sheet!r}" for sheet, letter in _columns(previous.curves[key]).items())
        stood = f": it stood in {places}" if places else ""
        flags.add("CURVE_GONE", f"{key} was in {previous.file}, and is gone{stood}", curve_key=key)


def _check_renamed(
    table: Table, previous: PreviousFile, new: list[int], gone: list[str], limits: VendorLimits, flags: Flags
) -> None:
    """Of each new curve the nearest that is gone, if its values are near enough. Pairs are made once, nearest first."""
    share = limits.file.rename_share
    pairs = sorted(
        (apart, row, key)
        for key in gone
        for row, apart in zip(new, _apart(table, previous.curves[key], new), strict=True)
        if apart <= share
    )
    old, young = set(gone), set(new)
    for apart, row, key in pairs:
        if key in old and row in young:
            old.remove(key)
            young.remove(row)
            flags.add(
                "CURVE_RENAMED",
                f"{key} is gone, and {table.keys[row]} is new with nearly its values ({apart:.2%} apart on average): "
                "is it the same curve under another name?",
                addresses=[table.first_address(row)],
                curve_key=table.keys[row],
                points={table.keys[row]: table.all_points(row)},
            )


def _apart(table: Table, curve: _Placed, rows: list[int]) -> list[float]:
    """How far rows are from a curve on their common periods, as a share of its level; infinite without any."""
    before = np.full(len(table.tenors), np.nan)
    at = np.array(columns_of(curve.tenors, table.columns))
    before[at[at >= 0]] = curve.mid[at >= 0]
    mids = table.mid[rows]
    common = np.isfinite(mids) & np.isfinite(before)
    off = np.where(common, np.abs(mids - before), 0.0).sum(axis=1)
    level = np.where(common, np.abs(before), 0.0).sum(axis=1)
    share = np.where(off == 0, 0.0, off / level)
    near: list[float] = np.where(common.any(axis=1), share, np.inf).tolist()
    return near


def _name(table: Table, row: int) -> str:
    identity = table.curves[row].identity
    return ", ".join(filter(None, (identity.market, identity.location, identity.product, identity.block)))


# ------------------------------------------------------------------------------------------------- columns


def _check_columns(table: Table, previous: PreviousFile, flags: Flags) -> None:
    """One finding a file: a column that is put in moves all behind it."""
    moved: list[tuple[int, str, str, str]] = []
    curves = 0
    for row, key in enumerate(table.keys):
        before = previous.curves.get(key)
        if before is None or _same_columns(table.curves[row], before):
            continue
        stood, stands = _columns(before), _columns(table.curves[row])
        places = [(row, s, stood[s], letter) for s, letter in stands.items() if stood.get(s, letter) != letter]
        curves += bool(places)
        moved += places
    if moved:
        row, sheet, was, letter = moved[0]
        sheets = len({sheet for _, sheet, _, _ in moved})
        flags.add(
            "COLUMN_MOVED",
            f"{counted(len(moved), 'column')} of {counted(curves, 'curve')} on {counted(sheets, 'sheet')} stand "
            f"elsewhere than in {previous.file}: the first is {_name(table, row)}, from {was} to {letter}",
            addresses=[table.first_address(row)],
            sheet=sheet,
        )


def _same_columns(one: _Placed, other: _Placed) -> bool:
    return all(
        mine is theirs
        or (
            mine is not None
            and theirs is not None
            and mine.columns == theirs.columns
            and mine.rows.sheets == theirs.rows.sheets
        )
        for mine, theirs in ((one.mid_cells, other.mid_cells), (one.quote_cells, other.quote_cells))
    )


def _columns(curve: _Placed) -> dict[str, str]:
    """The column letter on each sheet."""
    sides: Iterable[Cells] = filter(None, (curve.mid_cells, curve.quote_cells))
    return {
        sheet: letter
        for cells in sides
        for sheet, letter in zip(cells.rows.sheets, cells.columns, strict=True)
        if letter
    }


# ------------------------------------------------------------------------------------------------- tenors


def _check_tenors(table: Table, previous: PreviousFile, flags: Flags) -> None:
    """Tenors beyond the monthly roll: those of all curves with the same change in one finding."""
    changes: dict[tuple[int, int], list[int]] = {}
    for row, key in enumerate(table.keys):
        before = previous.curves.get(key)
        if before is not None and before.tenors is not table.curves[row].tenors:
            changes.setdefault((id(before.tenors), id(table.curves[row].tenors)), []).append(row)
    for rows in changes.values():
        before_grid, grid = previous.curves[table.keys[rows[0]]].tenors, table.curves[rows[0]].tenors
        gone, new = _unexpected(before_grid, grid, previous.as_of, table.parsed.as_of)
        _report_tenors("TENOR_GONE", f"quoted in {previous.file}, and gone", gone, table, rows, flags)
        _report_tenors("TENOR_NEW", f"not quoted in {previous.file}", new, table, rows, flags)


def _unexpected(before: TenorGrid, now: TenorGrid, then: date, today: date) -> tuple[list[Tenor], list[Tenor]]:
    """Tenors gone that are still to be delivered, and new ones that no month that passed makes room for.

    One whose delivery begins may go; of one that was listed after its delivery had begun, what is left is too.
    """
    if before == now:
        return [], []
    had, has = ({(tenor.type, tenor.period) for tenor in grid} for grid in (before, now))
    start, passed = today.replace(day=1), month_number(today) - month_number(then)
    begun = then.replace(day=1)
    gone = [
        t
        for t in before
        if (t.type, t.period) not in has
        and not (passed > 0 and (t.period.end <= start or begun <= t.period.start < start))
    ]
    fresh = [tenor for tenor in now if (tenor.type, tenor.period) not in had]
    last = max((month_number(t.period.start) for t in before if t.type is TenorType.MONTH), default=0)
    new = [
        tenor
        for tenor in fresh
        if passed <= 0 or (tenor.type is TenorType.MONTH and month_number(tenor.period.start) > last + passed)
    ]
    return gone, new


def _report_tenors(code: str, what: str, tenors: list[Tenor], table: Table, rows: list[int], flags: Flags) -> None:
    if not tenors:
        return
    labels = ", ".join(tenor.label for tenor in tenors[:5]) + (" ..." if len(tenors) > 5 else "")
    columns = [
        table.columns[tenor.type, tenor.period] for tenor in tenors if (tenor.type, tenor.period) in table.columns
    ]
    one = table.keys[rows[0]] if len(rows) == 1 else None
    first = rows[0]
    addresses = [table.mid_address(first, c) or table.quote_address(first, c) for c in columns]
    flags.add(
        code,
        f"{labels} in {counted(len(rows), 'curve')}: {what}",
        addresses=[*addresses, *([] if any(addresses) else [table.first_address(first)])],
        curve_key=one,
        points={table.keys[row]: points for row in rows if (points := table.points(row, columns))},
    )
