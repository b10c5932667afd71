"""Completes many objects together, column by column, where graphql-core completes them one by one.

A list of objects, a RecordBatch, or a single object is taken as columns: the sub-selection is collected once, each leaf
type is coerced once for a column, `batched` fields are read with one call, and rows are built in bulk. What a plan does
not cover (`plans.py`), and whatever turns out to be an error, a null that may not be, or a value that waits, is left to
graphql-core before anything was produced: it alone says what errors are, and where.

Leans on what graphql-core 3.3 does not promise: `complete_list_value` and `complete_object_value` with their arguments,
`collect_subfields` with its `CollectedFields` and `FieldDetails`, `build_resolve_info`, `get_argument_values`,
`middleware_manager.middlewares`; and of Strawberry 0.341 on `StrawberryGraphQLCoreExecutionContext`,
a schema's `schema_converter`, what `inputs.py` imports, and on `strawberry-definition` in the extensions of types and
fields. The versions are pinned; `tests/graphql/test_differential.py` compares with the stock executor.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Coroutine, Mapping, Sequence
from functools import cached_property, partial
from itertools import chain, islice
from math import isinf
from types import NoneType
from typing import Any, ClassVar, Self, TypeAlias, cast

from graphql import ExecutionResult as GraphQLResult
from graphql import (
    GraphQLError,
    GraphQLLeafType,
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLResolveInfo,
    OperationType,
    get_named_type,
    is_leaf_type,
    is_object_type,
)
from graphql.execution.collect_fields import CollectedFields, collect_fields
from graphql.execution.executor import CollectedErrors
from graphql.execution.values import VariableValues, get_argument_values
from graphql.pyutils import RefMap
from graphql.type.definition import GraphQLResolveInfoHelpers
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext

from aurum.backends.kept import Kept
from aurum.errors import AurumError, Overflow
from aurum.graphql.columnar.inputs import inputs_of
from aurum.graphql.columnar.leaves import Uncovered, attribute_column, completed_leaves, leaf_column, unusual
from aurum.graphql.columnar.plans import (
    Details,
    Load,
    Plan,
    Planner,
    Plans,
    Selected,
    Shape,
    is_apart,
    plan_key,
    shape_of,
)
from aurum.graphql.columnar.records import Batches, EncodedRows, RecordBatch, Sources
from aurum.graphql.columnar.texts import encoded_rows
from aurum.graphql.columnar.variables import Variables
from aurum.graphql.documents import Document

Info: TypeAlias = GraphQLResolveInfo[Any]
_LISTS = (list, tuple, RecordBatch)
_log = logging.getLogger(__name__)


class StockExecutor(StrawberryGraphQLCoreExecutionContext):
    """Strawberry's, which refuses an infinite number as Overflow."""

    @staticmethod
    def complete_leaf_value(return_type: GraphQLLeafType, result: Any) -> Any:
        if isinstance(result, float) and isinf(result):
            raise Overflow("the result is too large for a number")
        return StrawberryGraphQLCoreExecutionContext.complete_leaf_value(return_type, result)


class ColumnarExecutor(StockExecutor):
    """Strawberry's executor, columnar where it can be. `prepared` has the plans of earlier requests.

    What completes columns is written as coroutines, so that it can wait for loads; where a plan has none, it is run
    without waiting.
    """

    kept: ClassVar[Kept[Any, bytes] | None] = None  # rows of batches that have a `cache_key`, where they are kept

    def __init__(self, *args: Any, prepared: Document | None = None, **named: Any) -> None:
        super().__init__(*args, **named)
        self.prepared = prepared
        self._plans: Plans = {} if prepared is None else prepared.plans(self.variable_values.coerced)
        self._refused: set[Any] = set()
        self._converter = self.schema._strawberry_schema.schema_converter  # type: ignore[attr-defined]
        self._inputs = inputs_of(self._converter)
        self._given: dict[int, Mapping[str, Any]] = {}  # by the ids of fields of plans: their arguments

    def again(self, context: Any, operation_extensions: Mapping[str, Any] | None = None) -> Self:
        """The same operation with the same variables, to be executed in another context.

        What resolvers are given as arguments is the same in all of them: they must not change it.
        """
        other = object.__new__(type(self))
        other.__dict__ = self.__dict__.copy()
        other.context_value, other.operation_extensions = context, operation_extensions
        other.collected_errors, other._refused = CollectedErrors(), set()
        return other

    @cached_property
    def _variables(self) -> Variables:
        return Variables(self.schema, self.operation)

    def given(self, variables: Mapping[str, Any]) -> Self | Sequence[GraphQLError]:
        """The same operation of a document that is `prepared`, with other variables; what is wrong with these."""
        values = self._variables.values(variables, self.hide_suggestions)
        if not isinstance(values, VariableValues):
            return values
        other = self.again(None)
        other.variable_values, other._given = values, {}
        other._plans = cast("Document", self.prepared).plans(values.coerced)
        return other

    def execute_operation(self, serially: bool | None = None) -> Any:
        """A query of which everything is covered is completed as one object."""
        plan = self._root() if self.operation.operation is OperationType.QUERY else None
        if plan is None:
            return self._stock(serially)
        if plan.waiting:
            return self._asked(plan)
        try:
            return GraphQLResult(_at_once(self._rows(plan, [self.root_value], None))[0], None)
        except Uncovered:
            return self._stock(serially)

    def _stock(self, serially: bool | None = None) -> Any:
        """Executed by graphql-core, with the state that it needs of its own."""
        self.async_helpers = GraphQLResolveInfoHelpers(self.gather_async_work, self.track_async_work)
        self.pending_incremental_futures, self.background_futures = set(), set()
        self._relevant_sub_fields, self._stream_usages = {}, RefMap()
        return super().execute_operation(serially)

    async def _asked(self, plan: Plan) -> Any:
        try:
            return GraphQLResult((await self._rows(plan, [self.root_value], None))[0], None)
        except Uncovered:
            result = self._stock()
        return await result if self.is_awaitable(result) else result

    def execute_field(self, parent_type: GraphQLObjectType, *given: Any, **named: Any) -> Any:
        """Mutations are done one after the other: none sees what was read before another."""
        if parent_type is self.schema.mutation_type:
            self.context_value.renew()
        return super().execute_field(parent_type, *given, **named)

    def _root(self) -> Plan | None:
        """Of the operation."""
        key = (id(self.operation.selection_set),)
        if key not in self._plans and self.schema.query_type is not None:
            selected = self._selected(self.schema.query_type)
            planner = Planner(self._plans, self.collect_subfields)
            self._plans[key] = None if selected is None else planner.root(self.schema.query_type, selected)
        return None if self._wrapped else self._plans.get(key)

    def _selected(self, root: GraphQLObjectType) -> CollectedFields | None:
        try:
            return collect_fields(
                self.schema, self.fragments, self.variable_values, root, self.operation, self.hide_suggestions
            )
        except (GraphQLError, RecursionError):
            return None

    def _about(self, plan: Plan) -> Info:
        """What resolvers are told of the operation as a whole: a field of it, without a path."""
        field = next(iter(plan.type.fields.values()))
        return self.build_resolve_info(field, plan.fields[0].nodes, plan.type, cast("Any", None))

    @property
    def _wrapped(self) -> bool:
        """Whether resolvers are called by middleware."""
        return self.middleware_manager is not None and bool(self.middleware_manager.middlewares)

    def complete_list_value(
        self, return_type: Any, field_details_list: Details, info: Any, path: Any, result: Any, position_context: Any
    ) -> Any:
        given = (return_type, field_details_list, info, path, result, position_context)
        stock = partial(super().complete_list_value, *given)
        if type(result) not in _LISTS or position_context is not None:
            return stock()
        return self._completed(return_type, field_details_list, info, result, stock)

    def complete_object_value(
        self, return_type: Any, field_details_list: Details, info: Any, path: Any, result: Any, position_context: Any
    ) -> Any:
        given = (return_type, field_details_list, info, path, result, position_context)
        stock = partial(super().complete_object_value, *given)
        return stock() if position_context is not None else self._completed(*given[:3], result, stock)

    def _completed(
        self, type_: GraphQLOutputType, details: Details, info: Info, value: Any, stock: Callable[[], Any]
    ) -> Any:
        """A value of a list or object type, or an awaitable of it. `stock` completes it without columns."""
        named = get_named_type(type_)
        plan = None if is_leaf_type(named) else self._plan(named, details)
        if plan is None and (not is_leaf_type(named) or any(map(is_apart, details))):
            return stock()
        if plan is not None and plan.waiting:
            return self._awaited(type_, plan, plan_key(named, details), value, info, stock)
        try:
            return _at_once(self._values(shape_of(type_), plan, [value], info))[0]
        except Uncovered:
            self._refused.add(plan_key(named, details))
            return stock()

    async def _awaited(
        self, type_: GraphQLOutputType, plan: Plan, key: Any, value: Any, info: Info, stock: Callable[[], Any]
    ) -> Any:
        try:
            return (await self._values(shape_of(type_), plan, [value], info))[0]
        except Uncovered:
            self._refused.add(key)
        completed = stock()
        return await completed if self.is_awaitable(completed) else completed

    def _plan(self, named: Any, details: Details) -> Plan | None:
        key = plan_key(named, details)
        if key in self._refused or not is_object_type(named):
            return None
        if self._wrapped:
            return None
        if key in self._plans:
            return self._plans[key]
        return Planner(self._plans, self.collect_subfields).plan(named, details)

    async def _values(self, shape: Shape, plan: Plan | None, values: Sequence[Any], info: Info | None) -> Sequence[Any]:
        """Values of a type, completed; `plan` is that of the objects in them. Raises Uncovered."""
        if shape.leaf is not None:
            return completed_leaves(shape.leaf, shape.nullable, values)
        kinds: set[type] = {RecordBatch} if type(values) is Batches else set(map(type, values))
        if shape.items is None and plan is not None and kinds == plan.kinds:
            return await self._rows(plan, values, info)
        complete = self._objects if shape.items is None else self._lists
        if NoneType not in kinds:
            return await complete(shape, plan, values, kinds, info)
        if not shape.nullable:
            raise Uncovered
        there = [value for value in values if value is not None]
        rest = iter(await complete(shape, plan, there, kinds - {NoneType}, info))
        return [None if value is None else next(rest) for value in values]

    async def _lists(
        self, shape: Shape, plan: Plan | None, values: Sequence[Any], kinds: set[type], info: Info | None
    ) -> Sequence[Any]:
        items = cast("Shape", shape.items)
        if not kinds.issubset(_LISTS):
            raise Uncovered
        if RecordBatch not in kinds:
            flat = iter(await self._values(items, plan, list(chain.from_iterable(values)), info))
            return [list(islice(flat, len(each))) for each in values]
        several = values if type(values) is Batches else None
        batches = {each.kind for each in values if type(each) is RecordBatch} if several is None else {several.kind}
        if plan is None or items.type is not plan.type or not _is_of(plan, batches):
            raise Uncovered
        if several is not None and plan.flat:
            return self._each_encoded(plan, several)
        return [
            list(await self._values(items, plan, each, info)) if type(each) is not RecordBatch
            else self._encoded(plan, each) if plan.flat
            else await self._rows(plan, each, info)
            for each in values
        ]  # fmt: skip

    async def _objects(
        self, shape: Shape, plan: Plan | None, values: Sequence[Any], kinds: set[type], info: Info | None
    ) -> Sequence[Any]:
        if plan is None or any(map(unusual, kinds)):
            raise Uncovered
        if not _is_of(plan, kinds) and not _each_is_of(plan.type, values, info or self._about(plan)):
            raise Uncovered
        return await self._rows(plan, values, info)

    def _each_encoded(self, plan: Plan, batches: Batches[Any]) -> Sequence[Any]:
        if self.kept is None:
            return [self._encoded(plan, batch) for batch in batches]
        kept = enumerate(self.kept.all([(key, plan.signature) for key in batches.keys]))
        return [
            self._encoded(plan, batches[place]) if encoded is None
            else EncodedRows(encoded, batches.places[place][0].length)
            for place, encoded in kept
        ]  # fmt: skip

    def _encoded(self, plan: Plan, batch: RecordBatch[Any]) -> Sequence[Any]:
        """Flat rows, as JSON."""
        if self.kept is None or batch.cache_key is None:
            return EncodedRows(encoded_rows(plan, batch), len(batch))
        key = (batch.cache_key, plan.signature)
        encoded = self.kept.get(key)
        if encoded is None:
            encoded = encoded_rows(plan, batch)
            self.kept.put(key, encoded, len(encoded))
        return EncodedRows(encoded, len(batch))

    async def _rows(self, plan: Plan, sources: Sources, info: Info | None) -> list[dict[str, Any]]:
        """`info`: of the field that answered the sources; None of those of the operation."""
        if not sources:
            return []
        loaded = {}
        if len(plan.waiting) > 1:
            waiting = [self._column(plan, field, sources, info) for field in plan.waiting]
            columns = await self.gather_async_work(waiting)
            loaded = {field.key: column for field, column in zip(plan.waiting, columns, strict=True)}
        columns = [
            _leaves(plan, field, sources, field.leaf) if field.leaf is not None
            else loaded[field.key] if field.key in loaded
            else await self._column(plan, field, sources, info)
            for field in plan.fields
        ]  # fmt: skip
        return plan.rows(columns, len(sources))

    async def _column(self, plan: Plan, field: Selected, sources: Sources, info: Info | None) -> Sequence[Any]:
        if field.load is None:
            values = attribute_column(sources, field.attribute)
        else:
            values = await self._loaded(plan, field, field.load, list(sources), info)
        return await self._values(field.shape, field.plan, values, info)

    async def _loaded(
        self, plan: Plan, field: Selected, load: Load, parents: list[Any], info: Info | None
    ) -> Sequence[Any]:
        try:
            given, arguments = self._arguments(plan.type, field, info)
            values: Any = load(parents, given, **arguments)
            if field.awaited:
                values = await (values if self.abort_signal is None else self.with_abort_signal(values))
        except Exception as error:
            if not isinstance(error, (AurumError, GraphQLError)):
                _log.warning("%s.%s is asked for one by one", plan.type, field.name, exc_info=error)
            raise Uncovered from error
        if len(values) != len(parents):
            raise ValueError(f"{plan.type}.{field.name} of {len(parents)} was loaded as {len(values)}")
        loaded: Sequence[Any] = values
        return loaded

    def _arguments(
        self, parent: GraphQLObjectType, field: Selected, info: Info | None
    ) -> tuple[Any, Mapping[str, Any]]:
        """The info and the arguments that a field's resolver would be given."""
        definition: Any = field.definition
        graphql_field, path = parent.fields[field.name], cast("Any", None) if info is None else info.path
        raw_info = self.build_resolve_info(graphql_field, field.nodes, parent, path)
        own_info = self._converter.config.info_class(_raw_info=raw_info, _field=definition)
        known = self._given.get(id(field)) if field.defaults is None else field.defaults
        if known is None:
            values = get_argument_values(
                graphql_field, field.nodes[0], self.variable_values, None, self.hide_suggestions
            )
            known = self._given[id(field)] = self._inputs.arguments(definition, values)
        return own_info, known


def _leaves(plan: Plan, field: Selected, sources: Sources, leaf: GraphQLLeafType) -> Sequence[Any]:
    if field.definition is None:
        return [plan.type.name] * len(sources)
    return leaf_column(sources, field.attribute, leaf, field.shape.nullable)


def _is_of(plan: Plan, kinds: set[type]) -> bool:
    """Whether what is of these kinds is of the plan's type, without having to ask each."""
    origin = plan.origin
    return origin is object or (origin is not None and all(issubclass(kind, origin) for kind in kinds))


def _each_is_of(object_type: GraphQLObjectType, values: Sequence[Any], info: Info) -> bool:
    try:
        return all(object_type.is_type_of(value, info) is True for value in values)  # type: ignore[misc]  # it is not None
    except Exception as error:
        raise Uncovered from error


def _at_once(completing: Coroutine[Any, Any, Sequence[Any]]) -> Sequence[Any]:
    """What a coroutine returns that never waits."""
    try:
        completing.send(None)
    except StopIteration as done:
        values: Sequence[Any] = done.value
        return values
    raise RuntimeError("nothing should have waited")
