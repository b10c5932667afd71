"""Statements whose rows are wanted as columns: from PostgreSQL they come in one piece, not value by value.

Columns are integers, dates, instants, vectors of prices (little-endian float64), or other values, by the types that the
statement gives them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cached_property, reduce
from operator import itemgetter
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import ColumnElement, Date, Integer, LargeBinary, Select, case, func, select
from sqlalchemy.types import TypeEngine

from aurum.backends.database import Database, Instant
from aurum.backends.reads import Read

Columns = Mapping[str, Any]
_FLOAT = 8  # bytes
_MOST_BESIDE = 1.25  # times as many vectors as are wanted may stay in memory with them
_EPOCH = np.datetime64("2000-01-01")  # PostgreSQL's
_1970, _MICROSECOND = datetime(1970, 1, 1, tzinfo=UTC), timedelta(microseconds=1)
_ORDINAL_1970 = _1970.toordinal()


class Vector(LargeBinary):
    """Float64s, as many as it has."""


@dataclass(frozen=True, slots=True)
class Vectors:
    """One after the other. Of each `sizes` says of how many numbers it is, none where it is null, and `starts` where it
    begins.
    """

    numbers: NDArray[np.float64]
    sizes: NDArray[np.int64]
    starts: NDArray[np.int64]

    @staticmethod
    def of(packed: bytes, lengths: NDArray[np.int64]) -> Vectors:
        """`lengths` in bytes."""
        sizes = lengths // _FLOAT
        return Vectors(np.frombuffer(packed, "<f8"), sizes, np.cumsum(sizes) - sizes)

    @staticmethod
    def of_each(packed: Sequence[bytes | None]) -> Vectors:
        every = [each or b"" for each in packed]
        return Vectors.of(b"".join(every), np.array(list(map(len, every)), np.int64))

    def __getitem__(self, rows: NDArray[np.intp]) -> Vectors:
        return Vectors(self.numbers, self.sizes[rows], self.starts[rows])

    def matrix(self, rows: NDArray[np.intp], points: int) -> NDArray[np.float64]:
        """Those of `rows`, each of so many numbers; NaN for those that have none. It may not be written to."""
        if points and len(self.numbers) == points * len(self.sizes) and (self.sizes == points).all():
            every: NDArray[np.float64] = self.numbers.reshape(-1, points)
            places = self.starts[rows] // points
            first, most = int(places[0]) if len(places) else 0, _MOST_BESIDE * len(places)
            if len(every) <= most and np.array_equal(places, np.arange(first, first + len(places))):
                return every[first : first + len(places)]  # a copy takes time
            return every[places]
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
        lambda values: instants(values),
    ),
)


def days(values: Sequence[date]) -> NDArray[np.datetime64]:
    """None of them is null. NumPy takes three times as long."""
    return np.array([value.toordinal() - _ORDINAL_1970 for value in values], np.int64).view("M8[D]")


def instants(values: Sequence[datetime]) -> NDArray[np.datetime64]:
    """In UTC."""
    return np.array([(value - _1970) // _MICROSECOND for value in values], np.int64).view("M8[us]")


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
        self._vectors = [column.name for column in columns if isinstance(column.type, Vector)]
        self._plain = [name for name in kinds if name not in self._kinds and name not in self._vectors]
        self._apart = len(self._vectors) > 1
        lengths = [] if self._apart else [(name, ">i8") for name in self._vectors]
        self._sent = np.dtype([(name, kind.sent) for name, kind in self._kinds.items()] + lengths)

    @cached_property
    def packed(self) -> Read:
        """All in one row: one value for everything of one length, one for the vectors, and of others an array, null
        where all of them are.

        With several vectors a row for each, as PostgreSQL joins them more slowly than it sends them: one value for
        everything of one length, then the vectors, then the others.
        """
        rows = self.rows.statement.subquery().c
        pieces = [kind.packed(rows[name]) for name, kind in self._kinds.items()]
        vectors, plain = ([rows[name] for name in names] for names in (self._vectors, self._plain))
        if self._apart:
            return Read(select(_one(pieces), *vectors, *plain))
        pieces += [func.int8send(func.coalesce(func.octet_length(each), 0)) for each in vectors]
        joined = [func.string_agg(each, b"") for each in (_one(pieces), *vectors)]
        arrays = [case((func.count(each) > 0, func.array_agg(each))) for each in plain]
        return Read(select(func.count(), *joined, *arrays))

    def of_packed(self, rows: Sequence[Sequence[Any]]) -> Columns:
        names = [*self._vectors, *self._plain]
        if self._apart:
            found = self._split(b"".join(map(itemgetter(0), rows)), len(rows))
            others = [list(map(itemgetter(n), rows)) for n in range(1, 1 + len(names))]
            return self._told(found | dict(zip(names, others, strict=True)))
        ((length, heads, *values),) = rows
        found = self._split(heads or b"", length)
        for name, value in zip(names, values, strict=True):
            if name in self._vectors:
                found[name] = Vectors.of(value or b"", found[name])
            else:
                found[name] = value or [None] * length
        return self._told(found)

    def of_rows(self, rows: Sequence[Sequence[Any]]) -> Columns:
        names = list(self.rows.statement.selected_columns.keys())
        columns = dict(zip(names, zip(*rows, strict=True) if rows else [()] * len(names), strict=True))
        found = {name: kind.array(columns[name]) for name, kind in self._kinds.items()}
        return self._told(found | {name: list(columns[name]) for name in (*self._vectors, *self._plain)})

    def _split(self, heads: bytes, length: int) -> dict[str, Any]:
        if len(heads) != length * self._sent.itemsize:
            raise ValueError("a column that is never null is null")
        sent = np.frombuffer(heads, self._sent)
        lengths = {} if self._apart else {name: sent[name].astype(np.int64) for name in self._vectors}
        return {name: kind.unpacked(sent[name]) for name, kind in self._kinds.items()} | lengths

    def _told(self, found: dict[str, Any]) -> Columns:
        """In order."""
        for name in self._vectors:
            if not isinstance(found[name], Vectors):
                found[name] = Vectors.of_each(found[name])
        order = order_of(found, self._order) if self._order else np.empty(0, np.intp)
        return taken(found, order) if (order[1:] < order[:-1]).any() else found


def order_of(found: Columns, names: Sequence[str]) -> NDArray[np.intp]:
    """What sorts their rows by these columns."""
    return np.lexsort([found[name] for name in reversed(names)])


def taken(found: Columns, rows: NDArray[np.intp]) -> Columns:
    """These rows, in this order."""
    return {
        name: [column[place] for place in rows.tolist()] if isinstance(column, list) else column[rows]
        for name, column in found.items()
    }


def _one(pieces: Sequence[ColumnElement[Any]]) -> ColumnElement[Any]:
    return reduce(lambda one, other: one.concat(other), pieces)


def _kind(type_: TypeEngine[Any]) -> _Kind | None:
    return next((kind for kind in _KINDS if isinstance(type_, kind.type)), None)


async def read_columns(database: Database, read: ColumnRead, **parameters: Any) -> Columns:
    """By name: an array, dates and instants (UTC) as datetime64, `Vectors`, or a list."""
    if database.packs:
        return read.of_packed(await database.rows(read.packed, **parameters))
    return read.of_rows(await database.rows(read.rows, **parameters))
