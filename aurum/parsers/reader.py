"""A vendor's file, from its bytes and its name to curves and findings. Pure: no database, no network, no clock."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, datetime
from typing import cast

from python_calamine import SheetTypeEnum, load_workbook

from aurum.errors import AsOfMismatch, MissingAsOf, MissingSheet, NotAWorkbook, UnknownVendor, UnreadableSheet
from aurum.market.identity import Measure, alike
from aurum.parsers import eugp, pw, rp, simple
from aurum.parsers.archive import DEFAULT_LIMITS, Parts, WorkbookLimits, document_times, pack, unpack
from aurum.parsers.assembly import curves_of, tabulate
from aurum.parsers.cells import Rows
from aurum.parsers.findings import Findings
from aurum.parsers.labels import MISNAMED, Sheet, find_labels, has_gaps, has_markets, labelled_rows, spread
from aurum.parsers.layout import Layout, Presence, Role, SheetRule
from aurum.parsers.model import ParsedWorkbook
from aurum.parsers.regional import compare_regional
from aurum.parsers.workbook import Block, read_block, without_margin

# The layouts of a vendor; the first that its labels tell, the last one otherwise.
VENDORS: Mapping[str, tuple[Layout, ...]] = {module.VENDOR: module.LAYOUTS for module in (pw, eugp, rp, simple)}

FEWEST_STRANGERS = 4  # columns of a sheet that are more than a slip

# `EOD_RP_20250212_1430.xlsx`, and with what people and programs append: ` (1)`, `_corrected`, `-v2`.
_FILE_NAME = re.compile(r"EOD_(?P<vendor>[A-Z]+)_(?P<date>[0-9]{8})(?:_[0-9]{4})?(?![0-9]).*\.xlsx", re.IGNORECASE)
_FOLDERS = re.compile(r".*[/\\]", re.DOTALL)


def parse(
    data: bytes,
    name: str,
    *,
    as_of: date | None = None,
    vendor: str | None = None,
    limits: WorkbookLimits = DEFAULT_LIMITS,
) -> ParsedWorkbook:
    """Read a vendor's workbook whole.

    What is wrong with single cells, columns or rows becomes a finding, and the caller decides; a file that cannot
    be read at all raises a `WorkbookRefused` that names the file and, where known, the sheet and the cell.
    """
    layouts = VENDORS[vendor_of(name, vendor)]
    parts = unpack(data, name, limits)
    findings = Findings()
    book = _Book(parts, name)
    layout = _layout(layouts, book)
    _refuse_misnamed(layout, book)
    sheets = _sheets(layout, book, findings)
    as_of = _agreed_as_of(sheets, name, as_of)
    blocks = [read_block(sheet, layout, as_of, findings, name) for sheet in sheets]
    if layout.markets:
        _refuse_strangers(blocks, name)
    table = tabulate([block for block in blocks if block.sheet.rule.role is not Role.REGIONAL], findings, name)
    regional = [block for block in blocks if block.sheet.rule.role is Role.REGIONAL]
    groups = compare_regional(table, regional, findings)
    published_at, modified_at = document_times(parts)
    return ParsedWorkbook(
        file=name,
        vendor=layout.vendor,
        as_of=as_of,
        published_at=published_at,
        modified_at=modified_at,
        curves=tuple(curves_of(table, groups)),
        sheets=tuple(block.summary for block in blocks),
        findings=findings.closed(),
    )


# ------------------------------------------------------------------------------------------------- the name


def vendor_of(name: str, vendor: str | None = None) -> str:
    """The vendor that the file's name or the caller says."""
    base = _FOLDERS.sub("", name)
    match = _FILE_NAME.fullmatch(base)
    named = match["vendor"].upper() if match else None
    asked = vendor.upper() if vendor is not None else None
    if asked is not None and asked not in VENDORS:
        raise UnknownVendor(f"{vendor!r} is no vendor", hint=f"Known are {', '.join(VENDORS)}.", file=name)
    if named in VENDORS and asked not in (None, named):
        raise UnknownVendor(f"{name} is named as a file of {named}, not of {asked}", file=name)
    tokens = {named} if named else set(re.split(r"[^A-Z0-9]+", base.upper()))
    found = [known for known in VENDORS if known in tokens]
    if asked is None and len(found) != 1:
        raise UnknownVendor(
            f"the name {name!r} does not say which vendor the file is from",
            hint=f"Known are {', '.join(VENDORS)}: name it EOD_<VENDOR>_<YYYYMMDD>_<HHMM>.xlsx, or say --vendor.",
            file=name,
        )
    return asked or found[0]


def as_of_in(name: str) -> date | None:
    """The date in the file's name."""
    match = _FILE_NAME.fullmatch(_FOLDERS.sub("", name))
    try:
        return datetime.strptime(match["date"], "%Y%m%d").date() if match else None  # noqa: DTZ007 (a date only)
    except ValueError:
        raise AsOfMismatch(f"the name {name!r} holds no date where one is due", file=name) from None


def _agreed_as_of(sheets: list[Sheet], name: str, asked: date | None) -> date:
    said: list[tuple[frozenset[date], str, dict[str, str]]] = []
    named = as_of_in(name)
    if named is not None:
        said.append((frozenset({named}), "the file's name", {}))
    if asked is not None:
        said.append((frozenset({asked}), "the caller", {}))
    for sheet in sheets:
        if sheet.as_of_cell is not None:
            where = {"sheet": sheet.name, "cell": sheet.as_of_cell}
            said.append((sheet.as_of, f"{sheet.as_of_cell} of {sheet.name!r}", where))
    hint = "Pass --as-of YYYY-MM-DD, or name the file EOD_<VENDOR>_<YYYYMMDD>_<HHMM>.xlsx."
    if not said:
        raise MissingAsOf(f"nothing says which date {name} is as of", hint=hint, file=name)
    agreed, source, _ = said[0]
    for days, other_source, where in said[1:]:
        if not agreed & days:
            message = f"{name}: {source} says {_either(agreed)}, {other_source} says {_either(days)}"
            raise AsOfMismatch(message, file=name, **where)
        agreed &= days
    if len(agreed) > 1:
        raise MissingAsOf(f"{name}: {source} says {_either(agreed)}", hint=hint, file=name)
    return next(iter(agreed))


def _either(days: frozenset[date]) -> str:
    return " or ".join(map(str, sorted(days)))


# ------------------------------------------------------------------------------------------------- the sheets


def _refuse_strangers(blocks: list[Block], file: str) -> None:
    """A sheet of prices that has no curve of the first: header rows have changed places, or it is another file's."""
    prices = [b for b in blocks if b.sheet.rule.role is not Role.REGIONAL and b.sheet.rule.measure is Measure.PRICE]
    first, *others = ({column.key for column in block.columns} for block in prices)
    for block, keys in zip(prices[1:], others, strict=True):
        if len(keys) >= FEWEST_STRANGERS and first and not keys & first:
            raise UnreadableSheet(
                f"{file}: {block.sheet.name!r} has no curve of {prices[0].sheet.name!r}",
                hint="Have rows of texts changed places, or is the sheet another file's?",
                file=file,
                sheet=block.sheet.name,
            )


class _Book:
    """An open workbook. Sheets are found by the words of their names, and read once."""

    def __init__(self, parts: Parts, file: str) -> None:
        self.file = file
        self._rows: dict[str, Rows] = {}
        try:
            self._workbook = load_workbook(pack(parts))
        except BaseException as error:
            raise self._refusal(error, file) from error
        self.names = [sheet.name for sheet in self._workbook.sheets_metadata]
        self._readable = {s.name for s in self._workbook.sheets_metadata if s.typ == SheetTypeEnum.WorkSheet}

    def find(self, rule: SheetRule) -> str | None:
        found = [name for name in self.names if name in self._readable and alike(name) == alike(rule.name)]
        if len(found) > 1:
            raise UnreadableSheet(f"{self.file} has two sheets called {rule.name!r}", file=self.file, sheet=rule.name)
        return found[0] if found else None

    def rows(self, name: str) -> Rows:
        if name not in self._rows:
            try:
                sheet = self._workbook.get_sheet_by_name(name)
                rows = cast(Rows, sheet.to_python(skip_empty_area=False))
                if has_gaps(rows):
                    spread(rows, sheet.merged_cell_ranges or ())
                self._rows[name] = without_margin(rows)
            except BaseException as error:
                raise self._refusal(error, f"{name!r} in {self.file}", sheet=name) from error
        return self._rows[name]

    def _refusal(self, error: BaseException, what: str, **where: str) -> NotAWorkbook:
        """Calamine raises its own errors, and where it panics an exception that is no `Exception`."""
        if not isinstance(error, Exception) and type(error).__name__ != "PanicException":
            raise error
        return NotAWorkbook(f"{what} cannot be read: {str(error)[:200]}", file=self.file, **where)


def _layout(layouts: tuple[Layout, ...], book: _Book) -> Layout:
    *others, usual = layouts
    for layout in others:
        name = book.find(layout.sheets[0])
        rows = [] if name is None else book.rows(name)
        if layout.told_by and labelled_rows(rows, layout, layout.told_by) and not has_markets(rows, usual):
            return layout
    return usual


def _refuse_misnamed(layout: Layout, book: _Book) -> None:
    """A file with a sheet that another vendor's files must have and this one's never do."""
    own = {alike(rule.name) for known in VENDORS[layout.vendor] for rule in known.sheets}
    for vendor, (*_, other) in VENDORS.items():
        needed = {alike(rule.name) for rule in other.sheets if rule.presence is Presence.REQUIRED} - own
        found = next((name for name in book.names if alike(name) in needed), None)
        if found is not None:
            raise UnknownVendor(
                f"{book.file} has a sheet {found!r}, as files of {vendor} do and none of {layout.vendor}",
                hint=MISNAMED,
                file=book.file,
                sheet=found,
            )


def _sheets(layout: Layout, book: _Book, findings: Findings) -> list[Sheet]:
    """The sheets that are read, in the layout's order. What is missing, and what is left unread, is said."""
    found = {rule: name for rule in layout.sheets if (name := book.find(rule)) is not None}
    missing = [rule.name for rule in layout.sheets if rule not in found and rule.presence is Presence.REQUIRED]
    if missing:
        raise MissingSheet(
            f"{book.file} has no sheet {', '.join(map(repr, missing))}",
            hint=f"It has {', '.join(map(repr, book.names))}.",
            file=book.file,
            sheet=missing[0],
        )
    for rule in layout.sheets:
        if rule not in found and rule.presence is Presence.EXPECTED:
            findings.warning("MISSING_SHEET", f"there is no sheet {rule.name!r}", rule.name)
    for name in book.names:
        if name not in found.values():
            findings.info("UNKNOWN_SHEET", f"{name!r} is no sheet of {layout.vendor}: it was not read", name)
    return [find_labels(name, book.rows(name), rule, layout, book.file) for rule, name in found.items()]
