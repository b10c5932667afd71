"""The head of a sheet: the labels in A or B that say what the rows of texts above its numbers mean, and its date."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime

from aurum.errors import UnknownVendor, UnreadableSheet
from aurum.market.identity import fold
from aurum.parsers.cells import UNREAD, Rows, address, is_blank, is_quote, shown, without_footnote
from aurum.parsers.layout import Layout, Role, SheetRule

HEADER_ROWS = 12  # labels stand among the first rows, and below them as long as there is no number
DATE_LABEL = "date"
FIRST_COLUMN = 2  # C: before it stand labels and tenors
# Dates that somebody has typed, beside ISO's; what stands between day, month and year counts as a blank.
DATE_FORMS = tuple(
    f"{form} {year}" for form in ("%d %b", "%d %B", "%b %d", "%B %d", "%d %m", "%m %d") for year in ("%Y", "%y")
)
_BETWEEN = re.compile(r"[\s,./-]+")
MISNAMED = "Does the file's name say the wrong vendor?"


@dataclass(frozen=True, slots=True)
class Sheet:
    """A sheet with its labels found: the row of each field of a header, and its own as-of date.

    Of a text such as 3/4/2025 both days that it may mean; none where the sheet says no date.
    """

    name: str
    rule: SheetRule
    rows: Rows
    labels: dict[str, int]
    as_of: frozenset[date]
    as_of_cell: str | None


def label_of(value: object) -> str:
    text = fold(shown(value)) if isinstance(value, str) else ""
    return without_footnote(without_footnote(text).rstrip(":").rstrip())


def find_labels(name: str, rows: Rows, rule: SheetRule, layout: Layout, file: str) -> Sheet:
    """The sheet with the rows of its labels; refused where one that the layout needs is missing."""
    labels: dict[str, int] = {}
    as_of: frozenset[date] = frozenset()
    as_of_cell = None
    for at, column in ((at, column) for at in _head(rows) for column in (0, 1)):
        label = label_of(rows[at][column]) if column < len(rows[at]) else ""
        field = layout.labels.get(label)
        if label == DATE_LABEL and column + 1 < len(rows[at]) and not is_blank(rows[at][column + 1]):
            as_of_cell = address(at, column + 1)
            as_of = _dates(rows[at][column + 1], name, as_of_cell, file)
        elif label in layout.foreign:
            raise UnknownVendor(
                f"{file}: {name!r} is labelled {shown(rows[at][column])!r}, as no file of {layout.vendor} is",
                hint=MISNAMED,
                file=file,
                sheet=name,
                cell=address(at, column),
            )
        elif field is not None and labels.setdefault(field, at) != at:
            raise UnreadableSheet(
                f"{file}: two rows of {name!r} are labelled {shown(rows[at][column])!r}",
                file=file,
                sheet=name,
                cell=address(at, column),
            )
    _check_read(name, rows, layout, file)
    for field, below in layout.above.items():
        if labels.get(below, 0) > 0:
            labels.setdefault(field, _above(rows, labels[below], layout))
    missing = [label for label, field in layout.labels.items() if field in layout.needed and field not in labels]
    if missing or not labels:
        wanted = ", ".join(missing or layout.labels)
        raise UnreadableSheet(f"{file}: {name!r} has no row labelled {wanted} above its numbers", file=file, sheet=name)
    if layout.markets and "market" in labels and rule.role is not Role.REGIONAL:
        _check_markets(name, rows[labels["market"]], labels["market"], layout, file)
    return Sheet(name, rule, rows, labels, as_of, as_of_cell)


def _check_read(name: str, rows: Rows, layout: Layout, file: str) -> None:
    """What nobody could calculate may be the label of a row that has one nowhere else, and holds something."""
    for at, row in ((at, rows[at]) for at in _head(rows)):
        first = row[:FIRST_COLUMN]
        unread = next((column for column, value in enumerate(first) if value in UNREAD), None)
        labelled = any(label_of(value) in {DATE_LABEL, *layout.labels} for value in first)
        if unread is None or labelled or has_number(row) or all(is_blank(value) for value in row[unread + 1 :]):
            continue
        cell = address(at, unread)
        raise UnreadableSheet(
            f"{file}: {cell} of {name!r} should hold the label of its row and holds {shown(first[unread])!r}",
            hint="Open the file in the program that made it, calculate and save it.",
            file=file,
            sheet=name,
            cell=cell,
        )


def _above(rows: Rows, below: int, layout: Layout) -> int:
    """The row of markets above another: blank rows and notes may have come between."""
    return next((at for at in range(below - 1, -1, -1) if _texts(rows[at]) & layout.markets), below - 1)


def _texts(row: Sequence[object]) -> set[str]:
    return {fold(shown(value)) for value in row[FIRST_COLUMN:] if not is_blank(value)}


def _check_markets(name: str, row: Sequence[object], at: int, layout: Layout, file: str) -> None:
    """A row that holds something else has come to stand where the markets are due."""
    texts = _texts(row)
    if texts and not texts & layout.markets:
        raise UnreadableSheet(
            f"{file}: row {at + 1} of {name!r} should hold markets such as {', '.join(sorted(layout.markets)).upper()} "
            f"and holds {sorted(texts)[0][:60]!r}",
            file=file,
            sheet=name,
            cell=address(at, FIRST_COLUMN),
        )


def _head(rows: Rows) -> Iterator[int]:
    """The rows that may bear labels."""
    for at, row in enumerate(rows):
        if at >= HEADER_ROWS and has_number(row):
            return
        yield at


def labelled_rows(rows: Rows, layout: Layout, field: str) -> list[int]:
    """The rows whose label means a field."""
    return [
        at for at in _head(rows) if any(layout.labels.get(label_of(each)) == field for each in rows[at][:FIRST_COLUMN])
    ]


def has_markets(rows: Rows, layout: Layout) -> bool:
    """Whether nothing but the layout's markets stands where it has them."""
    texts = [_texts(rows[at]) for at in labelled_rows(rows, layout, "market")]
    return bool(texts) and all(found and found <= layout.markets for found in texts)


def has_gaps(rows: Rows) -> bool:
    """Whether texts of the head are missing beside others: they may be merged with them."""
    return any(len({is_blank(value) for value in row[FIRST_COLUMN:]}) > 1 for row in rows[:HEADER_ROWS])


def spread(rows: Rows, merged: Iterable[tuple[tuple[int, int], tuple[int, int]]]) -> None:
    """Puts a text of the head above all columns that its merged cells span. `merged`: first and last row and column."""
    for (top, left), (_, right) in merged:
        text = rows[top][left] if top < min(HEADER_ROWS, len(rows)) and FIRST_COLUMN <= left < len(rows[top]) else None
        if isinstance(text, str) and not is_quote(text):
            end = min(right + 1, len(rows[top]))
            rows[top][left:end] = [text] * (end - left)


def _dates(value: object, sheet: str, cell: str, file: str) -> frozenset[date]:
    text = shown(value)
    found = _days(text)
    if not found:
        raise UnreadableSheet(
            f"{file}: {cell} of {sheet!r} should hold the as-of date and holds {text!r}",
            hint="A date cell, or a text such as 2025-02-12.",
            file=file,
            sheet=sheet,
            cell=cell,
        )
    return found


def _days(text: str) -> frozenset[date]:
    """The days that a text may mean."""
    with suppress(ValueError):
        return frozenset({datetime.fromisoformat(text).date()})
    words, found = _BETWEEN.sub(" ", text), set()
    for form in DATE_FORMS:
        with suppress(ValueError):
            found.add(datetime.strptime(words, form).date())  # noqa: DTZ007 (a date only)
    return frozenset(found)


def has_number(row: Sequence[object]) -> bool:
    return any(isinstance(value, float | int) or is_quote(value) for value in set(row[FIRST_COLUMN:]))
