"""Pages of a sorted list by keyset: after a position, never by counting rows."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from sqlalchemy import ColumnElement, Select, and_, func, or_, select

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


async def read_pages(
    connection: ReadConnection, statement: Select[Any], of: ColumnElement[Any], order: Sequence[SortKey],
    request: PageRequest,
) -> dict[Any, Page[AnyRow]]:  # fmt: skip
    """By what `of` is: the page of its rows. One statement for all of them; nothing where there is no row."""
    check(order, request.position)
    found = page_statement(statement, order, request.position, request.backward)
    sort = [key.column.desc() if key.descending is not request.backward else key.column for key in order]
    place = func.row_number().over(partition_by=of, order_by=sort).label("place")
    ranked = found.order_by(None).add_columns(of.label("page_of"), place).subquery()
    names = [each for each in ranked.c if each.name not in ("place", "page_of")]
    keys, positions = names[: -len(order)], names[-len(order) :]
    columns = [*keys, ranked.c.page_of, *positions]
    rows = await connection.all(
        select(*columns).where(ranked.c.place <= request.limit + 1).order_by(ranked.c.page_of, ranked.c.place)
    )
    by_key: dict[Any, list[AnyRow]] = {}
    for row in rows:
        by_key.setdefault(row.page_of, []).append(row)
    return {key: page_of(all_, len(order), request) for key, all_ in by_key.items()}


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
    """Of items that are at hand, sorted by their positions, which are texts."""
    places = [position(item) for item in items]
    if request.position is not None and not all(isinstance(value, str) for value in request.position):
        raise InvalidCursor("the cursor does not fit the order of the list")
    if request.backward:
        end = len(items) if request.position is None else bisect_left(places, request.position)
        start = max(0, end - request.limit)
    else:
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
