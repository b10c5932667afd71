"""Operations whose answer is one table, and what its columns are: decided before anything is read for them.

A table has one path of lists of objects, each within an object of the one before. A row is an item of the innermost
list; leaves of the objects around it are repeated. The lists of an object that is `parallel` are columns themselves:
its rows are the places in them. A column is named by the response keys from where it leaves the path of the lists.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from graphql import (
    FragmentDefinitionNode,
    GraphQLError,
    GraphQLField,
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLSchema,
    OperationDefinitionNode,
    OperationType,
    get_named_type,
    get_nullable_type,
    is_abstract_type,
    is_enum_type,
    is_leaf_type,
    is_list_type,
    is_non_null_type,
)
from graphql.execution.collect_fields import FieldDetails, FragmentDetails, collect_fields, collect_subfields
from graphql.execution.values import VariableValues

from aurum.graphql.documents import Document
from aurum.graphql.media import NotAcceptable
from aurum.graphql.refused import DocumentRefused

Keys: TypeAlias = tuple[str, ...]
Members: TypeAlias = dict[GraphQLObjectType, list[FieldDetails]]  # objects that may be there, what is selected in each
Merged: TypeAlias = dict[str, list[tuple[GraphQLField, list[FieldDetails]]]]
SCALARS = frozenset({"Boolean", "Date", "DateTime", "Float", "ID", "Int", "String"})
_PARALLEL = "aurum.parallel"


class NotATable(NotAcceptable):
    code = "NOT_A_TABLE"


def parallel() -> Mapping[str, bool]:
    """Metadata of a field whose object has equally long lists of leaves: the columns of a table."""
    return {_PARALLEL: True}


@dataclass(frozen=True, slots=True)
class TableColumn:
    """`keys` lead to it from an item of the list of `level`; level 0 is the whole answer."""

    level: int
    keys: Keys
    type: GraphQLOutputType
    nullable: bool
    name: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """`lists` are the keys from an item of one list to the next list, or to the object that is `parallel`."""

    lists: tuple[Keys, ...]
    parallel: bool
    columns: tuple[TableColumn, ...]


def table_of(
    schema: GraphQLSchema, document: Document, operation: OperationDefinitionNode, variables: VariableValues
) -> Table:
    """Of a valid document. Raises NotATable, and DocumentRefused where the variables do not say what is selected."""
    root = schema.query_type
    if operation.operation is not OperationType.QUERY or root is None:
        raise NotATable("only a query is answered as a table")
    nodes = document.tree.definitions if document.tree else ()
    fragments = {each.name.value: FragmentDetails(each) for each in nodes if isinstance(each, FragmentDefinitionNode)}
    reading = _Reading(schema, fragments, operation, variables)
    try:
        found = collect_fields(schema, fragments, variables, root, operation).grouped_field_set
        reading.read({key: [(_field(schema, root, same), same)] for key, same in found.items()}, (), 0, 1, False)
    except GraphQLError as error:  # a condition is null
        raise DocumentRefused(error.message) from error
    return reading.table()


def _field(schema: GraphQLSchema, on: GraphQLObjectType, same: list[FieldDetails]) -> GraphQLField:
    field = schema.get_field(on, same[0].node.name.value)
    if field is None:
        raise NotATable(f"{on.name} has no such field")
    return field


class _Reading:
    """Reads selections in the order of the document."""

    def __init__(
        self,
        schema: GraphQLSchema,
        fragments: dict[str, FragmentDetails],
        operation: OperationDefinitionNode,
        variables: VariableValues,
    ) -> None:
        self._schema = schema
        self._collecting = (schema, fragments, variables, operation)
        self._lists: list[Keys] = [()]  # from the top
        self._parallel = False
        self._columns: list[TableColumn] = []  # their keys from the top

    def table(self) -> Table:
        path = self._lists[-1]
        if not path:
            raise NotATable("the answer has no list of objects", hint="Ask for JSON.")
        named = [self._named(each, path) for each in self._columns]
        if not named:
            raise NotATable("nothing is selected of the list that a value could be of", hint="Select a leaf.")
        (name, times), *_ = Counter(each.name for each in named).most_common(1)
        if times > 1:
            raise NotATable(f"{times} columns would be named {name!r}", hint="Give the fields aliases.")
        steps = zip(self._lists, self._lists[1:], strict=False)
        return Table(tuple(below[len(above) :] for above, below in steps), self._parallel, tuple(named))

    def _named(self, column: TableColumn, path: Keys) -> TableColumn:
        same = next((n for n, (mine, its) in enumerate(zip(column.keys, path, strict=False)) if mine != its), None)
        left = min(len(path), len(column.keys) - 1) if same is None else same
        keys = column.keys[len(self._lists[column.level]) :]
        return TableColumn(column.level, keys, column.type, column.nullable, ".".join(column.keys[left:]))

    def read(self, merged: Merged, above: Keys, level: int, members: int, nullable: bool) -> None:
        """The fields of the objects at `above`, of which there are so many types."""
        for key, same in merged.items():
            type_ = same[0][0].type
            maybe = nullable or len(same) < members or not all(is_non_null_type(field.type) for field, _ in same)
            if is_leaf_type(get_named_type(type_)):
                self._leaf(level, (*above, key), type_, maybe)
            else:
                self._objects((*above, key), level, same, maybe)

    def _leaf(self, level: int, keys: Keys, type_: GraphQLOutputType, nullable: bool) -> None:
        named = get_named_type(type_)
        if not is_enum_type(named) and named.name not in SCALARS:
            raise NotATable(f"{'.'.join(keys)}: the scalar {named.name} is no type of a column", hint="Leave it out.")
        self._columns.append(TableColumn(level, keys, type_, nullable))

    def _objects(
        self, keys: Keys, level: int, same: list[tuple[GraphQLField, list[FieldDetails]]], nullable: bool
    ) -> None:
        inside = get_nullable_type(same[0][0].type)
        merged, members = self._inside(same)
        if any(_is_parallel(field) for field, _ in same):
            self._columns_of(merged, keys, level, nullable)
            return
        if is_list_type(inside):
            self._enter(keys)
            if is_list_type(get_nullable_type(inside.of_type)):
                raise NotATable(f"{'.'.join(keys)} is a list of lists of objects", hint="Ask for JSON.")
            level, nullable = level + 1, not is_non_null_type(inside.of_type)
        self.read(merged, keys, level, members, nullable)

    def _columns_of(self, merged: Merged, keys: Keys, level: int, nullable: bool) -> None:
        """An object that is parallel: its lists are columns of a level of their own, the others of its parents."""
        entered = False
        for key, same in merged.items():
            type_: Any = get_nullable_type(same[0][0].type)
            if not is_list_type(type_):
                self._leaf(level, (*keys, key), type_, nullable)
                continue
            if not entered:
                self._enter(keys)
                entered = self._parallel = True
            self._leaf(level + 1, (*keys, key), type_.of_type, not is_non_null_type(type_.of_type))

    def _enter(self, keys: Keys) -> None:
        last = self._lists[-1]
        if keys[: len(last)] != last or self._parallel:
            raise NotATable(
                f"{'.'.join(last)} and {'.'.join(keys)} are lists beside each other",
                hint="Ask for one of them, or for JSON.",
            )
        self._lists.append(keys)

    def _inside(self, same: list[tuple[GraphQLField, list[FieldDetails]]]) -> tuple[Merged, int]:
        """What is selected in the objects of a field, by key, and of how many types the objects may be."""
        members: Members = {}
        for field, details in same:
            for each in self._possible(get_named_type(field.type)):
                known = members.setdefault(each, [])
                known += [detail for detail in details if not any(detail.node is other.node for other in known)]
        merged: Merged = {}
        for each, details in members.items():
            found = collect_subfields(*self._collecting, each, details).grouped_field_set
            for key, inner in found.items():
                merged.setdefault(key, []).append((_field(self._schema, each, inner), inner))
        return merged, len(members)

    def _possible(self, named: Any) -> Iterator[GraphQLObjectType]:
        if is_abstract_type(named):
            yield from self._schema.get_possible_types(named)
        else:
            yield named


def _is_parallel(field: GraphQLField) -> bool:
    definition = field.extensions.get("strawberry-definition")
    return definition is not None and bool(definition.metadata.get(_PARALLEL))
