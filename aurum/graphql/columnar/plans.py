"""Plans of selections: which fields of many objects can be completed together, and how each is read."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from inspect import iscoroutinefunction
from typing import Any, TypeAlias

from graphql import (
    FieldNode,
    GraphQLError,
    GraphQLField,
    GraphQLLeafType,
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLString,
    get_named_type,
    get_nullable_type,
    is_leaf_type,
    is_list_type,
    is_non_null_type,
    is_object_type,
)
from graphql.execution.collect_fields import CollectedFields, FieldDetails
from graphql.pyutils import gather_with_cancel
from strawberry.types.field import StrawberryField
from strawberry.types.fields.resolver import StrawberryResolver

from aurum.graphql.columnar.inputs import defaults_of

Details: TypeAlias = list[FieldDetails]
Load: TypeAlias = Callable[..., "Sequence[Any] | Awaitable[Sequence[Any]]"]
Collect: TypeAlias = Callable[[GraphQLObjectType, Details], CollectedFields]
Plans: TypeAlias = "dict[tuple[Any, ...], Plan | None]"
Rows: TypeAlias = list[dict[str, Any]]
Origin: TypeAlias = type | None
_TYPENAME = "__typename"
_LOAD = "aurum.load"


def batched(load: Load | None = None) -> dict[str, Load | None]:
    """Metadata of a field that is read for many parents together, beside the resolver that reads it for one.

    `load(parents, info, **arguments)` answers a value for each of the parents, in their order; it is `async def`, or
    answers at once. It is given what the resolver would be given, its defaults included. What it raises is not told:
    the resolver is then asked for each parent. Without `load` the resolver is called for each parent, all at once.
    Either way `info.path` is that of the outermost list.
    """
    return {_LOAD: load}


@dataclass(frozen=True, slots=True)
class Shape:
    """What an output type is: a leaf, a list of `items`, or else an object, a union or an interface."""

    type: Any  # that which may be null
    nullable: bool
    leaf: GraphQLLeafType | None
    items: Shape | None


@dataclass(frozen=True, slots=True)
class Selected:
    """A field of a selection, answered under `key`. It is read from an attribute of its parents, or by `load`.

    `leaf` is its type where it is an attribute without a list; `plan` is that of the objects in it; `awaited`: what
    `load` answers is; `waits`: something of it or in it is; `defaults` are its arguments where the document gives none.
    `__typename` has no `definition`.
    """

    key: str
    name: str
    shape: Shape
    nodes: list[FieldNode]
    definition: StrawberryField | None = None
    attribute: str = ""
    leaf: GraphQLLeafType | None = None
    plan: Plan | None = None
    load: Load | None = None
    awaited: bool = False
    waits: bool = False
    defaults: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """A selection of an object type, all of which can be completed for many objects together.

    Instances of `origin` are of the type; None: each has to be asked. `kinds`: what most lists of them hold.
    `signature` tells it from other selections where it is `flat`: nothing but attributes that are leaves.
    """

    type: GraphQLObjectType
    origin: Origin
    kinds: frozenset[Origin]
    fields: tuple[Selected, ...]
    waiting: tuple[Selected, ...]
    flat: bool
    signature: str
    build: Callable[[Sequence[Sequence[Any]]], Rows]

    def rows(self, columns: Sequence[Sequence[Any]], length: int) -> Rows:
        """The completed columns, parallel to `fields`, as objects."""
        return self.build(columns) if columns else [{} for _ in range(length)]


class Planner:
    """Makes plans and keeps them in `plans`, which belongs to one document and one value of its conditions."""

    def __init__(self, plans: Plans, collect: Collect) -> None:
        self._plans = plans
        self._collect = collect

    def plan(self, object_type: GraphQLObjectType, details: Details) -> Plan | None:
        """None where only the stock executor knows how."""
        key = plan_key(object_type, details)
        if key not in self._plans:
            self._plans[key] = self._made(object_type, details)
        return self._plans[key]

    def root(self, object_type: GraphQLObjectType, collected: CollectedFields) -> Plan | None:
        """Of an operation. None where only the stock executor knows how."""
        grouped, deferred, forbidden = collected
        return None if deferred or forbidden or not grouped else self._of(object_type, grouped)

    def _made(self, object_type: GraphQLObjectType, details: Details) -> Plan | None:
        if any(map(is_apart, details)):
            return None
        try:
            grouped, deferred, _ = self._collect(object_type, details)
        except GraphQLError:  # a condition is null: the stock executor says where
            return None
        return None if deferred else self._of(object_type, grouped)

    def _of(self, object_type: GraphQLObjectType, grouped: Mapping[str, Details]) -> Plan | None:
        fields = []
        for key, same in grouped.items():
            selected = self._selected(object_type, key, same)
            if selected is None:
                return None
            fields.append(selected)
        return _planned(object_type, tuple(fields))

    def _selected(self, object_type: GraphQLObjectType, key: str, details: Details) -> Selected | None:
        nodes = [each.node for each in details]
        name = nodes[0].name.value
        if name == _TYPENAME:
            return Selected(key, name, shape_of(GraphQLString), nodes, leaf=GraphQLString)
        field = object_type.fields.get(name)
        definition = None if field is None else _definition(field)
        if field is None or definition is None or any(map(is_apart, details)):
            return None
        named, load = get_named_type(field.type), _load(definition)
        plan = self.plan(named, details) if is_object_type(named) else None
        if plan is None and not is_leaf_type(named):
            return None
        return Selected(
            key, name, shape_of(field.type), nodes, definition, definition.python_name,
            leaf=named if load is None and get_nullable_type(field.type) is named and plan is None else None,
            plan=plan,
            load=load,
            awaited=iscoroutinefunction(load),
            waits=iscoroutinefunction(load) or (plan is not None and bool(plan.waiting)),
            defaults=None if nodes[0].arguments else _defaults(definition),
        )  # fmt: skip


@lru_cache(maxsize=4096)
def shape_of(type_: GraphQLOutputType) -> Shape:
    inner = get_nullable_type(type_)
    return Shape(
        type=inner,
        nullable=not is_non_null_type(type_),
        leaf=inner if is_leaf_type(inner) else None,
        items=shape_of(inner.of_type) if is_list_type(inner) else None,
    )


def plan_key(object_type: Any, details: Details) -> tuple[Any, ...]:
    """Of a selection within one document."""
    return (object_type, *[id(each.node) for each in details])


def is_apart(details: FieldDetails) -> bool:
    """Whether a field is streamed, deferred, or in a fragment with arguments."""
    return (
        details.defer_usage is not None
        or details.fragment_variable_values is not None
        or any(directive.name.value == "stream" for directive in details.node.directives or ())
    )


def _definition(field: GraphQLField) -> StrawberryField | None:
    """None where a resolver, a permission or an extension has to be asked for each object."""
    definition: StrawberryField | None = field.extensions.get("strawberry-definition")
    if definition is None or definition.extensions:
        return None
    attribute = definition.is_basic_field and definition.default_resolver is getattr
    return definition if attribute or _LOAD in definition.metadata else None


def _defaults(definition: StrawberryField) -> Mapping[str, Any] | None:
    """By the names of its arguments; None where a default is more than a plain value."""
    found = defaults_of(definition)
    return found if all(value is None or type(value) in (bool, int, str) for value in found.values()) else None


def _load(definition: StrawberryField) -> Load | None:
    if _LOAD not in definition.metadata or definition.base_resolver is None:
        return None
    load: Load | None = definition.metadata[_LOAD]
    return _each(definition.base_resolver) if load is None else load


def _each(resolver: StrawberryResolver[Any]) -> Load:
    named = [each.name for each in (resolver.root_parameter, resolver.parent_parameter) if each is not None]
    about = [] if resolver.info_parameter is None else [resolver.info_parameter.name]

    def at_once(parents: Sequence[Any], info: Any, **arguments: Any) -> list[Any]:
        given = dict.fromkeys(about, info) | arguments
        if resolver.self_parameter is not None:
            return [resolver(parent, **given) for parent in parents]
        return [resolver(**dict.fromkeys(named, parent), **given) for parent in parents]

    async def awaited(parents: Sequence[Any], info: Any, **arguments: Any) -> list[Any]:
        answers = at_once(parents, info, **arguments)
        return [await answers[0]] if len(answers) == 1 else await gather_with_cancel(*answers)

    return awaited if resolver.is_async else at_once


def _planned(object_type: GraphQLObjectType, fields: tuple[Selected, ...]) -> Plan:
    origin = _origin(object_type)
    return Plan(
        type=object_type,
        origin=origin,
        kinds=frozenset([origin]),
        fields=fields,
        waiting=tuple(field for field in fields if field.waits),
        flat=all(field.leaf is not None for field in fields),
        signature=" ".join([object_type.name, *(f"{field.key}:{field.name}" for field in fields)]),
        build=_builder(len(fields))(*[field.key for field in fields]),
    )


def _origin(object_type: GraphQLObjectType) -> type | None:
    if object_type.is_type_of is None:
        return object
    definition = object_type.extensions["strawberry-definition"]
    origin: type = definition.origin
    return origin if definition.is_type_of is None else None


@lru_cache(maxsize=256)
def _builder(count: int) -> Callable[..., Callable[[Sequence[Sequence[Any]]], Rows]]:
    """`builder(*keys)(columns)` makes a dict of each row; written out it takes half the time of `dict(zip(...))`."""
    keys, values = ([f"{letter}{n}" for n in range(count)] for letter in "kv")
    pairs = ", ".join(f"{key}: {value}" for key, value in zip(keys, values, strict=True))
    row = "".join(f"{value}, " for value in values) or "_"
    written = f"lambda {', '.join(keys)}: lambda columns: [{{{pairs}}} for {row} in zip(*columns)]"
    builder: Callable[..., Callable[[Sequence[Sequence[Any]]], Rows]] = eval(written)  # noqa: S307  of numbers only
    return builder
