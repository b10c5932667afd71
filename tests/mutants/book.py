"""A workbook to be spoilt: plain grids, and what a grid cannot say, written as Excel would."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import date
from typing import NamedTuple
from xml.sax.saxutils import escape, quoteattr

from python_calamine import load_workbook

from aurum.demo import VendorWorkbook
from aurum.parsers.cells import address

Grid = list[list[object]]
_QUOTE = re.compile(r"\s*[-+]?[0-9.]+\s*/\s*[-+]?[0-9.]+\s*")

DATE, PERCENT, EURO, TEXT = 1, 2, 3, 4  # the styles of `_STYLES`
FIRST_COLUMN = 2


class Raw(NamedTuple):
    """A cell as it stands in the XML: its type (`n`, `str`, `b`, `e`), its value, its formula, its style."""

    kind: str
    value: str | None
    formula: str | None = None
    style: int = 0


@dataclass
class Book:
    """A vendor's file, and the one of the day before. A grid's first cell is A1, None is no cell."""

    name: str
    sheets: dict[str, Grid]
    merged: dict[str, list[str]] = field(default_factory=dict)
    hidden_sheets: set[str] = field(default_factory=set)
    hidden_rows: dict[str, set[int]] = field(default_factory=dict)
    starts_1904: bool = False
    before: Book | None = None

    @classmethod
    def of(cls, workbook: VendorWorkbook) -> Book:
        return cls(workbook.name, {name: _square(grid) for name, grid in workbook.sheets.items()})

    @classmethod
    def read(cls, data: bytes, name: str) -> Book:
        """A file of a vendor, cell by cell."""
        book = load_workbook(io.BytesIO(data))
        sheets = {
            sheet: [
                [None if value == "" else value for value in row]
                for row in book.get_sheet_by_name(sheet).to_python(skip_empty_area=False)
            ]
            for sheet in book.sheet_names
        }
        return cls(name, {sheet: _square([list(row) for row in grid]) for sheet, grid in sheets.items()})

    def copy(self) -> Book:
        return replace(
            self,
            sheets={name: [list(row) for row in grid] for name, grid in self.sheets.items()},
            merged={},
            hidden_sheets=set(),
            hidden_rows={},
        )

    # --------------------------------------------------------------------------------------------- where what stands

    def data_rows(self, sheet: str) -> list[int]:
        """The rows with numbers or quotes, counted from 0."""
        return [at for at, row in enumerate(self.sheets[sheet]) if any(map(is_value, row[FIRST_COLUMN:]))]

    def header_rows(self, sheet: str) -> list[int]:
        """The rows with texts above columns."""
        first = min(self.data_rows(sheet), default=len(self.sheets[sheet]))
        return [at for at, row in enumerate(self.sheets[sheet][:first]) if any(row[FIRST_COLUMN:])]

    def columns(self, sheet: str) -> list[int]:
        """The columns with numbers or quotes, counted from 0."""
        grid, rows = self.sheets[sheet], self.data_rows(sheet)
        width = max(map(len, grid), default=0)
        return [at for at in range(FIRST_COLUMN, width) if any(is_value(grid[row][at]) for row in rows)]

    def values(self, sheet: str) -> list[tuple[int, int]]:
        """The cells with numbers or quotes."""
        columns = self.columns(sheet)
        grid = self.sheets[sheet]
        return [(row, at) for row in self.data_rows(sheet) for at in columns if is_value(grid[row][at])]

    def header(self, sheet: str, column: int) -> tuple[object, ...]:
        return tuple(self.sheets[sheet][row][column] for row in self.header_rows(sheet))

    def cells(self) -> Iterator[tuple[str, str, object]]:
        """Sheet, address and content of every cell."""
        for sheet, grid in self.sheets.items():
            for at, row in enumerate(grid):
                yield from ((sheet, address(at, column), value) for column, value in enumerate(row))

    def settle(self) -> None:
        """Every row of a sheet as long as the longest."""
        for sheet, grid in self.sheets.items():
            self.sheets[sheet] = _square(grid)

    # --------------------------------------------------------------------------------------------- as a file

    def to_bytes(self) -> bytes:
        texts: dict[str, int] = {}
        pages = [self._page(sheet, texts) for sheet in self.sheets]
        parts = _parts(self, pages, texts)
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
            for name, part in parts.items():
                archive.writestr(name, '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>' + part)
        return packed.getvalue()

    def _page(self, sheet: str, texts: dict[str, int]) -> str:
        hidden = self.hidden_rows.get(sheet, set())
        rows = []
        for at, row in enumerate(self.sheets[sheet]):
            cells = "".join(self._cell(value, address(at, column), texts) for column, value in enumerate(row))
            rows.append(f'<row r="{at + 1}"{" hidden=" + quoteattr("1") if at in hidden else ""}>{cells}</row>')
        merged = self.merged.get(sheet, [])
        ranges = "".join(f'<mergeCell ref="{area}"/>' for area in merged)
        merges = f'<mergeCells count="{len(merged)}">{ranges}</mergeCells>' if merged else ""
        return f'<worksheet xmlns="{_MAIN}"><sheetData>{"".join(rows)}</sheetData>{merges}</worksheet>'

    def _cell(self, value: object, place: str, texts: dict[str, int]) -> str:
        if value is None:
            return ""
        if isinstance(value, str):
            return f'<c r="{place}" t="s"><v>{texts.setdefault(value, len(texts))}</v></c>'
        if isinstance(value, bool):
            return f'<c r="{place}" t="b"><v>{int(value)}</v></c>'
        if isinstance(value, date):
            return f'<c r="{place}" s="{DATE}"><v>{serial(value, self.starts_1904)}</v></c>'
        if isinstance(value, Raw):
            formula = f"<f>{escape(value.formula)}</f>" if value.formula is not None else ""
            shown = f"<v>{escape(value.value)}</v>" if value.value is not None else ""
            return f'<c r="{place}" s="{value.style}" t="{value.kind}">{formula}{shown}</c>'
        return f'<c r="{place}"><v>{value!r}</v></c>'


def is_value(value: object) -> bool:
    """A number, however it is written, or a text of two with a slash."""
    if isinstance(value, str):
        return _QUOTE.fullmatch(value) is not None
    if isinstance(value, Raw):
        return value.kind == "n" and value.value is not None
    return isinstance(value, int | float) and not isinstance(value, bool)


def serial(day: date, starts_1904: bool = False) -> int:
    """The day as Excel counts it."""
    return (day - (date(1904, 1, 1) if starts_1904 else date(1899, 12, 30))).days


def _square(grid: Grid) -> Grid:
    width = max(map(len, grid), default=0)
    return [[*row, *[None] * (width - len(row))] for row in grid]


# ------------------------------------------------------------------------------------------------- the parts

_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_STYLES = (
    f'<styleSheet xmlns="{_MAIN}"><numFmts count="1"><numFmt numFmtId="164" formatCode="[$€-2] #,##0.00"/></numFmts>'
    '<fonts count="1"><font/></fonts><fills count="1"><fill/></fills><borders count="1"><border/></borders>'
    '<cellStyleXfs count="1"><xf numFmtId="0"/></cellStyleXfs><cellXfs count="5"><xf numFmtId="0"/>'
    '<xf numFmtId="14" applyNumberFormat="1"/><xf numFmtId="10" applyNumberFormat="1"/>'
    '<xf numFmtId="164" applyNumberFormat="1"/><xf numFmtId="49" applyNumberFormat="1"/></cellXfs></styleSheet>'
)


def _parts(book: Book, pages: list[str], texts: dict[str, int]) -> dict[str, str]:
    numbers = range(1, len(pages) + 1)
    kinds = [("worksheet", f"worksheets/sheet{number}.xml") for number in numbers]
    kinds += [("styles", "styles.xml"), ("sharedStrings", "sharedStrings.xml")]
    sheets = "".join(
        f'<sheet name={quoteattr(name)} sheetId="{number}" r:id="rId{number}"'
        f"{' state=' + quoteattr('hidden') if name in book.hidden_sheets else ''}/>"
        for number, name in zip(numbers, book.sheets, strict=True)
    )
    related = "".join(
        f'<Relationship Id="rId{at}" Type="{_OFFICE}/{kind}" Target="{target}"/>'
        for at, (kind, target) in enumerate(kinds, 1)
    )
    shown = "".join(f'<si><t xml:space="preserve">{escape(text)}</t></si>' for text in texts)
    epoch = '<workbookPr date1904="1"/>' if book.starts_1904 else ""
    content = "application/vnd.openxmlformats-officedocument.spreadsheetml"
    return {
        "[Content_Types].xml": f'<Types xmlns="{_PACKAGE}/content-types">'
        '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        f'<Default Extension="xml" ContentType="{content}.worksheet+xml"/>'
        f'<Override PartName="/xl/workbook.xml" ContentType="{content}.sheet.main+xml"/></Types>',
        "_rels/.rels": f'<Relationships xmlns="{_PACKAGE}/relationships">'
        f'<Relationship Id="rId1" Type="{_OFFICE}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'<workbook xmlns="{_MAIN}" xmlns:r="{_OFFICE}">{epoch}<sheets>{sheets}</sheets></workbook>',
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{_PACKAGE}/relationships">{related}</Relationships>',
        "xl/styles.xml": _STYLES,
        "xl/sharedStrings.xml": f'<sst xmlns="{_MAIN}">{shown}</sst>',
        **{f"xl/worksheets/sheet{number}.xml": page for number, page in zip(numbers, pages, strict=True)},
    }
