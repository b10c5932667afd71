"""SQLite connections whose statements end where nobody waits for them any longer.

aiosqlite runs a connection's statements on a thread, and leaves them running when their caller is cancelled. Leans on
its `_connect`, `_execute`, `_running`, `stop` and its queue `_tx`; `tests/backends/test_cancellation.py` guards an
upgrade.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any
from weakref import WeakSet

import aiosqlite

_LOOK_SECONDS = 0.01


class InterruptibleConnection(aiosqlite.Connection):
    def __init__(self, connector: Callable[[], sqlite3.Connection]) -> None:
        super().__init__(connector, iter_chunk_size=64)
        self._cursors = WeakSet[sqlite3.Cursor]()
        self._stopped: asyncio.Future[None] | None = None

    async def _connect(self) -> InterruptibleConnection:
        """Where nothing can be opened its thread has ended when that is told: it could answer a loop that is closed."""
        try:
            await super()._connect()
        except sqlite3.Error:
            if self._stopped is not None:
                await self._stopped
            raise
        return self

    async def _execute(self, fn: Callable[..., Any], *args: Any, **named: Any) -> Any:
        try:
            found = await super()._execute(fn, *args, **named)  # type: ignore[no-untyped-call]  # aiosqlite's
        except asyncio.CancelledError:
            await self._interrupted()
            raise
        if isinstance(found, sqlite3.Cursor):
            self._cursors.add(found)
        return found

    async def _interrupted(self) -> None:
        """Interrupts until the thread has come to the end of what was asked of it; it may not have begun yet.

        Rolls back: a connection that is closed with an open cursor would hold on to its lock. But while a cursor has
        rows that nobody fetched, what was interrupted refuses to.
        """
        connection = self._connection
        if connection is None:
            return
        behind = self._queued(_nothing)
        with suppress(sqlite3.Error):  # it may be closed by now
            while not behind.done():
                connection.interrupt()
                await asyncio.wait([behind], timeout=_LOOK_SECONDS)
            if self._running:  # else its thread listens no more
                await self._queued(partial(self._rolled_back, connection))

    def _rolled_back(self, connection: sqlite3.Connection) -> None:
        for cursor in list(self._cursors):
            cursor.close()
        connection.rollback()

    def stop(self) -> asyncio.Future[None] | None:
        """Once: its thread hears nothing more, and whoever waited for a second stop would wait for ever."""
        if not self._running:
            return None
        self._stopped = super().stop()
        return self._stopped

    def _queued(self, function: Callable[[], None]) -> asyncio.Future[None]:
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._tx.put_nowait((done, function))
        return done


def interruptible(database: str, **named: Any) -> InterruptibleConnection:
    connection = InterruptibleConnection(partial(sqlite3.connect, database, **named))
    connection._thread.daemon = True  # as SQLAlchemy does
    return connection


def _nothing() -> None: ...
