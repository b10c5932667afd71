"""The time of an operation is that of each event of a subscription."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator

import orjson
import pytest
import strawberry
from starlette.requests import ClientDisconnect
from starlette.types import Message

from aurum.graphql.deadlines import Connected
from aurum.graphql.errors import Errors
from aurum.graphql.execution import Schema
from tests.graphql.desk import Desk


@strawberry.type
class Query:
    @strawberry.field
    async def slow(self) -> int:
        await asyncio.sleep(60)
        return 1


@strawberry.type
class Event:
    place: int

    @strawberry.field
    async def text(self) -> str:
        await asyncio.sleep(60 if self.place == 1 else 0)
        return f"event {self.place}"


@strawberry.type
class Subscription:
    @strawberry.subscription
    async def events(self) -> AsyncGenerator[Event, None]:
        for place in range(3):
            await asyncio.sleep(0.15)  # the stream as a whole takes longer than an event may
            yield Event(place=place)


class Ended(Desk):
    cancelled = False

    def cancel(self) -> None:
        self.cancelled = True


@pytest.fixture
def schema() -> Schema:
    return Schema(query=Query, subscription=Subscription, extensions=[Errors])


async def test_an_operation_has_so_many_seconds(schema: Schema) -> None:
    context = Ended(seconds=0.05)
    result = await schema.execute("{ slow }", context_value=context)
    (error,) = result.errors
    assert error.extensions["code"] == "DEADLINE_EXCEEDED"
    assert result.data is None
    assert context.cancelled


async def test_an_event_has_so_many_seconds_and_the_stream_goes_on(schema: Schema) -> None:
    stream = schema.subscribe("subscription { events { text } }", context_value=Ended(seconds=0.1))
    answers = [orjson.loads(message.encoded) async for message in stream]
    assert [answers[0], answers[2]] == [{"data": {"events": {"text": f"event {place}"}}} for place in (0, 2)]
    assert answers[1]["errors"][0]["extensions"]["code"] == "DEADLINE_EXCEEDED"


async def test_a_timeout_of_something_else_is_an_error_of_its_field(schema: Schema) -> None:
    @strawberry.type
    class Failing:
        @strawberry.field
        async def slow(self) -> int | None:
            raise TimeoutError

    result = await Schema(query=Failing, extensions=[Errors]).execute("{ slow }", context_value=Desk(seconds=10))
    assert (result.data, result.errors[0].extensions["code"]) == ({"slow": None}, "INTERNAL")


async def test_a_block_ends_when_the_client_goes_and_not_before() -> None:
    async def receive() -> Message:
        await asyncio.sleep(0.1)
        return {"type": "http.disconnect"}

    started = time.monotonic()
    with pytest.raises(ClientDisconnect):
        async with Connected(receive):
            await asyncio.sleep(60)
    assert time.monotonic() - started < 10
    async with Connected(receive):
        await asyncio.sleep(0.08)
    with pytest.raises(TimeoutError):
        async with Connected(receive):
            raise TimeoutError
