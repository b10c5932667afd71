"""The use cases of prices. Every call says who asks; what belongs to another tenant does not exist."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import partial
from typing import Any

from aurum.auth import Principal, Scope
from aurum.backends.database import WriteConnection
from aurum.backends.events import EventLog
from aurum.curves.aggregates import AggregateService
from aurum.curves.analytics.strips import Weighting, Weights, month_weights
from aurum.curves.books import BookStore
from aurum.curves.coverage_store import CoverageStore
from aurum.curves.histories import HistoryAsked, HistoryStore
from aurum.curves.model import (
    AsOfDay,
    Change,
    Coverage,
    DayKnown,
    DayMids,
    DayPrices,
    Listed,
    PriceHistory,
    Publication,
    Snapshot,
    Span,
    Standing,
    Step,
)
from aurum.curves.movers import MoverService
from aurum.curves.moves import MoveService
from aurum.curves.quote_store import QuoteStore
from aurum.curves.quotes import QuoteService
from aurum.curves.store import Day, DayVersion, SnapshotStore
from aurum.curves.versions import VersionStore
from aurum.market.periods import DeliveryPeriod, TenorGrid
from aurum.metadata.model import Curve, CurveDescription, CurveFilter
from aurum.metadata.reference.calendars import block_hours
from aurum.metadata.service import MetadataService

CURVE_PUBLISHED = "CURVE_PUBLISHED"
CURVE_RESTATED = "CURVE_RESTATED"


@dataclass(frozen=True, slots=True)
class Published:
    """What a publication changed: curves seen for the first time, and versions added. `ids` of all its curves."""

    new_curves: int
    changes: tuple[Change, ...]
    unchanged: int
    ids: tuple[int, ...]

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
        self.version_store = VersionStore(store)
        self.histories = HistoryStore(store, store.kept.most_bytes)
        self.books = BookStore(store, store.kept.most_bytes)
        self.moves = MoveService(self.books, metadata)
        self.movers = MoverService(self.books, metadata, self.moves)
        self.aggregates = AggregateService(self.books, metadata)
        self.quotes = QuoteService(QuoteStore(store), metadata)
        self.coverages = CoverageStore(store.database)
        self.metadata = metadata
        self.event_log = events

    async def publish(
        self,
        transaction: WriteConnection,
        principal: Principal,
        publication: Publication,
        descriptions: Sequence[CurveDescription],
    ) -> Published:
        """Adds a version of each curve that changed; `descriptions` is parallel to the prices.

        The caller appends the events, last in its transaction.
        """
        principal.require(Scope.CURVES_WRITE)
        await self.lock(transaction, principal, publication.vendor)
        ids, new = await self.metadata.register(transaction, principal, descriptions, publication.recorded_at)
        changes = await self.version_store.add(transaction, principal.tenant, publication, ids)
        return Published(new, tuple(changes), len(ids) - len(changes), tuple(ids))

    async def amend(
        self, transaction: WriteConnection, principal: Principal, publication: Publication, curve_ids: Sequence[int]
    ) -> Published:
        """Adds versions of curves that are there, as a person has decided; `curve_ids` is parallel to the prices.

        The caller holds the vendor's lock since it read what it changes, and appends the events.
        """
        principal.require(Scope.CURVES_WRITE)
        changes = await self.version_store.add(transaction, principal.tenant, publication, curve_ids)
        return Published(0, tuple(changes), len(curve_ids) - len(changes), tuple(curve_ids))

    async def lock(self, transaction: WriteConnection, principal: Principal, vendor: str) -> None:
        """Two publications of a vendor never race for a version number or a new curve."""
        await transaction.lock(f"publish {principal.tenant} {vendor}")

    async def newest_of_day(
        self, transaction: WriteConnection, principal: Principal, as_of: date, curve_ids: Collection[int]
    ) -> dict[int, Snapshot]:
        """By curve: the newest version of exactly this day, read within the transaction."""
        principal.require(Scope.CURVES_READ)
        return await self.store.newest_of_day(transaction, principal.tenant, as_of, curve_ids)

    async def day_known(
        self, transaction: WriteConnection, principal: Principal, vendor: str, as_of: date, file_id: int
    ) -> DayKnown:
        """What is known of a vendor's day, read within the transaction."""
        principal.require(Scope.CURVES_READ)
        ids = self.metadata.ids_matching(principal, CurveFilter(vendors=(vendor,)))
        return await self.coverages.day_known(transaction, principal.tenant, ids, as_of, file_id)

    async def vendor_days(self, principal: Principal, vendor: str, *, before: date, limit: int) -> dict[date, int]:
        """The last days with prices of a vendor before a date; a number that differs whenever a day has changed."""
        principal.require(Scope.CURVES_READ)
        return await self.coverages.vendor_days(principal.tenant, vendor, before, limit)

    async def mids(self, principal: Principal, vendor: str, days: Collection[date]) -> dict[date, dict[str, DayMids]]:
        """By day and curve key: the mids of a vendor's curves as they are known now."""
        principal.require(Scope.CURVES_READ)
        keys = await self.metadata.keys(principal, vendor)
        ids = self.metadata.ids_matching(principal, CurveFilter(vendors=(vendor,)))
        found = await self.store.mids(principal.tenant, ids, days)
        return {day: {keys[id_]: mids for id_, mids in of_day.items()} for day, of_day in found.items()}

    async def head(self, principal: Principal) -> int | None:
        """The tenant's head (`Heads`); None where nothing is kept.

        Reads to which it is given answer with what was kept since it moved, as far as they can.
        """
        principal.require(Scope.CURVES_READ)
        return await self.store.heads.of(principal.tenant) if self.store.kept.most_bytes else None

    async def snapshots(
        self,
        principal: Principal,
        curve_ids: Collection[int],
        *,
        as_of: date | None = None,
        known_at: datetime | None = None,
        head: int | None = None,
    ) -> dict[int, Snapshot]:
        """By curve: the newest as-of date on or before `as_of` (None: any), as known at `known_at` (None: now)."""
        principal.require(Scope.CURVES_READ)
        return await self.store.newest(principal.tenant, curve_ids, as_of, known_at, head)

    async def snapshots_by_id(self, principal: Principal, ids: Collection[int]) -> dict[int, Snapshot]:
        principal.require(Scope.CURVES_READ)
        return await self.store.by_id(principal.tenant, ids)

    async def listed(
        self, principal: Principal, curve_ids: Collection[int], *, as_of: date | None, known_at: datetime | None
    ) -> dict[int, list[Listed]]:
        """By curve: the one snapshot that `snapshots` answers, without prices. One statement."""
        principal.require(Scope.CURVES_READ)
        return await self.books.listed(principal.tenant, list(curve_ids), as_of, known_at)

    async def listed_days(
        self, principal: Principal, curve_ids: Collection[int], *, first: date, last: date, known_at: datetime | None
    ) -> dict[int, list[Listed]]:
        """By curve: that of every as-of date from `first` to `last`, in order, without prices. One statement."""
        principal.require(Scope.CURVES_READ)
        spans = [Span(id_, first, last) for id_ in curve_ids]
        return await self.books.listed_days(principal.tenant, spans, known_at)

    async def mids_of(self, principal: Principal, ids: Sequence[int]) -> list[DayPrices]:
        """The mids of snapshots, parallel to their ids. One statement."""
        principal.require(Scope.CURVES_READ)
        return await self.books.of_ids(principal.tenant, ids)

    async def as_of_dates(self, principal: Principal, ids: Collection[int]) -> dict[int, date]:
        """By snapshot. One statement, none without ids."""
        principal.require(Scope.CURVES_READ)
        return await self.books.as_of_dates(principal.tenant, ids) if ids else {}

    async def versions(self, principal: Principal, days: Collection[Day]) -> dict[Day, list[Snapshot]]:
        """By curve and exact as-of date: every version, the newest known first."""
        principal.require(Scope.CURVES_READ)
        return await self.store.versions(principal.tenant, days)

    async def standing(self, principal: Principal, curve_id: int) -> tuple[int, Standing | None]:
        """A curve's newest snapshot, and the cursor of the event after which it was that."""
        principal.require(Scope.CURVES_READ)
        return await self.store.standing(principal.tenant, curve_id)

    async def steps(
        self, principal: Principal, curve_id: int, versions: Collection[DayVersion]
    ) -> dict[DayVersion, Step]:
        """By as-of date and version: those that became the curve's newest snapshot, when they were stored."""
        principal.require(Scope.CURVES_READ)
        return await self.store.steps(principal.tenant, curve_id, versions)

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

    async def history(
        self,
        principal: Principal,
        curve_ids: Collection[int],
        *,
        delivery: DeliveryPeriod,
        first: date,
        last: date,
        known_at: datetime | None = None,
        head: int | None = None,
    ) -> dict[int, PriceHistory]:
        """By curve: its prices of one delivery period on the days from `first` to `last`, both included."""
        principal.require(Scope.CURVES_READ)
        asked = HistoryAsked(delivery, first, last, known_at)
        return await self.histories.of(principal.tenant, curve_ids, asked, head)

    def strip_weights(self, curve: Curve, tenors: TenorGrid, weighting: Weighting) -> Weights | None:
        """As `month_weights`. Raises NoBlockHours where months are weighted by hours that are not known."""
        return month_weights(tenors, weighting, partial(block_hours, curve))

    async def superseded_at(self, principal: Principal, ids: Collection[int]) -> dict[int, datetime]:
        principal.require(Scope.CURVES_READ)
        return await self.store.superseded_at(principal.tenant, ids)

    async def coverage(
        self, principal: Principal, curve_ids: Collection[int], *, known_at: datetime | None = None
    ) -> dict[int, Coverage]:
        principal.require(Scope.CURVES_READ)
        ours = self.metadata.ids_matching(principal, CurveFilter())
        return await self.coverages.coverage(ours.where(ours.selected_columns.id.in_(curve_ids)), known_at)

    async def as_of_days(
        self, principal: Principal, wanted: CurveFilter, first: date, last: date, *, known_at: datetime | None = None
    ) -> list[AsOfDay]:
        principal.require(Scope.CURVES_READ)
        ids = self.metadata.ids_matching(principal, wanted)
        return await self.coverages.days(ids, first, last, known_at)

    def events(self, principal: Principal) -> EventLog:
        """Where what happens to curves is followed: CURVE_PUBLISHED and CURVE_RESTATED."""
        principal.require(Scope.CURVES_READ)
        return self.event_log
