"""The connections of the server, which let the application know more of them than ASGI does.

The application finds them in the scope (`Line` of `graphql/transports/delivery.py`): it learns that the server wants to
stop, and may give up a client that takes nothing. Uvicorn waits until such a client has taken what is left, and be it
for ever.
"""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from aurum.graphql.transports.delivery import LINE
from aurum.settings import Settings

_GRACE_SECONDS = 5.0  # what is left may still be taken
_STOPPING_SECONDS = 1.0
_MOST_HEAD_BYTES = 64 * 1024  # of the address and the headers: uvicorn bounds neither with httptools
_HEAD_SECONDS = 20.0
_MOST_WAITING_BYTES = 16 * 1024


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


class BoundedHead(HttpToolsProtocol):
    """A head that is too large gets a 400, one that does not come in time ends the connection.

    Leans on `on_message_begin`, `on_url`, `on_header`, `on_headers_complete` and `send_400_response` of uvicorn's
    protocol; `tests/test_serving.py` guards an upgrade.
    """

    _head = 0
    _late: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        self._come()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._late is not None:  # within a head: some of it may lie in the parser still
            self._head += len(data)
        super().data_received(data)
        if self._late is not None and self._head > _MOST_HEAD_BYTES and not self.transport.is_closing():
            self.send_400_response("The head of the request is too large.")

    def on_message_begin(self) -> None:
        self._wait()
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self._come()
        super().on_headers_complete()

    def _wait(self) -> None:
        self._come()
        self._late = self.loop.call_later(_HEAD_SECONDS, self._ended)

    def _come(self) -> None:
        self._head = 0
        if self._late is not None:
            self._late.cancel()
            self._late = None

    def _ended(self) -> None:
        if not self.transport.is_closing():
            self.transport.close()


class Joined:
    """A transport that sends what is written within one turn of the event loop as one: a response's head and body.

    What it does not know is the transport's own.
    """

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
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
        if self._transport.is_closing():
            return
        if len(waiting) > 1:
            self._transport.writelines(waiting)
        elif waiting:
            self._transport.write(waiting[0])


class HTTP(_Cut, BoundedHead):
    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        joined: Any = Joined(transport, self.loop)
        self.transport = joined

    def on_message_begin(self) -> None:
        super().on_message_begin()
        scope: Any = self.scope
        scope[LINE] = self

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

    def connection_lost(self, exc: Exception | None) -> None:
        self.lose()
        super().connection_lost(exc)


class WebSockets(_Cut, WebSocketsSansIOProtocol):
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
