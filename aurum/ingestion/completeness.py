"""Which files are expected, in, late or missing; a file that is missing is noticed once, with an event."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from aurum.auth import Principal, Scope, worker_principal
from aurum.backends.events import EventLog
from aurum.errors import InvalidInput
from aurum.ingestion.delivery_store import DeliveryStore, VendorFiles
from aurum.ingestion.expectations import Arrival, Delivery, DeliveryState, Expectations, status
from aurum.ingestion.policies import Policies

FILE_MISSING = "FILE_MISSING"
MOST_DAYS = 1_100  # three years
_NOTICED = timedelta(days=35)  # how far back is looked for missing files


@dataclass(frozen=True, slots=True)
class FileDelivery:
    """A delivery with the files of its day, the first one first."""

    delivery: Delivery
    file_ids: tuple[int, ...]


class Completeness:
    def __init__(
        self, store: DeliveryStore, policies: Policies, events: EventLog, clock: Callable[[], datetime]
    ) -> None:
        self.store = store
        self.policies = policies
        self.event_log = events
        self.clock = clock

    async def deliveries(
        self, principal: Principal, first: date, last: date, vendors: Collection[str] | None = None,
        stood_at: datetime | None = None,
    ) -> list[FileDelivery]:  # fmt: skip
        """By day and vendor, both ends included: how it stands with each file that is expected, or came unexpected.

        `stood_at`: how it stood at this instant, with what was received and expected then.
        """
        principal.require(Scope.INGESTION_READ)
        if (last - first).days >= MOST_DAYS:
            raise InvalidInput(f"at most {MOST_DAYS:,} days at once", field="asOf")
        return await self._found(principal, first, last, vendors, stood_at or self.clock(), stood_at=stood_at)

    async def _found(
        self, principal: Principal, first: date, last: date, vendors: Collection[str] | None, at: datetime, *,
        by_publication: bool = False, stood_at: datetime | None = None,
    ) -> list[FileDelivery]:  # fmt: skip
        last = min(last, at.date() + timedelta(days=MOST_DAYS))
        expectations = await self.policies.expectations_in_force(worker_principal(principal.tenant), stood_at)
        begun = await self.store.vendors(principal.tenant, None if by_publication else stood_at)
        files = await self.store.arrivals(principal.tenant, first, last, by_publication=by_publication)
        arrived = [(arrival, file_id) for arrival, file_id in files if arrival.received_at <= at]
        chosen = None if vendors is None else {vendor.strip().upper() for vendor in vendors}
        found = await asyncio.to_thread(
            _deliveries, expectations, begun, [arrival for arrival, _ in arrived], first, last, chosen, at
        )
        ids: dict[tuple[str, date], list[int]] = {}
        for arrival, file_id in arrived:
            ids.setdefault((arrival.vendor, arrival.as_of), []).append(file_id)
        return [FileDelivery(each, tuple(ids.get((each.vendor, each.as_of), ()))) for each in found]

    async def missing_days(
        self, principal: Principal, first: date, last: date, vendors: Collection[str], at: datetime | None = None
    ) -> dict[date, list[str]]:
        """The days on which files of these vendors are missing (`at`: were missing then), with the vendors.

        A file is there from when its prices are known, like these.
        """
        principal.require(Scope.CURVES_READ)
        now = self.clock()
        then = None if at is None or at >= now else at
        at = then or now
        missing: dict[date, list[str]] = {}
        for each in await self._found(
            principal, first, min(last, at.date()), vendors, at, by_publication=True, stood_at=then
        ):
            if each.delivery.state is DeliveryState.MISSING:
                missing.setdefault(each.delivery.as_of, []).append(each.delivery.vendor)
        return missing

    async def notice(self) -> int:
        """Writes down, and tells, which files are missing since the last look. How many.

        Only what has become late since Aurum got the vendor's first file: a history that is loaded later was never
        due here.
        """
        noticed = 0
        for tenant in await self.store.tenants():
            principal, today = worker_principal(tenant), self.clock().date()
            begun = await self.store.vendors(tenant)
            late = [
                each.delivery
                for each in await self.deliveries(principal, today - _NOTICED, today)
                if each.delivery.state is DeliveryState.MISSING
            ]
            noticed += await self._tell(tenant, [each for each in late if _due_since(each, begun.get(each.vendor))])
        return noticed

    async def _tell(self, tenant: str, missing: list[Delivery]) -> int:
        known = await self.store.noticed(tenant, [(each.vendor, each.as_of) for each in missing])
        new = [each for each in missing if (each.vendor, each.as_of) not in known]
        if not new:
            return 0
        now = self.clock()
        async with self.store.database.write() as transaction:
            told = [each for each in new if await self.store.notice(transaction, tenant, each, now)]
            drafts = [(FILE_MISSING, _payload(each)) for each in told]
            if drafts:
                await self.event_log.append(transaction, tenant, now, drafts)
        return len(told)


def _deliveries(
    expectations: Expectations, begun: Mapping[str, VendorFiles], arrivals: list[Arrival], first: date, last: date,
    vendors: Collection[str] | None, now: datetime,
) -> list[Delivery]:  # fmt: skip
    """Blocks for as long as calendars are made."""
    starts = {vendor: expectations.starts(vendor, files.first_as_of) for vendor, files in begun.items()}
    starts |= {vendor: expectations.starts(vendor) for vendor in expectations.vendors if vendor not in begun}
    asked = {v: start for v, start in starts.items() if start is not None and (vendors is None or v in vendors)}
    expected = [
        each
        for vendor, start in asked.items()
        for each in expectations.expected(vendor, max(first, start), last, start)
    ]
    came = [each for each in arrivals if each.vendor in asked and each.as_of >= asked[each.vendor]]
    found = (_seen(each, begun.get(each.vendor)) for each in status(expected, came, now))
    return [each for each in found if each is not None]


def _seen(delivery: Delivery, files: VendorFiles | None) -> Delivery | None:
    """A delivery by what could be due here. A day before Aurum had any file of the vendor can be filled, or a gap."""
    if files is None or delivery.due_at is None or delivery.due_at > files.first_received_at:
        return delivery
    if delivery.state is DeliveryState.MISSING:
        return delivery if delivery.as_of < files.last_as_of else None
    return replace(delivery, state=DeliveryState.BACKFILLED, late_by=None)


def _due_since(delivery: Delivery, files: VendorFiles | None) -> bool:
    return delivery.due_at is not None and (files is None or delivery.due_at > files.first_received_at)


def _payload(delivery: Delivery) -> dict[str, str | None]:
    due = None if delivery.due_at is None else delivery.due_at.isoformat()
    return {"vendor": delivery.vendor, "as_of": delivery.as_of.isoformat(), "due_at": due}
