"""Arguments as resolvers take them. What Strawberry looks up of their types for every request is looked up once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import MISSING
from functools import lru_cache, partial
from typing import Any, TypeAlias

from strawberry.relay import GlobalID
from strawberry.scalars import is_scalar
from strawberry.schema.schema_converter import GraphQLCoreConverter
from strawberry.types.arguments import convert_argument
from strawberry.types.base import StrawberryList, StrawberryMaybe, StrawberryOptional, has_object_definition
from strawberry.types.enum import StrawberryEnumDefinition, has_enum_definition
from strawberry.types.field import StrawberryField
from strawberry.types.lazy_type import LazyType
from strawberry.types.unset import UNSET

Convert: TypeAlias = Callable[[Any], Any]
Member: TypeAlias = tuple[str, str, Convert]  # its names in GraphQL and in Python


class Inputs:
    """Of one schema."""

    def __init__(self, converter: GraphQLCoreConverter) -> None:
        self._registry = converter.scalar_registry
        self._config = converter.config
        self._fields: dict[int, tuple[StrawberryField, Mapping[str, Any], list[Member]]] = {}
        self._objects: dict[Any, Convert] = {}

    def arguments(self, field: StrawberryField, values: Mapping[str, Any]) -> dict[str, Any]:
        """What `convert_arguments` makes of the values, by their names in Python, with the field's defaults.

        Raises what the types of inputs raise. One that makes itself of its input (`from_input`) is told neither the
        info nor the path.
        """
        found = self._fields.get(id(field))
        if found is None:
            found = self._fields[id(field)] = (field, defaults_of(field), self._arguments(field))
        _, defaults, members = found
        return {**defaults, **{into: convert(values[name]) for name, into, convert in members if name in values}}

    def _arguments(self, field: StrawberryField) -> list[Member]:
        name_of = self._config.name_converter.from_argument
        return [(name_of(each), each.python_name, self._converter(each.type)) for each in field.arguments]

    def _converter(self, type_: Any) -> Convert:
        if isinstance(type_, LazyType):
            return self._converter(type_.resolve_type())
        if isinstance(type_, StrawberryOptional) and not isinstance(type_, StrawberryMaybe):
            return self._converter(type_.of_type)
        if isinstance(type_, StrawberryList):
            return partial(_list, self._converter(type_.of_type))
        if isinstance(type_, StrawberryEnumDefinition) or has_enum_definition(type_):
            return _as_it_is
        if type_ is not GlobalID and is_scalar(type_, self._registry):
            return _as_it_is
        if has_object_definition(type_) and type_.__strawberry_definition__.from_input is None:
            return self._objects.get(type_) or self._object(type_)
        return partial(convert_argument, type_=type_, scalar_registry=self._registry, config=self._config)

    def _object(self, type_: Any) -> Convert:
        definition, members = type_.__strawberry_definition__, list[Member]()
        defaults = {each.python_name: None for each in definition.fields if not _has_default(each)}
        convert = self._objects[type_] = partial(_input, type_, defaults, members)
        name_of = self._config.name_converter.from_field
        for each in definition.fields:  # it is known by now: an input may hold itself
            resolved = each.resolve_type(type_definition=definition)
            members.append((name_of(each), each.python_name, self._converter(resolved)))
        return convert


@lru_cache(maxsize=16)
def inputs_of(converter: GraphQLCoreConverter) -> Inputs:
    return Inputs(converter)


def defaults_of(field: StrawberryField) -> Mapping[str, Any]:
    """Of its arguments, by their names in Python."""
    return {each.python_name: each.default for each in field.arguments if each.default is not UNSET}


def _has_default(field: StrawberryField) -> bool:
    return field.default_value is not MISSING or field.default_factory is not MISSING


def _as_it_is(value: Any) -> Any:
    return value


def _list(convert: Convert, values: Any) -> Any:
    """A list of its own: the same default is given to every request."""
    if values is None or values is UNSET:
        return values
    return list(values) if convert is _as_it_is else [convert(value) for value in values]


def _input(type_: Any, defaults: Mapping[str, Any], members: list[Member], values: Any) -> Any:
    if values is None or values is UNSET:
        return values
    return type_(**{**defaults, **{into: convert(values[name]) for name, into, convert in members if name in values}})
