"""Processes are killed at random moments while files are loaded: when to strike, and where in a load it hit."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import sqlite3
import sys
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from enum import IntEnum
from typing import NamedTuple

import asyncpg
from sqlalchemy.engine import make_url

from aurum.services import open_services
from aurum.settings import Settings
from tests.sending import Post, Sent, exactly_once

LEASE_SECONDS = 0.6
_TESTS = 6  # share the kills
_PHASE_SECONDS = 0.08
_SETTLE_SECONDS = 120.0  # the lease, a round of recovery and the loads, on a machine with other work


class Phase(IntEnum):
    """How far the load has come that is nearest to its commit, as the database shows it."""

    SENDING = 0
    QUEUED = 1
    READING = 2
    CHECKING = 3
    LOADING = 4
    ENDED = 5


MIDDLE = (Phase.READING, Phase.CHECKING, Phase.LOADING)


class Seen(NamedTuple):
    """What others see of a database: content hash, state and stage of each run; whether a writer is at work."""

    runs: list[tuple[str, str, str | None]]
    written: bool


_RUNS = "SELECT content_hash, state, stage FROM ingestion_runs r JOIN source_files f ON f.id = r.file_id"
_WRITTEN = """SELECT EXISTS (SELECT FROM pg_stat_activity
    WHERE datname = current_database() AND application_name = 'aurum' AND backend_xid IS NOT NULL)"""


async def look(url: str) -> Seen:
    """Over a connection of its own: none of a test's is left where a process dies."""
    if url.startswith("sqlite"):
        with closing(sqlite3.connect(str(make_url(url).database), timeout=1)) as connection:
            return Seen(connection.execute(_RUNS).fetchall(), _is_locked(connection))
    connection = await asyncpg.connect(url.replace("+asyncpg", ""), ssl=False)
    try:
        return Seen(await connection.fetch(_RUNS), await connection.fetchval(_WRITTEN))
    finally:
        await connection.close()


def _is_locked(connection: sqlite3.Connection) -> bool:
    connection.execute("PRAGMA busy_timeout = 0")
    try:
        connection.execute("BEGIN IMMEDIATE")
    except sqlite3.OperationalError:
        return True
    connection.rollback()
    return False


async def phase_of(url: str, files: Collection[Sent]) -> Phase | None:
    """None where nobody can look: a process is just opening or closing an SQLite file, or the server is away."""
    try:
        seen = await look(url)
    except (OSError, sqlite3.OperationalError, asyncpg.PostgresError, asyncpg.InterfaceError):
        return None
    digests = {file.digest for file in files}
    ours = [(digest, state, stage) for digest, state, stage in seen.runs if digest in digests]
    stages = [Phase[stage or "READING"] for _, state, stage in ours if state == "RUNNING"]
    if stages:
        return Phase.LOADING if max(stages) is Phase.CHECKING and seen.written else max(stages)
    if any(state == "QUEUED" for _, state, _ in ours):
        return Phase.QUEUED
    return Phase.ENDED if digests <= {digest for digest, *_ in ours} else Phase.SENDING


@dataclass
class Chaos:
    """So many kills at moments drawn from a seed, at least one of them in the middle of a load."""

    kills: int
    chance: random.Random
    post: Post
    hits: Counter[Phase] = field(default_factory=Counter)
    slowest: float = 0.0

    def rounds(self) -> Iterator[int]:
        while self.hits.total() < self.kills or (not self._hit and self.hits.total() < self.kills + 20):
            yield self.hits.total()
        assert self._hit, "no kill has hit the middle of a load"

    @property
    def _hit(self) -> bool:
        return any(self.hits[phase] for phase in MIDDLE)

    async def moment(self, url: str, files: Collection[Sent], alive: Callable[[], bool]) -> None:
        """Waits for one: a little after a phase has been reached, or anywhere from when the files were sent."""
        phase = self.chance.choice([Phase.SENDING, Phase.QUEUED, Phase.READING, Phase.CHECKING, Phase.LOADING])
        deadline = time.monotonic() + _SETTLE_SECONDS
        while alive() and time.monotonic() < deadline and (await phase_of(url, files) or 0) < phase:  # noqa: ASYNC110
            await asyncio.sleep(0.001)
        await asyncio.sleep(self.chance.uniform(0, 1 if phase is Phase.SENDING else _PHASE_SECONDS))

    async def kill(self, processes: Collection[int], url: str, files: Collection[Sent]) -> None:
        """They are stopped where they are, looked at from outside, and never go on."""
        for process in processes:
            _signal(process, signal.SIGSTOP)
        await asyncio.sleep(0.02)  # what they have told PostgreSQL to do is done by now
        phase = await phase_of(url, files)
        for process in processes:
            _signal(process, signal.SIGKILL)
        await self.hit(url, files, phase)

    async def hit(self, url: str, files: Collection[Sent], phase: Phase | None = None) -> None:
        """Where nobody could look it is what is there afterwards."""
        while phase is None:
            phase = await phase_of(url, files)
        self.hits[phase] += 1

    async def settled(self, url: str, files: Collection[Sent]) -> None:
        """Returns when every file has been loaded, and no run of it is under way."""
        began = time.monotonic()
        while (phase := await phase_of(url, files)) is not Phase.ENDED:
            assert time.monotonic() - began < _SETTLE_SECONDS, f"{phase!r} for too long"
            await asyncio.sleep(0.02)
        self.slowest = max(self.slowest, time.monotonic() - began)

    async def check(self, settings: Settings, files: Collection[Sent]) -> None:
        """Every one of the files is there exactly once."""
        async with open_services(settings) as services:
            await exactly_once(services, self.post.of_the_days(files))


def _signal(process: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):  # it was faster
        os.kill(process, number)


@contextmanager
def chaos(name: str) -> Iterator[Chaos]:
    """AURUM_KILLS over all tests that kill; AURUM_SEED draws the same files and moments again."""
    seed = int(os.environ.get("AURUM_SEED") or random.SystemRandom().randrange(1_000_000))
    kills = max(1, int(os.environ.get("AURUM_KILLS") or 12) // _TESTS)
    sys.stdout.write(f"\n{name}: {kills} kills, AURUM_SEED={seed}\n")
    chance = random.Random(seed)
    opened = Chaos(kills, chance, Post(chance))
    try:
        yield opened
    finally:
        hits = ", ".join(f"{phase.name} {opened.hits[phase]}" for phase in Phase)
        sys.stdout.write(f"{name}: {hits}; settled within {opened.slowest:.1f} s\n")
