"""The copy of a workbook that people open in Excel: read again with openpyxl, and by our own reader."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from openpyxl import Workbook, load_workbook
from openpyxl.comments import Comment
from openpyxl.formatting.rule import Rule
from openpyxl.styles import Font, PatternFill
from openpyxl.styles.differential import DifferentialStyle
from openpyxl.worksheet.worksheet import Worksheet
from openpyxl.writer.excel import ExcelWriter

from aurum.demo import VendorWorkbook, eugp_workbook, pw_workbook, rp_workbook, simple_workbook
from aurum.ingestion import annotated
from aurum.ingestion.annotated import annotate, marks
from aurum.ingestion.annotated.sheet import COLORS, INK
from aurum.parsers import parse
from aurum.parsers.model import Finding, Severity
from tests.parsers.sheets import BIDASK, MID, PW_BIDASK, PW_MID, changed, put, workbook

NAME = "EOD_PW_20250212_1430.xlsx"
AS_OF = date(2025, 2, 12)
PW = workbook({MID: PW_MID, BIDASK: PW_BIDASK})
ABOUT = [("File", NAME), ("Vendor", "PW")]
FIRST = "Aurum findings"
FIRST_SHEET, NAMES = "xl/worksheets/sheet1.xml", "xl/workbook.xml"
ERROR, WARNING, INFO = Severity.ERROR, Severity.WARNING, Severity.INFO


def found(code: str, *cells: str, severity: Severity = ERROR, sheet: str | None = MID, message: str = "odd") -> Finding:
    return Finding(code, severity, message, sheet, cells)


def opened(data: bytes, *findings: Finding, about: Sequence[tuple[str, str]] = ABOUT) -> Workbook:
    return load_workbook(io.BytesIO(annotate(data, NAME, about, findings)))


def table(book: Workbook) -> list[list[Any]]:
    """The rows below the head of the table on the first sheet."""
    rows: list[list[Any]] = [list(row) for row in book[FIRST].iter_rows(values_only=True)]
    head = rows.index(["Severity", "Code", "Sheet", "Cells", "Message", "Curve"])
    return rows[head + 1 :]


def lines(book: Workbook) -> dict[Any, Any]:
    """What the first sheet tells above the table."""
    values: list[Any] = list(book[FIRST].iter_rows(min_row=4, max_col=2, values_only=True))
    return dict(values[: values.index(("Severity", "Code"))])


def links(book: Workbook) -> dict[str, str]:
    return {str(cell.value): str(cell.hyperlink.location) for row in book[FIRST] for cell in row if cell.hyperlink}


def color(sheet: Worksheet, cell: str) -> str | None:
    """Without the transparency; None for a cell without a fill."""
    fill = sheet[cell].fill
    return str(fill.fgColor.rgb)[2:] if fill.fill_type else None


def comment(sheet: Worksheet, cell: str) -> str | None:
    said = sheet[cell].comment
    return said.text if said else None


def saved(book: Workbook) -> bytes:
    data = io.BytesIO()
    book.save(data)
    return data.getvalue()


def refilled(rows: str, tail: str = "", data: bytes = PW) -> bytes:
    """The workbook with other rows in its first sheet, and something behind them."""
    return changed(
        data, FIRST_SHEET, lambda part: part.partition(b"<sheetData>")[0]
        + f"<sheetData>{rows}</sheetData>{tail}</worksheet>".encode(),
    )  # fmt: skip


# ------------------------------------------------------------------------------------------------- the vendor's cells


def assert_same_cells(original: bytes, copy: bytes) -> Workbook:
    """And what is in the copy: it takes seconds to read."""
    before, after = load_workbook(io.BytesIO(original), keep_links=False), load_workbook(io.BytesIO(copy))
    assert after.sheetnames == [FIRST, *before.sheetnames]
    for sheet in before.worksheets:
        other = after[sheet.title]
        assert other.dimensions == sheet.dimensions
        for row, copied in zip(sheet.iter_rows(), other.iter_rows(), strict=True):
            assert [cell.value for cell in copied] == [cell.value for cell in row]
            assert [cell.number_format for cell in copied] == [cell.number_format for cell in row]
    return after


def assert_same_curves(original: bytes, copy: bytes, name: str) -> None:
    before, after = parse(original, name), parse(copy, name)
    assert [curve.identity for curve in after.curves] == [curve.identity for curve in before.curves]
    for curve, other in zip(before.curves, after.curves, strict=True):
        assert curve.mid.tobytes() == other.mid.tobytes()
        assert (curve.mid_cells, curve.quote_cells) == (other.mid_cells, other.quote_cells)
    assert (after.published_at, after.modified_at) == (before.published_at, before.modified_at)


@pytest.mark.parametrize("vendor", [eugp_workbook, rp_workbook, pw_workbook, simple_workbook])
def test_every_cell_of_the_vendor_is_kept_to_the_last_digit(vendor: Callable[..., VendorWorkbook]) -> None:
    original = vendor(AS_OF)
    first = next(iter(original.sheets))
    copy = annotate(original.to_bytes(), original.name, ABOUT, [found("ODD", "C14", "C15", sheet=first)])
    assert_same_cells(original.to_bytes(), copy)
    assert_same_curves(original.to_bytes(), copy, original.name)


@pytest.mark.slow
@pytest.mark.parametrize("file", ["EOD_EUGP_20250212_1430.xlsx", "EOD_RP_20250912_1430.xlsx"])
def test_real_files_are_kept_without_the_link_to_their_makers_workbook(vendor_files: Path, file: str) -> None:
    original = (vendor_files / file).read_bytes()
    assert any("externalLink" in part for part in zipfile.ZipFile(io.BytesIO(original)).namelist())
    copy = annotate(original, file, ABOUT, [*parse(original, file).findings, found("ODD", "C14", "D14")])
    sheet = assert_same_cells(original, copy)[MID]
    assert_same_curves(original, copy, file)
    with zipfile.ZipFile(io.BytesIO(copy)) as archive:
        assert not any("externalLink" in part for part in archive.namelist())
        assert b"[1]" not in archive.read(NAMES)
    assert color(sheet, "C14") == COLORS[ERROR] != color(sheet, "C15")
    assert sheet["C14"].font.color.rgb == f"00{INK}", "the vendors' white would not be read on a light colour"
    assert sheet["C15"].font.color.theme == 0


def test_the_same_workbook_gives_the_same_bytes_at_any_time(monkeypatch: pytest.MonkeyPatch) -> None:
    findings = [found("ODD", "C7", "D8"), found("ODDER", "C7", severity=INFO)]
    first = annotate(PW, NAME, ABOUT, findings)
    monkeypatch.setattr("time.time", lambda: 2_000_000_000.0)
    assert annotate(PW, NAME, ABOUT, findings) == first


def test_numbers_stay_numbers_whatever_their_format_says() -> None:
    """openpyxl would make dates of the first three, of which a calendar of Excel has only the first."""
    book = load_workbook(io.BytesIO(PW))
    sheet = book[MID]
    for cell, value in {"C7": 45000, "D7": -3.2, "C8": 1e300}.items():
        sheet[cell].value, sheet[cell].number_format = value, "yyyy-mm-dd"
    with zipfile.ZipFile(io.BytesIO(annotate(saved(book), NAME, [], []))) as archive:
        part = archive.read("xl/worksheets/sheet2.xml")
    assert all(f"<v>{text}</v>".encode() in part for text in ("45000", "-3.2", "1e+300"))


def test_cells_hold_what_was_read_from_them() -> None:
    cells = {
        "A1": '<f>1+1</f><v>2</v>',
        "B1": '<f>[1]Prices!A1</f><v>0.30000000000000004</v>',
        "C1": "<f>NOW()</f>",
        "D1": "<v>1e999</v>",
        "E1": "<v>123456789012345678</v>",
    }  # fmt: skip
    row = "".join(f'<c r="{cell}">{content}</c>' for cell, content in cells.items())
    row += '<c r="F1" t="e"><v>#N/A</v></c><c r="G1" t="str"><v></v></c><c r="H1" t="b"><v>1</v></c>'
    row += '<c r="I1" t="inlineStr"><is><t>=1+1</t></is></c>'
    sheet = opened(refilled(f'<row r="1">{row}</row>'))[MID]
    assert [cell.value for cell in sheet[1]] == [
        *(2, 0.1 + 0.2, "a formula without a value", "#NUM!", 123456789012345678, "#N/A", None, True, "=1+1")
    ]
    assert "".join(cell.data_type for cell in sheet[1]) == "nnsenenbs"


def test_an_empty_text_stays_a_text() -> None:
    original = refilled('<row r="1"><c r="A1" t="inlineStr"><is><t></t></is></c><c r="C1"><v>1</v></c></row>')
    assert [cell.value for cell in opened(original)[MID][1]] == ["", None, 1]


def test_names_of_other_workbooks_pictures_and_pivot_tables_are_left_out() -> None:
    names = b'<definedNames><definedName name="theirs">[1]Corr!$A$1</definedName>'
    names += b'<definedName name="ours">1</definedName>'
    caches = b'<pivotCaches><pivotCache cacheId="1" r:id="rId77" xmlns:r="%s"/></pivotCaches>'
    relations = b"http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    data = changed(
        PW, NAMES, lambda part: part.replace(b"<definedNames />", names + b"</definedNames>" + caches % relations)
    )
    picture = io.BytesIO(data)
    with zipfile.ZipFile(picture, "a") as archive:
        archive.writestr(
            "xl/worksheets/_rels/sheet1.xml.rels",
            b'<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship '
            b'Id="rId1" Type="%s/drawing" Target="../drawings/drawing1.xml"/></Relationships>' % relations,
        )
        archive.writestr("xl/drawings/drawing1.xml", "<no/>")
    book = opened(picture.getvalue())
    assert list(book.defined_names) == ["ours"]
    assert book[MID]["C4"].value == "West Hub"


# ------------------------------------------------------------------------------------------------- marks


def test_cells_have_the_colour_of_the_worst_finding_and_say_all() -> None:
    book = opened(
        PW,
        found("WORTH_KNOWING", "C7", severity=INFO, message="a note"),
        found("NOT_A_NUMBER", "C7", "D8", message="'n/a' stands where a number is due"),
        found("JUMP", f"{BIDASK}!C7", "C8", severity=WARNING, message="far from yesterday"),
    )
    mid, bidask = book[MID], book[BIDASK]
    assert [color(mid, cell) for cell in ("C7", "D8", "C8", "D7")] == [*map(COLORS.get, (ERROR, ERROR, WARNING)), None]
    assert color(bidask, "C7") == COLORS[WARNING]
    assert comment(mid, "C7") == "ERROR NOT_A_NUMBER\n'n/a' stands where a number is due\n\nINFO WORTH_KNOWING\na note"
    assert comment(bidask, "C7") == "WARNING JUMP\nfar from yesterday"
    assert comment(mid, "D7") is None


def test_the_vendors_comments_and_formats_stay() -> None:
    book = load_workbook(io.BytesIO(PW))
    sheet = book[MID]
    sheet["C7"].comment, sheet["D7"].comment = Comment("ask Jo", "Jo"), Comment("a long story " * 20, "Jo")
    sheet["C7"].font, sheet["C7"].fill = Font("Arial", 14, bold=True, color="FFFFFF"), PatternFill("solid", "000000")
    sheet["C7"].number_format = "0.000"
    sheet = opened(saved(book), found("ODD", "C7"))[MID]
    cell = sheet["C7"]
    assert cell.comment.text == "ERROR ODD\nodd\n\nComment in the file:\nask Jo"
    assert comment(sheet, "D7") == "a long story " * 20
    assert (cell.font.name, cell.font.size, cell.font.bold, cell.number_format) == ("Arial", 14, True, "0.000")
    assert (color(sheet, "C7"), cell.font.color.rgb) == (COLORS[ERROR], "001F2933")


def test_a_comment_is_bounded_and_large_enough_to_read() -> None:
    findings = [found(f"CODE_{number}", "C7", message="far too long " * 500) for number in range(9)]
    copy = annotate(PW, NAME, ABOUT, [*findings, found("ODD", "D8")])
    text = comment(load_workbook(io.BytesIO(copy))[MID], "C7")
    assert text is not None
    assert 2_000 < len(text) < 3_000
    assert text.endswith("and 3 more findings")
    with zipfile.ZipFile(io.BytesIO(copy)) as archive:
        shapes = archive.read("xl/drawings/commentsDrawing1.vml")
    assert b"width:340px;height:54px" in shapes
    assert b"width:340px;height:406px" in shapes


def test_a_colour_is_seen_in_spite_of_conditional_formats() -> None:
    """The vendors paint every other half year black with them."""
    book = load_workbook(io.BytesIO(PW))
    black = Rule("expression", dxf=DifferentialStyle(fill=PatternFill(bgColor="000000")), formula=["TRUE"])
    book[MID].conditional_formatting.add("A1:D8", black)
    cells = ["C7", "D8", "D7", "C8", "A1"]
    sheet = opened(saved(book), found("ODD", *cells), found("NOTE", "A2", severity=INFO))[MID]
    rules = {str(formatted.sqref): formatted.rules[0] for formatted in sheet.conditional_formatting}
    assert {cell for place in rules for cell in place.split()} == {"A1:D8", "A1", "C7:C8", "D7:D8", "A2"}
    worst = next(rule for place, rule in rules.items() if "C7:C8" in place)
    assert (worst.dxf.fill.bgColor.rgb, worst.stopIfTrue, worst.formula) == (f"00{COLORS[ERROR]}", True, ["TRUE"])
    assert [rule.priority for rule in rules.values()] == [1, 2, 3]
    assert list(rules)[1:] == ["A2", "A1:D8"]


def test_a_merged_range_is_marked_in_its_first_cell() -> None:
    book = load_workbook(io.BytesIO(PW))
    book[MID].merge_cells("C2:D2")
    sheet = opened(saved(book), found("HEAD", "D2"), found("HEADER", "C2", severity=INFO))[MID]
    assert comment(sheet, "C2") == "ERROR HEAD\nodd\n\nINFO HEADER\nodd"
    assert str(sheet.merged_cells) == "C2:D2"


def test_the_comments_of_all_sheets_are_numbered_apart() -> None:
    cells = [f"{column}{row}" for row in range(1, 601) for column in "AB"]
    data = workbook({sheet: put(PW_MID, "D600", 1) for sheet in (MID, BIDASK)})
    copy = annotate(data, NAME, ABOUT, [found("ALL", *cells), found("ALL", *cells[:3], sheet=BIDASK)])
    with zipfile.ZipFile(io.BytesIO(copy)) as archive:
        first, second = (archive.read(f"xl/drawings/commentsDrawing{number}.vml") for number in (1, 2))
    assert b'data="1,2"' in first
    assert b'data="3"' in second
    assert (first.count(b"_x0000_s"), b"_x0000_s1025" in first, b"_x0000_s2224" in first) == (1_200, True, True)
    assert [b"_x0000_s%d" % number in second for number in (3072, 3073, 3075, 3076)] == [False, True, True, False]


def test_more_cells_than_can_be_drawn_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(marks, "_MOST_CELLS", 3)
    book = opened(PW, found("MANY", "C7", "C8", "D7", "D8", severity=INFO), found("WORST", "D8", "A1"))
    marked = [cell for cell in ("A1", "C7", "C8", "D7", "D8") if color(book[MID], cell)]
    assert marked == ["A1", "C7", "D8"]
    assert lines(book)["Not coloured"] == "2 more cells, of the last findings below"


# ------------------------------------------------------------------------------------------------- the first sheet


def test_the_first_sheet_tells_of_the_run_and_lists_the_worst_first() -> None:
    finding = Finding("JUMP", WARNING, "far from yesterday", MID, ("C7", "D7"), "pw:pjm/da/west+hub")
    book = opened(PW, found("NOTE", severity=INFO, sheet=None), finding, found("UNKNOWN", "C8"), found("GONE"))
    sheet = book[FIRST]
    assert (sheet["A1"].value, NAME in sheet["A2"].value) == (FIRST, True)
    assert [sheet[cell].value for cell in ("D4", "D5", "D6")] == ["2 ERROR", "1 WARNING", "1 INFO"]
    assert [color(sheet, cell) for cell in ("D4", "D5", "D6")] == [COLORS[severity] for severity in Severity]
    assert lines(book) == {"File": NAME, "Vendor": "PW", None: None}
    assert table(book) == [
        ["ERROR", "UNKNOWN", MID, "C8", "odd", None],
        ["ERROR", "GONE", MID, None, "odd", None],
        ["WARNING", "JUMP", MID, "C7, D7", "far from yesterday", "pw:pjm/da/west+hub"],
        ["INFO", "NOTE", None, None, "odd", None],
    ]
    assert (sheet.auto_filter.ref, sheet.freeze_panes) == ("A8:F12", "A9")
    assert links(book) == {"C8": f"'{MID}'!C8", "C7, D7": f"'{MID}'!C7", MID: f"'{MID}'!A1"}


def test_a_file_without_findings_says_so() -> None:
    book = opened(PW)
    assert table(book) == [["Nothing was found.", None, None, None, None, None]]
    assert book[FIRST]["D4"].value == "0 ERROR"


def test_it_opens_at_its_first_sheet_and_no_other_is_selected() -> None:
    book = load_workbook(io.BytesIO(PW))
    book.active = book[BIDASK]
    book.views[0].firstSheet = 1
    book = opened(saved(book))
    assert book.active is book[FIRST]
    assert [sheet.title for sheet in book if sheet.sheet_view.tabSelected] == [FIRST]
    assert book.views[0].firstSheet == 0


def test_many_cells_are_counted_and_all_coloured() -> None:
    cells = [f"{column}{row}" for column in "ABCD" for row in range(1, 9)]
    book = opened(PW, found("STALE", *cells, severity=WARNING))
    assert table(book)[0][3] == "A1, A2, A3, A4 and 28 more"
    assert {color(book[MID], cell) for cell in cells} == {COLORS[WARNING]}


def test_more_findings_than_excel_can_link_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(annotated, "_LISTED_FINDINGS", 2)
    book = opened(PW, *(found(f"CODE_{number}") for number in range(5)))
    assert len(table(book)) == 2
    assert (lines(book)["Not listed"], book[FIRST]["D4"].value) == ("3 more findings", "5 ERROR")


def test_places_that_are_not_there_are_listed_without_a_link() -> None:
    strange = ["D99", "ZZ7", "XFE1", "C0", "C7:D8", "7C", "", "!", "Other!C7", "C" * 40, "C99999999"]
    findings = [found(f"CODE_{number}", cell) for number, cell in enumerate(strange)]
    book = opened(PW, *findings, found("GONE", "C7", sheet="Renamed"), found("NOWHERE", "C7", sheet=None))
    assert [row[3] or "" for row in table(book)] == [*strange, "C7", "C7"]
    assert not links(book)
    assert book[MID].dimensions == "A1:D8"
    assert not any(cell.comment for row in book[MID] for cell in row)


def test_the_link_leads_to_the_first_cell_that_is_there() -> None:
    book = opened(PW, found("ODD", "D99", f"{BIDASK}!D8", "C7"))
    assert links(book) == {f"D99, {BIDASK}!D8, C7": f"'{BIDASK}'!D8"}


@pytest.mark.parametrize("sheet", ["Vendor's notes", "A!B", "C7", "Übersicht 2025", "a & <b>"])
def test_links_quote_the_names_of_sheets(sheet: str) -> None:
    book = opened(workbook({sheet: [[1, 2]]}), found("HERE", "B1", sheet=sheet), found("TOO", f"{sheet}!A1", sheet=MID))
    quoted = "'" + sheet.replace("'", "''") + "'"
    assert links(book) == {"B1": f"{quoted}!B1", f"{sheet}!A1": f"{quoted}!A1"}
    assert (color(book[sheet], "A1"), color(book[sheet], "B1")) == (COLORS[ERROR], COLORS[ERROR])


def test_a_vendors_sheet_of_that_name_keeps_it() -> None:
    book = opened(workbook({"aurum FINDINGS": [["theirs"]], "Aurum findings1": [["also theirs"]]}))
    first, *others = book.worksheets
    assert first["A1"].value == first.title
    assert first.title.casefold() not in {sheet.title.casefold() for sheet in others}
    assert [sheet["A1"].value for sheet in others] == ["theirs", "also theirs"]


@pytest.mark.parametrize("text", ["=1+1", "=cmd|' /C calc'!A0", "+1", "-1", "@SUM(A1)", "#N/A", "=", "'=1"])
def test_no_text_becomes_a_formula(text: str) -> None:
    finding = Finding(text, INFO, text, text, (text,), text)
    sheet = opened(PW, finding, about=[(text, text)])[FIRST]
    cells = [cell for row in sheet for cell in row if cell.value == text]
    assert len(cells) == 7
    assert {cell.data_type for cell in cells} == {"s"}
    assert {cell.quotePrefix for cell in cells} == {text[0] in "=+-@"}, "edited in Excel, it stays a text"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\0b\x1bc", "a\ufffdb\ufffdc"),
        ("\ud800 and \uffff", "\ufffd and \ufffd"),
        ("one\r\ntwo\rthree", "one\ntwo\nthree"),
        ("price & <b>", "price & <b>"),
        ("x" * 40_000, "x" * 1_999 + "…"),
    ],
)
def test_texts_are_cut_to_what_a_workbook_can_hold(text: str, shown: str) -> None:
    book = opened(PW, found("ODD", "C7", message=text), about=[("File", text)])
    assert table(book)[0][4] == shown
    assert lines(book)["File"] == shown
    said = comment(book[MID], "C7")
    assert said is not None
    assert said.startswith(f"ERROR ODD\n{shown[:300]}")


def test_what_excel_would_decode_is_escaped() -> None:
    copy = annotate(PW, NAME, ABOUT, [found("ODD", message="_x0041_ is no A")])
    with zipfile.ZipFile(io.BytesIO(copy)) as archive:
        assert b"_x005F_x0041_ is no A" in archive.read(FIRST_SHEET)


def test_rows_are_as_high_as_their_texts_and_a_long_head_is_not_frozen() -> None:
    about = [(f"Line {number}", "x") for number in range(30)]
    sheet = opened(PW, found("ODD", message="word " * 100), found("OK"), about=about)[FIRST]
    assert sheet.freeze_panes is None
    assert (sheet.row_dimensions[36].height, sheet.row_dimensions[37].height) == (94.5, 16.5)


# ------------------------------------------------------------------------------------------------- no copy


def spread(element: str, *, within: str) -> bytes:
    return refilled('<row r="1"><c r="A1"><v>1</v></c></row>', f"<{within}>{element}</{within}>")


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "is empty"),
        (bytes.fromhex("d0cf11e0a1b11ae1") + b"\0" * 600, "is an old .xls workbook"),
        (bytes.fromhex("d0cf11e0a1b11ae1") + "EncryptedPackage".encode("utf-16-le"), "is protected by a password"),
        (PW[: len(PW) // 2], "is damaged"),
        (changed(PW, NAMES, lambda _: None), "not of an .xlsx workbook"),
        (changed(PW, "xl/styles.xml", lambda _: b"<styleSheet"), "cannot be copied (ParseError"),
        (changed(PW, "xl/worksheets/sheet2.xml", lambda _: None), "some of its sheets are not found"),
        (refilled('<row r="1048577"><c r="A1048577"><v>1</v></c></row>'), "is larger than a sheet of Excel"),
        (refilled('<row r="1"><c r="A1"><v>1</v></c></row>' * 900_000), "over the 33,554,432"),
        (spread('<mergeCell ref="A1:XFD1048576"/>', within="mergeCells"), "span 17,179,869,184 cells"),
        (spread('<mergeCell ref="A:C"/>', within="mergeCells"), "span 3,145,728 cells"),
        (spread('<mergeCell a=">" ref = "A1:XFD9999"/>', within="mergeCells"), "span 163,823,616 cells"),
        (spread('<hyperlink ref="A1:XFD1048576" location="A1"/>', within="hyperlinks"), "span 17,179,869,184 cells"),
        (spread('<mergeCell ref="A1:&#88;FD1048576"/>', within="mergeCells"), "is not a valid coordinate or range"),
    ],
)
def test_of_a_file_that_cannot_be_copied_there_is_the_list_alone(data: bytes, why: str) -> None:
    book = opened(data, found("NOT_A_WORKBOOK", "C7"))
    assert book.sheetnames == [FIRST]
    assert why in str(lines(book)["Not copied"])
    assert lines(book)["Vendor"] == "PW"
    assert table(book) == [["ERROR", "NOT_A_WORKBOOK", MID, "C7", "odd", None]]
    assert not links(book)


def test_a_workbook_that_cannot_be_written_is_listed_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    write = ExcelWriter.write_data

    def refuse(writer: ExcelWriter) -> None:
        if MID in writer.workbook.sheetnames:
            raise AttributeError("no such style")
        write(writer)

    monkeypatch.setattr(ExcelWriter, "write_data", refuse)
    book = opened(PW, found("ODD", "C7"))
    assert book.sheetnames == [FIRST]
    assert "AttributeError: no such style" in str(lines(book)["Not copied"])


def test_the_time_of_publication_is_the_vendors_or_none() -> None:
    original = pw_workbook(AS_OF, published_at=datetime(2025, 2, 12, 21, 16, 25, tzinfo=UTC))
    copy = parse(annotate(original.to_bytes(), original.name, ABOUT, []), original.name)
    assert copy.published_at == datetime(2025, 2, 12, 21, 16, 25, tzinfo=UTC)
    timeless = changed(original.to_bytes(), "docProps/core.xml", lambda _: None)
    assert parse(annotate(timeless, original.name, ABOUT, []), original.name).published_at is None
