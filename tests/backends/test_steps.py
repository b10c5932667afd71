"""What is computed on a thread ends with whoever waits for it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest

from aurum.backends.steps import stepped


async def test_all_steps_are_made_and_what_one_raises_is_raised() -> None:
    assert await stepped(n * n for n in range(4)) == [0, 1, 4, 9]
    with pytest.raises(ZeroDivisionError):
        await stepped(1 // n for n in (1, 0))


async def test_who_is_cancelled_ends_the_thread_with_the_step_it_is_at() -> None:
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(1))
    began, goes_on, made = Event(), Event(), list[int]()

    def steps() -> Iterator[int]:
        for n in range(3):
            made.append(n)
            began.set()
            goes_on.wait()
            yield n

    task = asyncio.create_task(stepped(steps()))
    while not began.is_set():  # noqa: ASYNC110  the one thread there is has no time to wait for it
        await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    goes_on.set()
    await asyncio.to_thread(list)  # after it, on the same thread
    assert made == [0]
