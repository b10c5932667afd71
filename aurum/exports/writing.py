"""Writes what is planned, a batch at a time: memory is that of a batch, and the event loop is not held up."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from typing import IO, Any

from aurum.auth import Principal
from aurum.curves.model import Snapshot
from aurum.curves.service import CurveService
from aurum.exports.model import ExportFormat
from aurum.exports.plans import Plan, Priced, batches


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
    curves: CurveService, principal: Principal, plan: Plan, format_: ExportFormat, sink: IO[bytes],
    turns: asyncio.Semaphore,
) -> AsyncGenerator[int]:  # fmt: skip
    """After each step, how many rows are written; last when everything is. `turns`: how many may compute at a time."""
    frames, writer = await asyncio.to_thread(_opened, plan, format_, sink)

    def write(rows: list[tuple[Priced, Snapshot]]) -> int:
        batch = frames.batch(rows)
        writer.write(batch)
        return len(batch)

    done = 0
    try:
        async for rows in batches(curves, principal, plan):
            async with turns:
                done += await asyncio.to_thread(write, rows)
            yield done
        async with turns:
            await asyncio.to_thread(writer.close)
    except BaseException:
        writer.discard()
        raise
    yield done


def _opened(plan: Plan, format_: ExportFormat, sink: IO[bytes]) -> Any:
    """Those who export nothing never load pyarrow."""
    from aurum.exports.frames import Frames
    from aurum.exports.writers import opened

    frames = Frames(plan.selection, plan.known_at)
    return frames, opened(format_, plan, frames.schema, sink)
