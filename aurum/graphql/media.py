"""In which media type an answer is given, and with which status."""

from __future__ import annotations

from typing import Any

from starlette.responses import Response
from strawberry.types.execution import ExecutionResult, PreExecutionError

from aurum.errors import AurumError
from aurum.graphql.records import rendered

JSON = "application/json"
GRAPHQL = "application/graphql-response+json"
_RANGES = {JSON: JSON, GRAPHQL: GRAPHQL, "application/*": JSON, "*/*": JSON}


class NotAcceptable(AurumError):
    code = "NOT_ACCEPTABLE"
    status = 406


class DocumentRefused(AurumError):
    """What is asked for is wrong, not how: 200 where the client only knows `application/json`."""

    code = "GRAPHQL_INVALID"
    status = 400


def negotiated(accept: str | None) -> str:
    """The media type that `Accept` prefers, `application/json` where it says nothing. Raises NotAcceptable."""
    best, preferred = "", 0.0
    for each in (accept or JSON).lower().split(","):
        name, *parameters = (part.strip() for part in each.split(";"))
        quality = quality_of(parameters)
        if name in _RANGES and quality > preferred:
            best, preferred = _RANGES[name], quality
    if not best:
        raise NotAcceptable(f"answers are {GRAPHQL} or {JSON}", hint="Say so in `Accept`, or leave it out.")
    return best


def quality_of(parameters: list[str]) -> float:
    for each in parameters:
        name, _, value = each.partition("=")
        if name == "q":
            try:
                return float(value)
            except ValueError:
                return 0.0
    return 1.0


def answered(result: ExecutionResult, media: str, extensions: dict[str, Any]) -> Response:
    """Without `data` where nothing was executed."""
    refused = isinstance(result, PreExecutionError)
    body: dict[str, Any] = {} if refused else {"data": result.data}
    if result.errors:
        body["errors"] = [error.formatted for error in result.errors]
    if extensions:
        body["extensions"] = extensions
    return _response(body, media, 400 if refused and media == GRAPHQL else 200)


def refusal(error: AurumError, media: str) -> Response:
    """Of a request of which nothing was executed."""
    hint = {} if error.hint is None else {"hint": error.hint}
    told = {"message": error.message, "extensions": {"code": error.code, **hint, **error.details}}
    lenient = isinstance(error, DocumentRefused) and media == JSON
    return _response({"errors": [told]}, media, 200 if lenient else error.status)


def _response(body: dict[str, Any], media: str, status: int) -> Response:
    return Response(rendered(body), status, {"content-type": f"{media}; charset=utf-8"})
