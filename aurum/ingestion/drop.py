"""The drop folder: every workbook that is put there is submitted once. The files themselves are never touched."""

from __future__ import annotations

import asyncio
import logging
import os
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from pathlib import Path, PurePosixPath
from time import monotonic
from typing import NamedTuple

from aurum.auth import Principal
from aurum.errors import AsOfMismatch, AurumError, NotFound, Unavailable
from aurum.ingestion.model import Run, RunState
from aurum.ingestion.service import Dispatcher, IngestionService, Submission, name_of
from aurum.parsers.reader import as_of_in

TRIGGER = "drop folder"
_WORKBOOKS = frozenset({".xlsx", ".xlsm", ".xlsb", ".xls"})
_log = logging.getLogger(__name__)


class _Stamp(NamedTuple):
    modified_ns: int
    size: int


@dataclass(slots=True)
class _Arrival:
    """A file that has not been handed over yet. `due`: when it is looked at again, unless it changes before."""

    stamp: _Stamp
    due: float
    lay_there: bool
    run: Run | None = None
    trouble: str = ""


class DropFolder:
    """Scans the folder: whenever something changes in it, and every `scan_seconds`, so that nothing is missed.

    A file is taken once it has not changed for `settle_seconds`, and again only after it has changed. What lay there
    before the watch began and has a run already is passed over without a record.
    """

    def __init__(
        self,
        service: IngestionService,
        dispatcher: Dispatcher,
        principal: Principal,
        *,
        settle_seconds: float = 1.0,
        scan_seconds: float = 10.0,
    ) -> None:
        self.folder = service.drop_folder
        self._service = service
        self._dispatcher = dispatcher
        self._principal = principal
        self._settle_seconds = settle_seconds
        self._scan_seconds = scan_seconds
        self._arrivals: dict[str, _Arrival] = {}
        self._taken: dict[str, _Stamp] = {}
        self._first_look = True

    async def watch(self) -> None:
        """Runs until cancelled."""
        changed = asyncio.Event()
        notices = asyncio.create_task(self._notice(changed))
        try:
            while True:
                changed.clear()
                await self._look()
                with suppress(TimeoutError):
                    async with asyncio.timeout(self._pause()):
                        await changed.wait()
        finally:
            notices.cancel()
            await asyncio.gather(notices, return_exceptions=True)

    async def _notice(self, changed: asyncio.Event) -> None:
        """Where the system cannot tell of changes (network drives, too many watches) the scans find them."""
        from watchfiles import awatch

        while True:
            with suppress(OSError, RuntimeError):
                async for _ in awatch(self.folder, watch_filter=None):
                    changed.set()
            await asyncio.sleep(self._scan_seconds)

    def _pause(self) -> float:
        now = monotonic()
        return max(0.0, min([arrival.due - now for arrival in self._arrivals.values()] + [self._scan_seconds]))

    async def _look(self) -> None:
        try:
            await self.scan()
        except OSError as error:
            _log.warning("the drop folder cannot be read: %s", error)

    async def scan(self) -> None:
        """One look at the folder: notes what is new and hands over what has settled."""
        if self._first_look:
            await asyncio.to_thread(self.folder.mkdir, parents=True, exist_ok=True)
        found = await asyncio.to_thread(workbooks, self.folder)
        now = monotonic()
        for path, stamp in found.items():
            known = self._taken.get(path) if path not in self._arrivals else self._arrivals[path].stamp
            if known != stamp:
                self._arrivals[path] = _Arrival(stamp, now + self._settle_seconds, self._first_look)
        self._first_look = False
        for path, arrival in sorted(self._arrivals.items(), key=lambda each: _day_first(each[0])):
            if path not in found:
                del self._arrivals[path]
            elif arrival.due <= now and await self._hand_over(path, arrival):
                self._taken[path] = self._arrivals.pop(path).stamp

    async def _hand_over(self, path: str, arrival: _Arrival) -> bool:
        """Whether that is done with, be it with a refusal. What may pass is tried again at the next scan."""
        try:
            if not await self._submit(path, arrival):
                arrival.due = monotonic() + self._scan_seconds
                return False
        except (Unavailable, NotFound, OSError) as error:
            arrival.due = monotonic() + self._scan_seconds
            if str(error) != arrival.trouble:
                _log.warning("%s cannot be taken from the drop folder yet: %s", path, error)
                arrival.trouble = str(error)
            return False
        except AurumError as error:
            _log.error("%s is not taken from the drop folder: %s", path, error.message)
        except Exception:  # noqa: BLE001  one file must not end the watch over all the others
            _log.exception("%s cannot be taken from the drop folder", path)
        return True

    async def _submit(self, path: str, arrival: _Arrival) -> bool:
        """Whether it has a run. Not while its bytes have one by another name, which may be the one that is wrong."""
        if arrival.run is None:
            data = await self._service.read_dropped(self._principal, path, TRIGGER, anew=not arrival.lay_there)
            name = name_of(path)
            if arrival.lay_there and await self._service.known(self._principal, data, name):
                return True
            run = await self._service.submit(self._principal, Submission(data, name, TRIGGER))
            if run.file_name != name:
                return False
            arrival.run = run
            _log.info("%s from the drop folder: run %s", path, run.id, extra={"run_id": run.id})
        if arrival.run.state is RunState.QUEUED:
            await self._dispatcher.dispatch(self._principal.tenant, arrival.run)
        return True


def workbooks(folder: Path) -> dict[str, _Stamp]:
    """Every workbook below the folder, by its path in it. Dotfiles, Excel's `~$` and empty files are none yet."""
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder} is not there")
    found = {}
    for place, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for file in (Path(place, name) for name in names if _is_workbook(name)):
            with suppress(FileNotFoundError):
                status = file.stat()
                if status.st_size:
                    found[file.relative_to(folder).as_posix()] = _Stamp(status.st_mtime_ns, status.st_size)
    return found


def _day_first(path: str) -> tuple[date, str]:
    """Many files at once go in by their days: each is checked against those before it."""
    try:
        return as_of_in(path) or date.max, path
    except AsOfMismatch:
        return date.max, path


def _is_workbook(name: str) -> bool:
    return not name.startswith((".", "~")) and PurePosixPath(name).suffix.lower() in _WORKBOOKS
