"""The time of an operation is that of each event of a subscription."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import suppress

import orjson
import pytest
import strawberry
from starlette.requests import ClientDisconnect
from starlette.types import Message

from aurum.graphql.deadlines import timely
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


async def test_an_operation_ends_when_its_client_goes_and_not_before() -> None:
    async def receive() -> Message:
        await asyncio.sleep(0.1)
        return {"type": "http.disconnect"}

    started, context = time.monotonic(), Ended(seconds=30)
    with pytest.raises(ClientDisconnect):
        await timely(asyncio.sleep(60), context, receive)
    assert context.cancelled
    assert time.monotonic() - started < 10
    assert await timely(asyncio.sleep(0.08, "answered"), Ended(seconds=30), receive) == "answered"


async def test_what_an_operation_raises_itself_is_raised() -> None:
    async def failing(error: BaseException) -> None:
        await asyncio.sleep(0)
        raise error

    for error in (TimeoutError(), asyncio.CancelledError(), ValueError()):
        with pytest.raises(type(error)):
            await timely(failing(error), Ended(seconds=30))


async def test_an_operation_that_somebody_else_ends_is_not_late() -> None:
    asked = asyncio.create_task(timely(asyncio.sleep(60), Ended(seconds=30)))
    await asyncio.sleep(0)
    asked.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asked


async def test_a_late_operation_and_its_task_can_go_on() -> None:
    """It was not the task that was to end: a second operation of it has all its time."""

    async def stubborn() -> str:
        with suppress(asyncio.CancelledError):
            await asyncio.sleep(60)
        return "answered"

    assert await timely(stubborn(), Ended(seconds=0.02)) == "answered"
    (error,) = (await timely(asyncio.sleep(60), Ended(seconds=0.02))).errors
    assert error.original_error.code == "DEADLINE_EXCEEDED"
    assert await timely(asyncio.sleep(0.05, "answered"), Ended(seconds=30)) == "answered"
    task = asyncio.current_task()
    assert task is not None
    assert not task.cancelling()


async def test_of_many_operations_each_has_its_own_time() -> None:
    seconds = [0.3, 0.02, 30, 0.1, 0.02, 0.2]
    ended: list[float] = []

    async def one(allowed: float) -> None:
        result = await timely(asyncio.sleep(0.5), Ended(seconds=allowed))
        ended.append(allowed)
        assert (result is None) == (allowed == 30)

    await asyncio.gather(*map(one, seconds))
    assert ended == sorted(seconds)
