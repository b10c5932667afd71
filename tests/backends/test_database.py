"""One way to read and one way to write, on SQLite and on PostgreSQL."""

from __future__ import annotations

import asyncio
import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator
from datetime import datetime, timedelta, timezone
from importlib import import_module

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, Executable, insert, select, text
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.ext.asyncio import create_async_engine

from aurum.backends.database import Database, migrate, tables
from aurum.backends.events import heads
from aurum.curves.tables import point_rows
from aurum.errors import InvalidInput, Unavailable
from aurum.ingestion.tables import source_files


@pytest.fixture
async def database(migrated_url: str) -> AsyncIterator[Database]:
    opened = Database(migrated_url)
    yield opened
    await opened.close()


def head(tenant: str, cursor: int = 0) -> Executable:
    return insert(heads).values(tenant_id=tenant, cursor=cursor)


async def tenants(database: Database) -> list[str]:
    async with database.read() as connection:
        return [row.tenant_id for row in await connection.all(select(heads).order_by(heads.c.tenant_id))]


async def test_a_read_connection_cannot_write(database: Database) -> None:
    with pytest.raises((DBAPIError, Unavailable)):
        async with database.read() as connection:
            await connection.scalar(text("INSERT INTO event_heads (tenant_id, cursor) VALUES ('desk', 0)"))
    assert await tenants(database) == []


async def test_a_transaction_is_everything_or_nothing(database: Database) -> None:
    told: list[str] = []
    async with database.write() as transaction:
        await transaction.execute(head("kept"))
        transaction.after_commit(lambda: told.append("kept"))
        assert told == []
    with pytest.raises(RuntimeError, match="crash"):
        async with database.write() as transaction:
            await transaction.execute(head("lost"))
            transaction.after_commit(lambda: told.append("lost"))
            raise RuntimeError("crash")
    assert await tenants(database) == ["kept"]
    assert told == ["kept"]


async def test_writers_queue_up_and_none_is_lost(database: Database) -> None:
    async with database.write() as transaction:
        await transaction.execute(head("desk"))

    async def count_up() -> None:
        async with database.write() as transaction:
            await transaction.lock("counter")
            cursor = await transaction.scalar(select(heads.c.cursor))
            await transaction.execute(heads.update().values(cursor=cursor + 1))

    await asyncio.gather(*(count_up() for _ in range(20)))
    async with database.read() as connection:
        assert await connection.scalar(select(heads.c.cursor)) == 20


async def test_text_sorts_by_code_point(database: Database) -> None:
    names = ["b", "B", "ä", "a", "Z", "_"]
    row = {"tenant_id": "desk", "size": 1, "received_at": datetime(2025, 2, 12, tzinfo=timezone.utc)}  # noqa: UP017
    async with database.write() as transaction:
        await transaction.execute(
            insert(source_files), [{**row, "content_hash": str(n), "name": name} for n, name in enumerate(names)]
        )
    async with database.read() as connection:
        found = await connection.all(select(source_files.c.name).order_by(source_files.c.name))
    assert [each.name for each in found] == sorted(names)


async def test_instants_come_back_in_utc(database: Database) -> None:
    local = datetime(2025, 2, 12, 23, 15, tzinfo=timezone(timedelta(hours=1)))
    row = {"tenant_id": "desk", "content_hash": "0", "name": "file", "size": 1, "received_at": local}
    async with database.write() as transaction:
        await transaction.execute(insert(source_files), [row])
    async with database.read() as connection:
        found = await connection.scalar(select(source_files.c.received_at))
    assert found == local
    assert found.utcoffset() == timedelta(0)


async def test_a_database_without_tables_says_what_to_do(database_url: str) -> None:
    database = Database(database_url)
    try:
        with pytest.raises(Unavailable, match="aurum migrate"):
            await tenants(database)
    finally:
        await database.close()


async def test_a_server_that_is_away_is_an_outage() -> None:
    database = Database("postgresql+asyncpg://nobody@127.0.0.1:9/aurum")
    try:
        with pytest.raises(Unavailable, match="reached"):
            await tenants(database)
    finally:
        await database.close()


async def test_a_text_that_cannot_be_stored_is_the_callers_mistake(database: Database) -> None:
    for wrong in (
        head("a\x00b"),
        insert(heads).values([{"tenant_id": each, "cursor": 0} for each in ("fine", "a\x00b")]),
        insert(point_rows).values(digest="1", rows={"sheets": ["fine", "a\x00b"]}),
        select(heads).where(heads.c.tenant_id.contains("a\x00b", autoescape=True)),
    ):
        with pytest.raises(InvalidInput):
            async with database.write() as transaction:
                await transaction.execute(wrong)
    assert await tenants(database) == []
    async with database.write() as transaction:  # an escape that is meant as it is written
        await transaction.execute(insert(point_rows).values(digest="2", rows={"sheets": ["\\u0000"]}))


async def test_both_databases_keep_a_document_in_one_order(database: Database) -> None:
    document = {"sheets": [{"to": 1, "é": 2, "z": 3}], "rows": [], "aa": {"b": None, "a": 0.5}}
    async with database.write() as transaction:
        await transaction.execute(insert(point_rows).values(digest="1", rows=document))
    async with database.read() as connection:
        found = await connection.scalar(select(point_rows.c.rows))
    assert json.dumps(found, ensure_ascii=False) == (
        '{"aa": {"a": 0.5, "b": null}, "rows": [], "sheets": [{"z": 3, "to": 1, "é": 2}]}'
    )


async def test_migrations_lead_to_the_tables_of_the_code_and_back(database_url: str) -> None:
    await asyncio.to_thread(migrate, database_url)
    assert await differences(database_url) == []
    await asyncio.to_thread(migrate, database_url, "base")
    await asyncio.to_thread(migrate, database_url)
    assert await differences(database_url) == []


async def test_two_may_migrate_an_empty_database_at_once(database_url: str) -> None:
    environment = {**os.environ, "AURUM_DATABASE__URL": database_url}
    command = [sys.executable, "-m", "aurum", "migrate"]
    both = [subprocess.Popen(command, env=environment, stderr=subprocess.PIPE) for _ in range(2)]
    for process in both:
        _, told = await asyncio.to_thread(process.communicate)
        assert process.returncode == 0, told.decode()
    assert await differences(database_url) == []


def _in_code(_object: object, name: str | None, _kind: str, found: bool, _expected: object) -> bool:
    """The index of words is written in SQL: SQLAlchemy has no words for it. test_search asks it."""
    return not (found and (name or "").startswith(("curve_search", "ix_curves_search")))


async def differences(url: str) -> list[object]:
    import_module("aurum.services")  # every domain's tables with it

    def compare(connection: Connection) -> list[object]:
        context = MigrationContext.configure(connection, opts={"include_object": _in_code})
        return list(compare_metadata(context, tables))

    engine = create_async_engine(url)
    try:
        async with engine.connect() as connection:
            return await connection.run_sync(compare)
    finally:
        await engine.dispose()


async def test_a_connection_that_cannot_be_opened_hides_no_cancellation(
    migrated_sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else a server that is told to stop as it starts never ends."""
    opening = asyncio.Event()

    async def locked(_engine: object) -> None:
        opening.set()
        await asyncio.sleep(0.01)
        raise OperationalError("PRAGMA", None, sqlite3.OperationalError("database is locked"))

    monkeypatch.setattr("aurum.backends.database._started", locked)
    database = Database(migrated_sqlite_url)
    reading = asyncio.create_task(tenants(database))
    await opening.wait()
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
    await database.close()
