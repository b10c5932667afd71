"""Numbers are changed into others."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from tests.mutants.book import Book
from tests.mutants.mutations import (
    NUMBERS,
    OFF,
    Tells,
    change_some,
    map_values,
    mutation,
    number_sheets,
    quote_sheets,
    scaled,
    without_side,
)

_OTHERS: tuple[Callable[[float], float], ...] = (
    lambda x: -x or 1.0,
    lambda x: x * 10 or 7.0,
    lambda x: x * 100 or 7.0,
    lambda x: x / 100 + 0.02,
    lambda x: x + 0.01,
    lambda x: 0.0 if x else 3.0,
    lambda x: 1e308,
    lambda x: -1e308,
    lambda x: 1e-320,
    lambda x: 1e15,
    lambda x: 45700.0,
    lambda x: x * 1.05 + 0.1,
)


@mutation(*NUMBERS, off=OFF, simple=Tells.NOTHING)
def other_numbers(book: Book, random: Random) -> None:
    change_some(book, random, number_sheets(book), lambda x: random.choice(_OTHERS)(x))


@mutation(*NUMBERS, off=OFF, simple=Tells.DAYS)
def column_scaled(book: Book, random: Random) -> None:
    """On one sheet: another unit, pence for pounds, a sign that was lost."""
    sheets, factor = number_sheets(book), random.choice((100, 0.01, -1, 3.412141633, 1.1, 1.01, 1e300))
    if sheets:
        sheet = random.choice(sheets)
        if columns := book.columns(sheet):
            _scale(book, sheet, random.choice(columns), factor)


@mutation(*NUMBERS, off=OFF, simple=Tells.DAYS)
def sheet_scaled(book: Book, random: Random) -> None:
    sheets, factor = number_sheets(book), random.choice((100, 0.01, -1, 3.412141633, 1.1, 1.01))
    if sheets:
        map_values(book, random.choice(sheets), lambda x: scaled(x, factor))


@mutation(*NUMBERS, "BID_ABOVE_ASK", off=OFF)
def quotes_scaled(book: Book, random: Random) -> None:
    sheets, factor = quote_sheets(book), random.choice((100, 0.01, -1, 3.412141633, 1.1, 1.01))
    if sheets:
        map_values(book, random.choice(sheets), lambda x: scaled(x, factor))


@mutation(*NUMBERS, tells=Tells.DAYS)
def file_scaled(book: Book, random: Random) -> None:
    """Mids, quotes and strips alike."""
    factor = random.choice((100, 0.01, 3.412141633, 1.5))
    for sheet in book.sheets:
        map_values(book, sheet, lambda x: scaled(x, factor))


@mutation(*NUMBERS, tells=Tells.DAYS)
def curve_scaled(book: Book, random: Random) -> None:
    """Mids, quotes and strips of one curve alike, wherever its header stands."""
    first = next(iter(book.sheets))
    factor = random.choice((100, 0.01, 3.412141633, 1.5))
    if columns := book.columns(first):
        header = [text for text in book.header(first, random.choice(columns)) if text != "Mid"]
        for sheet in book.sheets:
            for column in book.columns(sheet):
                if without_side(book.header(sheet, column)) == header:
                    _scale(book, sheet, column, factor)


@mutation(*NUMBERS, off=OFF, simple=Tells.NOTHING, pw=Tells.MARK)
def month_changed_with_its_quote(book: Book, random: Random) -> None:
    """One mid and its bid and ask by the same amount: only strips and spreads tell."""
    mids = [sheet for sheet in book.sheets if sheet == "Fixed Prices - Mid"]
    if mids and (places := book.values(mids[0])):
        _move_with_quote(book, *random.choice(places[: -3 * len(book.columns(mids[0]))] or places), random)


@mutation(*NUMBERS, tells=Tells.DAYS)
def last_month_changed_with_its_quote(book: Book, random: Random) -> None:
    """The last months are in no strip."""
    mids = [sheet for sheet in book.sheets if sheet == "Fixed Prices - Mid"]
    if mids and (places := book.values(mids[0])):
        _move_with_quote(book, *places[-1], random)


def _move_with_quote(book: Book, row: int, column: int, random: Random) -> None:
    by = random.choice((0.5, 1.0, 12.0, -3.0, 1e6))
    for sheet in ("Fixed Prices - Mid", "Fixed Prices - BidAsk"):
        if sheet in book.sheets and row < len(book.sheets[sheet]) and column < len(book.sheets[sheet][row]):
            book.sheets[sheet][row][column] = _moved(book.sheets[sheet][row][column], by)


@mutation(*NUMBERS, pw=Tells.MARK)
def strip_changed_with_its_quote(book: Book, random: Random) -> None:
    sheets = [s for s in book.sheets if s.startswith(("Strips", "Seasonal"))]
    if len(sheets) == 2 and (places := book.values(sheets[0])):
        row, column = random.choice(places)
        by = random.choice((0.5, 1.0, 12.0, -3.0, 1e6))
        for sheet in sheets:
            if row < len(book.sheets[sheet]) and column < len(book.sheets[sheet][row]):
                book.sheets[sheet][row][column] = _moved(book.sheets[sheet][row][column], by)


def _moved(value: object, by: float) -> object:
    if isinstance(value, str) and value.count("/") == 1:
        try:
            return "   /   ".join(f"{float(side) + by:.3f}" for side in value.split("/"))
        except ValueError:
            return value
    return value + by if isinstance(value, float) else value


def _scale(book: Book, sheet: str, column: int, factor: float) -> None:
    for at in book.data_rows(sheet):
        row = book.sheets[sheet][at]
        row[column] = scaled(row[column], factor)
