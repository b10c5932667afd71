"""Errors as `application/problem+json`: the rows of section 1.8 of the contract."""

from __future__ import annotations

import logging
from asyncio import CancelledError
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response

from aurum.errors import AurumError
from aurum.graphql.deadlines import stopped

_log = logging.getLogger(__name__)
_RETRY_AFTER_SECONDS = 5
_UNEXPECTED = "An unexpected error occurred"
_ROWS = {
    400: ("validation-error", "Validation Error"),
    401: ("unauthorized", "Unauthorized"),
    403: ("forbidden", "Forbidden Error"),
    404: ("not-found", "Not Found Error"),
    409: ("conflict", "Conflict"),
    410: ("gone", "Gone"),
    422: ("validation-error", "Unprocessable Entity"),
    429: ("rate-limited", "Too Many Requests"),
    500: ("internal-error", "Internal Server Error"),
    503: ("service-unavailable", "Service Unavailable Error"),
}
_STATUS = {
    "BAD_USER_INPUT": 422,
    "UNKNOWN_TENOR": 422,
    "INVALID_CURSOR": 400,
    "NOT_FOUND": 404,
    "UNAUTHENTICATED": 401,
    "FORBIDDEN": 403,
    "CONFLICT": 409,
    "EXPIRED": 410,
    "EXPORT_TOO_LARGE": 422,
    "UNKNOWN_UNIT": 422,
    "UNIT_MISMATCH": 422,
    "NO_EXCHANGE_RATE": 422,
    "OVERFLOW": 422,
    "UNAVAILABLE": 503,
    "DEADLINE_EXCEEDED": 503,
    "COST_BUDGET_EXHAUSTED": 429,
    "COST_TOO_HIGH": 422,
    "BAD_REQUEST": 422,
}


class Problem(Exception):
    """A refusal or failure as the client is told of it; `members` and `headers` are those of its row alone."""

    def __init__(self, status: int, detail: Any, headers: Mapping[str, str] | None = None, **members: Any) -> None:
        super().__init__(status, detail)
        self.status = status
        self.detail = detail
        self.headers = dict(headers or {})
        self.members = members
        if status == 401:
            self.headers["www-authenticate"] = "Bearer"
            self.members |= {"error": "unauthorized", "message": detail}
        if status == 503:
            self.headers["retry-after"] = str(_RETRY_AFTER_SECONDS)
            self.members |= {"error": "service_unavailable", "message": detail}
            self.members["retry_after_seconds"] = _RETRY_AFTER_SECONDS

    def response(self, request: Request, base: str) -> Response:
        word, title = _ROWS[self.status]
        body = {
            "type": base + word,
            "title": title,
            "status": self.status,
            "detail": self.detail,
            "instance": request.url.path,
            "request_id": request.scope["aurum.request_id"],
            "timestamp": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
            **self.members,
        }
        headers = self.headers | {"cache-control": "no-store"}
        return Response(orjson.dumps(body), self.status, headers, media_type="application/problem+json")


def problem_of(error: AurumError) -> Problem:
    return told(error.message, {"code": error.code, **error.details})


async def guarded(
    request: Request, base: str, answer: Callable[[], Awaitable[Response]],
    problem: Callable[[AurumError], Problem] = problem_of,
) -> Response:  # fmt: skip
    """The last door: what `answer` does, else the problem that it is. Nothing else of an error gets out."""
    try:
        return await answer()
    except Problem as raised:
        return raised.response(request, base)
    except AurumError as error:
        return problem(error).response(request, base)
    except CancelledError:
        if (refused := stopped(request.scope)) is None:
            raise
        return problem(refused).response(request, base)
    except Exception:  # noqa: BLE001  whatever it is
        _log.exception("request %s failed", request.scope["aurum.request_id"])
        return Problem(500, _UNEXPECTED).response(request, base)


def told(message: str, extensions: Mapping[str, Any]) -> Problem:
    """The problem that an error of the GraphQL execution is: only what Aurum itself says is passed on."""
    status = _STATUS.get(extensions.get("code", ""), 500)
    if status == 500:
        return Problem(500, _UNEXPECTED)
    if status == 400:
        return Problem(400, "Invalid cursor")
    if status == 403 and "scope" in extensions:
        return Problem(403, message, {"x-required-permission": extensions["scope"]})
    if status == 429:
        seconds, detail = extensions["retryAfter"], _ROWS[429][1]
        members = {"error": "rate_limited", "message": detail, "retry_after_seconds": seconds}
        return Problem(429, detail, {"retry-after": str(seconds)}, **members)
    if status == 404:
        return Problem(404, message[:1].upper() + message[1:])
    if status == 422 and "field" in extensions:
        return Problem(422, message, errors=[{"field": extensions["field"], "message": message}])
    return Problem(status, message)
