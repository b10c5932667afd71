"""PostgreSQL is killed while curves are published: subscribers come back with their cursors, and missed nothing."""

from __future__ import annotations

import asyncio
from contextlib import aclosing, suppress
from pathlib import Path

import orjson
from pydantic import SecretStr

from aurum.context import Context
from aurum.errors import Unavailable
from aurum.graphql.execution import Schema
from aurum.graphql.streams import StreamEnded
from aurum.schema import create_schema
from aurum.services import Services, open_services
from aurum.settings import DatabaseSettings, GraphQLSettings, Settings
from tests.published import DESK, TTF, Book, prices
from tests.servers import PostgreSQL

QUERY = """subscription($after: String) { curvePublished(after: $after) {
    cursor asOf version curve { key } snapshot { version columns { mid } } } }"""


class Subscriber:
    """Follows, and comes back with the cursor of what it has heard whenever it is told that it cannot go on."""

    def __init__(self, services: Services, schema: Schema) -> None:
        self.heard: list[tuple[str, int, list[float]]] = []
        self.cursor = "0"
        self.cuts = 0
        self._context = Context(DESK, services, "subscriber", 30.0)
        self._schema = schema

    async def follow(self, patience: int) -> None:
        """At most so many messages on one connection."""
        while True:
            with suppress(StreamEnded):
                await self._connection(patience)
            self.cuts += 1
            await asyncio.sleep(0.05)

    async def _connection(self, patience: int) -> None:
        stream = self._schema.subscribe(QUERY, context_value=self._context, variable_values={"after": self.cursor})
        async with aclosing(stream):
            async for message in stream:
                answer = orjson.loads(message.encoded)
                assert "errors" not in answer
                event = answer["data"]["curvePublished"]
                assert event["version"] == event["snapshot"]["version"]
                assert int(event["cursor"]) == int(self.cursor) + 1
                self.heard.append((event["curve"]["key"], event["version"], event["snapshot"]["columns"]["mid"]))
                self.cursor = event["cursor"]
                patience -= 1
                if not patience:
                    return


async def publish(book: Book, count: int) -> None:
    """A version of a curve each time; what is not known to be committed is published again."""
    for number in range(count):
        while True:
            try:
                at = f"2025-02-13 {number // 60:02}:{number % 60:02}"
                await book.publish("2025-02-12", [(TTF, prices([30.0 + number]))], at)
                break
            except Unavailable:
                await asyncio.sleep(0.1)
        await asyncio.sleep(0.05)


async def test_a_database_that_is_killed_costs_no_event(
    killable_postgresql_server: PostgreSQL, killable_postgresql_url: str, tmp_path: Path
) -> None:
    settings = Settings(home=tmp_path, database=DatabaseSettings(url=SecretStr(killable_postgresql_url)))
    async with open_services(settings) as here, open_services(settings) as there:
        schema, book = create_schema(GraphQLSettings()), Book(there.database)
        book.events, book.metadata, book.curves = there.events, there.metadata, there.curves
        subscribers = [Subscriber(here, schema) for _ in range(10)]
        tasks = [asyncio.create_task(each.events.watch()) for each in (here, there)]
        tasks += [asyncio.create_task(each.follow(5 + 20 * n)) for n, each in enumerate(subscribers)]
        publishing = asyncio.create_task(publish(book, 80))
        for _ in range(2):
            await asyncio.sleep(1)
            killable_postgresql_server.kill()
            await asyncio.sleep(0.5)
            killable_postgresql_server.start()
        await asyncio.wait_for(publishing, 60)
        async with asyncio.timeout(30):
            while min(len(each.heard) for each in subscribers) < 80:  # noqa: ASYNC110  there is no event for it
                await asyncio.sleep(0.05)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    for each in subscribers:
        assert each.heard == [("eugp:eu/dutch_ttf/gas", n + 1, [30.0 + n]) for n in range(80)]
    assert subscribers[0].cuts > 10
