"""Statements whose rows are wanted as columns: from PostgreSQL they come in one piece, not value by value.

Columns are integers, dates, instants, prices (eight bytes, little-endian float64; null: NaN), vectors of them, or other
values, by the types that the statement gives them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property, reduce
from operator import itemgetter
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import ColumnElement, Date, Integer, LargeBinary, Select, case, func, literal, select
from sqlalchemy.types import TypeEngine

from aurum.backends.database import Database, Instant
from aurum.backends.reads import Read

Columns = Mapping[str, Any]
_FLOAT = 8  # bytes
_BLANK = np.array([np.nan], dtype="<f8").tobytes()
_EPOCH = np.datetime64("2000-01-01")  # PostgreSQL's


class Price(LargeBinary):
    """One float64 of a vector."""

    def __init__(self) -> None:
        super().__init__(_FLOAT)


class Vector(LargeBinary):
    """Float64s, as many as it has."""


@dataclass(frozen=True, slots=True)
class Vectors:
    """One after the other; `sizes` says of how many numbers each is: none where it is null."""

    numbers: NDArray[np.float64]
    sizes: NDArray[np.int64]
    starts: NDArray[np.int64]

    @staticmethod
    def of(packed: Sequence[bytes | None]) -> Vectors:
        every = [each or b"" for each in packed]
        sizes = np.array(list(map(len, every)), np.int64) // _FLOAT
        return Vectors(np.frombuffer(b"".join(every), "<f8"), sizes, np.cumsum(sizes) - sizes)

    def matrix(self, rows: NDArray[np.intp], points: int) -> NDArray[np.float64]:
        """Those of `rows`, each of so many numbers; NaN for those that have none."""
        if points and (self.sizes == points).all():
            every: NDArray[np.float64] = self.numbers.reshape(-1, points)
            return every[rows]
        quoted = self.sizes[rows] == points
        values = np.full((len(rows), points), np.nan)
        values[quoted] = self.numbers[self.starts[rows[quoted], None] + np.arange(points)]
        return values


@dataclass(frozen=True, slots=True)
class _Kind:
    """How values of a type travel, all of one length, and become an array."""

    type: type[TypeEngine[Any]]
    packed: Callable[[Any], Any]
    sent: str
    unpacked: Callable[[NDArray[Any]], NDArray[Any]]
    array: Callable[[Sequence[Any]], NDArray[Any]]


_KINDS = (
    _Kind(
        Integer,
        lambda column: func.int8send(column),
        ">i8",
        lambda sent: sent.astype(np.int64),
        lambda values: np.array(values, np.int64),
    ),
    _Kind(
        Date,
        lambda column: func.date_send(column),
        ">i4",
        lambda sent: _EPOCH + sent.astype("m8[D]"),
        lambda values: np.array(values, "M8[D]"),
    ),
    _Kind(
        Instant,
        lambda column: func.timestamptz_send(column),
        ">i8",
        lambda sent: _EPOCH.astype("M8[us]") + sent.astype("m8[us]"),
        lambda values: np.array([_naive(value) for value in values], "M8[us]"),
    ),
    _Kind(
        Price,
        lambda column: func.coalesce(column, literal(_BLANK, LargeBinary())),
        "<f8",
        lambda sent: sent.astype(np.float64),
        lambda values: np.frombuffer(b"".join([value or _BLANK for value in values]), "<f8"),
    ),
)


def _naive(value: datetime) -> datetime:
    return value.replace(tzinfo=None)  # it is in UTC


class ColumnRead:
    """A statement with named columns and parameters. Integers, dates and instants are never null.

    `order` names columns that its rows are sorted by once they are here, which costs a tenth of what it does there.
    """

    def __init__(self, statement: Select[Any], order: Sequence[str] = ()) -> None:
        self.rows = Read(statement)
        self._order = order
        columns = statement.selected_columns
        kinds = {column.name: _kind(column.type) for column in columns}
        self._kinds = {name: kind for name, kind in kinds.items() if kind is not None}
        self._others = [name for name in kinds if name not in self._kinds]
        self._vectors = {column.name for column in columns if isinstance(column.type, Vector)}
        self._sent = np.dtype([(name, kind.sent) for name, kind in self._kinds.items()])

    @cached_property
    def packed(self) -> Read:
        """Of each row all but vectors and other values in one piece. Without vectors, which are large, all is one row:
        of other values an array, null where all of them are.
        """
        rows = self.rows.statement.subquery().c
        pieces = [kind.packed(rows[name]) for name, kind in self._kinds.items()]
        head = reduce(lambda one, other: one.concat(other), pieces)
        others: list[ColumnElement[Any]] = [rows[name] for name in self._others]
        if self._vectors:
            return Read(select(head, *others))
        arrays = (case((func.count(column) > 0, func.array_agg(column))) for column in others)
        return Read(select(func.count(), func.string_agg(head, b""), *arrays))

    def of_packed(self, rows: Sequence[Sequence[Any]]) -> Columns:
        if self._vectors:
            length, others = len(rows), [list(map(itemgetter(n), rows)) for n in range(1, 1 + len(self._others))]
            heads = b"".join(map(itemgetter(0), rows))
        else:
            ((length, heads, *arrays),) = rows
            others = [array or [None] * length for array in arrays]
        if len(heads or b"") != length * self._sent.itemsize:
            raise ValueError("a column that is never null is null")
        sent = np.frombuffer(heads or b"", self._sent)
        found = {name: kind.unpacked(sent[name]) for name, kind in self._kinds.items()}
        return self._sorted(found | dict(zip(self._others, others, strict=True)))

    def of_rows(self, rows: Sequence[Sequence[Any]]) -> Columns:
        names = list(self.rows.statement.selected_columns.keys())
        columns = dict(zip(names, zip(*rows, strict=True) if rows else [()] * len(names), strict=True))
        found = {name: kind.array(columns[name]) for name, kind in self._kinds.items()}
        return self._sorted(found | {name: list(columns[name]) for name in self._others})

    def _sorted(self, found: dict[str, Any]) -> Columns:
        order = np.lexsort([found[name] for name in reversed(self._order)]) if self._order else np.empty(0, np.intp)
        if (order[1:] < order[:-1]).any():
            places = order.tolist()
            found = {
                name: column[order] if name in self._kinds else [column[place] for place in places]
                for name, column in found.items()
            }
        return {name: Vectors.of(column) if name in self._vectors else column for name, column in found.items()}


def _kind(type_: TypeEngine[Any]) -> _Kind | None:
    return next((kind for kind in _KINDS if isinstance(type_, kind.type)), None)


async def read_columns(database: Database, read: ColumnRead, **parameters: Any) -> Columns:
    """By name: an array, dates and instants (UTC) as datetime64, `Vectors`, or a list."""
    if database.packs:
        return read.of_packed(await database.rows(read.packed, **parameters))
    return read.of_rows(await database.rows(read.rows, **parameters))
