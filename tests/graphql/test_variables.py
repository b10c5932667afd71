"""Variables are what graphql-core makes of them, and wrong where it says so."""

from __future__ import annotations

import math
from typing import Any

import pytest
from graphql import GraphQLError, OperationDefinitionNode, build_schema, parse
from graphql.execution.values import VariableValues, get_variable_values
from hypothesis import given
from hypothesis import strategies as st

from aurum.graphql.columnar.variables import Variables

SCHEMA = build_schema(
    """
    type Query { at(side: Side, filter: Filter): Int }
    enum Side { BID ASK }
    scalar Day
    input Filter { keys: [String!], within: Filter, side: Side = ASK }
    """
)
TYPES = [
    "String", "String!", "[String]", "[String!]!", "[[String!]]", "ID", "[ID!]", "Int", "Int!", "[Int]", "Float",
    "Boolean!", "Side", "[Side!]", "Day", "Filter", "[Filter!]", "Nothing",
]  # fmt: skip
DEFAULTS = {"Int": " = 5", "String": ' = "x"', "[String!]!": ' = ["a"]', "Side": " = BID", "Filter": " = {keys: []}"}
LEAVES: st.SearchStrategy[Any] = st.one_of(
    st.none(), st.booleans(), st.integers(-3, 3), st.just(2**31), st.floats(), st.text(max_size=3),
    st.sampled_from(["BID", "ASK", "2026-01-01", math.inf]),
)  # fmt: skip
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.sampled_from(["keys", "within", "side", "no"]), inner, max_size=3),
    ),
    max_leaves=6,
)


def operation(declared: list[str]) -> OperationDefinitionNode:
    document = parse(f"query({', '.join(declared)}) {{ at }}" if declared else "{ at }")
    (found,) = document.definitions
    assert isinstance(found, OperationDefinitionNode)
    return found


def said(values: Any) -> Any:
    """With the types of numbers, which compare alike."""
    if isinstance(values, VariableValues):
        sources = {
            name: (str(signature.type), signature.default is None, repr(value))
            for name, (signature, value) in values.sources.items()
        }
        return repr(values.coerced), sources
    return [(error.message, error.locations) for error in values]


@given(st.lists(st.tuples(st.sampled_from(TYPES), st.booleans()), max_size=3), st.data())
def test_they_are_what_graphql_core_makes_of_them(types: list[tuple[str, bool]], data: st.DataObject) -> None:
    defaults = [DEFAULTS.get(type_, "") if default else "" for type_, default in types]
    declared = [f"$v{n}: {type_}{defaults[n]}" for n, (type_, _) in enumerate(types)]
    asked = operation(declared)
    variables = Variables(SCHEMA, asked)
    for _ in range(3):
        names = st.sampled_from([f"v{n}" for n in range(len(types))] + ["unknown"])
        values = data.draw(st.dictionaries(names, VALUES, max_size=4))
        expected = get_variable_values(SCHEMA, asked.variable_definitions or (), values, 50, False)
        assert said(variables.values(values, False)) == said(expected)


@pytest.mark.parametrize("given", [["a", "b"], [], ["a", None], ["a", 1], "a", None, ("a",), [["a"]]], ids=repr)
@pytest.mark.parametrize("type_", ["[String!]!", "[String]", "[ID!]"])
def test_lists_of_texts(type_: str, given: Any) -> None:
    asked = operation([f"$v: {type_}"])
    found = Variables(SCHEMA, asked).values({"v": given}, False)
    assert said(found) == said(get_variable_values(SCHEMA, asked.variable_definitions or (), {"v": given}, 50, False))
    if isinstance(found, VariableValues) and isinstance(given, list):
        assert found.coerced["v"] is not given  # resolvers may not change what a client has sent


def test_what_is_nested_too_deeply_is_an_error() -> None:
    deep: Any = {}
    for _ in range(5000):
        deep = {"within": deep}
    found = Variables(SCHEMA, operation(["$v: Filter"])).values({"v": deep}, False)
    assert isinstance(found, list)
    assert [type(error) for error in found] == [GraphQLError]
