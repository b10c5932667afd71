"""One curve, followed from change to change: what a client adds up is what the snapshot says, to the bit."""

from __future__ import annotations

import asyncio
import random
from contextlib import aclosing
from datetime import date
from typing import Any

import numpy as np
import orjson
import pytest

from aurum.curves.model import CurvePrices
from aurum.graphql.columnar.records import rendered
from aurum.graphql.execution import Schema
from aurum.graphql.streams import StreamEnded
from aurum.market.periods import Tenor, TenorGrid, TenorType, months_from
from tests.graphql.test_streams import context_of, messages
from tests.published import NBP, TTF, Book, months, prices

KEY = "eugp:eu/dutch_ttf/gas"
POINT = "tenor tenorType deliveryStart deliveryEnd mid bid ask withheld"
FOLLOW = f"""subscription($key: String!, $after: String) {{ curve(key: $key, after: $after) {{
    cursor asOf version previousAsOf previousVersion
    snapshot {{ points {{ {POINT} }} }} points {{ kind {POINT} }} }} }}"""
NOW = f'{{ curve(key: "{KEY}") {{ snapshot {{ asOf version points {{ {POINT} }} }} }} }}'
VERSIONS = f'{{ curve(key: "{KEY}") {{ versions(asOf: "DAY") {{ asOf version points {{ {POINT} }} }} }} }}'
CALENDARS = [Tenor(f"Calendar {year}", TenorType.CALENDAR, months_from(year, 1, 12)) for year in (2026, 2027)]
WINTERS = [Tenor(label, TenorType.SEASON, months_from(2025, 11, 5)) for label in ("Winter 2026", "Winter 2025/26")]
TYPES = [each.value for each in TenorType]
Stands = tuple[str | None, int | None]


class Client:
    """A program that keeps a curve by what it is told. It begins behind a cursor, or with the snapshot."""

    def __init__(self, cursor: str | None = None) -> None:
        self.cursor = cursor
        self.history: list[Stands] = [(None, None)]
        self._points: dict[Any, dict[str, Any]] = {}

    @property
    def stands(self) -> Stands:
        return self.history[-1]

    def hear(self, change: dict[str, Any]) -> None:
        if self.cursor is None:
            assert change["points"] == []
            self._points = {_place(point): point for point in (change["snapshot"] or {"points": []})["points"]}
        else:
            assert int(change["cursor"]) > int(self.cursor)
            assert ((change["previousAsOf"], change["previousVersion"]), change["snapshot"]) == (self.stands, None)
            self._apply(change["points"])
        self.cursor = change["cursor"]
        self.history.append((change["asOf"], change["version"]))

    def _apply(self, points: list[dict[str, Any]]) -> None:
        for point in points:
            kind, before = point.pop("kind"), self._points.pop(_place(point), None)
            assert (before is None) == (kind == "ADDED")
            assert before != point
            if kind != "REMOVED":
                self._points[_place(point)] = point

    @property
    def points(self) -> bytes:
        order = sorted(self._points, key=lambda place: (TYPES.index(place[0]), *place[1:]))
        return orjson.dumps([self._points[place] for place in order])


def _place(point: dict[str, Any]) -> tuple[str, str, str]:
    return point["tenorType"], point["deliveryStart"], point["deliveryEnd"]


async def listen(schema: Schema, book: Book, client: Client, most: int) -> None:
    """On one connection, until the client has heard so many changes."""
    variables = {"key": KEY, "after": client.cursor}
    stream = schema.subscribe(FOLLOW, context_value=context_of(book), variable_values=variables)
    async with aclosing(stream):
        async for message in stream:
            client.hear(orjson.loads(message.encoded)["data"]["curve"])
            assert message.cursor == client.cursor
            most -= 1
            if not most:
                return


async def catch_up(
    schema: Schema, book: Book, client: Client, last: Stands, truth: dict[Stands, bytes], patience: int
) -> None:
    """Until it stands at the last snapshot; after every `patience` changes it comes back on a new connection."""
    while client.stands != last:
        for _ in range(patience):
            if client.stands != last:
                await asyncio.wait_for(listen(schema, book, client, 1), 10)
                assert client.points == truth[client.stands]


async def answer(schema: Schema, book: Book, query: str) -> dict[str, Any]:
    result = await schema.execute(query, context_value=context_of(book))
    assert result.errors is None
    curve: dict[str, Any] = orjson.loads(rendered(result.data))["curve"]
    return curve


def any_prices(dice: random.Random) -> CurvePrices:
    """Of grids that overlap, with quotes that are missing, in quarantine, or the same but for the last bit."""
    tenors = months(date(2025, dice.choice([2, 3]), 1), dice.randint(1, 4))
    grid = TenorGrid([*tenors, *dice.sample(CALENDARS, dice.randint(0, 2)), *dice.sample(WINTERS, dice.randint(0, 1))])
    some = [30.0, 30.1, float(np.nextafter(30.1, 31)), 0.0, -0.0, -12.5, 1e-300, np.nan]
    mid, bid, ask = (np.array([dice.choice(some) for _ in grid]) for _ in range(3))
    quoted = CurvePrices(grid, mid, dice.choice([bid, None]), dice.choice([ask, None]))
    return quoted.without([at for at in range(len(grid)) if dice.random() < 0.2])


@pytest.mark.parametrize("seed", range(4))
async def test_what_a_client_adds_up_is_every_next_snapshot(book: Book, schema: Schema, seed: int) -> None:
    """New days, restatements of the newest day and of older ones, files that come late, and the same ones again."""
    dice = random.Random(seed)
    known = [any_prices(dice) for _ in range(8)]
    await book.publish("2025-02-11", [(NBP, known[0])])
    live, ancient, late = Client(), Client("0"), Client()
    await book.publish("2025-02-11", [(TTF, known[1])])
    await listen(schema, book, live, 1)
    newest: list[Stands] = []
    for turn in range(30):
        as_of, at = f"2025-02-{dice.randint(11, 14)}", f"2025-02-15 {dice.randint(10, 23)}:00"
        await book.publish(as_of, [(dice.choice([TTF, TTF, NBP]), dice.choice(known))], at)
        snapshot = (await answer(schema, book, NOW))["snapshot"]
        newest.append((snapshot["asOf"], snapshot["version"]))
        if turn == 15:
            await listen(schema, book, late, 1)
            assert (late.stands, late.points) == (newest[-1], orjson.dumps(snapshot["points"]))
    truth = {
        (day["asOf"], day["version"]): orjson.dumps(day["points"])
        for number in range(11, 15)
        for day in (await answer(schema, book, VERSIONS.replace("DAY", f"2025-02-{number}")))["versions"]
    }
    for client in (live, ancient, late):
        await catch_up(schema, book, client, newest[-1], truth, dice.randint(1, 5))
    assert ancient.history[1:] == live.history[1:] == sorted(set(live.history[1:]), key=live.history.index)
    assert late.history[1:] == live.history[live.history.index(late.history[1]) :]
    assert set(newest) <= set(live.history)


async def test_a_curve_is_followed_from_before_it_had_prices(book: Book, schema: Schema) -> None:
    async with book.database.write() as transaction:
        await book.metadata.register(transaction, context_of(book).principal, [TTF], book.now())
    client = Client()
    await listen(schema, book, client, 1)
    assert (client.cursor, client.stands, client.points) == ("0", (None, None), b"[]")
    await book.publish("2025-02-12", [(TTF, prices([30.0, 31.0]))])
    await listen(schema, book, client, 1)
    assert (client.cursor, client.stands) == ("1", ("2025-02-12", 1))
    assert [point["mid"] for point in orjson.loads(client.points)] == [30.0, 31.0]


async def test_only_what_changed_is_sent(book: Book, schema: Schema) -> None:
    await book.publish("2025-02-12", [(TTF, prices([30.0, 31.0, 32.0]))])
    await book.publish("2025-02-13", [(TTF, prices([30.0, 31.5], first=date(2025, 3, 1)))])
    query = FOLLOW.replace(POINT, "tenor mid")
    stream = schema.subscribe(query, context_value=context_of(book), variable_values={"key": KEY, "after": "1"})
    ((_, answer),) = await messages(stream, 1)
    assert answer["data"]["curve"]["points"] == [
        {"kind": "CHANGED", "tenor": "2025-04", "mid": 31.5},
        {"kind": "REMOVED", "tenor": "2025-05", "mid": None},
    ]


async def test_a_curve_that_there_is_not_cannot_be_followed(book: Book, schema: Schema) -> None:
    stream = schema.subscribe(FOLLOW, context_value=context_of(book), variable_values={"key": "eugp:no/where"})
    with pytest.raises(StreamEnded) as ended:
        await messages(stream, 1)
    assert [error["extensions"]["code"] for error in ended.value.errors] == ["NOT_FOUND"]
