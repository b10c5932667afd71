"""Jobs: asked for, done, taken over, cancelled, expired; within their limits, and each tenant's its own."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncGenerator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from aurum.auth import Principal
from aurum.backends.blobs import FolderBlobs
from aurum.backends.paging import PageRequest
from aurum.errors import Conflict, Expired, Forbidden, NotFound, TooManyExports, Unavailable
from aurum.exports.model import Export, ExportFormat, ExportState, Selection
from aurum.exports.service import EXPORT, ExportService
from aurum.exports.store import ExportStore
from aurum.exports.worker import ExportWorker
from aurum.metadata.model import CurveFilter
from tests.exports.conftest import Exporting
from tests.published import DESK, RIVAL

CSV, ALL = ExportFormat.CSV, Selection()


async def done(worker: ExportWorker, service: ExportService, export: Export) -> Export:
    assert await worker.work_once()
    return await service.export(DESK, export.id)


def files_in(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


async def states(exporting: Exporting) -> list[tuple[str, int, int | None]]:
    events = await exporting.book.events.read("desk", 0, [EXPORT])
    return [(event.payload["state"], event.payload["points"], event.payload["total"]) for event in events]


async def test_a_job_is_done_and_its_file_is_what_is_streamed(exporting: Exporting) -> None:
    service = exporting.service()
    export = await service.create(DESK, ALL, CSV)
    assert (export.state, export.total, export.selection.known_at) == (ExportState.QUEUED, None, exporting.time)
    finished = await done(exporting.worker(), service, export)
    assert (finished.state, finished.done, finished.total, finished.attempt) == (ExportState.SUCCEEDED, 6, 6, 1)
    _, path = await service.file(DESK, export.id)
    data = path.read_bytes()
    assert data == await exporting.bytes_of(export.selection, CSV)
    assert (finished.size, finished.digest) == (len(data), hashlib.sha256(data).hexdigest())
    queued, running, *_, succeeded = await states(exporting)
    assert (queued, running, succeeded) == (("QUEUED", 0, None), ("RUNNING", 0, None), ("SUCCEEDED", 6, 6))
    assert files_in(exporting.folder) == [path]
    assert not await exporting.worker().work_once()


async def test_what_cannot_be_exported_fails_and_says_why(exporting: Exporting) -> None:
    service = exporting.service(max_points=5)
    large = await service.create(DESK, ALL, CSV)
    missing = await service.create(DESK, Selection(CurveFilter(keys=("no/curve",))), CSV)
    mixed = await service.create(DESK, Selection(currency="GBP"), CSV)
    worker = exporting.worker(max_points=5)
    found = [await done(worker, service, each) for each in (large, missing, mixed)]
    assert [(each.state, each.error_code) for each in found] == [
        (ExportState.FAILED, "EXPORT_TOO_LARGE"), (ExportState.FAILED, "NOT_FOUND"),
        (ExportState.FAILED, "NO_EXCHANGE_RATE"),
    ]  # fmt: skip
    assert all(each.error and each.finished_at for each in found)
    with pytest.raises(Conflict):
        await service.file(DESK, large.id)
    assert files_in(exporting.folder) == []


async def test_an_accident_is_a_failure_and_not_the_end_of_the_worker(
    exporting: Exporting, monkeypatch: pytest.MonkeyPatch
) -> None:
    service, worker = exporting.service(), exporting.worker()
    monkeypatch.setattr("aurum.exports.frames.Frames.batch", lambda *_: 1 / 0)
    failed = await done(worker, service, await service.create(DESK, ALL, CSV))
    assert (failed.state, failed.error_code) == (ExportState.FAILED, "INTERNAL")
    assert "division" not in str(failed.error)
    assert files_in(exporting.folder) == []


async def test_another_process_takes_over_from_one_that_has_died(exporting: Exporting) -> None:
    service, export = exporting.service(), await exporting.service().create(DESK, ALL, CSV)
    dead = exporting.worker()
    claim = await dead._claim()  # and no more is heard of it
    assert claim is not None
    dead._fresh(claim.export).write_bytes(b"half of")
    assert not await exporting.worker().work_once()
    exporting.time += timedelta(seconds=31)
    finished = await done(exporting.worker(), service, export)
    assert (finished.state, finished.attempt, finished.done) == (ExportState.SUCCEEDED, 2, 6)
    assert len(files_in(exporting.folder)) == 1
    await dead._fail(claim, "LATE", "it was not dead after all", None)
    assert (await service.export(DESK, export.id)).state is ExportState.SUCCEEDED


async def test_a_job_that_ends_every_process_has_failed_at_last(exporting: Exporting) -> None:
    service, export = exporting.service(), await exporting.service().create(DESK, ALL, CSV)
    for _ in range(3):
        assert await exporting.worker()._claim() is not None
        exporting.time += timedelta(seconds=31)
    failed = await done(exporting.worker(), service, export)
    assert (failed.state, failed.error_code) == (ExportState.FAILED, "WORKER_LOST")


@pytest.mark.parametrize("away", [Unavailable("files cannot be kept"), OSError(28, "No space left on device")])
async def test_what_may_pass_is_tried_again(
    exporting: Exporting, monkeypatch: pytest.MonkeyPatch, away: Exception
) -> None:
    def fail(*_: Any) -> None:
        raise away

    service, worker = exporting.service(), exporting.worker()
    export = await service.create(DESK, ALL, CSV)
    with monkeypatch.context() as patched:
        patched.setattr(FolderBlobs, "take", fail)
        assert (await done(worker, service, export)).state is ExportState.QUEUED
    assert not await worker.work_once()  # not at once
    exporting.time += timedelta(seconds=31)
    assert (await done(worker, service, export)).state is ExportState.SUCCEEDED


async def test_a_job_is_cancelled_before_and_while_it_runs(
    exporting: Exporting, monkeypatch: pytest.MonkeyPatch
) -> None:
    service = exporting.service()
    waiting = await service.create(DESK, ALL, CSV)
    assert (await service.cancel(DESK, waiting.id)).state is ExportState.CANCELLED
    assert (await service.cancel(DESK, waiting.id)).error == "cancelled by analyst"
    assert not await exporting.worker().work_once()

    running, begun = await service.create(DESK, ALL, CSV), asyncio.Event()

    async def endless(*_: Any) -> AsyncGenerator[int]:
        begun.set()
        await asyncio.sleep(3600)
        yield 0

    monkeypatch.setattr("aurum.exports.service.steps", endless)
    working = asyncio.create_task(exporting.worker(lease_seconds=0.3).work_once())
    await begun.wait()
    assert (await service.cancel(DESK, running.id)).state is ExportState.CANCELLED
    assert await working  # it has noticed
    assert files_in(exporting.folder) == []
    kept = [state for state, _, _ in await states(exporting)]
    assert kept[-1] == "CANCELLED"


async def test_a_heartbeat_keeps_others_away_and_tells_how_far_it_is(
    exporting: Exporting, monkeypatch: pytest.MonkeyPatch
) -> None:
    service, worker = exporting.service(), exporting.worker(lease_seconds=0.3)
    begun, go = asyncio.Event(), asyncio.Event()

    async def slow(*_: Any) -> AsyncGenerator[int]:
        yield 4
        begun.set()
        await go.wait()
        yield 6

    export = await service.create(DESK, ALL, CSV)
    monkeypatch.setattr("aurum.exports.service.steps", slow)
    working = asyncio.create_task(worker.work_once())
    await begun.wait()
    while ("RUNNING", 4, 6) not in await states(exporting):  # noqa: ASYNC110  of the next beat
        await asyncio.sleep(0.02)
    exporting.time += timedelta(seconds=0.2)
    assert not await exporting.worker().work_once()
    go.set()
    await working
    assert (await service.export(DESK, export.id)).state is ExportState.SUCCEEDED


async def test_what_is_told_of_a_job_is_what_is_kept_though_it_goes_on(
    exporting: Exporting, monkeypatch: pytest.MonkeyPatch
) -> None:
    service, worker, go = exporting.service(), exporting.worker(lease_seconds=0.3), asyncio.Event()

    async def quick(*_: Any) -> AsyncGenerator[int]:
        yield 1
        await go.wait()  # for a beat that is being written
        yield 5
        await asyncio.sleep(3600)

    change = ExportStore.change

    async def slow(self: ExportStore, *of: Any, **values: Any) -> bool:
        ours = await change(self, *of, **values)
        go.set()
        await asyncio.sleep(0.05)
        return ours

    export = await service.create(DESK, ALL, CSV)
    monkeypatch.setattr("aurum.exports.service.steps", quick)
    monkeypatch.setattr(ExportStore, "change", slow)
    working = asyncio.create_task(worker.work_once())
    while ("RUNNING", 5, 6) not in await states(exporting):  # noqa: ASYNC110  of a later beat
        await asyncio.sleep(0.02)
    await service.cancel(DESK, export.id)
    await working
    points = [told for _, told, _ in await states(exporting)]
    assert points[2] == 1  # as it was kept then: 5 were written by the time it was told
    assert points == sorted(points)


async def test_files_expire_are_said_to_have_and_are_removed(exporting: Exporting) -> None:
    service, worker = exporting.service(keep_hours=1), exporting.worker(keep_hours=1)
    export = await done(worker, service, await service.create(DESK, ALL, CSV))
    assert export.expires_at == exporting.time + timedelta(hours=1)
    assert await service.expire() == 0
    exporting.time += timedelta(hours=1)
    with pytest.raises(Expired):  # before anybody has cleaned up
        await service.file(DESK, export.id)
    assert [each.state for each in (await service.page(DESK, PageRequest(9))).items] == [ExportState.EXPIRED]
    assert len(files_in(exporting.folder)) == 1
    assert await service.expire() == 1
    assert files_in(exporting.folder) == []
    assert (await states(exporting))[-1] == ("EXPIRED", 6, 6)
    assert await service.expire() == 0


async def test_a_file_that_two_jobs_have_stays_until_both_are_gone(exporting: Exporting) -> None:
    service, worker = exporting.service(), exporting.worker()
    same = Selection(known_at=exporting.time)
    one, other = [await done(worker, service, await service.create(DESK, same, CSV)) for _ in range(2)]
    assert one.digest == other.digest
    assert (await service.discard(DESK, one.id)).state is ExportState.EXPIRED
    assert (await service.file(DESK, other.id))[1].is_file()
    await service.discard(DESK, other.id)
    assert files_in(exporting.folder) == []
    with pytest.raises(Conflict):
        await service.cancel(DESK, other.id)


async def test_a_tenant_has_so_many_jobs_and_so_many_bytes(exporting: Exporting) -> None:
    service = exporting.service(max_waiting=2)
    first, _ = [await service.create(DESK, ALL, CSV) for _ in range(2)]
    with pytest.raises(TooManyExports, match="2 jobs waiting"):
        await service.create(DESK, ALL, CSV)
    await service.create(RIVAL, ALL, CSV)  # another tenant's are another's
    await service.cancel(DESK, first.id)
    await service.create(DESK, ALL, CSV)


async def test_a_tenant_keeps_no_more_than_it_may(exporting: Exporting, monkeypatch: pytest.MonkeyPatch) -> None:
    service = exporting.service(max_kept_mib=1)
    monkeypatch.setattr("aurum.exports.worker._measured", lambda _: (2**20, "0" * 64))
    kept = await done(exporting.worker(), service, await service.create(DESK, ALL, CSV))
    with pytest.raises(TooManyExports, match="1 MiB"):
        await service.create(DESK, ALL, CSV)
    await service.discard(DESK, kept.id)
    await service.create(DESK, ALL, CSV)


async def test_another_tenants_jobs_do_not_exist_and_reading_needs_its_scope(exporting: Exporting) -> None:
    service = exporting.service()
    export = await done(exporting.worker(), service, await service.create(DESK, ALL, CSV))
    for use_case in (service.export, service.file, service.cancel, service.discard):
        with pytest.raises(NotFound):
            await use_case(RIVAL, export.id)
        with pytest.raises(Forbidden):
            await use_case(Principal("desk", "nobody", frozenset()), export.id)
    assert (await service.page(RIVAL, PageRequest(9))).items == []
    with pytest.raises(Forbidden):
        await service.create(Principal("desk", "nobody", frozenset()), ALL, CSV)
