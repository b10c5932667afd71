"""How Alembic reaches the database: the URL that `aurum.backends.database.migrate` hands over."""

from __future__ import annotations

import asyncio

from alembic import context
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

import aurum.backends.events
import aurum.curves.tables
import aurum.ingestion.tables
import aurum.metadata.tables  # noqa: F401  each adds its tables
from aurum.backends.database import tables


def migrate(connection: Connection) -> None:
    postgresql = connection.dialect.name == "postgresql"
    if postgresql:
        # One migrates at a time, and a table that is in use is waited for 10 s, not for ever.
        connection.execute(text("SET lock_timeout = '10s'"))
        connection.execute(text("SELECT pg_advisory_lock(hashtextextended('aurum migrations', 0))"))
        connection.commit()
    context.configure(connection=connection, target_metadata=tables, render_as_batch=not postgresql)
    with context.begin_transaction():
        context.run_migrations()


async def main() -> None:
    engine = create_async_engine(context.config.attributes["url"], poolclass=NullPool)
    async with engine.connect() as connection:
        await connection.run_sync(migrate)
    await engine.dispose()


asyncio.run(main())
