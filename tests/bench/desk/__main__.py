"""make bench ARGS=desk: what a desk asks of 100 million points, beside plain SQL over a row per point, in one run.

Plain SQL is a statement that asyncpg has prepared, with its rows in Python. Aurum is asked twice: its use cases, which
answer the numbers as objects and arrays, and GraphQL, through the whole server but the socket, which answers JSON. Each
round asks everything some times in a row, each time of another curve, day or vendor: asked once between large questions
it takes up to four times as long, for the processor has forgotten the way. What a server has read of a day it keeps:
each question is of days of its own, and those that are to be answered from what is kept come after another one of the
same days. Before all of it the servers are asked for other days until what they keep is full.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import math
import random
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import date
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import asyncpg
import numpy as np
import orjson
import uvloop
from pydantic import SecretStr
from rich.console import Console
from rich.progress import track
from rich.table import Table
from starlette.types import ASGIApp

from aurum.app import create_app
from aurum.auth import local_principal
from aurum.backends.database import migrate
from aurum.backends.paging import PageRequest
from aurum.cli import COLLECTED_AFTER
from aurum.curves.aggregates import AggregateAsked
from aurum.curves.analytics.buckets import DeliveryBucket
from aurum.curves.analytics.movers import MoveMeasure
from aurum.curves.analytics.pools import Grouping
from aurum.curves.movers import MoversAsked
from aurum.curves.moves import SnapshotRef
from aurum.errors import InvalidInput
from aurum.market.periods import months_from
from aurum.metadata.model import CurveFilter
from aurum.services import Services, open_services
from aurum.settings import DatabaseSettings, Settings
from tests import servers
from tests.bench.desk import data
from tests.bench.peers.data import LAST_DAY, weekdays

SMALL, FULL = 40, 4_000  # curves: 1 million points, 100 million
_WARMING = 4  # rounds that do not count
DELIVERY = months_from(LAST_DAY.year + 1, 6, 1)  # every day of the year lists it
_POINTS = "points { tenor deliveryStart deliveryEnd mid bid ask }"
ONE = f"query ($key: String!, $asOf: Date!) {{ curve(key: $key) {{ key snapshot(asOf: $asOf) {{ asOf {_POINTS} }} }} }}"
HISTORY = """query ($key: String!, $start: Date!, $end: Date!) { curve(key: $key) { key
  history(delivery: {start: $start, end: $end}, asOf: {}) { points { asOf mid bid ask } } } }"""
DIFF = """query ($vendor: String!, $from: Date!, $to: Date!) { curves(filter: {vendors: [$vendor]}, first: 450) {
  nodes { key diff(from: {asOf: $from}, to: {asOf: $to}) { points { tenor fromMid toMid change } } } } }"""
MOVERS = """query ($vendor: String!, $from: Date!, $to: Date!) { movers(filter: {vendors: [$vendor]},
  from: {asOf: $from}, to: {asOf: $to}, first: 20) { nodes { curve { key } tenor fromMid toMid change } } }"""
AGGREGATE = """query ($vendor: String!, $asOf: Date!) { aggregate(filter: {vendors: [$vendor]},
  asOf: {first: $asOf, last: $asOf}, groupBy: {delivery: MONTH}, first: 100) { nodes { delivery { deliveryStart }
  count mean minimum maximum standardDeviation } } }"""
AGGREGATE_AGAIN = AGGREGATE.replace("MONTH", "QUARTER")
DERIVED = """query ($expression: String!, $asOf: Date!) { derivedCurve(expression: $expression, asOf: $asOf) {
  points { tenor deliveryStart deliveryEnd value } } }"""

_OF_VENDOR = "curve_id IN (SELECT id FROM desk.curve WHERE vendor = $1)"
SQL_ONE = """SELECT delivery_start, delivery_end, mid, bid, ask FROM desk.point JOIN desk.curve c ON c.id = curve_id
  WHERE c.key = $1 AND as_of = $2 ORDER BY kind, delivery_start"""
SQL_HISTORY = """SELECT as_of, mid, bid, ask FROM desk.point JOIN desk.curve c ON c.id = curve_id
  WHERE c.key = $1 AND delivery_start = $2 AND delivery_end = $3 ORDER BY as_of"""
SQL_DIFF = f"""SELECT curve_id, kind, delivery_start, a.mid, b.mid, b.mid - a.mid FROM
  (SELECT * FROM desk.point WHERE as_of = $2 AND {_OF_VENDOR}) a FULL JOIN
  (SELECT * FROM desk.point WHERE as_of = $3 AND {_OF_VENDOR}) b USING (curve_id, kind, delivery_start)"""
SQL_MOVERS = f"""SELECT DISTINCT ON (curve_id) * FROM ({SQL_DIFF}) AS d (curve_id, kind, delivery_start, a, b, change)
  WHERE change IS NOT NULL ORDER BY curve_id, abs(change) DESC"""
SQL_MOVERS = f"SELECT * FROM ({SQL_MOVERS}) AS best ORDER BY abs(change) DESC LIMIT 20"
SQL_AGGREGATE = f"""SELECT delivery_start, count(mid), avg(mid), min(mid), max(mid), stddev_samp(mid) FROM desk.point
  WHERE as_of = $2 AND kind = 0 AND {_OF_VENDOR} GROUP BY delivery_start ORDER BY delivery_start"""
SQL_AGGREGATE_AGAIN = SQL_AGGREGATE.replace(
    "delivery_start,", "date_trunc('quarter', delivery_start::timestamp) AS quarter,", 1
).replace("BY delivery_start", "BY quarter")
Ask = Callable[[str, dict[str, Any]], Awaitable[bytes]]
Way = Callable[["Draw"], Awaitable[Any]]
Taken = dict[str, list[float]]
# What is asked, and how many times as fast as plain SQL it should be.
BESIDE_SQL = {
    "one": ("one curve", None),
    "history": ("a month over 250 days", 1.0),
    "same history": ("the same month once more", 1.0),
    "diff": ("450 curves from day to day, every point", 5.0),
    "diff as JSON": ("the same, beside plain SQL and its JSON", 5.0),
    "movers": ("450 curves from day to day, the 20 biggest", 5.0),
    "aggregate": ("a vendor's day by month of delivery", 5.0),
    "diff again": ("every point, of days that were asked for before", 5.0),
    "same diff": ("the same difference once more", 5.0),
    "aggregate again": ("a vendor's day that was asked for before, by quarter", 5.0),
}
# What is asked, beside what, and how many times its time it may take.
BESIDE_EACH_OTHER = {
    "one curve of these, beside one of 1 million points": ("one", "one of 1 million", 1.5),
    "a spread of two curves that are kept, beside reading one": ("derived", "one", 3.0),
}


_MOST_IN_A_ROW = 8
_OF_DAYS = ("one", "diff", "diff as JSON", "movers", "aggregate")
_OF_NUMBERS = ("diff", "movers", "aggregate")


@dataclass(frozen=True)
class Draw:
    """What a round asks for."""

    key: str
    other: str
    small: str
    vendor: str
    pairs: dict[str, tuple[date, date]]  # by question: days of its own

    @staticmethod
    def all(curves: int, chance: random.Random) -> list[tuple[Draw, Draw]]:
        """One for plain SQL and GraphQL and one for the use cases, as many as there are days of vendors that no other
        one has asked for.
        """
        keys = [each.identity.key for each in data.descriptions(curves)]
        dates = weekdays(data.DAYS)
        draws = []
        for vendor in [f"V{n}" for n in range(curves // data.OF_VENDOR)]:
            pairs = [(dates[day], dates[day + 1]) for day in range(0, data.DAYS - 1, 2)]
            chance.shuffle(pairs)
            days = iter(pairs)
            for _ in range(len(pairs) // (len(_OF_DAYS) + len(_OF_NUMBERS))):
                key, other, third = chance.sample(keys, 3)
                small = chance.choice(keys[:SMALL])
                ways = Draw(key, other, small, vendor, dict(zip(_OF_DAYS, days, strict=False)))
                draws.append((ways, Draw(third, other, small, vendor, dict(zip(_OF_NUMBERS, days, strict=False)))))
        chance.shuffle(draws)
        return draws

    def of_days(self, question: str) -> dict[str, Any]:
        before, as_of = self.pairs[question]
        return {"vendor": self.vendor, "from": before, "to": as_of}

    def of_day(self, question: str) -> dict[str, Any]:
        return {"vendor": self.vendor, "asOf": self.pairs[question][1]}


def numbers(services: Services, ids: dict[str, list[int]]) -> dict[str, Way]:
    """The use cases below GraphQL: what plain SQL answers as rows they answer as objects and arrays."""
    principal, curves = local_principal(Settings().auth, "bench"), services.curves

    async def diff(draw: Draw) -> Any:
        start, end = map(SnapshotRef, draw.pairs["diff"])
        found = await curves.moves.diffs(principal, ids[draw.vendor], start=start, end=end, quotes=False)
        return [each.change for each in found.values() if not isinstance(each, InvalidInput)]

    async def history(draw: Draw) -> Any:
        (curve,) = (await services.metadata.by_key(principal, [draw.key])).values()
        return await curves.history(principal, [curve.id], delivery=DELIVERY, first=date.min, last=date.max)

    async def movers(draw: Draw) -> Any:
        head, wanted = await curves.head(principal), CurveFilter(vendors=(draw.vendor,))
        start, end = map(SnapshotRef, draw.pairs["movers"])
        asked = MoversAsked(start, end, MoveMeasure.ABSOLUTE, one_per_curve=True)
        return await curves.movers.page(principal, wanted, asked, PageRequest(20), head=head)

    async def aggregate(draw: Draw, by: DeliveryBucket = DeliveryBucket.MONTH) -> Any:
        day = draw.pairs["aggregate"][1]
        head, wanted = await curves.head(principal), CurveFilter(vendors=(draw.vendor,))
        asked = AggregateAsked(day, day, Grouping(by))
        return await curves.aggregates.aggregate(principal, wanted, asked, PageRequest(100), head=head)

    return {
        "history, numbers": history,
        "same history, numbers": history,
        "diff, numbers": diff,
        "movers, numbers": movers,
        "aggregate, numbers": aggregate,
        "diff again, numbers": diff,
        "aggregate again, numbers": partial(aggregate, by=DeliveryBucket.QUARTER),
    }


def ways(ask: Ask, small: Ask, sql: asyncpg.Connection) -> dict[str, Way]:
    start, end = DELIVERY.start, DELIVERY.end

    async def derived(draw: Draw) -> Any:
        return await ask(DERIVED, {"expression": f"[{draw.key}] - [{draw.other}]", "asOf": draw.pairs["one"][1]})

    async def diff_json(draw: Draw) -> Any:
        rows = await fetch("diff as JSON", SQL_DIFF)(draw)
        names = ("tenor", "fromMid", "toMid", "change")  # as many as GraphQL has of a point
        return [orjson.dumps([dict(zip(names, tuple(row)[2:], strict=True)) for row in rows])]

    async def history(draw: Draw) -> Any:
        return await ask(HISTORY, {"key": draw.key, "start": start, "end": end})

    async def history_sql(draw: Draw) -> Any:
        return await sql.fetch(SQL_HISTORY, draw.key, start, end)

    def one(ask: Ask, attribute: str) -> Way:
        return lambda d: ask(ONE, {"key": getattr(d, attribute), "asOf": d.pairs["one"][1]})

    def days(question: str, query: str) -> Way:
        return lambda d: ask(query, d.of_days(question))

    def day(question: str, query: str) -> Way:
        return lambda d: ask(query, d.of_day(question))

    def fetch(question: str, statement: str) -> Way:
        return lambda d: sql.fetch(statement, *d.of_days(question).values())

    def fetch_day(question: str, statement: str) -> Way:
        return lambda d: sql.fetch(statement, *d.of_day(question).values())

    return {
        "one": one(ask, "key"),
        "one, SQL": lambda d: sql.fetch(SQL_ONE, d.key, d.pairs["one"][1]),
        "one of 1 million": one(small, "small"),
        "other": one(ask, "other"),
        "derived": derived,
        "history": history,
        "history, SQL": history_sql,
        "same history": history,
        "same history, SQL": history_sql,
        "diff": days("diff", DIFF),
        "diff, SQL": fetch("diff", SQL_DIFF),
        "diff as JSON": days("diff as JSON", DIFF),
        "diff as JSON, SQL": diff_json,
        "movers": days("movers", MOVERS),
        "movers, SQL": fetch("movers", SQL_MOVERS),
        "aggregate": day("aggregate", AGGREGATE),
        "aggregate, SQL": fetch_day("aggregate", SQL_AGGREGATE),
        "diff again": days("movers", DIFF),
        "diff again, SQL": fetch("movers", SQL_DIFF),
        "same diff": days("movers", DIFF),
        "same diff, SQL": fetch("movers", SQL_DIFF),
        "aggregate again": day("aggregate", AGGREGATE_AGAIN),
        "aggregate again, SQL": fetch_day("aggregate", SQL_AGGREGATE_AGAIN),
    }


@asynccontextmanager
async def opened(url: str) -> AsyncIterator[tuple[Ask, Services]]:
    """A server in this process, as it is configured unless somebody says otherwise: what asks it, and what it uses."""
    with tempfile.TemporaryDirectory() as home:
        app = create_app(Settings(home=Path(home), database=DatabaseSettings(url=SecretStr(url))))
        async with app.router.lifespan_context(app):
            services: Services = app.state.services
            yield (
                lambda query, variables: posted(app, orjson.dumps({"query": query, "variables": variables})), services
            )  # fmt: skip


async def posted(app: ASGIApp, body: bytes) -> bytes:
    """Raises AssertionError for an answer with errors."""
    sent: list[bytes] = []
    bodies = [body]
    headers = [(b"host", b"127.0.0.1"), (b"content-type", b"application/json"), (b"accept", b"application/json")]
    scope = {
        "type": "http", "method": "POST", "path": "/graphql", "raw_path": b"/graphql", "root_path": "",
        "scheme": "http", "query_string": b"", "headers": headers, "client": ("127.0.0.1", 50000),
        "server": ("127.0.0.1", 80), "http_version": "1.1", "asgi": {"version": "3.0"},
    }  # fmt: skip

    async def receive() -> dict[str, Any]:
        if not bodies:
            await asyncio.Future()  # for as long as the client stays
        return {"type": "http.request", "body": bodies.pop(), "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message.get("body", b""))

    await app(scope, receive, send)
    answer = b"".join(sent)
    assert answer.endswith(b"}}"), answer[:600]  # errors come behind the data; to search for them would take a while
    return answer


async def use(asked: Sequence[dict[str, Way]], vendor: str) -> None:
    """Asks for so much of a vendor that no draw asks for that what is kept is full, as it is in a server that has been
    up for a day: until then it takes memory of the system, page by page, for all that it keeps.
    """
    for before, day in pairwise(weekdays(data.DAYS)):
        draw = Draw("", "", "", vendor, {"aggregate": (before, day)})
        for ways, name in zip(asked, ("aggregate", "aggregate, numbers"), strict=True):
            await ways[name](draw)


async def check(asked: dict[str, Way], draw: Draw) -> None:
    """Raises AssertionError unless both sides answer the same."""
    found = {name: await way(draw) for name, way in asked.items()}
    answers = {name: orjson.loads(each)["data"] for name, each in found.items() if isinstance(each, bytes)}
    one = [(each["mid"], each["bid"], each["ask"]) for each in answers["one"]["curve"]["snapshot"]["points"]]
    assert one == [tuple(each)[2:] for each in found["one, SQL"]]
    history = [(each["asOf"], each["mid"]) for each in answers["history"]["curve"]["history"]["points"]]
    assert history == [(str(each[0]), each[1]) for each in found["history, SQL"]]
    (told,) = found["history, numbers"].values()
    assert told.mid.tolist() == [each[1] for each in found["history, SQL"]]
    for question in ("diff", "diff again", "same diff"):
        points = [each for curve in answers[question]["curves"]["nodes"] for each in curve["diff"]["points"]]
        pairs = [(each["fromMid"], each["toMid"]) for each in points]
        assert sorted(pairs, key=str) == sorted((tuple(each)[3:5] for each in found[f"{question}, SQL"]), key=str)
    changes = np.concatenate([change.ravel() for change in found["diff, numbers"]])
    wanted = np.array([each[-1] for each in found["diff, SQL"]], float)
    assert np.array_equal(np.sort(changes), np.sort(wanted), equal_nan=True)
    biggest = np.abs([each[-1] for each in found["movers, SQL"]])
    assert np.allclose(np.abs([each["change"] for each in answers["movers"]["movers"]["nodes"]]), biggest)
    assert np.allclose(np.abs([each.after - each.before for each in found["movers, numbers"].page.items]), biggest)
    names = ("count", "mean", "minimum", "maximum", "standardDeviation")
    for question in ("aggregate", "aggregate again"):
        rows = [[each[name] for name in names] for each in answers[question]["aggregate"]["nodes"]]
        of_sql = [tuple(each)[1:] for each in found[f"{question}, SQL"]]
        assert np.allclose(rows, of_sql)
        told = found[f"{question}, numbers"].rows
        assert np.allclose([told.counts, told.mean, told.minimum, told.maximum, told.deviation], np.transpose(of_sql))


@dataclass(frozen=True)
class Clock:
    """Milliseconds: elapsed, or of CPU that this process and PostgreSQL's sessions have used.

    To ask it takes CPU, which is not in what is measured: `others` are asked before the first look at `now`, and after
    the last one.
    """

    sql: asyncpg.Connection
    sessions: set[int] = field(default_factory=set)

    async def look(self) -> None:
        """Which sessions there are by now."""
        rows = await self.sql.fetch("SELECT pid FROM pg_stat_activity WHERE usename = 'aurum'")
        self.sessions.update(row[0] for row in rows)

    def others(self) -> float:
        return sum(int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) for pid in self.sessions) / 1e6

    def now(self) -> tuple[float, float]:
        return 1e3 * time.perf_counter(), 1e3 * time.process_time()


async def measured(
    asked: Sequence[dict[str, Way]], draws: Sequence[Sequence[Draw]], rounds: int, clock: Clock, console: Console
) -> list[Taken]:
    """Elapsed and CPU of a question by way, round by round: each round asks everything, one after the other, and all of
    its draws in a row. Of each of `draws` there is one for each of `asked`.
    """
    taken = [{name: list[float]() for ways in asked for name in ways} for _ in range(2)]
    in_a_row = min(_MOST_IN_A_ROW, len(draws) // (rounds + _WARMING))
    assert in_a_row, f"there are days for {len(draws) - _WARMING} rounds"
    for number in track(range(rounds + _WARMING), "rounds", console=console, transient=True):
        rows = zip(*draws[number * in_a_row :][:in_a_row], strict=True)
        for name, way, row in [(*way, row) for ways, row in zip(asked, rows, strict=True) for way in ways.items()]:
            await clock.look()
            others, started = clock.others(), clock.now()
            for draw in row:
                await way(draw)
            ended, others = clock.now(), clock.others() - others
            if number >= _WARMING:
                taken[0][name].append((ended[0] - started[0]) / len(row))
                taken[1][name].append((ended[1] - started[1] + others) / len(row))
    return taken


def report(taken: Taken, title: str, console: Console) -> None:
    """Medians: of milliseconds, and of the ratios of each round."""

    def ratio(above: str, below: str) -> float:
        return statistics.median(one / other for one, other in zip(taken[above], taken[below], strict=True))

    table = Table("", "SQL ms", "numbers ms", "times as fast", "GraphQL ms", "times as fast", "wanted", title=title)
    for name, (question, target) in BESIDE_SQL.items():
        sql, found = f"{name}, SQL", f"{name}, numbers"
        row = [statistics.median(taken[sql])]
        row += [statistics.median(taken[found]), ratio(sql, found)] if found in taken else [math.nan] * 2
        row += [statistics.median(taken[name]), ratio(sql, name)]
        table.add_row(question, *(f"{each:.2f}" for each in row), "" if target is None else f"{target:.0f}")
    for question, (ours, other, most) in BESIDE_EACH_OTHER.items():
        table.add_row(question, "", "", "", "", f"1 / {ratio(ours, other):.2f}", f"1 / {most}")
    console.print(table)


async def fill(url: str, curves: int, console: Console, *, rows: bool) -> None:
    with tempfile.TemporaryDirectory() as home:
        settings = Settings(home=Path(home), database=DatabaseSettings(url=SecretStr(url)))
        async with AsyncExitStack() as stack:
            connection = await asyncpg.connect(plain(url))
            stack.push_async_callback(connection.close)
            services = await stack.enter_async_context(open_services(settings))
            await data.load(services, connection, curves, rows=rows, console=console)


async def compare(urls: list[str], curves: int, rounds: int, console: Console) -> None:
    url, small_url = urls
    sql = await asyncpg.connect(plain(url))
    ids: dict[str, list[int]] = {}
    for vendor, id_ in await sql.fetch("SELECT vendor, id FROM curves ORDER BY id"):
        ids.setdefault(vendor, []).append(id_)
    # Two servers of the same: what one of them has read is kept, and the other one has still to read it.
    async with opened(url) as (ask, _), opened(url) as (_, services), opened(small_url) as (small, _):
        asked = ways(ask, small, sql), numbers(services, ids)
        gc.set_threshold(*COLLECTED_AFTER)  # all as `aurum serve` does
        gc.collect()
        gc.freeze()
        (first, _), *draws = Draw.all(curves, random.Random(7))
        await check(asked[0] | asked[1], first)
        await use(asked, f"V{curves // data.OF_VENDOR}")
        elapsed, used = await measured(asked, draws, rounds, Clock(sql), console)
        for kind, taken in (("elapsed", elapsed), ("CPU, PostgreSQL's too", used)):
            report(taken, f"{curves * data.DAYS / 10_000:.0f} million points, {rounds} rounds: {kind}", console)
    await sql.close()


def plain(url: str) -> str:
    return url.replace("+asyncpg", "")


def main(arguments: list[str], console: Console) -> None:
    parser = argparse.ArgumentParser(prog="desk", description=__doc__)
    parser.add_argument("--curves", type=int, default=FULL, help=f"{data.OF_VENDOR} are enough: 11 million points")
    parser.add_argument("--rounds", type=int, default=12, help="or fewer: the days suffice for no more")
    parser.add_argument("--databases", nargs=2, help="two that --load has filled")
    parser.add_argument("--load", action="store_true", help="fill two databases and wait")
    given = parser.parse_args(arguments)
    if given.databases:
        uvloop.run(compare(given.databases, given.curves, given.rounds, console))
        return
    with servers.postgresql() as server:
        for setting in (
            "shared_buffers = '512MB'",
            "jit = off",
            "maintenance_work_mem = '512MB'",
            "max_wal_size = '4GB'",
        ):
            server.execute(f"ALTER SYSTEM SET {setting}")
        server.server.end()
        server.start()
        urls = [server.url(server.create()) for _ in range(2)]
        for url, curves in zip(urls, (given.curves, SMALL), strict=True):
            migrate(url)
            asyncio.run(fill(url, curves, console, rows=curves == given.curves))
        if given.load:
            console.print(*urls)
            input()
            return
        uvloop.run(compare(urls, given.curves, given.rounds, console))


if __name__ == "__main__":
    main(sys.argv[1:], Console())
