"""The market's enums as enums of the schema."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum

import strawberry


def publish_enum(enum: type[Enum], description: str, values: Mapping[str, str], name: str | None = None) -> None:
    """Makes an enum part of the schema, under its own name unless `name` is given, each value with a description.

    Raises KeyError for a value without one.
    """
    definition = strawberry.enum(enum, name=name, description=description).__strawberry_definition__  # type: ignore[attr-defined]
    for value in definition.values:
        value.description = values[value.name]
