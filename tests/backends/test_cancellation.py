"""Whoever no longer waits for a statement ends it in the database too, and leaves the pool as it was."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import sqlite3
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Executable, func, literal, select, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from aurum.backends import behind
from aurum.backends import database as databases
from aurum.backends.database import Database
from aurum.backends.interruptible import interruptible
from aurum.backends.reads import Read
from tests.endless import ENDLESS, idle


@pytest.fixture
async def database(migrated_url: str) -> AsyncIterator[Database]:
    opened = Database(migrated_url, pool_size=3)
    yield opened
    await opened.close()


@pytest.fixture
def endless(migrated_url: str) -> Executable:
    return ENDLESS["sqlite" if migrated_url.startswith("sqlite") else "postgresql"]


async def reading(database: Database, statement: Executable) -> None:
    async with database.read() as connection:
        await connection.all(statement)


async def writing(database: Database, statement: Executable) -> None:
    async with database.write() as transaction:
        await transaction.execute(text("CREATE TABLE half_done (n INTEGER)"))
        await transaction.all(statement)


@pytest.mark.parametrize("work", [reading, writing])
async def test_a_statement_ends_with_whoever_waits_for_it(
    database: Database, endless: Executable, work: Callable[[Database, Executable], Awaitable[None]]
) -> None:
    for _ in range(5):  # more than the pool holds
        started = time.monotonic()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await work(database, endless)
        assert time.monotonic() - started < 5
    await idle(database)
    async with database.write() as transaction:
        await transaction.execute(text("CREATE TABLE half_done (n INTEGER)"))  # what was cancelled was rolled back


async def test_a_read_that_was_cancelled_as_it_was_prepared_is_no_failure_of_the_next(
    migrated_postgresql_url: str,
) -> None:
    database = Database(migrated_postgresql_url, pool_size=1, statement_timeout_seconds=0.3)
    await database.rows(Read(select(literal(1))))
    asked: Any = asyncio.create_task(database.rows(Read(select(literal(2)))))
    while asked._fut_waiter is None or not asked._fut_waiter.done():  # noqa: ASYNC110  the driver says nothing
        await asyncio.sleep(0)
    asked.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asked
    await asyncio.sleep(0.5)
    async with database.read() as connection:
        others = "datname = current_database() AND pid <> pg_backend_pid()"
        active = text(f"SELECT count(*) FROM pg_stat_activity WHERE {others} AND state <> 'idle'")
        assert await connection.scalar(active) == 0
    assert [tuple(row) for row in await database.rows(Read(select(literal(3))))] == [(3,)]
    await database.close()


async def test_a_connection_that_opens_as_it_is_given_up_comes_back(
    database: Database, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(databases, "_GIVING_UP_SECONDS", 0.05)
    opened, may_open, started = asyncio.Event(), asyncio.Event(), databases._started

    async def slowly(engine: AsyncEngine) -> AsyncConnection:
        connection = await started(engine)
        opened.set()
        await may_open.wait()
        return connection

    monkeypatch.setattr(databases, "_started", slowly)
    reader = asyncio.create_task(reading(database, select(1)))
    await opened.wait()
    reader.cancel()
    await asyncio.sleep(0.01)
    may_open.set()
    time.sleep(0.1)  # noqa: ASYNC251  both are due at once
    await asyncio.sleep(0.1)
    gc.collect()
    assert "garbage collector" not in caplog.text


async def test_what_is_still_read_is_waited_for_when_the_database_is_closed(database: Database) -> None:
    reading, read = asyncio.Event(), []

    async def slow() -> None:
        async with database.read() as connection:
            reading.set()
            await asyncio.sleep(0.1)
            read.append(await connection.scalar(text("SELECT 1")))

    reader = asyncio.create_task(slow())
    await reading.wait()
    await database.close()
    assert read == [1]
    await reader


async def test_what_comes_back_to_a_database_that_is_closed_leaves_nothing_to_be_done(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody would wait for it."""
    monkeypatch.setattr(behind, "_SECONDS", 0.1)
    begun, goes_on = asyncio.Event(), asyncio.Event()

    async def slow() -> None:
        async with database.read():
            begun.set()
            await goes_on.wait()

    reader = asyncio.create_task(slow())
    await begun.wait()
    await database.close()
    goes_on.set()
    await reader
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_what_is_read_for_ever_when_the_database_is_closed_leaves_nothing_open(
    migrated_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(behind, "_SECONDS", 0.1)
    database = Database(migrated_url)
    async with database.read() as connection:
        await database.close()
        assert await connection.scalar(text("SELECT 1")) == 1
    del connection
    gc.collect()  # a connection that nobody closed would warn here, and a warning fails the test


async def test_nobody_waits_for_a_server_that_is_stuck(migrated_postgresql_url: str) -> None:
    """One that answers nothing any more: neither whose statement it is, nor who waits for a connection."""
    database = Database(migrated_postgresql_url, pool_size=1)
    own = Read(select(func.pg_backend_pid()))
    async with database.read() as connection:
        stuck = [(await database.rows(own))[0][0], await connection.scalar(own.statement)]

    async def read() -> None:
        async with database.read() as connection:
            await connection.scalar(own.statement)

    async def hurried(work: Callable[[], Awaitable[Any]]) -> None:
        async with asyncio.timeout(0.3):
            await work()

    try:
        for process in stuck:
            os.kill(process, signal.SIGSTOP)
        asked = [asyncio.create_task(hurried(work)) for work in (read, partial(database.rows, own)) for _ in range(3)]
        done, _ = await asyncio.wait(asked, timeout=5)
        assert [type(task.exception()) for task in done] == [TimeoutError] * 6
    finally:
        for process in stuck:
            os.kill(process, signal.SIGCONT)
    await database.close()


async def test_nothing_goes_on_of_a_connection_that_could_not_be_opened(tmp_path: Path) -> None:
    """Its thread would tell a loop that is closed, where a command ends because of it."""
    connection = interruptible(str(tmp_path / "nowhere" / "a.db"))
    with pytest.raises(sqlite3.OperationalError):
        await connection
    assert connection._stopped is not None
    assert connection._stopped.done()


async def test_who_is_cancelled_while_a_connection_closes_learns_of_it() -> None:
    """SQLite has closed it by then, but its thread has not been heard yet. Else a task would go on that was to end."""
    connection = await interruptible(":memory:")
    ending = asyncio.create_task(connection.close())
    await asyncio.sleep(0)
    with pytest.raises(sqlite3.ProgrammingError):
        while True:
            connection._conn.interrupt()
            time.sleep(0.01)  # noqa: ASYNC251  the event loop stands still
    ending.cancel()
    with pytest.raises(asyncio.CancelledError):
        await ending


async def test_a_connection_that_is_closed_and_stopped_at_once_ends() -> None:
    """As when everything is cancelled while the pool closes it in order: it is stopped before it is closed."""
    connection = await interruptible(":memory:")
    ending = asyncio.create_task(connection.close())
    await asyncio.sleep(0)
    connection.stop()
    ending.cancel()
    with pytest.raises(asyncio.CancelledError):
        await ending


async def test_who_gives_up_between_reading_and_fetching_lets_go_of_the_lock(tmp_path: Path) -> None:
    """SQLite refuses to roll back, as it was interrupted, while a statement has rows that nobody has fetched."""
    connection = await interruptible(str(tmp_path / "a.db"), isolation_level=None)
    await connection.execute("BEGIN IMMEDIATE")
    unfetched = await connection.execute("SELECT 1 UNION SELECT 2")
    waiting = asyncio.create_task(connection.execute(str(ENDLESS["sqlite"])))
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.wait([waiting])
    with closing(sqlite3.connect(tmp_path / "a.db", timeout=0)) as other:
        other.execute("BEGIN IMMEDIATE")
    await unfetched.close()
    await connection.close()
