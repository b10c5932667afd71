"""The file's name, its dates, the labels of rows and of delivery periods become others."""

from __future__ import annotations

from datetime import date, timedelta
from random import Random

from aurum.parsers.cells import column_letter
from tests.mutants.book import Book, Raw
from tests.mutants.mutations import (
    Tells,
    any_sheet,
    insert_rows,
    mutation,
)


@mutation("AS_OF_MISMATCH", "FIRST_MONTH_WRONG", simple=Tells.NOTHING, pw=Tells.NOTHING)
def named_as_of_another_day(book: Book, random: Random) -> None:
    day = date(2025, 2, 12) + timedelta(days=random.choice((-365, -30, -12, -1, 1, 17, 28)))
    book.name = f"EOD_{book.name.split('_')[1]}_{day:%Y%m%d}_2215.xlsx"


@mutation("UNKNOWN_VENDOR", "MISSING_SHEET", new_names=True)
def named_as_of_another_vendor(book: Book, random: Random) -> None:
    vendor = book.name.split("_")[1]
    other = random.choice([name for name in ("EUGP", "RP", "PW", "SIMPLE", "ACME") if name != vendor])
    book.name = book.name.replace(vendor, other)


@mutation("UNKNOWN_VENDOR", "AS_OF_MISMATCH", "MISSING_AS_OF", harmless=True)
def named_otherwise(book: Book, random: Random) -> None:
    book.name = random.choice(
        ("prices.xlsx", book.name.lower(), book.name.replace(".xlsx", " (1).xlsx"), f"copy of {book.name}", "",
         book.name.replace("20250212", "20251302"), book.name.replace("2025", "２０２５"), f"{book.name}.xlsx")
    )  # fmt: skip


@mutation("UNREADABLE_SHEET", "AS_OF_MISMATCH")
def as_of_cell_changed(book: Book, random: Random) -> None:
    for grid in random.choice(([*book.sheets.values()], [random.choice([*book.sheets.values()])])):
        for row in grid:
            if row and row[0] == "Date:":
                row[1] = random.choice(
                    (date(2025, 2, 13), date(2024, 2, 12), date(2025, 12, 2), "2025-02-12", "12/02/2025", "02/12/2025",
                     "12.02.2025", 45700.0, "45700", None, "yesterday", "Feb 12, 2025", Raw("e", "#N/A"), True)
                )  # fmt: skip


_LABELS = {"Location": "Loc.", "Product": "product :", "PEAK": "Peak", "Date:": "As of", "ISO:": "iso",
           "Hours:": "HOURS", "Units:": "Unit",
           "Market:": "Market\u200b", "Spark Location": "Spark", "Location:": "Локация"}  # fmt: skip


@mutation("UNREADABLE_SHEET", "CONFLICTING_COLUMNS", "TOO_MANY_ERRORS", new_names=True)
def label_changed(book: Book, random: Random) -> None:
    sheet = any_sheet(book, random)
    found = [(row, at) for row in book.sheets[sheet][:12] for at in (0, 1) if at < len(row) and row[at] in _LABELS]
    if found:
        row, at = random.choice(found)
        row[at] = random.choice((None, _LABELS[str(row[at])], "Product", "Location", "Units", "Spark Location", "Date"))


@mutation("UNREADABLE_SHEET", "UNKNOWN_VENDOR", new_names=True)
def header_row_added(book: Book, random: Random) -> None:
    """Labelled as another layout of the vendors would label it, or not at all."""
    sheet = any_sheet(book, random)
    columns, rows = book.columns(sheet), book.header_rows(sheet)
    if not columns or not rows:
        return
    at = random.randint(rows[0], rows[-1] + 1)
    insert_rows(book, sheet, at, 1)
    row = book.sheets[sheet][at]
    row[random.choice((0, 1))] = random.choice((None, "Units", "Currency", "ISO", "Hours", "Quality", "Notes"))
    text = random.choice(("EUR/MWh", "USD/bbl", "firm", 1.0, "Bid / Ask", "Mid"))
    for column in columns:
        row[column] = text


@mutation("FIRST_MONTH_WRONG")
def tenor_spelt_otherwise(book: Book, random: Random) -> None:
    """The same period in other words, one that is not read, or another one."""
    sheet = any_sheet(book, random)
    rows = book.data_rows(sheet)
    for at in random.sample(rows, min(len(rows), random.randint(1, 3))):
        row = book.sheets[sheet][at]
        row[1] = _spelt(row[1], random)


def _spelt(label: object, random: Random) -> object:
    if isinstance(label, date):
        return random.choice(
            (f"{label:%Y-%m}", f"{label:%b-%y}", f"{label:%B %Y}", f"{label:%d/%m/%Y}", f"{label:%m/%Y}", label.day,
             f"{label:%b %d}", f" {label:%Y-%m-%d} ", label + timedelta(days=14), float(label.toordinal() - 693594),
             None, "M+1", f"{label:%Y}-{label.month}")
        )  # fmt: skip
    text = str(label)
    return random.choice(
        (text.upper(), text.replace("Calendar", "Cal"), text.replace(" ", "-"), text.replace(" ", "\u00a0"), f"{text}*",
         text.replace("20", "", 1), text.replace("Winter", "Win"), None, text.replace("Calendar ", "CY"),
         text.replace("Summer", "Ѕummer"))
    )  # fmt: skip


@mutation("STRIP_NOT_MEAN", "CONFLICTING_TENORS", tells=Tells.MARK)
def strip_of_another_year(book: Book, random: Random) -> None:
    """On one sheet a strip is said to be of a year that no other has, or that another has."""
    sheets = [s for s in book.sheets if any(isinstance(book.sheets[s][row][1], str) for row in book.data_rows(s))]
    if sheets:
        sheet = random.choice(sheets)
        row = book.sheets[sheet][random.choice(book.data_rows(sheet))]
        if isinstance(row[1], str) and row[1].count("20") == 1:
            year = int(row[1][-4:]) if row[1][-4:].isdigit() else 2026
            row[1] = row[1].replace(str(year), str(year + random.choice((-1, 1, 2, 20))))


@mutation("UNREADABLE_SHEET")
def all_months_as_texts(book: Book, random: Random) -> None:
    sheet = any_sheet(book, random)
    spelling = random.choice(("%Y-%m-%d", "%b-%y", "%d/%m/%Y", "%m/%d/%Y", "%d.%m.%Y", "%B %Y", "%Y%m", "%Y/%m/%d"))
    for row in book.sheets[sheet]:
        if len(row) > 1 and isinstance(row[1], date) and row[0] is None:
            row[1] = f"{row[1]:{spelling}}"


@mutation("UNREADABLE_SHEET")
def all_months_as_numbers(book: Book, random: Random) -> None:
    sheet = any_sheet(book, random)
    for row in book.sheets[sheet]:
        if len(row) > 1 and isinstance(row[1], date):
            row[1] = float(row[1].toordinal() - 693594)


@mutation("UNREADABLE_SHEET")
def all_months_on_another_day(book: Book, random: Random) -> None:
    """As Excel shows it, a month: but its cell holds the last day of the month before, or another day."""
    sheet, by = any_sheet(book, random), random.choice((-1, 1, 14))
    for row in book.sheets[sheet]:
        if len(row) > 1 and isinstance(row[1], date) and row[0] is None:
            row[1] += timedelta(days=by)


@mutation(harmless=True)
def written_as_of_1904(book: Book, random: Random) -> None:
    """Rightly: every date counted from there."""
    book.starts_1904 = True


@mutation("AS_OF_MISMATCH", "UNREADABLE_SHEET")
def read_as_of_1904(book: Book, random: Random) -> None:
    """Wrongly: the dates are still counted from 1900."""
    book.starts_1904 = True
    for grid in book.sheets.values():
        for row in grid:
            row[:] = [
                Raw("n", str(cell.toordinal() - 693594), style=1) if isinstance(cell, date) else cell for cell in row
            ]


@mutation(harmless=True)
def everything_as_formulas(book: Book, random: Random) -> None:
    """With their values: they are read as those."""
    sheet = any_sheet(book, random)
    for row in book.sheets[sheet]:
        row[:] = [
            Raw("n", repr(cell), f"{column_letter(at)}1*1") if isinstance(cell, float) else cell
            for at, cell in enumerate(row)
        ]
