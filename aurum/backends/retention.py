"""How long events are kept: in the background, and never at the cost of a reader that is not there yet."""

from __future__ import annotations

import logging
from datetime import datetime
from itertools import takewhile

from sqlalchemy import case, delete, func, select, update

from aurum.backends.database import Database, ReadConnection
from aurum.backends.events import events, heads, readers
from aurum.backends.readers import LATER_TENANTS

_BATCH = 1000  # events of a transaction: while it lasts, whoever appends for the tenant waits
_log = logging.getLogger(__name__)


class Retention:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def prune(self, before: datetime) -> int:
        """Forgets, tenant by tenant and oldest first, what happened before an instant. How many events it was.

        A reader that is registered still gets every event: what it has not read is kept, and so is what came after.
        """
        async with self._database.read() as connection:
            tenants = [row.tenant_id for row in await connection.all(select(heads.c.tenant_id))]
        return sum([await self._prune(tenant, before) for tenant in tenants])

    async def _prune(self, tenant: str, before: datetime) -> int:
        pruned = 0
        while True:
            async with self._database.read() as connection:
                old = await _old(connection, tenant, before)
                wanted = await _wanted_after(connection, tenant)
            upto = old[-1] if old else 0
            if wanted is not None and wanted < upto:
                _log.warning("events of %s from %d on are kept for a reader that has not read them", tenant, wanted + 1)
                upto = wanted
            if not old or upto < old[0]:
                return pruned
            pruned += await self._forget(tenant, upto)
            if len(old) < _BATCH or upto < old[-1]:
                return pruned

    async def _forget(self, tenant: str, upto: int) -> int:
        ours = heads.c.tenant_id == tenant
        async with self._database.write() as transaction:
            await transaction.execute(update(heads).where(ours, heads.c.pruned < upto).values(pruned=upto))
            gone = await transaction.execute(
                delete(events).where(events.c.tenant_id == tenant, events.c.cursor <= upto)
            )
        return gone.rowcount


async def _old(connection: ReadConnection, tenant: str, before: datetime) -> list[int]:
    """The oldest cursors, as far as all of them are old."""
    oldest = (
        select(events.c.cursor, events.c.occurred_at)
        .where(events.c.tenant_id == tenant)
        .order_by(events.c.cursor)
        .limit(_BATCH)
    )
    rows = await connection.all(oldest)
    return [row.cursor for row in takewhile(lambda row: row.occurred_at < before, rows)]


async def _wanted_after(connection: ReadConnection, tenant: str) -> int | None:
    """The position of the reader that is the furthest behind. One that has none of the tenant's yet begins at 0."""
    own = func.max(case((readers.c.tenant_id == tenant, readers.c.cursor), else_=0))
    behind = select(own).where(readers.c.tenant_id.in_([tenant, LATER_TENANTS])).group_by(readers.c.reader)
    return min((row[0] for row in await connection.all(behind)), default=None)
