"""Dates and instants as requests write them: Strawberry's scalars, with refusals that show how it is done."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date, datetime
from typing import Any

from graphql import GraphQLError, ValueNode, value_from_ast_untyped
from strawberry.schema.types.base_scalars import DateDefinition, DateTimeDefinition
from strawberry.types.scalar import ScalarDefinition


def _shown(definition: ScalarDefinition, example: str) -> ScalarDefinition:
    read: Callable[[Any], Any] = definition.parse_value or str

    def parse(value: Any) -> Any:
        try:
            return read(value)
        except GraphQLError:
            told = f'Value cannot represent a {definition.name}: {value!r}. It is written as "{example}".'
            raise GraphQLError(told) from None

    def parse_literal(node: ValueNode, variables: dict[str, Any] | None = None) -> Any:
        try:
            return parse(value_from_ast_untyped(node, variables))
        except GraphQLError as error:
            raise GraphQLError(error.message, node) from None

    return replace(definition, parse_value=parse, parse_literal=parse_literal)


DATES: Mapping[object, ScalarDefinition] = {
    date: _shown(DateDefinition, "2025-02-12"),
    datetime: _shown(DateTimeDefinition, "2025-02-12T22:15:00Z"),
}
