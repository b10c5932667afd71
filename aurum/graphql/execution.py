"""The schema as it is executed: every operation with loaders of its own."""

from __future__ import annotations

from typing import Any, Protocol, Self

import strawberry
from graphql import GraphQLError


class OperationContext(Protocol):
    def for_operation(self) -> Self:
        """The same context with fresh loaders."""


class Schema(strawberry.Schema):
    """Operations of one WebSocket share a connection, and so a context; loaders must not outlive an operation."""

    def process_errors(self, errors: list[GraphQLError], execution_context: Any = None) -> None:
        """Nothing: what is unexpected is logged where it is masked (`graphql/errors.py`), the rest is the caller's."""

    async def execute(self, query: str | None, *, context_value: OperationContext, **named: Any) -> Any:  # type: ignore[override]
        return await super().execute(query, context_value=context_value.for_operation(), **named)

    async def stream(self, query: str | None, *, context_value: OperationContext, **named: Any) -> Any:  # type: ignore[override]
        return await super().stream(query, context_value=context_value.for_operation(), **named)
