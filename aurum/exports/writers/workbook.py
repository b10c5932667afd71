"""Excel workbooks: the points in typed cells, a sheet that says what they are, as of when and known when, a chart."""

from __future__ import annotations

import zipfile
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.styles import Font
from openpyxl.utils import get_column_letter
from openpyxl.writer.excel import ExcelWriter

from aurum.exports.comparisons import ComparisonPlan
from aurum.exports.plans import Plan
from aurum.exports.writers.about import about
from aurum.exports.writers.charts import Charted
from aurum.exports.writers.rows import Rows, fit

_WIDTHS = {"curve_key": 34, "name": 30, "published_at": 18, "known_at": 18, "cell": 26}
_POINTS = "xl/worksheets/sheet2.xml"
_BOLD = Font(bold=True)


class WorkbookWriter:
    """The same rows are the same bytes: nothing in it says when it was written."""

    def __init__(self, plan: Plan | ComparisonPlan, schema: Any, sink: IO[bytes]) -> None:
        self._plan, self._sink = plan, sink
        self._book = Workbook(write_only=True)
        self._book.properties.created = self._book.properties.modified = _plain(plan.known_at)
        self._book.properties.creator = "Aurum"
        sheet = "Points" if isinstance(plan, Plan) else "Differences"
        self._about, self._points = self._book.create_sheet("About"), self._book.create_sheet(sheet)
        _printed(self._about, tall=1)
        _printed(self._points, tall=0)
        self._rows = Rows(schema, self._style("yyyy-mm-dd"), self._style("yyyy-mm-dd hh:mm:ss"))
        self._names = schema.names
        self._charted = Charted(schema.names) if isinstance(plan, Plan) else None

    def _style(self, number_format: str) -> int:
        cell = WriteOnlyCell(self._points)
        cell.number_format = number_format
        return int(cell.style_id)

    def write(self, batch: Any) -> None:
        if self._charted is not None:
            self._charted.look(batch)
        self._rows.write(batch)

    def close(self) -> None:
        self._head()
        self._about.column_dimensions["A"].width, self._about.column_dimensions["B"].width = 16, 70
        told = list(about(self._plan))
        for label, text in told:
            self._about.append([_bold(self._about, label), fit(text)])
        chart = None if self._charted is None else self._charted.chart(self._points)
        if chart is not None:
            self._about.add_chart(chart, f"A{len(told) + 5}")
        with _Archive(_Forward(self._sink), self._rows) as archive:
            ExcelWriter(self._book, archive).write_data()
        self._rows.close()

    def _head(self) -> None:
        self._points.freeze_panes, self._points.print_title_rows = "B2", "1:1"
        for place, name in enumerate(self._names, 1):
            self._points.column_dimensions[get_column_letter(place)].width = _WIDTHS.get(name, 13)
        self._points.append([_bold(self._points, name) for name in self._names])
        self._points.auto_filter.ref = f"A1:{get_column_letter(len(self._names))}{self._plan.rows + 1}"

    def discard(self) -> None:
        self._rows.close()


class _Forward:
    """A sink that is only written to: in a file `zipfile` goes back, and the bytes are not those of a connection."""

    def __init__(self, sink: IO[bytes]) -> None:
        self.write, self.flush = sink.write, sink.flush


class _Archive(zipfile.ZipFile):
    """Without the times at which its members were written, and with rows in the sheet they belong to."""

    def __init__(self, sink: Any, rows: Rows) -> None:
        super().__init__(sink, "w", zipfile.ZIP_DEFLATED)
        self._rows = rows

    def writestr(self, zinfo_or_arcname: Any, data: Any, *_: Any, **__: Any) -> None:
        super().writestr(_member(str(zinfo_or_arcname)), data)

    def write(self, filename: Any, arcname: Any = None, *_: Any, **__: Any) -> None:
        content = Path(filename).read_bytes()
        with self.open(_member(str(arcname)), "w", force_zip64=True) as target:
            if arcname != _POINTS:
                target.write(content)
                return
            above, end, below = content.partition(b"</sheetData>")
            target.write(above)
            self._rows.copy(target)
            target.write(end + below)


def _member(name: str) -> zipfile.ZipInfo:
    member = zipfile.ZipInfo(name)  # of 1980
    member.compress_type = zipfile.ZIP_DEFLATED
    return member


def _plain(instant: datetime) -> datetime:
    """UTC without saying so: cells know no time zones."""
    return instant.astimezone(UTC).replace(tzinfo=None)


def _printed(sheet: Any, *, tall: int) -> None:
    """On pages as wide as the sheet, of which it takes at most so many; 0: as many as it needs."""
    sheet.sheet_properties.pageSetUpPr.fitToPage = True
    sheet.page_setup.orientation, sheet.page_setup.fitToWidth, sheet.page_setup.fitToHeight = "landscape", 1, tall


def _bold(sheet: Any, text: str) -> Any:
    cell = WriteOnlyCell(sheet, text)
    cell.font = _BOLD
    return cell
