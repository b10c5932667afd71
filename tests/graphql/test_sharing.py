"""However many subscribe, an event is chosen, executed and encoded once for all who ask alike."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection
from contextlib import aclosing, suppress
from datetime import timedelta
from typing import Any

import orjson
import pytest
from graphql import parse

from aurum.auth import Scope
from aurum.backends.retention import Retention
from aurum.errors import Unavailable
from aurum.graphql import sharing
from aurum.graphql.execution import Schema
from aurum.graphql.streams import Message, StreamEnded, cursor_variables
from tests.graphql.test_streams import context_of, messages
from tests.published import DESK, GERMAN, NBP, RIVAL, TTF, Book, prices

PRICES = """subscription($after: String, $filter: CurveFilter) { curvePublished(after: $after, filter: $filter) {
    cursor curve { key } snapshot { columns { mid } } } }"""
GAS = {"products": ["gas"]}


@pytest.fixture
def statements(book: Book) -> list[str]:
    seen: list[str] = []
    book.database.observe(lambda connection, cursor, statement, *_: seen.append(statement))
    return seen


class Audience:
    """Subscribers, each in a task of its own."""

    def __init__(self, schema: Schema, book: Book, query: str = PRICES) -> None:
        self._schema, self._book, self._query = schema, book, query
        self.heard: list[list[Message]] = []
        self.tasks: list[asyncio.Task[None]] = []

    async def join(self, count: int, context: Any = None, **variables: Any) -> None:
        for _ in range(count):
            stream = self._schema.subscribe(
                self._query, context_value=context or context_of(self._book), variable_values=variables
            )
            self.heard.append([])
            self.tasks.append(asyncio.create_task(self._listen(stream, self.heard[-1])))
        async with asyncio.timeout(30):
            while self._followers() < len(self.tasks):  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        await asyncio.sleep(0.3)

    def _followers(self) -> int:
        return sum(tail.followers for tail in self._book.events._tails.values())

    async def _listen(self, stream: Any, heard: list[Message]) -> None:
        async with aclosing(stream):
            async for message in stream:
                heard.append(message)  # noqa: PERF401  it never ends

    async def hears(self, count: int) -> None:
        async with asyncio.timeout(20):
            while min(map(len, self.heard)) < count:  # noqa: ASYNC110  many lists, and no event for them
                await asyncio.sleep(0.01)

    async def leave(self) -> None:
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)


@pytest.fixture
async def audience(schema: Schema, book: Book) -> AsyncIterator[Audience]:
    opened = Audience(schema, book)
    yield opened
    await opened.leave()


async def test_a_thousand_idle_subscribers_cost_no_query(book: Book, audience: Audience, statements: list[str]) -> None:
    await audience.join(1000, filter=GAS)
    statements.clear()
    await asyncio.sleep(0.5)
    assert statements == []


async def test_two_hundred_subscribers_of_an_event_cost_what_one_does(
    book: Book, audience: Audience, statements: list[str]
) -> None:
    async def cost(mid: float) -> int:
        heard = len(audience.heard[0])
        await book.publish("2025-02-12", [(TTF, prices([mid]))])
        before = len(statements)
        await audience.hears(heard + 1)
        return len(statements) - before

    await audience.join(1, filter=GAS)
    await book.publish("2025-02-11", [(TTF, prices([29.0]))])
    await audience.hears(1)
    alone = await cost(30.0)
    audience.heard[0].clear()
    await audience.join(199, filter=GAS)
    assert await cost(31.0) <= alone
    encoded = {id(heard[0].encoded) for heard in audience.heard}
    assert len(encoded) == 1, "the very same bytes"


async def test_who_comes_back_shares_with_who_followed_live(
    book: Book, audience: Audience, statements: list[str]
) -> None:
    await audience.join(1)
    await book.publish("2025-02-12", [(TTF, prices([30.0])), (NBP, prices([80.0]))])
    await audience.hears(2)
    statements.clear()
    await audience.join(50, after="0")
    await audience.join(50, after="1")
    await audience.hears(1)
    assert [[message.cursor for message in heard] for heard in audience.heard] == [["1", "2"]] * 51 + [["2"]] * 50
    assert not [each for each in statements if "snapshots" in each or "curves" in each]


async def test_each_distinct_selection_and_filter_gets_its_own(schema: Schema, book: Book, audience: Audience) -> None:
    keys = Audience(schema, book, "subscription { curvePublished { curve { key } } }")
    await audience.join(2, filter=GAS)
    await audience.join(2, filter={"products": ["power"]})
    await keys.join(2)
    await book.publish("2025-02-12", [(TTF, prices([30.0])), (GERMAN, prices([90.0]))])
    await audience.hears(1)
    await keys.hears(2)
    told = [[orjson.loads(message.encoded)["data"]["curvePublished"] for message in heard] for heard in audience.heard]
    assert [[each["snapshot"]["columns"]["mid"] for each in heard] for heard in told] == [[[30.0]]] * 2 + [[[90.0]]] * 2
    assert orjson.loads(keys.heard[0][1].encoded)["data"] == {
        "curvePublished": {"curve": {"key": "eugp:eu/german/power/base"}}
    }
    await keys.leave()


async def test_other_tenants_and_other_scopes_share_nothing(schema: Schema, book: Book) -> None:
    query = 'subscription { curvePublished(after: "0") { cursor snapshot { run { id } } curve { key } } }'
    await book.publish("2025-02-12", [(TTF, prices([30.0]))])
    await book.publish("2025-02-12", [(NBP, prices([80.0]))], principal=RIVAL)
    ours, theirs = context_of(book), context_of(book)
    theirs.principal = RIVAL
    for context, key in ((ours, "eugp:eu/dutch_ttf/gas"), (theirs, "eugp:uk/nbp/gas")):
        ((_, answer),) = await messages(schema.subscribe(query, context_value=context), 1)
        assert answer["data"]["curvePublished"]["curve"] == {"key": key}
    blind = context_of(book, Scope.CURVES_READ)
    with pytest.raises(StreamEnded, match="curves:read"):
        await messages(schema.subscribe(query, context_value=blind), 1)


async def test_who_has_little_time_takes_none_from_others(
    schema: Schema, book: Book, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An event that is not told in time ends the subscription of who gave it as little, and is lost to nobody."""
    await book.publish("2025-02-12", [(TTF, prices([30.0]))])
    versions = book.curves.versions

    async def slow(*given: Any) -> Any:
        await asyncio.sleep(0.3)
        return await versions(*given)

    monkeypatch.setattr(book.curves, "versions", slow)
    hasty, patient = context_of(book), context_of(book)
    hasty.seconds = 0.1
    with pytest.raises(StreamEnded) as ended:
        await messages(schema.subscribe(PRICES, context_value=hasty, resume="0"), 1)
    assert ended.value.errors[0]["extensions"]["code"] == "DEADLINE_EXCEEDED"
    ((_, answer),) = await messages(schema.subscribe(PRICES, context_value=patient, resume="0"), 1)
    assert answer["data"]["curvePublished"]["snapshot"]["columns"]["mid"] == [30.0]


async def test_what_a_subscription_begins_with_is_not_older_than_a_minute(
    schema: Schema, book: Book, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A unit changes without an event."""
    query = 'subscription { curve(key: "eugp:eu/dutch_ttf/gas") { curve { unit { code } } } }'
    await book.publish("2025-02-12", [(TTF, prices([30.0]))])
    await messages(schema.subscribe(query, context_value=context_of(book)), 1)
    (curve,) = (await book.metadata.by_key(DESK, ["eugp:eu/dutch_ttf/gas"])).values()
    await book.metadata.set_unit(DESK, curve.id, "EUR", "therm", "as the contract says")
    monkeypatch.setattr(sharing, "_FRESH_SECONDS", 0.0)
    ((_, answer),) = await messages(schema.subscribe(query, context_value=context_of(book)), 1)
    assert answer["data"]["curve"]["curve"]["unit"] == {"code": "therm"}


async def test_what_a_filter_has_chosen_is_not_older_than_a_minute(
    schema: Schema, book: Book, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A review of a curve is no event of it."""
    await book.publish("2025-02-12", [(TTF, prices([30.0]))])
    query = 'subscription { curvePublished(after: "0", filter: {products: ["gas"], reviewed: %s}) { cursor } }'
    unreviewed, reviewed = query % "false", query % "true"

    async def answered(query: str) -> bool:
        with suppress(TimeoutError):
            async with asyncio.timeout(0.5):
                return bool(await messages(schema.subscribe(query, context_value=context_of(book)), 1))
        return False

    assert [await answered(unreviewed), await answered(reviewed)] == [True, False]
    (curve,) = (await book.metadata.by_key(DESK, ["eugp:eu/dutch_ttf/gas"])).values()
    await book.metadata.review(DESK, [curve.id], "it is what it says")
    monkeypatch.setattr(sharing, "_FRESH_SECONDS", 0.0)
    assert [await answered(unreviewed), await answered(reviewed)] == [False, True]


async def test_what_is_kept_of_subscribers_is_not_what_they_sent(schema: Schema, book: Book) -> None:
    """Nor does it matter what they sent that the document does not ask for."""
    await book.publish("2025-02-12", [(TTF, prices([30.0]))])
    query = PRICES + " " * 50_000
    for number in range(3):
        unknown = {"unknown": [number, "x" * 200_000], "file": object()}
        stream = schema.subscribe(query, context_value=context_of(book), variable_values=unknown, resume="0")
        await messages(stream, 1)
    kept = list(schema._sharing._messages._values)
    assert len(kept) == 1
    assert len(repr(kept)) < 1000


async def test_an_event_shows_the_version_it_names(schema: Schema, book: Book) -> None:
    """Also to who comes late: not the newest one."""
    for hour, mid in ((10, 30.0), (11, 31.0), (12, 32.0)):
        await book.publish("2025-02-12", [(TTF, prices([mid]))], f"2025-02-12 {hour}:00")
    stream = schema.subscribe(PRICES, context_value=context_of(book), variable_values={"after": "0"})
    told = [answer["data"]["curvePublished"]["snapshot"]["columns"]["mid"] for _, answer in await messages(stream, 3)]
    assert told == [[30.0], [31.0], [32.0]]


async def test_what_was_read_for_one_event_is_read_again_for_the_next(
    schema: Schema, book: Book, audience: Audience
) -> None:
    units = Audience(schema, book, "subscription { curvePublished { curve { unit { code } } } }")
    await units.join(1)
    await book.publish("2025-02-12", [(TTF, prices([30.0]))])
    await units.hears(1)
    curve = (await book.metadata.by_key(DESK, ["eugp:eu/dutch_ttf/gas"]))["eugp:eu/dutch_ttf/gas"]
    await book.metadata.set_unit(DESK, curve.id, "EUR", "therm", "as the contract says")
    await book.publish("2025-02-13", [(TTF, prices([31.0]))])
    await units.hears(2)
    told = [orjson.loads(message.encoded)["data"]["curvePublished"]["curve"]["unit"] for message in units.heard[0]]
    assert told[1] == {"code": "therm"} != told[0]
    await units.leave()


async def test_an_event_is_not_lost_to_an_outage(
    schema: Schema, book: Book, audience: Audience, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An answer whose field says UNAVAILABLE would be the event's last word."""
    versions, failures = book.curves.versions, 3

    async def failing(*given: Any) -> Any:
        nonlocal failures
        failures -= 1
        if failures >= 0:
            raise Unavailable("the database is not available")
        return await versions(*given)

    monkeypatch.setattr(sharing, "_PAUSES", (0.01,) * 5)
    monkeypatch.setattr(book.curves, "versions", failing)
    await audience.join(20)
    await book.publish("2025-02-12", [(TTF, prices([30.0]))])
    await audience.hears(1)
    assert failures == -1
    assert b'"mid":[30.0]' in audience.heard[0][0].encoded


async def test_who_waits_too_long_for_the_database_is_told_and_comes_back_with_its_cursor(
    schema: Schema, book: Book, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(*_: Any) -> Any:
        raise Unavailable("the database is not available", hint="Try again.")

    await book.publish("2025-02-12", [(TTF, prices([30.0]))])
    with monkeypatch.context() as patch:
        patch.setattr(sharing, "_PAUSES", (0.01,))
        patch.setattr(book.curves, "versions", away)
        with pytest.raises(StreamEnded) as ended:
            await messages(schema.subscribe(PRICES, context_value=context_of(book), resume="0"), 1)
    (error,) = ended.value.errors
    assert error["extensions"] == {"code": "UNAVAILABLE", "hint": "Try again."}
    ((cursor, _),) = await messages(schema.subscribe(PRICES, context_value=context_of(book), resume="0"), 1)
    assert cursor == "1"


async def test_nothing_is_left_of_subscribers_that_go_away(book: Book, audience: Audience) -> None:
    before = len(asyncio.all_tasks())
    await audience.join(30, filter=GAS)
    assert book.events._bus.topics() == {"desk"}
    await audience.leave()
    await asyncio.sleep(0.1)
    assert len(asyncio.all_tasks()) == before
    assert (book.events._bus.topics(), book.events._tails) == (set(), {})


async def test_one_who_goes_away_while_all_wait_takes_nothing_along(book: Book, audience: Audience) -> None:
    await audience.join(20, filter=GAS)
    await book.publish("2025-02-12", [(TTF, prices([30.0]))])
    await asyncio.sleep(0)
    audience.tasks.pop(0).cancel()
    audience.heard.pop(0)
    await audience.hears(1)


async def test_what_is_no_longer_kept_is_told_with_what_to_do(schema: Schema, book: Book) -> None:
    await book.publish("2025-02-12", [(TTF, prices([30.0])), (NBP, prices([80.0]))])
    await Retention(book.database).prune(book.now() + timedelta(days=1))
    with pytest.raises(StreamEnded) as ended:
        await messages(schema.subscribe(PRICES, context_value=context_of(book), resume="1"), 1)
    (error,) = ended.value.errors
    assert (error["extensions"]["code"], error["extensions"]["oldest"]) == ("CURSOR_TOO_OLD", "2")
    head = await schema.execute("{ eventHead }", context_value=context_of(book))
    assert head.data == {"eventHead": "2"}
    await book.publish("2025-02-13", [(TTF, prices([31.0]))])
    ((cursor, _),) = await messages(schema.subscribe(PRICES, context_value=context_of(book), resume="2"), 1)
    assert cursor == "3"


@pytest.mark.parametrize(
    ("query", "free"),
    [
        ("subscription($a: String) { curvePublished(after: $a) { cursor } }", {"a"}),
        ("subscription($a: String, $b: [String!]) { curvePublished(after: $a, filter: {keys: $b}) { cursor } }", {"a"}),
        ("subscription($a: String) { curvePublished(after: $a) { curve { snapshots(after: $a) { id } } } }", set()),
        ("subscription($a: String) { curve(key: $a, after: $a) { cursor } }", set()),
        ('subscription { curvePublished(after: "5") { cursor } }', set()),
    ],
)  # fmt: skip
def test_a_variable_that_is_but_a_cursor_keeps_nobody_apart(query: str, free: Collection[str]) -> None:
    assert cursor_variables(parse(query)) == free
