"""Pages of a sorted list by keyset: after a position, never by counting rows."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from sqlalchemy import ColumnElement, Select, and_, or_

from aurum.backends.database import AnyRow, ReadConnection
from aurum.errors import InvalidCursor

T = TypeVar("T")
U = TypeVar("U")
R = TypeVar("R", bound=Sequence[Any])
Position = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class SortKey:
    """One column of a sort order. The columns together must be unique and not null."""

    column: ColumnElement[Any]
    descending: bool = False


@dataclass(frozen=True, slots=True)
class PageRequest:
    """`limit` items after `position` (None: from the start); `backward`: the ones before it, in the same order."""

    limit: int
    position: Position | None = None
    backward: bool = False


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """Items with the position of each."""

    items: Sequence[T]
    positions: Sequence[Position]
    has_next: bool
    has_previous: bool

    def map(self, function: Callable[[T], U]) -> Page[U]:
        return Page([function(item) for item in self.items], self.positions, self.has_next, self.has_previous)


async def read_page(
    connection: ReadConnection, statement: Select[Any], order: Sequence[SortKey], request: PageRequest
) -> Page[AnyRow]:
    """One statement: the page and one row more, which tells whether there is another page."""
    check(order, request.position)
    statement = page_statement(statement, order, request.position, request.backward).limit(request.limit + 1)
    return page_of(await connection.all(statement), len(order), request)


def page_statement(
    statement: Select[Any], order: Sequence[SortKey], position: Sequence[Any] | None, backward: bool
) -> Select[Any]:
    """The rows beyond a position, whose values may be bound later, each followed by its own position."""
    descending = [key.descending is not backward for key in order]
    if position is not None:
        statement = statement.where(_beyond(order, descending, position))
    keys = [key.column.label(f"position_{n}") for n, key in enumerate(order)]
    sort = [key.column.desc() if down else key.column.asc() for key, down in zip(order, descending, strict=True)]
    return statement.add_columns(*keys).order_by(*sort)


def page_of(found: Sequence[R], keys: int, request: PageRequest) -> Page[R]:
    """The page that rows of a `page_statement` are: one more than its limit says that there are others."""
    rows = list(found)
    more, rows = len(rows) > request.limit, rows[: request.limit]
    if request.backward:
        rows.reverse()
    cut = request.position is not None
    return Page(
        rows,
        [tuple(row[-keys:]) for row in rows],
        has_next=cut if request.backward else more,
        has_previous=more if request.backward else cut,
    )


def page_among(items: Sequence[T], position: Callable[[T], Position], request: PageRequest) -> Page[T]:
    """Of items that are at hand, sorted by their positions, which are texts; forwards."""
    places = [position(item) for item in items]
    if request.position is not None and not all(isinstance(value, str) for value in request.position):
        raise InvalidCursor("the cursor does not fit the order of the list")
    start = 0 if request.position is None else bisect_right(places, request.position)
    end = start + request.limit
    return Page(items[start:end], places[start:end], has_next=end < len(items), has_previous=start > 0)


def check(order: Sequence[SortKey], position: Position | None) -> None:
    """Raises InvalidCursor for a position that is none of this order."""
    if position is None:
        return
    expected = [key.column.type.python_type for key in order]
    fits = len(position) == len(order) and all(map(isinstance, position, expected))
    if not fits or any(isinstance(value, int) and abs(value) >= 2**63 for value in position):
        raise InvalidCursor("the cursor does not fit the order of the list")


def _beyond(order: Sequence[SortKey], descending: Sequence[bool], position: Sequence[Any]) -> ColumnElement[bool]:
    cases = []
    for n, (key, down, value) in enumerate(zip(order, descending, position, strict=True)):
        same = [earlier.column == position[m] for m, earlier in enumerate(order[:n])]
        cases.append(and_(*same, key.column < value if down else key.column > value))
    return or_(*cases)
