"""How long an operation may take, and that it ends where nobody waits for its answer."""

from __future__ import annotations

import asyncio
from asyncio import CancelledError
from collections.abc import Awaitable, Mapping
from math import isfinite
from typing import Any, Protocol, TypeVar, cast

from graphql import ExecutionResult, GraphQLError
from starlette.requests import ClientDisconnect
from starlette.types import Receive, Scope

from aurum.errors import AurumError, Unavailable
from aurum.graphql.alarms import Alarms
from aurum.graphql.line import line_of
from aurum.graphql.requests import BadRequest
from aurum.market.counts import counted

T = TypeVar("T")
UNSURE = "A mutation may have been done all the same: look before you repeat it."
_HEADER = "x-timeout"
_PATIENCE_SECONDS = 0.05  # most operations have ended by then: nobody looks whether their clients are still there


class DeadlineExceeded(AurumError):
    code = "DEADLINE_EXCEEDED"
    status = 504


def stopped(scope: Scope) -> Unavailable | None:
    """What a request that was cancelled is told, where it was because the server stops."""
    if not line_of(scope).stopping.done():
        return None
    return Unavailable("the server stops", hint=f"Ask again. {UNSURE}")


class Timed(Protocol):
    """What an operation's context says: how many seconds it has, and how the reads that it began are ended."""

    seconds: float

    def cancel(self) -> None: ...


def seconds_asked(headers: Mapping[str, str], most: float) -> float:
    """The seconds that `X-Timeout` gives an operation, `most` at most. Raises BadRequest."""
    given = headers.get(_HEADER)
    if given is None:
        return most
    try:
        seconds = float(given)
    except ValueError:
        seconds = 0.0
    if not isfinite(seconds) or seconds <= 0:
        raise BadRequest("`X-Timeout` is a number of seconds above 0")
    return min(seconds, most)


async def timely(executing: Awaitable[Any], context: Timed, receive: Receive | None = None) -> Any:
    """What an operation answers; an error in place of all of it where its time is up. See `in_time`."""
    try:
        return await in_time(executing, context, receive)
    except DeadlineExceeded as error:
        return ExecutionResult(None, [GraphQLError(error.message, original_error=error)])


async def in_time(work: Awaitable[T], context: Timed, receive: Receive | None = None) -> T:
    """What it answers. Raises DeadlineExceeded where its time is up. Nothing of it goes on then.

    `receive`, of a request whose body has been read, tells when its client has gone: raises ClientDisconnect then.
    """
    ending = _Ending(context.seconds, receive)
    try:
        return await work
    except BaseException as error:
        context.cancel()
        if not ending.explains(error):
            raise
        if ending.gone:
            raise ClientDisconnect from error
        message = f"the operation has not ended within {counted(context.seconds, 'second')}"
        raise DeadlineExceeded(message, hint=f"Ask for less at once. {UNSURE}") from error
    finally:
        ending.leave()


class _Ending:
    """Cancels the current task where its time is up or, once it takes long, its client goes, until it has left."""

    __slots__ = ("_alarms", "_asked", "_cancelling", "_last", "_receive", "_task", "_watching", "gone")

    def __init__(self, seconds: float, receive: Receive | None) -> None:
        now = asyncio.get_running_loop().time()
        self._task = cast("asyncio.Task[Any]", asyncio.current_task())
        self._cancelling = self._task.cancelling()  # by others
        self._asked = self.gone = False
        self._receive = receive
        self._watching: asyncio.Task[None] | None = None
        self._last = now + seconds
        self._alarms = Alarms.here()
        self._alarms.set(self, self._last if receive is None else min(self._last, now + _PATIENCE_SECONDS))

    def ring(self, now: float) -> None:
        if now >= self._last:
            self._cancel()
            return
        self._watching = asyncio.ensure_future(self._watch(cast("Receive", self._receive)))
        self._alarms.set(self, self._last)

    def explains(self, error: BaseException) -> bool:
        """Whether it was raised because of this, and nobody else wants the task to end."""
        return self._asked and self._task.cancelling() <= self._cancelling + 1 and isinstance(error, CancelledError)

    def leave(self) -> None:
        self._alarms.take_back(self)
        if self._watching is not None:
            self._watching.cancel()
        if self._asked:
            self._task.uncancel()

    async def _watch(self, receive: Receive) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        self.gone = True
        self._cancel()

    def _cancel(self) -> None:
        if not self._asked:
            self._asked = True
            self._task.cancel()
