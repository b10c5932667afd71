"""One load, from the bytes to the answer: parsed, checked, and published in one transaction, or refused."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from aurum.auth import Principal
from aurum.backends.blobs import Blobs
from aurum.backends.database import Database, WriteConnection
from aurum.backends.events import EventLog
from aurum.curves.model import CurvePrices, Publication
from aurum.curves.service import CurveService, Published
from aurum.errors import AurumError, Unavailable
from aurum.ingestion import checks
from aurum.ingestion.checks import Thresholds, Verdict
from aurum.ingestion.history import Basis, VendorHistory
from aurum.ingestion.model import Counts, Noted, RunState, Stage, Standing, standing
from aurum.ingestion.policies import Policies
from aurum.ingestion.quarantine_store import QuarantineStore, row_of
from aurum.ingestion.store import Claim, IngestionStore
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

    @property
    def read(self) -> dict[str, Any]:
        """What the run's record says of the file."""
        return {
            "vendor": self.parsed.vendor, "as_of": self.parsed.as_of, "thresholds_version": self.thresholds_version,
            "drift_from": self.basis.previous_id,
        }  # fmt: skip


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
        checking = asyncio.create_task(asyncio.to_thread(_checked, parsed, basis, thresholds))
        try:
            await self._progress(claim, parsed)
        finally:
            verdict = await checking
        return Judged(parsed, basis, verdict, version)

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
            stands, alone = await self._standing(transaction, claim, parsed, now)
            await self.store.describe_file(transaction, claim.run.file_id, parsed, stands.published_at)
            keys = [checks.key_of(curve.identity) for curve in parsed.curves]
            publication = Publication(
                parsed.vendor, parsed.as_of, stands.published_at, stands.revised_at, now, claim.run.file_id,
                [prices_of(curve).without(held.get(key, ())) for key, curve in zip(keys, parsed.curves, strict=True)],
                stands.restates_at, claim.run.id,
            )  # fmt: skip
            described = [description_of(curve) for curve in parsed.curves]
            published = await self.curves.publish(transaction, principal, publication, described)
            await self._quarantine(
                transaction, principal, claim, judged, dict(zip(keys, published.ids, strict=True)), alone
            )
            counts = replace(
                judged.counts, new_curves=published.new_curves, new_versions=len(published.changes),
                unchanged=published.unchanged,
            )  # fmt: skip
            await self._end(transaction, claim, judged, counts, published)
        self.history.remember(principal, parsed, claim.run.file_id)

    async def _end(
        self, transaction: WriteConnection, claim: Claim, judged: Judged, counts: Counts, published: Published
    ) -> None:
        now, parsed = self.clock(), judged.parsed
        ours = await self.store.finish(
            transaction, claim, state=RunState.SUCCEEDED, stage=None, finished_at=now, counts=counts, **judged.read
        )
        if not ours:
            raise Superseded("the run is no longer ours")
        await self.store.add_findings(transaction, claim.tenant, claim.run.id, judged.noted)
        day = {"run_id": claim.run.id, "vendor": parsed.vendor, "as_of": parsed.as_of.isoformat()}
        held = [(QUARANTINED, day | {"points": counts.withheld})] if counts.withheld else []
        await announce(
            self.event_log, transaction, claim.tenant, now, claim.run.id, RunState.SUCCEEDED, counts,
            [*published.events, *held],
        )  # fmt: skip

    async def _quarantine(
        self, transaction: WriteConnection, principal: Principal, claim: Claim, judged: Judged,
        ids: dict[str, int], alone: bool,
    ) -> None:  # fmt: skip
        """Where other files of the day are loaded, a point is only open if the newest version withholds it."""
        parsed, withheld = judged.parsed, judged.verdict.withheld
        open_points: set[tuple[int, int]] | None = None
        if not alone:
            newest = await self.curves.newest_of_day(transaction, principal, parsed.as_of, list(ids.values()))
            ours = [id_ for id_, snapshot in newest.items() if snapshot.file_id == claim.run.file_id]
            await self.quarantine.supersede(transaction, claim.tenant, parsed.vendor, parsed.as_of, ours, claim.run.id)
            open_points = {(id_, point) for id_ in ours for point in newest[id_].prices.withheld}
        flags = judged.verdict.flags
        rows = [row_of(claim, parsed, item, flags, ids, open_points) for item in withheld]
        await self.quarantine.add(transaction, rows)

    async def _standing(
        self, transaction: WriteConnection, claim: Claim, parsed: ParsedWorkbook, now: datetime
    ) -> tuple[Standing, bool]:
        """Where the file stands in the history of its day, and whether it is the first one of it.

        A file that was loaded before, by an older parser, keeps its place: it says nothing newer than it did. One that
        is newer than a file whose points people have mended since is known from now on: until now theirs held.
        """
        tenant, file_id = claim.tenant, claim.run.file_id
        others = await self.store.loaded_times(transaction, tenant, parsed.vendor, parsed.as_of, file_id)
        stands = standing(parsed.published_at, parsed.modified_at, now, others)
        before = await self.store.times_of(transaction, file_id)
        if before is not None:
            return Standing(before, stands.revised_at if stands.published_at == before else before), False
        mended = await self.quarantine.last_mended(transaction, tenant, parsed.vendor, parsed.as_of) if others else None
        if mended is not None and mended.file_published_at <= stands.published_at <= mended.at:
            stands = Standing(now, now)
        return stands, not others

    async def _refuse(self, claim: Claim, judged: Judged) -> None:
        refusal = judged.verdict.refusal
        assert refusal is not None  # noqa: S101  asked before
        more = len(judged.verdict.flags) - 1
        message = f"{refusal}{f' (and {more} more findings)' if more else ''}"
        hint = "Nothing of the file was loaded. The run lists every finding with its cells."
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
                await announce(self.event_log, transaction, claim.tenant, now, claim.run.id, RunState.FAILED, counts)

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
    await log.append(transaction, tenant, at, [*more, (INGESTION_RUN, payload)])


def _checked(parsed: ParsedWorkbook, basis: Basis, thresholds: Thresholds) -> Verdict:
    return checks.verdict(parsed, basis.days, basis.previous, thresholds)


def description_of(curve: ParsedCurve) -> CurveDescription:
    return CurveDescription(
        curve.identity, curve.asset_class, curve.commodity, curve.region, curve.unit_text, curve.attributes
    )


def prices_of(curve: ParsedCurve) -> CurvePrices:
    return CurvePrices(curve.tenors, curve.mid, curve.bid, curve.ask, curve.mid_cells, curve.quote_cells)
