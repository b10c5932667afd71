"""Answers as tables, and tables as Arrow streams."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain, groupby
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from starlette.responses import Response, StreamingResponse
from strawberry.types.execution import ExecutionResult

from aurum.graphql.arrow.arrays import Array, Chunk, Columns, array_of, arrow_type, joined
from aurum.graphql.arrow.tables import Keys, Table, TableColumn
from aurum.graphql.columnar.records import rendered
from aurum.graphql.media import ARROW

ROWS = 2**16  # of a record batch
_AT_ONCE = 2000  # rows: made sooner than a thread would have begun


async def streamed(table: Table, result: ExecutionResult, extensions: Mapping[str, Any]) -> Response:
    """The answer without errors. More than one record batch is sent as it is written."""
    flat = Flattened(table, result.data)
    about = {"extensions": rendered(extensions)} if extensions else {}
    if flat.rows <= _AT_ONCE:
        return Response(b"".join(written(flat.table(about))), media_type=ARROW)
    made = await asyncio.to_thread(flat.table, about)
    return StreamingResponse(written(made), media_type=ARROW)


def written(table: Any) -> Iterator[bytes]:
    """An IPC stream: the schema with the first record batch, and then one each."""
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        for batch in table.to_batches(max_chunksize=ROWS):
            writer.write_batch(batch)
            yield _taken(sink)
    yield _taken(sink)


def _taken(sink: io.BytesIO) -> bytes:
    written = sink.getvalue()
    sink.seek(0)
    sink.truncate()
    return written


class Flattened:
    """The rows of `data`, level by level: objects, and how many items of the next list each has."""

    def __init__(self, table: Table, data: Any) -> None:
        self._table = table
        self._objects: list[Sequence[Any]] = [[data]]
        self._counts: list[NDArray[np.int64]] = []
        for keys in table.lists:
            lists = [_at(each, keys) for each in self._objects[-1]]
            innermost = len(self._counts) + 1 == len(table.lists)
            count = _height if innermost and table.parallel else len
            self._counts.append(np.array([0 if each is None else count(each) for each in lists], dtype=np.int64))
            there = [each for each in lists if each is not None]
            self._objects.append(there if innermost else list(chain.from_iterable(there)))

    @property
    def rows(self) -> int:
        return int(self._counts[-1].sum())

    def table(self, about: Mapping[str, bytes]) -> Any:
        """A pyarrow.Table; `about` is told in the metadata of its schema."""
        innermost = len(self._counts)
        places = self._places()
        fields, arrays = [], []
        for column in self._table.columns:
            type_ = arrow_type(column.type, repeated=column.level < innermost)
            if column.level == innermost:
                array = joined(column.type, list(self._chunks(column)))
            else:
                array = array_of(column.type, [_at(each, column.keys) for each in self._objects[column.level]])
            if pa.types.is_dictionary(type_):
                array = array.dictionary_encode()
            arrays.append(array if column.level == innermost else array.take(places[column.level]))
            fields.append(pa.field(column.name, type_, column.nullable))
        return pa.Table.from_arrays(arrays, schema=pa.schema(fields, metadata=about or None))

    def _places(self) -> list[Array]:
        """For each level of parents, the object that each row is in."""
        inner = np.arange(self.rows)
        places = []
        for counts in reversed(self._counts):
            inner = np.repeat(np.arange(len(counts)), counts)[inner]
            places.append(pa.array(inner))
        return places[::-1]

    def _chunks(self, column: TableColumn) -> Iterator[Chunk]:
        if self._table.parallel:
            yield array_of(column.type, list(chain.from_iterable(_at(each, column.keys) for each in self._objects[-1])))
            return
        for columns, lists in groupby(self._objects[-1], lambda each: isinstance(each, Columns)):
            if columns:
                yield from (each.chunks[column.keys[0]] for each in lists)
            else:
                yield array_of(column.type, [_at(row, column.keys) for row in chain.from_iterable(lists)])


def _at(value: Any, keys: Keys) -> Any:
    for key in keys:
        if value is None:
            return None
        value = value.get(key)
    return value


def _height(columns: Mapping[str, Any]) -> int:
    """Of an object that is parallel."""
    lengths = {len(each) for each in columns.values() if isinstance(each, list)}
    if len(lengths) != 1:
        raise ValueError(f"lists that should be parallel have {sorted(lengths)} items")
    return lengths.pop()
