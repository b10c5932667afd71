"""Answers of a subscription on one HTTP response: as Server-Sent Events, or as Apollo's multipart."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import orjson

from aurum.graphql.media import GRAPHQL, NotAcceptable, negotiated, quality_of
from aurum.graphql.streams import Message

Errors = Sequence[dict[str, Any]]
_STOPPING = orjson.dumps(
    {"message": "the server stops", "extensions": {"code": "SERVER_STOPPING", "hint": "Subscribe again."}}
)


class Format(Protocol):
    """The bytes of a response's body, part by part: `begin`, `message` for each, and `complete`.

    `stopping`, or what `cut` answers, where the server ends it before the operation has ended.
    """

    media: str
    begin: bytes
    beat: bytes
    complete: bytes
    stopping: bytes

    @staticmethod
    def message(message: Message) -> bytes: ...
    @staticmethod
    def failed(errors: Errors) -> bytes:
        """The operation has ended with these."""

    @staticmethod
    def cut(errors: Errors) -> bytes: ...


def event(name: str, data: bytes = b"", cursor: str | None = None) -> bytes:
    """Of Server-Sent Events: lines end with LF. `data` has to be one line."""
    marked = b"" if cursor is None else b"id: %b\n" % cursor.encode()
    return b"%bevent: %b\ndata:%b\n\n" % (marked, name.encode(), data and b" " + data)


class EventStream:
    """By the protocol of graphql-sse, distinct connections; the id of an event is its cursor, for `Last-Event-ID`."""

    media = "text/event-stream; charset=utf-8"
    begin = beat = b":\n\n"
    complete = event("complete")
    stopping = b""  # the end without `complete` says it: clients connect again

    @staticmethod
    def message(message: Message) -> bytes:
        return event("next", message.encoded, message.cursor)

    @staticmethod
    def failed(errors: Errors) -> bytes:
        return event("next", orjson.dumps({"errors": errors}))

    @staticmethod
    def cut(errors: Errors) -> bytes:
        return EventStream.failed(errors)


def _part(body: bytes) -> bytes:
    """With the boundary behind it: clients take a part as complete when they have seen the next boundary."""
    return b"\r\ncontent-type: application/json\r\n\r\n%b\r\n---" % body


class Multipart:
    """By Apollo's multipart protocol for subscriptions."""

    media = 'multipart/mixed; boundary="-"; subscriptionSpec=1.0'
    beat = _part(b"{}")
    begin = b"\r\n---" + beat
    complete = b"--\r\n"
    stopping = _part(b'{"payload":null,"errors":[%b]}' % _STOPPING) + complete

    @staticmethod
    def message(message: Message) -> bytes:
        return _part(b'{"payload":%b}' % message.encoded)

    @staticmethod
    def failed(errors: Errors) -> bytes:
        return _part(orjson.dumps({"payload": None, "errors": errors}))

    @staticmethod
    def cut(errors: Errors) -> bytes:
        return Multipart.failed(errors) + Multipart.complete


EVENT_STREAM: Format = EventStream()
_NAMED: dict[str, Format] = {"text/event-stream": EVENT_STREAM, "multipart/mixed": Multipart()}


def wanted(accept: str | None) -> Format | None:
    """What `Accept` prefers of the two; None where it names neither."""
    best: Format | None = None
    preferred = 0.0
    for each in (accept or "").lower().split(","):
        name, *parameters = (part.strip().replace('"', "") for part in each.split(";"))
        known = name != "multipart/mixed" or "subscriptionspec=1.0" in parameters
        format_ = _NAMED.get(name) if known else None
        if format_ is not None and (quality := quality_of(parameters)) > preferred:
            best, preferred = format_, quality
    return best


def error_media(accept: str | None) -> tuple[str, bool]:
    """In which media type errors are told, and whether one answer is accepted at all. Raises NotAcceptable."""
    try:
        return negotiated(accept), True
    except NotAcceptable:
        if wanted(accept) is None:
            raise
        return GRAPHQL, False
