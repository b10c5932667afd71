"""A vendor's workbook, opened so that it can be marked and written again.

openpyxl trusts what it is given even more than calamine does: it makes an object of each cell of a merged range, and
A1:XFD1048576 has 17 billion. So it is given only parts that `aurum.parsers.archive` let through, and no picture, chart,
pivot table, macro or other workbook. Formulas are gone as well: a cell holds the value that was read from it.
"""

from __future__ import annotations

import itertools
import re
import sys
from dataclasses import dataclass
from datetime import datetime
from io import BytesIO
from xml.etree.ElementTree import tostring
from zipfile import ZIP_DEFLATED, ZipFile

from openpyxl import Workbook
from openpyxl.cell.cell import ERROR_CODES, Cell
from openpyxl.cell.rich_text import CellRichText
from openpyxl.comments import Comment
from openpyxl.reader.excel import ExcelReader
from openpyxl.utils.cell import range_boundaries
from openpyxl.writer.excel import ExcelWriter
from openpyxl.xml.constants import (
    ARC_CORE,
    ARC_CUSTOM,
    ARC_SHARED_STRINGS,
    ARC_THEME,
    COREPROPS_NS,
    DCORE_NS,
    DCTERMS_NS,
    XSI_NS,
)
from openpyxl.xml.functions import fromstring

from aurum.errors import NotAWorkbook, WorkbookRefused, WorkbookTooLarge
from aurum.parsers.archive import Parts, WorkbookLimits, document_times, pack, unpack

# Of sheets with 1.2 million cells: 25 s and 0.7 GB. A real RP file unpacks to 5 MB.
_LIMITS = WorkbookLimits(unpacked_bytes=32 * 1024 * 1024)
_SPREAD_CELLS = 500_000  # in the merged ranges, links, comments and tables of a file
_SPREADING = re.compile(rb"<(?:[^\s<>/:]*:)?(?:mergeCell|hyperlink|comment|table)(?=[\s/>])([^<]*)")
_RANGE = re.compile(rb"""(?<![\w:.-])ref\s*=\s*["']([^"']*)["']""")
_SHAPE = re.compile(rb"_x0000_s[0-9]+")
_ROWS, _COLUMNS = 1_048_576, 16_384
_LEFT_OUT = {"drawing", "pivotTable"}
_COMMENT_WIDTH, _COMMENT_COLUMNS, _COMMENT_LINES = 340, 48, 24  # pixels, characters, lines


@dataclass(frozen=True)
class Editable:
    """An open workbook, and when the document says it was created and modified."""

    book: Workbook
    file: str = ""
    times: tuple[datetime | None, datetime | None] = (None, None)

    def to_bytes(self) -> bytes:
        """The file. The same content gives the same bytes, and the document's times are what they were."""
        draft = BytesIO()
        try:
            with ZipFile(draft, "w") as archive:
                ExcelWriter(self.book, archive).save()
        except Exception as error:
            raise _not_copied(self.file, error) from error
        with ZipFile(draft) as archive:
            parts = {name: archive.read(name) for name in archive.namelist()}
        return pack({**_numbered(parts), ARC_CORE: _core(*self.times)}, ZIP_DEFLATED).getvalue()


def open_editable(data: bytes, name: str) -> Editable:
    """The vendor's sheets, each number to its last digit. Raises a `WorkbookRefused` where that cannot be had."""
    parts = unpack(data, name, _LIMITS)
    try:
        _refuse_spread(parts, name)
        book = _read(_copied(parts, data))
    except WorkbookRefused:
        raise
    except Exception as error:
        raise _not_copied(name, error) from error
    return Editable(book, name, document_times(parts))


def empty() -> Editable:
    """A workbook without a sheet."""
    book = Workbook()
    book.remove(book.worksheets[0])
    return Editable(book)


def sized(text: str, author: str) -> Comment:
    """A comment as large as its text needs, up to a limit."""
    lines = sum(1 + len(line) // _COMMENT_COLUMNS for line in text.split("\n"))
    return Comment(text, author, height=22 + 16 * min(lines, _COMMENT_LINES), width=_COMMENT_WIDTH)


def _numbered(parts: Parts) -> Parts:
    """The shapes of all comments numbered apart, in blocks of 1,024. openpyxl begins anew on each sheet."""
    numbered = dict(parts)
    block = 1
    for name in parts:
        if name.endswith(".vml"):
            numbers = itertools.count(1024 * block + 1)
            part, shapes = _SHAPE.subn(lambda _: b"_x0000_s%d" % next(numbers), parts[name])  # noqa: B023 (called here)
            blocks = range(block, block + 1 + shapes // 1024)
            numbered[name] = part.replace(b'data="1"', b'data="%s"' % ",".join(map(str, blocks)).encode(), 1)
            block = blocks.stop
    return numbered


def _core(created: datetime | None, modified: datetime | None) -> bytes:
    """The document's properties. openpyxl writes the time of its writing where none is known."""
    times = "".join(
        f'<dcterms:{name} xsi:type="dcterms:W3CDTF">{time:%Y-%m-%dT%H:%M:%SZ}</dcterms:{name}>'
        for name, time in (("created", created), ("modified", modified))
        if time is not None
    )
    return (
        f'<cp:coreProperties xmlns:cp="{COREPROPS_NS}" xmlns:dc="{DCORE_NS}" xmlns:dcterms="{DCTERMS_NS}" '
        f'xmlns:xsi="{XSI_NS}"><cp:lastModifiedBy>Aurum</cp:lastModifiedBy>{times}</cp:coreProperties>'
    ).encode()


# ------------------------------------------------------------------------------------------------- opening


def _not_copied(file: str, error: Exception) -> NotAWorkbook:
    cause = error.__cause__ or error
    message = f"{file} holds something that cannot be copied ({type(cause).__name__}: {str(cause)[:200]})"
    return NotAWorkbook(message, hint="Open the file itself to see the cells.", file=file)


def _refuse_spread(parts: Parts, file: str) -> None:
    cells = sum(
        _area(place.decode())
        for part in parts.values()
        for attributes in _SPREADING.findall(part)
        for place in _RANGE.findall(attributes)
    )
    if cells > _SPREAD_CELLS:
        raise WorkbookTooLarge(f"the merged ranges, links and tables of {file} span {cells:,} cells", file=file)


def _area(place: str) -> int:
    left, top, right, bottom = range_boundaries(place)
    return max(1, (right or _COLUMNS) - (left or 1) + 1) * max(1, (bottom or _ROWS) - (top or 1) + 1)


def _copied(parts: Parts, data: bytes) -> BytesIO:
    """What openpyxl may see: the checked parts; the texts as they came, with their namespace; the theme's colours."""
    copied = {name: _slimmed(part) if name.endswith(".rels") else part for name, part in parts.items()}
    with ZipFile(BytesIO(data)) as archive:
        for name in archive.namelist():
            if name.casefold() in (ARC_SHARED_STRINGS.casefold(), ARC_THEME):
                copied[name] = archive.read(name)
    for name in (ARC_CORE, ARC_CUSTOM):
        copied.pop(name, None)
    return pack(copied)


def _slimmed(relations: bytes) -> bytes:
    root = fromstring(relations)
    for relation in list(root):
        if relation.get("Type", "").rpartition("/")[2] in _LEFT_OUT:
            root.remove(relation)
    return bytes(tostring(root, "utf-8"))


class _Reader(ExcelReader):
    """openpyxl's, but a number stays a number: one formatted as a date, and too large for it, would be an error."""

    def read_worksheets(self) -> None:
        self.parser.caches = []
        self.wb._date_formats = self.wb._timedelta_formats = set()  # type: ignore[attr-defined]  # not in the stubs
        super().read_worksheets()
        if len(self.wb.sheetnames) < len(self.parser.sheets):
            raise ValueError("some of its sheets are not found")


def _read(copied: BytesIO) -> Workbook:
    reader = _Reader(copied, data_only=True, keep_links=False, rich_text=True)
    reader.read()
    book = reader.wb
    for chart in book.chartsheets:
        book.remove(chart)
    for names in (book.defined_names, *(sheet.defined_names for sheet in book.worksheets)):
        for name in [name for name, place in names.items() if "[" in (place.value or "")]:
            del names[name]  # of another workbook: Excel calls a file damaged that has the name and no link
    for sheet in book.worksheets:
        if sheet.max_row > _ROWS or sheet.max_column > _COLUMNS:
            raise ValueError(f"{sheet.title!r} is larger than a sheet of Excel")
        for cell in sheet._cells.values():
            if isinstance(cell, Cell):
                _keep(cell)
    return book


def _keep(cell: Cell) -> None:
    """Has the cell written as it was read: openpyxl writes 16 digits of a number, a float64 may need 17."""
    value = cell.value
    if cell.data_type == "n" and isinstance(value, int | float):
        if abs(value) > sys.float_info.max:
            cell.value = "#NUM!"
        else:
            cell.value = repr(value)
            cell.data_type = "n"
    elif value == "":
        cell.value = CellRichText("")  # an empty string would be written as no value
    elif value in ERROR_CODES:
        cell.data_type = "e"
    if cell.comment is not None:
        cell.comment = sized(cell.comment.text, cell.comment.author)
