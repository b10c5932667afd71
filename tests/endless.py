"""Statements that never end by themselves, and whether one still runs."""

from __future__ import annotations

import asyncio
import time

from sqlalchemy import text

from aurum.backends.database import Database

ENDLESS = {
    "sqlite": text("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"),
    "postgresql": text("SELECT pg_sleep(300)"),
}
_RUNNING = text(
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND query LIKE '%pg_sleep(%'"
    " AND pid <> pg_backend_pid() AND state <> 'idle'"
)


async def idle(database: Database) -> None:
    """Waits until no statement of ours runs. Raises TimeoutError where one does after seconds."""
    async with asyncio.timeout(10):
        if database.url.get_backend_name() == "sqlite":
            while await _busy():
                pass
        else:
            async with database.read() as connection:
                while await connection.scalar(_RUNNING):  # noqa: ASYNC110  the database says nothing by itself
                    await asyncio.sleep(0.05)


async def _busy() -> bool:
    """Whether a thread counts while nobody asks."""
    before = time.process_time()
    await asyncio.sleep(0.4)
    return time.process_time() - before > 0.1
