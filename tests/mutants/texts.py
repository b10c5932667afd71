"""Numbers are retyped as texts and as what is no number, and left blank."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from random import Random

from tests.mutants.book import EURO, PERCENT, TEXT, Book, Raw
from tests.mutants.mutations import any_sheet, change_some, map_values, mutation, number_sheets

_AS_TEXT: tuple[Callable[[float], object], ...] = (
    lambda x: f"{x:.2f}",
    lambda x: f"{x:.2f}".replace(".", ","),
    lambda x: f"{x:,.2f}",
    lambda x: f"{x:,.2f}".translate(str.maketrans(",.", ".,")),
    lambda x: f"{x * 1000:,.2f}".replace(",", "\u00a0"),
    lambda x: f"{x * 1000:,.2f}".replace(",", "\u2009"),
    lambda x: f"−{abs(x):.2f}",
    lambda x: f"{x:.2f}".translate(str.maketrans("0123456789.", "０１２３４５６７８９．")),
    lambda x: f"{x:.2f}\u00a0",
    lambda x: f"'{x:.2f}",
    lambda x: f"({abs(x):.2f})",
    lambda x: f"€{x:.2f}",
    lambda x: f"{x:.2f} EUR",
    lambda x: f"{x:.2f}%",
    lambda x: f"{x:.4e}",
    lambda x: f"{x:.2f}\u200b",
    lambda x: f"{x:.2f}\n",
    lambda x: Raw("str", repr(x), style=TEXT),
    lambda x: Raw("str", repr(x), "TEXT(A1,0)"),
)
_BLANKS: tuple[object, ...] = (None, "", " ", "\u00a0", "\n", Raw("n", ""))
_NO_NUMBERS: tuple[object, ...] = (
    "n/a", "-", "#N/A", "NA", "TBD", "nan", "inf", "-inf", "1e400", "1e308000", "٤٥", "🔥", "x" * 40_000, True, False,
    date(2025, 2, 1), Raw("e", "#N/A"), Raw("e", "#DIV/0!"), Raw("e", "#REF!", "B1*2"), Raw("n", "NaN"),
    Raw("n", "INF"), Raw("n", "1e400"), Raw("n", None, "50+1"), Raw("str", None, "A1&B1"), Raw("b", "1"),
    Raw("d", "2025-02-01"), Raw("n", "45700.25", style=1), Raw("n", "0x1F"), Raw("n", "12 3"),
)  # fmt: skip


@mutation("NOT_A_NUMBER", "REGIONAL_MISMATCH", "CONFLICTING_COLUMNS")
def numbers_as_texts(book: Book, random: Random) -> None:
    change_some(book, random, number_sheets(book), lambda x: random.choice(_AS_TEXT)(x))


@mutation("NOT_A_NUMBER", "BAD_QUOTE", "NOT_A_WORKBOOK", "REGIONAL_MISMATCH", "CONFLICTING_COLUMNS")
def no_numbers(book: Book, random: Random) -> None:
    change_some(book, random, [any_sheet(book, random)], lambda x: random.choice(_NO_NUMBERS))


@mutation("NOT_A_NUMBER", "BAD_QUOTE", "REGIONAL_MISMATCH", "TOO_MANY_ERRORS", "MORE_FINDINGS")
def sheet_as_texts(book: Book, random: Random) -> None:
    """All of it, as an export with the wrong locale writes it."""
    spelt = random.choice(_AS_TEXT)
    map_values(book, any_sheet(book, random), lambda x: spelt(x) if isinstance(x, float) else str(x).replace(".", ","))


@mutation("REGIONAL_MISMATCH", "CONFLICTING_COLUMNS")
def blanks(book: Book, random: Random) -> None:
    change_some(
        book, random, [any_sheet(book, random)], lambda x: random.choice((None, "", " ", " ", "\n", Raw("n", "")))
    )


@mutation("MONTHS_NOT_CONSECUTIVE", "FIRST_MONTH_WRONG", "REGIONAL_MISMATCH", "UNREADABLE_SHEET")
def row_blanked(book: Book, random: Random) -> None:
    sheet = any_sheet(book, random)
    if rows := book.data_rows(sheet):
        row = book.sheets[sheet][random.choice(rows)]
        row[random.choice((1, 2)) :] = [None] * len(row[random.choice((1, 2)) :])
    book.settle()


@mutation("REGIONAL_MISMATCH")
def column_blanked(book: Book, random: Random) -> None:
    sheet = any_sheet(book, random)
    if columns := book.columns(sheet):
        column = random.choice(columns)
        for row in book.data_rows(sheet):
            book.sheets[sheet][row][column] = None


@mutation("FIRST_MONTH_WRONG")
def labels_blanked(book: Book, random: Random) -> None:
    sheet = any_sheet(book, random)
    rows = book.data_rows(sheet)
    for row in random.sample(rows, min(len(rows), random.randint(1, 4))):
        book.sheets[sheet][row][1] = None


@mutation(harmless=True)
def formats(book: Book, random: Random) -> None:
    """How a number is shown is no part of it."""
    change_some(
        book, random, number_sheets(book), lambda x: Raw("n", repr(x), style=random.choice((PERCENT, EURO, TEXT)))
    )
