"""The sheet of an annotated workbook that lists what was found, and leads to the cells."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import cast

from openpyxl import Workbook
from openpyxl.cell.cell import Cell
from openpyxl.styles import Alignment, Border, Font, PatternFill, Side
from openpyxl.worksheet.hyperlink import Hyperlink
from openpyxl.worksheet.properties import PageSetupProperties
from openpyxl.worksheet.worksheet import Worksheet

from aurum.backends.unfit import NO_XML
from aurum.parsers.model import Finding, Severity

Listed = tuple[Finding, str | None]  # with the place that it links to, as Excel writes it: `'Strips - Mid'!D12`

COLORS = {Severity.ERROR: "F4A7A3", Severity.WARNING: "FFD978", Severity.INFO: "D6E6F7"}
_MEANING = {
    Severity.ERROR: "The number cannot be trusted.",
    Severity.WARNING: "The number is served, and marked.",
    Severity.INFO: "Worth knowing.",
}
_TITLE = "Aurum findings"
_COLUMNS = {"Severity": 14, "Code": 25, "Sheet": 25, "Cells": 31, "Message": 72, "Curve": 42}
_CELLS_LISTED = 4
_LONGEST_TEXT = 2_000
_HIGHEST_ROW = 409.0  # points: Excel's
_FROZEN_AT_MOST = 20  # rows: what is frozen cannot be scrolled away, and a small window would show nothing else

INK, _QUIET, _LINK, _LINE, _HEAD = "1F2933", "6B7785", "0B5CAD", "D9DEE4", "1F3A5F"
_BELOW = Border(bottom=Side("thin", _LINE))

# Excel reads `_x0041_` as the character of that number.
_ESCAPE = re.compile("_(?=x[0-9A-Fa-f]{4}_)")


def add_findings_sheet(
    book: Workbook, intro: str, about: Sequence[tuple[str, str]], counts: Counter[Severity], findings: Sequence[Listed]
) -> Worksheet:
    """A first sheet: what the file is, how much was found, and each finding with a link to its first cell."""
    sheet: Worksheet = book.create_sheet(_TITLE, 0)
    _put(sheet, 1, 1, sheet.title, Font("Calibri", 18, bold=True, color=_HEAD))
    _put(sheet, 2, 1, intro, Font("Calibri", 10, italic=True, color=_QUIET))
    for row, (label, value) in enumerate(about, 4):
        _put(sheet, row, 1, label, Font("Calibri", 10, color=_QUIET), wrap=True)
        _put(sheet, row, 2, value, Font("Calibri", 10, color=INK))
    _legend(sheet, 4, counts)
    head = 5 + max(len(about), len(_MEANING))
    _table(sheet, head, findings)
    _layout(sheet, head, head + max(len(findings), 1))
    return sheet


def plain(text: str, longest: int = _LONGEST_TEXT) -> str:
    """The text as a workbook can hold it: bounded, in characters of XML, and meaning what it says."""
    text = NO_XML.sub("\N{REPLACEMENT CHARACTER}", text.replace("\r\n", "\n").replace("\r", "\n"))
    return _ESCAPE.sub("_x005F_", text if len(text) <= longest else f"{text[: longest - 1]}…")


def fill(severity: Severity) -> PatternFill:
    return PatternFill("solid", COLORS[severity])


def _legend(sheet: Worksheet, row: int, counts: Counter[Severity]) -> None:
    for severity, meaning in _MEANING.items():
        chip = _put(sheet, row, 4, f"{counts[severity]:,} {severity}", Font("Calibri", 10, bold=True, color=INK))
        chip.fill, chip.alignment = fill(severity), Alignment("center", "center")
        said = _put(sheet, row, 5, meaning, Font("Calibri", 10, color=_QUIET))
        said.alignment = Alignment("left", "center", indent=1)
        row += 1


def _table(sheet: Worksheet, head: int, findings: Sequence[Listed]) -> None:
    for column, title in enumerate(_COLUMNS, 1):
        cell = _put(sheet, head, column, title, Font("Calibri", 11, bold=True, color="FFFFFF"))
        cell.fill = PatternFill("solid", _HEAD)
    if not findings:
        _put(sheet, head + 1, 1, "Nothing was found.", Font("Calibri", 10, italic=True, color=_QUIET))
    ink, quiet = Font("Calibri", 10, color=INK), Font("Calibri", 9, color=_QUIET)
    bold, blue = Font("Calibri", 10, bold=True, color=INK), Font("Calibri", 10, color=_LINK, underline="single")
    fonts = (bold, ink, ink, ink, ink, quiet)
    fills = {severity: fill(severity) for severity in Severity}
    for row, (finding, link) in enumerate(findings, head + 1):
        texts = (finding.severity, finding.code, finding.sheet, _cells(finding), finding.message, finding.curve_key)
        for column, (text, font) in enumerate(zip(texts, fonts, strict=True), 1):
            _put(sheet, row, column, text or "", font, wrap=True).border = _BELOW
        sheet.row_dimensions[row].height = _height(text or "" for text in texts)
        sheet.cell(row, 1).fill = fills[finding.severity]
        if link is not None:
            linked = sheet.cell(row, 4 if finding.cells else 3)
            linked.hyperlink, linked.font = Hyperlink(linked.coordinate, link), blue


def _height(texts: Iterable[str]) -> float:
    """In points, of a row with wrapped texts: Excel finds it by itself, other programs do not."""
    widths = zip(texts, _COLUMNS.values(), strict=True)
    lines = max(sum(1 + max(0, len(line) - 1) // width for line in plain(text).split("\n")) for text, width in widths)
    return min(3.5 + 13 * lines, _HIGHEST_ROW)


def _cells(finding: Finding) -> str:
    """`D12, D13 and 240 more`."""
    more = len(finding.cells) - _CELLS_LISTED
    return ", ".join(finding.cells[:_CELLS_LISTED]) + (f" and {more:,} more" if more > 0 else "")


def _put(sheet: Worksheet, row: int, column: int, text: str, font: Font, *, wrap: bool = False) -> Cell:
    """A text, whatever it begins with: `=1+1` in a file's message is no formula, and does not become one in Excel."""
    cell = cast(Cell, sheet.cell(row, column))
    cell.font, cell.alignment = font, Alignment(vertical="center", wrap_text=wrap)
    if text:
        cell.value = plain(text)
        cell.data_type = "s"
        cell.quotePrefix = text.startswith(("=", "+", "-", "@"))
    return cell


def _layout(sheet: Worksheet, head: int, last: int) -> None:
    for column, width in zip("ABCDEF", _COLUMNS.values(), strict=True):
        sheet.column_dimensions[column].width = width
    for row, height in ((1, 28), (2, 17), (head, 20)):
        sheet.row_dimensions[row].height = height
    sheet.auto_filter.ref = f"A{head}:F{last}"
    if head <= _FROZEN_AT_MOST:
        sheet.freeze_panes = f"A{head + 1}"
    sheet.sheet_view.showGridLines = False
    sheet.sheet_properties.tabColor = _HEAD
    sheet.sheet_properties.pageSetUpPr = PageSetupProperties(fitToPage=True)
    sheet.page_setup.orientation = "landscape"
    sheet.page_setup.fitToHeight = 0
    sheet.print_title_rows = f"{head}:{head}"
