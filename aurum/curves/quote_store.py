"""Reads the newest quote of each tenor of curves, on whichever day that was."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, Subquery, func, select
from sqlalchemy.sql.base import ReadOnlyColumnCollection

from aurum.curves.model import QuotedTenors, Snapshot
from aurum.curves.statements import RANK, SNAPSHOT, belongs_to, known_by
from aurum.curves.store import SnapshotStore
from aurum.curves.tables import snapshots
from aurum.market.periods import TenorType


@dataclass(frozen=True, slots=True)
class QuotedWhere:
    """In snapshots of `as_of` (None: any), as known at `known_at` (None: now), of one of `grids` (None: any)."""

    as_of: date | None
    known_at: datetime | None
    grids: Collection[int] | None

    @property
    def days(self) -> list[ColumnElement[bool]]:
        known = known_by(self.known_at)
        return [known] if self.as_of is None else [known, snapshots.c.as_of == self.as_of]

    def grid(self, columns: ReadOnlyColumnCollection[str, Any]) -> list[ColumnElement[bool]]:
        return [] if self.grids is None else [columns.grid_id.in_(self.grids)]


class QuoteStore:
    def __init__(self, store: SnapshotStore) -> None:
        self._snapshots = store

    async def grids_with(self, types: Collection[TenorType]) -> list[int]:
        """The ids of tenor grids that have such tenors."""
        grids = await self._snapshots.every_grid()
        return [id_ for id_, grid in grids.items() if any(tenor.type in types for tenor in grid)]

    async def last_quoting(
        self, tenant: str, curve_ids: Collection[int], where: QuotedWhere
    ) -> dict[int, list[Snapshot]]:
        """By curve: the snapshots that together hold the newest quote of each tenor.

        They are the newest of those that quote the same tenors: a day whose 2027 is missing hides no older 2027.
        """
        days = _last_quoting(tenant, curve_ids, where)
        statement = select(*SNAPSHOT).where(snapshots.c.id.in_(select(days.c.id).where(days.c.place == 1)))
        found: dict[int, list[Snapshot]] = {}
        for snapshot in await self._snapshots.those(tenant, statement):
            found.setdefault(snapshot.curve_id, []).append(snapshot)
        return found

    async def last_quoted(
        self, tenant: str, curve_ids: Collection[int], where: QuotedWhere
    ) -> dict[int, tuple[QuotedTenors, ...]]:
        """By curve: what those of `last_quoting` quote, the newest first."""
        days = _last_quoting(tenant, curve_ids, where)
        columns = [days.c[name] for name in ("curve_id", "grid_id", "quoted")]
        statement = select(*columns).where(days.c.place == 1).order_by(days.c.as_of.desc())
        async with self._snapshots.database.read() as connection:
            rows = await connection.all(statement)
        shared = await self._snapshots.grids_of({row.grid_id for row in rows})
        found: dict[int, tuple[QuotedTenors, ...]] = {}
        for curve_id, grid_id, quoted in rows:
            found[curve_id] = (*found.get(curve_id, ()), QuotedTenors(shared[grid_id], bytes(quoted)))
        return found

    def quoting(self, where: QuotedWhere) -> Callable[[ColumnElement[int]], ColumnElement[bool]]:
        """The condition that a curve has such a snapshot, for the catalogue."""
        columns = snapshots.c

        def condition(curve_id: ColumnElement[int]) -> ColumnElement[bool]:
            # Not EXISTS, which PostgreSQL answers for all curves at once, however few are wanted.
            one = select(columns.id).where(columns.curve_id == curve_id, *where.days, *where.grid(columns)).limit(1)
            return one.scalar_subquery().is_not(None)

        return condition


def _last_quoting(tenant: str, curve_ids: Collection[int], where: QuotedWhere) -> Subquery:
    """The newest versions of days, and their `place` among those of the curve that quote the same tenors."""
    columns = snapshots.c
    newest_version = [columns[name].desc() for name in RANK]
    versions = (
        select(
            *(columns[name] for name in ("id", "curve_id", "as_of", "grid_id", "quoted")),
            _place([columns.curve_id, columns.as_of], newest_version),
        )
        .where(belongs_to(tenant), columns.curve_id.in_(curve_ids), *where.days)
        .subquery()
    )
    current = versions.c
    alike = _place([current.curve_id, current.grid_id, current.quoted], [current.as_of.desc()])
    chosen = [current[name] for name in ("id", "curve_id", "as_of", "grid_id", "quoted")]
    return select(*chosen, alike).where(current.place == 1, *where.grid(current)).subquery()


def _place(within: Sequence[ColumnElement[Any]], order: Sequence[ColumnElement[Any]]) -> ColumnElement[int]:
    return func.row_number().over(partition_by=within, order_by=order).label("place")
