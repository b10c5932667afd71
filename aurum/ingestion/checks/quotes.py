"""Bid, ask and mid of each point of a file."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np

from aurum.ingestion.checks.flags import Flags, exact
from aurum.ingestion.checks.table import Mask, Table
from aurum.ingestion.checks.thresholds import VendorLimits
from aurum.market.counts import counted
from aurum.parsers.model import Prices, Severity

SLACK = 1e-7  # what sums of float64 may be off; the strips of 28 real files are off their rounding by 1e-14


def report(
    table: Table,
    code: str,
    wrong: Mask,
    reason: Callable[[int, int], str],
    addresses: Callable[[int, int], Iterable[str | None]],
    flags: Flags,
    at_most: Severity = Severity.ERROR,
) -> None:
    """One flag a curve, with a reason for each point."""
    for row in np.flatnonzero(wrong.any(axis=1)).tolist():
        columns = np.flatnonzero(wrong[row]).tolist()
        reasons = [reason(row, column) for column in columns]
        more = f"; and {counted(len(reasons) - 1, 'more point')}" if len(reasons) > 1 else ""
        flags.add(
            code,
            reasons[0] + more,
            addresses=[address for column in columns for address in addresses(row, column)],
            curve_key=table.keys[row],
            points={table.keys[row]: table.points(row, columns)},
            reasons=reasons,
            at_most=at_most,
        )


@dataclass(frozen=True, slots=True, eq=False)
class Doubt:
    """Mids that are not the middle of their quotes: what they would be, and which of them are said to be wrong."""

    points: Mask
    reported: Mask
    mended: Prices


def check_quotes(table: Table, limits: VendorLimits, flags: Flags) -> Doubt:
    """Bid, ask and mid of each point.

    That a mid is the middle is a vendor's habit: where most other points of the curve, or nearly all of the file, keep
    it, one that does not is wrong; elsewhere it is only noted.
    """
    tolerance = limits.each("mid_tolerance") + SLACK
    above = table.bid > table.ask
    outside = ((table.mid < table.bid - tolerance) | (table.mid > table.ask + tolerance)) & ~above
    apart: Mask = (np.abs(table.mid - table.middle) > tolerance) & ~above
    within = apart & ~outside
    compared = np.isfinite(table.mid) & np.isfinite(table.middle)
    habit = _habit(compared, compared & ~apart, limits)

    def label(column: int) -> str:
        return table.tenors[column].label

    def above_ask(row: int, column: int) -> str:
        return f"{label(column)}: bid {exact(table.bid[row, column])} is above ask {exact(table.ask[row, column])}"

    def not_between(row: int, column: int) -> str:
        quote = f"bid {exact(table.bid[row, column])} and ask {exact(table.ask[row, column])}"
        return f"{label(column)}: mid {exact(table.mid[row, column])} is not between {quote}"

    def not_middle(row: int, column: int) -> str:
        quote = f"bid {exact(table.bid[row, column])} and ask {exact(table.ask[row, column])}"
        middle = exact(table.middle[row, column])
        return f"{label(column)}: mid {exact(table.mid[row, column])} is not {middle}, the middle of {quote}"

    def both(row: int, column: int) -> tuple[str | None, str | None]:
        return table.mid_address(row, column), table.quote_address(row, column)

    def quoted(row: int, column: int) -> tuple[str | None]:
        return (table.quote_address(row, column),)

    report(table, "BID_ABOVE_ASK", above, above_ask, quoted, flags)
    report(table, "MID_OUTSIDE_QUOTE", outside, not_between, both, flags)
    report(table, "MID_NOT_MIDDLE", within & habit, not_middle, both, flags)
    report(table, "MID_NOT_MIDDLE", within & ~habit, not_middle, both, flags, at_most=Severity.WARNING)
    return Doubt(apart, apart & (outside | habit), np.where(apart, table.middle, table.mid))


def _habit(compared: Mask, keeping: Mask, limits: VendorLimits) -> Mask:
    """For each curve whether its mids, or those of the file, are the middles of their quotes."""
    of_curve, kept = compared.sum(axis=1, keepdims=True), keeping.sum(axis=1, keepdims=True)
    own: Mask = (kept >= limits.file.habit_points) & (kept >= limits.file.habit_share * of_curve)
    everywhere = kept.sum() >= max(limits.file.habit_points, limits.file.habit_file_share * of_curve.sum())
    habit: Mask = own | everywhere
    return habit
