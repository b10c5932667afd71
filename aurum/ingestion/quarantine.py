"""Points that are not served until somebody has decided: accepted, corrected or rejected, with who and why.

A decision that changes what is served is a new version of the curve's day, known from now on. With four eyes, what
one person proposes another one releases.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from math import isfinite
from typing import NamedTuple

from aurum.auth import Principal, Scope
from aurum.backends.database import Database, WriteConnection
from aurum.backends.events import EventLog
from aurum.backends.paging import Page, PageRequest
from aurum.curves.model import CurvePrices, Publication, Snapshot
from aurum.curves.service import CurveService, Published
from aurum.errors import Conflict, InvalidInput, NotFound, SamePerson
from aurum.ingestion.model import (
    Decision,
    PointPrices,
    Quarantined,
    QuarantineFilter,
    QuarantineState,
    Resolution,
)
from aurum.ingestion.policies import reason_of
from aurum.ingestion.quarantine_store import QuarantineStore

QUARANTINE_RESOLVED = "QUARANTINE_RESOLVED"
MOST_AT_ONCE = 1_000
_MOMENT = timedelta(microseconds=1)
_STATES = {
    Decision.ACCEPT: QuarantineState.ACCEPTED,
    Decision.CORRECT: QuarantineState.CORRECTED,
    Decision.REJECT: QuarantineState.REJECTED,
}


@dataclass(frozen=True, slots=True)
class Ruling:
    """What is decided about a point: its state from now on and, where what is served changes, its prices."""

    item: Quarantined
    decision: Decision
    state: QuarantineState
    prices: PointPrices
    serves: bool


class _Book(NamedTuple):
    """Curves of a day that were read from one file: they get their versions together."""

    vendor: str
    as_of: date
    file_id: int | None
    run_id: int | None


class Quarantine:
    def __init__(
        self, database: Database, curves: CurveService, events: EventLog, clock: Callable[[], datetime], *,
        four_eyes: bool,
    ) -> None:  # fmt: skip
        self.store = QuarantineStore(database)
        self.database = database
        self.curves = curves
        self.event_log = events
        self.clock = clock
        self.four_eyes = four_eyes

    async def page(self, principal: Principal, wanted: QuarantineFilter, request: PageRequest) -> Page[Quarantined]:
        principal.require(Scope.INGESTION_READ)
        return await self.store.page(principal.tenant, wanted, request)

    async def count(self, principal: Principal, wanted: QuarantineFilter) -> int:
        principal.require(Scope.INGESTION_READ)
        return await self.store.count(principal.tenant, wanted)

    async def by_id(self, principal: Principal, ids: Collection[int]) -> dict[int, Quarantined]:
        principal.require(Scope.INGESTION_READ)
        return await self.store.by_id(principal.tenant, ids)

    async def resolutions(self, principal: Principal, ids: Collection[int]) -> dict[int, list[Resolution]]:
        principal.require(Scope.INGESTION_READ)
        return await self.store.resolutions(principal.tenant, ids)

    async def resolve(
        self, principal: Principal, ids: Collection[int], decision: Decision, reason: str,
        prices: PointPrices | None = None,
    ) -> list[Quarantined]:  # fmt: skip
        """Decides about points, all of them or none. `prices` are those of CORRECT; None in it is not quoted.

        Raises NotFound, InvalidInput where the decision does not fit a point, Conflict where it comes too late,
        SamePerson where four eyes are asked for and these are the same two.
        """
        principal.require(Scope.INGESTION_RESOLVE)
        why, wanted = reason_of(reason), sorted(set(ids))
        _check(wanted, decision, prices)
        vendors = {item.vendor for item in (await self.store.by_id(principal.tenant, wanted)).values()}
        async with self.database.write() as transaction:
            for vendor in sorted(vendors):
                await self.curves.lock(transaction, principal, vendor)
            items = await self.store.held(transaction, principal.tenant, wanted)
            for id_ in wanted:
                if id_ not in items:
                    raise NotFound(f"there is no point {id_} in quarantine", id=id_)
            proposals = await self.store.proposals(transaction, principal.tenant, wanted)
            rulings = [self._rule(principal, items[id_], decision, prices, proposals.get(id_)) for id_ in wanted]
            now = self.clock()
            published = await self._serve(transaction, principal, rulings, why, now)
            versions = {(change.curve_id, change.as_of): change.version for one in published for change in one.changes}
            made = [
                Resolution(
                    each.item.id, decision, each.prices, principal.name, why, now,
                    versions.get((each.item.curve_id or 0, each.item.as_of)) if each.serves else None,
                )
                for each in rulings
            ]  # fmt: skip
            await self.store.decide(transaction, principal.tenant, {v.item.id: v.state for v in rulings}, made)
            told = {"ids": wanted, "decision": decision, "author": principal.name}
            drafts = [event for one in published for event in one.events]
            await self.event_log.append(transaction, principal.tenant, now, [*drafts, (QUARANTINE_RESOLVED, told)])
        found = await self.store.by_id(principal.tenant, wanted)
        return [found[id_] for id_ in wanted]

    def _rule(
        self, principal: Principal, item: Quarantined, decision: Decision, given: PointPrices | None,
        last: Resolution | None,
    ) -> Ruling:  # fmt: skip
        if item.state is QuarantineState.SUPERSEDED:
            raise Conflict(
                f"point {item.id} is superseded: another file of {item.as_of} is loaded",
                hint="Decide about the points of the newest file.",
                id=item.id,
            )
        if decision is Decision.RELEASE:
            return _released(principal, item, last)
        if decision is Decision.REJECT:
            serves = last is not None and item.state is not QuarantineState.REJECTED and item.tenor is not None
            return Ruling(item, decision, QuarantineState.REJECTED, PointPrices(None), serves)
        prices = item.prices if decision is Decision.ACCEPT else given
        if item.tenor is None or item.curve_id is None:
            raise InvalidInput(
                f"point {item.id} belongs to no curve and delivery period: it can only be rejected",
                hint="Ask the vendor for a corrected file, and load it.",
                id=item.id,
            )
        if prices is None or prices == PointPrices(None):
            raise InvalidInput(
                f"the file holds no number for point {item.id}", hint="Correct it: say the number.", id=item.id
            )
        if decision is Decision.ACCEPT and prices.mid is None:
            raise InvalidInput(
                f"the file holds a bid and an ask, but no mid, for point {item.id}",
                hint="Correct it: say the mid too, or bid and ask alone where no mid is to be served.",
                id=item.id,
            )
        state = QuarantineState.PROPOSED if self.four_eyes else _STATES[decision]
        return Ruling(item, decision, state, prices, serves=not self.four_eyes)

    async def _serve(
        self, transaction: WriteConnection, principal: Principal, rulings: Sequence[Ruling], why: str, now: datetime
    ) -> list[Published]:
        """The new versions of the curves' days."""
        books: dict[_Book, dict[int, CurvePrices]] = {}
        known_from = now
        for as_of in sorted({ruling.item.as_of for ruling in rulings}):
            of_day = [ruling for ruling in rulings if ruling.item.as_of == as_of and ruling.serves]
            ids = {ruling.item.curve_id for ruling in of_day if ruling.item.curve_id is not None}
            newest = await self.curves.newest_of_day(transaction, principal, as_of, ids) if ids else {}
            for ruling in of_day:
                snapshot = newest.get(ruling.item.curve_id or 0)
                if snapshot is not None:  # another server's clock may be ahead: what is decided last holds
                    known_from = max(known_from, snapshot.published_at + _MOMENT)
                book, curve_id = _book(ruling.item, snapshot), ruling.item.curve_id or 0
                prices = books.setdefault(book, {}).get(curve_id) or (snapshot.prices if snapshot else None)
                assert prices is not None  # noqa: S101  _book has asked
                books[book][curve_id] = _decided(prices, ruling)
        return [
            await self.curves.amend(
                transaction, principal,
                Publication(
                    book.vendor, book.as_of, known_from, known_from, now, book.file_id, list(changed.values()), None,
                    book.run_id, principal.name, why,
                ),
                list(changed),
            )
            for book, changed in books.items()
        ]  # fmt: skip


def _check(ids: Sequence[int], decision: Decision, prices: PointPrices | None) -> None:
    if not 0 < len(ids) <= MOST_AT_ONCE:
        raise InvalidInput(f"{len(ids)} points; 1 to {MOST_AT_ONCE:,} are decided about at once", field="ids")
    if (prices is not None) != (decision is Decision.CORRECT):
        raise InvalidInput("prices are given where, and only where, a point is corrected", field="mid")
    if prices is None:
        return
    given = [number for number in (prices.mid, prices.bid, prices.ask) if number is not None]
    if not given or not all(map(isfinite, given)):
        raise InvalidInput("a correction needs a mid, or a bid and an ask: numbers", field="mid")
    if (prices.bid is None) != (prices.ask is None):
        raise InvalidInput("a bid needs an ask, and an ask a bid", field="ask" if prices.ask is None else "bid")
    if given != [prices.mid] and sorted(given) != [n for n in (prices.bid, prices.mid, prices.ask) if n is not None]:
        raise InvalidInput("the mid is not between bid and ask, or the bid is above the ask", field="mid")


def _released(principal: Principal, item: Quarantined, last: Resolution | None) -> Ruling:
    if item.state is not QuarantineState.PROPOSED or last is None:
        raise Conflict(f"nothing is proposed for point {item.id}: it is {item.state.lower()}", id=item.id)
    if last.author == principal.name:
        raise SamePerson(
            f"{principal.name} has proposed what is to become of point {item.id}: somebody else releases it",
            hint="Four eyes are configured (AURUM_INGESTION__FOUR_EYES).",
            id=item.id,
        )
    return Ruling(item, Decision.RELEASE, _STATES[last.decision], last.prices, serves=True)


def _book(item: Quarantined, snapshot: Snapshot | None) -> _Book:
    if snapshot is None or snapshot.file_id != item.file_id or _place(snapshot.prices, item) is None:
        raise Conflict(
            f"point {item.id} is of a file that is not the newest of {item.as_of} any more",
            hint="Decide about the points of the newest file.",
            id=item.id,
        )
    return _Book(item.vendor, item.as_of, snapshot.file_id, snapshot.run_id)


def _place(prices: CurvePrices, item: Quarantined) -> int | None:
    wanted = item.tenor
    if wanted is None:
        return None
    same = (at for at, t in enumerate(prices.tenors) if (t.type, t.period) == (wanted.type, wanted.period))
    return next(same, None)


def _decided(prices: CurvePrices, ruling: Ruling) -> CurvePrices:
    place = _place(prices, ruling.item)
    assert place is not None  # noqa: S101  _book has asked
    if ruling.state is QuarantineState.REJECTED:
        return prices.without([place])
    return prices.with_point(place, ruling.prices.mid, ruling.prices.bid, ruling.prices.ask)
