"""Reads which days curves have, but no price."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, case, func, select, tuple_

from aurum.backends.database import Database, ReadConnection
from aurum.curves.model import AsOfDay, Coverage, DayKnown
from aurum.curves.statements import RANK, known_by
from aurum.curves.tables import snapshots, vendor_days


class CoverageStore:
    def __init__(self, database: Database) -> None:
        self.database = database

    async def day_known(
        self, connection: ReadConnection, tenant: str, curve_ids: Select[Any], as_of: date, file_id: int
    ) -> DayKnown:
        """Of the curves that `curve_ids` selects, on a connection that the caller holds."""
        columns = snapshots.c
        of_file = case((columns.file_id == file_id, columns.published_at))
        statement = select(func.max(columns.published_at), func.min(of_file), func.count(columns.author) > 0).where(
            columns.tenant_id == tenant, columns.as_of == as_of, columns.curve_id.in_(curve_ids)
        )
        row = await connection.first(statement)
        assert row is not None  # noqa: S101  an aggregate always answers a row
        return DayKnown(row[0], row[1], bool(row[2]))

    async def coverage(self, curve_ids: Select[Any], known_at: datetime | None = None) -> dict[int, Coverage]:
        """By curve: its days with prices, as known at `known_at`. Like `days` it reads indexes, not rows."""
        columns = snapshots.c
        chosen = and_(columns.curve_id.in_(curve_ids), known_by(known_at))
        days = select(columns.curve_id, columns.as_of).where(chosen).distinct().subquery()
        blank = _blank(chosen, known_at).subquery()
        same_day = and_(blank.c.curve_id == days.c.curve_id, blank.c.as_of == days.c.as_of)
        as_of = days.c.as_of
        statement = (
            select(days.c.curve_id, func.min(as_of), func.max(as_of), func.count(as_of))
            .outerjoin_from(days, blank, same_day)
            .where(blank.c.curve_id.is_(None))
            .group_by(days.c.curve_id)
        )
        async with self.database.read() as connection:
            return {row[0]: Coverage(row[1], row[2], row[3]) for row in await connection.all(statement)}

    async def days(self, curve_ids: Select[Any], first: date, last: date, known_at: datetime | None) -> list[AsOfDay]:
        """Dates with prices of the curves that `curve_ids` selects, oldest first, as known at `known_at`.

        Both statements read an index alone; what is in quarantine with every point is rare, and read apart.
        """
        columns, chosen = snapshots.c, and_(snapshots.c.curve_id.in_(curve_ids), known_by(known_at))
        days = select(columns.as_of, func.count(columns.curve_id.distinct()), func.max(columns.published_at)).where(
            chosen, columns.as_of.between(first, last)
        )
        begun = select(columns.curve_id, func.min(columns.as_of)).where(chosen).group_by(columns.curve_id)
        async with self.database.read() as connection:
            found = await connection.all(days.group_by(columns.as_of).order_by(columns.as_of))
            firsts = {row[0]: row[1] for row in await connection.all(begun)}
            blank = await self._blank_days(connection, chosen, firsts)
        begins = sorted(firsts.values())
        counted = ((as_of, count - blank[as_of], at) for as_of, count, at in found)
        return [AsOfDay(as_of, count, bisect_right(begins, as_of), at) for as_of, count, at in counted if count]

    async def _blank_days(
        self, connection: ReadConnection, chosen: ColumnElement[bool], firsts: dict[int, date]
    ) -> Counter[date]:
        """By day: the curves that have versions, the newest without prices. Mends `firsts`, a curve's first day."""
        columns = snapshots.c
        blank = select(columns.curve_id).where(chosen, columns.points == columns.withheld_points).distinct()
        ids = [row.curve_id for row in await connection.all(blank)]
        if not ids:
            return Counter()
        quoted = (columns.points > columns.withheld_points).label("quoted")
        versions = select(columns.curve_id, columns.as_of, quoted).where(chosen, columns.curve_id.in_(ids))
        newest: dict[tuple[int, date], bool] = {}
        begun: dict[int, date] = {}
        for row in await connection.all(versions.order_by(*(columns[name] for name in RANK))):
            newest[row.curve_id, row.as_of] = row.quoted  # the newest version comes last
            if row.quoted:
                begun[row.curve_id] = min(row.as_of, begun.get(row.curve_id, row.as_of))
        for id_ in ids:
            firsts.pop(id_, None)
        firsts.update(begun)
        return Counter(as_of for (_, as_of), has_prices in newest.items() if not has_prices)

    async def vendor_days(self, tenant: str, vendor: str, before: date, limit: int) -> dict[date, int]:
        """The last days of a vendor before a date, each with the number of its changes."""
        columns = vendor_days.c
        statement = (
            select(columns.as_of, columns.revision)
            .where(columns.tenant_id == tenant, columns.vendor == vendor, columns.as_of < before)
            .order_by(columns.as_of.desc())
            .limit(limit)
        )
        async with self.database.read() as connection:
            return {row.as_of: row.revision for row in await connection.all(statement)}


def _blank(chosen: ColumnElement[bool], known_at: datetime | None) -> Select[Any]:
    """Curves and days whose newest version known at `known_at` has no price."""
    columns, other = snapshots.c, snapshots.alias()
    newer = tuple_(*(other.c[name] for name in RANK)) > tuple_(*(columns[name] for name in RANK))
    later = select(other.c.id).where(
        other.c.curve_id == columns.curve_id, other.c.as_of == columns.as_of, newer,
        *([] if known_at is None else [other.c.published_at <= known_at]),
    )  # fmt: skip
    return select(columns.curve_id, columns.as_of).where(
        chosen, columns.points == columns.withheld_points, ~later.exists()
    )
