"""Dates and instants as requests write them: Strawberry's scalars, with refusals that show how it is done."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date, datetime
from typing import Any

from graphql import GraphQLError
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

    return replace(definition, parse_value=parse)


DATES: Mapping[object, ScalarDefinition] = {
    date: _shown(DateDefinition, "2025-02-12"),
    datetime: _shown(DateTimeDefinition, "2025-02-12T22:15:00Z"),
}
