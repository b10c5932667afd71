"""Rows of a sheet as SpreadsheetML, a column at a time: twenty times as fast as cell by cell through openpyxl."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterable
from typing import IO, Any
from xml.sax.saxutils import escape

import pyarrow as pa
from openpyxl.utils import get_column_letter

from aurum.backends.unfit import NO_XML

_EPOCH = 25_569  # 1970-01-01, in Excel's days
_DAY = 86_400 * 10**6  # in microseconds


class Rows:
    """Below the header, on disk until they are closed. `day` and `instant` are the styles of such cells."""

    def __init__(self, schema: Any, day: int, instant: int) -> None:
        self._letters = [get_column_letter(place) for place in range(1, len(schema.names) + 1)]
        self._day, self._instant = day, instant
        self._file = tempfile.TemporaryFile()  # noqa: SIM115  open for as long as rows come
        self._row = 1

    def write(self, batch: Any) -> None:
        columns = [list(self._cells(column)) for column in batch.columns]
        for row in zip(*columns, strict=True):
            self._row += 1
            cells = "".join(
                f'<c r="{letter}{self._row}"{cell}' for letter, cell in zip(self._letters, row, strict=True) if cell
            )
            self._file.write(f'<row r="{self._row}">{cells}</row>'.encode())

    def copy(self, target: IO[bytes]) -> None:
        self._file.seek(0)
        shutil.copyfileobj(self._file, target, 2**20)

    def close(self) -> None:
        self._file.close()

    def _cells(self, column: Any) -> Iterable[str]:
        """What follows the address of each cell; nothing where it is empty."""
        kind = column.type
        if pa.types.is_string(kind):
            distinct = column.dictionary_encode()
            texts = [_text(value) for value in distinct.dictionary.to_pylist()]
            return ("" if at is None else texts[at] for at in distinct.indices.to_pylist())
        if pa.types.is_boolean(kind):
            return ("" if value is None else f' t="b"><v>{value:d}</v></c>' for value in column.to_pylist())
        if pa.types.is_date(kind):
            return self._numbers(column.cast(pa.int32()).to_pylist(), self._day, lambda days: days + _EPOCH)
        if pa.types.is_timestamp(kind):
            return self._numbers(column.cast(pa.int64()).to_pylist(), self._instant, lambda at: at / _DAY + _EPOCH)
        return self._numbers(column.to_pylist(), 0, lambda number: number)

    def _numbers(self, values: list[Any], style: int, number: Any) -> Iterable[str]:
        return ("" if value is None else f' s="{style}"><v>{number(value)!r}</v></c>' for value in values)


def fit(text: str) -> str:
    """Without the characters that no XML can have."""
    return NO_XML.sub("", text)


def _text(value: str) -> str:
    """A text, also where it looks like a formula."""
    return f' t="inlineStr"><is><t xml:space="preserve">{escape(fit(value))}</t></is></c>'
