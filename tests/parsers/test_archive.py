"""Files that are no workbooks, and workbooks built to harm their reader. None of them may reach calamine."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aurum.errors import EncryptedWorkbook, NotAWorkbook, WorkbookRefused, WorkbookTooLarge
from aurum.parsers import WorkbookLimits, parse
from aurum.parsers import reader as reader_module
from aurum.parsers.archive import document_times, unpack
from tests.parsers.sheets import BIDASK, MID, PW_BIDASK, PW_MID, WEST, by_key, changed, parsed, points, put, workbook

NAME = "EOD_PW_20250212_1430.xlsx"
SHEET = "xl/worksheets/sheet1.xml"
CORE = "docProps/core.xml"
GOOD = workbook({MID: PW_MID, BIDASK: PW_BIDASK})


@pytest.fixture
def unread(monkeypatch: pytest.MonkeyPatch) -> None:
    """A workbook that gets as far as calamine fails the test, instead of taking all memory."""

    def read(_: object) -> object:
        pytest.fail("calamine was given a harmful workbook")

    monkeypatch.setattr(reader_module, "load_workbook", read)


def sheet(rows: str, data: bytes = GOOD) -> bytes:
    """The workbook with other rows in its first sheet."""

    def change(part: bytes) -> bytes:
        return part.partition(b"<sheetData>")[0] + f"<sheetData>{rows}</sheetData></worksheet>".encode()

    return changed(data, SHEET, change)


def refused(data: bytes, limits: WorkbookLimits | None = None) -> WorkbookRefused:
    with pytest.raises(WorkbookRefused) as raised:
        parse(data, NAME, limits=limits or WorkbookLimits())
    assert raised.value.details["file"] == NAME
    return raised.value


# ------------------------------------------------------------------------------------------------- no workbook


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"P",
        b"PK\x03\x04",
        b"ISO;Market;Price\nPJM;DA;45,5\n",
        b"<html><table><tr><td>45.5</td></tr></table></html>",
        GOOD[:100],
        GOOD[: len(GOOD) // 2],
        GOOD[:-1],
        GOOD[:-30],
        GOOD[20:],
        b"\0" * 1000,
    ],
    ids=map(str, range(11)),  # a workbook says when it was made: tests must have the same names in all processes
)
@pytest.mark.usefixtures("unread")
def test_what_is_no_zip_or_was_cut_short(data: bytes) -> None:
    error = refused(data)
    assert type(error) is NotAWorkbook
    assert error.hint


@pytest.mark.usefixtures("unread")
def test_a_zip_of_something_else() -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("prices.csv", "45.5")
    assert type(refused(packed.getvalue())) is NotAWorkbook


@pytest.mark.usefixtures("unread")
def test_a_password_protected_workbook_and_an_old_one() -> None:
    ole = bytes.fromhex("d0cf11e0a1b11ae1") + b"\0" * 504
    assert type(refused(ole + "EncryptedPackage".encode("utf-16-le"))) is EncryptedWorkbook
    assert type(refused(ole + "Workbook".encode("utf-16-le"))) is NotAWorkbook
    assert "password" in (refused(ole).hint or "")
    flagged = bytearray(GOOD)
    at = flagged.index(b"PK\x01\x02")
    flagged[at + 8] |= 1
    assert type(refused(bytes(flagged))) is EncryptedWorkbook


@pytest.mark.parametrize(
    ("part", "change"),
    [
        (SHEET, lambda part: part[: len(part) // 2]),
        (SHEET, lambda part: part.replace(b"</sheetData>", b"")),
        (SHEET, lambda part: part.replace(b'<c r="C7" t="n"><v>45.5</v>', b'<c r="C7" t="n"><v>4 5</v>')),
        (SHEET, lambda part: part.replace(b'r="C7"', b'r="7C"')),
        (SHEET, lambda _: b""),
        (SHEET, lambda _: None),
        (SHEET, lambda part: b"\xff\xfe" + part.decode().encode("utf-16-le")),
        ("xl/workbook.xml", lambda part: part[: len(part) // 2]),
        ("xl/workbook.xml", lambda _: b"<nothing/>"),
        ("xl/workbook.xml", lambda _: None),
        ("xl/_rels/workbook.xml.rels", lambda _: None),
    ],
)
def test_a_broken_part_is_said_and_not_raised(part: str, change: Callable[[bytes], bytes | None]) -> None:
    with pytest.raises(WorkbookRefused):
        parsed(changed(GOOD, part, change))


@settings(max_examples=200)
@given(st.data())
def test_any_change_of_the_bytes_is_read_or_refused(data: st.DataObject) -> None:
    damaged = bytearray(GOOD)
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(damaged) - 1))
        end = at + data.draw(st.integers(0, 8))
        damaged[at:end] = data.draw(st.binary(max_size=8))
    with suppress(WorkbookRefused):
        parsed(bytes(damaged))


@settings(max_examples=200)
@given(st.data())
def test_any_change_of_a_part_is_read_or_refused(data: st.DataObject) -> None:
    signs = st.sampled_from(
        [b"<", b">", b'"', b"&x;", b"</row>", b"<row/>", b"<c/>", b"<c>", b"</c>", b"<!--", b' r="ZZ99999"', b"\xff"]
    )

    def damage(part: bytes) -> bytes:
        at = data.draw(st.integers(0, len(part)))
        return part[:at] + data.draw(signs | st.binary(max_size=3)) + part[at + data.draw(st.integers(0, 4)) :]

    part = data.draw(st.sampled_from([SHEET, "xl/workbook.xml", "xl/styles.xml", "xl/_rels/workbook.xml.rels", CORE]))
    with suppress(WorkbookRefused):
        parsed(changed(GOOD, part, damage))


# ------------------------------------------------------------------------------------------------- bombs


@pytest.mark.usefixtures("unread")
def test_a_part_that_unpacks_to_a_thousand_times_its_size() -> None:
    bomb = changed(GOOD, SHEET, lambda part: part + b" " * (20 * 1024 * 1024))
    assert len(bomb) < 100_000
    assert type(refused(bomb)) is WorkbookTooLarge


@pytest.mark.parametrize(
    "limits",
    [
        WorkbookLimits(packed_bytes=len(GOOD) - 1),
        WorkbookLimits(unpacked_bytes=10_000),
        WorkbookLimits(members=5),
        WorkbookLimits(cells=31),
    ],
)
@pytest.mark.usefixtures("unread")
def test_every_limit_is_kept(limits: WorkbookLimits) -> None:
    assert type(refused(GOOD, limits)) is WorkbookTooLarge


def test_the_limits_are_counted_and_not_guessed() -> None:
    limits = WorkbookLimits(packed_bytes=len(GOOD), members=len(zipfile.ZipFile(io.BytesIO(GOOD)).namelist()), cells=32)
    assert WEST in by_key(parse(GOOD, NAME, limits=limits))


def test_only_the_bytes_that_a_part_declares_are_read() -> None:
    """The directory says 10 bytes, and the checksum of 10 bytes; the deflated stream has them all."""
    content = zipfile.ZipFile(io.BytesIO(GOOD)).read(CORE)
    lying = bytearray(GOOD)
    for signature, offset in ((b"PK\x01\x02", 16), (b"PK\x03\x04", 14)):
        at = _header(lying, signature, CORE)
        struct.pack_into("<I", lying, at + offset, zlib.crc32(content[:10]))
        struct.pack_into("<I", lying, at + offset + 8, 10)
    assert unpack(bytes(lying), NAME)[CORE] == content[:10]


def _header(archive: bytearray, signature: bytes, name: str) -> int:
    at = archive.index(signature)
    while name.encode() not in archive[at : at + 100]:
        at = archive.index(signature, at + 1)
    return at


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.usefixtures("unread")
def test_two_parts_of_one_name() -> None:
    for name in (SHEET, SHEET.upper()):
        twice = io.BytesIO(GOOD)
        with zipfile.ZipFile(twice, "a") as archive:
            archive.writestr(name, "another")
        assert type(refused(twice.getvalue())) is NotAWorkbook


@pytest.mark.usefixtures("unread")
def test_parts_that_overlap() -> None:
    overlapping = bytearray(GOOD)
    first, second = _header(overlapping, b"PK\x01\x02", CORE), _header(overlapping, b"PK\x01\x02", SHEET)
    overlapping[second + 42 : second + 46] = overlapping[first + 42 : first + 46]
    assert type(refused(bytes(overlapping))) is NotAWorkbook


@pytest.mark.usefixtures("unread")
def test_a_compression_that_workbooks_do_not_use() -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_LZMA) as archive:
        archive.writestr("xl/workbook.xml", "<workbook/>")
    assert type(refused(packed.getvalue())) is NotAWorkbook


LAST = "XFD1048576"


@pytest.mark.parametrize(
    "rows",
    [
        f'<row r="1"><c r="A1"><v>1</v></c></row><row r="1048576"><c r="{LAST}"><v>1</v></c></row>',
        f'<row r="1"><c r="A1"><v>1</v></c><c r="{LAST}" t="inlineStr"><is><t>x</t></is></c></row>',
        f'<row r="1"><c r="A1"><v>1</v></c><c r="{LAST.lower()}"><v>1</v></c></row>',
        f"<row r='1'><c r='A1'><v>1</v></c><c r = '{LAST}'><v>1</v></c></row>",
        f'<row r="1"><c r="A1" r="{LAST}"><v>1</v></c></row>',
        f'<row r="1"><c r="A1" s="0" x="1" r="{LAST}"><v>1</v></c></row>',
        f'<row r="1"><c x="<" r="{LAST}"><v>1</v></c></row>',
        f'<row r="1"><c x=">" r="{LAST}"><v>1</v></c></row>',
        f'<x:row r="1"><x:c r="{LAST}"><x:v>1</x:v></x:c></x:row>',
        f'<row r="1"><c\nr="{LAST}"><v>1</v></c></row>',
        '<row r="1"><c r="A99999999999999"><v>1</v></c></row>',
        '<row r="1"><c r="ZZZZZZZZZZ1"><v>1</v></c></row>',
        '<row r="1048576"><c><v>1</v></c></row><row r="1"><c r="XFD1"/><c><v>1</v></c></row>',
        "<row/>" * 40_000 + "<row>" + "<c/>" * 40_000 + "<c><v>1</v></c></row>",
        "</row>" * 40_000 + "<row>" + "<c/>" * 40_000 + "<c><v>1</v></c></row>",
        "<row><c><v>1</v></c></row>" + "<c/><!-- </row> -->" * 40_000 + "</row>" * 40_000 + "<c><v>1</v></c>",
    ],
)
@pytest.mark.usefixtures("unread")
def test_two_cells_in_far_corners(rows: str) -> None:
    """Calamine would allocate all the cells between, 32 bytes each: 550 GB for the corners of a sheet."""
    packed = sheet(rows)
    assert len(packed) < 20_000
    assert type(refused(packed)) is WorkbookTooLarge


def test_a_far_cell_that_is_empty_does_no_harm() -> None:
    far = f'<row r="1048576"><c r="{LAST}" s="1"/></row></sheetData>'.encode()
    styled = changed(GOOD, SHEET, lambda part: part.replace(b"</sheetData>", far))
    assert points(by_key(parsed(styled))[WEST]) == {"2025-02": 45.5, "2025-03": 41.25}


@pytest.mark.parametrize("dimension", [b"A1:XFD1048576", b"A1"])
def test_a_sheet_is_not_sized_from_its_dimension(dimension: bytes) -> None:
    lying = changed(GOOD, SHEET, lambda part: part.replace(b"A1:D8", dimension))
    assert lying != GOOD
    assert points(by_key(parsed(lying))[WEST]) == {"2025-02": 45.5, "2025-03": 41.25}


def test_cells_without_a_place_stand_beside_each_other() -> None:
    """As some programs write them."""
    rows = "".join(f"<row>{''.join(map(bare, cells))}</row>" for cells in PW_MID)
    assert points(by_key(parsed(sheet(rows)))[WEST]) == {"2025-02": 45.5, "2025-03": 41.25}


def bare(value: object) -> str:
    """A cell without its place."""
    if value is None:
        return "<c/>"
    if isinstance(value, float):
        return f"<c><v>{value}</v></c>"
    return f'<c t="inlineStr"><is><t>{value}</t></is></c>'


RELATION = (
    b'<Relationship Id="rId99" Target="sharedStrings.xml" '
    b'Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/sharedStrings"/></Relationships>'
)
PJM, FIRST_SHARED = b'<c r="C1" t="inlineStr"><is><t>PJM</t></is></c>', b'<c r="C1" t="s"><v>0</v></c>'


def shared_texts(texts: str) -> bytes:
    """The workbook with a table of shared texts, the first of them in C1."""
    relations = "xl/_rels/workbook.xml.rels"
    data = changed(GOOD, relations, lambda part: part.replace(b"</Relationships>", RELATION))
    data = changed(data, SHEET, lambda part: part.replace(PJM, FIRST_SHARED))
    packed = io.BytesIO(data)
    with zipfile.ZipFile(packed, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/sharedStrings.xml", texts)
    return packed.getvalue()


@pytest.mark.parametrize(
    "start",
    [
        "<sst>",
        '<sst count="4294967295" uniqueCount="4294967295">',
        '<sst uniqueCount="18446744073709551615">',
        '<sst a=">" uniqueCount="4294967295">',
        "<sst a='<' uniqueCount='4294967295'>",
        '<x:sst xmlns:x="x" uniqueCount="4294967295">',
    ],
)
def test_a_table_of_texts_that_claims_a_size(start: str) -> None:
    """Calamine allocates what it claims, and the process aborts. The claim is not passed on."""
    end = "</x:sst>" if start.startswith("<x:") else "</sst>"
    book = parsed(shared_texts(f"{start}<si><t>ERCOT</t></si>{end}"))
    assert {curve.identity.iso for curve in book.curves if curve.identity.key.startswith("pw:ercot")} == {"ERCOT"}


@pytest.mark.usefixtures("unread")
def test_a_second_claim_behind_the_first() -> None:
    error = refused(shared_texts('<sst><si><t>x</t></si></sst><sst uniqueCount="4294967295"></sst>'))
    assert type(error) is NotAWorkbook


@pytest.mark.usefixtures("unread")
def test_a_long_text_in_very_many_cells() -> None:
    """Each cell would get its own copy."""
    data = shared_texts(f"<sst><si><t>{'long ' * 2_000}</t></si></sst>")
    cells = "".join(f'<c r="{letter}{row}" t="s"><v>0</v></c>' for row in range(1, 9) for letter in "ABCDEFGH")
    assert type(refused(sheet(cells, data), WorkbookLimits(unpacked_bytes=500_000))) is WorkbookTooLarge


def test_a_long_text_in_one_cell_among_very_many() -> None:
    """A note does not make a file too large: the texts are counted as often as they may be used."""
    data = shared_texts(f"<sst><si><t>{'long ' * 2_000}</t></si>{'<si><t>31.6 / 31.8</t></si>' * 64}</sst>")
    cells = [f'<c r="{letter}{row}" t="s"><v>' for row in range(1, 9) for letter in "ABCDEFGH"]
    each = "".join(f"{cell}{text}</v></c>" for text, cell in enumerate(cells))
    limits = WorkbookLimits(unpacked_bytes=500_000)
    assert unpack(sheet(each, data), NAME, limits)
    for used in (each.replace("<v>", "<f>A1</f><v>"), "".join(f"{cell}0</v></c>" for cell in cells)):
        assert type(refused(sheet(used, data), limits)) is WorkbookTooLarge


@pytest.mark.parametrize("part", [SHEET, CORE, "xl/workbook.xml"])
@pytest.mark.usefixtures("unread")
def test_a_document_type_is_refused(part: str) -> None:
    entities = b'<!DOCTYPE x [<!ENTITY a "lol"><!ENTITY b "&a;&a;&a;&a;">]>'
    error = refused(changed(GOOD, part, lambda content: entities + content))
    assert type(error) is NotAWorkbook
    assert part in error.message


def test_an_unknown_entity_is_not_expanded() -> None:
    with pytest.raises(NotAWorkbook):
        parsed(changed(GOOD, SHEET, lambda part: part.replace(b"West Hub", b"West &hub;")))


# ------------------------------------------------------------------------------------------------- its own times


def core(created: str) -> dict[str, bytes]:
    text = (
        f'<cp:coreProperties><dcterms:created xsi:type="dcterms:W3CDTF">{created}</dcterms:created></cp:coreProperties>'
    )
    return {CORE: text.encode()}


@pytest.mark.parametrize(
    ("created", "time"),
    [
        ("2025-02-28T22:16:04Z", datetime(2025, 2, 28, 22, 16, 4, tzinfo=UTC)),
        (" 2025-02-28T22:16:04.5Z\n", datetime(2025, 2, 28, 22, 16, 4, 500_000, tzinfo=UTC)),
        ("2025-02-28T23:16:04+01:00", datetime(2025, 2, 28, 22, 16, 4, tzinfo=UTC)),
        ("2025-02-28T22:16:04", None),
        ("2025-02-28", None),
        ("yesterday", None),
        ("0001-01-01T00:00:00+23:59", None),
        ("&now;", None),
        ("", None),
    ],
)
def test_a_time_is_read_where_it_is_clear(created: str, time: datetime | None) -> None:
    assert document_times(core(created)) == (time, None)


def test_a_workbook_need_not_say_its_times() -> None:
    book = parsed(changed(GOOD, CORE, lambda _: None))
    assert (book.published_at, book.modified_at) == (None, None)
    assert WEST in by_key(book)


def test_the_good_workbook_of_these_tests_is_good() -> None:
    assert points(by_key(parsed(GOOD))[WEST]) == {"2025-02": 45.5, "2025-03": 41.25}
    assert put(PW_MID, "C7", 45.5) == [list(row) for row in PW_MID]


@pytest.mark.parametrize("value", ["1&#48;1.5", "56<!--x-->.5", "<![CDATA[55.5]]>"])
def test_a_number_that_calamine_would_read_otherwise_is_refused(value: str) -> None:
    assert type(refused(sheet(f'<row r="1"><c r="A1"><v>{value}</v></c></row>'))) is NotAWorkbook
