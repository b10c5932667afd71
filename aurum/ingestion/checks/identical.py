"""Curves of different names with the same numbers: one of them is likely to be filled from the wrong source."""

from __future__ import annotations

import re

import numpy as np

from aurum.ingestion.checks.flags import Flags, shown
from aurum.ingestion.checks.history import History
from aurum.ingestion.checks.table import Mask, Table
from aurum.ingestion.checks.thresholds import VendorLimits
from aurum.market.counts import counted
from aurum.market.identity import fold
from aurum.parsers.model import ParsedCurve, Severity

_MOST_SHAPES = 8  # sets of periods that are compared with each other; a real file has two at most
_NUMBERED = re.compile(r"\(\d*\)")


def check_identical(table: Table, history: History, limits: VendorLimits, flags: Flags) -> None:
    """Equal in every point that both have. Two vintages of one product at one price are noted, not warned of.

    Constant curves are left out: differentials of zero and the like are equal without having a common source.
    """
    for rows in _groups(table, limits):
        first, *others = rows
        names = ", ".join(repr(table.curves[row].identity.product) for row in rows)
        shared = np.isfinite(table.mid[rows]).sum(axis=0) > 1  # of three, two may have no point in common
        values = np.nanmax(table.mid[rows][:, shared], axis=0)
        vintages = len({_without_vintage(table.curves[row]) for row in rows}) == 1
        days = history.days_identical(rows)
        flags.add(
            "IDENTICAL_CURVES",
            f"{names} have the same {counted(len(values), 'value')}, from {shown(values.min())} to "
            f"{shown(values.max())}{days}" + ("; they are vintages of one product" if vintages else ""),
            addresses=[table.first_address(row) for row in rows],
            curve_key=table.keys[first],
            points={table.keys[row]: table.all_points(row) for row in (first, *others)},
            at_most=Severity.INFO if vintages else Severity.ERROR,
        )


def _groups(table: Table, limits: VendorLimits) -> list[list[int]]:
    """Rows that are equal, by the first of them."""
    has = np.isfinite(table.mid)
    least = limits.each("identical_points")[:, 0]
    spread = np.where(has, table.mid, -np.inf).max(axis=1) > np.where(has, table.mid, np.inf).min(axis=1)
    on = np.array([limits.severity("IDENTICAL_CURVES", key) is not None for key in table.keys], dtype=bool)
    wanted = np.flatnonzero(spread & on & (has.sum(axis=1) >= least)).tolist()
    shapes: dict[bytes, list[int]] = {}
    for row in wanted:
        shapes.setdefault(has[row].tobytes(), []).append(row)
    largest = sorted(shapes.values(), key=len, reverse=True)
    leader = {row: row for row in wanted}
    for at, rows in enumerate(largest):
        _join(table, rows, has[rows[0]], leader)
        for others in largest[at + 1 : _MOST_SHAPES] if at < _MOST_SHAPES else ():
            common = has[rows[0]] & has[others[0]]
            if common.sum() >= max(least[rows[0]], least[others[0]]):
                _join(table, rows + others, common, leader)
    groups: dict[int, list[int]] = {}
    for row in wanted:
        groups.setdefault(_led(row, leader), []).append(row)
    return [rows for rows in groups.values() if len(rows) > 1]


def _join(table: Table, rows: list[int], common: Mask, leader: dict[int, int]) -> None:
    values = table.mid[rows][:, common] + 0.0  # -0.0 is 0.0
    first: dict[bytes, int] = {}
    for row, content in zip(rows, values, strict=True):
        twin = first.setdefault(content.tobytes(), row)
        if twin != row and np.ptp(content) > 0:
            one, other = sorted((_led(row, leader), _led(twin, leader)))
            leader[other] = one


def _led(row: int, leader: dict[int, int]) -> int:
    while leader[row] != row:
        row = leader[row]
    return row


def _without_vintage(curve: ParsedCurve) -> tuple[str, str]:
    product = fold(curve.identity.product)
    for name, value in curve.attributes:
        if name == "vintage":
            product = product.replace(fold(value), "")
    return fold(curve.identity.location), fold(_NUMBERED.sub("", product))
