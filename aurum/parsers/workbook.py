"""The sheet grammar that all vendors share: labels in A or B, a tenor in B, a column per curve from C on.

Rows and columns are found by what stands in them, never by their place: a logo, a note or a new column in the
middle moves everything below and right of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from aurum.errors import UnknownTenor, UnreadableSheet, WorkbookTooLarge
from aurum.market.identity import Measure, collapse, fold
from aurum.market.periods import Tenor, parse_tenor
from aurum.market.units import parse_unit_text
from aurum.parsers.cells import (
    UNREAD,
    Rows,
    address,
    is_blank,
    is_quote,
    read_numbers,
    read_quotes,
    shown,
    without_footnote,
)
from aurum.parsers.findings import Findings
from aurum.parsers.labels import DATE_LABEL, FIRST_COLUMN, Sheet, has_number, label_of
from aurum.parsers.layout import Described, Header, Layout, Role
from aurum.parsers.model import Prices, Severity, SheetSummary

TENOR_COLUMN = 1  # B
MOST_TENORS = 10_000  # of a sheet; a real one has 121

# What the row between labels and values says of the numbers below, blanks left out.
SIDES = {"mid": Role.MID, "bid/ask": Role.BIDASK}


def normalize_unit_text(text: str | None) -> str | None:
    """`CAD - MWh` and `CAD/MWh` are one unit, `$/MWh` is USD/MWh; a text that is not understood stays as it is."""
    shown = collapse(text) if text else ""
    known = parse_unit_text(shown)
    return f"{known.currency}/{known.unit}" if known else shown or None


# ------------------------------------------------------------------------------------------------- sheets


class Headed(NamedTuple):
    """The texts above a column, the curve they make (None: they make none), and its folded location and product."""

    header: Header
    described: Described | None
    key: str  # "" where there is no curve
    place: tuple[str, str]


class Column(NamedTuple):
    """A column of values: where it stands, what stands above it, and the curve that makes."""

    at: int
    headed: Headed

    @property
    def key(self) -> str:
        return self.headed.key

    @property
    def texts(self) -> str:
        return ", ".join(filter(None, self.headed.header))


@dataclass(frozen=True, slots=True)
class Block:
    """The numbers of a sheet. `values` is (mid,) or (bid, ask), each with a row per tenor and a column per curve.

    NaN is a blank, or a cell that a finding is about: then it is `rejected`. `at[i]` is the row of `tenors[i]`,
    counted from 0.
    """

    sheet: Sheet
    columns: list[Column]
    tenors: list[Tenor]
    at: list[int]
    values: tuple[Prices, ...]
    rejected: NDArray[np.bool_]
    refused: int

    @property
    def summary(self) -> SheetSummary:
        """Blanks are counted from the first tenor's row to the last one's, spacer rows too."""
        rows = self.at[-1] - self.at[0] + 1 if self.at else 0
        values = int(np.isfinite(self.values[0]).sum())
        return SheetSummary(
            name=self.sheet.name,
            role=self.sheet.rule.role.value,
            columns=len(self.columns),
            tenor_rows=len(self.tenors),
            values=values,
            blanks=rows * len(self.columns) - values - self.refused,
        )

    def cell(self, row: int, column: int) -> str:
        """The A1 address of the value at a tenor and a column."""
        return address(self.at[row], self.columns[column].at)


def read_block(sheet: Sheet, layout: Layout, as_of: date, findings: Findings, file: str) -> Block:
    """The numbers of a sheet, with a finding for everything that should be one and is not."""
    start = _data_start(sheet, as_of, file)
    at, tenors = _read_tenors(sheet, start, as_of, findings)
    if len(at) > MOST_TENORS:
        raise WorkbookTooLarge(f"{file}: {sheet.name!r} has {len(at):,} delivery periods", file=file, sheet=sheet.name)
    columns = _read_columns(sheet, layout, start, findings)
    cells = _cells(sheet.rows, at, [column.at for column in columns])
    bidask = sheet.rule.role is Role.BIDASK
    values, refused = (read_quotes if bidask else read_numbers)(cells, (len(at), len(columns)))
    code, due = ("BAD_QUOTE", "a bid / ask") if bidask else ("NOT_A_NUMBER", "a number")
    for number, (row, place) in enumerate(refused):
        if findings.full:
            findings.count(Severity.ERROR, len(refused) - number)
            break
        column = columns[place]
        message = f"{shown(cells[row][place])[:60]!r} stands where {due} is due"
        findings.error(code, message, sheet.name, address(at[row], column.at), curve_key=column.key or None)
    rejected = np.zeros((len(at), len(columns)), dtype=bool)
    rejected[tuple(np.array(refused, dtype=int).reshape(-1, 2).T)] = True
    return Block(sheet, columns, tenors, at, values, rejected, len(refused))


# ------------------------------------------------------------------------------------------------- rows


def without_margin(rows: Rows) -> Rows:
    """A sheet whose tenors stand in C, as A or B is blank, as it would be without that column.

    Values keep their columns, and so their addresses; labels and tenors are told of as of A and B.
    """
    before, end = range(FIRST_COLUMN), FIRST_COLUMN + 1
    blank = next((at for at in before if rows and len(rows[0]) >= end and all(is_blank(row[at]) for row in rows)), None)
    if blank is None:
        return rows
    in_b, in_c = (any(_tenor(row[left:], date.min) for row in rows) for left in (0, 1))
    moved = in_c and not in_b
    return [[*row[:blank], *row[blank + 1 : end], "", *row[end:]] for row in rows] if moved else rows


def _data_start(sheet: Sheet, as_of: date, file: str) -> int:
    """The first row with a tenor in B; or, between the labels and it, the first row with numbers.

    Beside a text in A and without numbers it is a date that is no tenor: on the first of a month it looks like one.
    """
    head = max(sheet.labels.values()) + 1
    rows = ((at, sheet.rows[at]) for at in _below(sheet, head))
    first = next((at for at, row in rows if (is_blank(row[0]) or has_number(row)) and _tenor(row, as_of)), None)
    if first is None:
        raise UnreadableSheet(
            f"{file}: column B of {sheet.name!r} holds no delivery period below its labels",
            hint="A date on day 1 of a month, or a label such as Calendar 2026.",
            file=file,
            sheet=sheet.name,
            cell=address(head, TENOR_COLUMN),
        )
    return next(at for at in _below(sheet, head) if at == first or has_number(sheet.rows[at]))


def _below(sheet: Sheet, head: int) -> Iterator[int]:
    """The rows from there on, but for one that holds the as-of date: it is no tenor."""
    return (at for at in range(head, len(sheet.rows)) if label_of(sheet.rows[at][0]) != DATE_LABEL)


def _has_values(row: Sequence[object]) -> bool:
    """Whether there is a number, or what should have become one."""
    return has_number(row) or not UNREAD.isdisjoint(row)


def _tenor(row: Sequence[object], as_of: date) -> Tenor | None:
    label = row[TENOR_COLUMN] if len(row) > TENOR_COLUMN else ""
    if not isinstance(label, str | date) or is_blank(label):
        return None
    try:
        return parse_tenor(without_footnote(shown(label)) if isinstance(label, str) else label, as_of)
    except UnknownTenor:
        return None


def _read_tenors(sheet: Sheet, start: int, as_of: date, findings: Findings) -> tuple[list[int], list[Tenor]]:
    """The rows with a tenor. One that has values and no tenor is an error; a lone text is a note, and below the last
    tenor so is a row of texts."""
    tenors = {at: tenor for at in range(start, len(sheet.rows)) if (tenor := _tenor(sheet.rows[at], as_of))}
    last = max(tenors, default=start)
    found: list[tuple[int, Tenor]] = []
    for at in range(start, len(sheet.rows)):
        row = sheet.rows[at]
        if label_of(row[0]) == DATE_LABEL and all(map(is_blank, row[FIRST_COLUMN:])):
            continue  # the as-of date
        if at in tenors:
            found.append((at, tenors[at]))
        elif not all(map(is_blank, row[FIRST_COLUMN:])) and (at < last or _has_values(row)):
            label = shown(row[TENOR_COLUMN])[:60]
            message = f"{label!r} names no delivery period" if label else "values without a delivery period"
            findings.error("UNKNOWN_TENOR", message, sheet.name, address(at, TENOR_COLUMN))
        elif not all(map(is_blank, row)):
            column = next(column for column, value in enumerate(row) if not is_blank(value))
            message = f"{shown(row[column])[:60]!r} stands alone"
            findings.info("NOTE_IGNORED", message, sheet.name, address(at, column))
    return [at for at, _ in found], [tenor for _, tenor in found]


# ------------------------------------------------------------------------------------------------- columns


def _read_columns(sheet: Sheet, layout: Layout, start: int, findings: Findings) -> list[Column]:
    rows = sheet.rows
    side_row = _side_row(sheet, start)
    refused = {} if side_row is None else _wrong_sides(rows[side_row], sheet.rule.role)
    empty = _empty_columns(rows[start:])
    columns = []
    for at, headed in enumerate(_headers(sheet, layout), FIRST_COLUMN):
        column = Column(at, headed)
        if at in empty:
            if any(headed.place):
                findings.info("EMPTY_COLUMN", f"no values below {column.texts}", sheet.name, address(start, at))
        elif not _is_headed(sheet, headed):
            message = f"values below texts that name no curve: {column.texts or 'none'}"
            findings.error("MISSING_HEADER", message, sheet.name, address(start, at))
        elif side_row is not None and rows[side_row][at] in refused:
            message = f"{shown(rows[side_row][at])!r} stands above a column of {sheet.name!r}"
            findings.error("WRONG_SIDE", message, sheet.name, address(side_row, at), curve_key=column.key or None)
        else:
            columns.append(column)
    return columns


def _headers(sheet: Sheet, layout: Layout) -> Iterator[Headed]:
    """What stands above the columns from C on, each field of its own row."""
    rows = sheet.rows
    blank = [""] * (len(rows[0]) - FIRST_COLUMN)
    fields = []
    for field in Header._fields:
        row = rows[sheet.labels[field]] if field in sheet.labels else None
        texts = [text if isinstance(text, str) else shown(text) for text in row[FIRST_COLUMN:]] if row else blank
        if row and field in layout.carried:
            texts = _carried("" if label_of(row[1]) in layout.labels else shown(row[1]), texts)
        fields.append(texts)
    short = all(max(map(len, texts), default=0) <= _LONGEST_KEPT for texts in fields)
    read = _headed if short else _headed.__wrapped__
    return (read(layout, sheet.rule.measure, above) for above in zip(*fields, strict=True))


def _carried(last: str, texts: list[str]) -> list[str]:
    carried = []
    for text in texts:
        last = last if is_blank(text) else text
        carried.append(last)
    return carried


# The texts of a vendor's columns are the same every day.
_LONGEST_KEPT = 250


@lru_cache(maxsize=8192)
def _headed(layout: Layout, measure: Measure, texts: tuple[str, ...]) -> Headed:
    header = Header(*map(shown, texts))
    misplaced = any(_side(text) or is_quote(text) for text in header)
    described = None if misplaced else layout.describe(header, measure)
    key = described.identity.key if described else ""
    return Headed(header, described, key, (fold(header.location), fold(header.product)))


def _is_headed(sheet: Sheet, headed: Headed) -> bool:
    """A carried text alone does not make a curve of a stray column: it has a location or a product of its own."""
    if not UNREAD.isdisjoint(headed.header):
        return False
    if sheet.rule.role is Role.REGIONAL:
        return all(headed.place)
    named = any(headed.place) or not {"location", "product"} & sheet.labels.keys()
    return named and headed.described is not None


def _empty_columns(rows: Rows) -> set[int]:
    empty = set(range(FIRST_COLUMN, len(rows[0])))
    for row in rows:
        empty = {at for at in empty if is_blank(row[at])}
        if not empty:
            break
    return empty


def _side_row(sheet: Sheet, start: int) -> int | None:
    head = max(sheet.labels.values()) + 1
    return next((at for at in range(head, start) if any(_side(value) for value in set(sheet.rows[at]))), None)


def _wrong_sides(row: Sequence[object], role: Role) -> dict[object, Role | None]:
    """The texts of the row that say something else than the sheet's name does."""
    due = Role.BIDASK if role is Role.BIDASK else Role.MID
    return {value: _side(value) for value in set(row) if not is_blank(value) and _side(value) is not due}


def _side(value: object) -> Role | None:
    return SIDES.get(without_footnote(fold(value)).replace(" ", "")) if isinstance(value, str) else None


def _cells(rows: Rows, at: list[int], columns: list[int]) -> Rows:
    if not columns or columns[-1] - columns[0] + 1 == len(columns):
        first, end = (columns[0], columns[-1] + 1) if columns else (0, 0)
        return [rows[row][first:end] for row in at]
    return [[rows[row][column] for column in columns] for row in at]
