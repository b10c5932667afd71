"""Sheets are renamed, exchanged, repeated and left out."""

from __future__ import annotations

from random import Random

from tests.mutants.book import Book
from tests.mutants.mutations import (
    mutation,
    number_sheets,
    quote_sheets,
)


def _renamed(book: Book, old: str, new: str) -> None:
    book.sheets = {new if name == old else name: grid for name, grid in book.sheets.items()}


@mutation("MISSING_SHEET", "UNKNOWN_VENDOR", "UNREADABLE_SHEET", "REGIONAL_MISMATCH", "TOO_MANY_ERRORS")
def sheet_renamed(book: Book, random: Random) -> None:
    sheet = random.choice(list(book.sheets))
    name = random.choice(
        (sheet.upper(), f" {sheet} ", sheet.replace(" ", "  "), sheet.replace("-", "–"), f"{sheet} (2)", "Prices",
         sheet.replace("e", "е"), f"{sheet}\u200b", "Fixed Prices - Mid", "Strips - BidAsk", "North America")
    )  # fmt: skip
    if name not in book.sheets:
        _renamed(book, sheet, name)


@mutation(harmless=True)
def sheets_reordered(book: Book, random: Random) -> None:
    book.sheets = dict(random.sample(list(book.sheets.items()), len(book.sheets)))


@mutation("MISSING_SHEET")
def sheet_deleted(book: Book, random: Random) -> None:
    if len(book.sheets) > 1:
        del book.sheets[random.choice(list(book.sheets))]


@mutation("UNREADABLE_SHEET", "UNKNOWN_VENDOR", "CONFLICTING_COLUMNS", "TOO_MANY_ERRORS", new_names=True)
def sheet_repeated(book: Book, random: Random) -> None:
    sheet = random.choice(list(book.sheets))
    name = random.choice((f"{sheet} (2)", f"{sheet} ", sheet.lower(), "Spark Spread", "Europe", "Strips - Mid"))
    if name not in book.sheets:
        book.sheets[name] = [list(row) for row in book.sheets[sheet]]


@mutation(
    "UNREADABLE_SHEET",
    "FIRST_MONTH_WRONG",
    "MONTHS_NOT_CONSECUTIVE",
    "CONFLICTING_COLUMNS",
    "REGIONAL_MISMATCH",
    "TOO_MANY_ERRORS",
    new_names=True,
)
def sheet_emptied(book: Book, random: Random) -> None:
    sheet = random.choice(list(book.sheets))
    kept = random.choice((0, 1, 5, 9, 11, 12))
    book.sheets[sheet] = [row[: random.choice((1, 2, len(row)))] for row in book.sheets[sheet][:kept]]


@mutation("REGIONAL_MISMATCH", "TOO_MANY_ERRORS", "MORE_FINDINGS")
def contents_of_two_sheets_exchanged(book: Book, random: Random) -> None:
    if len(book.sheets) > 1:
        one, other = random.sample(list(book.sheets), 2)
        book.sheets[one], book.sheets[other] = book.sheets[other], book.sheets[one]


@mutation("REGIONAL_MISMATCH", "TOO_MANY_ERRORS")
def contents_of_two_sheets_of_a_kind_exchanged(book: Book, random: Random) -> None:
    sheets = random.choice((number_sheets(book), quote_sheets(book)))
    if len(sheets) > 1:
        one, other = random.sample(sheets, 2)
        book.sheets[one], book.sheets[other] = book.sheets[other], book.sheets[one]
