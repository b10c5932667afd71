"""Whether the day can be, and labels and numbers stand beside each other: months, and sides that are missing."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import pairwise
from string import ascii_uppercase

import numpy as np

from aurum.ingestion.checks.flags import Flags
from aurum.ingestion.checks.table import Mask, Table
from aurum.ingestion.checks.thresholds import VendorLimits
from aurum.market.cells import Cells
from aurum.market.counts import counted
from aurum.market.identity import Measure
from aurum.market.periods import TenorType, month_number
from aurum.parsers.model import Severity

# Rows that the parser could not place, or that have the period of another row. It has reported them.
_UNREAD, _REPEATED = ("UNKNOWN_TENOR",), ("DUPLICATE_TENOR", "CONFLICTING_TENORS")

Months = dict[int, int]  # the row of a month, by its number


def check_as_of(table: Table, today: date, flags: Flags) -> None:
    """`today` is that of UTC; somewhere it may be tomorrow already, nowhere the day after."""
    as_of = table.parsed.as_of
    if as_of > today:
        message = f"the as-of date {as_of} is after today, {today} in UTC: prices of a day to come cannot be known"
        somewhere = as_of - today <= timedelta(days=1)
        flags.add("AS_OF_IN_FUTURE", message, at_most=Severity.WARNING if somewhere else Severity.ERROR)


def check_months(table: Table, flags: Flags) -> None:
    """On every sheet with months: the first is the as-of's own, none is left out, and they go down in order."""
    months, strips = _rows_by_sheet(table)
    for summary in table.parsed.sheets:
        name, rows = summary.name, months.get(summary.name, {})
        if not rows:
            continue
        repeated = _rows_of(table, name, _REPEATED, second=True)
        blank = max(0, summary.tenor_rows - len(rows) - len(strips.get(name, ())) - len(repeated))
        _check_first(table, name, rows, blank, flags)
        downwards = sorted(rows, key=rows.__getitem__)
        stray = next((at for at in range(1, len(downwards)) if downwards[at] < downwards[at - 1]), None)
        if stray is not None:
            above, below = downwards[stray - 1], downwards[stray]
            message = f"{_month(below)} stands below {_month(above)}: the months are not in order"
            flags.add("MONTHS_OUT_OF_ORDER", message, addresses=[f"{name}!B{rows[month]}" for month in (below, above)])


def _check_first(table: Table, sheet: str, months: Months, blank: int, flags: Flags) -> None:
    """`blank`: rows that are there and hold no number. They, and rows in its place that could not be read, account
    for a missing month: it is no sign of a shifted sheet."""
    own, first, last = month_number(table.parsed.as_of), min(months), max(months)
    missing = [month for month in range(own, last + 1) if month not in months]
    accounted = blank + _unread_between(table, sheet, months, own)
    if first < own or (first > own and len(missing) > accounted):
        message = f"the first month of {sheet!r} is {_month(first)}; as of {table.parsed.as_of} it is {_month(own)}"
        flags.add("FIRST_MONTH_WRONG", message, addresses=[f"{sheet}!B{months[first]}"])
    elif len(missing) > accounted:
        named = ", ".join(map(_month, missing[:3])) + (" ..." if len(missing) > 3 else "")
        message = f"{counted(len(missing), 'month')} between {_month(own)} and {_month(last)} missing: {named}"
        after = min(month for month in months if month > missing[0])
        flags.add("MONTHS_NOT_CONSECUTIVE", message, addresses=[f"{sheet}!B{months[after]}"])


def _unread_between(table: Table, sheet: str, months: Months, own: int) -> int:
    """The rows without a readable label that stand where months are missing, as many of them as there are of those.

    All of them where the months are not in order: they could be any.
    """
    unread = _rows_of(table, sheet, _UNREAD)
    if sorted(months, key=months.__getitem__) != sorted(months):
        return len(unread)
    found = 0
    for before, after in pairwise([own - 1, *sorted(months)]):
        above = months.get(before, 0)
        found += min(after - before - 1, sum(above < row < months[after] for row in unread))
    return found


def _rows_of(table: Table, sheet: str, codes: tuple[str, ...], *, second: bool = False) -> set[int]:
    """The rows of a sheet that findings of the parser name; or the second of each two that they do."""
    return {
        int(cell.lstrip(ascii_uppercase))
        for finding in table.parsed.findings
        if finding.code in codes and finding.sheet == sheet
        for cell in (finding.cells[1::2] if second else finding.cells)
        if "!" not in cell
    }


def _rows_by_sheet(table: Table) -> tuple[dict[str, Months], dict[str, set[int]]]:
    """By sheet: the row of each month that has a number, and the rows of other tenors that have one."""
    months: dict[str, Months] = {}
    strips: dict[str, set[int]] = {}
    seen: set[tuple[int, int]] = set()
    for curve in table.curves:
        for cells in (curve.mid_cells, curve.quote_cells):
            if cells is None or (id(cells.rows), id(curve.tenors)) in seen:
                continue
            seen.add((id(cells.rows), id(curve.tenors)))
            for tenor, sheet, row in zip(curve.tenors, cells.rows.sheet, cells.rows.row, strict=True):
                name = cells.rows.sheets[sheet] if row else ""
                if row and tenor.type is TenorType.MONTH:
                    months.setdefault(name, {}).setdefault(month_number(tenor.period.start), row)
                elif row:
                    strips.setdefault(name, set()).add(row)
    return months, strips


def _month(number: int) -> str:
    return f"{number // 12}-{number % 12 + 1:02d}"


# ------------------------------------------------------------------------------------------------- missing sides


def check_sides(table: Table, limits: VendorLimits, flags: Flags) -> None:
    """A point with a bid and an ask has a mid; a month between others is there; what most curves quote is quoted, and
    so is what a curve quotes mostly."""
    has_mid, has_quote = np.isfinite(table.mid), np.isfinite(table.bid)
    missing = has_quote & ~has_mid
    months = table.months
    if len(months):
        ahead = np.logical_or.accumulate(has_mid[:, months], axis=1)
        behind = np.logical_or.accumulate(has_mid[:, months][:, ::-1], axis=1)[:, ::-1]
        missing[:, months] |= ahead & behind & ~has_mid[:, months]
    _report(table, missing, "MID_MISSING", "no mid", flags)
    price = np.array([curve.identity.measure is Measure.PRICE for curve in table.curves], dtype=bool)[:, None]
    offered, quoted = has_mid & price, has_mid & has_quote & price
    usual = quoted.sum(axis=0) > limits.file.quoted_share * offered.sum(axis=0)
    usual = usual | (quoted.sum(axis=1) > limits.file.quoted_share * offered.sum(axis=1))[:, None]
    _report(table, has_mid & ~has_quote & price & usual, "QUOTE_MISSING", "no bid and ask", flags)


def _report(table: Table, missing: Mask, code: str, what: str, flags: Flags) -> None:
    """One flag a curve; a cell that the parser could not read has been reported, and is not missing."""
    refused = {
        f"{finding.sheet}!{cell}"
        for finding in table.parsed.findings
        if finding.severity is Severity.ERROR
        for cell in finding.cells
    }
    for row in np.flatnonzero(missing.any(axis=1)).tolist():
        curve = table.curves[row]
        side = curve.mid_cells if code == "MID_MISSING" else curve.quote_cells
        blank = {column: _blank_cell(table, column, side) for column in np.flatnonzero(missing[row]).tolist()}
        columns = [column for column, cell in blank.items() if cell not in refused]
        if not columns:
            continue
        more = f" and {counted(len(columns) - 1, 'more point')}" if len(columns) > 1 else ""
        points = table.points(row, columns)
        flags.add(
            code,
            f"{table.tenors[columns[0]].label}{more}: {what}",
            addresses=[blank[column] or _any_cell(table, row, column) for column in columns],
            curve_key=table.keys[row],
            points={table.keys[row]: points} if points else {},
        )


def _any_cell(table: Table, row: int, column: int) -> str | None:
    return table.mid_address(row, column) or table.quote_address(row, column)


def _blank_cell(table: Table, column: int, side: Cells | None) -> str | None:
    """The cell that should hold the number: the curve's column, in the row where another curve has that period."""
    if side is None:
        return None
    letters = {sheet: letter for sheet, letter in zip(side.rows.sheets, side.columns, strict=True) if letter}
    for other in np.flatnonzero(table.point[:, column] >= 0).tolist():
        for address in (table.mid_address(other, column), table.quote_address(other, column)):
            sheet, _, cell = (address or "").rpartition("!")
            if sheet in letters:
                return f"{sheet}!{letters[sheet]}{cell.lstrip(ascii_uppercase)}"
    return None
