"""Reads and writes batches of runs."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import ColumnElement, and_, func, insert, select

from aurum.backends.database import AnyRow, Database, ReadConnection, WriteConnection
from aurum.backends.paging import Page, PageRequest, SortKey, read_page
from aurum.scenarios.batches.model import Batch, BatchFilter, BatchKind
from aurum.scenarios.runs.model import Run
from aurum.scenarios.tables import batch_runs, batches

_ORDER = [SortKey(batches.c.created_at, descending=True), SortKey(batches.c.id, descending=True)]
Known = tuple[Batch, dict[str, Any]]  # a batch, and how it was asked for


class BatchStore:
    def __init__(self, database: Database) -> None:
        self.database = database

    async def known(self, tenant: str, key: str) -> Known | None:
        """The batch that a key has asked for, and how."""
        async with self.database.read() as connection:
            return await _of_key(connection, tenant, key)

    async def of_key(self, transaction: WriteConnection, tenant: str, key: str) -> Known | None:
        """The same; nobody else uses the key until the transaction ends."""
        await transaction.lock(f"scenario batch key {tenant} {key}")
        return await _of_key(transaction, tenant, key)

    async def add(
        self, transaction: WriteConnection, tenant: str, runs: Sequence[tuple[Run, bool]], **values: Any
    ) -> Batch:
        """`runs` in order, each with whether it was queued for this."""
        row = await transaction.first(insert(batches).values(tenant_id=tenant, **values).returning(batches))
        assert row is not None  # noqa: S101  INSERT ... RETURNING answers the row
        await transaction.execute(
            insert(batch_runs),
            [
                {"batch_id": row.id, "position": n, "tenant_id": tenant, "run_id": run.id, "queued": queued}
                for n, (run, queued) in enumerate(runs)
            ],
        )
        return _batch(row)

    async def batches(self, tenant: str, ids: Collection[int]) -> dict[int, Batch]:
        statement = select(batches).where(batches.c.tenant_id == tenant, batches.c.id.in_(ids))
        async with self.database.read() as connection:
            return {row.id: _batch(row) for row in await connection.all(statement)}

    async def page(self, tenant: str, wanted: BatchFilter, request: PageRequest) -> Page[Batch]:
        """Newest first."""
        statement = select(batches).where(*_conditions(tenant, wanted))
        async with self.database.read() as connection:
            return (await read_page(connection, statement, _ORDER, request)).map(_batch)

    async def count(self, tenant: str, wanted: BatchFilter) -> int:
        statement = select(func.count()).select_from(batches).where(*_conditions(tenant, wanted))
        async with self.database.read() as connection:
            return int(await connection.scalar(statement))

    async def members(self, tenant: str, ids: Collection[int]) -> dict[int, list[tuple[int, bool]]]:
        """By batch: its runs in order, each with whether it was queued for it."""
        columns, found = batch_runs.c, dict[int, list[tuple[int, bool]]]()
        statement = select(batch_runs).where(columns.tenant_id == tenant, columns.batch_id.in_(ids))
        async with self.database.read() as connection:
            for row in await connection.all(statement.order_by(columns.batch_id, columns.position)):
                found.setdefault(row.batch_id, []).append((row.run_id, row.queued))
        return found


async def _of_key(connection: ReadConnection, tenant: str, key: str) -> Known | None:
    same = and_(batches.c.tenant_id == tenant, batches.c.idempotency_key == key)
    row = await connection.first(select(batches).where(same))
    return None if row is None else (_batch(row), row.asked)


def _conditions(tenant: str, wanted: BatchFilter) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = [batches.c.tenant_id == tenant]
    if wanted.scenario_id is not None:
        found.append(batches.c.scenario_id == wanted.scenario_id)
    return found


def _batch(row: AnyRow) -> Batch:
    return Batch(
        row.id, BatchKind(row.kind), row.scenario_id, row.idempotency_key, row.requested_by, row.created_at
    )  # fmt: skip
