"""Bids and asks are retyped and changed."""

from __future__ import annotations

from random import Random

from tests.mutants.book import Book, Raw
from tests.mutants.mutations import (
    NUMBERS,
    OFF,
    mutation,
    quote_sheets,
    some_values,
)


@mutation("BAD_QUOTE", "CONFLICTING_COLUMNS")
def quotes_retyped(book: Book, random: Random) -> None:
    def retyped(text: str) -> object:
        bid, _, ask = (part.strip() for part in text.partition("/"))
        return random.choice(
            (f"{bid}/{ask}", f"{bid} - {ask}", f"{bid} – {ask}", f"{bid} \\ {ask}", f"{bid} ⁄ {ask}", f"{bid} / ",
             f" / {ask}", f"{bid}", f"{bid} / {ask} / {ask}", f"{bid} / n/a", f"{bid}   {ask}", f"{bid} / {ask} x",
             f"{bid.replace('.', ',')} / {ask.replace('.', ',')}", f"−{bid} / {ask}", f"({bid}) / ({ask})",
             f"{bid}\u00a0/\u2009{ask}", f"{bid}\n/\n{ask}", f"+{bid} / {ask}", f"0{bid} / {ask}", f"{bid}e400 / {ask}",
             f"{bid}  /  {ask}e0", f"{bid} /{ask}", f"1 {bid} / {ask}", f"nan / {ask}", 45.1, Raw("n", "45.1"),
             f"{bid} / {ask},1 / 2", f"[{bid} / {ask}]", f"{bid} / {ask}\u200b", f"{bid}5 5 / {ask}", True)
        )  # fmt: skip

    sheets = quote_sheets(book)
    if sheets:
        sheet = random.choice(sheets)
        for row, column in some_values(book, random, sheet):
            book.sheets[sheet][row][column] = retyped(str(book.sheets[sheet][row][column]))


@mutation(*NUMBERS, "BID_ABOVE_ASK", off=OFF)
def quotes_changed(book: Book, random: Random) -> None:
    def changed(text: str) -> object:
        try:
            bid, ask = (float(part) for part in text.split("/"))
        except ValueError:
            return text
        bid, ask = random.choice(
            ((ask, bid), (-bid, -ask), (bid * 100, ask * 100), (bid, ask + 1), (bid - 1, ask), (bid + 5, ask + 5),
             (1e308, 1e308), (-1e308, 1e308), (0.0, 0.0), (bid, bid), (bid / 10, ask))
        )  # fmt: skip
        return f"{bid!r}   /   {ask!r}"

    sheets = quote_sheets(book)
    if sheets:
        sheet = random.choice(sheets)
        for row, column in some_values(book, random, sheet):
            book.sheets[sheet][row][column] = changed(str(book.sheets[sheet][row][column]))


@mutation("BID_ABOVE_ASK", "CONFLICTING_COLUMNS", "TOO_MANY_ERRORS")
def sides_exchanged(book: Book, random: Random) -> None:
    """Ask and bid of a whole column, or of all."""
    sheets = quote_sheets(book)
    if sheets:
        sheet = random.choice(sheets)
        columns = book.columns(sheet)
        chosen = columns if random.random() < 0.5 else [random.choice(columns)]
        for row in book.data_rows(sheet):
            for column in chosen:
                value = book.sheets[sheet][row][column]
                if isinstance(value, str) and value.count("/") == 1:
                    book.sheets[sheet][row][column] = "   /   ".join(part.strip() for part in value.split("/")[::-1])
