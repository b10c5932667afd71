"""What a reading of a workbook finds."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from aurum.market.cells import Cells
from aurum.market.identity import CurveIdentity
from aurum.market.periods import TenorGrid

Prices = NDArray[np.float64]


class Severity(StrEnum):
    """ERROR: the number cannot be trusted. WARNING: served, and marked. INFO: worth knowing."""

    ERROR = "ERROR"
    WARNING = "WARNING"
    INFO = "INFO"


@dataclass(frozen=True, slots=True)
class Finding:
    """Something a person should know about a file, down to the cell."""

    code: str
    severity: Severity
    message: str
    sheet: str | None = None
    cells: tuple[str, ...] = ()
    curve_key: str | None = None

    def __str__(self) -> str:
        """Where, and what: `Fixed Prices - Mid!D12: ...`."""
        place = "!".join(part for part in (self.sheet, ",".join(self.cells[:3])) if part)
        return f"{place}: {self.message}" if place else self.message


@dataclass(frozen=True, slots=True)
class ParsedCurve:
    """One curve of one workbook. `mid`, `bid` and `ask` are parallel to `tenors`; NaN where nothing is quoted.

    Every point has a mid, or a bid and an ask, or a cell that an ERROR is about. `bid` and `ask` are None for a curve
    that is never quoted two-sided. The numbers are the vendor's, in the vendor's unit.
    """

    identity: CurveIdentity
    asset_class: str
    commodity: str
    region: str | None
    unit_text: str | None
    attributes: tuple[tuple[str, str], ...]
    tenors: TenorGrid
    mid: Prices
    bid: Prices | None
    ask: Prices | None
    mid_cells: Cells
    quote_cells: Cells | None


@dataclass(frozen=True, slots=True)
class SheetSummary:
    """What was read on one sheet: data columns, rows with a tenor, cells with a value, cells left blank."""

    name: str
    role: str
    columns: int
    tenor_rows: int
    values: int
    blanks: int


@dataclass(frozen=True, slots=True)
class ParsedWorkbook:
    """Everything a vendor's file says. `published_at` and `modified_at` are the document's own times, in UTC."""

    file: str
    vendor: str
    as_of: date
    published_at: datetime | None
    modified_at: datetime | None
    curves: tuple[ParsedCurve, ...]
    sheets: tuple[SheetSummary, ...]
    findings: tuple[Finding, ...]

    @property
    def points(self) -> int:
        return sum(len(curve.tenors) for curve in self.curves)
