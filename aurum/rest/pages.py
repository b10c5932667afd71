"""Which page of a list a request asks for, and what it is told of the neighbours."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aurum.rest.cursors import Cursor, Cursors
from aurum.rest.parameters import Paged, PagedBothWays
from aurum.rest.problems import Problem


class AskedPage:
    """`asked` are the parameters with the cursor's filters."""

    def __init__(self, asked: Paged, cursors: Cursors, operation: str, tenant: str) -> None:
        self._cursors, self._operation, self._tenant = cursors, operation, tenant
        self.asked = asked
        self._limit = min(asked.limit, asked.largest_page)
        self._position: str | None = None
        token, self._backward = asked.token
        if token is not None:
            cursor = cursors.read(token, operation, tenant)
            if any(cursor.filters.get(name) != value for name, value in asked.filters.items()):
                raise Problem(400, "Cursor filters do not match current query parameters")
            self.asked = asked.with_filters(cursor.filters)
            self._position = cursor.position
            self._backward |= cursor.backward

    @property
    def variables(self) -> dict[str, Any]:
        """Of the document, which hands them to its connection."""
        if self._backward:
            return {"last": self._limit, "before": self._position}
        offset = self.asked.offset if self._position is None else None
        return {"first": self._limit, "after": self._position, "offset": offset or 0}

    def neighbours(self, info: Mapping[str, Any]) -> dict[str, str | None]:
        """The cursors of the pages beside this one, from its `pageInfo`."""
        both_ways = isinstance(self.asked, PagedBothWays)
        return {
            "next_cursor": self._cursor(info["endCursor"], False) if info["hasNextPage"] else None,
            "prev_cursor": self._cursor(info["startCursor"], True) if info["hasPreviousPage"] and both_ways else None,
        }

    def meta(self, count: int, neighbours: Mapping[str, str | None]) -> dict[str, Any]:
        """What v1 says of a page. The number of all rows is not counted."""
        return {
            "limit": self._limit,
            "has_more": neighbours["next_cursor"] is not None,
            "count": count,
            "offset": self.asked.offset,
            "total": None,
            **neighbours,
        }

    def _cursor(self, position: str | None, backward: bool) -> str | None:
        if position is None:
            return None
        return self._cursors.sign(Cursor(self._operation, self._tenant, position, backward, self.asked.filters))
