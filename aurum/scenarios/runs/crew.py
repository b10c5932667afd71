"""Processes that compute runs, and who watches over them: a run that hangs, or that nobody wants, is ended with its
process. They end with whoever has started them.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import sys
from asyncio import timeout
from asyncio.subprocess import PIPE, Process
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import astuple, dataclass
from time import monotonic

from aurum.backends.rounds import going_on
from aurum.market.counts import counted
from aurum.scenarios.runs.model import Claim, RunState
from aurum.scenarios.runs.service import RunService
from aurum.scenarios.runs.store import RunKey
from aurum.settings import Settings

COMMAND = (sys.executable, "-m", "aurum.working")
"""Reads claims, a line of JSON each, and writes a line when it is done with one: b"done", or b"later"."""
_LOOK_SECONDS = 0.3  # at what is under way: a run that is cancelled ends within a second
_POLL_SECONDS = 1.0  # for what other processes have queued
_LONGEST_SECONDS = 30.0  # between two looks at a database that is away
_WAIT = "runs of scenarios wait"
_log = logging.getLogger(__name__)


@dataclass(slots=True, eq=False)
class _Member:
    """A process, and what it is at."""

    process: Process | None = None
    claim: Claim | None = None
    until: float = 0.0


class Crew:
    """Executes queued runs of every tenant, as many at once as it has processes; or one run, `only` this one."""

    def __init__(self, runs: RunService, environment: Mapping[str, str], only: RunKey | None = None) -> None:
        self._runs = runs
        self._environment = dict(environment)
        self._only = only
        self._members = [_Member() for _ in range(1 if only else runs.settings.processes)]
        self._tasks: set[asyncio.Task[None]] = set()
        self._extended = monotonic()

    async def watch(self) -> None:
        """Runs until cancelled."""
        try:
            if self._runs.settings.ready:
                await asyncio.gather(*(self._started(member) for member in self._members))
            pause = _POLL_SECONDS
            while True:
                self._runs.changed.clear()
                away = True
                with going_on(_log, _WAIT):
                    await self._look()
                    await self._engage()
                    away = False
                busy = any(member.claim for member in self._members)
                if away:  # whoever is at work still has to extend leases in time
                    pause = min(2 * pause, self._runs.settings.lease_seconds / 6 if busy else _LONGEST_SECONDS)
                else:
                    pause = _LOOK_SECONDS if busy else _POLL_SECONDS
                with suppress(TimeoutError):
                    async with timeout(pause):
                        await self._runs.changed.wait()
        finally:
            claims = [member.claim for member in self._members if member.claim is not None]
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, *map(_killed, self._members), return_exceptions=True)
            for claim in claims:
                with going_on(_log, _WAIT):
                    await self._runs.release(claim, lost=False)

    async def _look(self) -> None:
        """Ends what is not wanted any more, or takes too long; the others are alive."""
        at_work = [(member, member.claim) for member in self._members if member.claim is not None]
        if not at_work:
            return
        wanted = await self._runs.store.wanted([claim for _, claim in at_work])
        for member, claim in at_work:
            if member.claim is not claim:
                continue  # it has just been done
            late = monotonic() > member.until
            if late:
                await self._runs.end(
                    claim, RunState.TIMEOUT, error_code="TIMEOUT",
                    error=f"it took longer than {counted(claim.seconds, 'second')}",
                    hint="Nothing of it is kept. Run it again with a longer time limit, or with fewer curves.",
                )  # fmt: skip
            if late or claim.run_id not in wanted:
                await _killed(member)
        if monotonic() - self._extended > self._runs.settings.lease_seconds / 3:
            self._extended = monotonic()
            await self._runs.extend([claim for _, claim in at_work])

    async def _engage(self) -> None:
        for member in self._members:
            if member.claim is None:
                claim = await self._runs.claim(self._only)
                if claim is None:
                    return
                member.claim, member.until = claim, monotonic() + claim.seconds
                task = asyncio.create_task(self._work(member, claim))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)

    async def _work(self, member: _Member, claim: Claim) -> None:
        try:
            with going_on(_log, _WAIT):
                answer = await self._asked(member, claim)
                if not answer:
                    await _killed(member)  # it dies: another one is given the next run
                if answer != b"done\n":  # where it is not ours any more, nothing happens
                    await self._runs.release(claim, lost=answer != b"later\n")
        finally:
            member.claim = None
            self._runs.changed.set()

    async def _asked(self, member: _Member, claim: Claim) -> bytes:
        """What the process says of a claim; nothing where it has died."""
        process = await self._started(member)
        given, told = process.stdin, process.stdout
        if given is None or told is None:
            return b""
        try:
            given.write(json.dumps(astuple(claim)).encode() + b"\n")
            await given.drain()
            return await told.readline()
        except (BrokenPipeError, ConnectionResetError):
            return b""

    async def _started(self, member: _Member) -> Process:
        if member.process is None or member.process.returncode is not None:
            member.process = await asyncio.create_subprocess_exec(
                *COMMAND, stdin=PIPE, stdout=PIPE, env=self._environment, start_new_session=True
            )
        return member.process


def environment_of(settings: Settings) -> Mapping[str, str]:
    """What a process of a crew has to know, which may be set otherwise than by its environment."""
    redis = settings.redis.url
    return os.environ | {
        "AURUM_HOME": str(settings.home.resolve()),
        "AURUM_DATABASE__URL": settings.database_url,
        "AURUM_SCENARIOS__MEMORY_MIB": str(settings.scenarios.memory_mib or ""),
        **({"AURUM_REDIS__URL": redis.get_secret_value()} if redis else {}),
    }


async def _killed(member: _Member) -> None:
    process, member.process = member.process, None
    if process is not None:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()
