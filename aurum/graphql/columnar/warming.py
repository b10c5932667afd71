"""Plans of a document, made before it is asked for. Leans on what `completion.py` leans on, and on `collect_fields`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import product
from typing import Any

from graphql import (
    DocumentNode,
    FragmentDefinitionNode,
    GraphQLSchema,
    OperationDefinitionNode,
    get_named_type,
    is_abstract_type,
    is_object_type,
)
from graphql.execution.collect_fields import collect_fields

from aurum.graphql.columnar.completion import ColumnarExecutor
from aurum.graphql.documents import Document

_MOST_CONDITIONS = 3  # that is, 8 sets of plans: as many as a document keeps


def make_plans(schema: GraphQLSchema, executor: type[ColumnarExecutor], document: Document) -> None:
    """For each value of the variables that decide what is selected; for none where these are more than 3."""
    if len(document.conditions) > _MOST_CONDITIONS:
        return
    for values in product((False, True), repeat=len(document.conditions)):
        given = dict(zip(document.conditions, values, strict=True))
        for operation in document.operations:
            _plan(schema, executor, document, operation, given)


def _plan(
    schema: GraphQLSchema, executor: type[ColumnarExecutor], document: Document, operation: OperationDefinitionNode,
    given: dict[str, bool],
) -> None:  # fmt: skip
    root = schema.get_root_type(operation.operation)
    built: Any = executor.build(schema, _bare(document, operation, given), None, None, given, prepared=document)
    if root is None or isinstance(built, list) or (root is schema.query_type and built._root() is not None):
        return
    collected = collect_fields(schema, built.fragments, built.variable_values, root, operation)
    waiting = [(root, details) for details in collected.grouped_field_set.values()]
    while waiting:
        parent, details = waiting.pop()
        field = schema.get_field(parent, details[0].node.name.value)
        for type_ in () if field is None else _objects(schema, get_named_type(field.type)):
            if built._plan(type_, details) is None:
                waiting += [
                    (type_, each) for each in built.collect_subfields(type_, details).grouped_field_set.values()
                ]


def _objects(schema: GraphQLSchema, type_: Any) -> Iterator[Any]:
    if is_object_type(type_):
        yield type_
    elif is_abstract_type(type_):
        yield from schema.get_possible_types(type_)


def _bare(document: Document, operation: OperationDefinitionNode, given: dict[str, bool]) -> DocumentNode:
    """The one operation with the same selections, and no variables but the given ones: the others have no values."""
    defined = tuple(each for each in operation.variable_definitions or () if each.variable.name.value in given)
    bare = replace(operation, variable_definitions=defined)
    nodes = document.tree.definitions if document.tree else ()
    fragments = [node for node in nodes if isinstance(node, FragmentDefinitionNode)]
    return DocumentNode(definitions=(bare, *fragments))
