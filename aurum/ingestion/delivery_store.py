"""Reads which files came when, and keeps which were noticed to be missing."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, datetime
from typing import NamedTuple

from sqlalchemy import and_, func, insert, select

from aurum.backends.database import Database, WriteConnection
from aurum.ingestion.expectations import Arrival, Delivery
from aurum.ingestion.tables import missing_files, policies, source_files


class VendorFiles(NamedTuple):
    """Since when a vendor's files have been coming, and how far they go."""

    first_as_of: date
    last_as_of: date
    first_received_at: datetime


class DeliveryStore:
    def __init__(self, database: Database) -> None:
        self.database = database

    async def tenants(self) -> list[str]:
        """Whose files have been loaded, or are expected by what an operator has set."""
        async with self.database.read() as connection:
            loaded = select(source_files.c.tenant_id).where(source_files.c.published_at.is_not(None)).distinct()
            expecting = select(policies.c.tenant_id).where(policies.c.name == "expectations").distinct()
            return sorted({row[0] for row in [*await connection.all(loaded), *await connection.all(expecting)]})

    async def vendors(self, tenant: str, received_by: datetime | None = None) -> dict[str, VendorFiles]:
        """The vendors of loaded files."""
        columns = source_files.c
        statement = (
            select(columns.vendor, func.min(columns.as_of), func.max(columns.as_of), func.min(columns.received_at))
            .where(columns.tenant_id == tenant, columns.published_at.is_not(None))
            .group_by(columns.vendor)
        )
        if received_by is not None:
            statement = statement.where(columns.received_at <= received_by)
        async with self.database.read() as connection:
            return {row[0]: VendorFiles(*row[1:]) for row in await connection.all(statement)}

    async def arrivals(
        self, tenant: str, first: date, last: date, *, by_publication: bool
    ) -> list[tuple[Arrival, int]]:
        """The loaded files of these days in order of their coming, with their ids.

        `by_publication`: as if each had come when its prices became known.
        """
        columns = source_files.c
        came = columns.published_at if by_publication else columns.received_at
        statement = (
            select(columns.vendor, columns.as_of, came, columns.id)
            .where(columns.tenant_id == tenant, columns.published_at.is_not(None), columns.as_of.between(first, last))
            .order_by(came, columns.id)
        )
        async with self.database.read() as connection:
            return [(Arrival(*row[:3]), row.id) for row in await connection.all(statement)]

    async def noticed(self, tenant: str, days: Collection[tuple[str, date]]) -> set[tuple[str, date]]:
        """Which of these vendors' days are known to be missing."""
        columns = missing_files.c
        statement = select(columns.vendor, columns.as_of).where(
            columns.tenant_id == tenant, columns.as_of.in_({as_of for _, as_of in days})
        )
        async with self.database.read() as connection:
            return {(row.vendor, row.as_of) for row in await connection.all(statement)}

    async def notice(self, transaction: WriteConnection, tenant: str, missing: Delivery, at: datetime) -> bool:
        """Whether it had not been noticed before."""
        row = {"tenant_id": tenant, "vendor": missing.vendor, "as_of": missing.as_of, "due_at": missing.due_at,
               "noticed_at": at}  # fmt: skip
        await transaction.lock(f"missing {tenant}")
        columns = missing_files.c
        same = and_(columns.tenant_id == tenant, columns.vendor == missing.vendor, columns.as_of == missing.as_of)
        if await transaction.scalar(select(columns.noticed_at).where(same)) is not None:
            return False
        await transaction.execute(insert(missing_files).values(**row))
        return True
