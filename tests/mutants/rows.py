"""Rows are moved, exchanged, repeated and left out, with their labels or against them."""

from __future__ import annotations

from datetime import date
from random import Random

from tests.mutants.book import FIRST_COLUMN, Book
from tests.mutants.mutations import (
    NUMBERS,
    Tells,
    any_sheet,
    insert_rows,
    mutation,
)


@mutation(harmless=True)
def rows_above(book: Book, random: Random) -> None:
    insert_rows(book, any_sheet(book, random), 0, random.randint(1, 3))


@mutation("UNREADABLE_SHEET", harmless=True)
def many_rows_above(book: Book, random: Random) -> None:
    insert_rows(book, any_sheet(book, random), 0, random.randint(4, 15))


@mutation("UNREADABLE_SHEET", harmless=True)
def rows_between_labels(book: Book, random: Random) -> None:
    sheet = any_sheet(book, random)
    headers = book.header_rows(sheet)
    if headers:
        insert_rows(book, sheet, random.choice(headers), random.randint(1, 6))


@mutation(harmless=True)
def rows_above_data(book: Book, random: Random) -> None:
    sheet = any_sheet(book, random)
    insert_rows(book, sheet, min(book.data_rows(sheet), default=0), random.randint(1, 4))


@mutation(harmless=True)
def rows_in_data(book: Book, random: Random) -> None:
    sheet = any_sheet(book, random)
    insert_rows(book, sheet, random.choice(book.data_rows(sheet) or [0]), random.randint(1, 3))


@mutation("MONTHS_NOT_CONSECUTIVE", "FIRST_MONTH_WRONG", "UNREADABLE_SHEET")
def rows_deleted(book: Book, random: Random) -> None:
    sheet = any_sheet(book, random)
    for _ in range(random.randint(1, 3)):
        if rows := book.data_rows(sheet):
            del book.sheets[sheet][random.choice(rows)]


@mutation("UNREADABLE_SHEET", "CONFLICTING_COLUMNS", "TOO_MANY_ERRORS", new_names=True)
def header_row_deleted(book: Book, random: Random) -> None:
    sheet = any_sheet(book, random)
    if rows := book.header_rows(sheet):
        del book.sheets[sheet][random.choice(rows)]


@mutation("UNREADABLE_SHEET", "CONFLICTING_COLUMNS", "TOO_MANY_ERRORS", new_names=True)
def header_row_blanked(book: Book, random: Random) -> None:
    sheet = any_sheet(book, random)
    if rows := book.header_rows(sheet):
        row = book.sheets[sheet][random.choice(rows)]
        row[FIRST_COLUMN:] = [None] * (len(row) - FIRST_COLUMN)


@mutation("UNREADABLE_SHEET", "CONFLICTING_COLUMNS", "REGIONAL_MISMATCH", "TOO_MANY_ERRORS", new_names=True)
def header_rows_exchanged(book: Book, random: Random) -> None:
    """The texts of two header rows; their labels stay."""
    sheet = any_sheet(book, random)
    rows = book.header_rows(sheet)
    if len(rows) > 1:
        one, other = random.sample(rows, 2)
        grid = book.sheets[sheet]
        grid[one][FIRST_COLUMN:], grid[other][FIRST_COLUMN:] = grid[other][FIRST_COLUMN:], grid[one][FIRST_COLUMN:]


@mutation("UNREADABLE_SHEET", "TOO_MANY_ERRORS")
def header_rows_reordered(book: Book, random: Random) -> None:
    """Whole rows, with their labels."""
    sheet = any_sheet(book, random)
    rows = book.header_rows(sheet)
    grid = book.sheets[sheet]
    order = random.sample(rows, len(rows))
    moved = [grid[row] for row in order]
    for row, content in zip(rows, moved, strict=True):
        grid[row] = content


@mutation(harmless=True)
def row_repeated(book: Book, random: Random) -> None:
    sheet = any_sheet(book, random)
    if rows := book.data_rows(sheet):
        row = random.choice(rows)
        book.sheets[sheet].insert(random.choice(rows), list(book.sheets[sheet][row]))


@mutation("CONFLICTING_TENORS", "REGIONAL_MISMATCH")
def row_repeated_with_other_values(book: Book, random: Random) -> None:
    sheet = any_sheet(book, random)
    rows = book.data_rows(sheet)
    if len(rows) > 1:
        one, other = random.sample(rows, 2)
        grid = book.sheets[sheet]
        grid.insert(random.choice(rows), [*grid[one][:FIRST_COLUMN], *grid[other][FIRST_COLUMN:]])


@mutation(harmless=True)
def rows_reordered(book: Book, random: Random) -> None:
    """Whole rows, with their labels."""
    sheet = any_sheet(book, random)
    rows, grid = book.data_rows(sheet), book.sheets[sheet]
    for row, content in zip(rows, [grid[row] for row in random.sample(rows, len(rows))], strict=True):
        grid[row] = content


@mutation(*NUMBERS, simple=Tells.DAYS)
def values_of_two_rows_exchanged(book: Book, random: Random) -> None:
    """On one sheet, beside labels that stay."""
    sheet = any_sheet(book, random)
    _exchange_rows(book, sheet, random, slice(FIRST_COLUMN, None))


@mutation(*NUMBERS, simple=Tells.DAYS)
def labels_of_two_rows_exchanged(book: Book, random: Random) -> None:
    _exchange_rows(book, any_sheet(book, random), random, slice(0, FIRST_COLUMN))


def _exchange_rows(book: Book, sheet: str, random: Random, part: slice) -> None:
    rows, grid = book.data_rows(sheet), book.sheets[sheet]
    if len(rows) > 1:
        one, other = random.sample(rows, 2)
        grid[one][part], grid[other][part] = grid[other][part], grid[one][part]


@mutation(*NUMBERS, simple=Tells.DAYS)
def values_down_a_row(book: Book, random: Random) -> None:
    """All values of a sheet against its labels; the last row falls off."""
    sheet = any_sheet(book, random)
    _shift_rows(book, sheet, book.columns(sheet), random.choice((1, -1)))


@mutation(*NUMBERS, simple=Tells.DAYS)
def column_down_a_row(book: Book, random: Random) -> None:
    sheet = any_sheet(book, random)
    if columns := book.columns(sheet):
        _shift_rows(book, sheet, [random.choice(columns)], random.choice((1, -1)))


@mutation(*NUMBERS, simple=Tells.DAYS, pw=Tells.MARK)
def column_down_a_row_with_its_quotes(book: Book, random: Random) -> None:
    """On the sheets of months, mid and quotes; the strips stay."""
    sheets = [sheet for sheet in book.sheets if sheet.startswith("Fixed Prices")]
    headers = [book.header(sheet, column) for sheet in sheets[:1] for column in book.columns(sheet)]
    if headers:
        header, by = random.choice(headers)[:3], random.choice((1, -1))
        for sheet in sheets:
            _shift_rows(book, sheet, [c for c in book.columns(sheet) if book.header(sheet, c)[:3] == header], by)


@mutation(*NUMBERS, simple=Tells.DAYS, pw=Tells.MARK)
def labels_down_a_row(book: Book, random: Random) -> None:
    """On all sheets of months: labels against values."""
    by = random.choice((1, -1))
    for sheet in book.sheets:
        rows, grid = book.data_rows(sheet), book.sheets[sheet]
        if rows and isinstance(grid[rows[0]][1], date):
            _roll(grid, rows, [1], by)


@mutation("FIRST_MONTH_WRONG")
def months_begin_elsewhere(book: Book, random: Random) -> None:
    by = random.choice((-12, -1, 1, 2, 12))
    for sheet in book.sheets:
        for row in book.sheets[sheet]:
            if isinstance(row[1], date) and row[0] is None:
                month = row[1].year * 12 + row[1].month - 1 + by
                row[1] = date(month // 12, month % 12 + 1, 1)


@mutation(
    *NUMBERS, "UNREADABLE_SHEET", "FIRST_MONTH_WRONG", "MONTHS_NOT_CONSECUTIVE", new_names=True, simple=Tells.DAYS
)
def values_moved(book: Book, random: Random) -> None:
    """As a range is dragged elsewhere: what it leaves is blank, and what it covers is gone."""
    sheet, down, right = any_sheet(book, random), random.choice((-1, 0, 1, 2)), random.choice((-1, 0, 1))
    grid, values = book.sheets[sheet], book.values(sheet)
    taken = [(row + down, column + right, grid[row][column]) for row, column in values]
    for row, column in values:
        grid[row][column] = None
    width = max(map(len, grid)) + 1
    grid += [[] for _ in range(2)]
    for cells in grid:
        cells += [None] * (width - len(cells))
    for row, column, value in taken:
        grid[row][column] = value


@mutation(*NUMBERS, simple=Tells.DAYS, pw=Tells.MARK)
def labels_moved(book: Book, random: Random) -> None:
    """On all sheets of months, a row down: the first has none, the last stands beside nothing."""
    for sheet in book.sheets:
        rows, grid = book.data_rows(sheet), book.sheets[sheet]
        if rows and isinstance(grid[rows[0]][1], date):
            insert_rows(book, sheet, rows[-1] + 1, 1)
            for row in reversed(rows):
                grid[row + 1][1] = grid[row][1]
            grid[rows[0]][1] = None


def _shift_rows(book: Book, sheet: str, columns: list[int], by: int) -> None:
    rows, grid = book.data_rows(sheet), book.sheets[sheet]
    _roll(grid, rows, columns, by)
    edge = rows[0] if by > 0 else rows[-1]
    for column in columns:
        grid[edge][column] = None


def _roll(grid: list[list[object]], rows: list[int], columns: list[int], by: int) -> None:
    for column in columns:
        values = [grid[row][column] for row in rows]
        for row, value in zip(rows, values[-by:] + values[:-by], strict=True):
            grid[row][column] = value


@mutation(harmless=True)
def total_row(book: Book, random: Random) -> None:
    sheet = any_sheet(book, random)
    grid, rows = book.sheets[sheet], book.data_rows(sheet)
    label = random.choice(("Total", "Average", "Avg.", None, "Calendar Avg"))
    where = random.choice((0, 1))
    total: list[object] = [None, None, *grid[rows[-1]][FIRST_COLUMN:]] if rows else [None, None]
    total[where] = label
    grid.insert(random.choice((len(grid), rows[0])) if rows else 0, total)


@mutation("UNREADABLE_SHEET", harmless=True)
def notes(book: Book, random: Random) -> None:
    sheet = any_sheet(book, random)
    grid = book.sheets[sheet]
    row: list[object] = [None] * max(3, len(grid[0]))
    row[random.choice((0, 1, 2, len(row) - 1))] = random.choice(
        ("Indicative only", "© 2025 Vendor", "Source: broker / own", "n/a", "see 2025-02 / note 3", "🔥 draft", " ")
    )
    grid.insert(random.randint(0, len(grid)), row)


@mutation("CONFLICTING_TENORS", "REGIONAL_MISMATCH", "TOO_MANY_ERRORS", "MORE_FINDINGS")
def block_repeated_below(book: Book, random: Random) -> None:
    sheet = any_sheet(book, random)
    grid = book.sheets[sheet]
    again = [list(row) for row in grid]
    if random.random() < 0.5:  # in another unit
        again = [[value * 1.1 if isinstance(value, float) else value for value in row] for row in again]
    grid += [[None] * len(grid[0]), *again]


@mutation(harmless=True)
def hidden(book: Book, random: Random) -> None:
    sheet = any_sheet(book, random)
    rows = range(len(book.sheets[sheet]))
    book.hidden_rows[sheet] = set(random.sample(rows, min(len(rows), 3)))
    book.hidden_sheets.add(any_sheet(book, random))
