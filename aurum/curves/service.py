"""The use cases of prices. Every call says who asks; what belongs to another tenant does not exist."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from aurum.auth import Principal, Scope
from aurum.backends.database import WriteConnection
from aurum.backends.events import Event, EventLog
from aurum.curves.model import AsOfDay, Change, Coverage, Publication, Snapshot
from aurum.curves.store import Day, SnapshotStore
from aurum.metadata.model import CurveFilter
from aurum.metadata.service import MetadataService

CURVE_PUBLISHED = "CURVE_PUBLISHED"
CURVE_RESTATED = "CURVE_RESTATED"


@dataclass(frozen=True, slots=True)
class Published:
    """What a publication changed: curves seen for the first time, and versions added."""

    new_curves: int
    changes: tuple[Change, ...]
    unchanged: int

    @property
    def events(self) -> list[tuple[str, dict[str, Any]]]:
        """One event a change, for the event log."""
        return [
            (
                CURVE_PUBLISHED if change.version == 1 else CURVE_RESTATED,
                {"curve_id": change.curve_id, "as_of": change.as_of.isoformat(), "version": change.version},
            )
            for change in self.changes
        ]


class CurveService:
    def __init__(self, store: SnapshotStore, metadata: MetadataService, events: EventLog) -> None:
        self.store = store
        self.metadata = metadata
        self.event_log = events

    async def publish(self, transaction: WriteConnection, principal: Principal, publication: Publication) -> Published:
        """Adds a version of each curve that changed. The caller appends the events, last in its transaction."""
        principal.require(Scope.CURVES_WRITE)
        # Two publications of a vendor never race for a version number or a new curve.
        await transaction.lock(f"publish {principal.tenant} {publication.vendor}")
        ids, new = await self.metadata.register(
            transaction,
            principal,
            [description for description, _ in publication.curves],
            publication.recorded_at,
        )
        changes = await self.store.add(transaction, principal.tenant, publication, ids)
        return Published(new, tuple(changes), len(ids) - len(changes))

    async def snapshots(
        self,
        principal: Principal,
        curve_ids: Collection[int],
        *,
        as_of: date | None = None,
        known_at: datetime | None = None,
    ) -> dict[int, Snapshot]:
        """By curve: the newest as-of date on or before `as_of` (None: any), as known at `known_at` (None: now)."""
        principal.require(Scope.CURVES_READ)
        return await self.store.newest(principal.tenant, curve_ids, as_of, known_at)

    async def snapshots_of_days(
        self, principal: Principal, days: Collection[Day], *, known_at: datetime | None = None
    ) -> dict[Day, Snapshot]:
        """By curve and exact as-of date."""
        principal.require(Scope.CURVES_READ)
        return await self.store.of_days(principal.tenant, days, known_at)

    async def snapshots_by_id(self, principal: Principal, ids: Collection[int]) -> dict[int, Snapshot]:
        principal.require(Scope.CURVES_READ)
        return await self.store.by_id(principal.tenant, ids)

    async def versions(self, principal: Principal, days: Collection[Day]) -> dict[Day, list[Snapshot]]:
        """By curve and exact as-of date: every version, the newest known first."""
        principal.require(Scope.CURVES_READ)
        return await self.store.versions(principal.tenant, days)

    async def series(
        self,
        principal: Principal,
        curve_ids: Collection[int],
        *,
        first: date,
        last: date,
        known_at: datetime | None = None,
        limit: int,
        descending: bool = False,
    ) -> dict[int, list[Snapshot]]:
        """By curve: its days from `first` to `last`, both included, in order; at most `limit` of them."""
        principal.require(Scope.CURVES_READ)
        return await self.store.series(principal.tenant, curve_ids, first, last, known_at, limit, descending)

    async def superseded_at(self, principal: Principal, ids: Collection[int]) -> dict[int, datetime]:
        principal.require(Scope.CURVES_READ)
        return await self.store.superseded_at(principal.tenant, ids)

    async def coverage(self, principal: Principal, curve_ids: Collection[int]) -> dict[int, Coverage]:
        principal.require(Scope.CURVES_READ)
        return await self.store.coverage(principal.tenant, curve_ids)

    async def as_of_days(self, principal: Principal, wanted: CurveFilter, first: date, last: date) -> list[AsOfDay]:
        principal.require(Scope.CURVES_READ)
        return await self.store.days(principal.tenant, self.metadata.ids_matching(principal, wanted), first, last)

    async def newest_days_by_grid(self, principal: Principal, curve_ids: Collection[int]) -> list[Day]:
        principal.require(Scope.CURVES_READ)
        return await self.store.newest_days_by_grid(principal.tenant, curve_ids)

    def events(self, principal: Principal, after: int | None) -> AsyncIterator[Event]:
        """Publications and restatements after a cursor (None: from now on), without end."""
        principal.require(Scope.CURVES_READ)
        return self.event_log.follow(principal.tenant, after, (CURVE_PUBLISHED, CURVE_RESTATED))
