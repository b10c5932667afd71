"""What a file is checked against: the vendor's days before it, and the vendor's last file."""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from dataclasses import replace
from datetime import date
from typing import Generic, NamedTuple, TypeVar

from aurum.auth import Principal
from aurum.backends.blobs import Blobs
from aurum.curves.service import CurveService
from aurum.errors import AurumError, Unavailable
from aurum.ingestion.checks import Day, PreviousFile, Thresholds
from aurum.ingestion.model import SourceFile
from aurum.ingestion.store import IngestionStore
from aurum.parsers import parse
from aurum.parsers.model import ParsedWorkbook

_log = logging.getLogger(__name__)
_KEPT_DAYS = 96  # of all vendors: 0.2 MB each, of a large one
_KEPT_FILES = 6

K = TypeVar("K")
V = TypeVar("V")
DayKey = tuple[str, str, date]  # tenant, vendor, as-of


class Basis(NamedTuple):
    """What a file is checked against. `previous_id` is the vendor's last file."""

    days: list[Day]
    previous: PreviousFile | None
    previous_id: int | None


class _Kept(Generic[K, V]):
    """The last used ones."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._values: OrderedDict[K, V] = OrderedDict()

    def get(self, key: K) -> V | None:
        if key in self._values:
            self._values.move_to_end(key)
        return self._values.get(key)

    def put(self, key: K, value: V) -> None:
        self._values[key] = value
        self._values.move_to_end(key)
        while len(self._values) > self._most:
            self._values.popitem(last=False)


class VendorHistory:
    """Keeps what it has read: a day until it changes, a file for good. Files mostly come in order."""

    def __init__(self, store: IngestionStore, blobs: Blobs, curves: CurveService) -> None:
        self._store = store
        self._blobs = blobs
        self._curves = curves
        self._days: _Kept[DayKey, tuple[int, Day]] = _Kept(_KEPT_DAYS)
        self._files: _Kept[tuple[str, int], PreviousFile] = _Kept(_KEPT_FILES)

    async def before(self, principal: Principal, parsed: ParsedWorkbook, file_id: int, thresholds: Thresholds) -> Basis:
        limit = thresholds.of(parsed.vendor).history_days
        last = await self._store.last_file(principal.tenant, parsed.vendor, parsed.as_of, file_id)
        days = await self._days_before(principal, parsed.vendor, parsed.as_of, limit)
        previous = None if last is None else await self._previous(principal.tenant, last)
        return Basis(days, previous, None if last is None or previous is None else last.id)

    def remember(self, principal: Principal, parsed: ParsedWorkbook, file_id: int) -> None:
        """A file that has been loaded: the vendor's next one will be compared with it."""
        self._files.put((principal.tenant, file_id), PreviousFile.of(parsed))

    async def _days_before(self, principal: Principal, vendor: str, as_of: date, limit: int) -> list[Day]:
        revisions = await self._curves.vendor_days(principal, vendor, before=as_of, limit=limit)
        found: list[Day] = []
        missing: list[date] = []
        for day, revision in revisions.items():
            kept = self._days.get((principal.tenant, vendor, day))
            if kept is not None and kept[0] == revision:
                found.append(kept[1])
            else:
                missing.append(day)
        if missing:
            mids = await self._curves.mids(principal, vendor, missing)
            for day in missing:
                read = Day.of_prices(day, mids.get(day, {}))
                self._days.put((principal.tenant, vendor, day), (revisions[day], read))
                found.append(read)
        return found

    async def _previous(self, tenant: str, file: SourceFile) -> PreviousFile | None:
        kept = self._files.get((tenant, file.id))
        if kept is None:
            try:
                data = await self._blobs.get(file.content_hash)
                # Not under the name that it first came with: it may have been loaded under another one.
                name = f"EOD_{file.vendor}_{file.as_of:%Y%m%d}.xlsx"
                parsed = await asyncio.to_thread(parse, data, name, as_of=file.as_of, vendor=file.vendor)
            except Unavailable:
                raise
            except AurumError as error:
                _log.warning("%s cannot be compared with: %s", file.name, error.message)
                return None
            kept = replace(PreviousFile.of(parsed), file=file.name)
            self._files.put((tenant, file.id), kept)
        return kept
