"""What a client asks for, read from GET or JSON (`uploads.py`: multipart), and refused where it has another form."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

import orjson
from starlette.requests import ClientDisconnect, Request
from starlette.types import Message, Receive, Scope, Send

from aurum.errors import AurumError, InvalidInput
from aurum.graphql.line import Line, line_of
from aurum.graphql.refused import DocumentRefused
from aurum.market.counts import counted
from aurum.settings import GraphQLSettings

MULTIPART = "multipart/form-data"
_MOST_NESTED = 32  # levels of the variables
_MOST_PATH = 500  # characters that are told of one
_MOST_HASH = 256
_MOST_PARAMETERS = 20
_SLOWEST = 16 * 1024  # bytes a second


class BadRequest(InvalidInput):
    code = "BAD_REQUEST"
    status = 400


class BatchRefused(BadRequest):
    code = "BATCH_REFUSED"


class PersistedQueryNotSupported(DocumentRefused):
    """The message is part of the protocol: clients then send the whole document."""

    code = "PERSISTED_QUERY_NOT_SUPPORTED"


class MethodNotAllowed(AurumError):
    code = "METHOD_NOT_ALLOWED"
    status = 405


class UnsupportedMediaType(AurumError):
    code = "UNSUPPORTED_MEDIA_TYPE"
    status = 415


class TooLarge(InvalidInput):
    code = "BODY_TOO_LARGE"
    status = 413


class TooSlow(BadRequest):
    code = "REQUEST_TIMEOUT"
    status = 408


class Incoming(Request):
    """A request whose headers are a dictionary, by lower-case names, for they are asked for many times.

    Of the same name the first, but of `Accept` all: they are one list.
    """

    headers: Mapping[str, str] = {}  # type: ignore[assignment]  # Starlette's walks through all of them

    def __init__(self, scope: Scope, receive: Receive) -> None:
        super().__init__(scope, receive)
        given: list[tuple[bytes, bytes]] = list(scope["headers"])
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in reversed(given)}
        if len(headers) < len(given) and "accept" in headers:
            headers["accept"] = b",".join(value for name, value in given if name == b"accept").decode("latin-1")
        self.headers = headers

    def bound(self, most: int, seconds: float) -> None:
        """See `bounded`. Before anything is read."""
        declared = self.headers.get("content-length", "0")
        self._receive = bounded(line_of(self.scope), self._receive, declared, most, seconds)

    async def body(self) -> bytes:
        """Read once. Raises ClientDisconnect."""
        if not hasattr(self, "_body"):
            self._body = await self._read()
        return self._body

    async def _read(self) -> bytes:
        parts, more = [], True
        while more:
            message = await self.receive()
            if message["type"] == "http.disconnect":
                raise ClientDisconnect
            parts.append(message.get("body", b""))
            more = message.get("more_body", False)
        return b"".join(parts)


@dataclass(frozen=True, slots=True)
class Asked:
    """Without `query` it names its document: by `document_id`, or by `digest`, the hash of a persisted query."""

    query: str
    operation_name: str | None = None
    variables: dict[str, Any] | None = None
    extensions: dict[str, Any] | None = None
    document_id: str | None = None
    digest: str | None = None


async def asked_of(request: Request, settings: GraphQLSettings) -> Asked:
    """Raises an AurumError where the request has not the form that GraphQL over HTTP gives it."""
    if request.method == "GET":
        if not settings.get:
            raise MethodNotAllowed("GET is switched off", hint="Send the query with POST.")
        return asked_for(_from_url(request), settings)
    if request.method != "POST":
        raise MethodNotAllowed(f"GraphQL is asked with GET or POST, not {request.method}")
    judge_encoding(request.headers)
    kind, charset = _content_type(request)
    if kind != "application/json" or charset not in ("utf-8", "utf8"):
        hint = "Send `Content-Type: application/json`; its charset is utf-8."
        raise UnsupportedMediaType("the body is not declared as JSON in UTF-8", hint=hint)
    return asked_for(decoded(await request.body(), "the body"), settings)


def judge_encoding(headers: Mapping[str, str]) -> None:
    """Raises UnsupportedMediaType: nobody knows how large a compressed body is before it is read."""
    if headers.get("content-encoding", "identity").lower() != "identity":
        raise UnsupportedMediaType("the body is compressed", hint="Send it without `Content-Encoding`.")


def asked_for(given: Any, settings: GraphQLSettings) -> Asked:
    """`given` is what JSON holds."""
    if isinstance(given, list):
        raise BatchRefused("a request is one operation, not a list of them", hint="Send them one by one.")
    if not isinstance(given, dict):
        raise BadRequest("a request is a JSON object")
    query, name = _of(given, "query", str) or "", _of(given, "operationName", str)
    document_id, digest = _of(given, "documentId", str), None
    variables, extensions = _of(given, "variables", dict), _of(given, "extensions", dict)
    if extensions and "persistedQuery" in extensions:
        digest = _digest(extensions["persistedQuery"])
    if document_id and query:
        raise BadRequest("a request has a `query` or a `documentId`, not both")
    if not (query or document_id or digest):
        raise BadRequest("the request has no `query`", hint="Or name a registered operation in `documentId`.")
    if len(query) > settings.max_document_kib * 1024:
        raise DocumentRefused(f"a document may have {settings.max_document_kib * 1024:,} characters")
    for what, values in (("variables", variables), ("extensions", extensions)):
        if values:
            _judge(what, values, settings)
    return Asked(query, name or None, variables, extensions, document_id or None, digest)


def decoded(text: bytes | str, what: str) -> Any:
    """JSON, strictly: neither NaN nor invalid UTF-8. Raises BadRequest."""
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise BadRequest(f"{what} is not JSON: {error.msg}") from error


def _of(given: dict[str, Any], name: str, kind: type) -> Any:
    value = given.get(name)
    if value is not None and not isinstance(value, kind):
        raise BadRequest(f"`{name}` has to be {'an object' if kind is dict else 'a string'} or null")
    return value


def _digest(persisted: Any) -> str:
    """Of Apollo's `extensions.persistedQuery`."""
    if not isinstance(persisted, dict) or persisted.get("version") != 1:
        raise BadRequest("of `persistedQuery`, version 1 is known")
    found = persisted.get("sha256Hash")
    if not isinstance(found, str) or not 0 < len(found) <= _MOST_HASH:
        raise BadRequest(f"`persistedQuery.sha256Hash` is not a text of 1 to {_MOST_HASH} characters")
    return found


_Place = tuple[str, Any] | None  # its name, and the place that it is in


def _judge(what: str, values: dict[str, Any], settings: GraphQLSettings) -> None:
    """Raises where they are nested too deep, hold a list that is too long, or are too large."""
    most, size = settings.max_list_items, 0
    waiting: list[tuple[Any, int, _Place]] = [(values, 0, None)]
    while waiting:
        value, depth, place = waiting.pop()
        if depth > _MOST_NESTED:
            raise DocumentRefused(f"the {what} have more than {_MOST_NESTED} levels", field=_path(place))
        if isinstance(value, dict):
            size += sum(map(len, value))
            if depth and len(value) > most:
                raise DocumentRefused(
                    f"an object in the {what} has more than {counted(most, 'member')}", field=_path(place)
                )
            waiting += [(each, depth + 1, (name, place)) for name, each in value.items()]
        elif isinstance(value, list):
            if len(value) > most:
                raise DocumentRefused(f"a list of the {what} has more than {counted(most, 'item')}", field=_path(place))
            waiting += [(each, depth + 1, (str(n), place)) for n, each in enumerate(value)]
        size += len(value) if isinstance(value, str) else 8
        if size > settings.max_variables_kib * 1024:
            raise TooLarge(f"{what} may have {settings.max_variables_kib:,} KiB")


def _path(place: _Place) -> str:
    names = []
    while place is not None:
        name, place = place
        names.append(name)
    return ".".join(reversed(names))[:_MOST_PATH]


def _from_url(request: Request) -> dict[str, Any]:
    try:
        raw = request.scope["query_string"].decode("ascii")
        found = parse_qsl(raw, True, errors="strict", max_num_fields=_MOST_PARAMETERS)
    except ValueError as error:
        raise BadRequest("the parameters of the address cannot be read") from error
    given: dict[str, Any] = dict(found)
    for name in ("variables", "extensions"):
        given[name] = decoded(given[name], f"`{name}`") if given.get(name) else None
    return given


def _content_type(request: Request) -> tuple[str, str]:
    kind, *parameters = request.headers.get("content-type", "").lower().split(";")
    named = dict(each.strip().partition("=")[::2] for each in parameters)
    return kind.strip(), named.get("charset", "utf-8").strip('"')


def bounded(line: Line, receive: Receive, declared: str, most: int, seconds: float) -> Receive:
    """Stops reading a body that is larger than `most` bytes, whatever its headers say, or that comes too slowly.

    It has `seconds`, and one more for each 16 KiB. What comes behind it, that the client has gone, has all the time
    there is. Raises TooLarge, TooSlow.
    """
    read, ended = 0, False
    started = asyncio.get_running_loop().time()
    if len(declared) > 18 or (declared.isdecimal() and int(declared) > most):
        raise TooLarge(f"the body of a request may have {most:,} bytes")

    async def receive_bounded() -> Message:
        nonlocal read, ended
        try:
            if ended or line.arrived:
                message = await receive()
            else:
                async with asyncio.timeout_at(started + seconds + read / _SLOWEST):
                    message = await receive()
        except TimeoutError as error:
            raise TooSlow("the body of the request did not come in time") from error
        read, ended = read + len(message.get("body", b"")), not message.get("more_body")
        if read > most:
            raise TooLarge(f"the body of a request may have {most:,} bytes")
        return message

    return receive_bounded


def with_header(send: Send, name: bytes, value: bytes) -> Send:
    """Adds a header to the response."""

    def sending(message: Message) -> Awaitable[None]:
        if message["type"] == "http.response.start":
            message["headers"] = [*message.get("headers", ()), (name, value)]
        return send(message)

    return sending
