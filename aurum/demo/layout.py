"""How the sheets of a vendor are laid out: header rows, tenor column, bid and ask as one text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np

from aurum.demo.tenors import Prices, Strip, StripGroups, means
from aurum.demo.workbooks import Grid

MID, BID_ASK = "Mid", "Bid   /   Ask"
FIRST_ROW = 12
_LEAST_HALF_SPREAD = 0.002

Header = Mapping[int, tuple[str | None, Sequence[str]]]
Rows = Sequence[Sequence[object]]


@dataclass(frozen=True, slots=True)
class Quotes:
    """The numbers of a workbook: a row per month or strip, a column per curve."""

    months: tuple[date, ...]
    groups: StripGroups
    month_mids: Prices
    half_spread: Prices

    @property
    def strips(self) -> tuple[Strip, ...]:
        return tuple(strip for group in self.groups for strip in group)

    @property
    def strip_mids(self) -> Prices:
        return means(self.month_mids, self.months, self.strips)

    def month_quotes(self, separator: str = "   /   ") -> list[list[str]]:
        return _bid_ask(self.month_mids, self.half_spread, separator)

    def strip_quotes(self, separator: str = "   /   ") -> list[list[str]]:
        halves = [self.half_spread[strip.rows(self.months)].mean(axis=0) for strip in self.strips]
        return _bid_ask(self.strip_mids, np.array(halves), separator)


def quoted(months: tuple[date, ...], groups: StripGroups, mids: Prices, sizes: Sequence[float]) -> Quotes:
    """Mids with a spread around them: a share of the curve's size that grows with the time to delivery."""
    growth = 0.002 * (1 + np.sqrt(np.arange(len(months)) / 12))
    half = np.maximum(_LEAST_HALF_SPREAD, growth[:, None] * np.array(sizes)[None, :])
    return Quotes(months, groups, mids, half)


def skeleton(as_of: date, header: Header, kind: str, tenors: Sequence[object], rows: Rows) -> Grid:
    """A sheet of EUGP or RP: `Date:` in row 5, the header's rows by number, data from row 12 and column C."""
    width = 2 + len(rows[0])
    grid: Grid = [[None] * width for _ in range(FIRST_ROW - 1)]
    grid[4][:2] = ["Date:", as_of]
    grid[9][2:] = [kind] * (width - 2)
    for row, (label, texts) in header.items():
        grid[row - 1][2:] = texts
        if label is not None:
            grid[row - 1][1] = label
    grid += data(tenors, rows)
    return grid


def data(tenors: Sequence[object], rows: Rows) -> Grid:
    """The data block: tenors in column B; a tenor of None leaves a blank row between two groups."""
    values = iter(rows)
    blank: list[object] = [None] * (2 + len(rows[0]))
    return [blank[:] if tenor is None else [None, tenor, *next(values)] for tenor in tenors]


def spaced(groups: StripGroups) -> list[str | None]:
    """The labels of the strips, with a blank between two groups."""
    labels: list[str | None] = []
    for group in groups:
        labels += [None] if labels else []
        labels += [strip.label for strip in group]
    return labels


def _bid_ask(mids: Prices, half: Prices, separator: str) -> list[list[str]]:
    bids, asks = np.round(mids - half, 3) + 0.0, np.round(mids + half, 3) + 0.0
    return [
        [f"{bid:.3f}{separator}{ask:.3f}" for bid, ask in zip(row_bids, row_asks, strict=True)]
        for row_bids, row_asks in zip(bids.tolist(), asks.tolist(), strict=True)
    ]
