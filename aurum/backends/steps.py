"""Computing on a thread what nobody may wait for any longer when it is done."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from threading import Event
from typing import TypeVar

T = TypeVar("T")


async def stepped(steps: Iterable[T]) -> list[T]:
    """All of them, made on a thread. Where this is cancelled, the thread ends with the step that it is at."""
    ended = Event()

    def made() -> list[T]:
        found = []
        for each in steps:
            found.append(each)
            if ended.is_set():
                break
        return found

    try:
        return await asyncio.to_thread(made)
    finally:
        ended.set()
