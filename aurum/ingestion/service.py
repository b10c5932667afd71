"""The one way in: keep the bytes, parse, and publish curves, run, lineage and events in one transaction."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from pathlib import Path, PurePath
from typing import Any, Protocol

from aurum.auth import Principal, Scope
from aurum.backends.blobs import Blobs, content_hash
from aurum.backends.database import Database, WriteConnection
from aurum.backends.events import Event, EventLog
from aurum.backends.paging import Page, PageRequest
from aurum.curves.model import CurvePrices, Publication
from aurum.curves.service import CurveService
from aurum.errors import AurumError, InvalidInput, NotFound, Unavailable, WorkbookTooLarge
from aurum.ingestion.model import Counts, Run, RunFilter, RunState, SourceFile, Standing, standing
from aurum.ingestion.store import Claim, IngestionStore
from aurum.metadata.model import CurveDescription
from aurum.parsers import DEFAULT_LIMITS, PARSER_VERSION, parse
from aurum.parsers.model import Finding, ParsedCurve, ParsedWorkbook, Severity
from aurum.settings import IngestionSettings

INGESTION_RUN = "INGESTION_RUN"
_log = logging.getLogger(__name__)

Report = Callable[[str], None]


class Dispatcher(Protocol):
    """Brings a queued run to a worker that executes it."""

    async def dispatch(self, tenant: str, run: Run) -> None: ...


@dataclass(frozen=True, slots=True)
class Submission:
    """A file somebody sends. `vendor` and `as_of` only where the file does not tell."""

    data: bytes
    name: str
    trigger: str
    vendor: str | None = None
    as_of: date | None = None


class IngestionService:
    def __init__(
        self,
        database: Database,
        blobs: Blobs,
        curves: CurveService,
        events: EventLog,
        clock: Callable[[], datetime],
        settings: IngestionSettings,
        drop_folder: Path,
    ) -> None:
        self.store = IngestionStore(database)
        self.database = database
        self.blobs = blobs
        self.curves = curves
        self.event_log = events
        self.clock = clock
        self.settings = settings
        self.drop_folder = drop_folder
        self._lease = timedelta(seconds=settings.lease_seconds)

    async def submit(self, principal: Principal, submission: Submission) -> Run:
        """Keeps the bytes and queues a run.

        The same bytes again: answers an UNCHANGED run where they are loaded, the pending run where there is one.
        """
        principal.require(Scope.INGESTION_WRITE)
        self._check_size(submission.name, len(submission.data))
        digest = await self.blobs.put(submission.data)
        now = self.clock()
        name = PurePath(submission.name.replace("\\", "/")).name or "unnamed"
        async with self.database.write() as transaction:
            await transaction.lock(f"file {principal.tenant} {digest}")
            file = {"content_hash": digest, "name": name, "size": len(submission.data), "received_at": now}
            file_id = await self.store.keep_file(transaction, principal.tenant, file)
            earlier = await self.store.runs_of_file(transaction, principal.tenant, file_id)
            pending = next((run for run in earlier if not run.state.final), None)
            if pending is not None:
                return pending
            loaded = next((run for run in earlier if _loaded(run)), None)
            repeat = {"state": RunState.UNCHANGED, "finished_at": now, "vendor": loaded.vendor, "as_of": loaded.as_of,
                      "repeats": loaded.id} if loaded else {}  # fmt: skip
            values: dict[str, Any] = {
                "file_id": file_id, "file_name": name, "trigger": submission.trigger, "requested_by": principal.name,
                "requested_vendor": submission.vendor, "requested_as_of": submission.as_of, "state": RunState.QUEUED,
                "created_at": now, "lease_expires_at": now + self._lease, "parser_version": PARSER_VERSION,
            }  # fmt: skip
            run = await self.store.add_run(transaction, principal.tenant, **{**values, **repeat})
            await self._announce(transaction, principal.tenant, run.id, run.state)
        return run

    def _check_size(self, name: str, size: int) -> None:
        if size > self.settings.max_file_mib * 2**20:
            raise WorkbookTooLarge(
                f"{name} has {size:,} bytes; {self.settings.max_file_mib} MiB are accepted",
                hint="AURUM_INGESTION__MAX_FILE_MIB raises the limit.",
                file=name,
            )

    async def execute(self, principal: Principal, run_id: int, report: Report = lambda _: None) -> Run:
        """Loads a queued run's file. Answers the run as it ended; one that another worker is alive on, as it is.

        A file that is refused ends the run as FAILED with the reason. Only what may pass (`Unavailable`) is raised:
        then the run is queued again.
        """
        principal.require(Scope.INGESTION_WRITE)
        now = self.clock()
        async with self.database.write() as transaction:
            claim = await self.store.claim(transaction, principal.tenant, run_id, now, now + self._lease)
            if claim is not None:
                await self._announce(transaction, principal.tenant, run_id, RunState.RUNNING)
        if claim is not None:
            async with self._heartbeat(claim):
                await self._load(principal, claim, report)
        found = (await self.runs(principal, [run_id])).get(run_id)
        if found is None:
            raise NotFound(f"there is no ingestion run {run_id}")
        return found

    async def complete(self, principal: Principal, run_id: int, report: Report = lambda _: None) -> Run:
        """Sees a run to its end, in this process unless another one is at work on it."""
        run = await self.execute(principal, run_id, report)
        while not run.state.final:
            await asyncio.sleep(1)
            run = await self.execute(principal, run_id, report)
        return run

    async def ingest(self, principal: Principal, submission: Submission, report: Report = lambda _: None) -> Run:
        """Submits a file and sees its run to the end."""
        run = await self.submit(principal, submission)
        return run if run.state.final else await self.complete(principal, run.id, report)

    async def known(self, principal: Principal, data: bytes, name: str) -> bool:
        """Whether there is nothing to gain from sending a file again: it is loaded or on its way, or was refused
        under this name by this parser."""
        principal.require(Scope.INGESTION_READ)
        digest = await asyncio.to_thread(content_hash, data)
        return any(
            run.state is not RunState.FAILED or (run.file_name == name and run.parser_version == PARSER_VERSION)
            for run in await self.store.runs_of_content(principal.tenant, digest)
        )

    async def _load(self, principal: Principal, claim: Claim, report: Report) -> None:
        try:
            report("reading")
            data = await self.blobs.get(claim.content_hash)
            parsed = await asyncio.to_thread(
                parse, data, claim.run.file_name, as_of=claim.requested_as_of, vendor=claim.requested_vendor,
                limits=replace(DEFAULT_LIMITS, packed_bytes=self.settings.max_file_mib * 2**20),
            )  # fmt: skip
            report("publishing")
            await self._publish(principal, claim, parsed)
        except Unavailable:
            await self._release(claim)
            raise
        except AurumError as error:
            await self._fail(claim, error.code, error.message, error.hint, ())
        except Exception:  # noqa: BLE001  whatever it is, the run's record says that it failed
            _log.exception("run %s failed", claim.run.id, extra={"run_id": claim.run.id})
            message = "an unexpected error; the server's log has it under this run's id"
            await self._fail(claim, "INTERNAL", message, "Report it with the file.", ())

    async def _publish(self, principal: Principal, claim: Claim, parsed: ParsedWorkbook) -> None:
        errors = [finding for finding in parsed.findings if finding.severity is Severity.ERROR]
        if errors:
            more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
            hint = "Nothing of the file was loaded. The run lists every finding with its cells."
            await self._fail(claim, errors[0].code, f"{errors[0]}{more}", hint, parsed.findings, parsed)
            return
        async with self.database.write() as transaction:
            await transaction.lock(f"publish {principal.tenant} {parsed.vendor}")
            now = self.clock()
            stands = await self._standing(transaction, claim, parsed, now)
            await self.store.describe_file(transaction, claim.run.file_id, parsed, stands.published_at)
            publication = Publication(
                parsed.vendor, parsed.as_of, stands.published_at, stands.revised_at, now, claim.run.file_id,
                [_described(curve) for curve in parsed.curves], stands.restates_at,
            )  # fmt: skip
            published = await self.curves.publish(transaction, principal, publication)
            counts = Counts(
                sheets=len(parsed.sheets), curves=len(parsed.curves), points=parsed.points,
                new_curves=published.new_curves, new_versions=len(published.changes), unchanged=published.unchanged,
                findings=len(parsed.findings),
            )  # fmt: skip
            ours = await self.store.finish(
                transaction, claim, state=RunState.SUCCEEDED, finished_at=now, vendor=parsed.vendor,
                as_of=parsed.as_of, counts=counts,
            )  # fmt: skip
            if not ours:
                raise _Superseded("another worker has taken the run over")
            await self.store.add_findings(transaction, claim.tenant, claim.run.id, parsed.findings)
            await self._announce(transaction, claim.tenant, claim.run.id, RunState.SUCCEEDED, published.events)

    async def _standing(
        self, transaction: WriteConnection, claim: Claim, parsed: ParsedWorkbook, now: datetime
    ) -> Standing:
        """A file that was loaded before, by an older parser, keeps its place: it says nothing newer than it did."""
        others = await self.store.loaded_times(
            transaction, claim.tenant, parsed.vendor, parsed.as_of, claim.run.file_id
        )
        stands = standing(parsed.published_at, parsed.modified_at, now, others)
        before = await self.store.times_of(transaction, claim.run.file_id)
        if before is None:
            return stands
        return Standing(before, stands.revised_at if stands.published_at == before else before)

    async def _fail(
        self, claim: Claim, code: str, message: str, hint: str | None, found: Collection[Finding],
        parsed: ParsedWorkbook | None = None,
    ) -> None:  # fmt: skip
        read = {"vendor": parsed.vendor, "as_of": parsed.as_of} if parsed else {}
        async with self.database.write() as transaction:
            ours = await self.store.finish(
                transaction, claim, state=RunState.FAILED, finished_at=self.clock(), error_code=code, error=message,
                hint=hint, counts=Counts(findings=len(found)), **read,
            )  # fmt: skip
            if ours:
                await self.store.add_findings(transaction, claim.tenant, claim.run.id, list(found))
                await self._announce(transaction, claim.tenant, claim.run.id, RunState.FAILED)

    async def _release(self, claim: Claim) -> None:
        with suppress(AurumError):  # still away: the lease runs out by itself
            async with self.database.write() as transaction:
                if await self.store.finish(transaction, claim, state=RunState.QUEUED):
                    await self._announce(transaction, claim.tenant, claim.run.id, RunState.QUEUED)

    async def _announce(
        self, transaction: WriteConnection, tenant: str, run_id: int, state: RunState,
        others: Collection[tuple[str, dict[str, Any]]] = (),
    ) -> None:  # fmt: skip
        drafts = [*others, (INGESTION_RUN, {"run_id": run_id, "state": state.value})]
        await self.event_log.append(transaction, tenant, self.clock(), drafts)

    @asynccontextmanager
    async def _heartbeat(self, claim: Claim) -> AsyncIterator[None]:
        """Extends the lease for as long as the load goes on, so that nobody else takes the run over."""

        async def beat() -> None:
            while True:
                await asyncio.sleep(self.settings.lease_seconds / 3)
                try:
                    async with self.database.write() as transaction:
                        await self.store.extend(transaction, claim, self.clock() + self._lease)
                except Exception as error:  # noqa: BLE001  the lease may run out; the load itself goes on
                    _log.warning("the lease of run %s is not extended: %s", claim.run.id, error)

        task = asyncio.create_task(beat())
        try:
            yield
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    async def recover(self, dispatcher: Dispatcher) -> int:
        """Dispatches runs again whose worker went silent; fails those that lost too many. How many it touched."""
        now = self.clock()
        async with self.database.write() as transaction:
            silent = await self.store.requeue(transaction, now, now + self._lease, self.settings.max_attempts)
            for tenant, run in [*silent.lost, *silent.taken]:
                await self._announce(transaction, tenant, run.id, run.state)
        for tenant, run in [*silent.taken, *silent.waiting]:
            await dispatcher.dispatch(tenant, run)
        return len(silent.lost) + len(silent.taken) + len(silent.waiting)

    async def read_dropped(self, principal: Principal, path: str) -> bytes:
        """The bytes of a file of the drop folder; nothing outside of it can be read."""
        principal.require(Scope.INGESTION_WRITE)
        return await asyncio.to_thread(self._read_dropped, path)

    def _read_dropped(self, path: str) -> bytes:
        try:
            folder = self.drop_folder.resolve()
            file = (folder / path).resolve()
            if not file.is_relative_to(folder):
                raise InvalidInput("the path leaves the drop folder", hint="Give a path relative to the drop folder.")
            if not file.is_file():
                raise NotFound(f"no file {path[:200]!r} in the drop folder")
            self._check_size(path, file.stat().st_size)
            return file.read_bytes()
        except (OSError, ValueError) as error:
            raise NotFound(f"{path[:200]!r} in the drop folder cannot be read: {_reason(error)}") from error

    async def runs(self, principal: Principal, ids: Collection[int]) -> dict[int, Run]:
        principal.require(Scope.INGESTION_READ)
        return await self.store.runs(principal.tenant, ids)

    async def runs_page(self, principal: Principal, wanted: RunFilter, request: PageRequest) -> Page[Run]:
        principal.require(Scope.INGESTION_READ)
        return await self.store.runs_page(principal.tenant, wanted, request)

    async def files(self, principal: Principal, ids: Collection[int]) -> dict[int, SourceFile]:
        principal.require(Scope.INGESTION_READ)
        return await self.store.files(principal.tenant, ids)

    async def files_page(self, principal: Principal, wanted: RunFilter, request: PageRequest) -> Page[SourceFile]:
        principal.require(Scope.INGESTION_READ)
        return await self.store.files_page(principal.tenant, wanted, request)

    async def findings(self, principal: Principal, run_ids: Collection[int]) -> dict[int, list[Finding]]:
        principal.require(Scope.INGESTION_READ)
        return await self.store.findings(principal.tenant, run_ids)

    def events(self, principal: Principal, after: int | None) -> AsyncIterator[Event]:
        principal.require(Scope.INGESTION_READ)
        return self.event_log.follow(principal.tenant, after, (INGESTION_RUN,))


class _Superseded(AurumError):
    """Another worker has taken the run over: nothing of this one is kept."""

    code = "SUPERSEDED"


def _reason(error: Exception) -> str:
    return (error.strerror or "unknown reason") if isinstance(error, OSError) else "it is no path"


def _loaded(run: Run) -> bool:
    return run.state is RunState.SUCCEEDED and run.parser_version == PARSER_VERSION


def _described(curve: ParsedCurve) -> tuple[CurveDescription, CurvePrices]:
    description = CurveDescription(
        curve.identity, curve.asset_class, curve.commodity, curve.region, curve.unit_text, curve.attributes
    )
    return description, CurvePrices(curve.tenors, curve.mid, curve.bid, curve.ask, curve.mid_cells, curve.quote_cells)
