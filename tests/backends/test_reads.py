"""Statements that are read often say the same on the driver as through SQLAlchemy."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from sqlalchemy import Integer, Text, bindparam, column, func, literal, select, table, text

from aurum.backends.database import Database, Id
from aurum.backends.events import heads
from aurum.backends.reads import Read, among, looked_up, rows_of
from aurum.errors import InvalidInput, Unavailable
from tests.servers import PostgreSQL

_HEADS = Read(
    select(heads.c.tenant_id, heads.c.cursor).where(among(heads.c.tenant_id, "tenants")).order_by("tenant_id")
)
_ONE = Read(select(literal(1)))


@pytest.fixture
async def database(migrated_url: str) -> AsyncIterator[Database]:
    opened = Database(migrated_url)
    yield opened
    await opened.close()


async def test_a_list_is_one_parameter(database: Database) -> None:
    async with database.write() as transaction:
        await transaction.insert_missing(heads, [{"tenant_id": f"t{n}", "cursor": n} for n in range(5)])
    for wanted in (["t1", "t3", "none"], [], ["t'1", 't"1', "t1"]):
        found = await database.rows(_HEADS, tenants=wanted)
        assert [tuple(row) for row in found] == [(f"t{n}", n) for n in range(5) if f"t{n}" in wanted]


async def test_lists_stand_side_by_side_as_a_table(database: Database) -> None:
    given = rows_of(grids=Id, places=Integer())
    read = Read(select(given.c.grids, given.c.places).where(given.c.places >= bindparam("least", type_=Integer())))
    found = await database.rows(read, grids=[7, 8, 9], places=[-1, 0, 5], least=0)
    assert [tuple(row) for row in found] == [(8, 0), (9, 5)]


def test_sqlalchemy_may_keep_what_it_compiles_of_them() -> None:
    """Compiled anew for each question, a statement takes SQLite as long as to answer it."""
    given = rows_of(tenants=heads.c.tenant_id.type)
    place = looked_up(heads.c.cursor, "cursors", "places", Integer())
    joined = select(place).join(given, given.c.tenants == heads.c.tenant_id)
    for statement in (_HEADS.statement, joined):
        assert statement._generate_cache_key() is not None


async def test_it_is_planned_once_unless_its_values_tell_how(migrated_postgresql_url: str) -> None:
    """PostgreSQL would plan each anew for its values, as it takes a list that is not known for ten items."""
    prepared = table("pg_prepared_statements", column("statement", Text()), column("custom_plans", Integer()))
    database = Database(migrated_postgresql_url)
    for by_values, planned in ((False, 0), (True, 7)):
        for _ in range(7):  # after five it would take one plan for all values, however few fit them
            assert await database.rows(Read(_HEADS.statement, by_values=by_values), tenants=["t1"]) == []
        told = await database.rows(Read(select(prepared), by_values=by_values))
        assert {row[0]: row[1] for row in told}[_HEADS.text] == planned
    async with database.read() as connection:
        assert await connection.scalar(text("SHOW plan_cache_mode")) == "force_custom_plan"
    await database.close()


async def test_no_plan_is_kept_for_long(migrated_postgresql_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """One made for an empty table would stay until PostgreSQL analyzes what has been loaded since."""
    monkeypatch.setattr("aurum.backends.reads._PLAN_SECONDS", 0.1)
    prepared = Read(select(column("statement", Text())).select_from(table("pg_prepared_statements")))
    database = Database(migrated_postgresql_url)
    await database.rows(_HEADS, tenants=["t1"])
    await asyncio.sleep(0.2)
    assert _HEADS.text not in [row[0] for row in await database.rows(prepared)]
    await database.close()


async def test_every_read_is_observed(database: Database) -> None:
    seen: list[str] = []
    database.observe(lambda _connection, _cursor, statement, *_: seen.append(statement))
    await database.rows(_ONE)
    assert len([each for each in seen if each.startswith("SELECT")]) == 1


async def test_a_text_that_cannot_be_stored_is_not_searched_for(database: Database) -> None:
    with pytest.raises(InvalidInput):
        await database.rows(_HEADS, tenants=["fine", "a\x00b"])
    assert await database.rows(_HEADS, tenants=["\\u0000"]) == []


async def test_what_cannot_be_searched_for_is_the_callers_mistake(migrated_postgresql_url: str) -> None:
    database = Database(migrated_postgresql_url)
    try:
        with pytest.raises(InvalidInput):
            await database.rows(Read(select(bindparam("n", type_=Integer()))), n=2**40)
        assert len(await database.rows(_ONE)) == 1
    finally:
        await database.close()


async def test_the_driver_cannot_write(migrated_postgresql_url: str) -> None:
    database = Database(migrated_postgresql_url)
    try:
        with pytest.raises(Unavailable, match="read-only"):
            await database.rows(Read(select(func.nextval("snapshots_id_seq", type_=Id))))
    finally:
        await database.close()


async def test_a_read_that_is_cancelled_leaves_the_connection_to_others(migrated_postgresql_url: str) -> None:
    database = Database(migrated_postgresql_url, pool_size=1)
    slow: Any = Read(select(func.pg_sleep(30)))
    try:
        for _ in range(3):
            reading = asyncio.ensure_future(database.rows(slow))
            await asyncio.sleep(0.2)
            reading.cancel()
            with pytest.raises(asyncio.CancelledError):
                await reading
            assert len(await asyncio.wait_for(database.rows(_ONE), 20)) == 1
    finally:
        await database.close()


async def test_closing_waits_for_a_read_that_is_under_way(migrated_postgresql_url: str) -> None:
    database = Database(migrated_postgresql_url, pool_size=1)
    await database.rows(_ONE)
    read = asyncio.create_task(database.rows(Read(select(func.pg_sleep(0.5)))))
    while not database._drivers[False]._free.locked():  # noqa: ASYNC110  nobody is told of it
        await asyncio.sleep(0)
    async with asyncio.timeout(30):
        await database.close()
    assert len(await read) == 1


async def test_it_goes_on_when_the_database_is_back(
    killable_postgresql_server: PostgreSQL, killable_postgresql_url: str
) -> None:
    database = Database(killable_postgresql_url)
    try:
        await asyncio.gather(*(database.rows(_ONE) for _ in range(20)))
        killable_postgresql_server.kill()
        with pytest.raises(Unavailable):
            await database.rows(_ONE)
        killable_postgresql_server.start()
        assert len(await database.rows(_ONE)) == 1
    finally:
        await database.close()


async def test_many_that_meet_lost_connections_at_once_are_all_answered(
    killable_postgresql_server: PostgreSQL, killable_postgresql_url: str
) -> None:
    database = Database(killable_postgresql_url, pool_size=4)
    try:
        await asyncio.gather(*(database.rows(_ONE) for _ in range(20)))
        killable_postgresql_server.kill()
        killable_postgresql_server.start()
        found = await asyncio.gather(*(database.rows(_ONE) for _ in range(20)))
        assert [len(rows) for rows in found] == [1] * 20
    finally:
        await database.close()
