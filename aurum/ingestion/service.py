"""The one way in: keep the bytes, queue a run, and see it executed once. What a load does stands in loading.py."""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path, PurePath
from typing import Any, Protocol

from aurum.auth import Principal, Scope
from aurum.backends.blobs import Blobs, content_hash
from aurum.backends.database import Database, WriteConnection
from aurum.backends.events import EventLog
from aurum.backends.paging import Page, PageRequest
from aurum.curves.service import CurveService
from aurum.errors import AurumError, Conflict, InvalidInput, NotFound, WorkbookTooLarge
from aurum.ingestion.completeness import Completeness
from aurum.ingestion.data_sets import DataSets
from aurum.ingestion.delivery_store import DeliveryStore
from aurum.ingestion.loading import Loader, Report, announce
from aurum.ingestion.model import Noted, Run, RunFilter, RunState, SourceFile, annotated_name
from aurum.ingestion.policies import Policies
from aurum.ingestion.quarantine import Quarantine
from aurum.ingestion.refusals import Oversized, Refusals
from aurum.ingestion.store import Claim, IngestionStore
from aurum.parsers import PARSER_VERSION
from aurum.parsers.model import Finding
from aurum.settings import IngestionSettings

_log = logging.getLogger(__name__)


class Dispatcher(Protocol):
    """Brings a queued run to a worker that executes it, and tells that worker when nobody wants it any more."""

    async def dispatch(self, tenant: str, run: Run) -> None: ...
    async def cancel(self, tenant: str, run: Run) -> None: ...


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
        self._annotating = asyncio.Semaphore(1)
        self.refusals = Refusals(database, self.store, events, clock, settings.max_file_mib)
        self.policies = Policies(database, curves.metadata, clock)
        self.loader = Loader(database, self.store, blobs, curves, events, self.policies, clock, settings)
        self.completeness = Completeness(DeliveryStore(database), self.policies, events, clock)
        self.data_sets = DataSets(
            self.loader.contracts, self.completeness, self.policies, curves, self.store.files, clock
        )
        self.quarantine = Quarantine(database, curves, events, clock, four_eyes=settings.four_eyes)

    async def submit(self, principal: Principal, submission: Submission) -> Run:
        """Keeps the bytes and queues a run.

        The same bytes again: answers an UNCHANGED run where they are loaded, the pending run where there is one.
        Raises WorkbookTooLarge; the run that says so is recorded, the bytes are not kept.
        """
        principal.require(Scope.INGESTION_WRITE)
        name, size = name_of(submission.name), len(submission.data)
        if self.refusals.excludes(size):
            digest = await asyncio.to_thread(content_hash, submission.data)
            raise await self.refusals.refuse(principal, Oversized(name, size, digest, submission.trigger))
        digest = await self.blobs.put(submission.data)
        now = self.clock()
        async with self.database.write() as transaction:
            await transaction.lock(f"file {principal.tenant} {digest}")
            file = {"content_hash": digest, "name": name, "size": size, "received_at": now}
            file_id = await self.store.keep_file(transaction, principal.tenant, file)
            earlier = await self.store.runs_of_file(transaction, principal.tenant, file_id)
            pending = next((run for run in earlier if not run.state.final), None)
            if pending is not None:
                return pending
            values = {"file_id": file_id, "file_name": name, "trigger": submission.trigger,
                      "requested_vendor": submission.vendor, "requested_as_of": submission.as_of}  # fmt: skip
            return await self._queue(transaction, principal, earlier, values)

    async def _queue(
        self, transaction: WriteConnection, principal: Principal, earlier: Sequence[Run], values: dict[str, Any]
    ) -> Run:
        """A new run of a file; one that ends at once where an earlier run has loaded it."""
        now = self.clock()
        loaded = next((run for run in earlier if _loaded(run)), None)
        repeat = {"state": RunState.UNCHANGED, "finished_at": now, "vendor": loaded.vendor, "as_of": loaded.as_of,
                  "repeats": loaded.id} if loaded else {}  # fmt: skip
        queued = {
            "requested_by": principal.name, "state": RunState.QUEUED, "created_at": now,
            "lease_expires_at": now + self._lease, "parser_version": PARSER_VERSION,
        }  # fmt: skip
        run = await self.store.add_run(transaction, principal.tenant, **{**queued, **values, **repeat})
        await announce(self.event_log, transaction, principal.tenant, now, run.id, run.state)
        return run

    async def cancel(self, principal: Principal, run_id: int) -> Run:
        """Ends a run that waits or is under way: nothing of its file is loaded. A repeated cancel changes nothing."""
        principal.require(Scope.INGESTION_WRITE)
        now = self.clock()
        async with self.database.write() as transaction:
            run = await self.store.cancel(transaction, principal.tenant, run_id, now, principal.name)
            if run is not None:
                await announce(self.event_log, transaction, principal.tenant, now, run_id, run.state)
                return run
        found = await self.run(principal, run_id)
        if found.state is not RunState.CANCELLED:
            raise Conflict(f"run {run_id} has ended already: {found.state.lower()}", hint="Nothing was changed.")
        return found

    async def retry(self, principal: Principal, run_id: int) -> Run:
        """Queues a new run of the file of one that failed or was cancelled; the pending one where there is one."""
        principal.require(Scope.INGESTION_WRITE)
        run = await self.run(principal, run_id)
        if run.state not in (RunState.FAILED, RunState.CANCELLED):
            raise Conflict(f"run {run_id} is {run.state.lower()}: only failed and cancelled runs are tried again")
        if run.error_code == WorkbookTooLarge.code and not run.attempt:
            raise Conflict(
                f"{run.file_name} was too large to be kept", hint="Raise the limit, and send the file again."
            )
        async with self.database.write() as transaction:
            values = await self.store.request_of(transaction, principal.tenant, run_id)
            await transaction.lock(f"file {principal.tenant} {values.pop('content_hash')}")
            earlier = await self.store.runs_of_file(transaction, principal.tenant, run.file_id)
            pending = next((each for each in earlier if not each.state.final), None)
            if pending is not None:
                return pending
            return await self._queue(transaction, principal, earlier, values | {"trigger": "retry", "retries": run_id})

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
                await announce(self.event_log, transaction, principal.tenant, now, run_id, RunState.RUNNING)
        if claim is not None:
            async with self._heartbeat(claim):
                await self.loader.load(principal, claim, report)
        return await self.run(principal, run_id)

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
        """Whether there is nothing to gain from sending a file again: it is loaded, or under this name it is on its
        way or was refused by this parser."""
        principal.require(Scope.INGESTION_READ)
        digest = await asyncio.to_thread(content_hash, data)
        return any(
            (run.state.final and run.state is not RunState.FAILED)
            or (run.file_name == name and (not run.state.final or run.parser_version == PARSER_VERSION))
            for run in await self.store.runs_of_content(principal.tenant, digest)
        )

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
            for tenant, run in sorted([*silent.lost, *silent.taken], key=_tenant_first):
                await announce(self.event_log, transaction, tenant, now, run.id, run.state)
        for tenant, run in [*silent.taken, *silent.waiting]:
            try:
                await dispatcher.dispatch(tenant, run)
            except AurumError as error:  # the next round takes it up again; those behind it are not held up
                _log.warning("run %s is not dispatched yet: %s", run.id, error.message, extra={"run_id": run.id})
        return len(silent.lost) + len(silent.taken) + len(silent.waiting)

    async def read_dropped(self, principal: Principal, path: str, trigger: str, *, anew: bool = True) -> bytes:
        """The bytes of a file of the drop folder; nothing outside of it can be read.

        Raises WorkbookTooLarge; the run that says so is recorded, with `anew` also where one was before.
        """
        principal.require(Scope.INGESTION_WRITE)
        found = await asyncio.to_thread(self._read_dropped, path, trigger)
        if isinstance(found, Oversized):
            raise await self.refusals.refuse(principal, found, anew=anew)
        return found

    def _read_dropped(self, path: str, trigger: str) -> bytes | Oversized:
        try:
            folder = self.drop_folder.resolve()
            file = (folder / path).resolve()
            if not file.is_relative_to(folder):
                raise InvalidInput("the path leaves the drop folder", hint="Give a path relative to the drop folder.")
            if not file.is_file():
                raise NotFound(f"no file {path[:200]!r} in the drop folder")
            if not self.refusals.excludes(size := file.stat().st_size):
                return file.read_bytes()
            with file.open("rb") as content:
                return Oversized(file.name, size, hashlib.file_digest(content, "sha256").hexdigest(), trigger)
        except (OSError, ValueError) as error:
            raise NotFound(f"{path[:200]!r} in the drop folder cannot be read: {_reason(error)}") from error

    async def run(self, principal: Principal, run_id: int) -> Run:
        found = (await self.runs(principal, [run_id])).get(run_id)
        if found is None:
            raise NotFound(f"there is no ingestion run {run_id}")
        return found

    async def runs(self, principal: Principal, ids: Collection[int]) -> dict[int, Run]:
        principal.require(Scope.INGESTION_READ)
        return await self.store.runs(principal.tenant, ids)

    async def runs_page(self, principal: Principal, wanted: RunFilter, request: PageRequest) -> Page[Run]:
        principal.require(Scope.INGESTION_READ)
        return await self.store.runs_page(principal.tenant, wanted, request)

    async def runs_count(self, principal: Principal, wanted: RunFilter) -> int:
        principal.require(Scope.INGESTION_READ)
        return await self.store.runs_count(principal.tenant, wanted)

    async def content(self, principal: Principal, file_id: int) -> tuple[SourceFile, bytes]:
        """A file and its bytes, as they came."""
        found = (await self.files(principal, [file_id])).get(file_id)
        if found is None:
            raise NotFound(f"there is no file {file_id}")
        return found, await self.blobs.get(found.content_hash)

    async def annotated(self, principal: Principal, run_id: int) -> tuple[str, bytes]:
        """The name and the bytes of a run's workbook with every finding marked in its cells."""
        run = await self.run(principal, run_id)
        if not run.state.final or run.state is RunState.UNCHANGED:
            what = "has not ended yet" if not run.state.final else f"is {run.state.lower()}: run {run.repeats} has them"
            raise Conflict(f"there are no findings of run {run_id}, which {what}")
        _, data = await self.content(principal, run.file_id)
        noted = (await self.findings(principal, [run_id])).get(run_id, [])
        found = [each.finding for each in noted]
        async with self._annotating:  # seconds of a core, and many times the file in memory
            copy = await asyncio.to_thread(_annotated, data, run, found)
        return annotated_name(run.file_name), copy

    async def files(self, principal: Principal, ids: Collection[int]) -> dict[int, SourceFile]:
        principal.require(Scope.INGESTION_READ)
        return await self.store.files(principal.tenant, ids)

    async def files_page(self, principal: Principal, wanted: RunFilter, request: PageRequest) -> Page[SourceFile]:
        principal.require(Scope.INGESTION_READ)
        return await self.store.files_page(principal.tenant, wanted, request)

    async def findings(self, principal: Principal, run_ids: Collection[int]) -> dict[int, list[Noted]]:
        principal.require(Scope.INGESTION_READ)
        return await self.store.findings(principal.tenant, run_ids)

    def events(self, principal: Principal) -> EventLog:
        """Where runs are followed: INGESTION_RUN."""
        principal.require(Scope.INGESTION_READ)
        return self.event_log

    def all_events(self, principal: Principal) -> EventLog:
        """Where everything is followed."""
        principal.require(Scope.INGESTION_READ)
        principal.require(Scope.CURVES_READ)
        return self.event_log


def _tenant_first(of: tuple[str, Run]) -> tuple[str, int]:
    """In one order everywhere: servers that append for several tenants cannot wait for each other."""
    return of[0], of[1].id


def about(run: Run) -> list[tuple[str, str]]:
    """What became of a file, in labels and values, for people."""
    counts, read_at = run.counts, f"{run.started_at:%Y-%m-%d %H:%M} UTC" if run.started_at else None
    lines = [
        ("File", run.file_name), ("Vendor", run.vendor), ("As of", run.as_of), ("Run", run.id),
        ("State", run.state.lower()), ("Sent by", f"{run.requested_by} ({run.trigger})"), ("Read at", read_at),
        ("Curves", f"{counts.curves:,}"), ("Points", f"{counts.points:,}"), ("Loaded", f"{counts.loaded:,}"),
        ("In quarantine", f"{counts.withheld:,}"), ("Why it is not loaded", run.error), ("What to do", run.hint),
    ]  # fmt: skip
    return [(label, str(value)) for label, value in lines if value is not None]


def _annotated(data: bytes, run: Run, findings: list[Finding]) -> bytes:
    from aurum.ingestion.annotated import annotate  # on the thread: openpyxl takes a quarter of a second to import

    return annotate(data, run.file_name, about(run), findings)


def name_of(path: str) -> str:
    """The name that a file has in its runs."""
    return PurePath(path.replace("\\", "/")).name or "unnamed"


def _reason(error: Exception) -> str:
    return (error.strerror or "unknown reason") if isinstance(error, OSError) else "it is no path"


def _loaded(run: Run) -> bool:
    return run.state is RunState.SUCCEEDED and run.parser_version == PARSER_VERSION
