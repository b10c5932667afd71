"""Writes what is planned, a batch at a time: memory is that of a batch, and the event loop is not held up."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from typing import IO, Any

from aurum.auth import Principal
from aurum.exports.comparisons import ComparisonPlan
from aurum.exports.model import ExportFormat
from aurum.exports.plans import Plan, Source, batches

AnyPlan = Plan | ComparisonPlan


class Drain:
    """A file for writers: what they have written is taken away, and kept no longer."""

    closed = False

    def __init__(self) -> None:
        self._chunks: list[bytes] = []

    def write(self, data: Any) -> int:
        self._chunks.append(bytes(data))
        return len(self._chunks[-1])

    def flush(self) -> None:
        pass

    def taken(self) -> bytes:
        chunks, self._chunks = self._chunks, []
        return b"".join(chunks)


async def steps(
    source: Source, principal: Principal, plan: AnyPlan, format_: ExportFormat, sink: IO[bytes],
    turns: asyncio.Semaphore,
) -> AsyncGenerator[int]:  # fmt: skip
    """After each step, how many rows are written; last when everything is. `turns`: how many may compute at a time."""
    frames, writer = await asyncio.to_thread(_opened, plan, format_, sink)

    def write(rows: Any) -> int:
        batch = frames.batch(rows)
        writer.write(batch)
        return len(batch)

    done = 0
    try:
        read: AsyncIterator[Any] = (
            plan.batches() if isinstance(plan, ComparisonPlan) else batches(source, principal, plan)
        )
        async for rows in read:
            async with turns:
                done += await asyncio.to_thread(write, rows)
            yield done
        async with turns:
            await asyncio.to_thread(writer.close)
    except BaseException:
        writer.discard()
        raise
    yield done


def _opened(plan: AnyPlan, format_: ExportFormat, sink: IO[bytes]) -> Any:
    """Those who export nothing never load pyarrow."""
    from aurum.exports.compared_frames import ComparedFrames
    from aurum.exports.frames import Frames
    from aurum.exports.writers import opened

    frames = ComparedFrames(plan) if isinstance(plan, ComparisonPlan) else Frames(plan)
    return frames, opened(format_, plan, frames.schema, sink)
