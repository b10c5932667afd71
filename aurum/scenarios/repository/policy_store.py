"""Reads and writes the policies of tenants."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Select, insert, select

from aurum.backends.database import AnyRow, Database, WriteConnection
from aurum.market.identity import fold
from aurum.scenarios.documents import read_policy, write_policy
from aurum.scenarios.policies import PolicyVersion
from aurum.scenarios.refusals import refuse_errors
from aurum.scenarios.tables import policies


@dataclass(frozen=True, slots=True)
class Registered:
    """A version of a policy; who registered it, why and when (UTC). None: Aurum ships it."""

    policy: PolicyVersion
    author: str | None = None
    reason: str | None = None
    created_at: datetime | None = None


class PolicyStore:
    def __init__(self, database: Database) -> None:
        self.database = database

    async def all(self, tenant: str) -> list[Registered]:
        """By name and version."""
        async with self.database.read() as connection:
            return [_registered(row) for row in await connection.all(_all(tenant))]

    async def held(self, transaction: WriteConnection, tenant: str) -> list[Registered]:
        """As `all`; nobody else registers any until the transaction ends."""
        await transaction.lock(f"scenario policies {tenant}")
        return [_registered(row) for row in await transaction.all(_all(tenant))]

    async def add(self, transaction: WriteConnection, tenant: str, added: Registered) -> None:
        document = write_policy(added.policy)
        row = {
            "tenant_id": tenant, "name_folded": fold(added.policy.name), "version": added.policy.version,
            "document": document, "author": added.author, "reason": added.reason, "created_at": added.created_at,
        }  # fmt: skip
        await transaction.execute(insert(policies), [row])


def _all(tenant: str) -> Select[tuple[object, ...]]:
    columns = policies.c
    return select(policies).where(columns.tenant_id == tenant).order_by(columns.name_folded, columns.version)


def _registered(row: AnyRow) -> Registered:
    policy, issues = read_policy(row.document)
    refuse_errors(issues)
    assert policy is not None  # noqa: S101  without an ERROR there is one
    return Registered(policy, row.author, row.reason, row.created_at)
