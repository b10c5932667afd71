"""graphql-transport-ws, strictly: what has another form closes the connection, what is refused leaves it open."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import aclosing
from typing import Any

import orjson
from starlette.types import Receive, Scope, Send
from strawberry.http.websocket_origin import is_same_origin

from aurum.errors import Forbidden
from aurum.graphql.admission import EVERYTHING
from aurum.graphql.line import line_of
from aurum.graphql.transports.delivery import Gone, Sender, TooSlow
from aurum.graphql.transports.running import Runner, Subscriber, failure
from aurum.graphql.transports.seats import TooManyConnections, TooManyOperations
from aurum.market.counts import counted

PROTOCOL = "graphql-transport-ws"
_LEGACY = "graphql-ws"  # of subscriptions-transport-ws: accepted so far that its clients can read why it is refused
_MOST_ID = 256
_MOST_REASON = 123  # bytes, by the protocol
_TOO_SLOW, _NO_PONG = 4420, 4421


class Closing(Exception):
    """The connection is to be closed with a code and a reason."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(code, reason)
        self.code = code
        self.reason = reason.encode()[:_MOST_REASON].decode(errors="ignore")


def check_origin(headers: Mapping[str, str]) -> None:
    """Browsers let any page open a WebSocket and read it. Raises Forbidden for pages of another origin."""
    origin = headers.get("origin")
    if origin is None or headers.get("sec-fetch-site") == "same-origin" or is_same_origin(origin, headers.get("host")):
        return
    raise Forbidden("pages of other origins may not open a WebSocket")


class Connection:
    """`serve` returns once it is closed and everything that ran on it has ended."""

    def __init__(self, runner: Runner, context: Subscriber, scope: Scope, receive: Receive, send: Send) -> None:
        self._runner = runner
        self._limits = runner.limits
        self._context = context
        self._receive = receive
        self._offered: list[str] = scope["subprotocols"]
        self._sender = Sender(line_of(scope), send, runner.limits.send_seconds)
        self._operations: dict[str, asyncio.Task[None]] = {}
        self._cursors: dict[str, str] = {}
        self._acknowledged = False

    async def serve(self) -> None:
        await self._receive()  # websocket.connect
        try:
            await self._accept()
            with self._runner.seats.connection(self._context.principal.tenant):
                await self._converse()
        except Closing as end:
            await self._close(end)
        except TooManyConnections as error:
            await self._close(Closing(1013, error.message))
        except TooSlow:
            await self._close(Closing(_TOO_SLOW, self._resume()))
        except Gone:
            pass

    async def _accept(self) -> None:
        spoken = next((each for each in (PROTOCOL, _LEGACY) if each in self._offered), None)
        await self._sender.send({"type": "websocket.accept", "subprotocol": spoken, "headers": []})
        if spoken != PROTOCOL:
            raise Closing(4406, f"Subprotocol not acceptable: speak {PROTOCOL}")

    async def _converse(self) -> None:
        end: BaseException | None = None
        try:
            async with asyncio.TaskGroup() as self._tasks:
                await self._listen()
                for task in self._operations.values():
                    task.cancel()
        except* (Closing, TooSlow, Gone) as group:
            end = group.exceptions[0]
        if end is not None:
            raise end

    async def _close(self, end: Closing) -> None:
        await self._sender.send_last({"type": "websocket.close", "code": end.code, "reason": end.reason})

    def _resume(self) -> str:
        """As many operations with their last cursors as fit, the newest first."""
        reason = "Too slow: resume"
        for id_, cursor in reversed(self._cursors.items()):
            one = f" after {cursor}" if len(self._cursors) == 1 else f" {id_} after {cursor}"
            if len((reason + one).encode()) > _MOST_REASON:
                break
            reason += one
        return reason

    # ------------------------------------------------------------------------------------------ what the client says

    async def _listen(self) -> None:
        """Until the client closes. A client that says nothing for a while is asked whether it is there."""
        loop, asked = asyncio.get_running_loop(), False
        initialised_by = loop.time() + self._limits.init_seconds
        while True:
            silent_at = loop.time() + self._limits.keep_alive_seconds if self._acknowledged else initialised_by
            try:
                async with asyncio.timeout_at(silent_at):
                    received = await self._receive()
            except TimeoutError:
                if not self._acknowledged:
                    raise Closing(4408, "Connection initialisation timeout") from None
                if asked:
                    raise Closing(_NO_PONG, "No pong: the client was silent") from None
                asked = True
                await self._say(b'{"type":"ping"}')
                continue
            if received["type"] == "websocket.disconnect":
                return
            asked = False
            await self._hear(self._message(received))

    def _message(self, received: Mapping[str, Any]) -> dict[str, Any]:
        text = received.get("text")
        if text is None:
            raise Closing(4400, "WebSocket message type must be text")
        if len(text) > self._runner.settings.max_body_kib * 1024:
            raise Closing(1009, "Message too large")
        try:
            message = orjson.loads(text)
        except orjson.JSONDecodeError:
            raise Closing(4400, "WebSocket message must be valid JSON") from None
        wrong = _wrong(message)
        if wrong is not None:
            raise Closing(4400, wrong)
        return message  # type: ignore[no-any-return]  # _wrong has seen that it is a dict

    async def _hear(self, message: dict[str, Any]) -> None:
        match message["type"]:
            case "connection_init":
                await self._acknowledge()
            case "ping":
                await self._say(b'{"type":"pong"}')
            case "pong":
                pass
            case "subscribe":
                await self._subscribe(message["id"], message["payload"])
            case "complete":
                self._cursors.pop(message["id"], None)
                if (task := self._operations.pop(message["id"], None)) is not None:
                    task.cancel()
            case unknown:
                raise Closing(4400, f"Unknown message type: {unknown}")

    async def _acknowledge(self) -> None:
        if self._acknowledged:
            raise Closing(4429, "Too many initialisation requests")
        await self._say(b'{"type":"connection_ack"}')
        self._acknowledged = True

    async def _subscribe(self, id_: str, payload: dict[str, Any]) -> None:
        if not self._acknowledged:
            raise Closing(4401, "Unauthorized")
        if id_ in self._operations:
            raise Closing(4409, f"Subscriber for {id_} already exists")
        most = self._limits.max_operations
        if len(self._operations) >= most:
            error = TooManyOperations(
                f"a connection has at most {counted(most, 'operation')}", hint="Complete one of them."
            )
            await self._say(_frame(id_, "error", orjson.dumps(failure(error, self._context))))
        else:
            self._operations[id_] = self._tasks.create_task(self._operate(id_, payload))

    # ------------------------------------------------------------------------------------------ what it is answered

    async def _operate(self, id_: str, payload: dict[str, Any]) -> None:
        try:
            await self._results(id_, payload)
            last = _frame(id_, "complete")
        except (TooSlow, Gone):
            raise
        except Exception as error:  # noqa: BLE001  whatever it was is told as the errors of resolvers are
            last = _frame(id_, "error", orjson.dumps(failure(error, self._context)))
        finally:
            self._forget(id_)  # before the last message: the client may use the id again at once
        self._cursors.pop(id_, None)
        await self._say(last)

    async def _results(self, id_: str, payload: dict[str, Any]) -> None:
        runner, context = self._runner, self._context
        asked = await runner.asked(payload, context)
        kind = await runner.admitted(asked, EVERYTHING, context)
        with runner.seat(kind, context):
            async with aclosing(runner.results(asked, kind, context)) as messages:
                async for message in messages:
                    await self._say(_frame(id_, "next", message.encoded))
                    if message.cursor is not None:
                        self._cursors[id_] = message.cursor

    def _forget(self, id_: str) -> None:
        if self._operations.get(id_) is asyncio.current_task():
            del self._operations[id_]

    async def _say(self, message: bytes) -> None:
        await self._sender.send({"type": "websocket.send", "text": message.decode()})


def _frame(id_: str, kind: str, payload: bytes | None = None) -> bytes:
    """A message whose payload is JSON already."""
    start = b'{"id":%b,"type":"%b"' % (orjson.dumps(id_), kind.encode())
    return start + b"}" if payload is None else b'%b,"payload":%b}' % (start, payload)


def _names_a_document(payload: dict[str, Any]) -> bool:
    query = payload.get("query")
    by_name = isinstance(payload.get("documentId"), str) or isinstance(payload.get("extensions"), dict)
    return isinstance(query, str) or (query is None and by_name)


def _wrong(message: Any) -> str | None:
    """What is wrong with the form of a message."""
    if not isinstance(message, dict) or not isinstance(message.get("type"), str):
        return "A message is an object with a type"
    kind, payload = message["type"], message.get("payload")
    if kind in ("subscribe", "complete") and not (
        isinstance(message.get("id"), str) and 0 < len(message["id"]) <= _MOST_ID
    ):
        return f"The id of {kind} is not a string of 1 to {_MOST_ID} characters"
    if kind == "subscribe" and not (isinstance(payload, dict) and _names_a_document(payload)):
        return "The payload of subscribe is not an object with a query"
    if kind in ("connection_init", "ping", "pong") and "payload" in message and not isinstance(payload, dict):
        return f"The payload of {kind} is not an object"
    return None
