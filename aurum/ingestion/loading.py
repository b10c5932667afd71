"""One load, from the bytes to the answer: parsed, checked, and published in one transaction, or refused."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any, NamedTuple

from aurum.auth import Principal
from aurum.backends.blobs import Blobs
from aurum.backends.database import Database, WriteConnection
from aurum.backends.events import EventLog
from aurum.curves.model import CurvePrices, Publication
from aurum.curves.service import CurveService, Published
from aurum.errors import AurumError, Unavailable
from aurum.ingestion import checks
from aurum.ingestion.checks import Thresholds, Verdict
from aurum.ingestion.contract_store import ContractStore
from aurum.ingestion.contracts import Checked, Facts
from aurum.ingestion.delivery_store import DeliveryStore
from aurum.ingestion.history import Basis, VendorHistory
from aurum.ingestion.model import Counts, Noted, QuarantineState, RunState, Stage, Standing, Times, is_last, standing
from aurum.ingestion.policies import Policies
from aurum.ingestion.quarantine_store import QuarantineStore, row_of
from aurum.ingestion.store import Claim, IngestionStore
from aurum.market.counts import counted
from aurum.market.periods import Tenor
from aurum.metadata.model import CurveDescription
from aurum.parsers import DEFAULT_LIMITS, parse
from aurum.parsers.model import ParsedCurve, ParsedWorkbook, Severity
from aurum.settings import IngestionSettings

INGESTION_RUN = "INGESTION_RUN"
QUARANTINED = "QUARANTINED"
_log = logging.getLogger(__name__)

Report = Callable[[Stage], None]


class Superseded(AurumError):
    """Another worker has taken the run over, or it was cancelled: nothing of this one is kept."""

    code = "SUPERSEDED"


@dataclass(frozen=True, slots=True)
class Judged:
    """A parsed file and what becomes of it."""

    parsed: ParsedWorkbook
    basis: Basis
    verdict: Verdict
    thresholds_version: int
    contract_version: int
    promises: Sequence[Checked] = ()

    @property
    def noted(self) -> list[Noted]:
        return [Noted(flag.finding, flag.points) for flag in self.verdict.flags]

    @property
    def counts(self) -> Counts:
        found = [flag.finding.severity for flag in self.verdict.flags]
        withheld = sum(map(len, self.verdict.points.values()))
        return Counts(
            sheets=len(self.parsed.sheets), curves=len(self.parsed.curves), points=self.parsed.points,
            loaded=0 if self.verdict.refusal else self.parsed.points - withheld,
            withheld=0 if self.verdict.refusal else len(self.verdict.withheld), findings=len(found),
            errors=found.count(Severity.ERROR), warnings=found.count(Severity.WARNING),
        )  # fmt: skip

    def facts(self, in_time: bool | None) -> Facts:
        """What the data set's contract is about."""
        keys = {checks.key_of(curve.identity) for curve in self.parsed.curves}
        grids = {id(curve.tenors): curve.tenors for curve in self.parsed.curves}.values()
        as_of = self.parsed.as_of
        last = max((tenor.period.start for grid in grids for tenor in grid), default=as_of)
        months = 12 * (last.year - as_of.year) + last.month - as_of.month
        counts = self.counts
        return Facts(keys, counts.points, counts.loaded, counts.errors, months, in_time)

    @property
    def read(self) -> dict[str, Any]:
        """What the run's record says of the file."""
        return {
            "vendor": self.parsed.vendor, "as_of": self.parsed.as_of, "thresholds_version": self.thresholds_version,
            "drift_from": self.basis.previous_id,
        }  # fmt: skip


class _Place(NamedTuple):
    """Where a file stands among those of its day. `document`: if nobody had mended any; `versions`: what it adds.

    `last`: no newer one is loaded; `alone`: nothing of the day is; `again`: it was loaded before itself.
    """

    document: Standing
    versions: Standing
    last: bool
    alone: bool = False
    again: bool = False


class Loader:
    def __init__(
        self, database: Database, store: IngestionStore, blobs: Blobs, curves: CurveService, events: EventLog,
        policies: Policies, clock: Callable[[], datetime], settings: IngestionSettings,
    ) -> None:  # fmt: skip
        self.database = database
        self.store = store
        self.quarantine = QuarantineStore(database)
        self.blobs = blobs
        self.curves = curves
        self.event_log = events
        self.policies = policies
        self.clock = clock
        self.settings = settings
        self.contracts = ContractStore(database)
        self.deliveries = DeliveryStore(database)
        self.history = VendorHistory(store, blobs, curves)

    async def load(self, principal: Principal, claim: Claim, report: Report) -> None:
        """Ends the run, but where its worker lost it or something is away that may come back (`Unavailable`)."""
        try:
            report(Stage.READING)
            parsed = await self._parsed(claim)
            report(Stage.CHECKING)
            judged = await self._judged(principal, claim, parsed)
            report(Stage.LOADING)
            if judged.verdict.refusal is None:
                await self._publish(principal, claim, judged)
            else:
                await self._refuse(claim, judged)
        except Unavailable:
            await self._release(claim)
            raise
        except asyncio.CancelledError:
            await asyncio.shield(self._release(claim))  # an orderly stop: the next worker need not wait for the lease
            raise
        except Superseded:
            _log.info("run %s is no longer ours", claim.run.id, extra={"run_id": claim.run.id})
        except AurumError as error:
            await self._fail(claim, error.code, error.message, error.hint)
        except Exception:  # noqa: BLE001  whatever it is, the run's record says that it failed
            _log.exception("run %s failed", claim.run.id, extra={"run_id": claim.run.id})
            message = "an unexpected error; the server's log has it under this run's id"
            await self._fail(claim, "INTERNAL", message, "Report it with the file.")

    async def _parsed(self, claim: Claim) -> ParsedWorkbook:
        data = await self.blobs.get(claim.content_hash)
        limits = replace(DEFAULT_LIMITS, packed_bytes=self.settings.max_file_mib * 2**20)
        return await asyncio.to_thread(
            parse, data, claim.run.file_name, as_of=claim.requested_as_of, vendor=claim.requested_vendor, limits=limits
        )

    async def _judged(self, principal: Principal, claim: Claim, parsed: ParsedWorkbook) -> Judged:
        thresholds, version = await self.policies.thresholds_in_force(principal)
        basis = await self.history.before(principal, parsed, claim.run.file_id, thresholds)
        checking = asyncio.create_task(asyncio.to_thread(_checked, parsed, basis, thresholds, self.clock().date()))
        try:
            await self._progress(claim, parsed)
        finally:
            verdict = await checking
        contract, promised = await self.policies.contract_in_force(principal, parsed.vendor)
        judged = Judged(parsed, basis, verdict, version, promised)
        if not contract.promises:
            return judged
        in_time = await self._in_time(principal, claim, parsed) if "in_time" in contract.promises else None
        return replace(judged, promises=contract.checked(judged.facts(in_time)))

    async def _in_time(self, principal: Principal, claim: Claim, parsed: ParsedWorkbook) -> bool | None:
        """None where nothing was due here: of that day, or before there was any file of the vendor."""
        expectations = await self.policies.expectations_in_force(principal)
        due = expectations.expected(parsed.vendor, parsed.as_of, parsed.as_of, parsed.as_of)
        if not due:
            return None
        received = (await self.store.files(claim.tenant, [claim.run.file_id]))[claim.run.file_id].received_at
        begun = (await self.deliveries.vendors(claim.tenant)).get(parsed.vendor)
        if due[0].due_at <= (received if begun is None else begun.first_received_at):
            return None
        return received <= due[0].late_after

    async def _progress(self, claim: Claim, parsed: ParsedWorkbook) -> None:
        counts = Counts(sheets=len(parsed.sheets), curves=len(parsed.curves), points=parsed.points)
        async with self.database.write() as transaction:
            if not await self.store.finish(
                transaction, claim, state=RunState.RUNNING, stage=Stage.CHECKING, counts=counts,
                vendor=parsed.vendor, as_of=parsed.as_of,
            ):  # fmt: skip
                raise Superseded("the run is no longer ours")
            await announce(
                self.event_log, transaction, claim.tenant, self.clock(), claim.run.id, RunState.RUNNING, counts
            )

    async def _publish(self, principal: Principal, claim: Claim, judged: Judged) -> None:
        parsed, held = judged.parsed, judged.verdict.points
        async with self.database.write() as transaction:
            await self.curves.lock(transaction, principal, parsed.vendor)
            now = self.clock()
            place = await self._place(transaction, principal, claim, parsed, now)
            await self.store.describe_file(transaction, claim.run.file_id, parsed, place.document.published_at)
            stands = place.versions
            keys = [checks.key_of(curve.identity) for curve in parsed.curves]
            publication = Publication(
                parsed.vendor, parsed.as_of, stands.published_at, stands.revised_at, now, claim.run.file_id,
                [prices_of(curve).without(held.get(key, ())) for key, curve in zip(keys, parsed.curves, strict=True)],
                stands.restates_at, claim.run.id,
            )  # fmt: skip
            described = [description_of(curve) for curve in parsed.curves]
            published = await self.curves.publish(transaction, principal, publication, described)
            if place.again:
                published = await self._read_anew(transaction, principal, publication, published)
            waiting = await self._quarantine(
                transaction, principal, claim, judged, dict(zip(keys, published.ids, strict=True)), place
            )
            counts = replace(
                judged.counts, new_curves=published.new_curves, unchanged=published.unchanged,
                new_versions=len({change.curve_id for change in published.changes}),
            )  # fmt: skip
            await self._end(transaction, claim, judged, counts, published, waiting)
        self.history.remember(principal, parsed, claim.run.file_id)

    async def _end(
        self, transaction: WriteConnection, claim: Claim, judged: Judged, counts: Counts, published: Published,
        waiting: int,
    ) -> None:  # fmt: skip
        now, parsed = self.clock(), judged.parsed
        ours = await self.store.finish(
            transaction, claim, state=RunState.SUCCEEDED, stage=None, finished_at=now, counts=counts, **judged.read
        )
        if not ours:
            raise Superseded("the run is no longer ours")
        await self.store.add_findings(transaction, claim.tenant, claim.run.id, judged.noted)
        await self._note_promises(transaction, claim, judged)
        day = {"run_id": claim.run.id, "vendor": parsed.vendor, "as_of": parsed.as_of.isoformat()}
        held = [(QUARANTINED, day | {"points": waiting})] if waiting else []
        await announce(
            self.event_log, transaction, claim.tenant, now, claim.run.id, RunState.SUCCEEDED, counts,
            [*published.events, *held],
        )  # fmt: skip

    async def _quarantine(
        self, transaction: WriteConnection, principal: Principal, claim: Claim, judged: Judged,
        ids: dict[str, int], place: _Place,
    ) -> int:  # fmt: skip
        """How many points wait for a decision: where a newer file is loaded, only what the newest version withholds."""
        parsed, flags = judged.parsed, judged.verdict.flags
        rows = [row_of(claim, parsed, item, flags, ids) for item in judged.verdict.withheld]
        if not place.alone:
            newest = await self.curves.newest_of_day(transaction, principal, parsed.as_of, list(ids.values()))
            ours = {id_: each.prices for id_, each in newest.items() if each.file_id == claim.run.file_id}
            await self.quarantine.supersede(
                transaction,
                claim.tenant,
                parsed.vendor,
                parsed.as_of,
                ours,
                claim.run.id,
                pointless=place.last,
                again=claim.run.file_id if place.again else None,
                anew=[id_ for id_ in ours if newest[id_].author is None],
            )
            held = {(id_, *_named(prices.tenors[at])) for id_, prices in ours.items() for at in prices.withheld}
            for row in rows:
                named = (row["curve_id"], row["tenor_type"], row["delivery_start"], row["delivery_end"])
                if named not in held if row["tenor"] else not place.last:
                    row["state"] = QuarantineState.SUPERSEDED
        await self.quarantine.add(transaction, rows)
        return sum(row["state"] is QuarantineState.OPEN for row in rows)

    async def _read_anew(
        self, transaction: WriteConnection, principal: Principal, publication: Publication, published: Published
    ) -> Published:
        """Where people decided about what an older parser had misread: from now on what this one reads holds."""
        changed = {change.curve_id for change in published.changes}
        newest = await self.curves.newest_of_day(transaction, principal, publication.as_of, changed)
        mended = [
            id_ for id_, each in newest.items() if each.author is not None and each.file_id == publication.file_id
        ]
        if not mended:
            return published
        at = max([publication.recorded_at, *(newest[id_].published_at for id_ in mended)])
        prices = dict(zip(published.ids, publication.prices, strict=True))
        read = replace(
            publication, published_at=at, revised_at=at, restates_at=None, prices=[prices[id_] for id_ in mended]
        )
        anew = await self.curves.amend(transaction, principal, read, mended)
        return replace(published, changes=(*published.changes, *anew.changes))

    async def _place(
        self, transaction: WriteConnection, principal: Principal, claim: Claim, parsed: ParsedWorkbook, now: datetime
    ) -> _Place:
        """A file that was loaded before, by an older parser, keeps its place: it says nothing newer than it did.

        The newest one of a day that people have mended is known from now on: until now what they decided held.
        """
        tenant, vendor, as_of, file_id = claim.tenant, parsed.vendor, parsed.as_of, claim.run.file_id
        others = await self.store.loaded_times(transaction, tenant, vendor, as_of, file_id)
        document = standing(parsed.published_at, parsed.modified_at, now, others)
        before = await self.store.times_of(transaction, file_id)
        if before is not None:
            document = Standing(before, document.revised_at if document.published_at == before else before)
        last = is_last(Times(parsed.published_at, parsed.modified_at, document.published_at), others)
        if before is None and not others:
            return _Place(document, document, last, alone=True)
        known = await self.curves.day_known(transaction, principal, vendor, as_of, file_id)
        at = document.published_at
        if before is not None:
            at = max(at, known.first_of_file or at)
        elif known.mended and last and known.newest is not None and known.newest > at:
            at = max(now, known.newest)
        versions = document if at == document.published_at else Standing(at, at)
        return _Place(document, versions, last, again=before is not None)

    async def _refuse(self, claim: Claim, judged: Judged) -> None:
        refusal = judged.verdict.refusal
        assert refusal is not None  # noqa: S101  asked before
        more = len(judged.verdict.flags) - 1
        message = f"{refusal} (and {counted(more, 'more finding')})" if more else str(refusal)
        hint = "Nothing of the file was loaded. `findings` of the run has them all; `aurum findings RUN` prints them."
        await self._fail(claim, refusal.code, message, hint, judged)

    async def _fail(
        self, claim: Claim, code: str, message: str, hint: str | None, judged: Judged | None = None
    ) -> None:
        read = {} if judged is None else judged.read
        counts = Counts() if judged is None else judged.counts
        now = self.clock()
        async with self.database.write() as transaction:
            ours = await self.store.finish(
                transaction, claim, state=RunState.FAILED, stage=None, finished_at=now, error_code=code,
                error=message, hint=hint, counts=counts, **read,
            )  # fmt: skip
            if ours:
                found = [] if judged is None else judged.noted
                await self.store.add_findings(transaction, claim.tenant, claim.run.id, found)
                if judged is not None:
                    await self._note_promises(transaction, claim, judged)
                await announce(self.event_log, transaction, claim.tenant, now, claim.run.id, RunState.FAILED, counts)

    async def _note_promises(self, transaction: WriteConnection, claim: Claim, judged: Judged) -> None:
        parsed, version = judged.parsed, judged.contract_version
        await self.contracts.add(
            transaction, claim, parsed.vendor, parsed.as_of, version, judged.promises, self.clock()
        )

    async def _release(self, claim: Claim) -> None:
        with suppress(AurumError):  # still away: the lease runs out by itself
            async with self.database.write() as transaction:
                if await self.store.finish(transaction, claim, state=RunState.QUEUED, stage=None):
                    await announce(
                        self.event_log, transaction, claim.tenant, self.clock(), claim.run.id, RunState.QUEUED
                    )


async def announce(
    log: EventLog, transaction: WriteConnection, tenant: str, at: datetime, run_id: int, state: RunState,
    counts: Counts | None = None, more: Sequence[tuple[str, dict[str, Any]]] = (),
) -> None:  # fmt: skip
    """The run's change of state, behind what it changed. Last in the transaction: the log is held from here on."""
    payload: dict[str, Any] = {"run_id": run_id, "state": state}
    if counts is not None:
        payload |= {"sheets": counts.sheets, "points": counts.points, "loaded": counts.loaded,
                    "withheld": counts.withheld}  # fmt: skip
    await log.append(transaction, tenant, at, [*more, (INGESTION_RUN, payload)], quiet=not state.final and not more)


def _named(tenor: Tenor) -> tuple[str, date, date]:
    return tenor.type.value, tenor.period.start, tenor.period.end


def _checked(parsed: ParsedWorkbook, basis: Basis, thresholds: Thresholds, today: date) -> Verdict:
    return checks.verdict(parsed, basis.days, basis.previous, thresholds, today)


def description_of(curve: ParsedCurve) -> CurveDescription:
    return CurveDescription(
        curve.identity, curve.asset_class, curve.commodity, curve.region, curve.unit_text, curve.attributes
    )


def prices_of(curve: ParsedCurve) -> CurvePrices:
    return CurvePrices(curve.tenors, curve.mid, curve.bid, curve.ask, curve.mid_cells, curve.quote_cells)
