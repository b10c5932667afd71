"""Whoever no longer waits for a statement ends it in the database too, and leaves the pool as it was."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from sqlalchemy import Executable, text

from aurum.backends.database import Database
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
