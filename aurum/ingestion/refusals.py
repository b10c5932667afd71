"""Files that are larger than is accepted: neither read nor kept, but each has a run that says that it was refused."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import NamedTuple

from aurum.auth import Principal
from aurum.backends.database import Database
from aurum.backends.events import EventLog
from aurum.errors import WorkbookTooLarge
from aurum.ingestion.loading import announce
from aurum.ingestion.model import RunState
from aurum.ingestion.store import IngestionStore
from aurum.parsers import PARSER_VERSION


class Oversized(NamedTuple):
    """What is known of a file without keeping it. `digest`: its content hash. `trigger`: how it came."""

    name: str
    size: int
    digest: str
    trigger: str


class Refusals:
    def __init__(
        self, database: Database, store: IngestionStore, events: EventLog, clock: Callable[[], datetime],
        max_file_mib: int,
    ) -> None:  # fmt: skip
        self._database = database
        self._store = store
        self._event_log = events
        self._clock = clock
        self._most = max_file_mib

    def excludes(self, size: int) -> bool:
        return size > self._most * 2**20

    async def refuse(self, principal: Principal, file: Oversized, *, anew: bool = True) -> WorkbookTooLarge:
        """The error to raise, once a failed run is recorded and told of. `anew`: also where one was before."""
        error, now, tenant = self._error(file), self._clock(), principal.tenant
        async with self._database.write() as transaction:
            await transaction.lock(f"file {tenant} {file.digest}")
            kept = {"content_hash": file.digest, "name": file.name, "size": file.size, "received_at": now}
            file_id = await self._store.keep_file(transaction, tenant, kept)
            earlier = await self._store.runs_of_file(transaction, tenant, file_id)
            if not anew and any((run.file_name, run.error_code) == (file.name, error.code) for run in earlier):
                return error
            run = await self._store.add_run(
                transaction, tenant, file_id=file_id, file_name=file.name, trigger=file.trigger,
                requested_by=principal.name, state=RunState.FAILED, created_at=now, finished_at=now,
                parser_version=PARSER_VERSION, error_code=error.code, error=error.message, hint=error.hint,
            )  # fmt: skip
            await announce(self._event_log, transaction, tenant, now, run.id, run.state)
        return error

    def _error(self, file: Oversized) -> WorkbookTooLarge:
        return WorkbookTooLarge(
            f"{file.name} has {file.size:,} bytes; {self._most} MiB are accepted",
            hint="AURUM_INGESTION__MAX_FILE_MIB raises the limit. The file was not kept: send it again then.",
            file=file.name,
        )
