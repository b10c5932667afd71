"""The zip around a workbook: opened within limits, checked, and packed anew.

Calamine trusts what it is given (python-calamine 0.9.1, measured): it inflates without bound; it allocates
the whole rectangle between the outermost cells of a sheet, 32 bytes a cell, and as many texts as
`uniqueCount` claims, and the process aborts where that fails; it copies a shared text into each cell that
shows it; and it reads an error cell such as #N/A as a blank. So it never sees the file itself: it reads an
archive packed here, of parts that were read and checked here.
"""

from __future__ import annotations

import io
import re
import struct
import zipfile
import zlib
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from operator import mul

from aurum.errors import EncryptedWorkbook, NotAWorkbook, WorkbookTooLarge
from aurum.parsers.cells import UNCALCULATED

Parts = dict[str, bytes]

_MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class WorkbookLimits:
    """What a workbook may cost. A real RP file: 1.2 MB, 44 members, 5 MB unpacked, sheets of 369 x 83."""

    packed_bytes: int = 64 * _MIB
    unpacked_bytes: int = 512 * _MIB
    members: int = 1_000
    ratio: int = 200  # unpacked to packed, of a member above 1 MiB
    cells: int = 2_000_000  # of one sheet: the rectangle from A1 to its outermost cell


DEFAULT_LIMITS = WorkbookLimits()

_OLE = bytes.fromhex("d0cf11e0a1b11ae1")
_ENCRYPTED_STREAM = "EncryptedPackage".encode("utf-16-le")
_CENTRAL_ENTRY = b"PK\x01\x02"
_LOCAL_HEADER_BYTES = 30
_WORKBOOK = "xl/workbook.xml"
_SHARED_TEXTS = "xl/sharedstrings.xml"  # the only name that calamine looks for, in any case
# Parts without numbers: pictures, charts, printer settings, what other workbooks said.
_LEFT_OUT = ("xl/drawings/", "xl/media/", "xl/theme/", "xl/externallinks/", "xl/printersettings/")
# What zipfile is known to raise on a file cut short or with bits flipped.
_DAMAGE = (zipfile.BadZipFile, zlib.error, struct.error, EOFError, OSError, ValueError, RuntimeError)
_RESAVE = "Open it in Excel, save it as .xlsx without a password, and send that."


def unpack(data: bytes, file: str, limits: WorkbookLimits = DEFAULT_LIMITS) -> Parts:
    """The parts of a workbook that a reader needs, checked."""
    if len(data) > limits.packed_bytes:
        raise WorkbookTooLarge(f"{file} has {len(data):,} bytes, over the {limits.packed_bytes:,}", file=file)
    _refuse_other_formats(data, file)
    if data.count(_CENTRAL_ENTRY) > limits.members:
        raise WorkbookTooLarge(f"{file} has more than {limits.members:,} parts", file=file)
    try:
        parts = _read_members(data, file, limits)
    except _DAMAGE as error:
        raise NotAWorkbook(
            f"{file} is damaged: {error}", hint="Was it cut short on the way? Send it again.", file=file
        ) from error
    _check_parts(parts, file)
    parts = {name: _checked_cells(part, file, limits) for name, part in parts.items()}
    return _checked_texts(parts, file, limits)


def pack(parts: Parts, compression: int = zipfile.ZIP_STORED) -> io.BytesIO:
    """A plain zip of the parts: stored it is cheaper to read than the original, and nothing in it is hidden."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, part in parts.items():
            archive.writestr(zipfile.ZipInfo(name), part, compression)
    packed.seek(0)
    return packed


def document_times(parts: Parts) -> tuple[datetime | None, datetime | None]:
    """When the document says it was created and modified, in UTC; None where it does not say it clearly."""
    core = parts.get("docProps/core.xml", b"")
    return _time(core, b"created"), _time(core, b"modified")


def _time(core: bytes, element: bytes) -> datetime | None:
    found = re.search(rb"<(?:\w+:)?" + element + rb"\b[^<>]*>\s*([^<>&]{1,40}?)\s*</", core)
    try:
        time = datetime.fromisoformat(found[1].decode("ascii")) if found else None
        return time.astimezone(UTC) if time and time.tzinfo else None
    except (ValueError, OverflowError):
        return None


# ------------------------------------------------------------------------------------------------- the zip


def _refuse_other_formats(data: bytes, file: str) -> None:
    if data.startswith(_OLE):
        if _ENCRYPTED_STREAM in data:
            raise EncryptedWorkbook(f"{file} is protected by a password", hint=_RESAVE, file=file)
        raise NotAWorkbook(f"{file} is an old .xls workbook, not .xlsx", hint=_RESAVE, file=file)
    if not data.startswith(b"PK\x03\x04"):
        what = "is empty" if not data else "is no .xlsx workbook: it does not start like a zip"
        raise NotAWorkbook(f"{file} {what}", hint=_RESAVE, file=file)


def _read_members(data: bytes, file: str, limits: WorkbookLimits) -> Parts:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members = archive.infolist()
        _check_members(members, archive.start_dir, file, limits)
        return {member.filename: _read(archive, member) for member in members if _needed(member.filename)}


def _read(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> bytes:
    """At most the bytes the member declares: zipfile stops there, and compares the checksum."""
    content = archive.read(member)
    if len(content) != member.file_size:
        raise zipfile.BadZipFile(f"{member.filename} is shorter than it says")
    return content


def _needed(name: str) -> bool:
    folded = name.casefold()
    return folded.endswith((".xml", ".rels")) and not folded.startswith(_LEFT_OUT)


def _check_members(members: list[zipfile.ZipInfo], end: int, file: str, limits: WorkbookLimits) -> None:
    if any(member.flag_bits & 1 for member in members):
        raise EncryptedWorkbook(f"{file} is an encrypted zip", hint=_RESAVE, file=file)
    if len({member.filename.casefold() for member in members}) < len(members):
        raise NotAWorkbook(f"{file} holds two parts of one name", file=file)
    if any(member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED) for member in members):
        raise NotAWorkbook(f"{file} is compressed in a way that workbooks are not", hint=_RESAVE, file=file)
    _refuse_overlap(members, end, file)
    unpacked = sum(member.file_size for member in members)
    if unpacked > limits.unpacked_bytes:
        raise WorkbookTooLarge(f"{file} unpacks to {unpacked:,} bytes, over the {limits.unpacked_bytes:,}", file=file)
    for member in members:
        if member.file_size > _MIB and member.file_size > limits.ratio * member.compress_size:
            raise WorkbookTooLarge(
                f"{member.filename} in {file} unpacks to more than {limits.ratio} times its size", file=file
            )


def _refuse_overlap(members: list[zipfile.ZipInfo], end: int, file: str) -> None:
    ordered = sorted(members, key=lambda member: member.header_offset)
    starts = [member.header_offset for member in ordered[1:]] + [end]
    for member, next_start in zip(ordered, starts, strict=True):
        if member.header_offset + _LOCAL_HEADER_BYTES + member.compress_size > next_start:
            raise NotAWorkbook(f"{file} holds parts that overlap: {member.filename}", file=file)


def _check_parts(parts: Parts, file: str) -> None:
    if _WORKBOOK not in {name.casefold() for name in parts}:
        raise NotAWorkbook(f"{file} is a zip, but not of an .xlsx workbook", hint=_RESAVE, file=file)
    for name, part in parts.items():
        if b"<!DOCTYPE" in part:
            raise NotAWorkbook(f"{name} in {file} declares a document type: no workbook does", file=file)
        if b"\0" in part:
            raise NotAWorkbook(f"{name} in {file} is not text in UTF-8", hint=_RESAVE, file=file)


# --------------------------------------------------------------------------- what calamine would make of it

# A cell as Excel and every other writer we know puts it, up to ZZ999. A sheet with any other is measured.
_UNUSUAL = re.compile(rb'<c(?! r="[A-Z]{1,2}+[0-9]{1,3}+"(?: s="[0-9]++")?+(?: t="[A-Za-z]++")?+ ?/?+>)[\s/>]')
_PREFIXED = re.compile(rb":c[\s/>]")
_USUAL_ROWS, _USUAL_COLUMNS = 999, 702

_TAG = re.compile(rb"<(/?)(?:[^\s<>/]*:)?(c|row)(?=[\s/>])([^<]*)")
_REFERENCE = re.compile(rb"""(?<![\w:.-])r\s*=\s*["']\s*([A-Za-z]{0,8})([0-9]{0,8})""")
_PLACE = re.compile(rb"""(?<![\w:.-])r\s*=\s*["'][A-Za-z]+[0-9]+["']""")
_STYLED_EMPTY = re.compile(rb'<c r="[A-Z]{1,3}[0-9]{1,7}"(?: s="[0-9]*")? ?/>')
_ERROR_CELL = re.compile(rb"""(<(?:[^\s<>/]*:)?c\s[^<>]*?\bt\s*=\s*["'])e(?=["'])""")
# Valid XML that calamine reads as another number than it is.
_HIDING = (b"<!--", b"<![CDATA[")
_HIDDEN_DIGIT = re.compile(rb"v>[0-9.eE+-]*&#")
_FORMULA = re.compile(rb"<(?:[^\s<>/]*:)?f[\s/>]")
_EMPTY_FORMULA = re.compile(
    rb"<((?:[^\s<>/]*:)?)c(\s[^<>]*)?>\s*<(?:[^\s<>/]*:)?f(?:\s[^<>]*)?(?:/>|>[^<]*</[^<>]*>)\s*"
    rb"(?:<(?:[^\s<>/]*:)?v\s*(?:/>|>\s*</[^<>]*>)\s*)?</(?:[^\s<>/]*:)?c\s*>"
)
_TYPE = re.compile(rb"""\st\s*=\s*(?:"[^"]*"|'[^']*')""")


def _checked_cells(part: bytes, file: str, limits: WorkbookLimits) -> bytes:
    """The part with its error cells as texts; refused where its cells span more than the limit."""
    if b"sheetData" not in part:
        return part
    usual = _UNUSUAL.search(part) is None and _PREFIXED.search(part) is None
    rows, columns = _USUAL_ROWS, _USUAL_COLUMNS
    if not usual or rows * columns > limits.cells:
        rows, columns = _span(part)
    if rows * columns > limits.cells:
        raise WorkbookTooLarge(
            f"a sheet of {file} spans {rows:,} rows and {columns:,} columns, over {limits.cells:,} cells",
            hint="Does a cell far below or to the right of the table hold something? Delete it.",
            file=file,
        )
    # What begins with a fixed text is looked for by it first: a tenth of the time of the pattern alone.
    if any(text in part for text in _HIDING) or (b"&#" in part and _HIDDEN_DIGIT.search(part)):
        raise NotAWorkbook(f"a sheet of {file} holds comments or references within its cells", hint=_RESAVE, file=file)
    if not usual or b't="e"' in part:
        part = _ERROR_CELL.sub(rb"\1str", part)
    formulas = (b"<f" in part or b":f" in part) and _FORMULA.search(part)
    return _EMPTY_FORMULA.sub(_said, part) if formulas else part


def _said(cell: re.Match[bytes]) -> bytes:
    """A formula that nobody has calculated reads as a blank; as a text it is found where something is due."""
    prefix, attributes = cell[1], _TYPE.sub(b"", cell[2] or b"")
    said = UNCALCULATED.encode()
    return b'<%bc%b t="str"><%bv>%b</%bv></%bc>' % (prefix, attributes, prefix, said, prefix, prefix)


def _span(part: bytes) -> tuple[int, int]:
    """Rows and columns that the cells of a sheet can reach at most, from A1. Empty cells with a style do not count.

    A cell that does not say its place stands right of the one before it, a row down for each row that ended.
    """
    unplaced = ended = 0
    for closing, element, attributes in (tag.groups() for tag in _TAG.finditer(part)):
        if element == b"row":
            ended += bool(closing) or b"/>" in attributes
        elif not closing:
            unplaced += _PLACE.search(attributes) is None
    if not unplaced:
        part = _STYLED_EMPTY.sub(b"", part)
    rows = columns = 1
    for place in _REFERENCE.finditer(part):
        if place[1] or unplaced:  # without letters it is a row's: no matter, where each cell says its own
            rows = max(rows, int(place[2] or 0))
            columns = max(columns, _column_number(place[1]))
    return (rows + ended if unplaced else rows), columns + unplaced


def _column_number(letters: bytes) -> int:
    number = 0
    for letter in letters.upper():
        number = number * 26 + letter - 64
    return number


_TABLE_OF_TEXTS = re.compile(rb"""<((?:[^\s<>/]*:)?sst)(?=[\s>])(?:[^"'>]|"[^"]*"|'[^']*')*>""")
_TEXT_OF_CELL = re.compile(rb"""["']s["'][^<>]*>\s*<(?:[^\s<>/]*:)?v>\s*([0-9]{1,9})\s*<""")
_SHORTEST_TEXT_CELL = len('<c t="s"><v>0</v></c>')


def _checked_texts(parts: Parts, file: str, limits: WorkbookLimits) -> Parts:
    """The parts, with a table of texts that claims no size; refused where they, repeated, may be too much."""
    name = next((name for name in parts if name.casefold() == _SHARED_TEXTS), None)
    if name is None:
        return parts
    texts = _TABLE_OF_TEXTS.sub(rb"<\1>", parts[name], count=1)
    if b"uniqueCount" in texts:
        raise NotAWorkbook(f"{name} in {file} cannot be read", hint=_RESAVE, file=file)
    longest = max(map(len, texts.split(b"si>")))
    sheets = [part for part in parts.values() if b"sheetData" in part]
    cells = sum(map(len, sheets)) // _SHORTEST_TEXT_CELL
    if longest * cells > limits.unpacked_bytes:
        cells = sum(1 for part in sheets for _ in re.finditer(rb"""["']s["']""", part))
    if longest * cells > limits.unpacked_bytes and _repeated(texts, sheets, cells) > limits.unpacked_bytes:
        raise WorkbookTooLarge(f"the texts of {file} repeat to more than {limits.unpacked_bytes:,} bytes", file=file)
    return {**parts, name: texts}


def _repeated(texts: bytes, sheets: list[bytes], cells: int) -> int:
    """The most that texts can come to: the longest as often as any is used, and so on down; others count as longest."""
    uses = Counter(int(text) for part in sheets for text in _TEXT_OF_CELL.findall(part))
    lengths = sorted(map(len, texts.split(b"si>")), reverse=True)
    counts = sorted(uses.values(), reverse=True)
    total: int = sum(map(mul, lengths, counts)) + lengths[0] * max(0, cells - uses.total())
    return total
