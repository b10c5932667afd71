"""Readers of the event log that go on where they were: their positions are kept in the database."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, and_, insert, literal, select, update

from aurum.backends.database import Database, Instant
from aurum.backends.events import heads, readers
from aurum.errors import NotFound

LATER_TENANTS = "*"  # the name of no tenant: where those are that have no row of their own yet


@dataclass(frozen=True, slots=True)
class Position:
    """How far a reader is in a tenant's log: it is done with everything up to `cursor`.

    Before `held_until` only the process that put it there may move on. `failing_since`: since when what follows the
    cursor has been tried in vain.
    """

    cursor: int
    held_until: datetime
    failing_since: datetime | None = None


class EventReader:
    """A reader of every tenant's log under a lasting name, in however many processes."""

    def __init__(self, database: Database, name: str) -> None:
        self.name = name
        self._database = database

    async def register(self, now: datetime) -> None:
        """Begins at the heads, the first time; later it changes nothing.

        A tenant whose first event comes after the first time is read from that event on.
        """
        async with self._database.write() as transaction:
            await transaction.lock(f"reader {self.name}")
            if await transaction.scalar(select(readers.c.cursor).where(self._at(LATER_TENANTS))) is not None:
                return
            later = {"reader": self.name, "tenant_id": LATER_TENANTS, "cursor": 0, "held_until": now}
            await transaction.execute(insert(readers).values(later))
            known = select(literal(self.name), heads.c.tenant_id, heads.c.cursor, literal(now, Instant))
            await transaction.execute(
                insert(readers).from_select(["reader", "tenant_id", "cursor", "held_until"], known)
            )

    async def position(self, tenant: str) -> Position:
        columns = readers.c
        statement = (
            select(columns.cursor, columns.held_until, columns.failing_since)
            .where(columns.reader == self.name, columns.tenant_id.in_([tenant, LATER_TENANTS]))
            .order_by((columns.tenant_id == tenant).desc())
        )
        async with self._database.read() as connection:
            row = await connection.first(statement)
        if row is None:
            raise NotFound(f"the reader {self.name} is not registered")
        return Position(*row)

    async def move(self, tenant: str, before: Position, after: Position) -> bool:
        """Whether the reader was at `before` still, and is at `after` now. Of two processes, one succeeds."""
        begin = {"reader": self.name, "tenant_id": tenant, "cursor": 0, "held_until": before.held_until}
        unmoved = and_(readers.c.cursor == before.cursor, readers.c.held_until == before.held_until)
        values = {"cursor": after.cursor, "held_until": after.held_until, "failing_since": after.failing_since}
        async with self._database.write() as transaction:
            if before.cursor == 0:
                await transaction.insert_missing(readers, [begin])
            moved = await transaction.execute(update(readers).where(self._at(tenant), unmoved).values(values))
        return moved.rowcount == 1

    def _at(self, tenant: str) -> ColumnElement[bool]:
        return and_(readers.c.reader == self.name, readers.c.tenant_id == tenant)
