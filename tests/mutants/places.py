"""Mutations of places: rows, columns, headers, labels and sheets are moved, exchanged, repeated and left out."""

from __future__ import annotations

from datetime import date, timedelta
from random import Random

from aurum.parsers.cells import address, column_letter
from tests.mutants.book import FIRST_COLUMN, Book, Raw
from tests.mutants.mutations import (
    Tells,
    any_sheet,
    insert_column,
    insert_rows,
    mutation,
    number_sheets,
    quote_sheets,
    two_columns,
)

# ------------------------------------------------------------------------------------------------- rows


@mutation()
def rows_above(book: Book, random: Random) -> None:
    insert_rows(book, any_sheet(book, random), 0, random.randint(1, 3))


@mutation()
def many_rows_above(book: Book, random: Random) -> None:
    insert_rows(book, any_sheet(book, random), 0, random.randint(4, 15))


@mutation()
def rows_between_labels(book: Book, random: Random) -> None:
    sheet = any_sheet(book, random)
    headers = book.header_rows(sheet)
    if headers:
        insert_rows(book, sheet, random.choice(headers), random.randint(1, 6))


@mutation()
def rows_above_data(book: Book, random: Random) -> None:
    sheet = any_sheet(book, random)
    insert_rows(book, sheet, min(book.data_rows(sheet), default=0), random.randint(1, 4))


@mutation()
def rows_in_data(book: Book, random: Random) -> None:
    sheet = any_sheet(book, random)
    insert_rows(book, sheet, random.choice(book.data_rows(sheet) or [0]), random.randint(1, 3))


@mutation()
def rows_deleted(book: Book, random: Random) -> None:
    sheet = any_sheet(book, random)
    for _ in range(random.randint(1, 3)):
        if rows := book.data_rows(sheet):
            del book.sheets[sheet][random.choice(rows)]


@mutation()
def header_row_deleted(book: Book, random: Random) -> None:
    sheet = any_sheet(book, random)
    if rows := book.header_rows(sheet):
        del book.sheets[sheet][random.choice(rows)]


@mutation()
def header_row_blanked(book: Book, random: Random) -> None:
    sheet = any_sheet(book, random)
    if rows := book.header_rows(sheet):
        row = book.sheets[sheet][random.choice(rows)]
        row[FIRST_COLUMN:] = [None] * (len(row) - FIRST_COLUMN)


@mutation()
def header_rows_exchanged(book: Book, random: Random) -> None:
    """The texts of two header rows; their labels stay."""
    sheet = any_sheet(book, random)
    rows = book.header_rows(sheet)
    if len(rows) > 1:
        one, other = random.sample(rows, 2)
        grid = book.sheets[sheet]
        grid[one][FIRST_COLUMN:], grid[other][FIRST_COLUMN:] = grid[other][FIRST_COLUMN:], grid[one][FIRST_COLUMN:]


@mutation()
def header_rows_reordered(book: Book, random: Random) -> None:
    """Whole rows, with their labels."""
    sheet = any_sheet(book, random)
    rows = book.header_rows(sheet)
    grid = book.sheets[sheet]
    order = random.sample(rows, len(rows))
    moved = [grid[row] for row in order]
    for row, content in zip(rows, moved, strict=True):
        grid[row] = content


@mutation()
def row_repeated(book: Book, random: Random) -> None:
    sheet = any_sheet(book, random)
    if rows := book.data_rows(sheet):
        row = random.choice(rows)
        book.sheets[sheet].insert(random.choice(rows), list(book.sheets[sheet][row]))


@mutation()
def row_repeated_with_other_values(book: Book, random: Random) -> None:
    sheet = any_sheet(book, random)
    rows = book.data_rows(sheet)
    if len(rows) > 1:
        one, other = random.sample(rows, 2)
        grid = book.sheets[sheet]
        grid.insert(random.choice(rows), [*grid[one][:FIRST_COLUMN], *grid[other][FIRST_COLUMN:]])


@mutation()
def rows_reordered(book: Book, random: Random) -> None:
    """Whole rows, with their labels."""
    sheet = any_sheet(book, random)
    rows, grid = book.data_rows(sheet), book.sheets[sheet]
    for row, content in zip(rows, [grid[row] for row in random.sample(rows, len(rows))], strict=True):
        grid[row] = content


@mutation()
def values_of_two_rows_exchanged(book: Book, random: Random) -> None:
    """On one sheet, beside labels that stay."""
    sheet = any_sheet(book, random)
    _exchange_rows(book, sheet, random, slice(FIRST_COLUMN, None))


@mutation()
def labels_of_two_rows_exchanged(book: Book, random: Random) -> None:
    _exchange_rows(book, any_sheet(book, random), random, slice(0, FIRST_COLUMN))


def _exchange_rows(book: Book, sheet: str, random: Random, part: slice) -> None:
    rows, grid = book.data_rows(sheet), book.sheets[sheet]
    if len(rows) > 1:
        one, other = random.sample(rows, 2)
        grid[one][part], grid[other][part] = grid[other][part], grid[one][part]


@mutation()
def values_down_a_row(book: Book, random: Random) -> None:
    """All values of a sheet against its labels; the last row falls off."""
    sheet = any_sheet(book, random)
    _shift_rows(book, sheet, book.columns(sheet), random.choice((1, -1)))


@mutation()
def column_down_a_row(book: Book, random: Random) -> None:
    sheet = any_sheet(book, random)
    if columns := book.columns(sheet):
        _shift_rows(book, sheet, [random.choice(columns)], random.choice((1, -1)))


@mutation()
def column_down_a_row_with_its_quotes(book: Book, random: Random) -> None:
    """On the sheets of months, mid and quotes; the strips stay."""
    sheets = [sheet for sheet in book.sheets if sheet.startswith("Fixed Prices")]
    headers = [book.header(sheet, column) for sheet in sheets[:1] for column in book.columns(sheet)]
    if headers:
        header, by = random.choice(headers)[:3], random.choice((1, -1))
        for sheet in sheets:
            _shift_rows(book, sheet, [c for c in book.columns(sheet) if book.header(sheet, c)[:3] == header], by)


@mutation()
def labels_down_a_row(book: Book, random: Random) -> None:
    """On all sheets of months: labels against values."""
    by = random.choice((1, -1))
    for sheet in book.sheets:
        rows, grid = book.data_rows(sheet), book.sheets[sheet]
        if rows and isinstance(grid[rows[0]][1], date):
            _roll(grid, rows, [1], by)


@mutation()
def months_begin_elsewhere(book: Book, random: Random) -> None:
    by = random.choice((-12, -1, 1, 2, 12))
    for sheet in book.sheets:
        for row in book.sheets[sheet]:
            if isinstance(row[1], date) and row[0] is None:
                month = row[1].year * 12 + row[1].month - 1 + by
                row[1] = date(month // 12, month % 12 + 1, 1)


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


@mutation()
def total_row(book: Book, random: Random) -> None:
    sheet = any_sheet(book, random)
    grid, rows = book.sheets[sheet], book.data_rows(sheet)
    label = random.choice(("Total", "Average", "Avg.", None, "Calendar Avg"))
    where = random.choice((0, 1))
    total: list[object] = [None, None, *grid[rows[-1]][FIRST_COLUMN:]] if rows else [None, None]
    total[where] = label
    grid.insert(random.choice((len(grid), rows[0])) if rows else 0, total)


@mutation()
def notes(book: Book, random: Random) -> None:
    sheet = any_sheet(book, random)
    grid = book.sheets[sheet]
    row: list[object] = [None] * max(3, len(grid[0]))
    row[random.choice((0, 1, 2, len(row) - 1))] = random.choice(
        ("Indicative only", "© 2025 Vendor", "Source: broker / own", "n/a", "see 2025-02 / note 3", "🔥 draft", " ")
    )
    grid.insert(random.randint(0, len(grid)), row)


@mutation()
def block_repeated_below(book: Book, random: Random) -> None:
    sheet = any_sheet(book, random)
    grid = book.sheets[sheet]
    again = [list(row) for row in grid]
    if random.random() < 0.5:  # in another unit
        again = [[value * 1.1 if isinstance(value, float) else value for value in row] for row in again]
    grid += [[None] * len(grid[0]), *again]


@mutation()
def hidden(book: Book, random: Random) -> None:
    sheet = any_sheet(book, random)
    book.hidden_rows[sheet] = set(random.sample(range(len(book.sheets[sheet])), 3))
    book.hidden_sheets.add(any_sheet(book, random))


# ------------------------------------------------------------------------------------------------- columns


@mutation()
def column_before_all(book: Book, random: Random) -> None:
    insert_column(book, any_sheet(book, random), random.choice((0, 1)))


@mutation()
def blank_column_in_data(book: Book, random: Random) -> None:
    sheet = any_sheet(book, random)
    insert_column(book, sheet, random.choice(book.columns(sheet) or [2]))


@mutation(new_names=True)
def columns_deleted(book: Book, random: Random) -> None:
    sheet = any_sheet(book, random)
    for _ in range(random.randint(1, 3)):
        if columns := book.columns(sheet):
            column = random.choice(columns)
            for row in book.sheets[sheet]:
                del row[column]


@mutation()
def column_repeated(book: Book, random: Random) -> None:
    """With all its header, filled in where it is carried."""
    _repeat_column(book, random, lambda value: value)


@mutation()
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


@mutation()
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


@mutation(simple=Tells.DAYS)
def headers_of_two_columns_exchanged(book: Book, random: Random) -> None:
    sheet = any_sheet(book, random)
    _fill_header(book, sheet)
    if pair := two_columns(book, random, sheet):
        _exchange_columns(book, sheet, pair, book.header_rows(sheet))


@mutation(simple=Tells.DAYS)
def values_of_two_columns_exchanged(book: Book, random: Random) -> None:
    sheet = any_sheet(book, random)
    if pair := two_columns(book, random, sheet):
        _exchange_columns(book, sheet, pair, book.data_rows(sheet))


@mutation(tells=Tells.DAYS)
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
    return tuple(str(text) for text in book.header(sheet, column) if "mid" not in str(text).casefold())[:7]


def _exchange_columns(book: Book, sheet: str, pair: tuple[int, int], rows: list[int]) -> None:
    one, other = pair
    for at in rows:
        row = book.sheets[sheet][at]
        row[one], row[other] = row[other], row[one]


@mutation(simple=Tells.DAYS)
def values_right_a_column(book: Book, random: Random) -> None:
    """All values of a sheet against its header."""
    sheet, by = any_sheet(book, random), random.choice((1, -1))
    columns = book.columns(sheet)
    for at in book.data_rows(sheet):
        row = book.sheets[sheet][at]
        values = [row[column] for column in columns]
        for column, value in zip(columns, values[-by:] + values[:-by], strict=True):
            row[column] = value


@mutation()
def header_of_another_column(book: Book, random: Random) -> None:
    sheet = any_sheet(book, random)
    _fill_header(book, sheet)
    if pair := two_columns(book, random, sheet):
        for at in book.header_rows(sheet):
            book.sheets[sheet][at][pair[0]] = book.sheets[sheet][at][pair[1]]


@mutation(new_names=True)
def header_cell_changed(book: Book, random: Random) -> None:
    sheet = any_sheet(book, random)
    if (rows := book.header_rows(sheet)) and (columns := book.columns(sheet)):
        row, column = random.choice(rows), random.choice(columns)
        was = book.sheets[sheet][row][column]
        book.sheets[sheet][row][column] = random.choice(
            (None, "", " ", "n/a", f"{was}​", f"{was} x", f"‏{was}", "Dutch_TTF́", "BASE", "US", 7.0, date(2025, 2, 1),
             "Bid   /   Ask", "Mid", "🔥", "ＰＪＭ", True, Raw("e", "#REF!"), str(was).upper(), f"  {was}  ")
        )  # fmt: skip


@mutation(new_names=True)
def header_merged(book: Book, random: Random) -> None:
    """Excel keeps the first text of a merged range only."""
    sheet = any_sheet(book, random)
    rows, columns = book.header_rows(sheet), book.columns(sheet)
    if rows and len(columns) > 1:
        row, first = random.choice(rows), random.choice(columns[:-1])
        _merge(book, sheet, row, first, row, min(first + random.randint(1, 4), columns[-1]))


@mutation()
def values_merged(book: Book, random: Random) -> None:
    sheet = any_sheet(book, random)
    if places := book.values(sheet):
        row, column = random.choice(places)
        grid = book.sheets[sheet]
        down, right = random.choice(((0, 1), (1, 0), (2, 3)))
        _merge(book, sheet, row, column, min(row + down, len(grid) - 1), min(column + right, len(grid[0]) - 1))


@mutation()
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


@mutation()
def stray_cell(book: Book, random: Random) -> None:
    """Far right of, or below, everything."""
    grid = book.sheets[any_sheet(book, random)]
    row, column = random.choice(((random.randint(0, 40), len(grid[0]) + 30), (len(grid) + 50, random.randint(0, 5))))
    width = max(column + 1, len(grid[0]))
    grid += [[] for _ in range(row + 1 - len(grid))]
    for cells in grid:
        cells += [None] * (width - len(cells))
    grid[row][column] = random.choice((1.0, "x", "1 / 2", date(2025, 5, 1)))


# ------------------------------------------------------------------------------------------------- sheets


def _renamed(book: Book, old: str, new: str) -> None:
    book.sheets = {new if name == old else name: grid for name, grid in book.sheets.items()}


@mutation()
def sheet_renamed(book: Book, random: Random) -> None:
    sheet = random.choice(list(book.sheets))
    name = random.choice(
        (sheet.upper(), f" {sheet} ", sheet.replace(" ", "  "), sheet.replace("-", "–"), f"{sheet} (2)", "Prices",
         sheet.replace("e", "е"), f"{sheet}​", "Fixed Prices - Mid", "Strips - BidAsk", "North America")
    )  # fmt: skip
    if name not in book.sheets:
        _renamed(book, sheet, name)


@mutation()
def sheets_reordered(book: Book, random: Random) -> None:
    book.sheets = dict(random.sample(list(book.sheets.items()), len(book.sheets)))


@mutation()
def sheet_deleted(book: Book, random: Random) -> None:
    if len(book.sheets) > 1:
        del book.sheets[random.choice(list(book.sheets))]


@mutation()
def sheet_repeated(book: Book, random: Random) -> None:
    sheet = random.choice(list(book.sheets))
    name = random.choice((f"{sheet} (2)", f"{sheet} ", sheet.lower(), "Spark Spread", "Europe", "Strips - Mid"))
    if name not in book.sheets:
        book.sheets[name] = [list(row) for row in book.sheets[sheet]]


@mutation()
def sheet_emptied(book: Book, random: Random) -> None:
    sheet = random.choice(list(book.sheets))
    kept = random.choice((0, 1, 5, 9, 11, 12))
    book.sheets[sheet] = [row[: random.choice((1, 2, len(row)))] for row in book.sheets[sheet][:kept]]


@mutation(simple=Tells.FILE)
def contents_of_two_sheets_exchanged(book: Book, random: Random) -> None:
    if len(book.sheets) > 1:
        one, other = random.sample(list(book.sheets), 2)
        book.sheets[one], book.sheets[other] = book.sheets[other], book.sheets[one]


@mutation()
def contents_of_two_sheets_of_a_kind_exchanged(book: Book, random: Random) -> None:
    sheets = random.choice((number_sheets(book), quote_sheets(book)))
    if len(sheets) > 1:
        one, other = random.sample(sheets, 2)
        book.sheets[one], book.sheets[other] = book.sheets[other], book.sheets[one]


# ------------------------------------------------------------------------------------------------- names and labels


@mutation()
def named_as_of_another_day(book: Book, random: Random) -> None:
    day = date(2025, 2, 12) + timedelta(days=random.choice((-365, -30, -12, -1, 1, 17, 28)))
    book.name = f"EOD_{book.name.split('_')[1]}_{day:%Y%m%d}_2215.xlsx"


@mutation()
def named_as_of_another_vendor(book: Book, random: Random) -> None:
    vendor = book.name.split("_")[1]
    other = random.choice([name for name in ("EUGP", "RP", "PW", "SIMPLE", "ACME") if name != vendor])
    book.name = book.name.replace(vendor, other)


@mutation()
def named_otherwise(book: Book, random: Random) -> None:
    book.name = random.choice(
        ("prices.xlsx", book.name.lower(), book.name.replace(".xlsx", " (1).xlsx"), f"copy of {book.name}", "",
         book.name.replace("20250212", "20251302"), book.name.replace("2025", "２０２５"), f"{book.name}.xlsx")
    )  # fmt: skip


@mutation()
def as_of_cell_changed(book: Book, random: Random) -> None:
    for grid in random.choice(([*book.sheets.values()], [random.choice([*book.sheets.values()])])):
        for row in grid:
            if row and row[0] == "Date:":
                row[1] = random.choice(
                    (date(2025, 2, 13), date(2024, 2, 12), date(2025, 12, 2), "2025-02-12", "12/02/2025", "02/12/2025",
                     "12.02.2025", 45700.0, "45700", None, "yesterday", "Feb 12, 2025", Raw("e", "#N/A"), True)
                )  # fmt: skip


_LABELS = {"Location": "Loc.", "Product": "product :", "PEAK": "Peak", "Date:": "As of", "ISO:": "iso", "Hours:": "HOURS",
           "Units:": "Unit", "Market:": "Market​", "Spark Location": "Spark", "Location:": "Локация"}  # fmt: skip


@mutation(new_names=True)
def label_changed(book: Book, random: Random) -> None:
    sheet = any_sheet(book, random)
    found = [(row, at) for row in book.sheets[sheet][:12] for at in (0, 1) if at < len(row) and row[at] in _LABELS]
    if found:
        row, at = random.choice(found)
        row[at] = random.choice((None, _LABELS[str(row[at])], "Product", "Location", "Units", "Spark Location", "Date"))


@mutation(new_names=True)
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


@mutation()
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
        (text.upper(), text.replace("Calendar", "Cal"), text.replace(" ", "-"), text.replace(" ", " "), f"{text}*",
         text.replace("20", "", 1), text.replace("Winter", "Win"), None, text.replace("Calendar ", "CY"),
         text.replace("Summer", "Ѕummer"))
    )  # fmt: skip


@mutation()
def strip_of_another_year(book: Book, random: Random) -> None:
    """On one sheet a strip is said to be of a year that no other has, or that another has."""
    sheets = [s for s in book.sheets if any(isinstance(book.sheets[s][row][1], str) for row in book.data_rows(s))]
    if sheets:
        sheet = random.choice(sheets)
        row = book.sheets[sheet][random.choice(book.data_rows(sheet))]
        if isinstance(row[1], str) and row[1].count("20") == 1:
            year = int(row[1][-4:]) if row[1][-4:].isdigit() else 2026
            row[1] = row[1].replace(str(year), str(year + random.choice((-1, 1, 2, 20))))


@mutation()
def all_months_as_texts(book: Book, random: Random) -> None:
    sheet = any_sheet(book, random)
    spelling = random.choice(("%Y-%m-%d", "%b-%y", "%d/%m/%Y", "%m/%d/%Y", "%d.%m.%Y", "%B %Y", "%Y%m", "%Y/%m/%d"))
    for row in book.sheets[sheet]:
        if len(row) > 1 and isinstance(row[1], date) and row[0] is None:
            row[1] = f"{row[1]:{spelling}}"


@mutation()
def all_months_as_numbers(book: Book, random: Random) -> None:
    sheet = any_sheet(book, random)
    for row in book.sheets[sheet]:
        if len(row) > 1 and isinstance(row[1], date):
            row[1] = float(row[1].toordinal() - 693594)


@mutation()
def all_months_on_another_day(book: Book, random: Random) -> None:
    """As Excel shows it, a month: but its cell holds the last day of the month before, or another day."""
    sheet, by = any_sheet(book, random), random.choice((-1, 1, 14))
    for row in book.sheets[sheet]:
        if len(row) > 1 and isinstance(row[1], date) and row[0] is None:
            row[1] += timedelta(days=by)


@mutation()
def written_as_of_1904(book: Book, random: Random) -> None:
    """Rightly: every date counted from there."""
    book.starts_1904 = True


@mutation()
def read_as_of_1904(book: Book, random: Random) -> None:
    """Wrongly: the dates are still counted from 1900."""
    book.starts_1904 = True
    for grid in book.sheets.values():
        for row in grid:
            row[:] = [
                Raw("n", str(cell.toordinal() - 693594), style=1) if isinstance(cell, date) else cell for cell in row
            ]


@mutation()
def everything_as_formulas(book: Book, random: Random) -> None:
    """With their values: they are read as those."""
    sheet = any_sheet(book, random)
    for row in book.sheets[sheet]:
        row[:] = [
            Raw("n", repr(cell), f"{column_letter(at)}1*1") if isinstance(cell, float) else cell
            for at, cell in enumerate(row)
        ]
