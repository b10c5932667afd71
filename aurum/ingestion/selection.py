"""Which workbooks of the drop folder are meant, told by their names alone: those of a day, of a folder, of a range."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

from aurum.auth import Principal
from aurum.errors import AsOfMismatch, InvalidInput, NotFound, UnknownVendor
from aurum.ingestion.drop import workbooks
from aurum.ingestion.service import IngestionService
from aurum.parsers.reader import VENDORS, as_of_in, vendor_of

_LOOKED_BACK = timedelta(days=14)


@dataclass(frozen=True, slots=True)
class Selection:
    """Workbooks that fit every given condition. `folder`: below the drop folder. `first` and `last` bound the as-of
    date, both included; with them, a file whose name says no date is left out, as one of no vendor with `vendors`."""

    folder: str = ""
    first: date | None = None
    last: date | None = None
    vendors: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Dropped:
    """A workbook by its path in the drop folder, and what its name says. None: nothing."""

    path: str
    vendor: str | None
    as_of: date | None


async def dropped(service: IngestionService, wanted: Selection) -> list[Dropped]:
    """Oldest as-of date first, those without one last; files of the same vendor and day by name."""
    return await asyncio.to_thread(_dropped, service.drop_folder, wanted)


async def last_day(service: IngestionService, principal: Principal, vendors: Collection[str] = ()) -> date:
    """The last day whose files were due by now. Yesterday (UTC) where nothing is expected of the vendors."""
    expectations = await service.policies.expectations_in_force(principal)
    now = service.clock()
    today = now.date()

    def due() -> list[date]:
        begin = today - _LOOKED_BACK
        expected = (expectations.expected(vendor, begin, today, begin) for vendor in vendors or VENDORS)
        return [file.as_of for files in expected for file in files if file.due_at <= now]

    return max(await asyncio.to_thread(due), default=today - timedelta(days=1))


def workbooks_below(folder: Path) -> list[Path]:
    """Of a folder anywhere, in the same order. Blocks."""
    return [folder / each.path for each in sorted(map(named, workbooks(folder)), key=order)]


def named(path: str) -> Dropped:
    """What a name says."""
    try:
        vendor = vendor_of(path)
    except UnknownVendor:
        vendor = None
    try:
        return Dropped(path, vendor, as_of_in(path))
    except AsOfMismatch:
        return Dropped(path, vendor, None)


def _dropped(drop_folder: Path, wanted: Selection) -> list[Dropped]:
    top = drop_folder.resolve()
    folder = _below(top, wanted.folder)
    found = [named((folder / path).relative_to(top).as_posix()) for path in workbooks(folder)]
    return sorted((each for each in found if _fits(each, wanted)), key=order)


def _below(top: Path, path: str) -> Path:
    try:
        folder = (top / path).resolve()
        if not folder.is_relative_to(top):
            raise InvalidInput("the path leaves the drop folder", hint="Give a path relative to the drop folder.")
        if not folder.is_dir():
            raise NotFound(f"there is no folder {path[:200] or '.'!r} in the drop folder")
    except (OSError, ValueError) as error:
        raise NotFound(f"{path[:200]!r} is no folder that can be read") from error
    return folder


def _fits(file: Dropped, wanted: Selection) -> bool:
    if wanted.vendors and file.vendor not in wanted.vendors:
        return False
    if wanted.first is None and wanted.last is None:
        return True
    return file.as_of is not None and (wanted.first or file.as_of) <= file.as_of <= (wanted.last or file.as_of)


def order(file: Dropped) -> tuple[date, str, str]:
    return file.as_of or date.max, file.vendor or "", file.path
