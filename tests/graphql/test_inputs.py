"""Arguments are converted as Strawberry converts them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime
from enum import Enum
from typing import Any

import strawberry
from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    get_nullable_type,
    is_non_null_type,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from strawberry.types.arguments import convert_arguments
from strawberry.types.unset import UNSET

from aurum.graphql.columnar.inputs import Inputs
from aurum.schema import create_schema
from aurum.settings import GraphQLSettings

SCHEMA = create_schema(GraphQLSettings())
LEAVES: dict[str, st.SearchStrategy[Any]] = {
    "Boolean": st.booleans(),
    "Date": st.just(date(2026, 11, 27)),
    "DateTime": st.just(datetime(2026, 11, 27, tzinfo=UTC)),
    "Float": st.floats(allow_nan=False),
    "Int": st.integers(0, 9),
}
DEEPEST = 3


def fields_with_arguments() -> Iterator[tuple[str, Any]]:
    for name, type_ in sorted(SCHEMA._schema.type_map.items()):
        if isinstance(type_, GraphQLObjectType) and not name.startswith("__"):
            yield from ((f"{name}.{field}", each) for field, each in type_.fields.items() if each.args)


FIELDS = dict(fields_with_arguments())


def values_of(type_: Any, depth: int = 0) -> st.SearchStrategy[Any]:
    """What graphql-core makes of a value of an input type."""
    inner, needed = get_nullable_type(type_), is_non_null_type(type_)
    if depth > DEEPEST and not needed:
        return st.none()
    if isinstance(inner, GraphQLList):
        made: st.SearchStrategy[Any] = (
            st.lists(values_of(inner.of_type, depth + 1), max_size=2) if depth < DEEPEST else st.just([])
        )
    elif isinstance(inner, GraphQLEnumType):
        made = st.sampled_from([each.value for each in inner.values.values()])
    elif isinstance(inner, GraphQLInputObjectType):
        made = objects_of(inner, depth + 1)
    else:
        made = LEAVES.get(inner.name, st.text(max_size=3))
    return made if needed else st.none() | made


def objects_of(type_: GraphQLInputObjectType, depth: int) -> st.SearchStrategy[dict[str, Any]]:
    if type_.is_one_of:
        only = [
            st.fixed_dictionaries({name: values_of(GraphQLNonNull(get_nullable_type(field.type)), depth)})
            for name, field in type_.fields.items()
        ]
        return st.one_of(only)
    needed = {n: values_of(f.type, depth) for n, f in type_.fields.items() if is_non_null_type(f.type)}
    others = {n: values_of(f.type, depth) for n, f in type_.fields.items() if n not in needed}
    return st.fixed_dictionaries(needed, optional={} if depth > DEEPEST else others)


def asked(name: str) -> st.SearchStrategy[tuple[str, dict[str, Any]]]:
    arguments = FIELDS[name].args.items()
    needed = {n: values_of(each.type) for n, each in arguments if is_non_null_type(each.type)}
    others = {n: values_of(each.type) for n, each in arguments if n not in needed}
    return st.tuples(st.just(name), st.fixed_dictionaries(needed, optional=others))


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(sorted(FIELDS)).flatmap(asked))
def test_they_are_what_strawberry_makes_of_them(given: tuple[str, dict[str, Any]]) -> None:
    name, values = given
    converter, definition = SCHEMA.schema_converter, FIELDS[name].extensions["strawberry-definition"]
    found = Inputs(converter).arguments(definition, values)
    stock = convert_arguments(values, definition.arguments, converter.scalar_registry, converter.config)
    defaults = {each.python_name: each.default for each in definition.arguments if each.default is not UNSET}
    assert found == defaults | stock


class Side(Enum):
    BID = "bid"


@strawberry.input
class Nested:
    days: list[date] | None
    inner: Nested | None = None
    sides: list[list[Side | None]] = strawberry.field(default_factory=list)


@strawberry.type
class Query:
    @strawberry.field
    def asked(self, nested: Nested, maybe: strawberry.Maybe[int], count: int = 3) -> str:
        return f"{nested} {maybe} {count}"


def test_inputs_within_inputs_lists_of_lists_and_defaults() -> None:
    schema = strawberry.Schema(Query)
    (field,) = (each for each in Query.__strawberry_definition__.fields if each.python_name == "asked")  # type: ignore[attr-defined]
    inputs, days = Inputs(schema.schema_converter), [date(2026, 11, 27)]

    found = inputs.arguments(field, {"nested": {"days": days, "inner": {"sides": [[Side.BID, None]]}}, "maybe": 1})

    assert found == {
        "nested": Nested(days=days, inner=Nested(days=None, sides=[[Side.BID, None]])),
        "maybe": strawberry.Some(1),
        "count": 3,
    }
    assert found["nested"].days is not days  # whoever changes it does not change a default
