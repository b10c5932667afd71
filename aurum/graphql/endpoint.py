"""GraphQL over HTTP and WebSocket."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import orjson
from cross_web import HTTPException
from starlette.requests import HTTPConnection, Request
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send
from starlette.websockets import WebSocket
from strawberry.asgi import GraphQL
from strawberry.subscriptions import GRAPHQL_TRANSPORT_WS_PROTOCOL

from aurum.errors import AurumError, InvalidInput
from aurum.graphql.execution import Schema
from aurum.graphql.records import rendered

ContextOf = Callable[[HTTPConnection], Any]
_log = logging.getLogger(__name__)
_MULTIPART = b"multipart/form-data"


class BodyTooLarge(InvalidInput):
    code = "BODY_TOO_LARGE"
    status = 413


class Endpoint(GraphQL[Any, None]):
    """Serves a schema with a context made from each connection. An AurumError of the context refuses the request.

    `max_body` and `max_upload` bound the bytes of a request's body that are read, plain and multipart.
    """

    def __init__(self, schema: Schema, context_of: ContextOf, max_body: int, max_upload: int) -> None:
        super().__init__(
            schema,
            graphql_ide=None,
            subscription_protocols=[GRAPHQL_TRANSPORT_WS_PROTOCOL],
            connection_init_wait_timeout=timedelta(seconds=10),
            multipart_uploads_enabled=True,
        )
        self._context_of = context_of
        self._max_body = max_body
        self._max_upload = max_upload

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            scope["aurum.context"] = self._context_of(HTTPConnection(scope))
            if scope["type"] == "websocket":
                await super().__call__(scope, receive, send)
                return
            multipart = dict(scope["headers"]).get(b"content-type", b"").startswith(_MULTIPART)
            bounded = _bounded(scope, receive, self._max_upload if multipart else self._max_body)
            request = Request(scope, bounded)
            try:
                response = await self.run(request)
            finally:
                await request.close()  # uploads lie in temporary files
        except HTTPException as error:
            response = _refusal(error.reason, "BAD_REQUEST", error.status_code, None)
        except AurumError as error:
            if scope["type"] == "websocket":
                await WebSocket(scope, receive, send).close(4403, error.message)
                return
            response = _refusal(error.message, error.code, error.status, error.hint)
        except Exception:
            if scope["type"] == "websocket":
                raise
            # Strawberry fails so on a body whose parts are not of the form they should have.
            _log.exception("request %s failed", scope.get("aurum.request_id"))
            response = _refusal("the request cannot be read", "BAD_REQUEST", 400, None)
        await response(scope, receive, send)

    async def get_context(self, request: Request | WebSocket, response: Any) -> Any:
        return request.scope["aurum.context"]

    def decode_json(self, data: str | bytes) -> object:
        return orjson.loads(data)

    def encode_json(self, data: object) -> str:
        return rendered(data).decode()


def _refusal(message: str, code: str, status: int, hint: str | None) -> Response:
    extensions = {"code": code} if hint is None else {"code": code, "hint": hint}
    body = orjson.dumps({"errors": [{"message": message, "extensions": extensions}]})
    return Response(body, status, media_type="application/json")


def _bounded(scope: Scope, receive: Receive, most: int) -> Receive:
    """Stops reading a body that is larger than `most` bytes, whatever its headers say."""
    read = 0
    declared = dict(scope["headers"]).get(b"content-length", b"0")
    if declared.isdigit() and int(declared) > most:
        raise _too_large(most)

    async def bounded() -> Message:
        nonlocal read
        message = await receive()
        read += len(message.get("body", b""))
        if read > most:
            raise _too_large(most)
        return message

    return bounded


def _too_large(most: int) -> BodyTooLarge:
    return BodyTooLarge(f"the body of a request may have {most:,} bytes")
