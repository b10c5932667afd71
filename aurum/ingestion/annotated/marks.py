"""Findings on the cells that they are about: colours and comments."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from copy import copy
from itertools import groupby, islice
from typing import cast

from openpyxl import Workbook
from openpyxl.comments import Comment
from openpyxl.formatting.formatting import ConditionalFormattingList
from openpyxl.formatting.rule import Rule
from openpyxl.styles import Font, PatternFill
from openpyxl.styles.differential import DifferentialStyle
from openpyxl.utils import get_column_letter, quote_sheetname
from openpyxl.utils.cell import coordinate_to_tuple
from openpyxl.worksheet.worksheet import Worksheet

from aurum.ingestion.annotated.editable import sized
from aurum.ingestion.annotated.sheet import COLORS, INK, fill, plain
from aurum.market.counts import counted
from aurum.parsers.model import Finding, Severity

_MOST_CELLS = 5_000  # Excel draws every comment when it opens the file

_SAID_FINDINGS, _LONGEST_MESSAGE, _LONGEST_COMMENT = 6, 400, 30_000  # of a comment; the last two in characters
_CELL = re.compile("[A-Z]{1,3}[1-9][0-9]{0,6}")

Place = tuple[Worksheet, int, int]  # row and column, from 1


class Places:
    """Where the findings' cells stand in an open workbook."""

    def __init__(self, book: Workbook) -> None:
        sheets: list[Worksheet] = list(book.worksheets)
        self._sheets = {sheet.title.casefold(): sheet for sheet in sheets}
        self._sizes = {sheet: (sheet.max_row, sheet.max_column) for sheet in sheets}
        self._merged = {
            (sheet, *cell): (sheet, merged.min_row, merged.min_col)
            for sheet in sheets
            for merged in sheet.merged_cells.ranges
            for cell in merged.cells
        }

    def of(self, finding: Finding) -> list[Place]:
        """The cells that are there, each once. A merged range stands in its first cell."""
        found: dict[Place, None] = {}
        for address in finding.cells:
            name, _, cell = address.rpartition("!")
            sheet = self._sheet(name or finding.sheet)
            if sheet is None or not _CELL.fullmatch(cell):
                continue
            row, column = coordinate_to_tuple(cell)
            rows, columns = self._sizes[sheet]
            if row <= rows and column <= columns:
                found[self._merged.get((sheet, row, column), (sheet, row, column))] = None
        return list(found)

    def link(self, finding: Finding, places: Sequence[Place]) -> str | None:
        """To the first of the cells, as Excel writes it; what is about a whole sheet leads to its top."""
        whole = self._sheet(finding.sheet)
        if places:
            sheet, row, column = places[0]
        elif whole is not None and not finding.cells:
            sheet, row, column = whole, 1, 1
        else:
            return None
        return f"{quote_sheetname(sheet.title)}!{get_column_letter(column)}{row}"

    def _sheet(self, name: str | None) -> Worksheet | None:
        return self._sheets.get((name or "").casefold())


def mark(findings: Sequence[Finding], places: Sequence[Sequence[Place]]) -> int:
    """Colours and comments the cells of findings, which stand worst first. Says how many cells were left out."""
    marks: dict[Place, list[Finding]] = {}
    for finding, found in zip(findings, places, strict=True):
        for place in found:
            marks.setdefault(place, []).append(finding)
    coloured: dict[Worksheet, dict[Severity, list[tuple[int, int]]]] = {}
    for (sheet, row, column), of_cell in islice(marks.items(), _MOST_CELLS):
        severity = of_cell[0].severity
        cell = sheet.cell(row, column)
        font = cast(Font, copy(cell.font))
        font.color = INK  # the vendors write white on black
        cell.font, cell.fill = font, fill(severity)
        cell.comment = sized(_said(of_cell, cell.comment), "Aurum")
        coloured.setdefault(sheet, {}).setdefault(severity, []).append((column, row))
    for sheet, cells in coloured.items():
        _outrank(sheet, cells)
    return max(0, len(marks) - _MOST_CELLS)


def _said(findings: Sequence[Finding], before: Comment | None) -> str:
    said = [
        f"{each.severity} {each.code}\n{plain(each.message, _LONGEST_MESSAGE)}" for each in findings[:_SAID_FINDINGS]
    ]
    if len(findings) > _SAID_FINDINGS:
        said.append(f"and {counted(len(findings) - _SAID_FINDINGS, 'more finding')}")
    if before is not None:
        said.append(f"Comment in the file:\n{before.text}")
    return "\n\n".join(said)[:_LONGEST_COMMENT]


def _outrank(sheet: Worksheet, cells: Mapping[Severity, Sequence[tuple[int, int]]]) -> None:
    """Has the colours seen in spite of the sheet's conditional formats, which paint over those of its cells.

    Excel goes by the priority of a rule, LibreOffice by its place in the file.
    """
    others = [(formatted, rule) for formatted in sheet.conditional_formatting for rule in formatted.rules]
    if not others:
        return
    sheet.conditional_formatting = ConditionalFormattingList()
    for priority, (severity, of_severity) in enumerate(cells.items(), 1):
        style = DifferentialStyle(font=Font(color=INK), fill=PatternFill(bgColor=COLORS[severity]))
        rule = Rule("expression", dxf=style, priority=priority, stopIfTrue=True, formula=["TRUE"])
        sheet.conditional_formatting.add(_ranges(of_severity), rule)
    for formatted, rule in others:
        rule.priority += len(cells)
        sheet.conditional_formatting.add(formatted, rule)


def _ranges(cells: Sequence[tuple[int, int]]) -> str:
    """`D12:D60 E14`, of columns and rows."""
    runs = []
    for _, run in groupby(enumerate(sorted(cells)), key=lambda at: (at[1][0], at[1][1] - at[0])):
        (_, (column, first)), *more = run
        last = more[-1][1][1] if more else first
        letter = get_column_letter(column)
        runs.append(f"{letter}{first}:{letter}{last}" if last > first else f"{letter}{first}")
    return " ".join(runs)
