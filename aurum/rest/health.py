"""Probes: whether the process lives, and whether what it needs answers. Served directly, without authentication."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from sqlalchemy import literal, select
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from aurum.rest.headers import exchange
from aurum.rest.problems import Problem

_PATIENCE_SECONDS = 5
_log = logging.getLogger(__name__)


def health_routes(problem_base: str) -> list[Route]:
    async def ready(request: Request) -> Response:
        store = await _answers(request)
        # Curves and everything else are in one database; there is no cache yet, and what is not there cannot fail.
        checks = {"trino": store, "timescale": store, "redis": True}
        if store:
            return _ok(request, status="ready", checks=checks)
        problem = Problem(503, {"status": "unavailable", "checks": checks})
        return _with_ids(request, problem.response(request, problem_base))

    routes = [Route(path, _says("ok")) for path in ("/health", "/healthz", "/health/live")]
    routes += [Route(path, _says("alive")) for path in ("/live", "/livez")]
    return routes + [Route(path, ready) for path in ("/ready", "/readyz")]


def _says(status: str) -> Callable[[Request], Awaitable[Response]]:
    async def probe(request: Request) -> Response:
        return _ok(request, status=status)

    return probe


async def _answers(request: Request) -> bool:
    try:
        async with asyncio.timeout(_PATIENCE_SECONDS), request.app.state.services.database.read() as connection:
            return bool(await connection.scalar(select(literal(1))) == 1)
    except Exception:  # noqa: BLE001  whatever it is, the answer is the same
        _log.warning("not ready: the database does not answer", exc_info=True)
        return False


def _ok(request: Request, **body: object) -> Response:
    answer = {"status": body.pop("status"), "request_id": request.scope["aurum.request_id"], **body}
    return _with_ids(request, JSONResponse(answer, headers={"cache-control": "no-store"}))


def _with_ids(request: Request, response: Response) -> Response:
    response.headers.update(exchange(request))
    return response
