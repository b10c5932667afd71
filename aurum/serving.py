"""The connections of the server, which let the application know more of them than ASGI does.

The application finds them in the scope (`graphql/line.py`): it learns that the server wants to
stop, and may give up a client that takes nothing. Uvicorn waits until such a client has taken what is left, and be it
for ever.
"""

from __future__ import annotations

import asyncio
from typing import Any

import orjson
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import CloseCode, Frame

from aurum.graphql.line import LINE
from aurum.settings import Settings

_GRACE_SECONDS = 5.0  # what is left may still be taken
_STOPPING_SECONDS = 1.0
_MOST_AROUND_BYTES = 64 * 1024  # the body of a request: address, headers, the framing of chunks. Uvicorn bounds none
_HEAD_SECONDS = 20.0
_MOST_WAITING_BYTES = 16 * 1024
_MOST_FRAGMENTS = 1000  # of a message on a WebSocket
_MOST_PONG_BYTES = 64 * 1024  # that wait to be taken
_MOST_AT_ONCE = 16 * 1024  # bytes: of the smallest frames they are 2,700


class _Cut:
    """Cuts a connection that is not closed in time, whatever has not been taken of it."""

    loop: asyncio.AbstractEventLoop
    transport: asyncio.Transport

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.stopping: asyncio.Future[None] = self.loop.create_future()
        self._cutting: asyncio.TimerHandle | None = None
        self._lost = False

    def cut_soon(self) -> None:
        seconds = _STOPPING_SECONDS if self.stopping.done() else _GRACE_SECONDS
        if self._cutting is not None:
            self._cutting.cancel()
        self._cutting = None if self._lost else self.loop.call_later(seconds, self.transport.abort)

    def stop(self) -> None:
        if not self.stopping.done():
            self.stopping.set_result(None)

    def lose(self) -> None:
        self._lost = True
        if self._cutting is not None:
            self._cutting.cancel()


class Joined:
    """A transport that sends what is written within one turn of the event loop as one: a response's head and body.

    What it does not know is the transport's own.
    """

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self.is_closing = transport.is_closing  # asked for in every request
        self._waiting: list[bytes] = []
        self._size = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        if not self._waiting:
            self._loop.call_soon(self._send)
        self._waiting.append(data)
        self._size += len(data)
        if self._size > _MOST_WAITING_BYTES:
            self._send()

    def close(self) -> None:
        self._send()
        self._transport.close()

    def _send(self) -> None:
        waiting, self._waiting, self._size = self._waiting, [], 0
        if self.is_closing():
            return
        if len(waiting) > 1:
            self._transport.writelines(waiting)
        elif waiting:
            self._transport.write(waiting[0])


class HTTP(_Cut, HttpToolsProtocol):
    """A request that is too large around its body gets a 400, one whose head does not come in time ends the connection.

    Leans on what it overrides of uvicorn's protocol; `tests/test_serving.py` guards an upgrade.
    """

    _around = 0
    _heading = False  # the head of a request has begun, and not yet come
    _late: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._wait()
        joined: Any = Joined(transport, self.loop)
        self.transport = joined

    def connection_lost(self, exc: Exception | None) -> None:
        self._come()
        self.lose()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        self._around += len(data)
        super().data_received(data)
        if self._heading and self._late is None:
            self._wait()
        if self._around > _MOST_AROUND_BYTES and not self.transport.is_closing():
            self.send_400_response("the request is too large around its body")

    def on_body(self, body: bytes) -> None:
        self._around -= 2 * len(body)  # as much as there is of it may be around it
        super().on_body(body)

    def send_400_response(self, msg: str) -> None:
        body = orjson.dumps({"errors": [{"message": msg, "extensions": {"code": "BAD_REQUEST"}}]})
        head = b"HTTP/1.1 400 Bad Request\r\ncontent-type: application/json; charset=utf-8\r\ncontent-length: %d\r\n"
        self.transport.write(head % len(body) + b"connection: close\r\n\r\n" + body)
        self.transport.close()

    def on_message_begin(self) -> None:
        self._around, self._heading = 0, True
        if self._late is not None:
            self._come()
        super().on_message_begin()
        scope: Any = self.scope
        scope[LINE] = self

    def on_headers_complete(self) -> None:
        self._heading = False
        if self._late is not None:
            self._come()
        super().on_headers_complete()

    def _wait(self) -> None:
        self._come()
        self._late = self.loop.call_later(_HEAD_SECONDS, self._ended)

    def _come(self) -> None:
        if self._late is not None:
            self._late.cancel()
            self._late = None

    def _ended(self) -> None:
        if not self.transport.is_closing():
            self.transport.close()

    @property
    def arrived(self) -> bool:
        """Of a request with others behind it in the pipeline it may say no: theirs is looked at."""
        return not self.cycle.more_body

    def release(self) -> None:
        self.flow.resume_writing()
        self.cycle.keep_alive = False
        self.cut_soon()

    def timeout_keep_alive_handler(self) -> None:
        super().timeout_keep_alive_handler()
        self.cut_soon()

    def shutdown(self) -> None:
        self.stop()
        super().shutdown()


class WebSockets(_Cut, WebSocketsSansIOProtocol):
    """Bounds what lies below messages. Leans on what it overrides; `tests/test_frames.py` guards an upgrade."""

    arrived = True

    def data_received(self, data: bytes) -> None:
        for start in range(0, len(data), _MOST_AT_ONCE):
            if not self.transport.is_closing():
                super().data_received(data[start : start + _MOST_AT_ONCE])
        if self.conn.handshake_exc is not None and not self.handshake_initiated:  # a head that websockets does not read
            self.transport.write(b"HTTP/1.1 400 Bad Request\r\nconnection: close\r\ncontent-length: 0\r\n\r\n")
            self.transport.close()

    def handle_cont(self, event: Frame) -> None:
        if len(self.frames) < _MOST_FRAGMENTS:
            super().handle_cont(event)
        elif not self.close_sent:
            self.conn.fail(CloseCode.MESSAGE_TOO_BIG, "Message in too many fragments")
            self.handle_parser_exception()

    def handle_ping(self) -> None:
        """A client that does not take the answers gets no more of them."""
        if self.transport.get_write_buffer_size() < _MOST_PONG_BYTES:
            super().handle_ping()
        else:
            self.conn.data_to_send()

    async def run_asgi(self) -> None:
        scope: Any = self.scope
        scope[LINE] = self
        await super().run_asgi()
        self.cut_soon()

    def release(self) -> None:
        self.writable.set()
        self.cut_soon()

    def shutdown(self) -> None:
        self.stop()
        super().shutdown()
        self.cut_soon()

    def connection_lost(self, exc: Exception | None) -> None:
        self.lose()
        super().connection_lost(exc)


def connections(settings: Settings) -> dict[str, Any]:
    """What uvicorn's configuration says about them."""
    return {
        "http": HTTP,
        "ws": WebSockets,
        "ws_max_size": settings.graphql.max_body_kib * 1024,
        "ws_ping_interval": None,  # `graphql/transports/sockets.py` asks whether the client is there
        "ws_per_message_deflate": settings.subscriptions.compress,
        "timeout_graceful_shutdown": 5,
    }
