"""CSV (RFC 4180): texts are quoted, what is missing is empty, numbers are the shortest that read back the same."""

from __future__ import annotations

from collections.abc import Callable
from typing import IO, Any

import pyarrow as pa
from pyarrow import csv

from aurum.exports.selections import instant_text

_FORMULAS = ("=", "+", "-", "@", "\t", "\r", "\uff1d", "\uff0b", "\uff0d", "\uff20")  # the last are full-width


class CsvWriter:
    def __init__(self, schema: Any, sink: IO[bytes]) -> None:
        self._sink = sink
        sink.write((",".join(schema.names) + "\r\n").encode())

    def write(self, batch: Any) -> None:
        columns = {name: _column(column) for name, column in zip(batch.schema.names, batch.columns, strict=True)}
        csv.write_csv(pa.table(columns), self._sink, csv.WriteOptions(include_header=False, eol="\r\n"))

    def close(self) -> None:
        pass

    discard = close


def guarded(text: str) -> str:
    """With an apostrophe before what a spreadsheet would take for a formula."""
    return f"'{text}" if text.startswith(_FORMULAS) else text


def _column(column: Any) -> Any:
    if pa.types.is_string(column.type):
        return _texts(column, guarded)
    return _texts(column, instant_text) if pa.types.is_timestamp(column.type) else column


def _texts(column: Any, text: Callable[[Any], str]) -> Any:
    """Each value is made a text once."""
    distinct = column.dictionary_encode()
    return pa.array([text(value) for value in distinct.dictionary.to_pylist()], pa.utf8()).take(distinct.indices)
