"""The use cases of exports: what is written at once, and jobs. Every call says who asks."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import AsyncGenerator, Callable, Collection
from contextlib import aclosing
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import IO, Any, cast

from aurum.auth import Principal, Scope
from aurum.backends.blobs import FolderBlobs
from aurum.backends.database import WriteConnection
from aurum.backends.events import EventLog, Heads
from aurum.backends.paging import Page, PageRequest
from aurum.curves.stories import NamedRun
from aurum.errors import Conflict, Expired, NotFound, TooManyExports, Unavailable
from aurum.exports.comparisons import compared
from aurum.exports.model import Export, ExportFormat, ExportState, Selection
from aurum.exports.plans import Source, planned
from aurum.exports.selections import of_runs, pinned, written
from aurum.exports.store import ExportStore
from aurum.exports.writing import AnyPlan, Drain, steps
from aurum.market.counts import counted
from aurum.market.units import check_codes
from aurum.settings import ExportSettings

EXPORT = "EXPORT"
_AT_A_TIME = 2  # batches that are written in this process: each takes a core
_LOOKS = 5  # at what an export consists of
_NARROW = "Narrow the selection: fewer curves, as-of dates, tenor types or deliveries."
_MAKE_A_JOB = "Make a job of it: the mutation `createExport` takes the same selection. Or narrow it."


class ExportService:
    """`files` are those of jobs: nothing else is kept there, for they are removed when they expire."""

    def __init__(
        self, store: ExportStore, source: Source, events: EventLog, files: FolderBlobs,
        clock: Callable[[], datetime], settings: ExportSettings,
    ) -> None:  # fmt: skip
        self.store = store
        self.source = source
        self.event_log = events
        self.files = files
        self.clock = clock
        self.settings = settings
        self._heads = Heads(store.database)
        self._turns = asyncio.Semaphore(_AT_A_TIME)
        self.asked = asyncio.Event()  # this process was asked for a job

    async def plan(
        self, principal: Principal, selection: Selection, format_: ExportFormat, *, at_once: bool = False
    ) -> AnyPlan:
        """What an export consists of, as it is known now unless it says when. Raises ExportTooLarge, Unavailable."""
        most, hint = self.settings.max_points, _NARROW
        if at_once and self.settings.stream_points < most:
            most, hint = self.settings.stream_points, _MAKE_A_JOB
        given, told = await self._pinned(principal, selection)
        if given.compared:
            return await compared(self.source, principal, given, told, format_.most_rows(most), hint)
        run = None if given.scenario_run is None else told[given.scenario_run]
        for _ in range(_LOOKS):
            head = await self._heads.of(principal.tenant)
            plan = await planned(self.source, principal, given, run, format_.most_rows(most), hint)
            if await self._heads.of(principal.tenant) == head:  # else a part of a file might be in it
                return plan
        raise Unavailable("files are loaded all the time: look again in a moment, or narrow the selection")

    async def _pinned(self, principal: Principal, selection: Selection) -> tuple[Selection, dict[int, NamedRun]]:
        """With its runs of scenarios. Raises NotFound, Conflict for one that has not succeeded, and InvalidInput for
        codes that there are not.
        """
        check_codes(selection.currency, selection.unit)
        if not selection.runs:
            return pinned(selection, self.clock()), {}
        told = await self.source.stories.told(principal, selection.runs)
        return of_runs(selection, max(each.known_at for each in told.values())), told

    def steps(
        self, principal: Principal, plan: AnyPlan, format_: ExportFormat, sink: IO[bytes]
    ) -> AsyncGenerator[int]:  # fmt: skip
        """Writes it; after each step, how many rows are written."""
        return steps(self.source, principal, plan, format_, sink, self._turns)

    async def streamed(
        self, principal: Principal, plan: AnyPlan, format_: ExportFormat, *, compressed: bool = False
    ) -> AsyncGenerator[bytes]:
        """Its bytes as they are written; `compressed` with gzip."""
        drain = Drain()
        sink: Any = gzip.GzipFile(fileobj=cast("Any", drain), mode="wb", mtime=0) if compressed else drain
        async with aclosing(self.steps(principal, plan, format_, sink)) as done:
            async for _ in done:
                yield drain.taken()
        if compressed:
            sink.close()
        yield drain.taken()

    async def create(self, principal: Principal, selection: Selection, format_: ExportFormat) -> Export:
        """Queues a job. Raises TooManyExports."""
        principal.require(Scope.CURVES_READ)
        now = self.clock()
        given = written((await self._pinned(principal, selection))[0])
        async with self.store.database.write() as transaction:
            waiting, kept = await self.store.held(transaction, principal.tenant)
            self._check(waiting, kept)
            export = await self.store.add(
                transaction, principal.tenant, selection=given, format=format_, state=ExportState.QUEUED,
                requested_by=principal.name, created_at=now, due_at=now,
            )  # fmt: skip
            await self.announce(transaction, principal.tenant, export)
        self.asked.set()
        return export

    def _check(self, waiting: int, kept: int) -> None:
        if waiting >= self.settings.max_waiting:
            raise TooManyExports(
                f"{counted(waiting, 'job')} waiting or running already", hint="Cancel one, or try again later."
            )
        if kept >= self.settings.max_kept_mib * 2**20:
            raise TooManyExports(
                f"the files of exports take {kept / 2**20:,.0f} MiB already",
                hint="Discard some with `discardExport`, or wait until they expire.",
            )

    async def cancel(self, principal: Principal, export_id: int) -> Export:
        """Ends a job that waits or runs. A repeated cancel changes nothing. Raises Conflict, NotFound."""
        alive = (ExportState.QUEUED, ExportState.RUNNING)
        values = {"error_code": "CANCELLED", "error": f"cancelled by {principal.name}"}
        return await self._end(principal, export_id, alive, ExportState.CANCELLED, values)

    async def discard(self, principal: Principal, export_id: int) -> Export:
        """Removes the file of a job before it expires. Raises Conflict, NotFound."""
        return await self._end(principal, export_id, (ExportState.SUCCEEDED,), ExportState.EXPIRED, {})

    async def _end(
        self, principal: Principal, export_id: int, was: Collection[ExportState], state: ExportState,
        values: dict[str, Any],
    ) -> Export:  # fmt: skip
        principal.require(Scope.CURVES_READ)
        now, tenant = self.clock(), principal.tenant
        values = {"finished_at": now, **values} if state is ExportState.CANCELLED else {"expires_at": now}
        async with self.store.database.write() as transaction:
            export = await self.store.end(transaction, tenant, export_id, was, state=state, **values)
            if export is not None:
                await self._release(transaction, export)
                await self.announce(transaction, tenant, export)
                return export
        found = await self.export(principal, export_id)
        if found.state is not state:
            raise Conflict(f"the export is {found.state.lower()}", hint="Nothing was changed.")
        return found

    async def _release(self, transaction: WriteConnection, export: Export) -> None:
        """Removes the file of a job that has expired, unless another one has the same."""
        if export.digest is not None:
            await self.store.lock_file(transaction, export.digest)
            if not await self.store.wanted(transaction, export.digest):
                await asyncio.to_thread(self.files.forget, export.digest)

    async def expire(self) -> int:
        """Removes files that are kept for long enough. How many it were."""
        now = self.clock()
        old = await self.store.expired(now, limit=100)
        for tenant, export_id in old:
            async with self.store.database.write() as transaction:
                was = (ExportState.SUCCEEDED,)
                export = await self.store.end(transaction, tenant, export_id, was, state=ExportState.EXPIRED)
                if export is not None:
                    await self._release(transaction, export)
                    await self.announce(transaction, tenant, export)
        return len(old)

    async def by_id(self, principal: Principal, ids: Collection[int]) -> dict[int, Export]:
        principal.require(Scope.CURVES_READ)
        return {id_: self._seen(each) for id_, each in (await self.store.by_id(principal.tenant, ids)).items()}

    async def export(self, principal: Principal, export_id: int) -> Export:
        found = (await self.by_id(principal, [export_id])).get(export_id)
        if found is None:
            raise NotFound(f"there is no export {export_id}")
        return found

    async def page(self, principal: Principal, request: PageRequest) -> Page[Export]:
        """Newest first."""
        principal.require(Scope.CURVES_READ)
        return (await self.store.page(principal.tenant, request)).map(self._seen)

    def _seen(self, export: Export) -> Export:
        """One whose time is up has expired, also before its file is removed."""
        up = export.state is ExportState.SUCCEEDED and export.expires_at and export.expires_at <= self.clock()
        return replace(export, state=ExportState.EXPIRED) if up else export

    async def file(self, principal: Principal, export_id: int) -> tuple[Export, Path]:
        """Where the file of a job is. Raises NotFound, Conflict where it has none, Expired where it had one."""
        export = await self.export(principal, export_id)
        if export.selection.runs:
            principal.require(Scope.SCENARIOS_READ)
        if export.state is ExportState.EXPIRED:
            raise Expired("the export has expired: its file is not kept any more", hint="Ask for it again.")
        if export.state is not ExportState.SUCCEEDED or export.digest is None:
            raise Conflict(f"there is no file of the export: it is {export.state.lower()}")
        path = self.files.path(export.digest)
        if not await asyncio.to_thread(path.is_file):
            raise NotFound("the file of the export is not there", hint="Ask for it again.")
        return export, path

    async def announce(self, transaction: WriteConnection, tenant: str, export: Export) -> None:
        """Last in its transaction."""
        told = {"export_id": export.id, "state": export.state, "points": export.done, "total": export.total}
        await self.event_log.append(transaction, tenant, self.clock(), [(EXPORT, told)], quiet=True)

    def events(self, principal: Principal) -> EventLog:
        """Where jobs are followed: EXPORT."""
        principal.require(Scope.CURVES_READ)
        return self.event_log
