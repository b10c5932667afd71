"""`kill -9` while files are loaded: whatever dies, and whenever, everything that was sent is there exactly once.

A few kills with every run of the tests; `make chaos` does 200 and prints where they hit.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
import subprocess
import sys
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

import asyncpg
import httpx
import pytest
from pydantic import SecretStr

from aurum.services import open_services
from aurum.settings import DatabaseSettings, Settings
from tests.killing import LEASE_SECONDS, Chaos, Phase, chaos, look, phase_of
from tests.processes import eventually, free_port, running
from tests.sending import Post, Sent, exactly_once, upload
from tests.servers import PostgreSQL

pytestmark = pytest.mark.slow


@pytest.fixture
def settings(migrated_url: str, tmp_path: Path) -> Settings:
    return Settings(home=tmp_path, database=DatabaseSettings(url=SecretStr(migrated_url)))


def environment(settings: Settings) -> dict[str, str]:
    return {
        **os.environ,
        "AURUM_HOME": str(settings.home),
        "AURUM_DATABASE__URL": settings.database_url,
        "AURUM_INGESTION__LEASE_SECONDS": str(LEASE_SECONDS),
        "AURUM_INGESTION__MAX_ATTEMPTS": "1000",
        "AURUM_INGESTION__WATCH": "true",
    }


async def test_the_command_is_killed_and_typed_again(settings: Settings, tmp_path: Path) -> None:
    url, log = settings.database_url, tmp_path / "log"
    with chaos(f"aurum ingest, {url.partition('+')[0]}") as storm:
        for _ in storm.rounds():
            files = storm.post.delivery()
            paths = [saved(file, tmp_path / "vendor") for file in files]
            with running("aurum", environment(settings), log, "ingest", *paths) as command:
                await storm.moment(url, files, lambda: command.poll() is None)
                await storm.kill([command.pid], url, files)
            typed_again(settings, paths)
            await storm.settled(url, files)
            await storm.check(settings, files)
        await storm.check(settings, storm.post.sent)


def typed_again(settings: Settings, paths: list[str]) -> None:
    command = [sys.executable, "-m", "aurum", "ingest", *paths]
    done = subprocess.run(command, env=environment(settings), capture_output=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr.decode()


async def test_a_command_that_slept_beyond_its_lease_adds_nothing(settings: Settings, tmp_path: Path) -> None:
    """It wakes up when another one has loaded the file: nothing that it does then may count."""
    url, post, asleep = settings.database_url, Post(random.Random(7)), False
    while not asleep:
        (file,) = post.delivery(1)
        path = saved(file, tmp_path)
        with running("aurum", environment(settings), tmp_path / "log", "ingest", path) as command:
            while (await phase_of(url, [file]) or 0) < Phase.READING:  # noqa: ASYNC110  another process
                await asyncio.sleep(0.001)
            os.kill(command.pid, signal.SIGSTOP)
            asleep = await phase_of(url, [file]) is Phase.READING and not (await look(url)).written
            if asleep:
                typed_again(settings, [path])
            os.kill(command.pid, signal.SIGCONT)
            assert await asyncio.to_thread(command.wait, 60) == 0
        async with open_services(settings) as services:
            await exactly_once(services, post.sent)
            (run,) = await services.ingestion.store.runs_of_content("demo", file.digest)
            assert run.attempt == 1 + asleep


def saved(file: Sent, folder: Path) -> str:
    folder.mkdir(exist_ok=True)
    (folder / file.name).write_bytes(file.data)
    return str(folder / file.name)


class Server:
    """`aurum serve`, with a drop folder. Whoever uploads to it sends again until there is an answer."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.port = free_port()
        self.client = httpx.AsyncClient(base_url=f"http://127.0.0.1:{self.port}", trust_env=False, timeout=30)

    @contextmanager
    def running(self) -> Iterator[subprocess.Popen[bytes]]:
        log = self.settings.home / "log"
        with running("aurum", environment(self.settings), log, "serve", "--port", str(self.port)) as process:
            yield process

    async def answers(self) -> bool:
        try:
            return (await self.client.get("/ready")).is_success
        except httpx.TransportError:
            return False

    def take(self, file: Sent, by_folder: bool) -> asyncio.Task[None]:
        return asyncio.create_task(self._drop(file) if by_folder else self._upload(file))

    async def _drop(self, file: Sent) -> None:
        self.settings.drop_folder.mkdir(exist_ok=True)
        saved(file, self.settings.drop_folder)

    async def _upload(self, file: Sent) -> None:
        while True:
            try:
                answer = await upload(self.client, file)
            except httpx.TransportError:
                await asyncio.sleep(0.05)
                continue
            if answer.get("data") and answer["data"]["uploadWorkbook"]["run"]:
                return
            assert {error["extensions"]["code"] for error in answer["errors"]} == {"UNAVAILABLE"}, answer


async def test_the_server_is_killed_and_started_again(settings: Settings) -> None:
    """Sometimes again before it has taken up what was left."""
    url, server = settings.database_url, Server(settings)
    with chaos(f"aurum serve, {url.partition('+')[0]}") as storm:
        files: list[Sent] = []
        sent: list[asyncio.Task[None]] = []
        async with server.client:
            for _ in storm.rounds():
                with server.running() as process:
                    await eventually(server.answers)
                    if storm.chance.random() < 0.7:
                        await all_is_loaded(storm, settings, files, sent)
                        files, sent = [], []
                    new = storm.post.delivery()
                    files += new
                    sent += [server.take(file, storm.chance.random() < 0.4) for file in new]
                    await storm.moment(url, files, lambda: True)
                    await storm.kill([process.pid], url, files)
            with server.running():
                await all_is_loaded(storm, settings, files, sent)
        await storm.check(settings, storm.post.sent)


async def all_is_loaded(
    storm: Chaos, settings: Settings, files: Collection[Sent], sent: Collection[asyncio.Task[None]]
) -> None:
    await asyncio.gather(*sent)
    await storm.settled(settings.database_url, files)
    await storm.check(settings, files)


async def test_the_database_is_killed_under_the_server(
    killable_postgresql_server: PostgreSQL, killable_postgresql_url: str, tmp_path: Path
) -> None:
    """The postmaster, or one session: then PostgreSQL ends all the others and recovers by itself."""
    url, cluster = killable_postgresql_url, killable_postgresql_server
    settings = Settings(home=tmp_path, database=DatabaseSettings(url=SecretStr(url)))
    server = Server(settings)
    with chaos("PostgreSQL under aurum serve") as storm, server.running():
        async with server.client:
            await eventually(server.answers)
            for _ in storm.rounds():
                files = storm.post.delivery()
                sent = [server.take(file, storm.chance.random() < 0.4) for file in files]
                await storm.moment(url, files, lambda: True)
                await storm.hit(url, files)
                if storm.chance.random() < 0.5:
                    cluster.kill()
                    await asyncio.sleep(storm.chance.uniform(0, 0.5))
                    cluster.start()
                else:
                    await kill_a_session(url)
                await all_is_loaded(storm, settings, files, sent)
        await storm.check(settings, storm.post.sent)


async def kill_a_session(url: str) -> None:
    """One of the server's, a busy one if there is any. Returns when PostgreSQL has ended the others too."""
    witness = await asyncpg.connect(url.replace("+asyncpg", ""))
    theirs = "SELECT pid FROM pg_stat_activity WHERE application_name = 'aurum' ORDER BY state <> 'idle' DESC"
    os.kill(await eventually(lambda: witness.fetchval(theirs)), signal.SIGKILL)
    while not witness.is_closed():  # noqa: ASYNC110  another process
        await asyncio.sleep(0.01)
