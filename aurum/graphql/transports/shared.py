"""One event stream for many operations: the single connection mode of graphql-sse.

PUT reserves a stream and answers its token, GET opens it, POST starts operations on it, DELETE ends one of them.
"""

from __future__ import annotations

import asyncio
import secrets
from contextlib import ExitStack, aclosing
from typing import Any

import orjson
from graphql import OperationType
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import Receive, Scope, Send

from aurum.auth import Principal
from aurum.errors import Conflict, NotFound
from aurum.graphql.admission import EVERYTHING
from aurum.graphql.requests import Asked, BadRequest
from aurum.graphql.transports.delivery import Gone, TooSlow
from aurum.graphql.transports.formats import EVENT_STREAM, event
from aurum.graphql.transports.running import Runner, Subscriber, failure
from aurum.graphql.transports.seats import TooManyConnections, TooManyOperations
from aurum.graphql.transports.streaming import Outlet, Stopping, too_slow
from aurum.market.counts import counted

_HEADER = "x-graphql-event-stream-token"
_MOST_ID = 256
_MOST_RESERVED = 1000  # by one tenant, and not open yet
_MOST_WAITING = 10  # operations on a stream that is not open yet


class SharedStream:
    """What is reserved, and `held` until it is closed. Operations that are started before it is open wait for it."""

    def __init__(self, runner: Runner, principal: Principal, held: ExitStack) -> None:
        self.principal = principal
        self.taken = False
        self._runner = runner
        self._held = held
        self._opened: asyncio.Future[Outlet] = asyncio.get_running_loop().create_future()
        self._broken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._running: dict[str, asyncio.Task[None]] = {}
        self._cursors: dict[str, str | None] = {}

    def start(self, id_: str, asked: Asked, kind: OperationType, context: Subscriber) -> None:
        """Raises Conflict where the id is in use, TooManyOperations, TooManySubscriptions."""
        if id_ in self._running:
            raise Conflict("an operation with this id is running", hint="Use another `operationId`.")
        most = self._runner.limits.max_operations if self.taken else _MOST_WAITING
        if len(self._running) >= most:
            raise TooManyOperations(
                f"a stream that is{'' if self.taken else ' not yet'} open has at most {counted(most, 'operation')}",
                hint="End one of them." if self.taken else "Open it with GET.",
            )
        seat = self._runner.seat(kind, context)
        seat.__enter__()
        task = self._running[id_] = asyncio.create_task(self._operate(id_, asked, kind, context))
        task.add_done_callback(lambda _: seat.__exit__(None, None, None))
        self._cursors[id_] = None

    def stop(self, id_: str) -> None:
        self._cursors.pop(id_, None)
        if (task := self._running.pop(id_, None)) is not None:
            task.cancel()

    async def answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The event stream: until the client goes away, or is too slow, or the server stops."""
        outlet = Outlet(EVENT_STREAM, self._runner, scope, receive, send)
        try:
            await outlet.begin()
            self._opened.set_result(outlet)
            await outlet.while_open(self._broken)
        except TooSlow as error:
            await outlet.cut(b"".join(_failed(id_, [too_slow(error, at)]) for id_, at in self._cursors.items()))
        except Stopping:
            await outlet.cut(EVENT_STREAM.stopping)
        except Gone:
            pass

    def close(self) -> list[asyncio.Task[None]]:
        """The operations that still ran: they end now."""
        ending = list(self._running.values())
        for task in ending:
            task.cancel()
        self._broken.cancel()
        self._held.close()
        return ending

    async def _operate(self, id_: str, asked: Asked, kind: OperationType, context: Subscriber) -> None:
        outlet = await asyncio.shield(self._opened)
        try:
            await self._results(id_, asked, kind, context, outlet)
            self._forget(id_)
            await outlet.send(event("complete", orjson.dumps({"id": id_})))
        except (Gone, TooSlow) as error:
            if not self._broken.done():
                self._broken.set_exception(error)

    async def _results(self, id_: str, asked: Asked, kind: OperationType, context: Subscriber, outlet: Outlet) -> None:
        try:
            async with aclosing(self._runner.results(asked, kind, context)) as messages:
                async for message in messages:
                    await outlet.send(_next(id_, message.encoded))
                    self._cursors[id_] = message.cursor
        except (Gone, TooSlow):
            raise
        except Exception as error:  # noqa: BLE001  whatever it was is told as the errors of resolvers are
            await outlet.send(_failed(id_, failure(error, context)))

    def _forget(self, id_: str) -> None:
        """Before the last event: the client may use the id again at once."""
        if self._running.get(id_) is asyncio.current_task():
            del self._running[id_], self._cursors[id_]


class SharedStreams:
    """Those of an endpoint, by their tokens: known to this process alone, and to the principal who reserved them."""

    def __init__(self, runner: Runner) -> None:
        self._runner = runner
        self._streams: dict[str, SharedStream] = {}

    def reserve(self, context: Subscriber) -> Response:
        """Raises TooManyConnections."""
        tenant = context.principal.tenant
        if sum(not each.taken and each.principal.tenant == tenant for each in self._streams.values()) >= _MOST_RESERVED:
            raise TooManyConnections(f"{_MOST_RESERVED:,} event streams wait to be opened", hint="Open some with GET.")
        with ExitStack() as held:
            held.enter_context(self._runner.seats.connection(context.principal.tenant))
            token = secrets.token_urlsafe(32)
            self._streams[token] = SharedStream(self._runner, context.principal, held.pop_all())
        asyncio.get_running_loop().call_later(self._runner.limits.reserved_seconds, self._expire, token)
        return PlainTextResponse(token, 201, {"cache-control": "no-store"})

    async def open(self, token: str, context: Subscriber, scope: Scope, receive: Receive, send: Send) -> None:
        """Raises NotFound, Conflict where it is open."""
        stream = self._found(token, context)
        if stream.taken:
            raise Conflict("the event stream is open", hint="Reserve another one with PUT.")
        stream.taken = True
        try:
            await stream.answer(scope, receive, send)
        finally:
            del self._streams[token]
            await asyncio.gather(*stream.close(), return_exceptions=True)

    async def start(self, token: str, asked: Asked, context: Subscriber) -> Response:
        """Raises NotFound, BadRequest without an id, and what the operation is refused for."""
        self._found(token, context)
        id_ = (asked.extensions or {}).get("operationId")
        if not isinstance(id_, str) or not 0 < len(id_) <= _MOST_ID:
            raise BadRequest(f"`extensions.operationId` has to be a string of 1 to {_MOST_ID} characters")
        kind = await self._runner.admitted(asked, EVERYTHING, context)
        stream = self._found(token, context)  # it may have been closed meanwhile
        stream.start(id_, asked, kind, context)
        return Response(status_code=202)

    def stop(self, token: str, request: Request, context: Subscriber) -> Response:
        """Raises NotFound, BadRequest without an id."""
        stream, id_ = self._found(token, context), request.query_params.get("operationId")
        if not id_:
            raise BadRequest("the address has no `operationId`")
        stream.stop(id_)
        return Response(status_code=200)

    def _found(self, token: str, context: Subscriber) -> SharedStream:
        stream = self._streams.get(token)
        if stream is None or stream.principal != context.principal:
            raise NotFound("there is no such event stream", hint="Reserve one with PUT.")
        return stream

    def _expire(self, token: str) -> None:
        stream = self._streams.get(token)
        if stream is not None and not stream.taken:
            del self._streams[token]
            stream.close()


def token_of(request: Request) -> str | None:
    asked = request.scope["query_string"]
    return request.headers.get(_HEADER) or (request.query_params.get("token") if asked else None)


def _next(id_: str, payload: bytes) -> bytes:
    return event("next", b'{"id":%b,"payload":%b}' % (orjson.dumps(id_), payload))


def _failed(id_: str, errors: list[dict[str, Any]]) -> bytes:
    return _next(id_, orjson.dumps({"errors": errors}))
