"""`flows.serve` whose Prefect does not end when it is told to: `python -m tests.flows.stuck`."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any

from prefect._internal.observers import FlowRunCancellingObserver

from flows import serve


async def forever(*_: Any) -> None:
    while True:
        with suppress(asyncio.CancelledError):
            await asyncio.sleep(3600)


if __name__ == "__main__":
    FlowRunCancellingObserver.__aexit__ = forever  # type: ignore[method-assign, assignment]
    serve.ENDING_SECONDS = 1.0
    serve.main()
