"""The serving database: SQLite when embedded, PostgreSQL when served; one way to read, one way to write."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeAlias

import asyncpg
import sqlalchemy as sa
from sqlalchemy import (
    JSON,
    BigInteger,
    DateTime,
    Dialect,
    Executable,
    Integer,
    MetaData,
    Row,
    event,
    text,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import URL, Connection, CursorResult, make_url
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.types import TypeDecorator

from aurum.backends.behind import Behind
from aurum.backends.interruptible import interruptible
from aurum.backends.outages import outages
from aurum.backends.reads import Driver, Read
from aurum.backends.unfit import check_texts, checked_json, ordered
from aurum.errors import InvalidInput

tables = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)
AnyRow: TypeAlias = Row[*tuple[Any, ...]]
Json = JSON(none_as_null=True).with_variant(postgresql.JSONB(none_as_null=True), "postgresql")
# Sorts by code point on both databases.
Text = sa.Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")
Id = BigInteger().with_variant(Integer(), "sqlite")
_PLANNED_ONCE = {"plan_cache_mode": "force_generic_plan"}  # whatever the values are
_OPENING_SECONDS = 60.0
_GIVING_UP_SECONDS = 2.0
_LATE_SECONDS = 5.0


class Instant(TypeDecorator[datetime]):
    """An instant in UTC: aware in Python, `timestamptz` in PostgreSQL, text in UTC in SQLite."""

    impl = DateTime
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> Any:
        return dialect.type_descriptor(DateTime(timezone=dialect.name == "postgresql"))

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"an instant needs a time zone: {value}")
        instant = value.astimezone(UTC)
        return instant if dialect.name == "postgresql" else instant.replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)


class ReadConnection:
    """Reads; the database itself refuses it every write."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    @property
    def dialect(self) -> str:
        return self._connection.dialect.name

    async def all(self, statement: Executable) -> Sequence[AnyRow]:
        return (await self._connection.execute(statement)).all()

    async def first(self, statement: Executable) -> AnyRow | None:
        return (await self._connection.execute(statement)).first()

    async def scalar(self, statement: Executable) -> Any:
        return (await self._connection.execute(statement)).scalar()


class WriteConnection(ReadConnection):
    """One transaction: everything or nothing. What waits for the commit is called after it, in order."""

    def __init__(self, connection: AsyncConnection) -> None:
        super().__init__(connection)
        self._after_commit: list[Callable[[], None]] = []

    async def execute(self, statement: Executable, rows: Sequence[dict[str, Any]] | None = None) -> CursorResult[Any]:
        return await self._connection.execute(statement, rows)

    async def insert_missing(self, table: sa.Table, rows: Sequence[dict[str, Any]]) -> None:
        """Inserts rows; one that breaks a uniqueness is left out."""
        dialect = postgresql if self.dialect == "postgresql" else sqlite
        await self._connection.execute(dialect.insert(table).on_conflict_do_nothing(), rows)

    async def lock(self, name: str) -> None:
        """Waits until no other transaction holds the lock; held until the end of this one.

        SQLite has one writer at a time anyway.
        """
        if self.dialect == "postgresql":
            await self._connection.execute(
                text("SELECT pg_advisory_xact_lock(hashtextextended(:name, 0))"), {"name": name}
            )

    def after_commit(self, callback: Callable[[], None]) -> None:
        self._after_commit.append(callback)

    def committed(self) -> None:
        for callback in self._after_commit:
            callback()


class Database:
    """Pools over one database: readers, which cannot write; writers; drivers for what is read often (`reads.py`)."""

    def __init__(self, url: str, *, pool_size: int = 10, statement_timeout_seconds: float = 60.0) -> None:
        self.url = make_url(url)
        self._behind = Behind()
        if self.url.get_backend_name() == "sqlite":
            self._reader, self._writer = _sqlite(self.url, "PRAGMA query_only=ON"), _sqlite(self.url, None)
            self._drivers = dict[bool, Driver]()
        else:
            milliseconds = int(statement_timeout_seconds * 1000)
            self._reader = _postgresql(self.url, pool_size, milliseconds, self._behind, read_only=True)
            self._writer = _postgresql(self.url, max(2, pool_size // 2), milliseconds, self._behind, read_only=False)
            settings, patience = _settings(milliseconds, read_only=True), _patience(milliseconds, read_only=True)
            self._drivers = {  # by whether statements are planned for their values
                False: Driver(self.url, pool_size, settings | _PLANNED_ONCE, patience, self._behind),
                True: Driver(self.url, max(2, pool_size // 2), settings, patience, self._behind),
            }
        self._observers: list[Callable[..., None]] = []

    @property
    def packs(self) -> bool:
        """Whether a column is read faster in one piece (`columns.py`)."""
        return bool(self._drivers)

    async def rows(self, read: Read, **parameters: Any) -> Sequence[Sequence[Any]]:
        """The rows of a statement that is read often, by its parameters."""
        with outages():
            if not self._drivers:
                async with self._opened(self._reader) as connection:
                    found: Sequence[Sequence[Any]] = (await connection.execute(read.statement, parameters)).all()
                    return found
            for observer in self._observers:
                observer(None, None, read.text)
            return await self._drivers[read.by_values].rows(read.text, read.arguments(parameters))

    @asynccontextmanager
    async def read(self) -> AsyncIterator[ReadConnection]:
        with outages():
            async with self._opened(self._reader) as connection:
                yield ReadConnection(connection)

    @asynccontextmanager
    async def write(self) -> AsyncIterator[WriteConnection]:
        with outages():
            async with self._opened(self._writer) as connection, connection.begin():
                transaction = WriteConnection(connection)
                yield transaction
        transaction.committed()

    @asynccontextmanager
    async def _opened(self, engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
        """Opened to the end even where the caller is cancelled: half opened, an SQLite connection leaves its thread.

        But the caller does not wait for that: a database that is stuck may never answer.
        """
        with self._behind.awaited():
            opening = asyncio.ensure_future(_started(engine))
            try:
                connection = await asyncio.shield(opening)
            except asyncio.CancelledError:
                self._behind.leave(self._given_up(opening))
                raise
            try:
                yield connection
            except TimeoutError:  # it may be one that a proxy has forgotten
                await connection.invalidate()
                raise
            finally:
                await self._returned(connection)

    async def _given_up(self, opening: asyncio.Future[AsyncConnection]) -> None:
        with suppress(DBAPIError, OSError, PoolTimeout):  # there is nobody to be told
            await asyncio.wait([opening], timeout=_GIVING_UP_SECONDS)
            if not opening.done():
                opening.cancel()
            await self._returned(await opening)

    async def _returned(self, connection: AsyncConnection) -> None:
        if self._behind.closed:  # and its pool with it, which would never close what comes back now
            await connection.invalidate()
        await connection.close()

    async def close(self) -> None:
        await self._behind.close()
        await self._reader.dispose()
        await self._writer.dispose()
        for driver in self._drivers.values():
            await driver.close()

    def observe(self, before_statement: Callable[..., None]) -> None:
        """Calls SQLAlchemy's `before_cursor_execute` listener for every statement: tests count them."""
        self._observers.append(before_statement)
        for engine in (self._reader, self._writer):
            event.listen(engine.sync_engine, "before_cursor_execute", before_statement)


async def _started(engine: AsyncEngine) -> AsyncConnection:
    async with asyncio.timeout(_OPENING_SECONDS):
        return await engine.connect()


def _sqlite(url: URL, pragma: str | None) -> AsyncEngine:
    engine = create_async_engine(
        url,
        pool_size=1 if pragma is None else 8,
        max_overflow=0 if pragma is None else 8,
        connect_args={"async_creator_fn": interruptible},
        json_serializer=lambda value: checked_json(json.dumps(ordered(value))),
    )

    @event.listens_for(engine.sync_engine, "before_cursor_execute")
    def check(_: Any, _cursor: Any, _statement: str, given: Any, *_context: Any) -> None:
        for row in given if isinstance(given, list) else [given]:  # a list: of the rows of many
            check_texts(row)

    @event.listens_for(engine.sync_engine, "connect")
    def configure(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # SQLAlchemy says BEGIN itself, below
        cursor = connection.cursor()
        # FULL: a commit that was answered survives a power cut too.
        for statement in ("busy_timeout=30000", "synchronous=FULL", "foreign_keys=ON"):
            cursor.execute(f"PRAGMA {statement}")
        _set_wal(cursor)
        if pragma:
            cursor.execute(pragma)
        cursor.close()

    @event.listens_for(engine.sync_engine, "begin")
    def begin(connection: Connection) -> None:
        # IMMEDIATE: two writers queue up instead of failing when the second one turns from reading to writing.
        connection.exec_driver_sql("BEGIN" if pragma else "BEGIN IMMEDIATE")

    return engine


def _set_wal(cursor: Any) -> None:
    """SQLite does not wait for this one: the first connections of a process may meet in it, for milliseconds."""
    for left in reversed(range(50)):
        try:
            cursor.execute("PRAGMA journal_mode=WAL")
            return
        except sqlite3.OperationalError as error:
            if not left or "locked" not in str(error):
                raise
            time.sleep(0.002)


def _postgresql(url: URL, pool_size: int, statement_timeout: int, behind: Behind, *, read_only: bool) -> AsyncEngine:
    engine = create_async_engine(
        url,
        pool_size=pool_size,
        max_overflow=0,
        pool_pre_ping=not read_only,
        isolation_level="AUTOCOMMIT" if read_only else "READ COMMITTED",
        connect_args={
            "server_settings": _settings(statement_timeout, read_only=read_only),
            "command_timeout": _patience(statement_timeout, read_only=read_only),
        },
    )
    # Nobody waits for a server that may not be heard any more: neither who was cancelled, nor who closes the pool.
    dialect: Any = engine.sync_engine.dialect
    dialect.do_close = lambda connection: connection.driver_connection.terminate()
    dialect.do_terminate = lambda connection: _leave(behind, connection.driver_connection)
    return engine


def _leave(behind: Behind, connection: Any) -> None:
    """A task of a database that is closed could outlive its event loop."""
    if behind.closed:
        connection.terminate()
    else:
        behind.leave(_ended(connection))


async def _ended(connection: Any) -> None:
    """With the statement that runs on it."""
    with suppress(TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError, OSError):
        await connection.close(timeout=_GIVING_UP_SECONDS)


def _patience(statement_timeout: int, *, read_only: bool) -> float:
    """Seconds after which a server that has not even ended the statement is not there any more; many write in one."""
    return statement_timeout / 1000 * (1 if read_only else 10) + _LATE_SECONDS


def _settings(statement_timeout: int, *, read_only: bool) -> dict[str, str]:
    settings = {
        "application_name": "aurum",
        "timezone": "UTC",
        "jit": "off",
        "statement_timeout": str(statement_timeout),
    }
    reading = {"default_transaction_read_only": "on", "plan_cache_mode": "force_custom_plan"}
    return settings | reading if read_only else settings


def migrate(url: str, revision: str = "head") -> None:
    """Brings the database up to `head`, or down to an older revision. Blocks; run it off the event loop.

    Raises InvalidInput for a revision that is not there, be it the database's own: of a newer version of Aurum.
    """
    from alembic import command
    from alembic.config import Config
    from alembic.util import CommandError

    config = Config()
    config.set_main_option("script_location", str(_migrations()))
    config.attributes["url"] = url
    prepare(url)
    try:
        with outages():
            (command.upgrade if revision == "head" else command.downgrade)(config, revision)
    except CommandError as error:
        hint = "Revisions are the numbers of the files in migrations/versions; a newer database needs a newer Aurum."
        raise InvalidInput(f"the database cannot be brought to {revision!r}: {error}", hint=hint) from error


def place(url: str) -> str:
    """Which database it is, for people: without the password."""
    return make_url(url).set(query={}).render_as_string(hide_password=True)


def prepare(url: str) -> None:
    """Makes the folder of an SQLite file."""
    parsed = make_url(url)
    if parsed.get_backend_name() == "sqlite" and parsed.database:
        Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)


def _migrations() -> Path:
    import migrations

    return Path(migrations.__path__[0])
