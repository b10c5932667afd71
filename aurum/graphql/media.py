"""In which media type an answer is given, and with which status."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from starlette.responses import Response
from starlette.types import Receive, Scope, Send
from strawberry.types.execution import ExecutionResult, PreExecutionError

from aurum.errors import AurumError
from aurum.graphql.columnar.records import rendered
from aurum.graphql.refused import DocumentRefused

JSON = "application/json"
GRAPHQL = "application/graphql-response+json"
ARROW = "application/vnd.apache.arrow.stream"
_ANY = ("application/*", "*/*")
_RANGES = {JSON: (JSON, *_ANY), GRAPHQL: (GRAPHQL, *_ANY), ARROW: (ARROW,)}  # that name each, the narrowest first


class NotAcceptable(AurumError):
    code = "NOT_ACCEPTABLE"
    status = 406


@lru_cache(maxsize=256)
def negotiated(accept: str | None, *, tables: bool = True) -> str:
    """The media type that `Accept` prefers, `application/json` where it says nothing. Raises NotAcceptable.

    `tables`: it may be ARROW. Of the same quality the first that is named, JSON before others in the same range.
    """
    none = (0.0, 0)
    said: dict[str, tuple[float, int]] = {}
    for place, each in enumerate((accept or JSON).lower().split(",")):
        name, *parameters = (part.strip() for part in each.split(";"))
        said[name] = max(said.get(name, none), (quality_of(parameters), -place))
    known = {
        media: next((said[name] for name in ranges if name in said), none)
        for media, ranges in _RANGES.items()
        if tables or media != ARROW
    }
    best = max(known, key=lambda media: known[media])
    if not known[best][0]:
        raise NotAcceptable(f"answers are {GRAPHQL}, {JSON} or {ARROW}", hint="Say so in `Accept`, or leave it out.")
    return best


def quality_of(parameters: list[str]) -> float:
    """From 0, not accepted, to 1."""
    for each in parameters:
        name, _, value = each.partition("=")
        if name == "q":
            try:
                return max(0.0, min(float(value), 1.0))  # 0 for NaN
            except ValueError:
                return 0.0
    return 1.0


def failed(result: ExecutionResult) -> Response:
    """In place of a table, where there are errors: what is there but for them is not told."""
    errors = [error.formatted for error in result.errors or ()]
    if isinstance(result, PreExecutionError):
        return _response({"errors": errors}, GRAPHQL, 400)
    code = str(errors[0].get("extensions", {}).get("code"))
    return _response({"errors": errors, "data": None}, GRAPHQL, dict(_statuses(AurumError)).get(code, 500))


def _statuses(kind: type[AurumError]) -> Iterator[tuple[str, int]]:
    yield kind.code, kind.status
    for each in kind.__subclasses__():
        yield from _statuses(each)


class Answer:
    """What a JSON response is over ASGI: Starlette's takes ten times as long to be made."""

    def __init__(self, body: bytes, status: int, media: str) -> None:
        self.body = body
        self.status = status
        self.headers = [(b"content-length", b"%d" % len(body)), (b"content-type", _declared(media))]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status, "headers": self.headers})
        await send({"type": "http.response.body", "body": self.body})


@lru_cache(maxsize=16)
def _declared(media: str) -> bytes:
    return f"{media}; charset=utf-8".encode()


def answered(result: ExecutionResult, media: str, extensions: dict[str, Any]) -> Answer:
    """Without `data` where nothing was executed."""
    refused = isinstance(result, PreExecutionError)
    body: dict[str, Any] = {} if refused else {"data": result.data}
    if result.errors:
        body["errors"] = [error.formatted for error in result.errors]
    if extensions:
        body["extensions"] = extensions
    return Answer(rendered(body), 400 if refused and media == GRAPHQL else 200, media)


def refusal(error: AurumError, media: str) -> Response:
    """Of a request of which nothing was executed."""
    media = GRAPHQL if media == ARROW else media
    hint = {} if error.hint is None else {"hint": error.hint}
    told = {"message": error.message, "extensions": {"code": error.code, **hint, **error.details}}
    lenient = isinstance(error, DocumentRefused) and media == JSON
    return _response({"errors": [told]}, media, 200 if lenient else error.status)


def _response(body: dict[str, Any], media: str, status: int) -> Response:
    return Response(rendered(body), status, {"content-type": f"{media}; charset=utf-8"})
