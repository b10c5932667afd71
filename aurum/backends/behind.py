"""What goes on behind those who were cancelled: they do not wait for it. Who closes does."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager, suppress
from typing import Any

_SECONDS = 5.0


class Behind:
    """`closed`: nobody would wait any more for what is left."""

    def __init__(self) -> None:
        self.closed = False
        self._pending: set[asyncio.Future[None]] = set()

    def leave(self, work: Coroutine[Any, Any, None]) -> None:
        """Does it some time."""
        task = asyncio.create_task(work)
        self._pending.add(task)
        task.add_done_callback(self._pending.discard)

    @contextmanager
    def awaited(self) -> Iterator[None]:
        """Who closes waits for what is done within as well."""
        over: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._pending.add(over)
        try:
            yield
        finally:
            self._pending.discard(over)
            over.cancel()

    async def close(self) -> None:
        """Waits for what goes on, also for what that leaves behind; but not for ever."""
        with suppress(TimeoutError):
            async with asyncio.timeout(_SECONDS):
                while self._pending:
                    await asyncio.wait(self._pending)
        for late in self._pending:
            late.cancel()
        self.closed = True
