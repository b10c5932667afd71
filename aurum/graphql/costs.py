"""What an operation may cost: the objects that it can answer at most, estimated before it is executed.

An object is 1, a list as many times what is selected in it as it is long, leaves nothing, unless `sizes.py` says
otherwise of their field. How long a list is, its arguments say, by value of the variables. What was really answered is
counted in the same way, with the lists as long as they are.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
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
    ObjectValueNode,
    OperationDefinitionNode,
    SelectionNode,
    SelectionSetNode,
    ValueNode,
    VariableNode,
    get_named_type,
    get_nullable_type,
    is_introspection_type,
    is_list_type,
    type_from_ast,
    value_from_ast_untyped,
)

from aurum.graphql.columnar.records import EncodedRows
from aurum.graphql.documents import Document
from aurum.graphql.sizes import ASSUMED, ListSize, size_of, weight_of

# Introspection is answered object by object, at three times what one of ours takes; its lists as long as they are here.
_INTROSPECTION_WEIGHT = 3
_INTROSPECTION = {
    "types": 100, "fields": 8, "args": 2, "inputFields": 3, "enumValues": 3, "possibleTypes": 1, "interfaces": 1,
    "directives": 10,
}  # fmt: skip
Variables: TypeAlias = Mapping[str, Any]
Conditions: TypeAlias = tuple[tuple[ValueNode, bool], ...]  # node, wanted value


@dataclass(frozen=True, slots=True)
class Length:
    """Of a list: the largest of its arguments, `otherwise` where none is given. Each with its path within an input."""

    otherwise: int
    arguments: tuple[tuple[ValueNode, tuple[str, ...]], ...] = ()

    def of(self, variables: Variables) -> int:
        given = [_number(_value(node, variables, path)) for node, path in self.arguments]
        known = [number for number in given if number is not None]
        return max(0, *known) if known else self.otherwise


@dataclass(frozen=True, slots=True)
class Counted:
    """What a field costs for each parent, with what is selected in it."""

    key: str
    weight: int
    length: Length | None
    conditions: Conditions
    inner: tuple[Counted, ...]

    def objects(self, variables: Variables) -> int:
        if any(_value(node, variables) is (not wanted) for node, wanted in self.conditions):
            return 0
        length = 1 if self.length is None else self.length.of(variables)
        return length * (self.weight + sum(each.objects(variables) for each in self.inner)) if length else 0


@dataclass(frozen=True, slots=True)
class Answered:
    """What a key of an answer costs, whichever of the fields that have it was answered."""

    key: str
    weight: int
    inner: tuple[Answered, ...]

    def objects(self, data: Mapping[str, Any]) -> int:
        return self._of(data.get(self.key))

    def _of(self, value: Any) -> int:
        if value is None:
            return 0
        if type(value) is list or type(value) is EncodedRows:
            return sum(map(self._of, value)) if self.inner else self.weight * len(value)
        return self.weight + (sum(each.objects(value) for each in self.inner) if self.inner else 0)


@dataclass(frozen=True, slots=True)
class Bill:
    """What one operation costs: before, with given variables, and by its answer."""

    defaults: Variables
    counted: tuple[Counted, ...]
    answered: tuple[Answered, ...]

    def estimated(self, variables: Variables | None) -> int:
        values = {**self.defaults, **(variables or {})}
        return sum(each.objects(values) for each in self.counted)

    def actual(self, data: Mapping[str, Any] | None) -> int:
        return sum(each.objects(data) for each in self.answered) if data else 0


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
    counted = tuple(_Counting(schema, fragments).counted([operation.selection_set], root, {}))
    return Bill(defaults, counted, _answered(counted))


def _answered(counted: Iterable[Counted]) -> tuple[Answered, ...]:
    same = defaultdict(list)
    for each in counted:
        same[each.key].append(each)
    return tuple(
        Answered(key, max(each.weight for each in found), _answered(chain.from_iterable(each.inner for each in found)))
        for key, found in same.items()
    )


@dataclass(frozen=True, slots=True)
class _Counting:
    schema: GraphQLSchema
    fragments: Mapping[str, FragmentDefinitionNode]

    def counted(self, selected: list[SelectionSetNode], parent: Any, pages: Mapping[str, Length]) -> Iterator[Counted]:
        """Of the fields of `parent`, those with the same key as one; `pages` are the lengths of lists in it."""
        same = defaultdict(list)
        for node, on, conditions in chain.from_iterable(self._fields(each, parent, ()) for each in selected):
            same[((node.alias or node.name).value, on, conditions)].append(node)
        for (key, on, conditions), nodes in same.items():
            name = nodes[0].name.value
            field = self.schema.get_field(on, name)
            if field is not None and (weight := _weight(field)):
                yield self._field(key, weight, nodes, field, pages.get(name), conditions)

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
        self, key: str, weight: int, nodes: list[FieldNode], field: GraphQLField, page: Length | None,
        conditions: Conditions,
    ) -> Counted:  # fmt: skip
        size, length, pages = size_of(field), None, {}
        asked = None if size is None else _length(nodes[0], field, size)
        if size is not None and asked is not None and size.sized_fields:
            pages = dict.fromkeys(size.sized_fields, asked)
            asked = Length(size.assumed_size or ASSUMED)
        if is_list_type(get_nullable_type(field.type)):
            length = page or asked or Length(_INTROSPECTION.get(nodes[0].name.value, ASSUMED))
        selected = [node.selection_set for node in nodes if node.selection_set is not None]
        inner = tuple(self.counted(selected, get_named_type(field.type), pages))
        return Counted(key, weight, length, conditions, inner)


def _weight(field: GraphQLField) -> int:
    weight = weight_of(field)
    return weight * _INTROSPECTION_WEIGHT if is_introspection_type(get_named_type(field.type)) else weight


def _length(node: FieldNode, field: GraphQLField, size: ListSize) -> Length:
    paths = [argument.split(".") for argument in size.slicing_arguments or ()]
    defaults = [_number(field.args[name].default_value) for name, *inner in paths if not inner]
    given = {each.name.value: each.value for each in node.arguments or ()}
    arguments = tuple((given[name], tuple(inner)) for name, *inner in paths if name in given)
    known = (number for number in (*defaults, size.assumed_size) if number is not None)
    return Length(next(known, ASSUMED), arguments)


def _conditions(selection: SelectionNode) -> Iterator[tuple[ValueNode, bool]]:
    for directive in selection.directives or ():
        if directive.name.value in ("skip", "include"):
            for argument in directive.arguments or ():
                yield argument.value, directive.name.value == "include"


def _value(node: ValueNode | None, variables: Variables, path: tuple[str, ...] = ()) -> Any:
    match node:
        case VariableNode():
            return _within(variables.get(node.name.value), path)
        case ObjectValueNode() if path:
            first, *rest = path
            inner = next((field.value for field in node.fields if field.name.value == first), None)
            return _value(inner, variables, tuple(rest))
        case IntValueNode():
            return int(node.value[:20])  # more digits are more than any page
        case BooleanValueNode():
            return node.value
        case ListValueNode():
            return node.values
        case _:
            return None


def _within(value: Any, path: tuple[str, ...]) -> Any:
    for name in path:
        value = value.get(name) if isinstance(value, Mapping) else None
    return value


def _number(value: Any) -> int | None:
    """A count, or the length of a list."""
    if isinstance(value, (list, tuple)):
        return len(value)
    if isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value):
        return int(value)
    return None
