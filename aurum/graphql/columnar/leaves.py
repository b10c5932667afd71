"""Columns of attributes, and their scalars and enums completed at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from enum import Enum
from functools import lru_cache
from math import isfinite
from types import GeneratorType, NoneType
from typing import Any

from graphql import GraphQLBoolean, GraphQLFloat, GraphQLID, GraphQLInt, GraphQLLeafType, GraphQLString, Undefined
from graphql.type.scalars import GRAPHQL_MAX_INT, GRAPHQL_MIN_INT

from aurum.graphql.columnar.records import Constant, RecordBatch, SharedColumn, Sources

_NATIVE: dict[Any, type] = {
    GraphQLBoolean: bool,
    GraphQLFloat: float,
    GraphQLID: str,
    GraphQLInt: int,
    GraphQLString: str,
}


class Uncovered(Exception):
    """Only the stock executor can tell what this comes to."""


def attribute_column(sources: Sources, name: str) -> Sequence[Any]:
    """An attribute of each of the parents. Raises Uncovered where one has none."""
    if type(sources) is RecordBatch:
        if sources.column(name) is None:
            raise Uncovered
        return sources.values(name)
    try:
        return [getattr(each, name) for each in sources]
    except Exception as error:
        raise Uncovered from error


def leaf_column(sources: Sources, name: str, leaf: GraphQLLeafType, nullable: bool) -> Sequence[Any]:
    """An attribute of each of the parents, completed. What is the same for many rows is completed once."""
    column = sources.column(name) if type(sources) is RecordBatch else None
    if isinstance(column, Constant):
        return list(completed_leaves(leaf, nullable, [column.value])) * len(sources)
    if not isinstance(column, SharedColumn):
        values = attribute_column(sources, name) if column is None else column
        return completed_leaves(leaf, nullable, values)
    key = (leaf, nullable)
    if key not in column.completed:
        column.completed[key] = completed_leaves(leaf, nullable, column.values)
    return column.completed[key]


def completed_leaves(leaf: GraphQLLeafType, nullable: bool, values: Sequence[Any]) -> Sequence[Any]:
    """What the stock executor makes of each value. Raises Uncovered where one is an error, or null and may not be."""
    kinds = set(map(type, values))
    nulls = NoneType in kinds
    if nulls and not nullable:
        raise Uncovered
    kinds.discard(NoneType)
    there = [value for value in values if value is not None] if nulls else values
    if not kinds or (kinds == {_NATIVE.get(leaf)} and _in_range(leaf, there)):
        return values
    coerced = _coerced(leaf, there, kinds)
    if not nulls:
        return coerced
    rest = iter(coerced)
    return [None if value is None else next(rest) for value in values]


def _in_range(leaf: GraphQLLeafType, values: Sequence[Any]) -> bool:
    """Of values of the Python type of `leaf`."""
    if leaf is GraphQLFloat:
        return isfinite(sum(values))  # false also where only the sum overflows: then each is looked at
    if leaf is GraphQLInt:
        return bool(min(values) >= GRAPHQL_MIN_INT and max(values) <= GRAPHQL_MAX_INT)
    return True


def _coerced(leaf: GraphQLLeafType, values: Sequence[Any], kinds: set[type]) -> list[Any]:
    if any(map(unusual, kinds)):
        raise Uncovered
    coerce = leaf.coerce_output_value
    try:
        if len(kinds) == 1 and issubclass(next(iter(kinds)), Enum):
            names = {value: coerce(value) for value in set(values)}
            coerced = [names[value] for value in values]
        elif kinds == {date}:
            coerced = [_day(coerce, value) for value in values]
        else:
            coerced = list(map(coerce, values))
    except Exception as error:
        raise Uncovered from error
    if not {NoneType, type(Undefined)}.isdisjoint(map(type, coerced)):
        raise Uncovered
    return coerced


@lru_cache(2**14)  # the same days come again and again
def _day(coerce: Callable[[date], Any], day: date) -> Any:
    return coerce(day)


@lru_cache(maxsize=1024)
def unusual(kind: type) -> bool:
    """Whether values of this class are raised, awaited or left out rather than answered."""
    return issubclass(kind, (Exception, type(Undefined), GeneratorType)) or hasattr(kind, "__await__")
