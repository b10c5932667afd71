"""Which HTTP requests are answered with a stream, and with which."""

from __future__ import annotations

from functools import partial

from graphql import OperationType
from starlette.requests import Request
from starlette.types import ASGIApp

from aurum.graphql.admission import EVERYTHING, READING
from aurum.graphql.refused import DocumentRefused
from aurum.graphql.requests import Asked, BadRequest
from aurum.graphql.streams import StreamEnded
from aurum.graphql.transports.formats import EVENT_STREAM, wanted
from aurum.graphql.transports.running import Runner, Subscriber, failure
from aurum.graphql.transports.shared import SharedStreams, token_of
from aurum.graphql.transports.streaming import OneOperation, refuse

_GET = READING | {OperationType.SUBSCRIPTION}


class Subscriptions:
    """Both methods answer None for what is answered without a stream, and raise what it is refused for."""

    def __init__(self, runner: Runner) -> None:
        self._runner = runner
        self._shared = SharedStreams(runner)

    def without_operation(self, request: Request, context: Subscriber) -> ASGIApp | None:
        """PUT, DELETE, and GET with a token: of graphql-sse's single connection."""
        token = token_of(request)
        if request.method == "PUT":
            return self._shared.reserve(context)
        if request.method == "DELETE":
            if token is None:
                raise BadRequest("DELETE ends an operation of an event stream, and the token of none is given")
            return self._shared.stop(token, request, context)
        if request.method == "GET" and token is not None and wanted(request.headers.get("accept")) is EVENT_STREAM:
            return partial(self._shared.open, token, context)
        return None

    async def of_operation(self, request: Request, asked: Asked, context: Subscriber, plain: bool) -> ASGIApp | None:
        """`plain`: one answer without a stream is accepted, too."""
        if request.method == "POST" and (token := token_of(request)) is not None:
            valid = self._runner.kind(asked) is not None  # else it is answered as one without a stream would be
            return await self._shared.start(token, asked, context) if valid else None
        format_ = wanted(request.headers.get("accept"))
        if format_ is None:
            return None
        if plain and self._runner.kind(asked) is not OperationType.SUBSCRIPTION:
            return None
        kind = await self._runner.admitted(asked, _GET if request.method == "GET" else EVERYTHING, context)
        resume = request.headers.get("last-event-id") or None
        return partial(OneOperation(self._runner, asked, kind, context, resume).answer, format_)

    def refusal(
        self, request: Request, error: DocumentRefused | StreamEnded, context: Subscriber, plain: bool
    ) -> ASGIApp:
        """A stream that says what is wrong with an operation. Raises it where one answer says it."""
        format_ = wanted(request.headers.get("accept"))
        if plain or format_ is None or token_of(request) is not None:
            raise error
        return partial(refuse, format_, failure(error, context), self._runner)
