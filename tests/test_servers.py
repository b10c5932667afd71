"""The fixtures give what they promise: real servers, and nothing left over from the test before."""

from __future__ import annotations

import pytest
from redis.asyncio import Redis
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool


async def scalar(url: str, statement: str) -> object:
    engine = create_async_engine(url, poolclass=NullPool)
    async with engine.begin() as connection:
        result = await connection.execute(text(statement))
        return result.scalar() if result.returns_rows else None


async def test_postgres_is_the_real_one(postgres_url: str) -> None:
    assert postgres_url.startswith("postgresql+asyncpg://")
    assert str(await scalar(postgres_url, "SELECT version()")).startswith("PostgreSQL")


async def test_the_owner_is_no_superuser(postgres_url: str) -> None:
    assert await scalar(postgres_url, "SELECT usesuper FROM pg_user WHERE usename = current_user") is False


async def test_postgres_sorts_by_a_language(postgres_url: str) -> None:
    assert await scalar(postgres_url, "SELECT 'a' < 'B'") is True
    assert await scalar(postgres_url, """SELECT 'a' < 'B' COLLATE "C" """) is False


@pytest.mark.parametrize("time", ["first", "second"])
async def test_each_test_has_an_empty_database(database_url: str, time: str) -> None:
    await scalar(database_url, "CREATE TABLE left_over (x integer)")
    assert await scalar(database_url, "SELECT count(*) FROM left_over") == 0


@pytest.mark.parametrize("time", ["first", "second"])
async def test_a_migrated_database_is_empty_and_writable(migrated_url: str, time: str) -> None:
    assert await scalar(migrated_url, "SELECT count(*) FROM alembic_version") == 1
    await scalar(migrated_url, "CREATE TABLE left_over (x integer)")


@pytest.mark.parametrize("time", ["first", "second"])
async def test_each_test_has_an_empty_redis(redis_url: str, time: str) -> None:
    async with Redis.from_url(redis_url) as client:
        assert await client.ping()
        assert await client.dbsize() == 0
        await client.set("left", "over")


def test_fixtures_work_without_an_event_loop(database_url: str, redis_url: str) -> None:
    assert database_url
    assert redis_url
