"""Strips against the months they are made of."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from aurum.ingestion.checks.flags import Flags, exact
from aurum.ingestion.checks.quotes import SLACK, Doubt, report
from aurum.ingestion.checks.table import Index, Mask, Table
from aurum.ingestion.checks.thresholds import VendorLimits
from aurum.market.periods import month_number
from aurum.parsers.model import Prices


@dataclass(frozen=True, slots=True, eq=False)
class _Strips:
    """The strips that can be compared, and the months they are made of: `member[month, strip]`."""

    columns: Index
    months: Index
    member: Prices  # 1 or 0


@dataclass(frozen=True, slots=True, eq=False)
class _Means:
    """For each curve and strip the mean of its months, NaN where one is blank, and whether the strip is another."""

    means: Prices
    wrong: Mask
    right: Mask


def check_strips(table: Table, limits: VendorLimits, doubt: Doubt, flags: Flags) -> Mask:
    """A strip is the unweighted mean of its months that are still on the sheet, rounded to three decimals.

    Where a doubtful month explains the difference, that month is wrong and not the strip. Otherwise either may be: the
    strip is wrong, and so are its months that no right strip has, unless the strip's own quote speaks against it.
    Answers which months a right strip vouches for.
    """
    _report_astray(table, flags)
    strips = _strips(table)
    found = _means(table, strips, table.mid, limits.each("strip_tolerance") + SLACK)
    vouched = found.right @ strips.member.T > 0
    if found.wrong.any():
        _blame(table, strips, found, vouched, limits, doubt, flags)
    return _widened(table, strips.months, vouched).astype(bool)


def _blame(
    table: Table, strips: _Strips, found: _Means, vouched: Mask, limits: VendorLimits, doubt: Doubt, flags: Flags
) -> None:
    tolerance = limits.each("strip_tolerance") + limits.each("mid_tolerance") + SLACK
    mended = _means(table, strips, doubt.mended, tolerance)
    by_months = found.wrong & mended.right & (doubt.points[:, strips.months] @ strips.member > 0)
    wrong = found.wrong & ~by_months
    against = wrong & ~doubt.points[:, strips.columns]
    blamed = (against @ strips.member.T > 0) & ~vouched
    astray = (against.sum(axis=1) > 1) & (against.sum(axis=1) > found.right.sum(axis=1))
    blamed |= astray[:, None]  # a single month spoils two or three strips of many: here all may be wrong
    blamed &= np.isfinite(table.mid[:, strips.months])
    blamed |= (doubt.points & ~doubt.reported)[:, strips.months] & (by_months @ strips.member.T > 0)
    _report_months(table, strips, found, blamed, doubt, flags)
    _report_strips(table, strips, found, wrong, flags)


def _report_astray(table: Table, flags: Flags) -> None:
    """Strips that are delivered, or of which no month is on the sheets: their labels are wrong."""
    starts = [month_number(table.tenors[column].period.start) for column in table.months.tolist()]
    own, last = month_number(table.parsed.as_of), max(starts, default=None)
    has = np.isfinite(table.mid) | np.isfinite(table.bid)
    astray = np.zeros(table.mid.shape, dtype=bool)
    for column in range(len(table.months), len(table.tenors)):
        period = table.tenors[column].period
        if month_number(period.end) <= own or (last is not None and month_number(period.start) > last):
            astray[:, column] = has[:, column]

    def reason(row: int, column: int) -> str:
        return f"{table.tenors[column].label}: none of its months is on the sheets"

    def either(row: int, column: int) -> tuple[str | None]:
        return (table.mid_address(row, column) or table.quote_address(row, column),)

    report(table, "STRIP_NOT_MEAN", astray, reason, either, flags)


def _strips(table: Table) -> _Strips:
    """Those that end on the sheet, with every month that is not delivered yet."""
    starts = np.array([month_number(table.tenors[column].period.start) for column in table.months.tolist()])
    own, after = month_number(table.parsed.as_of), int(starts.max(initial=-1)) + 1
    columns, members = [], []
    for column in range(len(table.months), len(table.tenors)):
        period = table.tenors[column].period
        start, end = month_number(period.start), month_number(period.end)
        member = (starts >= start) & (starts < end)
        if end <= after and member.any() and member.sum() == end - max(start, own):
            columns.append(column)
            members.append(member)
    shape = (len(columns), len(starts))
    return _Strips(np.array(columns, dtype=np.int64), table.months, np.array(members, dtype=float).reshape(shape).T)


def _means(table: Table, strips: _Strips, mid: Prices, tolerance: Prices) -> _Means:
    months = mid[:, strips.months]
    quoted, size = np.isfinite(months), strips.member.sum(axis=0)
    complete = quoted.astype(float) @ strips.member == size
    means = np.where(complete, np.where(quoted, months, 0.0) @ strips.member / size, np.nan)
    apart = np.abs(table.mid[:, strips.columns] - means)
    return _Means(means, apart > tolerance, apart <= tolerance)


def _report_strips(table: Table, strips: _Strips, found: _Means, wrong: Mask, flags: Flags) -> None:
    means = _widened(table, strips.columns, found.means)

    def reason(row: int, column: int) -> str:
        strip, mean = exact(table.mid[row, column]), exact(round(means[row, column], 3))
        return f"{table.tenors[column].label}: {strip} is not {mean}, the mean of its months"

    mask = _widened(table, strips.columns, wrong).astype(bool)
    report(table, "STRIP_NOT_MEAN", mask, reason, lambda row, column: [table.mid_address(row, column)], flags)


def _report_months(table: Table, strips: _Strips, found: _Means, blamed: Mask, doubt: Doubt, flags: Flags) -> None:
    def reason(row: int, column: int) -> str:
        of_month = found.wrong[row] & (strips.member[int(np.flatnonzero(strips.months == column)[0])] > 0)
        at = int(np.flatnonzero(of_month if of_month.any() else found.wrong[row])[0])
        strip = strips.columns[at]
        said = f"{table.tenors[strip].label} is {exact(table.mid[row, strip])}"
        mean = f"the mean of its months {exact(round(found.means[row, at], 3))}"
        middle = table.middle[row, column]
        cure = f"; with {exact(middle)}, the middle of bid and ask, they agree" if doubt.points[row, column] else ""
        return f"{table.tenors[column].label}: mid {exact(table.mid[row, column])}, but {said} and {mean}{cure}"

    mask = _widened(table, strips.months, blamed).astype(bool)
    report(table, "STRIP_NOT_MEAN", mask, reason, lambda row, column: [table.mid_address(row, column)], flags)


def _widened(table: Table, columns: Index, values: Prices | Mask) -> Prices:
    """Values of some columns, among zeros."""
    wide = np.zeros(table.mid.shape)
    wide[:, columns] = values
    return wide
