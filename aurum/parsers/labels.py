"""The head of a sheet: the labels in A or B that say what the rows of texts above its numbers mean, and its date."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from aurum.errors import UnknownVendor, UnreadableSheet
from aurum.market.identity import fold
from aurum.parsers.cells import UNREAD, Rows, address, is_blank, is_quote, shown
from aurum.parsers.layout import Layout, Role, SheetRule

HEADER_ROWS = 12  # labels stand among the first rows, and below them as long as there is no number
DATE_LABEL = "date"
FIRST_COLUMN = 2  # C: before it stand labels and tenors
MISNAMED = "Does the file's name say the wrong vendor?"


@dataclass(frozen=True, slots=True)
class Sheet:
    """A sheet with its labels found: the row of each field of a header, and its own as-of date."""

    name: str
    rule: SheetRule
    rows: Rows
    labels: dict[str, int]
    as_of: date | None
    as_of_cell: str | None


def label_of(value: object) -> str:
    return fold(value).rstrip(":").rstrip() if isinstance(value, str) else ""


def find_labels(name: str, rows: Rows, rule: SheetRule, layout: Layout, file: str) -> Sheet:
    """The sheet with the rows of its labels; refused where one that the layout needs is missing."""
    labels: dict[str, int] = {}
    as_of, as_of_cell = None, None
    for at, column in ((at, column) for at in _head(rows) for column in (0, 1)):
        label = label_of(rows[at][column]) if column < len(rows[at]) else ""
        field = layout.labels.get(label)
        if label == DATE_LABEL and column + 1 < len(rows[at]) and not is_blank(rows[at][column + 1]):
            as_of_cell = address(at, column + 1)
            as_of = _date(rows[at][column + 1], name, as_of_cell, file)
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


def has_label(rows: Rows, layout: Layout, field: str) -> bool:
    texts = (label_of(value) for at in _head(rows) for value in rows[at][:FIRST_COLUMN])
    return any(layout.labels.get(text) == field for text in texts)


def _date(value: object, sheet: str, cell: str, file: str) -> date:
    if isinstance(value, datetime):
        return value.date()
    if isinstance(value, date):
        return value
    try:
        return date.fromisoformat(shown(value))
    except ValueError:
        raise UnreadableSheet(
            f"{file}: {cell} of {sheet!r} should hold the as-of date and holds {shown(value)!r}",
            hint="A date cell, or a text such as 2025-02-12.",
            file=file,
            sheet=sheet,
            cell=cell,
        ) from None


def has_number(row: Sequence[object]) -> bool:
    return any(isinstance(value, float | int) or is_quote(value) for value in set(row[FIRST_COLUMN:]))
