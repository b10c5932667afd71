"""A vendor's workbook as plain grids, and the bytes of its file."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from io import BytesIO
from math import isfinite
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import tostring
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile, ZipInfo

from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.packaging.core import DocumentProperties
from openpyxl.utils.cell import coordinate_to_tuple
from openpyxl.writer.excel import ExcelWriter
from openpyxl.xml.constants import ARC_CORE

Grid = list[list[object]]

PUBLICATION_TIME = time(22, 15, tzinfo=UTC)
# The oldest date that a zip archive can hold, and what Excel itself writes.
_ZIP_DATE = (1980, 1, 1, 0, 0, 0)
_UNIX = 3


def publication(as_of: date) -> datetime:
    """When a vendor publishes the curves of a day, unless told otherwise."""
    return datetime.combine(as_of, PUBLICATION_TIME)


@dataclass
class VendorWorkbook:
    """One file of one vendor, for tests and demonstrations: change `sheets` at will, then write it.

    A grid is a list of rows; its first cell is A1. Cells hold None, a text, a number or a date.
    """

    vendor: str
    as_of: date
    published_at: datetime
    sheets: dict[str, Grid]
    modified_at: datetime | None = None  # when it was saved again, if it was

    def __post_init__(self) -> None:
        if self.published_at.tzinfo is None:
            raise ValueError("published_at needs a time zone")
        self.published_at = self.published_at.astimezone(UTC)

    @property
    def name(self) -> str:
        """`EOD_<VENDOR>_<YYYYMMDD>_<HHMM>.xlsx`: the as-of date, and the time of publication in UTC."""
        return f"EOD_{self.vendor}_{self.as_of:%Y%m%d}_{self.published_at:%H%M}.xlsx"

    def cell(self, sheet: str, address: str) -> object:
        """The value at an address such as `D12`; None beyond the edge of the grid."""
        row, column = coordinate_to_tuple(address)
        grid = self.sheets[sheet]
        if row > len(grid) or column > len(grid[row - 1]):
            return None
        return grid[row - 1][column - 1]

    def put(self, sheet: str, address: str, value: object) -> None:
        """Sets the value at an address; the grid grows where it has to."""
        row, column = coordinate_to_tuple(address)
        grid = self.sheets[sheet]
        grid.extend([] for _ in range(row - len(grid)))
        cells = grid[row - 1]
        cells.extend([None] * (column - len(cells)))
        cells[column - 1] = value

    def corrected(self, published_at: datetime) -> VendorWorkbook:
        """A copy to change, published later."""
        if published_at <= self.published_at:
            raise ValueError("a correction is published after what it corrects")
        return VendorWorkbook(self.vendor, self.as_of, published_at, copy.deepcopy(self.sheets))

    def save(self, folder: Path) -> Path:
        """Writes the file under its own name, and says where it is."""
        path = folder / self.name
        folder.mkdir(parents=True, exist_ok=True)
        path.write_bytes(self.to_bytes())
        return path

    def to_bytes(self) -> bytes:
        """The file. The same content gives the same bytes."""
        book = Workbook(write_only=True)
        for title, grid in self.sheets.items():
            sheet = book.create_sheet(title)
            for row in grid:
                sheet.append([_exact(value, sheet) for value in row])
        draft = BytesIO()
        with ZipFile(draft, "w", ZIP_STORED) as archive:
            ExcelWriter(book, archive).save()
        return _settle(draft, {ARC_CORE: self._core_properties()})

    def _core_properties(self) -> bytes:
        created = self.published_at.replace(tzinfo=None)
        modified = self.modified_at.astimezone(UTC).replace(tzinfo=None) if self.modified_at else created
        properties = DocumentProperties(creator="Aurum demo", created=created, modified=modified)
        return bytes(tostring(properties.to_tree()))


def _exact(value: object, sheet: Any) -> object:
    """The value, or a cell with all the digits of a number: openpyxl writes 16, a float64 may need 17."""
    if not isinstance(value, float) or not isfinite(value):
        return value
    cell = WriteOnlyCell(sheet, float.__repr__(value))
    cell.data_type = "n"
    return cell


def _settle(draft: BytesIO, replaced: dict[str, bytes]) -> bytes:
    """The archive again, compressed, without the clock that openpyxl and zipfile write into it."""
    settled = BytesIO()
    with ZipFile(draft) as source, ZipFile(settled, "w", ZIP_DEFLATED) as target:
        for name in source.namelist():
            info = ZipInfo(name, _ZIP_DATE)
            info.compress_type = ZIP_DEFLATED
            info.create_system = _UNIX
            target.writestr(info, replaced.get(name) or source.read(name))
    return settled.getvalue()
