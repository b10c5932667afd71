"""Where in a vendor's workbook the points of a curve stand."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property


@dataclass(frozen=True)
class PointRows:
    """Where each point of a curve stands, but for the column: a sheet and a row per point.

    `sheet[i]` is an index into `sheets`; `row[i]` counts from 1, and is 0 where the point has no cell. Columns of
    the same sheets share one object.
    """

    sheets: tuple[str, ...]
    sheet: tuple[int, ...]
    row: tuple[int, ...]

    @cached_property
    def digest(self) -> str:
        """Equal exactly if the places are."""
        return hashlib.sha256(repr((self.sheets, self.sheet, self.row)).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Cells:
    """The cells of one curve: `columns[k]` is the curve's column letter on `rows.sheets[k]`, "" where it has none."""

    rows: PointRows
    columns: tuple[str, ...]

    def address(self, point: int) -> str | None:
        """Such as `Fixed Prices - Mid!D12`; None where the point has no cell."""
        row = self.rows.row[point]
        if not row:
            return None
        sheet = self.rows.sheet[point]
        return f"{self.rows.sheets[sheet]}!{self.columns[sheet]}{row}"
