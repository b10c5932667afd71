"""The end of a tenant's log, as a process follows it: read once, however many follow, and only while somebody does."""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, TypeVar

from aurum.backends.sharing import Once
from aurum.errors import AurumError, CursorTooOld, InvalidCursor, Unavailable

T = TypeVar("T")
BLOCK = 256  # events that are read and kept together
_KEPT = 16  # blocks of a tenant
_RETRY_SECONDS = 1.0
_ANSWER_SECONDS = 10.0  # a connection that somebody on the way has forgotten never answers
_ATTEMPTS = 3  # the first may have been begun before the log grew
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Event:
    cursor: int
    type: str
    occurred_at: datetime
    payload: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Ends:
    """Of a tenant's log: the cursor of the newest event, and of the newest one that is no longer kept; 0: none."""

    head: int
    pruned: int


class Tail:
    """Followers hold a cursor and pull: they wait for what is behind it, and take it from blocks that all share.

    Cursors have no gaps, so that events 1 to 256 are block 0, and a block is whole as soon as the head is beyond it.
    `ends` reads where the log ends, `read` some events, by the cursor they come after and how many they are.
    """

    def __init__(
        self,
        listen: Callable[[], AbstractAsyncContextManager[asyncio.Event]],
        ends: Callable[[], Awaitable[Ends]],
        read: Callable[[int, int], Awaitable[list[Event]]],
    ) -> None:
        self.followers = 0
        self.ends = Ends(0, 0)
        self._listen = listen
        self._read_ends = ends
        self._read = read
        self._blocks: OrderedDict[int, list[Event]] = OrderedDict()
        self._reading = Once[int, list[Event]]()
        self._look = asyncio.Event()
        self._next_look: asyncio.Future[Ends] = asyncio.get_running_loop().create_future()
        self._moved = asyncio.Event()
        self._looking: asyncio.Task[None] | None = None

    @asynccontextmanager
    async def followed(self) -> AsyncIterator[Tail]:
        self.followers += 1
        if self._looking is None:
            self._looking = asyncio.create_task(self._keep_looking())
        try:
            yield self
        finally:
            self.followers -= 1
            if not self.followers:
                looking, self._looking = self._looking, None
                looking.cancel()
                with suppress(asyncio.CancelledError):
                    await looking

    async def start(self, after: int | None) -> int:
        """The cursor to follow from; None: from now on. Raises InvalidCursor, CursorTooOld."""
        ends = await self._ends_now()
        cursor = ends.head if after is None else after
        self._check(cursor)
        return cursor

    async def beyond(self, cursor: int) -> None:
        """Returns once there is an event behind the cursor."""
        while self.ends.head <= cursor:
            self._check(cursor)
            await self._moved.wait()

    async def events(self, after: int) -> Sequence[Event]:
        """What follows the cursor, to the end of its block or of the log: at least one, as there has to be.

        Raises CursorTooOld where it is no longer kept.
        """
        number = after // BLOCK
        block = self._blocks.get(number, [])
        for _ in range(_ATTEMPTS):
            if block and block[0].cursor <= after + 1 and block[-1].cursor > after:
                return block[after + 1 - block[0].cursor :]
            block = await self._reading.do(number, partial(self._read_block, number))
            self._check(after)
        raise RuntimeError(f"the event log has no event {after + 1}")

    async def _read_block(self, number: int) -> list[Event]:
        known = self._blocks.get(number, [])
        after = known[-1].cursor if known else max(number * BLOCK, self.ends.pruned)
        found = await _answered(self._read(after, max(0, min(self.ends.head, (number + 1) * BLOCK) - after)))
        if not found or found[0].cursor > after + 1:  # pruned meanwhile
            await self._ends_now()
        block = self._blocks[number] = known + found
        self._blocks.move_to_end(number)
        while len(self._blocks) > _KEPT:
            self._blocks.popitem(last=False)
        return block

    async def _ends_now(self) -> Ends:
        """As they are now: read after the call. Many who ask at once have them read once or twice."""
        looked = self._next_look
        self._look.set()
        return await asyncio.shield(looked)

    async def _keep_looking(self) -> None:
        async with self._listen() as self._look:
            self._look.set()
            while True:
                await self._look.wait()
                self._look.clear()
                looked, self._next_look = self._next_look, asyncio.get_running_loop().create_future()
                try:
                    ends = await _answered(self._read_ends())
                except Exception as error:  # noqa: BLE001  whoever asked is told, the others wait for the next look
                    _told(looked, error)
                    asyncio.get_running_loop().call_later(_RETRY_SECONDS, self._look.set)
                else:
                    self._move(ends)
                    looked.set_result(ends)

    def _move(self, ends: Ends) -> None:
        if ends == self.ends:
            return
        if ends.head < self.ends.head:  # another database, or an older copy of this one
            self._blocks.clear()
        self.ends = ends
        moved, self._moved = self._moved, asyncio.Event()
        moved.set()

    def _check(self, cursor: int) -> None:
        if cursor > self.ends.head:
            raise InvalidCursor(
                f"there is no event {cursor} yet: the newest is {self.ends.head}",
                hint="The cursor is of another database. Read what there is now, then follow without a cursor.",
            )
        if cursor < self.ends.pruned:
            raise self._too_old(cursor)

    def _too_old(self, cursor: int) -> CursorTooOld:
        return CursorTooOld(
            f"events up to {self.ends.pruned} are no longer kept: what came after {cursor} cannot be told any more",
            hint="Ask for `eventHead`, read what there is now, then follow from that cursor.",
            oldest=str(self.ends.pruned),
        )


async def _answered(reading: Awaitable[T]) -> T:
    """Raises Unavailable where the database does not answer in time."""
    try:
        async with asyncio.timeout(_ANSWER_SECONDS):
            return await reading
    except TimeoutError as error:
        raise Unavailable("the database does not answer", hint="Come back with the last cursor.") from error


def _told(looked: asyncio.Future[Ends], error: Exception) -> None:
    if isinstance(error, AurumError):
        _log.warning("followers wait, because the event log cannot be read: %s", error.message)
    else:
        _log.exception("the event log cannot be read")
    looked.set_exception(error)
    looked.exception()  # there may be nobody who asked
