"""Variables as an operation takes them. What graphql-core finds out of their types for every request is found once.

Leans on `get_variable_signature` and `VariableValueSource`, which graphql-core 3.3 does not promise;
`tests/graphql/test_variables.py` compares with its own way.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from graphql import (
    GraphQLError,
    GraphQLID,
    GraphQLInputType,
    GraphQLSchema,
    GraphQLString,
    OperationDefinitionNode,
    Undefined,
    get_named_type,
    get_nullable_type,
    is_leaf_type,
    is_list_type,
    is_non_null_type,
)
from graphql.execution.get_variable_signature import GraphQLVariableSignature, get_variable_signature
from graphql.execution.values import VariableValues, VariableValueSource, get_variable_values
from graphql.utilities import coerce_input_value

_MOST_ERRORS = 50  # as many as graphql-core tells of an operation
_TEXTS = (GraphQLString, GraphQLID)


class Variables:
    """Of one operation."""

    def __init__(self, schema: GraphQLSchema, operation: OperationDefinitionNode) -> None:
        self._schema = schema
        self._nodes = operation.variable_definitions or ()
        found = [get_variable_signature(schema, node) for node in self._nodes]
        signatures = [each for each in found if not isinstance(each, GraphQLError)]
        self._signatures = [(each, _is_texts(each.type)) for each in signatures]
        self._plain = len(signatures) == len(found) and all(is_leaf_type(get_named_type(s.type)) for s in signatures)

    def values(self, given: Mapping[str, Any], hide_suggestions: bool) -> VariableValues | Sequence[GraphQLError]:
        """What graphql-core's `get_variable_values` makes of them, errors included."""
        values = self._quickly(given) if self._plain else None
        if values is not None:
            return values
        return get_variable_values(self._schema, self._nodes, dict(given), _MOST_ERRORS, hide_suggestions)

    def _quickly(self, given: Mapping[str, Any]) -> VariableValues | None:
        """None where one is not valid, or has a default."""
        sources, coerced = dict[str, VariableValueSource](), dict[str, Any]()
        for signature, texts in self._signatures:
            name = signature.name
            if name in given:
                value = given[name]
                sources[name] = VariableValueSource(signature, value)
                made = value[:] if texts and _all_texts(value) else coerce_input_value(value, signature.type)
                if made is Undefined:
                    return None
                coerced[name] = made
            elif _has_default(signature):
                return None
            else:
                sources[name] = VariableValueSource(signature)
        return VariableValues(sources, coerced)


def _has_default(signature: GraphQLVariableSignature) -> bool:
    """Or none, where one is wanted."""
    return signature.default is not None or is_non_null_type(signature.type)


def _is_texts(type_: GraphQLInputType) -> bool:
    """Whether a list of texts is taken as it is."""
    inner: Any = get_nullable_type(type_)
    return is_list_type(inner) and get_nullable_type(inner.of_type) in _TEXTS


def _all_texts(value: Any) -> bool:
    return type(value) is list and set(map(type, value)) <= {str}
