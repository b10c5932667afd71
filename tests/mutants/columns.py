"""Columns and their headers are moved, exchanged, repeated, merged and left out."""

from __future__ import annotations

from datetime import date
from random import Random

from aurum.parsers.cells import address
from tests.mutants.book import Book, Raw
from tests.mutants.mutations import (
    NUMBERS,
    Tells,
    any_sheet,
    insert_column,
    mutation,
    two_columns,
)


@mutation("UNREADABLE_SHEET")
def column_before_all(book: Book, random: Random) -> None:
    insert_column(book, any_sheet(book, random), random.choice((0, 1)))


@mutation(harmless=True)
def blank_column_in_data(book: Book, random: Random) -> None:
    sheet = any_sheet(book, random)
    insert_column(book, sheet, random.choice(book.columns(sheet) or [2]))


@mutation(*NUMBERS, new_names=True)
def columns_deleted(book: Book, random: Random) -> None:
    sheet = any_sheet(book, random)
    for _ in range(random.randint(1, 3)):
        if columns := book.columns(sheet):
            column = random.choice(columns)
            for row in book.sheets[sheet]:
                del row[column]


@mutation(harmless=True)
def column_repeated(book: Book, random: Random) -> None:
    """With all its header, filled in where it is carried."""
    _repeat_column(book, random, lambda value: value)


@mutation("CONFLICTING_COLUMNS", "REGIONAL_MISMATCH")
def column_repeated_with_other_values(book: Book, random: Random) -> None:
    _repeat_column(book, random, lambda value: value * 1.02 if isinstance(value, float) else value)


def _repeat_column(book: Book, random: Random, change) -> None:  # type: ignore[no-untyped-def]
    sheet = any_sheet(book, random)
    _fill_header(book, sheet)
    columns = book.columns(sheet)
    if columns:
        column, to = random.choice(columns), random.choice(columns)
        data = set(book.data_rows(sheet))
        for at, row in enumerate(book.sheets[sheet]):
            row.insert(to, change(row[column]) if at in data else row[column])


def _fill_header(book: Book, sheet: str) -> None:
    """Texts that are given once and hold to the right, given to every column."""
    columns, grid = book.columns(sheet), book.sheets[sheet]
    for row in book.header_rows(sheet):
        last: object = None
        for column in columns:
            last = grid[row][column] if grid[row][column] is not None else last
            if isinstance(grid[row][0], str) and grid[row][0] in ("ISO:", "Market:", "Hours:"):
                grid[row][column] = last


@mutation(harmless=True)
def columns_reordered(book: Book, random: Random) -> None:
    """Whole columns, with all their header."""
    sheet = any_sheet(book, random)
    _fill_header(book, sheet)
    columns, grid = book.columns(sheet), book.sheets[sheet]
    order = random.sample(columns, len(columns))
    for row in grid:
        moved = [row[column] for column in order]
        for column, value in zip(columns, moved, strict=True):
            row[column] = value


@mutation(*NUMBERS, simple=Tells.DAYS)
def headers_of_two_columns_exchanged(book: Book, random: Random) -> None:
    sheet = any_sheet(book, random)
    _fill_header(book, sheet)
    if pair := two_columns(book, random, sheet):
        _exchange_columns(book, sheet, pair, book.header_rows(sheet))


@mutation(*NUMBERS, simple=Tells.DAYS)
def values_of_two_columns_exchanged(book: Book, random: Random) -> None:
    sheet = any_sheet(book, random)
    if pair := two_columns(book, random, sheet):
        _exchange_columns(book, sheet, pair, book.data_rows(sheet))


@mutation(*NUMBERS, tells=Tells.DAYS)
def two_curves_exchanged(book: Book, random: Random) -> None:
    """On all sheets, mids, quotes and strips alike."""
    first = next(iter(book.sheets))
    for sheet in book.sheets:
        _fill_header(book, sheet)
    headers = sorted({_texts(book, first, column) for column in book.columns(first)})
    if len(headers) < 2:
        return
    one, other = random.sample(headers, 2)
    for sheet in book.sheets:
        found = {_texts(book, sheet, column): column for column in book.columns(sheet)}
        if one in found and other in found:
            _exchange_columns(book, sheet, (found[one], found[other]), book.data_rows(sheet))


def _texts(book: Book, sheet: str, column: int) -> tuple[str, ...]:
    return tuple(str(text) for text in book.header(sheet, column) if text not in ("Mid", "Bid   /   Ask"))


def _exchange_columns(book: Book, sheet: str, pair: tuple[int, int], rows: list[int]) -> None:
    one, other = pair
    for at in rows:
        row = book.sheets[sheet][at]
        row[one], row[other] = row[other], row[one]


@mutation(*NUMBERS, simple=Tells.DAYS)
def values_right_a_column(book: Book, random: Random) -> None:
    """All values of a sheet against its header."""
    sheet, by = any_sheet(book, random), random.choice((1, -1))
    columns = book.columns(sheet)
    for at in book.data_rows(sheet):
        row = book.sheets[sheet][at]
        values = [row[column] for column in columns]
        for column, value in zip(columns, values[-by:] + values[:-by], strict=True):
            row[column] = value


@mutation("CONFLICTING_COLUMNS", "REGIONAL_MISMATCH")
def header_of_another_column(book: Book, random: Random) -> None:
    sheet = any_sheet(book, random)
    _fill_header(book, sheet)
    if pair := two_columns(book, random, sheet):
        for at in book.header_rows(sheet):
            book.sheets[sheet][at][pair[0]] = book.sheets[sheet][at][pair[1]]


@mutation("REGIONAL_MISMATCH", "CONFLICTING_COLUMNS", "UNREADABLE_SHEET", new_names=True)
def header_cell_changed(book: Book, random: Random) -> None:
    sheet = any_sheet(book, random)
    if (rows := book.header_rows(sheet)) and (columns := book.columns(sheet)):
        row, column = random.choice(rows), random.choice(columns)
        was = book.sheets[sheet][row][column]
        book.sheets[sheet][row][column] = random.choice(
            (None, "", " ", "n/a", f"{was}\u200b", f"{was} x", f"\u200f{was}", "Dutch_TTF\u0301", "BASE", "US", 7.0,
             date(2025, 2, 1), "Bid   /   Ask", "Mid", "🔥", "ＰＪＭ", True, Raw("e", "#REF!"), str(was).upper(),
             f"  {was}  ", Raw("str", None, "A1"))
        )  # fmt: skip


@mutation("REGIONAL_MISMATCH", "CONFLICTING_COLUMNS", new_names=True)
def header_merged(book: Book, random: Random) -> None:
    """Excel keeps the first text of a merged range only."""
    sheet = any_sheet(book, random)
    rows, columns = book.header_rows(sheet), book.columns(sheet)
    if rows and len(columns) > 1:
        row, first = random.choice(rows), random.choice(columns[:-1])
        _merge(book, sheet, row, first, row, min(first + random.randint(1, 4), columns[-1]))


@mutation("REGIONAL_MISMATCH", "CONFLICTING_COLUMNS")
def values_merged(book: Book, random: Random) -> None:
    sheet = any_sheet(book, random)
    if places := book.values(sheet):
        row, column = random.choice(places)
        grid = book.sheets[sheet]
        down, right = random.choice(((0, 1), (1, 0), (2, 3)))
        _merge(book, sheet, row, column, min(row + down, len(grid) - 1), min(column + right, len(grid[0]) - 1))


@mutation("UNREADABLE_SHEET", "CONFLICTING_COLUMNS", "TOO_MANY_ERRORS", new_names=True)
def labels_merged(book: Book, random: Random) -> None:
    sheet = any_sheet(book, random)
    row = random.randint(0, len(book.sheets[sheet]) - 3)
    _merge(book, sheet, row, random.choice((0, 1)), row + random.randint(0, 2), 1)


def _merge(book: Book, sheet: str, top: int, left: int, bottom: int, right: int) -> None:
    grid = book.sheets[sheet]
    for row in range(top, bottom + 1):
        for column in range(left, right + 1):
            if (row, column) != (top, left):
                grid[row][column] = None
    book.merged.setdefault(sheet, []).append(f"{address(top, left)}:{address(bottom, right)}")


@mutation("REGIONAL_MISMATCH", harmless=True)
def stray_cell(book: Book, random: Random) -> None:
    """Far right of, or below, everything."""
    grid = book.sheets[any_sheet(book, random)]
    width = max(map(len, grid), default=0)
    row, column = random.choice(((random.randint(0, 40), width + 30), (len(grid) + 50, random.randint(0, 5))))
    width = max(column + 1, width)
    grid += [[] for _ in range(row + 1 - len(grid))]
    for cells in grid:
        cells += [None] * (width - len(cells))
    grid[row][column] = random.choice((1.0, "x", "1 / 2", date(2025, 5, 1)))
