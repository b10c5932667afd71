"""Fixtures for every test. What takes `database_url` or `migrated_url` runs on SQLite and on PostgreSQL."""

from __future__ import annotations

import gc
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager
from functools import partial
from pathlib import Path
from typing import TypeVar

import pytest
from hypothesis import HealthCheck, settings

from tests import servers
from tests.once import statements_compiled_once, types_made_once, written_anew
from tests.servers import PostgreSQL, Redis, ServerMissing

__all__ = ["statements_compiled_once", "types_made_once", "written_anew"]  # fixtures of every test
INSTALL = Path(__file__).with_name("install-servers")
DATABASES = ["sqlite", "postgresql"]

# Hundreds of processes are started: whatever the environment says, not each of them compiles Aurum anew.
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

# Databases are copied, written and thrown away thousands of times: in memory, where there is room. Who has said
# where is obeyed; processes of xdist are told by the first one.
MEMORY = Path("/dev/shm")
if "TMPDIR" not in os.environ and MEMORY.is_dir() and shutil.disk_usage(MEMORY).free > 8 * 2**30:
    os.environ["TMPDIR"] = tempfile.tempdir = str(MEMORY)

# How long an example takes says how busy the machine is, and nothing of the code.
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")

Server = TypeVar("Server", PostgreSQL, Redis)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files with slow tests go first: then no process has one left when the others have ended."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)


def pytest_collection_finish() -> None:
    """What is there now stays: the collector need not look at it each time."""
    gc.freeze()


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[PostgreSQL]:
    with _started(servers.postgresql) as server:
        yield server


@pytest.fixture(scope="session")
def killable_postgresql_server() -> Iterator[PostgreSQL]:
    """For tests that stop it and start it again: a cluster apart from the others' one."""
    with _started(partial(servers.postgresql, killable=True)) as server:
        yield server


@pytest.fixture(scope="session")
def redis_server() -> Iterator[Redis]:
    with _started(servers.redis) as server:
        yield server


@pytest.fixture
def postgres_url(postgresql_server: PostgreSQL) -> Iterator[str]:
    """An empty database of a real PostgreSQL."""
    yield from postgresql_database(postgresql_server)


@pytest.fixture
def redis_url(redis_server: Redis) -> str:
    """A real Redis, emptied."""
    redis_server.empty()
    return redis_server.url


@pytest.fixture(params=DATABASES)
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database: SQLite, then PostgreSQL."""
    if request.param == "sqlite":
        return sqlite_url(tmp_path / "aurum.db")
    url: str = request.getfixturevalue("postgres_url")
    return url


@pytest.fixture(params=DATABASES)
def migrated_url(request: pytest.FixtureRequest) -> str:
    """A database with the newest schema and no rows: SQLite, then PostgreSQL."""
    url: str = request.getfixturevalue(f"migrated_{request.param}_url")
    return url


@pytest.fixture
def migrated_sqlite_url(migrated_sqlite_file: Path, tmp_path: Path) -> str:
    return sqlite_url(Path(shutil.copy(migrated_sqlite_file, tmp_path)))


@pytest.fixture
def migrated_postgresql_url(postgresql_server: PostgreSQL, migrated_postgresql_template: str) -> Iterator[str]:
    yield from postgresql_database(postgresql_server, migrated_postgresql_template)


@pytest.fixture
def killable_postgresql_url(killable_postgresql_server: PostgreSQL) -> Iterator[str]:
    """A migrated database of it."""
    database = killable_postgresql_server.create()
    _migrate(killable_postgresql_server.url(database))
    yield killable_postgresql_server.url(database)
    killable_postgresql_server.drop(database)


@pytest.fixture(scope="session")
def migrated_sqlite_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("migrated") / "aurum.db"
    _migrate(sqlite_url(file))
    with closing(sqlite3.connect(file)) as connection:  # a copy of the file alone must be the whole database
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return file


@pytest.fixture(scope="session")
def migrated_postgresql_template(postgresql_server: PostgreSQL) -> str:
    template = postgresql_server.create()
    _migrate(postgresql_server.url(template))
    return template


@pytest.fixture(scope="session")
def vendor_files() -> Path:
    """The vendors' real files, which are no part of the project: `../shared`, or where AURUM_SHARED_DATA says."""
    beside = Path(__file__).resolve().parents[2] / "shared" / "data"
    folder = Path(os.environ.get("AURUM_SHARED_DATA", beside)) / "vendor"
    if not folder.is_dir():
        pytest.skip(f"the vendors' real files are not here: {folder} (AURUM_SHARED_DATA says where they are)")
    return folder


def _migrate(url: str) -> None:
    from aurum.backends.database import migrate

    with ThreadPoolExecutor(1) as thread:  # it runs an event loop of its own
        thread.submit(migrate, url).result()


def sqlite_url(file: Path) -> str:
    return f"sqlite+aiosqlite:///{file}"


def postgresql_database(server: PostgreSQL, template: str = "template1") -> Iterator[str]:
    database = server.create(template)
    yield server.url(database)
    server.drop(database)


@contextmanager
def _started(start: Callable[[], AbstractContextManager[Server]]) -> Iterator[Server]:
    with ExitStack() as stack:
        try:
            server = stack.enter_context(start())
        except ServerMissing:
            server = _started_after_installing(start, stack)
        yield server


def _started_after_installing(start: Callable[[], AbstractContextManager[Server]], stack: ExitStack) -> Server:
    in_ci = bool(os.environ.get("CI"))
    if os.geteuid() == 0 and not in_ci:
        subprocess.run([INSTALL], stdin=subprocess.DEVNULL, check=False)
    try:
        return stack.enter_context(start())
    except ServerMissing as missing:
        if in_ci:
            pytest.fail(f"{missing}: .ci/run should have installed them")
        pytest.skip(f"{missing}: tests/install-servers says how to get them")
