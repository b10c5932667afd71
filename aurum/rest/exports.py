"""Exports: written while they are sent, and the files of jobs."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing

from starlette.requests import HTTPConnection, Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from aurum.context import Context
from aurum.errors import AurumError, NotFound
from aurum.exports.model import ExportFormat
from aurum.exports.selections import parse
from aurum.graphql.deadlines import DeadlineExceeded
from aurum.graphql.ids import row_of
from aurum.graphql.line import line_of
from aurum.graphql.transports.delivery import Gone, Sender, TooSlow
from aurum.rest.downloads import saved_as
from aurum.rest.headers import exchange, names, takes_gzip
from aurum.rest.problems import Problem, guarded, problem_of

_SNAPSHOT_COST = 20  # as the columns of a snapshot cost in GraphQL
_PIECE = 256 * 1024  # bytes that a client has to take within its seconds
_log = logging.getLogger(__name__)

Answer = Callable[[Context, Request], Awaitable[Response]]


def export_routes(context_of: Callable[[HTTPConnection], Context], problem_base: str, seconds: float) -> list[Route]:
    """`seconds`: a client that takes nothing for so long is disconnected."""

    def route(path: str, answer: Answer) -> Route:
        async def answered(request: Request) -> Response:
            async def answered_to() -> Response:
                return await answer(context_of(request), request)

            response = await guarded(request, problem_base, answered_to, _problem_of)
            response.headers.update(exchange(request))
            return response

        return Route(path, answered)

    async def at_once(context: Context, request: Request) -> Response:
        return await _at_once(context, request, seconds)

    return [route("/exports.{format}", at_once), route("/exports/{id}", _file)]


def _problem_of(error: AurumError) -> Problem:
    """With code and hint, where somebody can mend it."""
    problem = problem_of(error)
    if problem.status < 500:
        problem.members |= {"code": error.code, "hint": error.hint} if error.hint else {"code": error.code}
    return problem


async def _at_once(context: Context, request: Request, seconds: float) -> Response:
    format_ = _format(request.path_params["format"])
    selection = parse(request.query_params.multi_items())
    try:
        async with asyncio.timeout(context.seconds):
            plan = await context.exports.plan(context.principal, selection, format_, at_once=True)
    except TimeoutError:
        raise DeadlineExceeded("what is selected could not be found in time", hint="Narrow the selection.") from None
    headers = {"x-aurum-points": str(plan.rows), **saved_as(f"{selection.file_name}.{format_}")}
    headers["cache-control"] = "private, no-store"
    if selection.lasting:  # else it says of itself when it was asked for
        etag = f'"{plan.digest}-{format_}"'
        headers |= {"etag": etag, "cache-control": "private, no-cache"}
        if names(request, etag):
            return Response(status_code=304, headers={"etag": etag, "cache-control": "private, no-cache"})
    if request.method == "HEAD":
        response = Response(headers=headers, media_type=format_.media)
        del response.headers["content-length"]  # which is not known before it is written
        return response
    await context.charges.charge(context, _SNAPSHOT_COST * plan.snapshots)
    compressed = format_ is ExportFormat.CSV and takes_gzip(request.headers.get("accept-encoding", ""))
    if compressed:
        headers["content-encoding"] = "gzip"
    body = context.exports.streamed(context.principal, plan, format_, compressed=compressed)
    return Streamed(body, headers, format_.media, seconds)


async def _file(context: Context, request: Request) -> Response:
    export, path = await context.exports.file(context.principal, row_of(request.path_params["id"], "Export"))
    headers = {"etag": f'"{export.digest}"', "cache-control": "private, no-cache", **saved_as(export.name)}
    if names(request, headers["etag"]):
        return Response(status_code=304, headers={"etag": headers["etag"], "cache-control": "private, no-cache"})
    return FileResponse(path, headers=headers, media_type=export.format.media)


def _format(text: str) -> ExportFormat:
    try:
        return ExportFormat(text)
    except ValueError:
        raise NotFound(f"there is no format {text[:20]!r}", hint=", ".join(ExportFormat)) from None


class Streamed(Response):
    """A body as it comes. Where it breaks off, so does the connection: a part never looks like the whole."""

    def __init__(self, body: AsyncGenerator[bytes], headers: dict[str, str], media: str, seconds: float) -> None:
        self.status_code, self.media_type, self.background = 200, media, None
        self._chunks, self._seconds = body, seconds
        self.init_headers(headers)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        line = line_of(scope)
        sender = Sender(line, send, self._seconds)
        gone = asyncio.ensure_future(_disconnected(receive))
        try:
            await sender.send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
            async with aclosing(self._chunks) as chunks:
                async for chunk in chunks:
                    for start in range(0, len(chunk), _PIECE):
                        if gone.done():
                            return
                        piece = chunk[start : start + _PIECE]
                        await sender.send({"type": "http.response.body", "body": piece, "more_body": True})
            await sender.send({"type": "http.response.body", "body": b"", "more_body": False})
        except TooSlow as error:
            _log.info("an export is broken off: %s", error.message)
            line.release()
        except Gone:
            pass
        finally:
            gone.cancel()


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
