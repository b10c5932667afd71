"""Columns of answers as Arrow arrays.

Float is float64, Int int32, Boolean bool, Date date32, DateTime a timestamp in microseconds UTC, ID and String utf8.
Enums are dictionaries of utf8, and so are texts that are repeated for the items of a list in their object; lists of
leaves are lists. Numbers are those of JSON, to the bit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from types import NoneType
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
from graphql import (
    GraphQLFloat,
    GraphQLLeafType,
    GraphQLOutputType,
    get_named_type,
    get_nullable_type,
    is_enum_type,
    is_list_type,
)
from numpy.typing import NDArray

from aurum.graphql.columnar.completion import ColumnarExecutor
from aurum.graphql.columnar.leaves import Uncovered, completed_leaves
from aurum.graphql.columnar.plans import Plan
from aurum.graphql.columnar.records import Constant, RecordBatch, SharedColumn, listed

Array: TypeAlias = Any  # pyarrow has no types
Chunk: TypeAlias = Array | NDArray[np.float64]  # in the latter NaN says null
TEXT = pa.dictionary(pa.int32(), pa.utf8())
_TYPES: Mapping[str, Any] = {
    "Boolean": pa.bool_(),
    "Date": pa.date32(),
    "DateTime": pa.timestamp("us", "UTC"),
    "Float": pa.float64(),
    "Int": pa.int32(),
}
_READ: Mapping[str, type[date]] = {"Date": date, "DateTime": datetime}


class Columns(Sequence[Any]):
    """Rows that were completed as columns, by response key."""

    __slots__ = ("_length", "chunks")

    def __init__(self, chunks: Mapping[str, Chunk], length: int) -> None:
        self.chunks = chunks
        self._length = length

    def __len__(self) -> int:
        return self._length

    def __getitem__(self, index: Any) -> Any:
        raise TypeError("these rows are columns")


class TableExecutor(ColumnarExecutor):
    """For those who make a table of the answer: batches of flat records come as Columns."""

    def _encoded(self, plan: Plan, batch: RecordBatch[Any]) -> Columns:
        return Columns({field.key: _chunk(plan, field, batch) for field in plan.fields}, len(batch))


def _chunk(plan: Plan, field: Any, batch: RecordBatch[Any]) -> Chunk:
    """A column of a batch, completed. Raises Uncovered where only the stock executor can tell what it comes to."""
    if field.definition is None:
        return pa.repeat(plan.type.name, len(batch))
    column, leaf, nullable = batch.raw(field.attribute), field.leaf, field.shape.nullable
    if column is None:
        raise Uncovered
    if isinstance(column, Constant):
        return pa.repeat(_completed(leaf, nullable, [column.value])[0], len(batch))
    if isinstance(column, SharedColumn):
        key = (("arrow", leaf), nullable)
        if key not in column.completed:
            column.completed[key] = _completed(leaf, nullable, column.values)
        return column.completed[key]
    if leaf is GraphQLFloat and isinstance(column, np.ndarray) and column.dtype == np.float64:
        if np.isinf(column).any() or (not nullable and np.isnan(column).any()):
            raise Uncovered
        return column
    return _completed(leaf, nullable, listed(column))


def _completed(leaf: GraphQLLeafType, nullable: bool, values: Sequence[Any]) -> Array:
    """Attributes as an array. Raises Uncovered."""
    kinds = set(map(type, values))
    if kinds <= {_READ.get(leaf.name), NoneType} and (nullable or NoneType not in kinds):
        return _array(leaf, values)
    return array_of(leaf, completed_leaves(leaf, nullable, values))


def array_of(type_: GraphQLOutputType, values: Sequence[Any]) -> Array:
    """Of values as JSON has them."""
    read = _READ.get(get_named_type(type_).name)
    return _array(type_, values if read is None else _read(read, values))


def _read(kind: type[date], values: Sequence[Any]) -> list[Any]:
    return [
        _read(kind, each) if isinstance(each, list) else each and kind.fromisoformat(each)
        for each in values
    ]  # fmt: skip


def _array(type_: GraphQLOutputType, values: Sequence[Any]) -> Array:
    if get_named_type(type_).name == "DateTime" and any(each is not None and each.tzinfo is None for each in values):
        raise ValueError("an instant without a time zone is none")
    return pa.array(values, _plain(type_))


def arrow_type(type_: GraphQLOutputType, repeated: bool) -> Any:
    """Of a column; `repeated`: for the items of a list."""
    inner: Any = get_nullable_type(type_)
    texts = repeated and not is_list_type(inner) and inner.name not in _TYPES
    return TEXT if texts or is_enum_type(inner) else _plain(inner)


def _plain(type_: GraphQLOutputType) -> Any:
    """Before texts are gathered in dictionaries."""
    inner: Any = get_nullable_type(type_)
    return pa.list_(_plain(inner.of_type)) if is_list_type(inner) else _TYPES.get(inner.name, pa.utf8())


def joined(type_: GraphQLOutputType, chunks: Sequence[Chunk]) -> Array:
    """Chunks one after the other, in one piece."""
    if chunks and all(isinstance(chunk, np.ndarray) for chunk in chunks):
        return pa.array(np.concatenate(chunks), pa.float64(), from_pandas=True)
    arrays = [
        pa.array(chunk, pa.float64(), from_pandas=True) if isinstance(chunk, np.ndarray) else chunk for chunk in chunks
    ]
    return pa.chunked_array(arrays, _plain(type_)).combine_chunks()
