"""How long an operation may take, and that it ends where nobody waits for its answer."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Mapping
from math import isfinite
from types import TracebackType
from typing import Any, Protocol, cast

from graphql import ExecutionResult, GraphQLError
from starlette.requests import ClientDisconnect
from starlette.types import Receive

from aurum.errors import AurumError
from aurum.graphql.requests import BadRequest

_HEADER = "x-timeout"
_PATIENCE_SECONDS = 0.05  # most operations have ended by then: nobody looks whether their clients are still there


class DeadlineExceeded(AurumError):
    code = "DEADLINE_EXCEEDED"
    status = 504


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


async def timely(executing: Awaitable[Any], context: Timed) -> Any:
    """What an operation answers; an error in place of all of it where its time is up. Nothing of it goes on then."""
    try:
        async with asyncio.timeout(context.seconds) as deadline:
            return await executing
    except BaseException as error:
        context.cancel()
        if isinstance(error, TimeoutError) and deadline.expired():
            return ExecutionResult(None, [_exceeded(context.seconds)])
        raise


def _exceeded(seconds: float) -> GraphQLError:
    hint = "Ask for less at once. A mutation may have been done all the same: look before you repeat it."
    error = DeadlineExceeded(f"the operation has not ended within {seconds:g} seconds", hint=hint)
    return GraphQLError(error.message, original_error=error)


class Connected:
    """Cancels its block once the client of a request has gone, and raises ClientDisconnect in place of it.

    `receive` has been read to the end of the body.
    """

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._gone = False
        self._watching: asyncio.Task[None] | None = None

    async def __aenter__(self) -> None:
        self._task = cast("asyncio.Task[Any]", asyncio.current_task())
        self._cancelling = self._task.cancelling()
        self._later = asyncio.get_running_loop().call_later(_PATIENCE_SECONDS, self._watch)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._later.cancel()
        if self._watching is not None:
            self._watching.cancel()
        if self._gone and self._task.uncancel() <= self._cancelling and kind is asyncio.CancelledError:
            raise ClientDisconnect from error

    def _watch(self) -> None:
        self._watching = asyncio.ensure_future(self._leave())

    async def _leave(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self._gone = True
        self._task.cancel()
