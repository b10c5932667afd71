"""GraphQL over HTTP, event streams and WebSockets."""

from __future__ import annotations

import logging
import marshal
from asyncio import CancelledError
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

from starlette.requests import ClientDisconnect, HTTPConnection
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.websockets import WebSocket

from aurum.backends.kept import KeptAgain
from aurum.errors import AurumError
from aurum.graphql.admission import ANSWERED, READING, Admission
from aurum.graphql.arrow.tables import NotATable
from aurum.graphql.arrow.tabular import TableAnswer
from aurum.graphql.charges import BudgetExhausted
from aurum.graphql.deadlines import stopped
from aurum.graphql.errors import MASKED
from aurum.graphql.execution import Prepared, Schema
from aurum.graphql.media import ARROW, GRAPHQL, JSON, NotAcceptable, answered, negotiated, refusal
from aurum.graphql.refused import DocumentRefused
from aurum.graphql.requests import MULTIPART, Asked, Incoming, MethodNotAllowed, TooSlow, asked_of, with_header
from aurum.graphql.streams import StreamEnded
from aurum.graphql.transports.formats import error_media
from aurum.graphql.transports.running import Runner
from aurum.graphql.transports.sockets import Connection, check_origin
from aurum.graphql.transports.subscribing import Subscriptions
from aurum.graphql.trusted import Trusted
from aurum.graphql.uploads import uploaded
from aurum.settings import GraphQLSettings, SubscriptionSettings

ContextOf = Callable[[HTTPConnection], Any]
Words = tuple[bytes, int]  # a hash, as a header may be a secret; and how many bytes they are
_MOST_READY_BYTES = 64 * 2**20
_MOST_WORDS = 16 * 1024
_KEPT_TIMES = 24  # what is kept of a request beside its document is so many times as large as its words
_BY_VALUE = 2  # the last format of `marshal` that is the same for equal values
_BESIDE = {b"content-length", b"x-request-id", b"x-timeout", b"traceparent", b"tracestate"}
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Ready:
    """What a request comes to before it is executed. `shown`: its cost is told; `tables` make its answer."""

    asked: Asked
    prepared: Prepared
    media: str
    cost: int | None
    shown: bool
    tables: TableAnswer | None


class Endpoint:
    """Serves a schema with a context made from each connection. An AurumError of the context refuses the request.

    `max_file` bounds the bytes of an uploaded file; with them a body may be larger than the settings say.
    """

    def __init__(
        self,
        schema: Schema,
        context_of: ContextOf,
        settings: GraphQLSettings,
        max_file: int,
        subscriptions: SubscriptionSettings | None = None,
    ) -> None:
        self.schema = schema
        self.settings = settings
        self.admission = Admission(schema, settings)
        self.trusted = Trusted(schema, settings)
        for each in schema.registered.values():
            self.admission.warm(each.document)
        self.runner = Runner(schema, self.admission, self.trusted, settings, subscriptions or SubscriptionSettings())
        self._subscriptions = Subscriptions(self.runner)
        self._context_of = context_of
        self._max_body = settings.max_body_kib * 1024
        self._max_file = max_file
        self._ready = KeptAgain[Words, Ready](_MOST_READY_BYTES)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await self._connected(scope, receive, send)
            return
        media, request = JSON, Incoming(scope, receive)
        send = with_header(send, b"vary", b"Accept")
        try:
            media, plain = error_media(request.headers.get("accept"))
            response = await self._answer(request, send, media, plain)
        except ClientDisconnect:
            return
        except CancelledError:
            if (refused := stopped(scope)) is None:
                raise
            response = refusal(refused, media)
        except AurumError as error:
            response = _refused(error, media, self.settings.get)
        except Exception:  # noqa: BLE001  whatever it was is told as the errors of resolvers are
            request_id = scope.get("aurum.request_id")
            _log.exception("request %s failed", request_id)
            response = refusal(AurumError(MASKED, requestId=request_id), media)
        if response is None:
            return
        if scope["method"] == "GET":  # it is true for who asks, and now
            send = with_header(send, b"cache-control", b"no-store")
        await response(scope, receive, send)

    async def _answer(self, request: Incoming, send: Send, media: str, plain: bool) -> ASGIApp | None:
        """None where a stream was the answer. `plain`: one that is none is accepted."""
        context, headers, receive = self._context_of(request), request.headers, request.receive
        posted = request.method == "POST"
        declared = headers.get("content-type", "").partition(";")[0].strip().lower()
        if posted and declared == MULTIPART:
            request.bound(self._max_file + self._max_body, self.settings.body_seconds)
            async with uploaded(request, self.settings, self._max_file) as given:
                return await self._asked(given, request, context, send, media, plain)
        request.bound(self._max_body, self.settings.body_seconds)
        usual = posted and declared == "application/json" and "content-encoding" not in headers
        key = await _words(request) if usual else None
        ready = None if key is None else self._ready.get(key)
        if ready is not None:
            return await self._executed(ready, request, context)
        stream = self._subscriptions.without_operation(request, context)
        if stream is not None:
            await stream(request.scope, receive, send)
            return None
        return await self._asked(await asked_of(request, self.settings), request, context, send, media, plain, key)

    async def _asked(
        self,
        given: Asked,
        request: Incoming,
        context: Any,
        send: Send,
        media: str,
        plain: bool,
        key: Words | None = None,
    ) -> ASGIApp | None:
        """`key`: under which it is kept what the request comes to, if it always comes to the same."""
        try:
            asked = await self.trusted.whole(given, context)
            stream = await self._subscriptions.of_operation(request, asked, context, plain)
        except (DocumentRefused, StreamEnded) as error:
            stream = self._subscriptions.refusal(request, error, context, plain)
        if stream is not None:
            await stream(request.scope, request.receive, send)
            return None
        kinds = READING if request.method == "GET" else ANSWERED
        cost = self.admission.cost(asked, kinds, context.request_id)
        tables, media = self._tables(asked, media, request.headers.get("accept"))
        kind = tables.executor if tables else None
        prepared = self.schema.prepared(asked.query, asked.variables, asked.operation_name, kind)
        ready = Ready(asked, prepared, media, cost, self.runner.shows(context), tables)
        usual = cost is not None and cost <= self.settings.max_cost and tables is None
        if key is not None and usual and self.trusted.always(given):
            self._ready.put(key, ready, self.schema.document(asked.query).size + key[1] * _KEPT_TIMES)
        return await self._executed(ready, request, context)

    async def _executed(self, ready: Ready, request: Incoming, context: Any) -> ASGIApp:
        asked, cost, tables = ready.asked, ready.cost, ready.tables
        if cost is not None:
            await context.charges.charge(context, cost)
        result = await self.schema.run(ready.prepared, context, asked.extensions, request.receive)
        extensions: dict[str, Any] = {"cost": {"estimated": cost}} if ready.shown and cost is not None else {}
        if tables is not None:  # what it really cost is not counted in columns: the estimate stands
            return await tables.answered(result, extensions)
        await self.admission.settle(asked, result, context)
        if extensions:
            extensions["cost"]["actual"] = self.admission.actual(asked, result.data)
        return answered(result, ready.media, extensions)

    def _tables(self, asked: Asked, media: str, accept: str | None) -> tuple[TableAnswer | None, str]:
        """What makes a table of the answer, where one is wanted and can be had; else in which media type to answer."""
        if media != ARROW:
            return None, media
        try:
            return TableAnswer(self.schema, asked), GRAPHQL
        except NotATable as refused:
            with suppress(NotAcceptable):
                return None, negotiated(accept, tables=False)
            raise refused from None

    async def _connected(self, scope: Scope, receive: Receive, send: Send) -> None:
        connection = HTTPConnection(scope)
        try:
            context = self._context_of(connection)
            check_origin(connection.headers)
        except AurumError as error:
            await WebSocket(scope, receive, send).close(4403, error.message)
            return
        await Connection(self.runner, context, scope, receive, send).serve()


async def _words(request: Incoming) -> Words | None:
    """Of all that a POST says but for what does not matter to it; None where that is too much to be kept."""
    body = await request.body()
    if len(body) > _MOST_WORDS:
        return None
    heads = [head for head in request.scope["headers"] if head[0] not in _BESIDE]
    said = marshal.dumps((body, request.scope["query_string"], heads), _BY_VALUE)
    return blake2b(said, digest_size=32).digest(), len(said)


def _refused(error: AurumError, media: str, get: bool) -> Response:
    response = refusal(error, media)
    if isinstance(error, MethodNotAllowed):
        response.headers["allow"] = "GET, POST, PUT, DELETE" if get else "POST, PUT, DELETE"
    if isinstance(error, BudgetExhausted):
        response.headers["retry-after"] = str(error.details["retryAfter"])
    if isinstance(error, TooSlow):
        response.headers["connection"] = "close"
    return response
