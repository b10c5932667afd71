"""Statements whose rows are wanted as columns: from PostgreSQL each column comes in one piece, not row by row.

Columns are integers, dates, instants, prices (eight bytes, little-endian float64; null: NaN), vectors of them, or other
values, by the types that the statement gives them. Vectors come one after the other as one array; null has no number.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
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
class _Kind:
    """How values of a type travel in one piece, and become an array."""

    type: type[TypeEngine[Any]]
    packed: Callable[[Any], Any]
    unpacked: Callable[[bytes], NDArray[Any]]
    array: Callable[[Sequence[Any]], NDArray[Any]]


_KINDS = (
    _Kind(
        Integer,
        lambda column: func.int8send(column),
        lambda data: np.frombuffer(data, ">i8").astype(np.int64),
        lambda values: np.array(values, np.int64),
    ),
    _Kind(
        Date,
        lambda column: func.date_send(column),
        lambda data: _EPOCH + np.frombuffer(data, ">i4").astype("m8[D]"),
        lambda values: np.array(values, "M8[D]"),
    ),
    _Kind(
        Instant,
        lambda column: func.timestamptz_send(column),
        lambda data: _EPOCH.astype("M8[us]") + np.frombuffer(data, ">i8").astype("m8[us]"),
        lambda values: np.array([_naive(value) for value in values], "M8[us]"),
    ),
    _Kind(
        Price,
        lambda column: func.coalesce(column, literal(_BLANK, LargeBinary())),
        lambda data: np.frombuffer(data, "<f8"),
        lambda values: np.frombuffer(b"".join([value or _BLANK for value in values]), "<f8"),
    ),
    _Kind(
        Vector,
        lambda column: column,
        lambda data: np.frombuffer(data, "<f8"),
        lambda values: np.frombuffer(b"".join([value for value in values if value is not None]), "<f8"),
    ),
)


def _naive(value: datetime) -> datetime:
    return value.replace(tzinfo=None)  # it is in UTC


class ColumnRead:
    """A statement with named columns and parameters, in an order. Integers, dates and instants are never null."""

    def __init__(self, statement: Select[Any]) -> None:
        self.rows = Read(statement)
        self._kinds = {column.name: _kind(column.type) for column in statement.selected_columns}

    @cached_property
    def packed(self) -> Read:
        """One row: for each column all its values in one piece, or as an array."""
        rows = self.rows.statement.subquery()
        return Read(select(func.count(), *(_packed(rows.c[name], kind) for name, kind in self._kinds.items())))

    def of_packed(self, row: Sequence[Any]) -> Columns:
        length, *values = row
        return {
            name: value or [None] * length if kind is None else kind.unpacked(value or b"")
            for (name, kind), value in zip(self._kinds.items(), values, strict=True)
        }

    def of_rows(self, rows: Sequence[Sequence[Any]]) -> Columns:
        columns = zip(*rows, strict=True) if rows else ([] for _ in self._kinds)
        return {
            name: list(values) if kind is None else kind.array(values)
            for (name, kind), values in zip(self._kinds.items(), columns, strict=True)
        }


def _packed(column: ColumnElement[Any], kind: _Kind | None) -> ColumnElement[Any]:
    """Other values as an array, null where all of them are."""
    if kind is None:
        return case((func.count(column) > 0, func.array_agg(column)))
    return func.string_agg(kind.packed(column), b"")


def _kind(type_: TypeEngine[Any]) -> _Kind | None:
    return next((kind for kind in _KINDS if isinstance(type_, kind.type)), None)


async def read_columns(database: Database, read: ColumnRead, **parameters: Any) -> Columns:
    """By name: an array, dates and instants (UTC) as datetime64, or a list."""
    if database.packs:
        (row,) = await database.rows(read.packed, **parameters)
        return read.of_packed(row)
    return read.of_rows(await database.rows(read.rows, **parameters))
