"""Operations whose answers go out on one HTTP response, for as long as somebody takes them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from contextlib import aclosing
from typing import Any

from graphql import OperationType
from starlette.types import Message as Sent
from starlette.types import Receive, Scope, Send

from aurum.graphql.line import Line, line_of
from aurum.graphql.requests import Asked
from aurum.graphql.transports.delivery import Gone, Sender, TooSlow
from aurum.graphql.transports.formats import Format
from aurum.graphql.transports.running import Runner, Subscriber, failure

_HEADERS = [
    (b"cache-control", b"no-cache, no-transform"),
    (b"x-accel-buffering", b"no"),  # nginx sends on what it gets
]


class Stopping(Exception):
    """The server wants to stop."""


class Outlet:
    """The body of a response that stays open. `line` says what the server knows of the connection."""

    def __init__(self, format_: Format, runner: Runner, scope: Scope, receive: Receive, send: Send) -> None:
        self._format = format_
        self._seconds = runner.limits.keep_alive_seconds
        self._line: Line = line_of(scope)
        self._receive = receive
        self._sender = Sender(self._line, send, runner.limits.send_seconds)

    async def begin(self) -> None:
        headers = [(b"content-type", self._format.media.encode()), *_HEADERS]
        await self._sender.send({"type": "http.response.start", "status": 200, "headers": headers})
        await self.send(self._format.begin)

    async def send(self, body: bytes) -> None:
        await self._sender.send(_chunk(body))

    async def while_open(self, work: Awaitable[None]) -> None:
        """Until the work has ended; with signs of life. Raises Gone, Stopping, TooSlow, and what the work raises."""
        working, gone = asyncio.ensure_future(work), asyncio.create_task(_disconnected(self._receive))
        waiting = {working, gone, self._line.stopping}
        try:
            while True:
                done, _ = await asyncio.wait(waiting, timeout=self._seconds, return_when=asyncio.FIRST_COMPLETED)
                if working in done:
                    return working.result()
                if gone in done:
                    raise Gone
                if done:
                    raise Stopping
                if not self._sender.busy:
                    await self.send(self._format.beat)
        finally:
            working.cancel()
            gone.cancel()
            await asyncio.gather(working, gone, return_exceptions=True)

    async def end(self, *last: bytes) -> None:
        for body in last:
            await self.send(body)
        await self._sender.send(_chunk(b"", more=False))

    async def cut(self, last: bytes) -> None:
        await self._sender.send_last(*([_chunk(last)] if last else []), _chunk(b"", more=False))


class OneOperation:
    """Sends an operation's answers in a format. `resume`: the cursor that a client comes back with."""

    def __init__(
        self, runner: Runner, asked: Asked, kind: OperationType, context: Subscriber, resume: str | None
    ) -> None:
        self._runner = runner
        self._asked = asked
        self._kind = kind
        self._context = context
        self._cursor = resume

    async def answer(self, format_: Format, scope: Scope, receive: Receive, send: Send) -> None:
        """Raises TooManyConnections or TooManySubscriptions before anything is sent, and nothing later."""
        with (
            self._runner.seats.connection(self._context.principal.tenant),
            self._runner.seat(self._kind, self._context),
        ):
            outlet = Outlet(format_, self._runner, scope, receive, send)
            try:
                await outlet.begin()
                await outlet.while_open(self._pump(outlet, format_))
                await outlet.end(format_.complete)
            except TooSlow as error:
                await outlet.cut(format_.cut([too_slow(error, self._cursor)]))
            except Stopping:
                await outlet.cut(format_.stopping)
            except Gone:
                pass

    async def _pump(self, outlet: Outlet, format_: Format) -> None:
        try:
            results = self._runner.results(self._asked, self._kind, self._context, self._cursor)
            async with aclosing(results) as messages:
                async for message in messages:
                    await outlet.send(format_.message(message))
                    self._cursor = message.cursor or self._cursor
        except (Gone, TooSlow):
            raise
        except Exception as error:  # noqa: BLE001  whatever it was is told as the errors of resolvers are
            await outlet.send(format_.failed(failure(error, self._context)))


async def refuse(format_: Format, errors: list[dict[str, Any]], runner: Runner, *asgi: Any) -> None:
    """Of an operation that is not valid, for a client that takes nothing but a stream."""
    outlet = Outlet(format_, runner, *asgi)
    try:
        await outlet.begin()
        await outlet.end(format_.failed(errors), format_.complete)
    except (Gone, TooSlow):
        pass


def too_slow(error: TooSlow, cursor: str | None) -> dict[str, Any]:
    hint = "Subscribe again." if cursor is None else f"Subscribe again with {cursor} as `after`: nothing is lost."
    return {"message": error.message, "extensions": {"code": error.code, "hint": hint, "cursor": cursor}}


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _chunk(body: bytes, *, more: bool = True) -> Sent:
    return {"type": "http.response.body", "body": body, "more_body": more}
