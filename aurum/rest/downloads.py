"""Workbooks to fetch: a vendor's file as it came, and a run's copy with every finding marked in its cells."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from urllib.parse import quote

from starlette.requests import HTTPConnection, Request
from starlette.responses import Response
from starlette.routing import Route

from aurum.context import Context
from aurum.graphql.ids import row_of
from aurum.rest.problems import guarded

_WORKBOOK = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"

Fetch = Callable[[Context, str], Awaitable[tuple[str, bytes]]]


def download_routes(context_of: Callable[[HTTPConnection], Context], problem_base: str) -> list[Route]:
    def route(path: str, fetch: Fetch) -> Route:
        async def answered(request: Request) -> Response:
            async def answer() -> Response:
                return _attachment(*await fetch(context_of(request), request.path_params["id"]))

            return await guarded(request, problem_base, answer)

        return Route(path, answered)

    return [route("/files/{id}", _file), route("/runs/{id}/annotated.xlsx", _annotated)]


async def _file(context: Context, id_: str) -> tuple[str, bytes]:
    found, data = await context.ingestion.content(context.principal, row_of(id_, "SourceFile"))
    return found.name, data


async def _annotated(context: Context, id_: str) -> tuple[str, bytes]:
    return await context.ingestion.annotated(context.principal, row_of(id_, "IngestionRun"))


def _attachment(name: str, data: bytes) -> Response:
    """Saved, never shown: the file is the vendor's, and nothing of it may run in a page of ours."""
    headers = saved_as(name) | {"cache-control": "private, no-store"}
    return Response(data, headers=headers, media_type=_WORKBOOK)


def saved_as(name: str) -> dict[str, str]:
    return {
        "content-disposition": f"attachment; filename*=UTF-8''{quote(name, safe='')}",
        "x-content-type-options": "nosniff",
    }
