"""Small workbooks for the tests of parsers, cell by cell."""

from __future__ import annotations

import io
import math
import zipfile
from collections.abc import Callable, Mapping, Sequence
from datetime import date

from openpyxl import Workbook
from openpyxl.utils.cell import coordinate_to_tuple

from aurum.parsers import parse
from aurum.parsers.model import Finding, ParsedCurve, ParsedWorkbook, Severity

Grid = Sequence[Sequence[object]]

AS_OF = date(2025, 2, 12)
FEB, MAR, APR = date(2025, 2, 1), date(2025, 3, 1), date(2025, 4, 1)
MID, BIDASK, STRIPS, STRIPS_BIDASK = "Fixed Prices - Mid", "Fixed Prices - BidAsk", "Strips - Mid", "Strips - BidAsk"


def workbook(sheets: Mapping[str, Grid]) -> bytes:
    """An .xlsx of the sheets; a grid's first cell is A1, None is no cell."""
    book = Workbook()
    book.remove(book.active or book.worksheets[0])
    for name, grid in sheets.items():
        sheet = book.create_sheet(name)
        for row in grid:
            sheet.append(list(row))
    saved = io.BytesIO()
    book.save(saved)
    return saved.getvalue()


def changed(data: bytes, part: str, change: Callable[[bytes], bytes | None]) -> bytes:
    """The workbook with one of its parts changed, or left out for None."""
    changed = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as source, zipfile.ZipFile(changed, "w", zipfile.ZIP_DEFLATED) as target:
        assert part in source.namelist()
        for name in source.namelist():
            content = change(source.read(name)) if name == part else source.read(name)
            if content is not None:
                target.writestr(name, content)
    return changed.getvalue()


def put(grid: Grid, cell: str, value: object) -> Grid:
    """The grid with another value in a cell, as large as it has to be."""
    row, column = coordinate_to_tuple(cell)
    copy: list[list[object]] = [list(cells) for cells in grid]
    copy.extend([] for _ in range(row - len(copy)))
    copy[row - 1].extend([None] * (column - len(copy[row - 1])))
    copy[row - 1][column - 1] = value
    return copy


def parsed(data: bytes) -> ParsedWorkbook:
    return parse(data, "EOD_PW_20250212_1430.xlsx")


def pw(sheets: Mapping[str, Grid]) -> ParsedWorkbook:
    return parsed(workbook(sheets))


# Two hubs of PJM, months in rows 7 and 8, hubs in C and D.
PW_MID: Grid = [
    ["ISO:", None, "PJM", None],
    ["Market:", None, "DA", None],
    ["Hours:", None, "On-Peak", None],
    ["Location:", None, "West Hub", "AD Hub"],
    ["Product:", None, "Power", "Power"],
    ["Units:", None, "USD/MWh", "USD/MWh"],
    [None, FEB, 45.5, 47.0],
    [None, MAR, 41.25, -3.5],
]
PW_BIDASK: Grid = [*PW_MID[:6], [None, FEB, "45.0 / 46.0", "46.5 / 47.5"], [None, MAR, "41 / 41.5", "-4 / -3"]]

WEST = "pw:pjm/da/west+hub/power/on-peak@usd%2fmwh"
AD = "pw:pjm/da/ad+hub/power/on-peak@usd%2fmwh"


def by_key(book: ParsedWorkbook) -> dict[str, ParsedCurve]:
    return {curve.identity.key: curve for curve in book.curves}


def points(curve: ParsedCurve) -> dict[str, float]:
    """Label to mid, where there is one."""
    mids = zip(curve.tenors, curve.mid.tolist(), strict=True)
    return {tenor.label: mid for tenor, mid in mids if not math.isnan(mid)}


def quotes(curve: ParsedCurve) -> dict[str, tuple[float, float]]:
    """Label to bid and ask, where there are any."""
    if curve.bid is None or curve.ask is None:
        return {}
    sides = zip(curve.tenors, curve.bid, curve.ask, strict=True)
    return {tenor.label: (float(bid), float(ask)) for tenor, bid, ask in sides if not math.isnan(bid)}


def findings(book: ParsedWorkbook, severity: Severity | None = None) -> list[tuple[str, str | None, tuple[str, ...]]]:
    """Code, sheet and cells of what was found; MISSING_SHEET, which small workbooks always have, is left out."""
    found = (finding for finding in book.findings if severity in (None, finding.severity))
    return [(each.code, each.sheet, each.cells) for each in found if each.code != "MISSING_SHEET"]


def only(book: ParsedWorkbook, code: str) -> Finding:
    (finding,) = [finding for finding in book.findings if finding.code == code]
    return finding
