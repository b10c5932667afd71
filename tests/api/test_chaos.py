"""Connections are cut, the server and the database are killed, while files are loaded and corrected: ten subscribers on
each transport rebuild the exact state, no event missing and none twice.

A few kills and subscribers with every run of the tests; `make chaos` has them all.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from contextlib import aclosing, suppress
from dataclasses import dataclass, field
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from aurum.curves.graphql.points import columns_of
from aurum.curves.service import CURVE_PUBLISHED, CURVE_RESTATED
from aurum.services import Services, open_services
from aurum.settings import DatabaseSettings, Settings
from tests.cutting import Proxy, cutting_proxy
from tests.following import TRANSPORTS, Follow, followed
from tests.ingestion.test_kill import Server, all_is_loaded
from tests.killing import Chaos, chaos
from tests.processes import eventually
from tests.sending import DEMO, Sent
from tests.servers import PostgreSQL

pytestmark = [pytest.mark.slow, pytest.mark.timeout(7200)]

KEY = "eugp:eu/dutch_ttf/gas"
PUBLISHED = """subscription($after: String) { curvePublished(after: $after) {
    cursor asOf version curve { key } snapshot { columns { tenor mid bid ask withheld } } } }"""
_POINT = "tenor tenorType deliveryStart deliveryEnd mid bid ask withheld"
CHANGES = f"""subscription($after: String) {{ curve(key: "{KEY}", after: $after) {{
    cursor asOf version previousAsOf previousVersion
    snapshot {{ points {{ {_POINT} }} }} points {{ kind {_POINT} }} }} }}"""
MOST = 2_000_000  # bytes to a client before the proxy cuts it
EACH = 5 if "AURUM_KILLS" in os.environ else 1  # subscribers of each kind and transport


@dataclass
class Publications:
    """Every version of every curve, as they came."""

    cursors: list[int] = field(default_factory=list)
    versions: dict[tuple[str, str, int], Any] = field(default_factory=dict)

    async def follow(self, way: Follow, url: str) -> None:
        async with aclosing(followed(way, url, PUBLISHED, "0")) as events:
            async for event in events:
                self.cursors.append(int(event["cursor"]))
                named = (event["curve"]["key"], event["asOf"], event["version"])
                assert named not in self.versions, f"{named} came twice"
                self.versions[named] = event["snapshot"]["columns"]

    def has(self, expected: Expected) -> bool:
        return bool(self.cursors) and self.cursors[-1] == expected.cursors[-1]

    def check(self, expected: Expected) -> None:
        assert self.cursors == expected.cursors
        assert self.versions == expected.versions


@dataclass
class OneCurve:
    """The newest snapshot of one curve, by tenor type and delivery period; changed from message to message."""

    standing: tuple[str | None, int | None] = (None, None)
    points: dict[tuple[str, str, str], dict[str, Any]] = field(default_factory=dict)

    async def follow(self, way: Follow, url: str) -> None:
        async with aclosing(followed(way, url, CHANGES, None)) as changes:
            async for change in changes:
                self.apply(change)

    def apply(self, change: dict[str, Any]) -> None:
        if change["snapshot"] is not None:
            self.points = {_place(point): point for point in change["snapshot"]["points"]}
        elif change["previousAsOf"] is not None:
            assert self.standing == (change["previousAsOf"], change["previousVersion"])
        for point in change["points"]:
            kind = point.pop("kind")
            if kind == "REMOVED":
                del self.points[_place(point)]
            else:
                assert (_place(point) in self.points) == (kind == "CHANGED")
                self.points[_place(point)] = point
        self.standing = (change["asOf"], change["version"])

    def has(self, expected: Expected) -> bool:
        return self.standing == expected.standing

    def check(self, expected: Expected) -> None:
        assert self.points == {_place(point): point for point in expected.points}


def _place(point: dict[str, Any]) -> tuple[str, str, str]:
    return point["tenorType"], point["deliveryStart"], point["deliveryEnd"]


@dataclass(frozen=True)
class Expected:
    """What the database holds in the end."""

    cursors: list[int]
    versions: dict[tuple[str, str, int], Any]
    standing: tuple[str | None, int | None]
    points: list[dict[str, Any]]


async def expected_of(services: Services, server: Server) -> Expected:
    events, found = [], await services.events.read("demo", 0)
    while found:
        events += [event for event in found if event.type in (CURVE_PUBLISHED, CURVE_RESTATED)]
        found = await services.events.read("demo", found[-1].cursor)
    curves = await services.metadata.by_id(DEMO, {event.payload["curve_id"] for event in events})
    versions = {}
    for curve in curves.values():
        for snapshot in await _snapshots(services, curve.id):
            columns = columns_of(snapshot.prices, list(range(len(snapshot.prices.tenors))))
            told = {name: getattr(columns, name) for name in ("tenor", "mid", "bid", "ask", "withheld")}
            versions[(curve.key, snapshot.as_of.isoformat(), snapshot.version)] = told
    query = f'{{ curve(key: "{KEY}") {{ snapshot {{ asOf version points {{ {_POINT} }} }} }} }}'
    answer = (await server.client.post("/graphql", json={"query": query})).json()["data"]["curve"]["snapshot"]
    standing = (answer["asOf"], answer["version"])
    return Expected([event.cursor for event in events], versions, standing, answer["points"])


async def _snapshots(services: Services, curve_id: int) -> list[Any]:
    days = {(curve_id, each.as_of) for each in await _days(services, curve_id)}
    return [snapshot for found in (await services.curves.versions(DEMO, days)).values() for snapshot in found]


async def _days(services: Services, curve_id: int) -> Sequence[Any]:
    found = await services.curves.series(DEMO, [curve_id], first=date.min, last=date.max, limit=10_000)
    return found.get(curve_id, [])


async def rebuilt(followers: Sequence[Publications | OneCurve], expected: Expected) -> None:
    async def all_have() -> bool:
        return all(each.has(expected) for each in followers)

    with suppress(TimeoutError):  # then their checks say what is missing
        await eventually(all_have, 90)
    for follower in followers:
        follower.check(expected)


async def storm_over(storm: Chaos, settings: Settings, cluster: PostgreSQL | None) -> None:
    url, server = settings.database_url, Server(settings)
    seed = storm.chance.randrange(10**6)
    async with server.client, cutting_proxy(server.port, seed, MOST) as proxy, asyncio.TaskGroup() as group:
        followers = [kind() for kind in (Publications, OneCurve) for _ in range(EACH * len(TRANSPORTS))]
        files = storm.post.delivery()
        with server.running():
            await eventually(server.answers)
            await all_is_loaded(storm, settings, files, [server.take(file, by_folder=False) for file in files])
        following = [
            group.create_task(each.follow(TRANSPORTS[place % len(TRANSPORTS)], proxy.url))
            for place, each in enumerate(followers)
        ]
        sent: list[asyncio.Task[None]] = []
        for _ in storm.rounds():
            with server.running() as process:
                await eventually(server.answers)
                await all_is_loaded(storm, settings, files, sent)
                files = storm.post.delivery()
                sent = [server.take(file, storm.chance.random() < 0.4) for file in files]
                await storm.moment(url, files, lambda: True)
                await strike(storm, url, files, proxy, partial(storm.kill, [process.pid]), cluster)
        with server.running():
            await all_is_loaded(storm, settings, files, sent)
            async with open_services(settings) as services:
                await rebuilt(followers, await expected_of(services, server))
        for task in following:
            task.cancel()


async def strike(
    storm: Chaos, url: str, files: list[Sent], proxy: Proxy, kill: Any, cluster: PostgreSQL | None
) -> None:
    """Cuts every connection; or kills the server; or kills the database, and the server as well a while later."""
    proxy.cut()
    if cluster is not None and storm.chance.random() < 0.5:
        cluster.kill()
        await asyncio.sleep(storm.chance.uniform(0, 1))
        cluster.start()
        await asyncio.sleep(storm.chance.uniform(0, 1))
    await kill(url, files)


async def test_subscribers_rebuild_everything_whatever_dies(
    killable_postgresql_server: PostgreSQL, killable_postgresql_url: str, tmp_path: Path
) -> None:
    settings = Settings(home=tmp_path, database=DatabaseSettings(url=SecretStr(killable_postgresql_url)))
    with chaos("subscribers, PostgreSQL") as storm:
        await storm_over(storm, settings, killable_postgresql_server)


async def test_subscribers_rebuild_everything_on_one_machine(migrated_sqlite_url: str, tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, database=DatabaseSettings(url=SecretStr(migrated_sqlite_url)))
    with chaos("subscribers, SQLite") as storm:
        await storm_over(storm, settings, None)
