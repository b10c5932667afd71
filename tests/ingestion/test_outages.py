"""What is full, read-only or away is said in a sentence, nothing is half loaded, and once it is back all is."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import date
from functools import partial
from pathlib import Path

import asyncpg
import httpx
import pytest
from pydantic import SecretStr
from sqlalchemy import func, select, text

from aurum.app import create_app
from aurum.backends.paging import PageRequest
from aurum.curves.tables import snapshots
from aurum.demo import eugp_workbook
from aurum.errors import AurumError, Unavailable
from aurum.ingestion.drop import DropFolder
from aurum.ingestion.model import Run, RunFilter, RunState
from aurum.ingestion.service import Submission
from aurum.ingestion.tables import findings, quarantine
from aurum.metadata.tables import curves
from aurum.services import Services, open_services
from aurum.settings import DatabaseSettings, IngestionSettings, Settings
from tests.disks import Disk, NotAllowed, small_disk
from tests.processes import eventually
from tests.sending import DEMO, Sent, exactly_once, upload
from tests.servers import PostgreSQL

pytestmark = pytest.mark.slow

LEASE_SECONDS = 0.5
WAITING = "datname = current_database() AND wait_event_type = 'Lock'"


@dataclass(frozen=True)
class Outage:
    """`told`: what is said, in a sentence, to whoever needs what is away."""

    settings: Settings
    told: str
    begin: Callable[[], None]
    end: Callable[[], None]


@pytest.fixture
def file() -> Sent:
    return Sent.of(eugp_workbook(date(2025, 2, 12)))


@pytest.fixture
def disk() -> Iterator[Disk]:
    try:
        with small_disk(32) as disk:
            yield disk
    except NotAllowed as error:
        pytest.skip(str(error))


def over(url: str, home: Path, elsewhere: Path) -> Settings:
    return Settings(
        home=home,
        database=DatabaseSettings(url=SecretStr(url)),
        ingestion=IngestionSettings(lease_seconds=LEASE_SECONDS, drop_folder=elsewhere / "drop"),
    )


@pytest.fixture
def full_blobs(disk: Disk, migrated_sqlite_url: str, tmp_path: Path) -> Outage:
    settings = over(migrated_sqlite_url, disk.folder, tmp_path)
    return Outage(settings, "files cannot be kept: No space left on device", disk.fill, disk.free)


@pytest.fixture
def read_only_blobs(disk: Disk, migrated_sqlite_url: str, tmp_path: Path) -> Outage:
    settings = over(migrated_sqlite_url, disk.folder, tmp_path)
    told = "files cannot be kept: Read-only file system"
    return Outage(settings, told, disk.turn_read_only, disk.turn_writable)


@pytest.fixture
def sqlite_settings(disk: Disk, migrated_sqlite_file: Path, tmp_path: Path) -> Settings:
    """The database alone is on the disk."""
    return over(f"sqlite+aiosqlite:///{shutil.copy(migrated_sqlite_file, disk.folder)}", tmp_path, tmp_path)


@pytest.fixture
def full_sqlite(disk: Disk, sqlite_settings: Settings) -> Outage:
    return Outage(sqlite_settings, "the database's disk is full", disk.fill, disk.free)


@pytest.fixture
def read_only_sqlite(disk: Disk, sqlite_settings: Settings) -> Outage:
    return Outage(sqlite_settings, "the database is read-only", disk.turn_read_only, disk.turn_writable)


@pytest.fixture
def full_postgresql(
    disk: Disk, postgresql_server: PostgreSQL, migrated_postgresql_template: str, tmp_path: Path
) -> Iterator[Outage]:
    shutil.chown(disk.folder, postgresql_server.folder.owner(), postgresql_server.folder.group())
    (place := disk.folder / "tablespace").mkdir()
    shutil.chown(place, postgresql_server.folder.owner(), postgresql_server.folder.group())
    postgresql_server.execute(f"CREATE TABLESPACE small LOCATION '{place}'")
    database = postgresql_server.create(migrated_postgresql_template, "small")
    settings = over(postgresql_server.url(database), tmp_path, tmp_path)
    yield Outage(settings, "the database's disk is full", disk.fill, disk.free)
    postgresql_server.drop(database)
    postgresql_server.execute("DROP TABLESPACE small")


@pytest.fixture
def read_only_postgresql(postgresql_server: PostgreSQL, migrated_postgresql_url: str, tmp_path: Path) -> Outage:
    """As an administrator or a failover to a replica would have it."""
    database = migrated_postgresql_url.rpartition("/")[2]

    def turn(how: str) -> None:
        postgresql_server.execute(f"ALTER DATABASE {database} {how}")
        postgresql_server.execute(
            f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{database}'"
        )

    return Outage(
        over(migrated_postgresql_url, tmp_path, tmp_path),
        "the database is read-only",
        lambda: turn("SET default_transaction_read_only = on"),
        lambda: turn("RESET default_transaction_read_only"),
    )


@pytest.fixture
def stopped_postgresql(killable_postgresql_server: PostgreSQL, killable_postgresql_url: str, tmp_path: Path) -> Outage:
    server = killable_postgresql_server
    settings = over(killable_postgresql_url, tmp_path, tmp_path)
    return Outage(settings, "the database cannot be reached", server.server.end, server.start)


EVERY = ["full_blobs", "read_only_blobs", "full_sqlite", "read_only_sqlite", "full_postgresql",
         "read_only_postgresql", "stopped_postgresql"]  # fmt: skip


@pytest.fixture
def outage(request: pytest.FixtureRequest) -> Outage:
    found: Outage = request.getfixturevalue(request.param)
    return found


@pytest.mark.parametrize("outage", EVERY, indirect=True)
async def test_a_command_says_what_is_wrong_and_loads_when_typed_again(
    outage: Outage, file: Sent, tmp_path: Path
) -> None:
    workbook = tmp_path / file.name
    workbook.write_bytes(file.data)
    outage.begin()
    failed = ingest(outage.settings, workbook)
    outage.end()
    assert failed.returncode == 1
    assert f"UNAVAILABLE: {outage.told}" in failed.stderr
    assert "ry again" in failed.stderr
    assert "Traceback" not in failed.stderr
    assert half_written(outage.settings) == []
    done = ingest(outage.settings, workbook)
    assert (done.returncode, done.stdout.split()[0]) == (0, "loaded")
    async with open_services(outage.settings) as services:
        await exactly_once(services, [file])


def ingest(settings: Settings, workbook: Path) -> subprocess.CompletedProcess[str]:
    environment = {
        **os.environ,
        "AURUM_HOME": str(settings.home),
        "AURUM_DATABASE__URL": settings.database_url,
        "NO_COLOR": "1",
    }
    command = [sys.executable, "-m", "aurum", "ingest", str(workbook)]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)


def half_written(settings: Settings) -> list[Path]:
    return [path for path in settings.blob_folder.rglob(".*") if path.is_file()]


@asynccontextmanager
async def served(settings: Settings) -> AsyncIterator[Services]:
    """What the server does beside answering: watches the drop folder, and takes up what was left."""
    async with open_services(settings) as services:
        drop = DropFolder(services.ingestion, services.dispatcher, DEMO, settle_seconds=0.1, scan_seconds=0.2)
        work = [asyncio.create_task(drop.watch()), asyncio.create_task(recovering(services))]
        try:
            yield services
        finally:
            for task in work:
                task.cancel()
            await asyncio.gather(*work, return_exceptions=True)


async def recovering(services: Services) -> None:
    while True:
        with suppress(AurumError):
            await services.ingestion.recover(services.dispatcher)
        await asyncio.sleep(LEASE_SECONDS / 3)


@pytest.mark.parametrize("outage", [name for name in EVERY if name != "read_only_sqlite"], indirect=True)
async def test_a_file_that_is_dropped_meanwhile_is_loaded_when_it_is_over(
    outage: Outage, file: Sent, caplog: pytest.LogCaptureFixture
) -> None:
    """A disk with open files does not turn read-only: hence without SQLite's."""
    folder = outage.settings.drop_folder
    async with served(outage.settings) as services:
        await eventually(partial(asyncio.to_thread, folder.exists))
        outage.begin()
        (folder / file.name).write_bytes(file.data)
        await eventually(lambda: said(caplog, f"cannot be taken from the drop folder yet: {outage.told}"))
        assert half_written(outage.settings) == []
        outage.end()
        await eventually(lambda: is_loaded(services))
        await exactly_once(services, [file])


async def said(caplog: pytest.LogCaptureFixture, text: str) -> bool:
    return text in caplog.text


async def is_loaded(services: Services) -> bool:
    try:
        page = await services.ingestion.runs_page(DEMO, RunFilter(), PageRequest(10))
    except Unavailable:
        return False
    return [run.state for run in page.items] == [RunState.SUCCEEDED]


@pytest.mark.parametrize("outage", ["full_sqlite", "full_postgresql"], indirect=True)
async def test_a_disk_that_is_full_in_the_middle_of_a_load(outage: Outage, disk: Disk, file: Sent) -> None:
    async with open_services(outage.settings) as services:
        run = await submitted(services, file)
        disk.fill(leaving=128 * 1024)  # for the record of the run, not for the prices
        with pytest.raises(Unavailable, match=outage.told):
            await services.ingestion.execute(DEMO, run.id)
        left = await services.ingestion.run(DEMO, run.id)
        assert (left.state, left.attempt) == (RunState.QUEUED, 1)
        assert await rows(services) == 0
        disk.free()
    await is_taken_up_again(outage.settings, file)


async def submitted(services: Services, file: Sent) -> Run:
    return await services.ingestion.submit(DEMO, Submission(file.data, file.name, "test"))


async def rows(services: Services) -> int:
    async with services.database.read() as connection:
        tables = (curves, snapshots, findings, quarantine)
        return sum([await connection.scalar(select(func.count()).select_from(table)) for table in tables])


async def is_taken_up_again(settings: Settings, file: Sent) -> None:
    async with served(settings) as services:
        await eventually(lambda: is_loaded(services))
        await exactly_once(services, [file])


@asynccontextmanager
async def held_in_mid_publication(services: Services, url: str, file: Sent) -> AsyncIterator[asyncio.Task[Run]]:
    """A load that has written its prices and cannot write the next thing."""
    holder = await asyncpg.connect(url.replace("+asyncpg", ""))
    try:
        await holder.execute("BEGIN; LOCK TABLE vendor_days IN EXCLUSIVE MODE")
        run = await submitted(services, file)
        load = asyncio.create_task(services.ingestion.execute(DEMO, run.id))
        try:  # before the statement's time is up
            await eventually(lambda: holder.fetchval(f"SELECT count(*) FROM pg_stat_activity WHERE {WAITING}"), 50)
        except TimeoutError:
            sessions = "SELECT state, wait_event_type, wait_event, query FROM pg_stat_activity"
            raise AssertionError(await holder.fetch(f"{sessions} WHERE datname = current_database()"), load) from None
        yield load
    finally:
        holder.terminate()


async def test_a_session_that_is_ended_in_the_middle_of_a_load(
    migrated_postgresql_url: str, file: Sent, tmp_path: Path
) -> None:
    settings = over(migrated_postgresql_url, tmp_path, tmp_path)
    async with open_services(settings) as services:
        async with held_in_mid_publication(services, settings.database_url, file) as load:
            ending = text(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {WAITING}")
            async with services.database.read() as connection:
                await connection.all(ending)
            with pytest.raises(Unavailable, match="the database is not available"):
                await load
        (left,) = (await services.ingestion.runs_page(DEMO, RunFilter(), PageRequest(10))).items
        assert (left.state, left.attempt) == (RunState.QUEUED, 1)
        assert await rows(services) == 0
    await is_taken_up_again(settings, file)


async def test_a_server_that_is_stopped_in_the_middle_of_a_load(
    killable_postgresql_server: PostgreSQL, killable_postgresql_url: str, file: Sent, tmp_path: Path
) -> None:
    """The run cannot even be given back: its lease runs out."""
    settings = over(killable_postgresql_url, tmp_path, tmp_path)
    async with open_services(settings) as services:
        async with held_in_mid_publication(services, settings.database_url, file) as load:
            killable_postgresql_server.server.end()
            with pytest.raises(Unavailable, match="the database"):
                await load
        killable_postgresql_server.start()
    async with open_services(settings) as services:
        (left,) = (await services.ingestion.runs_page(DEMO, RunFilter(), PageRequest(10))).items
        assert (left.state, left.attempt) == (RunState.RUNNING, 1)
        assert await rows(services) == 0
    await is_taken_up_again(settings, file)


async def test_kept_bytes_that_are_away_are_waited_for(migrated_sqlite_url: str, file: Sent, tmp_path: Path) -> None:
    settings = over(migrated_sqlite_url, tmp_path, tmp_path)
    async with open_services(settings) as services:
        run = await submitted(services, file)
        away = settings.blob_folder.rename(tmp_path / "away")  # as a file system that is not mounted
        with pytest.raises(Unavailable, match="files cannot be read"):
            await services.ingestion.execute(DEMO, run.id)
        assert (await services.ingestion.run(DEMO, run.id)).state is RunState.QUEUED
        away.rename(settings.blob_folder)
    await is_taken_up_again(settings, file)


async def test_an_upload_that_cannot_be_kept_is_told_so(full_blobs: Outage, file: Sent) -> None:
    application = create_app(full_blobs.settings)
    async with application.router.lifespan_context(application):
        transport = httpx.ASGITransport(application, client=("127.0.0.1", 50000))
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8000") as client:
            full_blobs.begin()
            (error,) = (await upload(client, file))["errors"]
            full_blobs.end()
            assert error["message"] == full_blobs.told
            assert error["extensions"]["code"] == "UNAVAILABLE"
            assert "try again" in error["extensions"]["hint"]
            assert (await upload(client, file))["data"]["uploadWorkbook"]["run"]["state"] == "QUEUED"
