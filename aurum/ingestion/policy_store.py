"""Documents that operators edit, in versions: none is ever changed."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import and_, func, insert, select

from aurum.backends.database import AnyRow, Database, ReadConnection, WriteConnection
from aurum.errors import Conflict
from aurum.ingestion.model import Policy
from aurum.ingestion.tables import policies


class PolicyStore:
    def __init__(self, database: Database) -> None:
        self.database = database

    async def newest(self, tenant: str, name: str, at: datetime | None = None) -> Policy:
        """`at`: the one that was in force at this instant."""
        async with self.database.read() as connection:
            return await self._newest(connection, tenant, name, at)

    async def _newest(self, connection: ReadConnection, tenant: str, name: str, at: datetime | None = None) -> Policy:
        same = (policies.c.tenant_id == tenant) & (policies.c.name == name)
        if at is not None:
            same &= policies.c.known_from <= at
        row = await connection.first(select(policies).where(same).order_by(policies.c.version.desc()).limit(1))
        return _shipped(name) if row is None else _policy_of(row)

    async def newest_of(self, tenant: str, prefix: str) -> list[Policy]:
        """The newest version of each whose name begins so."""
        newest = (
            select(policies.c.name, func.max(policies.c.version).label("version"))
            .where(policies.c.tenant_id == tenant, policies.c.name.startswith(prefix, autoescape=True))
            .group_by(policies.c.name)
            .subquery()
        )
        same = and_(policies.c.name == newest.c.name, policies.c.version == newest.c.version)
        statement = select(policies).join(newest, same).where(policies.c.tenant_id == tenant)
        async with self.database.read() as connection:
            return [_policy_of(row) for row in await connection.all(statement)]

    async def versions(self, tenant: str, name: str) -> list[Policy]:
        """The newest first; the shipped one last."""
        same = (policies.c.tenant_id == tenant) & (policies.c.name == name)
        async with self.database.read() as connection:
            rows = await connection.all(select(policies).where(same).order_by(policies.c.version.desc()))
        return [*map(_policy_of, rows), _shipped(name)]

    async def add(
        self, transaction: WriteConnection, tenant: str, name: str, document: Mapping[str, Any], author: str,
        reason: str, at: datetime, replaces: int | None,
    ) -> Policy:  # fmt: skip
        """The next version. Raises Conflict where `replaces` is given and is not the newest one.

        The caller holds the document's lock.
        """
        newest = await self._newest(transaction, tenant, name)
        if replaces is not None and replaces != newest.version:
            raise Conflict(
                f"version {newest.version} has come since version {replaces}, from {newest.author}",
                hint="Read the newest version and make your change again.",
            )
        values = {"tenant_id": tenant, "name": name, "version": newest.version + 1, "document": dict(document),
                  "author": author, "reason": reason, "known_from": at}  # fmt: skip
        await transaction.execute(insert(policies).values(**values))
        return Policy(name, newest.version + 1, document, author, reason, at)


def _shipped(name: str) -> Policy:
    return Policy(name, 0, {}, "Aurum", "what Aurum ships", None)


def _policy_of(row: AnyRow) -> Policy:
    return Policy(row.name, row.version, row.document, row.author, row.reason, row.known_from)
