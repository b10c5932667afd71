"""Connections as Relay's cursor specification has them, with keyset cursors."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Sequence
from datetime import date, datetime
from typing import Annotated, Any, Generic, TypeVar

import orjson
import strawberry

from aurum.backends.paging import Page, PageRequest, Position
from aurum.errors import InvalidCursor, InvalidInput
from aurum.graphql.columnar.records import RecordBatch
from aurum.graphql.sizes import DEFAULT_PAGE

MOST_ITEMS = 500  # of a page
T = TypeVar("T")
Item = TypeVar("Item")
C = TypeVar("C", bound="Connection[Any]")

First = Annotated[
    int | None,
    strawberry.argument(
        description=f"How many, from the start or after `after`; null: {DEFAULT_PAGE}. At most {MOST_ITEMS}, unless "
        "the field says another number."
    ),
]
After = Annotated[str | None, strawberry.argument(description="The cursor of the item before the page.")]
Last = Annotated[
    int | None, strawberry.argument(description="How many, from the end or before `before`; at most as `first`.")
]
Before = Annotated[str | None, strawberry.argument(description="The cursor of the item after the page.")]


@strawberry.type(description="Where a page stands in the whole list.")
class PageInfo:
    has_next_page: bool = strawberry.field(description="Whether there is something after this page.")
    has_previous_page: bool = strawberry.field(description="Whether there is something before this page.")
    start_cursor: str | None = strawberry.field(description="Cursor of the first item, null on an empty page.")
    end_cursor: str | None = strawberry.field(description="Cursor of the last item, null on an empty page.")


@strawberry.type(description="An item of a connection.")
class Edge(Generic[T]):
    node: T = strawberry.field(description="The item.")
    cursor: str = strawberry.field(description="Where the item stands; pass it as `after` or `before`.")


@strawberry.type(description="A page of a list.")
class Connection(Generic[T]):
    page_info: PageInfo = strawberry.field(description="Where this page stands.")
    edges: Sequence[Edge[T]] = strawberry.field(description="Items with their cursors.")
    nodes: Sequence[T] = strawberry.field(description="The items alone.")


def page_request(
    order: str,
    first: int | None,
    after: str | None,
    last: int | None = None,
    before: str | None = None,
    *,
    most: int = MOST_ITEMS,
) -> PageRequest:
    """What the four arguments ask for. `order` names list and sort order: cursors of another one are refused."""
    if first is not None and last is not None:
        raise InvalidInput("give `first` or `last`, not both", field="last")
    if (first is not None and before is not None) or (last is not None and after is not None):
        raise InvalidInput("`after` goes with `first`, `before` with `last`")
    backward = last is not None or before is not None
    limit = (last if backward else first) if (last is not None or first is not None) else DEFAULT_PAGE
    if limit is None or not 0 <= limit <= most:
        raise InvalidInput(f"a page holds 0 to {most} items", field="last" if backward else "first")
    cursor = before if backward else after
    return PageRequest(limit, None if cursor is None else decode_cursor(order, cursor), backward)


def connection(kind: type[C], order: str, page: Page[Item], node: Callable[[Item], Any], **more: Any) -> C:
    """The connection of type `kind` over a page; `more` are further fields of `kind`."""
    return connected(kind, order, page, [node(item) for item in page.items], **more)


def connected(kind: type[C], order: str, page: Page[Any], nodes: Sequence[Any], **more: Any) -> C:
    """The connection over a page of which the nodes are made."""
    places = page.positions
    info = PageInfo(
        has_next_page=page.has_next,
        has_previous_page=page.has_previous,
        start_cursor=encode_cursor(order, places[0]) if places else None,
        end_cursor=encode_cursor(order, places[-1]) if places else None,
    )
    # Cursors are made where they are asked for.
    edges: Any = RecordBatch(
        Edge, len(nodes), {"node": nodes, "cursor": lambda: [encode_cursor(order, place) for place in places]}
    )
    return kind(page_info=info, edges=edges, nodes=nodes, **more)


def encode_cursor(order: str, position: Sequence[Any]) -> str:
    content = orjson.dumps([order, *map(_tagged, position)])
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


def decode_cursor(order: str, cursor: str) -> Position:
    """Raises InvalidCursor for one of another list, another order or another server."""
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        found, *values = orjson.loads(base64.b64decode(padded.encode("ascii"), b"-_", validate=True))
        if found == order:
            return tuple(map(_untagged, values))
    except (ValueError, TypeError, KeyError, UnicodeError, binascii.Error):
        pass
    raise InvalidCursor(
        "the cursor is not one of this list in this order",
        hint="Use a cursor of the same field, filter and order.",
    )


def _tagged(value: Any) -> Any:
    if isinstance(value, datetime):
        return {"at": value.isoformat()}
    if isinstance(value, date):
        return {"on": value.isoformat()}
    return value


def _untagged(value: Any) -> Any:
    if isinstance(value, dict):
        return datetime.fromisoformat(value["at"]) if "at" in value else date.fromisoformat(value["on"])
    return value
