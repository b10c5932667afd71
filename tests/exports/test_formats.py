"""The same rows in every format, exact, and the same bytes whenever they are asked for."""

from __future__ import annotations

import csv
import io
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openpyxl import load_workbook
from openpyxl.utils import coordinate_to_tuple
from python_calamine import CalamineWorkbook

from aurum.curves.stories import NamedRun
from aurum.exports.frames import SCHEMA
from aurum.exports.model import ExportFormat, Selection
from aurum.exports.plans import Plan
from aurum.exports.selections import read
from aurum.exports.writers import opened
from aurum.exports.writing import Drain
from aurum.ingestion.model import RunState
from aurum.ingestion.service import Submission
from aurum.metadata.model import CurveFilter
from tests.exports.conftest import Exporting
from tests.withheld import ANNA, open_desk

KNOWN_AT = datetime(2025, 2, 20, 8, tzinfo=UTC)
NUMBERS = st.none() | st.floats(allow_nan=False, allow_infinity=False)


def written(format_: ExportFormat, batch: Any, rows: int = 1) -> bytes:
    sink = io.BytesIO()
    write(format_, batch, sink, rows)
    return sink.getvalue()


def write(format_: ExportFormat, batch: Any, sink: Any, rows: int = 1) -> None:
    ids = np.arange(1)
    plan = Plan(Selection(known_at=KNOWN_AT), KNOWN_AT, [], ids, ids, np.array([rows]))
    writer = opened(format_, plan, SCHEMA, sink)
    writer.write(batch)
    writer.close()


def batch_of(**columns: list[Any]) -> Any:
    (count,) = {len(values) for values in columns.values()}
    return pa.RecordBatch.from_arrays(
        [pa.array(columns.get(field.name, [None] * count), field.type) for field in SCHEMA], schema=SCHEMA
    )


def csv_rows(data: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(data.decode(), newline="")))


def sheet_rows(data: bytes, sheet: str = "Points") -> list[tuple[Any, ...]]:
    return list(load_workbook(io.BytesIO(data), read_only=True)[sheet].iter_rows(values_only=True))


async def test_each_format_has_the_same_rows(exporting: Exporting) -> None:
    selection = Selection(known_at=exporting.time)
    data = {each: await exporting.bytes_of(selection, each) for each in ExportFormat}
    rows = pa.ipc.open_stream(data[ExportFormat.ARROW]).read_all().to_pylist()
    assert len(rows) == 6
    assert pq.read_table(io.BytesIO(data[ExportFormat.PARQUET])).to_pylist() == rows
    assert csv_rows(data[ExportFormat.CSV]) == [{name: text_of(value) for name, value in row.items()} for row in rows]
    header, *cells = sheet_rows(data[ExportFormat.XLSX])
    assert list(header) == SCHEMA.names
    assert [dict(zip(header, row, strict=True)) for row in cells] == [
        {name: cell_of(name, value) for name, value in row.items()} for row in rows
    ]


def text_of(value: Any) -> str:
    """As CSV has it."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    return repr(value).removesuffix(".0") if isinstance(value, float) else str(value)


def cell_of(name: str, value: Any) -> Any:
    """As a workbook has it: without time zones, dates at midnight, instants to the millisecond."""
    if name in ("published_at", "known_at"):
        return value.replace(tzinfo=None, microsecond=value.microsecond // 1000 * 1000)
    return datetime(value.year, value.month, value.day) if name in _DAYS else value  # noqa: DTZ001


_DAYS = ("as_of", "delivery_start", "delivery_end")


@pytest.mark.parametrize("format_", ExportFormat)
async def test_the_same_question_gets_the_same_bytes_later(exporting: Exporting, format_: ExportFormat) -> None:
    selection = Selection(known_at=exporting.time)
    once = await exporting.bytes_of(selection, format_)
    exporting.time += timedelta(days=1)
    assert await exporting.bytes_of(selection, format_) == once
    assert await exporting.bytes_of(Selection(), format_) != once  # it says of itself when it was asked for


@pytest.mark.parametrize("format_", ExportFormat)
def test_a_file_gets_the_bytes_that_a_connection_gets(format_: ExportFormat) -> None:
    """Of a job and of the command it is a file, in which a writer could go back."""
    drain = Drain()
    write(format_, batch_of(mid=[1.5, None]), drain, 2)
    assert written(format_, batch_of(mid=[1.5, None]), 2) == drain.taken()


@given(st.lists(NUMBERS, min_size=1))
def test_numbers_come_back_to_the_bit(numbers: list[float | None]) -> None:
    batch = batch_of(mid=numbers)
    texts = [row["mid"] for row in csv_rows(written(ExportFormat.CSV, batch))]
    assert list(map(repr, [float(text) if text else None for text in texts])) == list(map(repr, numbers))
    table = pq.read_table(io.BytesIO(written(ExportFormat.PARQUET, batch)))
    assert list(map(repr, table["mid"].to_pylist())) == list(map(repr, numbers))


@settings(max_examples=10)
@given(st.lists(NUMBERS, min_size=1))
def test_numbers_of_a_sheet_come_back_to_the_bit(numbers: list[float | None]) -> None:
    batch = batch_of(curve_key=["a"] * len(numbers), mid=numbers, cell=["b"] * len(numbers))
    _, *rows = sheet_rows(written(ExportFormat.XLSX, batch, len(numbers)))
    assert [row[SCHEMA.names.index("mid")] for row in rows] == numbers


@pytest.mark.parametrize("text", ["=HYPERLINK(1)", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\uff1d1", "\uff20A"])
def test_a_text_that_looks_like_a_formula_is_none(text: str) -> None:
    batch = batch_of(name=[text, "safe = yes"])
    assert [row["name"] for row in csv_rows(written(ExportFormat.CSV, batch))] == [f"'{text}", "safe = yes"]
    table = pq.read_table(io.BytesIO(written(ExportFormat.PARQUET, batch)))
    assert table["name"].to_pylist() == [text, "safe = yes"]
    sheet = load_workbook(io.BytesIO(written(ExportFormat.XLSX, batch, 2)))["Points"]
    assert sheet["B2"].data_type == "s"  # not f


def test_texts_of_every_kind_get_through() -> None:
    names = ['a "b", c', "two\nlines", "Łódź <&> 漢字", "\x01bell", " blanks ", "no\uffff one"]
    batch = batch_of(name=names)
    assert [row["name"] for row in csv_rows(written(ExportFormat.CSV, batch))] == names
    cells = [row[1] for row in sheet_rows(written(ExportFormat.XLSX, batch, len(names)))[1:]]
    assert cells == [*names[:3], "bell", " blanks ", "no one"]  # SpreadsheetML has no such characters
    book = load_workbook(io.BytesIO(written(ExportFormat.XLSX, batch_of(name=["\x01bell"]))))
    assert charts(book)[0].series[0].tx.v == "bell, None"


def test_a_scenario_may_have_any_name() -> None:
    told = NamedRun(1, "gas\x01 \ufffeup", 1, None, date(2025, 2, 12), KNOWN_AT, (), "in", "out")
    ids, sink = np.arange(1), io.BytesIO()
    plan = Plan(Selection(known_at=KNOWN_AT), KNOWN_AT, [], ids, ids, ids, told)
    opened(ExportFormat.XLSX, plan, SCHEMA, sink).close()
    about = load_workbook(sink)["About"].iter_rows(max_col=2, values_only=True)
    assert ("Scenario", "version 1 of gas up") in about


def charts(book: Any) -> list[Any]:
    found: list[Any] = book["About"]._charts
    return found


async def test_a_workbook_says_what_it_is_as_of_when_and_known_when(exporting: Exporting) -> None:
    ttf = Selection(CurveFilter(keys=("eugp:eu/dutch_ttf/gas",)), known_at=exporting.time)
    data = await exporting.bytes_of(ttf, ExportFormat.XLSX)
    book = load_workbook(io.BytesIO(data))
    assert book.sheetnames == ["About", "Points"]
    about = {row[0]: row[1] for row in book["About"].iter_rows(max_col=2, values_only=True) if row[0]}
    assert about["As-of dates"] == "the newest of each curve"
    assert str(about["Known at"]).startswith(exporting.time.isoformat().replace("+00:00", "Z"))
    assert (about["Curves"], about["Points"]) == ("1", "2")
    assert "curve=eugp:eu/dutch_ttf/gas" in str(about["Ask again"])
    points = book["Points"]
    assert (points.freeze_panes, points.auto_filter.ref) == ("B2", "A1:R3")
    for sheet in book:  # printed, no page ends in the middle of a row or of the chart
        assert (sheet.page_setup.orientation, sheet.page_setup.fitToWidth) == ("landscape", 1)
        fit = sheet.sheet_properties.pageSetUpPr
        assert fit is not None
        assert fit.fitToPage
    assert (book["About"].page_setup.fitToHeight, points.page_setup.fitToHeight) == (1, 0)
    assert points.print_title_rows == "$1:$1"
    assert [points[cell].number_format for cell in ("D2", "F2", "L2")] == [
        "yyyy-mm-dd", "yyyy-mm-dd hh:mm:ss", "General",
    ]  # fmt: skip
    (chart,) = charts(book)
    (line,) = chart.series
    assert (line.xVal.numRef.f, line.yVal.numRef.f) == ("'Points'!$J$2:$J$3", "'Points'!$L$2:$L$3")
    assert "2025-02-12" in line.tx.v


def test_an_address_that_no_cell_can_hold_stands_in_several() -> None:
    keys = tuple(f"eugp:eu/place+{number:04}/power/base" for number in range(1_000))
    asked = Selection(CurveFilter(keys=keys), known_at=KNOWN_AT)
    ids, sink = np.arange(1), io.BytesIO()
    opened(ExportFormat.XLSX, Plan(asked, KNOWN_AT, [], ids, ids, ids), SCHEMA, sink).close()
    *_, (label, address), (blank, rest) = load_workbook(sink)["About"].iter_rows(max_col=2, values_only=True)
    assert (label, blank) == ("Ask again", None)
    assert read(f"{address}{rest}".removeprefix("/exports.xlsx?")) == asked


async def test_curves_in_other_units_are_not_drawn_on_one_axis(exporting: Exporting) -> None:
    book = load_workbook(io.BytesIO(await exporting.bytes_of(Selection(), ExportFormat.XLSX)))
    (chart,) = charts(book)
    assert len(chart.series) == 2  # NBP is in pence per therm
    assert len({line.graphicalProperties.line.solidFill.srgbClr for line in chart.series}) == 2  # told apart
    empty = await exporting.bytes_of(Selection(known_at=datetime(2020, 1, 1, tzinfo=UTC)), ExportFormat.XLSX)
    assert charts(load_workbook(io.BytesIO(empty))) == []
    assert len(sheet_rows(empty)) == 1


async def test_every_exported_cell_of_a_real_file_holds_its_number(
    migrated_sqlite_url: str, tmp_path: Path, vendor_files: Path
) -> None:
    file = min(vendor_files.glob("EOD_EUGP_*.xlsx"))
    async with open_desk(migrated_sqlite_url, tmp_path) as desk:
        run = await desk.services.ingestion.ingest(ANNA, Submission(file.read_bytes(), file.name, "test"))
        assert run.state is RunState.SUCCEEDED
        service = desk.services.exports
        plan = await service.plan(ANNA, Selection(), ExportFormat.CSV)
        data = b"".join([chunk async for chunk in service.streamed(ANNA, plan, ExportFormat.CSV)])
    rows = csv_rows(data)
    assert len(rows) == plan.rows >= run.counts.points > 10_000
    book = CalamineWorkbook.from_path(file)
    sheets = {name: book.get_sheet_by_name(name).to_python(skip_empty_area=False) for name in book.sheet_names}
    priced = [(row["cell"], float(row["mid"])) for row in rows if row["mid"]]
    assert len(priced) > 10_000
    for cell, mid in priced:
        name, _, address = cell.rpartition("!")
        place = coordinate_to_tuple(address)
        assert sheets[name][place[0] - 1][place[1] - 1] == mid, cell
