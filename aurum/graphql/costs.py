"""What an operation may cost: the objects that it can answer at most, estimated before it is executed.

A field of an object is one. A list is as long as its page (`first`, `last`, `limit`, `ids`, by value of the variables;
what is left out: the default), or as long as `sized` says of its field, or else ASSUMED. What is selected in it is
asked as often. Leaves cost nothing.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from typing import Any, TypeAlias

from graphql import (
    BooleanValueNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLField,
    GraphQLSchema,
    IntValueNode,
    ListValueNode,
    OperationDefinitionNode,
    SelectionNode,
    SelectionSetNode,
    ValueNode,
    VariableNode,
    get_named_type,
    get_nullable_type,
    is_leaf_type,
    is_list_type,
    type_from_ast,
    value_from_ast_untyped,
)

from aurum.graphql.connections import DEFAULT_PAGE
from aurum.graphql.documents import Document

ASSUMED = 10
_SIZE = "aurum.size"
_OWN = ("first", "last", "ids")  # say how long a list is
_INNER = ("first", "last", "limit")  # say how long the lists in an object, or in the objects of a list, are
Variables: TypeAlias = Mapping[str, Any]
Conditions: TypeAlias = tuple[tuple[ValueNode, bool], ...]  # node, wanted value


def sized(assumed: int) -> Mapping[str, int]:
    """Metadata of a list field without pages: how many items it has, as a rule."""
    return {_SIZE: assumed}


@dataclass(frozen=True, slots=True)
class Length:
    """Of a list: the largest of its arguments, `otherwise` where none is given."""

    otherwise: int
    arguments: tuple[ValueNode, ...] = ()

    def of(self, variables: Variables) -> int:
        given = [_number(_value(node, variables)) for node in self.arguments]
        known = [number for number in given if number is not None]
        return max(0, *known) if known else self.otherwise


@dataclass(frozen=True, slots=True)
class Counted:
    """Objects of a field for each parent, with what is selected in them."""

    length: Length | None
    conditions: Conditions
    inner: tuple[Counted, ...]

    def objects(self, variables: Variables) -> int:
        if any(_value(node, variables) is (not wanted) for node, wanted in self.conditions):
            return 0
        length = 1 if self.length is None else self.length.of(variables)
        return length * (1 + sum(each.objects(variables) for each in self.inner)) if length else 0


@dataclass(frozen=True, slots=True)
class Bill:
    """What one operation costs with given variables."""

    defaults: Variables
    counted: tuple[Counted, ...]

    def estimated(self, variables: Variables | None) -> int:
        values = {**self.defaults, **(variables or {})}
        return sum(each.objects(values) for each in self.counted)


def bill(schema: GraphQLSchema, document: Document, operation: OperationDefinitionNode) -> Bill:
    """`document` is valid and within the limits."""
    nodes = document.tree.definitions if document.tree else ()
    fragments = {node.name.value: node for node in nodes if isinstance(node, FragmentDefinitionNode)}
    root = schema.get_root_type(operation.operation)
    defaults = {
        each.variable.name.value: value_from_ast_untyped(each.default_value)
        for each in operation.variable_definitions or ()
        if each.default_value is not None
    }
    counted = _Counting(schema, fragments).counted([operation.selection_set], root, None)
    return Bill(defaults, tuple(counted))


@dataclass(frozen=True, slots=True)
class _Counting:
    schema: GraphQLSchema
    fragments: Mapping[str, FragmentDefinitionNode]

    def counted(self, selected: list[SelectionSetNode], parent: Any, page: Length | None) -> Iterator[Counted]:
        """Of the fields of `parent`, those with the same key as one; `page` is the length of lists in it."""
        same = defaultdict(list)
        for node, on, conditions in chain.from_iterable(self._fields(each, parent, ()) for each in selected):
            same[((node.alias or node.name).value, on, conditions)].append(node)
        for (_, on, conditions), nodes in same.items():
            field = self.schema.get_field(on, nodes[0].name.value)
            if field is not None and not is_leaf_type(get_named_type(field.type)):
                yield self._field(nodes, field, page, conditions)

    def _fields(
        self, selected: SelectionSetNode, parent: Any, under: Conditions
    ) -> Iterator[tuple[FieldNode, Any, Conditions]]:
        """Fields of the first level, the types they belong to, and what they depend on."""
        for selection in selected.selections:
            conditions = (*under, *_conditions(selection))
            if isinstance(selection, FieldNode):
                yield selection, parent, conditions
                continue
            inner: Any = selection
            if isinstance(selection, FragmentSpreadNode):
                inner = self.fragments[selection.name.value]
            condition = inner.type_condition
            on = parent if condition is None else type_from_ast(self.schema, condition)
            yield from self._fields(inner.selection_set, on, conditions)

    def _field(
        self, nodes: list[FieldNode], field: GraphQLField, page: Length | None, conditions: Conditions
    ) -> Counted:
        many = is_list_type(get_nullable_type(field.type))
        own = _length(nodes[0], field, _OWN) if many else None
        inner = _length(nodes[0], field, _INNER) if own is None else None
        length = (own or page or Length(_assumed(field))) if many else None
        selected = [node.selection_set for node in nodes if node.selection_set is not None]
        return Counted(length, conditions, tuple(self.counted(selected, get_named_type(field.type), inner)))


def _length(node: FieldNode, field: GraphQLField, names: tuple[str, ...]) -> Length | None:
    known = [name for name in names if name in field.args]
    if not known:
        return None
    defaults = [_number(field.args[name].default_value) for name in known]
    given = tuple(each.value for each in node.arguments or () if each.name.value in known)
    return Length(next((size for size in defaults if size is not None), DEFAULT_PAGE), given)


def _assumed(field: GraphQLField) -> int:
    definition = field.extensions.get("strawberry-definition")
    assumed: int = ASSUMED if definition is None else definition.metadata.get(_SIZE, ASSUMED)
    return assumed


def _conditions(selection: SelectionNode) -> Iterator[tuple[ValueNode, bool]]:
    for directive in selection.directives or ():
        if directive.name.value in ("skip", "include"):
            for argument in directive.arguments or ():
                yield argument.value, directive.name.value == "include"


def _value(node: ValueNode, variables: Variables) -> Any:
    match node:
        case VariableNode():
            return variables.get(node.name.value)
        case IntValueNode():
            return int(node.value[:20])  # more digits are more than any page
        case BooleanValueNode():
            return node.value
        case ListValueNode():
            return node.values
        case _:
            return None


def _number(value: Any) -> int | None:
    """A count, or the length of a list."""
    if isinstance(value, (list, tuple)):
        return len(value)
    if isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value):
        return int(value)
    return None
