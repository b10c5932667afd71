"""GraphQL over HTTP and WebSocket."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import orjson
from starlette.requests import ClientDisconnect, HTTPConnection, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket
from strawberry.asgi import GraphQL
from strawberry.subscriptions import GRAPHQL_TRANSPORT_WS_PROTOCOL

from aurum.errors import AurumError
from aurum.graphql.admission import ANSWERED, READING, Admission
from aurum.graphql.errors import MASKED
from aurum.graphql.execution import Schema
from aurum.graphql.media import JSON, answered, negotiated, refusal
from aurum.graphql.records import rendered
from aurum.graphql.requests import MULTIPART, MethodNotAllowed, asked_of, bounded
from aurum.graphql.sockets import Connection, FrameTooLarge, Socket
from aurum.settings import GraphQLSettings

ContextOf = Callable[[HTTPConnection], Any]
_log = logging.getLogger(__name__)
_INIT_SECONDS = 10


class Endpoint(GraphQL[Any, None]):
    """Serves a schema with a context made from each connection. An AurumError of the context refuses the request.

    `max_upload` bounds the bytes that are read of a multipart body; other bodies are bounded by the settings.
    HTTP is answered here, WebSockets by Strawberry's handlers.
    """

    graphql_transport_ws_handler_class = Connection
    websocket_adapter_class = Socket
    schema: Schema

    def __init__(self, schema: Schema, context_of: ContextOf, settings: GraphQLSettings, max_upload: int) -> None:
        super().__init__(
            schema,
            graphql_ide=None,
            subscription_protocols=[GRAPHQL_TRANSPORT_WS_PROTOCOL],
            connection_init_wait_timeout=timedelta(seconds=_INIT_SECONDS),
        )
        self.settings = settings
        self.admission = Admission(schema, settings)
        self._context_of = context_of
        self._max_body = settings.max_body_kib * 1024
        self._max_upload = max_upload

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await self._connected(scope, receive, send)
            return
        media = JSON
        try:
            media = negotiated(HTTPConnection(scope).headers.get("accept"))
            response = await self._answer(scope, receive, media)
        except ClientDisconnect:
            return
        except AurumError as error:
            response = refusal(error, media)
            if isinstance(error, MethodNotAllowed):
                response.headers["allow"] = "GET, POST" if self.settings.get else "POST"
        except Exception:  # noqa: BLE001  whatever it was is told as the errors of resolvers are
            request_id = scope.get("aurum.request_id")
            _log.exception("request %s failed", request_id)
            response = refusal(AurumError(MASKED, requestId=request_id), media)
        await response(scope, receive, send)

    async def _answer(self, scope: Scope, receive: Receive, media: str) -> Response:
        context = self._context_of(HTTPConnection(scope))
        multipart = dict(scope["headers"]).get(b"content-type", b"").lower().startswith(MULTIPART.encode())
        request = Request(scope, bounded(scope, receive, self._max_upload if multipart else self._max_body))
        try:
            asked = await asked_of(request, self.settings)
            kinds = READING if request.method == "GET" else ANSWERED
            cost = self.admission.cost(asked, kinds, context.request_id)
            result = await self.schema.execute(
                asked.query,
                context_value=context,
                variable_values=asked.variables,
                operation_name=asked.operation_name,
                operation_extensions=asked.extensions,
            )
            shown = self.settings.show_cost or request.headers.get("x-show-cost") == "true"
            return answered(result, media, {"cost": {"estimated": cost}} if shown and cost is not None else {})
        finally:
            await request.close()  # uploads lie in temporary files

    async def _connected(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            scope["aurum.context"] = self._context_of(HTTPConnection(scope))
        except AurumError as error:
            await WebSocket(scope, receive, send).close(4403, error.message)
            return
        await super().__call__(scope, receive, send)

    async def get_context(self, request: Request | WebSocket, response: Any) -> Any:
        return request.scope["aurum.context"]

    def decode_json(self, data: str | bytes) -> object:
        if len(data) > self._max_body:
            raise FrameTooLarge
        return orjson.loads(data)

    def encode_json(self, data: object) -> str:
        return rendered(data).decode()
