"""How Alembic reaches the database: the URL that `aurum.backends.database.migrate` hands over."""

from __future__ import annotations

import asyncio
from typing import Any

from alembic import context
from sqlalchemy import Connection, event, text
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool

import aurum.backends.events
import aurum.curves.tables
import aurum.exports.tables
import aurum.ingestion.tables
import aurum.metadata.tables
import aurum.operations.tables
import aurum.scenarios.tables  # noqa: F401  each adds its tables
from aurum.backends.database import tables


def migrate(connection: Connection) -> None:
    postgresql = connection.dialect.name == "postgresql"
    if postgresql:
        # One migrates at a time, and a table that is in use is waited for 10 s, not for ever.
        connection.execute(text("SET lock_timeout = '10s'"))
        connection.execute(text("SELECT pg_advisory_lock(hashtextextended('aurum migrations', 0))"))
        connection.commit()
    context.configure(
        connection=connection, target_metadata=tables, render_as_batch=not postgresql, transactional_ddl=True
    )
    with context.begin_transaction():
        context.run_migrations()


async def main() -> None:
    engine = create_async_engine(context.config.attributes["url"], poolclass=NullPool)
    if engine.dialect.name == "sqlite":
        _in_one_transaction(engine)
    async with engine.connect() as connection:
        await connection.run_sync(migrate)
    await engine.dispose()


def _in_one_transaction(engine: AsyncEngine) -> None:
    """SQLite's driver would commit before each change of a table; and one migrates at a time."""

    @event.listens_for(engine.sync_engine, "connect")
    def configure(connection: Any, _record: Any) -> None:
        connection.isolation_level = None
        connection.execute("PRAGMA busy_timeout=30000")

    @event.listens_for(engine.sync_engine, "begin")
    def begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")


asyncio.run(main())
