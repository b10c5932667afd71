"""What may become of a file: a mutation spoils a book in place, and says which reasons for not serving a number fit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from random import Random

from tests.mutants.book import Book, is_value

Spoil = Callable[[Book, Random], None]


class Tells(Enum):
    """Who knows that a number is wrong: the file, which must not serve it; one that must mark it; only the days before
    it, if the number is far enough off; or nobody.
    """

    FILE = "file"
    MARK = "mark"
    DAYS = "days"
    NOTHING = "nothing"


@dataclass(frozen=True)
class Mutation:
    """`codes`: the reasons that fit. `new_names`: curves of other names are what the file says now.

    `off`: how far a number must be from what it was to be another. `harmless`: no number is lost or becomes another.
    """

    name: str
    spoil: Spoil
    codes: frozenset[str]
    tells: Tells = Tells.FILE
    new_names: bool = False
    off: float = 0.0
    harmless: bool = False
    but: dict[str, Tells] = field(default_factory=dict)

    def told_by(self, vendor: str) -> Tells:
        return self.but.get(vendor, self.tells)


OFF = 0.001  # what bids, asks and strips are rounded to, and with it a mid: less is no other number
MUTATIONS: dict[str, Mutation] = {}

# What is said where numbers contradict each other; the last one because RP has one curve in two columns.
NUMBERS = (
    *("MID_OUTSIDE_QUOTE", "MID_NOT_MIDDLE", "STRIP_NOT_MEAN", "SPARK_NOT_SPREAD", "REGIONAL_MISMATCH"),
    *("TOO_MANY_ERRORS", "CONFLICTING_COLUMNS"),
)


def mutation(
    *codes: str,
    tells: Tells = Tells.FILE,
    new_names: bool = False,
    off: float = 0.0,
    harmless: bool = False,
    simple: Tells | None = None,
    pw: Tells | None = None,
    rp: Tells | None = None,
) -> Callable[[Spoil], Spoil]:
    """Registers a mutation by its function's name. `simple`, `pw` and `rp`: who can tell in these vendors' files."""
    but = {vendor: who for vendor, who in (("SIMPLE", simple), ("PW", pw), ("RP", rp)) if who is not None}

    def registered(spoil: Spoil) -> Spoil:
        name = spoil.__name__
        MUTATIONS[name] = Mutation(name, spoil, frozenset(codes), tells, new_names, off, harmless, but)
        return spoil

    return registered


# ------------------------------------------------------------------------------------------------- what is chosen


def any_sheet(book: Book, random: Random) -> str:
    """A sheet with numbers; any sheet where none has."""
    filled = [sheet for sheet in book.sheets if book.data_rows(sheet)]
    return random.choice(filled or list(book.sheets))


def some_values(book: Book, random: Random, sheet: str, most: int = 3) -> list[tuple[int, int]]:
    places = book.values(sheet)
    return random.sample(places, min(len(places), random.randint(1, most)))


def number_sheets(book: Book) -> list[str]:
    """The sheets of mids."""
    return [
        sheet for sheet in book.sheets if _first(book, sheet) is not None and not isinstance(_first(book, sheet), str)
    ]


def quote_sheets(book: Book) -> list[str]:
    return [sheet for sheet in book.sheets if isinstance(_first(book, sheet), str)]


def _first(book: Book, sheet: str) -> object:
    return next((v for row in book.sheets[sheet] for v in row[2:] if is_value(v)), None)


def two_columns(book: Book, random: Random, sheet: str) -> tuple[int, int] | None:
    columns = book.columns(sheet)
    if len(columns) < 2:
        return None
    one, other = random.sample(columns, 2)
    return one, other


def insert_rows(book: Book, sheet: str, at: int, count: int) -> None:
    grid = book.sheets[sheet]
    width = max(map(len, grid), default=0)
    grid[at:at] = [[None] * width for _ in range(count)]


def insert_column(book: Book, sheet: str, at: int) -> None:
    for row in book.sheets[sheet]:
        row.insert(at, None)


def scaled(value: object, factor: float) -> object:
    if isinstance(value, str) and value.count("/") == 1:
        try:
            sides = [float(side) * factor for side in value.split("/")]
        except ValueError:
            return value
        return "   /   ".join(f"{side:.5f}" for side in sides)
    return value * factor if isinstance(value, float) else value


def change_some(book: Book, random: Random, sheets: list[str], change: Callable[[float], object]) -> None:
    if sheets:
        sheet = random.choice(sheets)
        for row, column in some_values(book, random, sheet):
            value = book.sheets[sheet][row][column]
            book.sheets[sheet][row][column] = change(value if isinstance(value, float) else 45.1)


def map_values(book: Book, sheet: str, change: Callable[[object], object]) -> None:
    for row, column in book.values(sheet):
        book.sheets[sheet][row][column] = change(book.sheets[sheet][row][column])


def without_side(texts: tuple[object, ...]) -> list[object]:
    return [text for text in texts if text not in ("Mid", "Bid   /   Ask")]
