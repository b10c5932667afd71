"""Does export jobs in this process: those that it was asked for, and those whose process has died."""

from __future__ import annotations

import asyncio
import hashlib
import logging
from contextlib import aclosing, suppress
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from aurum.auth import worker_principal
from aurum.backends.rounds import going_on
from aurum.errors import AurumError, Unavailable
from aurum.exports.model import Export, ExportState
from aurum.exports.service import ExportService
from aurum.exports.store import Claim

_BEAT_SECONDS = 1.0
_EXPIRE_SECONDS = 60.0
_log = logging.getLogger(__name__)


class ExportWorker:
    def __init__(self, service: ExportService) -> None:
        self._service = service
        self._lease = timedelta(seconds=service.settings.lease_seconds)
        self._partial = service.files.folder / "partial"

    async def work(self) -> None:
        """One job after the other, until cancelled. Of one that another process was asked for it learns by looking."""
        while True:
            self._service.asked.clear()
            done = False
            with going_on(_log, "jobs of exports cannot be looked for"):
                done = await self.work_once()
            if not done:
                with suppress(TimeoutError):
                    async with asyncio.timeout(self._service.settings.lease_seconds / 3):
                        await self._service.asked.wait()

    async def clean(self) -> None:
        """Removes what has expired, until cancelled."""
        while True:
            with going_on(_log, "expired exports could not be removed"):
                await self._service.expire()
            await asyncio.sleep(_EXPIRE_SECONDS)

    async def work_once(self) -> bool:
        """Does the job that is due for the longest. False where there is none."""
        claim = await self._claim()
        if claim is not None and claim.export.attempt > self._service.settings.max_attempts:
            await self._fail(claim, "WORKER_LOST", "the process that wrote it ended each time before it was done",
                             "Look into the server's log, then ask for it again.")  # fmt: skip
        elif claim is not None:
            await self._do(claim)
        return claim is not None

    async def _claim(self) -> Claim | None:
        now = self._service.clock()
        if not await self._service.store.due(now):
            return None
        async with self._service.store.database.write() as transaction:
            claim = await self._service.store.claim(transaction, now, now + self._lease)
            if claim is not None:
                await self._service.announce(transaction, claim.tenant, claim.export)
        return claim

    async def _do(self, claim: Claim) -> None:
        """Until it is done, or is no longer ours."""
        progress = _Progress(claim.export)
        making = asyncio.create_task(self._made(claim, progress))
        beating = asyncio.create_task(self._beat(claim, progress))
        try:
            await asyncio.wait({making, beating}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            making.cancel()
            beating.cancel()
            await asyncio.gather(making, beating, return_exceptions=True)

    async def _made(self, claim: Claim, progress: _Progress) -> None:
        with going_on(_log, "an export is left to its lease"):
            await self._make(claim, progress)

    async def _make(self, claim: Claim, progress: _Progress) -> None:
        try:
            await self._write(claim, progress)
        except Unavailable as error:
            await self._put_back(claim, error)
        except OSError as error:
            told = f"the file cannot be written: {error.strerror or 'unknown reason'}"
            await self._put_back(claim, Unavailable(told, hint="See to the folder `exports` in AURUM_HOME."))
        except AurumError as error:
            await self._fail(claim, error.code, error.message, error.hint)
        except Exception:  # noqa: BLE001  whoever waits for it is told
            _log.exception("export %s failed", claim.export.id)
            await self._fail(claim, "INTERNAL", "an unexpected error occurred", "The server's log has the details.")

    async def _write(self, claim: Claim, progress: _Progress) -> None:
        service, principal, export = self._service, worker_principal(claim.tenant), claim.export
        plan = await service.plan(principal, export.selection, export.format)
        progress.total = plan.rows
        file = await asyncio.to_thread(self._fresh, export)
        try:
            with file.open("wb") as sink:
                async with aclosing(service.steps(principal, plan, export.format, sink)) as steps:
                    async for progress.done in steps:
                        pass
            size, digest = await asyncio.to_thread(_measured, file)
            await self._keep(claim, progress, file, size, digest)
        finally:
            file.unlink(missing_ok=True)

    async def _keep(self, claim: Claim, progress: _Progress, file: Path, size: int, digest: str) -> None:
        """The file and the word that it is there. Nothing, where the job is no longer ours."""
        service, now = self._service, self._service.clock()
        async with service.store.database.write() as transaction:
            await service.store.lock_file(transaction, digest)
            values: dict[str, Any] = {
                "state": ExportState.SUCCEEDED, "finished_at": now, "size": size, "digest": digest,
                "expires_at": now + timedelta(hours=service.settings.keep_hours), **progress.values,
            }  # fmt: skip
            if await service.store.change(transaction, claim, **values):
                await asyncio.to_thread(service.files.take, file, digest)
                await service.announce(transaction, claim.tenant, replace(claim.export, **values))

    async def _beat(self, claim: Claim, progress: _Progress) -> None:
        """Extends the lease and tells how far it is; returns when the job is no longer ours."""
        told = None
        while True:
            await asyncio.sleep(min(_BEAT_SECONDS, self._service.settings.lease_seconds / 3))
            ours, values = True, progress.values  # which goes on while they are told
            with going_on(_log, "an export's lease is not extended"):
                ours = await self._advance(claim, values, values != told)
            told = values
            if not ours:
                return

    async def _advance(self, claim: Claim, values: dict[str, Any], news: bool) -> bool:
        until = self._service.clock() + self._lease
        async with self._service.store.database.write() as transaction:
            ours = await self._service.store.change(transaction, claim, due_at=until, **values)
            if ours and news:
                await self._service.announce(transaction, claim.tenant, replace(claim.export, **values))
        return ours

    async def _put_back(self, claim: Claim, error: AurumError) -> None:
        """Into the queue: what was in the way may pass."""
        if claim.export.attempt >= self._service.settings.max_attempts:
            await self._fail(claim, error.code, error.message, error.hint)
            return
        _log.warning("export %s is tried again: %s", claim.export.id, error.message)
        later = self._service.clock() + self._lease
        await self._change(claim, later, state=ExportState.QUEUED)

    async def _fail(self, claim: Claim, code: str, error: str, hint: str | None) -> None:
        now = self._service.clock()
        await self._change(
            claim, now, state=ExportState.FAILED, finished_at=now, error_code=code, error=error, hint=hint
        )

    async def _change(self, claim: Claim, due_at: datetime, **values: Any) -> None:
        async with self._service.store.database.write() as transaction:
            if await self._service.store.change(transaction, claim, due_at=due_at, **values):
                await self._service.announce(transaction, claim.tenant, replace(claim.export, **values))

    def _fresh(self, export: Export) -> Path:
        """Where to write; what workers that have died have left of it is removed."""
        self._partial.mkdir(parents=True, exist_ok=True)
        for left in self._partial.glob(f"{export.id}-*"):
            left.unlink(missing_ok=True)
        return self._partial / f"{export.id}-{export.attempt}"


class _Progress:
    """How far a job is; written by whoever does it, told by the heartbeat."""

    def __init__(self, export: Export) -> None:
        self.done = 0
        self.total = export.total

    @property
    def values(self) -> dict[str, Any]:
        return {"done": self.done, "total": self.total}


def _measured(file: Path) -> tuple[int, str]:
    with file.open("rb") as content:
        return file.stat().st_size, hashlib.file_digest(content, "sha256").hexdigest()
