"""The log of what changed: written in the transaction of the change, read by cursor, never skipped.

Cursors are 1, 2, 3 ... within a tenant. Whoever appends holds the tenant's head row until the commit, so cursors are
given out in the order of commits: a reader that has seen cursor n never finds a smaller one later.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    PrimaryKeyConstraint,
    String,
    Table,
    bindparam,
    insert,
    select,
    update,
)

from aurum.backends.bus import Bus
from aurum.backends.database import Database, Instant, Json, WriteConnection, tables
from aurum.errors import AurumError, InvalidCursor

heads = Table(
    "event_heads",
    tables,
    Column("tenant_id", String(64), primary_key=True),
    Column("cursor", BigInteger, nullable=False),
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


@dataclass(frozen=True, slots=True)
class Event:
    cursor: int
    type: str
    occurred_at: datetime
    payload: dict[str, Any]


class EventLog:
    """Appends within a transaction; follows for as long as somebody listens.

    `poll_seconds` is how soon a commit of another process is noticed: one small query a process, whatever the number
    of followers, and none while nobody follows.
    """

    def __init__(self, database: Database, bus: Bus, poll_seconds: float = 0.25) -> None:
        self._database = database
        self._bus = bus
        self._poll_seconds = poll_seconds
        self._heads: dict[str, int] = {}

    async def append(
        self,
        transaction: WriteConnection,
        tenant: str,
        at: datetime,
        drafts: Sequence[tuple[str, dict[str, Any]]],
    ) -> int:
        """The cursor of the last one appended. Call it last: until the commit other writers of the tenant wait."""
        first = await self._reserve(transaction, tenant, len(drafts)) + 1
        await transaction.execute(
            insert(events),
            [
                {"tenant_id": tenant, "cursor": cursor, "type": type_, "occurred_at": at, "payload": payload}
                for cursor, (type_, payload) in enumerate(drafts, first)
            ],
        )
        transaction.after_commit(lambda: self._bus.wake(tenant))
        return first + len(drafts) - 1

    async def _reserve(self, transaction: WriteConnection, tenant: str, count: int) -> int:
        take = (
            update(heads)
            .where(heads.c.tenant_id == tenant)
            .values(cursor=heads.c.cursor + count)
            .returning(heads.c.cursor)
        )
        last = await transaction.scalar(take)
        if last is None:
            await transaction.insert_missing(heads, [{"tenant_id": tenant, "cursor": 0}])
            last = await transaction.scalar(take)
        return int(last) - count

    async def head(self, tenant: str) -> int:
        """The cursor of the newest event, 0 where there is none."""
        async with self._database.read() as connection:
            return int(await connection.scalar(select(heads.c.cursor).where(heads.c.tenant_id == tenant)) or 0)

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

    async def follow(
        self, tenant: str, after: int | None, types: Collection[str] | None = None
    ) -> AsyncIterator[Event]:
        """Every event after the cursor (None: from now on), once and in order, then each new one as it is committed."""
        async with self._bus.listen(tenant) as changed:
            head = await self.head(tenant)
            if after is not None and after > head:
                raise InvalidCursor(
                    f"there is no event {after} yet: the newest is {head}",
                    hint="The cursor is of another database. Read what there is now, then follow without a cursor.",
                )
            cursor = head if after is None else after
            while True:
                changed.clear()
                page = await self.read(tenant, cursor, types)
                for event in page:
                    yield event
                    cursor = event.cursor
                if len(page) < _PAGE:
                    await changed.wait()

    def listen(self, tenant: str) -> AbstractAsyncContextManager[asyncio.Event]:
        """Within the context, `changed.wait()` returns once the tenant's log has grown since the last `clear()`."""
        return self._bus.listen(tenant)

    async def tenants(self) -> set[str]:
        """Those that have events."""
        async with self._database.read() as connection:
            return {row.tenant_id for row in await connection.all(select(heads.c.tenant_id))}

    async def watch(self) -> None:
        """Wakes this process's followers when another process has committed. Runs until cancelled."""
        while True:
            await asyncio.sleep(self._poll_seconds)
            followed = self._bus.topics()
            if not followed:
                self._heads.clear()
                continue
            try:
                await self._look(followed)
            except AurumError as error:
                _log.warning("followers wait, because the event log cannot be read: %s", error.message)
            except Exception:  # noqa: BLE001  whatever it was, followers must not wait for ever
                _log.exception("the event log cannot be read")

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
