"""Reads and writes export jobs."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, func, insert, select, update

from aurum.backends.database import AnyRow, Database, WriteConnection
from aurum.backends.paging import Page, PageRequest, SortKey, read_page
from aurum.exports.model import Export, ExportFormat, ExportState
from aurum.exports.selections import read
from aurum.exports.tables import exports

_ALIVE = (ExportState.QUEUED, ExportState.RUNNING)


@dataclass(frozen=True, slots=True)
class Claim:
    """A job that this worker does: until another one claims it, with a higher attempt."""

    tenant: str
    export: Export


class ExportStore:
    def __init__(self, database: Database) -> None:
        self.database = database

    async def add(self, transaction: WriteConnection, tenant: str, **values: Any) -> Export:
        row = await transaction.first(insert(exports).values(tenant_id=tenant, **values).returning(exports))
        assert row is not None  # noqa: S101  INSERT ... RETURNING answers the row
        return export_of(row)

    async def held(self, transaction: WriteConnection, tenant: str) -> tuple[int, int]:
        """How many of a tenant's jobs wait or run, and how many bytes its files have."""
        await transaction.lock(f"exports {tenant}")
        ours = select(func.count(), func.coalesce(func.sum(exports.c.size), 0)).where(exports.c.tenant_id == tenant)
        waiting = await transaction.first(ours.where(exports.c.state.in_(_ALIVE)))
        kept = await transaction.first(ours.where(exports.c.state == ExportState.SUCCEEDED))
        return (waiting[0] if waiting else 0, int(kept[1]) if kept else 0)

    async def by_id(self, tenant: str, ids: Collection[int]) -> dict[int, Export]:
        statement = select(exports).where(exports.c.tenant_id == tenant, exports.c.id.in_(ids))
        async with self.database.read() as connection:
            return {row.id: export_of(row) for row in await connection.all(statement)}

    async def page(self, tenant: str, request: PageRequest) -> Page[Export]:
        """Newest first."""
        statement = select(exports).where(exports.c.tenant_id == tenant)
        async with self.database.read() as connection:
            order = [SortKey(exports.c.id, descending=True)]
            return (await read_page(connection, statement, order, request)).map(export_of)

    async def due(self, now: datetime) -> bool:
        """Whether a job waits for a worker. Few writers are disturbed by those who only look."""
        async with self.database.read() as connection:
            return await connection.scalar(select(exports.c.id).where(_due(now)).limit(1)) is not None

    async def claim(self, transaction: WriteConnection, now: datetime, until: datetime) -> Claim | None:
        """The job that is due for the longest, now RUNNING and ours; None where there is none."""
        oldest = select(exports.c.id).where(_due(now)).order_by(exports.c.due_at, exports.c.id).limit(1)
        fits = and_(exports.c.id == oldest.scalar_subquery(), _due(now))
        values = {"state": ExportState.RUNNING, "attempt": exports.c.attempt + 1, "started_at": now, "due_at": until,
                  "done": 0, "total": None}  # fmt: skip
        row = await transaction.first(update(exports).where(fits).values(**values).returning(exports))
        return None if row is None else Claim(row.tenant_id, export_of(row))

    async def change(self, transaction: WriteConnection, claim: Claim, **values: Any) -> bool:
        """False where the job is no longer ours: then nothing may be kept."""
        ours = and_(
            exports.c.id == claim.export.id, exports.c.state == ExportState.RUNNING,
            exports.c.attempt == claim.export.attempt,
        )  # fmt: skip
        return (await transaction.execute(update(exports).where(ours).values(**values))).rowcount == 1

    async def end(
        self, transaction: WriteConnection, tenant: str, export_id: int, was: Collection[ExportState], **values: Any
    ) -> Export | None:
        """The job as it is now; None where it was in none of these states, or is not there."""
        fits = and_(exports.c.tenant_id == tenant, exports.c.id == export_id, exports.c.state.in_(was))
        row = await transaction.first(update(exports).where(fits).values(**values).returning(exports))
        return None if row is None else export_of(row)

    async def expired(self, now: datetime, limit: int) -> list[tuple[str, int]]:
        """Tenants and ids of jobs whose file is kept for longer than it should be."""
        old = and_(exports.c.state == ExportState.SUCCEEDED, exports.c.expires_at <= now)
        async with self.database.read() as connection:
            rows = await connection.all(select(exports.c.tenant_id, exports.c.id).where(old).limit(limit))
        return [(row.tenant_id, row.id) for row in rows]

    async def lock_file(self, transaction: WriteConnection, digest: str) -> None:
        """Nobody else keeps or removes this file until the transaction ends."""
        await transaction.lock(f"export file {digest}")

    async def wanted(self, transaction: WriteConnection, digest: str) -> bool:
        """Whether a job has this file."""
        kept = and_(exports.c.digest == digest, exports.c.state == ExportState.SUCCEEDED)
        return await transaction.scalar(select(exports.c.id).where(kept).limit(1)) is not None


def _due(now: datetime) -> ColumnElement[bool]:
    return and_(exports.c.state.in_(_ALIVE), exports.c.due_at <= now)


def export_of(row: AnyRow) -> Export:
    return Export(
        row.id, read(row.selection), ExportFormat(row.format), ExportState(row.state), row.requested_by,
        row.created_at, row.attempt, row.done, row.total, row.started_at, row.finished_at, row.expires_at, row.size,
        row.digest, row.error_code, row.error, row.hint,
    )  # fmt: skip
