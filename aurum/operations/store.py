"""Operations in the database."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import Select, func, insert, select, update

from aurum.backends.database import AnyRow, Database, WriteConnection
from aurum.operations.model import Operation
from aurum.operations.tables import operation_uses, operations


class OperationStore:
    def __init__(self, database: Database) -> None:
        self.database = database

    async def tenants(self) -> list[str]:
        """Those that have registered something."""
        async with self.database.read() as connection:
            rows = await connection.all(select(operations.c.tenant_id).distinct())
        return [row.tenant_id for row in rows]

    async def revision(self, tenant: str) -> int:
        """Counts the changes of a tenant's operations."""
        async with self.database.read() as connection:
            return await connection.scalar(_revision(tenant)) or 0

    async def all(self, tenant: str) -> list[Operation]:
        """Retired ones too, by id."""
        statement = select(operations).where(operations.c.tenant_id == tenant).order_by(operations.c.id)
        async with self.database.read() as connection:
            return list(map(_operation_of, await connection.all(statement)))

    async def by_ids(self, transaction: WriteConnection, tenant: str, ids: Sequence[str]) -> dict[str, Operation]:
        """Retired ones too; nobody else changes the tenant's operations until the transaction ends."""
        await transaction.lock(f"operations {tenant}")
        same = (operations.c.tenant_id == tenant) & operations.c.id.in_(ids)
        return {row.id: _operation_of(row) for row in await transaction.all(select(operations).where(same))}

    async def count(self, transaction: WriteConnection, tenant: str) -> tuple[int, int]:
        """How many there are, and how many characters their documents have together; retired ones too."""
        size = func.coalesce(func.sum(func.length(operations.c.document)), 0)
        row = await transaction.first(select(func.count(), size).where(operations.c.tenant_id == tenant))
        return (row[0], int(row[1])) if row else (0, 0)

    async def add(self, transaction: WriteConnection, tenant: str, new: Sequence[Operation]) -> None:
        revision = await self._next(transaction, tenant)
        rows = [
            {
                "tenant_id": tenant, "id": each.id, "document": each.document, "digest": each.digest,
                "registered_at": each.registered_at, "registered_by": each.registered_by, "revision": revision,
            }
            for each in new
        ]  # fmt: skip
        await transaction.execute(insert(operations), rows)

    async def retire(
        self, transaction: WriteConnection, tenant: str, ids: Sequence[str], at: datetime | None, by: str | None
    ) -> None:
        """Without `at` and `by` they are used again."""
        same = (operations.c.tenant_id == tenant) & operations.c.id.in_(ids)
        revision = await self._next(transaction, tenant)
        values = {"retired_at": at, "retired_by": by, "revision": revision}
        await transaction.execute(update(operations).where(same).values(**values))

    async def _next(self, transaction: WriteConnection, tenant: str) -> int:
        return (await transaction.scalar(_revision(tenant)) or 0) + 1

    async def uses(self, tenant: str) -> dict[str, datetime]:
        """When each was last used, by id."""
        statement = select(operation_uses.c.id, operation_uses.c.last_used_at)
        async with self.database.read() as connection:
            rows = await connection.all(statement.where(operation_uses.c.tenant_id == tenant))
        return {row.id: row.last_used_at for row in rows}

    async def note_uses(self, used: Mapping[tuple[str, str], datetime]) -> None:
        """By tenant and id; a later use that is noted already stays."""
        async with self.database.write() as transaction:
            for (tenant, id_), at in sorted(used.items()):
                row = {"tenant_id": tenant, "id": id_, "last_used_at": at}
                await transaction.insert_missing(operation_uses, [row])
                same = (operation_uses.c.tenant_id == tenant) & (operation_uses.c.id == id_)
                later = update(operation_uses).where(same & (operation_uses.c.last_used_at < at))
                await transaction.execute(later.values(last_used_at=at))


def _revision(tenant: str) -> Select[tuple[int | None]]:
    return select(func.max(operations.c.revision)).where(operations.c.tenant_id == tenant)


def _operation_of(row: AnyRow) -> Operation:
    return Operation(
        row.id, row.document, row.digest, row.registered_at, row.registered_by, row.retired_at, row.retired_by
    )
