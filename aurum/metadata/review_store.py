"""Reads and writes who has looked at which curve: reviews are only added, and the newest one shows."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import insert, select

from aurum.backends.database import Database, WriteConnection
from aurum.metadata.model import Review
from aurum.metadata.tables import curve_reviews


class ReviewStore:
    def __init__(self, database: Database) -> None:
        self.database = database

    async def newest(self, tenant: str, curve_ids: Collection[int]) -> dict[int, Review]:
        """By curve; absent where nobody has looked at it."""
        columns = curve_reviews.c
        statement = (
            select(curve_reviews)
            .where(columns.tenant_id == tenant, columns.curve_id.in_(curve_ids))
            .order_by(columns.id)
        )
        async with self.database.read() as connection:
            rows = await connection.all(statement)
        return {row.curve_id: Review(row.author, row.reason, row.reviewed_at) for row in rows}  # the newest comes last

    async def add(self, transaction: WriteConnection, tenant: str, curve_ids: Collection[int], review: Review) -> None:
        given = {"author": review.author, "reason": review.reason, "reviewed_at": review.reviewed_at}
        rows = [{"tenant_id": tenant, "curve_id": id_, **given} for id_ in curve_ids]
        await transaction.execute(insert(curve_reviews), rows)
