"""The log of what changed: written in the transaction of the change, read by cursor, never skipped.

Cursors are 1, 2, 3 ... within a tenant. Whoever appends holds the tenant's head row until the commit, so cursors are
given out in the order of commits: a reader that has seen cursor n never finds a smaller one later.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import datetime
from functools import partial
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    PrimaryKeyConstraint,
    ScalarSelect,
    String,
    Table,
    bindparam,
    insert,
    select,
    update,
)

from aurum.backends.bus import Bus
from aurum.backends.database import Database, Instant, Json, WriteConnection, tables
from aurum.backends.reads import Read, among
from aurum.backends.rounds import going_on
from aurum.backends.sharing import Together
from aurum.backends.tails import Ends, Event, Tail

__all__ = ["Event", "EventLog", "Heads", "events", "head_of", "heads", "readers"]

heads = Table(
    "event_heads",
    tables,
    Column("tenant_id", String(64), primary_key=True),
    Column("cursor", BigInteger, nullable=False),
    Column("pruned", BigInteger, nullable=False, server_default="0"),  # events up to here are no longer kept
    Column("quiet", BigInteger, nullable=False, server_default="0"),  # `cursor` less this moves with what is not quiet
)
events = Table(
    "events",
    tables,
    Column("tenant_id", String(64), nullable=False),
    Column("cursor", BigInteger, nullable=False),
    Column("type", String(32), nullable=False),
    Column("occurred_at", Instant, nullable=False),
    Column("payload", Json, nullable=False),
    PrimaryKeyConstraint("tenant_id", "cursor"),
)
readers = Table(
    "event_readers",
    tables,
    Column("reader", String(64), nullable=False),
    Column("tenant_id", String(64), nullable=False),
    Column("cursor", BigInteger, nullable=False),
    Column("held_until", Instant, nullable=False),
    Column("failing_since", Instant),
    PrimaryKeyConstraint("reader", "tenant_id"),
)

_PAGE = 500
_log = logging.getLogger(__name__)


class EventLog:
    """Appends within a transaction; is followed for as long as somebody listens."""

    def __init__(self, database: Database, bus: Bus) -> None:
        self._database = database
        self._bus = bus
        self._heads: dict[str, int] = {}
        self._tails: dict[str, Tail] = {}

    async def append(
        self,
        transaction: WriteConnection,
        tenant: str,
        at: datetime,
        drafts: Sequence[tuple[str, dict[str, Any]]],
        *,
        quiet: bool = False,
    ) -> int:
        """The cursor of the last one appended. Call it last: until the commit other writers of the tenant wait.

        `quiet`: neither the catalogue nor a price has changed with it, so that what is kept of them holds (`Heads`).
        """
        first = await self._reserve(transaction, tenant, len(drafts), quiet) + 1
        await transaction.execute(
            insert(events),
            [
                {"tenant_id": tenant, "cursor": cursor, "type": type_, "occurred_at": at, "payload": payload}
                for cursor, (type_, payload) in enumerate(drafts, first)
            ],
        )
        await self._bus.announce(transaction, tenant)
        return first + len(drafts) - 1

    async def _reserve(self, transaction: WriteConnection, tenant: str, count: int, quiet: bool) -> int:
        since = (heads.c.quiet + count) if quiet else 0  # quiet events since the newest one that is not
        values = {"cursor": heads.c.cursor + count, "quiet": since}
        take = update(heads).where(heads.c.tenant_id == tenant).values(values).returning(heads.c.cursor)
        last = await transaction.scalar(take)
        if last is None:
            await transaction.insert_missing(heads, [{"tenant_id": tenant, "cursor": 0}])
            last = await transaction.scalar(take)
        return int(last) - count

    async def head(self, tenant: str) -> int:
        """The cursor of the newest event, 0 where there is none."""
        return (await self._ends(tenant)).head

    async def _ends(self, tenant: str) -> Ends:
        async with self._database.read() as connection:
            row = await connection.first(select(heads.c.cursor, heads.c.pruned).where(heads.c.tenant_id == tenant))
        return Ends(0, 0) if row is None else Ends(*row)

    async def read(
        self, tenant: str, after: int, types: Collection[str] | None = None, limit: int = _PAGE
    ) -> list[Event]:
        statement = (
            select(events)
            .where(events.c.tenant_id == tenant, events.c.cursor > after)
            .order_by(events.c.cursor)
            .limit(limit)
        )
        if types is not None:
            statement = statement.where(events.c.type.in_(types))
        async with self._database.read() as connection:
            rows = await connection.all(statement)
        return [Event(row.cursor, row.type, row.occurred_at, row.payload) for row in rows]

    @asynccontextmanager
    async def tail(self, tenant: str) -> AsyncIterator[Tail]:
        """Where the tenant's log is followed, within the context. All who follow it share what is read."""
        tail = self._tails.get(tenant)
        if tail is None:
            listen, ends = partial(self._bus.listen, tenant), partial(self._ends, tenant)
            tail = self._tails[tenant] = Tail(listen, ends, partial(self._read, tenant))
        try:
            async with tail.followed():
                yield tail
        finally:
            if not tail.followers and self._tails.get(tenant) is tail:
                del self._tails[tenant]

    async def _read(self, tenant: str, after: int, limit: int) -> list[Event]:
        return await self.read(tenant, after, limit=limit)

    async def follow(
        self, tenant: str, after: int | None, types: Collection[str] | None = None
    ) -> AsyncIterator[Event]:
        """Every event after the cursor (None: from now on), once and in order, then each new one as it is committed.

        Raises InvalidCursor where there is no such cursor yet, CursorTooOld where its successor is no longer kept.
        """
        async with self.tail(tenant) as tail:
            cursor = await tail.start(after)
            while True:
                await tail.beyond(cursor)
                for event in await tail.events(cursor):
                    cursor = event.cursor
                    if types is None or event.type in types:
                        yield event

    def listen(self, tenant: str) -> AbstractAsyncContextManager[asyncio.Event]:
        """Within the context, `changed.wait()` returns once the tenant's log has grown since the last `clear()`."""
        return self._bus.listen(tenant)

    async def tenants(self) -> set[str]:
        """Those that have events."""
        async with self._database.read() as connection:
            return {row.tenant_id for row in await connection.all(select(heads.c.tenant_id))}

    async def watch(self) -> None:
        """Wakes this process's followers when another process has committed. Runs until cancelled."""
        carrying = asyncio.create_task(self._bus.carry())
        try:
            while True:
                await asyncio.sleep(self._bus.poll_seconds)
                await self._poll()
        finally:
            carrying.cancel()
            await asyncio.gather(carrying, return_exceptions=True)

    async def _poll(self) -> None:
        """One small query, however many follow, and none while nobody does."""
        followed = self._bus.topics()
        if not followed:
            self._heads.clear()
            return
        with going_on(_log, "followers wait, because the event log cannot be read"):
            await self._look(followed)

    async def _look(self, followed: set[str]) -> None:
        statement = select(heads.c.tenant_id, heads.c.cursor).where(
            heads.c.tenant_id.in_(bindparam("tenants", expanding=True))
        )
        async with self._database.read() as connection:
            rows = await connection.all(statement.params(tenants=sorted(followed)))
        for tenant, cursor in rows:
            if self._heads.get(tenant) != cursor:
                self._heads[tenant] = cursor
                self._bus.wake(tenant)


_CHANGED = heads.c.cursor - heads.c.quiet  # so that a process of an older version, which knows no `quiet`, moves it too
_HEADS = Read(select(heads.c.tenant_id, _CHANGED).where(among(heads.c.tenant_id, "tenants")))


class Heads:
    """A tenant's head is the cursor of its newest event that is not quiet: what is read of the catalogue and of prices
    after it was asked for holds until it has moved.

    For what changes with an event alone. One read for all that ask at the same time.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._together = Together[None, str, int](self._read)

    async def of(self, tenant: str) -> int:
        """0 where there is no event."""
        return (await self._together.ask(None, [tenant])).get(tenant, 0)

    async def _read(self, _: None, tenants: list[str]) -> dict[str, int]:
        return {row[0]: row[1] for row in await self._database.rows(_HEADS, tenants=tenants)}


def head_of(tenant: str) -> ScalarSelect[int]:
    """The cursor of the newest event, null where there is none: for statements that read what it stands for."""
    return select(heads.c.cursor).where(heads.c.tenant_id == tenant).scalar_subquery()
