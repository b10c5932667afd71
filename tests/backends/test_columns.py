"""Columns that come in one piece say what the rows say."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from sqlalchemy import Column, Date, Integer, LargeBinary, MetaData, Table, func, insert, select, type_coerce

from aurum.backends.columns import ColumnRead, Vector, read_columns
from aurum.backends.database import Database, Id, Instant
from aurum.backends.reads import looked_up

_PLACES = Table(
    "test_columns",
    MetaData(),
    Column("id", Id, primary_key=True),
    Column("day", Date, nullable=False),
    Column("at", Instant, nullable=False),
    Column("vector", LargeBinary),
    Column("held", LargeBinary),
)
_C = _PLACES.c
_READ = ColumnRead(
    select(
        _C.id, _C.day, _C.at, _C.held,
        func.coalesce(looked_up(_C.id, "keys", "values", Integer()), -1, type_=Integer()).label("value"),
    ).order_by(_C.day.desc())
)  # fmt: skip
_AT = datetime(2025, 2, 13, 22, 15, 0, 123456, tzinfo=UTC)


@pytest.fixture
async def database(migrated_url: str) -> AsyncIterator[Database]:
    opened = Database(migrated_url)
    async with opened.write() as transaction:
        await transaction._connection.run_sync(_PLACES.create)
    yield opened
    await opened.close()


async def add(database: Database, *rows: dict[str, Any]) -> None:
    async with database.write() as transaction:
        await transaction.execute(insert(_PLACES), list(rows))


def row(id_: int, prices: list[float] | None, held: bytes | None = None) -> dict[str, Any]:
    vector = None if prices is None else np.array(prices, "<f8").tobytes()
    day = date(1999, 12, 31) + timedelta(days=id_)
    return {"id": id_, "day": day, "at": _AT + timedelta(microseconds=id_), "vector": vector, "held": held}


async def test_each_kind_of_column(database: Database) -> None:
    await add(database, row(1, [1.0, 0.1]), row(2, None), row(3, [1.0, -7.25e300], b"\x80"), row(4, [0.0, np.nan]))
    found = await read_columns(database, _READ, keys=[1, 3, 77], values=[10, 30, 7])
    assert found["id"].tolist() == [4, 3, 2, 1]
    assert found["day"].tolist() == [date(2000, 1, day) for day in (4, 3, 2, 1)]
    assert found["at"].tolist() == [(_AT + timedelta(microseconds=n)).replace(tzinfo=None) for n in (4, 3, 2, 1)]
    assert found["held"] == [None, b"\x80", None, None]
    assert found["value"].tolist() == [-1, 30, -1, 10]


async def test_they_are_in_the_order_of_the_statement(database: Database) -> None:
    await add(database, *(row(id_, [0.0, float(id_)]) for id_ in (5, 1, 9, 3, 7)))
    found = await read_columns(database, _READ, keys=[], values=[])
    assert found["id"].tolist() == [9, 7, 5, 3, 1]
    assert found["held"] == [None] * 5


async def test_vectors_are_in_the_order_that_was_asked_for(database: Database) -> None:
    read = ColumnRead(select(_C.id, _C.held, type_coerce(_C.vector, Vector()).label("vector")), ["id"])
    await add(database, row(3, [3.0, np.nan]), row(1, None, b"\x01"), row(2, [2.0, -0.0]), row(4, [4.0]))
    found = await read_columns(database, read)
    assert found["id"].tolist() == [1, 2, 3, 4]
    assert found["held"] == [b"\x01", None, None, None]
    pairs = found["vector"].matrix(np.array([2, 0, 1]), 2)
    np.testing.assert_array_equal(pairs, [[3.0, np.nan], [np.nan, np.nan], [2.0, -0.0]])
    assert np.signbit(pairs[2, 1])
    assert found["vector"].matrix(np.array([3]), 1).tolist() == [[4.0]]


async def test_several_vectors_stand_beside_each_other(database: Database) -> None:
    sides = (type_coerce(column, Vector()).label(column.name) for column in (_C.vector, _C.held))
    read = ColumnRead(select(_C.id, *sides, func.nullif(_C.vector, None).label("other")), ["id"])
    one = np.array([7.0], "<f8").tobytes()
    await add(database, row(2, [2.0]), row(1, [1.0, np.nan], one), row(3, None, one))
    found = await read_columns(database, read)
    every = np.arange(3)
    assert [each is None for each in found["other"]] == [False, False, True]
    np.testing.assert_array_equal(found["vector"].matrix(every, 1), [[np.nan], [2.0], [np.nan]])
    np.testing.assert_array_equal(found["held"].matrix(every, 1), [[7.0], [np.nan], [7.0]])


@pytest.mark.parametrize("several", [False, True])
async def test_vectors_of_one_length_are_rows_of_a_matrix(database: Database, several: bool) -> None:
    named = ["vector", "again"] if several else ["vector"]
    columns = (type_coerce(_C.vector, Vector()).label(name) for name in named)
    await add(database, *(row(id_, [float(id_), -1.0]) for id_ in (4, 1, 3, 2)))
    found = await read_columns(database, ColumnRead(select(_C.id, *columns), ["id"]))
    for name in named:
        assert found[name].matrix(np.arange(4), 2).tolist() == [[1, -1], [2, -1], [3, -1], [4, -1]]
        assert found[name].matrix(np.array([3, 0]), 2).tolist() == [[4, -1], [1, -1]]
        assert found[name].matrix(np.array([1, 2]), 2).tolist() == [[2, -1], [3, -1]]
        assert found[name].matrix(np.array([2]), 2).tolist() == [[3, -1]]
        assert found[name][np.array([2, 1])].matrix(np.arange(2), 2).tolist() == [[3, -1], [2, -1]]
        assert np.isnan(found[name].matrix(np.arange(4), 1)).all()


async def test_a_null_takes_the_place_of_no_other_value(database: Database) -> None:
    await add(database, row(1, [1.0, 2.0]), row(2, [1.0, 2.0]))
    day = func.nullif(_C.day, date(2000, 1, 1), type_=Date()).label("day")
    read = ColumnRead(select(_C.id, day), ["id"])
    if database.packs:
        with pytest.raises(ValueError, match="never null"):
            await read_columns(database, read)
    else:
        assert (await read_columns(database, read))["day"].tolist() == [None, date(2000, 1, 2)]


async def test_without_a_row_they_are_empty(database: Database) -> None:
    found = await read_columns(database, _READ, keys=[1], values=[2])
    assert {name: len(column) for name, column in found.items()} == dict.fromkeys(found, 0)
    assert found["day"].dtype == np.dtype("M8[D]")
    assert found["at"].dtype == np.dtype("M8[us]")
