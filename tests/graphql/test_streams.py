"""Subscriptions as the schema executes them, before any transport."""

from __future__ import annotations

from contextlib import aclosing
from dataclasses import fields
from typing import Any, cast

import orjson
import pytest

from aurum.auth import Scope
from aurum.context import Context
from aurum.graphql.execution import Schema
from aurum.graphql.streams import Message, StreamEnded
from aurum.services import Services
from tests.published import DESK, NBP, TTF, Book, prices

PUBLISHED = "subscription($after: String) { curvePublished(after: $after) { cursor curve { key } } }"


def context_of(book: Book, *without: Scope) -> Context:
    given = {"database": book.database, "events": book.events, "metadata": book.metadata, "curves": book.curves}
    services = Services(**cast("Any", dict.fromkeys(each.name for each in fields(Services)) | given))
    principal = type(DESK)(DESK.tenant, DESK.name, DESK.scopes - set(without))
    return Context(principal, services, "request-1", 30.0)


async def messages(stream: Any, count: int) -> list[tuple[str | None, Any]]:
    found: list[Message] = []
    async with aclosing(stream):
        async for message in stream:
            found.append(message)
            if len(found) == count:
                break
    return [(message.cursor, orjson.loads(message.encoded)) for message in found]


def key(cursor: int, key: str) -> tuple[str, Any]:
    event = {"cursor": str(cursor), "curve": {"key": key}}
    return str(cursor), {"data": {"curvePublished": event}}


async def test_a_message_is_a_whole_response_with_the_cursor_of_its_event(book: Book, schema: Schema) -> None:
    await book.publish("2025-02-12", [(TTF, prices([30.0])), (NBP, prices([80.0]))])
    stream = schema.subscribe(PUBLISHED, context_value=context_of(book), variable_values={"after": "0"})
    assert await messages(stream, 2) == [key(1, "eugp:eu/dutch_ttf/gas"), key(2, "eugp:uk/nbp/gas")]


async def test_what_a_client_resumes_with_takes_the_place_of_its_after(book: Book, schema: Schema) -> None:
    await book.publish("2025-02-12", [(TTF, prices([30.0])), (NBP, prices([80.0]))])
    stream = schema.subscribe(PUBLISHED, context_value=context_of(book), variable_values={"after": "0"}, resume="1")
    assert await messages(stream, 1) == [key(2, "eugp:uk/nbp/gas")]


@pytest.mark.parametrize(
    ("query", "resume", "code"),
    [
        (PUBLISHED, "yesterday", "INVALID_CURSOR"),
        (PUBLISHED, "99", "INVALID_CURSOR"),
        ("subscription { curvePublished { price } }", None, "GRAPHQL_INVALID"),
        ("subscription { ingestionRun(id: 7) { cursor } }", None, "BAD_USER_INPUT"),
    ],
)
async def test_a_subscription_that_fails_ends_with_errors_that_are_told(
    book: Book, schema: Schema, query: str, resume: str | None, code: str
) -> None:
    with pytest.raises(StreamEnded) as ended:
        await messages(schema.subscribe(query, context_value=context_of(book), resume=resume), 1)
    assert [error["extensions"]["code"] for error in ended.value.errors] == [code]


async def test_who_may_not_read_curves_may_not_follow_them(book: Book, schema: Schema) -> None:
    with pytest.raises(StreamEnded) as ended:
        await messages(schema.subscribe(PUBLISHED, context_value=context_of(book, Scope.CURVES_READ)), 1)
    (error,) = ended.value.errors
    assert (error["path"], error["extensions"]["code"]) == (["curvePublished"], "FORBIDDEN")
