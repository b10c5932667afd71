"""Mutations of contents: numbers and quotes are retyped, blanked, and changed into others."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from random import Random

from tests.mutants.book import EURO, PERCENT, TEXT, Book, Raw
from tests.mutants.mutations import Tells, any_sheet, mutation, number_sheets, quote_sheets, some_values

# ------------------------------------------------------------------------------------------------- no numbers


_AS_TEXT: tuple[Callable[[float], object], ...] = (
    lambda x: f"{x:.2f}",
    lambda x: f"{x:.2f}".replace(".", ","),
    lambda x: f"{x:,.2f}",
    lambda x: f"{x:,.2f}".translate(str.maketrans(",.", ".,")),
    lambda x: f"{x * 1000:,.2f}".replace(",", " "),
    lambda x: f"{x * 1000:,.2f}".replace(",", " "),
    lambda x: f"−{abs(x):.2f}",
    lambda x: f"{x:.2f}".translate(str.maketrans("0123456789.", "０１２３４５６７８９．")),
    lambda x: f"{x:.2f} ",
    lambda x: f"'{x:.2f}",
    lambda x: f"({abs(x):.2f})",
    lambda x: f"€{x:.2f}",
    lambda x: f"{x:.2f} EUR",
    lambda x: f"{x:.2f}%",
    lambda x: f"{x:.4e}",
    lambda x: f"{x:.2f}​",
    lambda x: f"{x:.2f}\n",
    lambda x: Raw("str", repr(x), style=TEXT),
    lambda x: Raw("str", repr(x), "TEXT(A1,0)"),
)
_NO_NUMBERS: tuple[object, ...] = (
    "n/a", "-", "#N/A", "NA", "TBD", "nan", "inf", "-inf", "1e400", "1e308000", "٤٥", "🔥", "x" * 40_000, True, False,
    date(2025, 2, 1), Raw("e", "#N/A"), Raw("e", "#DIV/0!"), Raw("e", "#REF!", "B1*2"), Raw("n", "NaN"),
    Raw("n", "INF"), Raw("n", "1e400"), Raw("n", None, "50+1"), Raw("str", None, "A1&B1"), Raw("b", "1"),
    Raw("d", "2025-02-01"), Raw("n", "45700.25", style=1), Raw("n", "0x1F"), Raw("n", "12 3"), Raw("n", ""),
)  # fmt: skip


@mutation()
def numbers_as_texts(book: Book, random: Random) -> None:
    _change(book, random, number_sheets(book), lambda x: random.choice(_AS_TEXT)(x))


@mutation()
def no_numbers(book: Book, random: Random) -> None:
    _change(book, random, [any_sheet(book, random)], lambda x: random.choice(_NO_NUMBERS))


@mutation()
def sheet_as_texts(book: Book, random: Random) -> None:
    """All of it, as an export with the wrong locale writes it."""
    sheets, spelt = number_sheets(book), random.choice(_AS_TEXT)
    if sheets:
        _map(book, random.choice(sheets), lambda x: spelt(x) if isinstance(x, float) else x)


@mutation()
def blanks(book: Book, random: Random) -> None:
    _change(book, random, [any_sheet(book, random)], lambda x: random.choice((None, "", " ", " ", "\n")))


@mutation()
def row_blanked(book: Book, random: Random) -> None:
    sheet = any_sheet(book, random)
    if rows := book.data_rows(sheet):
        row = book.sheets[sheet][random.choice(rows)]
        row[random.choice((1, 2)) :] = [None] * len(row[random.choice((1, 2)) :])
    book.settle()


@mutation()
def column_blanked(book: Book, random: Random) -> None:
    sheet = any_sheet(book, random)
    if columns := book.columns(sheet):
        column = random.choice(columns)
        for row in book.data_rows(sheet):
            book.sheets[sheet][row][column] = None


@mutation()
def labels_blanked(book: Book, random: Random) -> None:
    sheet = any_sheet(book, random)
    rows = book.data_rows(sheet)
    for row in random.sample(rows, min(len(rows), random.randint(1, 4))):
        book.sheets[sheet][row][1] = None


@mutation()
def formats(book: Book, random: Random) -> None:
    """How a number is shown is no part of it."""
    _change(book, random, number_sheets(book), lambda x: Raw("n", repr(x), style=random.choice((PERCENT, EURO, TEXT))))


# ------------------------------------------------------------------------------------------------- other numbers


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


@mutation(simple=Tells.NOTHING)
def other_numbers(book: Book, random: Random) -> None:
    _change(book, random, number_sheets(book), lambda x: random.choice(_OTHERS)(x))


@mutation(simple=Tells.DAYS)
def column_scaled(book: Book, random: Random) -> None:
    """On one sheet: another unit, pence for pounds, a sign that was lost."""
    sheets, factor = number_sheets(book), random.choice((100, 0.01, -1, 3.412141633, 1.1, 1.0005, 1e300))
    if sheets:
        sheet = random.choice(sheets)
        if columns := book.columns(sheet):
            _scale(book, sheet, random.choice(columns), factor)


@mutation(simple=Tells.DAYS)
def sheet_scaled(book: Book, random: Random) -> None:
    sheets, factor = number_sheets(book), random.choice((100, 0.01, -1, 3.412141633, 1.1, 1.0005))
    if sheets:
        _map(book, random.choice(sheets), lambda x: x * factor if isinstance(x, float) else x)


@mutation(tells=Tells.DAYS)
def file_scaled(book: Book, random: Random) -> None:
    """Mids, quotes and strips alike."""
    factor = random.choice((100, 0.01, 3.412141633, 1.5))
    for sheet in book.sheets:
        _map(book, sheet, lambda x: _scaled(x, factor))


@mutation(tells=Tells.DAYS)
def curve_scaled(book: Book, random: Random) -> None:
    """Mids, quotes and strips of one curve alike, wherever its header stands."""
    first = next(iter(book.sheets))
    factor = random.choice((100, 0.01, 3.412141633, 1.5))
    if columns := book.columns(first):
        header = [text for text in book.header(first, random.choice(columns)) if text != "Mid"]
        for sheet in book.sheets:
            for column in book.columns(sheet):
                if [text for text in book.header(sheet, column) if text not in ("Mid", "Bid   /   Ask")] == header:
                    _scale(book, sheet, column, factor)


@mutation(simple=Tells.NOTHING)
def month_changed_with_its_quote(book: Book, random: Random) -> None:
    """One mid and its bid and ask by the same amount: only strips and spreads tell."""
    mids = [sheet for sheet in book.sheets if sheet == "Fixed Prices - Mid"]
    if mids and (places := book.values(mids[0])):
        row, column = random.choice(places)
        by = random.choice((0.5, 1.0, 12.0, -3.0, 1e6))
        for sheet in ("Fixed Prices - Mid", "Fixed Prices - BidAsk"):
            if sheet in book.sheets and row < len(book.sheets[sheet]):
                cells = book.sheets[sheet][row]
                cells[column] = _moved(cells[column], by)


@mutation()
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


def _scaled(value: object, factor: float) -> object:
    if isinstance(value, str) and value.count("/") == 1:
        try:
            sides = [float(side) * factor for side in value.split("/")]
        except ValueError:
            return value
        return "   /   ".join(f"{side:.5f}" for side in sides)
    return value * factor if isinstance(value, float) else value


def _scale(book: Book, sheet: str, column: int, factor: float) -> None:
    for at in book.data_rows(sheet):
        row = book.sheets[sheet][at]
        row[column] = _scaled(row[column], factor)


# ------------------------------------------------------------------------------------------------- quotes


@mutation()
def quotes_retyped(book: Book, random: Random) -> None:
    def retyped(text: str) -> object:
        bid, _, ask = (part.strip() for part in text.partition("/"))
        return random.choice(
            (f"{bid}/{ask}", f"{bid} - {ask}", f"{bid} – {ask}", f"{bid} \\ {ask}", f"{bid} ⁄ {ask}", f"{bid} / ",
             f" / {ask}", f"{bid}", f"{bid} / {ask} / {ask}", f"{bid} / n/a", f"{bid}   {ask}", f"{bid} / {ask} x",
             f"{bid.replace('.', ',')} / {ask.replace('.', ',')}", f"−{bid} / {ask}", f"({bid}) / ({ask})",
             f"{bid} / {ask}", f"{bid}\n/\n{ask}", f"+{bid} / {ask}", f"0{bid} / {ask}", f"{bid}e400 / {ask}",
             f"{bid}  /  {ask}e0", f"{bid} /{ask}", f"1 {bid} / {ask}", f"nan / {ask}", 45.1, Raw("n", "45.1"),
             f"{bid} / {ask},1 / 2", f"[{bid} / {ask}]", f"{bid} / {ask}​", f"{bid}5 5 / {ask}", True)
        )  # fmt: skip

    sheets = quote_sheets(book)
    if sheets:
        sheet = random.choice(sheets)
        for row, column in some_values(book, random, sheet):
            book.sheets[sheet][row][column] = retyped(str(book.sheets[sheet][row][column]))


@mutation()
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


@mutation()
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


# ------------------------------------------------------------------------------------------------- ways to change


def _change(book: Book, random: Random, sheets: list[str], change: Callable[[float], object]) -> None:
    if sheets:
        sheet = random.choice(sheets)
        for row, column in some_values(book, random, sheet):
            value = book.sheets[sheet][row][column]
            book.sheets[sheet][row][column] = change(value if isinstance(value, float) else 45.1)


def _map(book: Book, sheet: str, change: Callable[[object], object]) -> None:
    for row, column in book.values(sheet):
        book.sheets[sheet][row][column] = change(book.sheets[sheet][row][column])
