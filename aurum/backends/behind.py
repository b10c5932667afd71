"""What goes on behind those who were cancelled: they do not wait for it."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

_SECONDS = 5.0


class Behind:
    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()

    def leave(self, work: Coroutine[Any, Any, None]) -> None:
        """Does it some time."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def ended(self) -> None:
        """Waits for what was left, but not for ever."""
        if self._tasks:
            _, late = await asyncio.wait(self._tasks, timeout=_SECONDS)
            for task in late:
                task.cancel()
