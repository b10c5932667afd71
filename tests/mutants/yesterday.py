"""Numbers of the day before stand where today's are due."""

from __future__ import annotations

from random import Random

from tests.mutants.book import Book
from tests.mutants.mutations import (
    NUMBERS,
    OFF,
    Tells,
    mutation,
    number_sheets,
    without_side,
)


@mutation(*NUMBERS, off=OFF, simple=Tells.MARK)
def column_of_yesterday(book: Book, random: Random) -> None:
    """On one sheet."""
    sheets = number_sheets(book)
    if sheets:
        sheet = random.choice(sheets)
        if columns := book.columns(sheet):
            _as_yesterday(book, sheet, [random.choice(columns)])


@mutation(*NUMBERS, off=OFF, simple=Tells.MARK)
def sheet_of_yesterday(book: Book, random: Random) -> None:
    sheets = number_sheets(book)
    if sheets:
        sheet = random.choice(sheets)
        _as_yesterday(book, sheet, book.columns(sheet))


@mutation(*NUMBERS, off=OFF, simple=Tells.MARK, pw=Tells.MARK)
def months_of_yesterday(book: Book, random: Random) -> None:
    """Mids and quotes; the strips are today's."""
    for sheet in ("Fixed Prices - Mid", "Fixed Prices - BidAsk"):
        if sheet in book.sheets:
            _as_yesterday(book, sheet, book.columns(sheet))


@mutation(*NUMBERS, tells=Tells.MARK)
def curve_of_yesterday(book: Book, random: Random) -> None:
    """On all sheets, as far as its header is the same."""
    first = next(iter(book.sheets))
    if columns := book.columns(first):
        header = [text for text in book.header(first, random.choice(columns)) if text != "Mid"]
        for sheet in book.sheets:
            found = [at for at in book.columns(sheet) if without_side(book.header(sheet, at)) == header]
            _as_yesterday(book, sheet, found)


@mutation(tells=Tells.MARK)
def file_of_yesterday(book: Book, random: Random) -> None:
    """With today's date."""
    for sheet in book.sheets:
        _as_yesterday(book, sheet, book.columns(sheet))


def _as_yesterday(book: Book, sheet: str, columns: list[int]) -> None:
    assert book.before is not None
    grid = book.before.sheets.get(sheet, [])
    for row in book.data_rows(sheet):
        for column in columns:
            if row < len(grid) and column < len(grid[row]):
                book.sheets[sheet][row][column] = grid[row][column]
