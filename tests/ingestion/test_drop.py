"""What is put into the drop folder is submitted once, whole, and never touched."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date
from functools import partial
from pathlib import Path
from time import monotonic

import pytest
from pydantic import SecretStr

from aurum.auth import Principal, Scope
from aurum.backends.paging import PageRequest
from aurum.demo import eugp_workbook, pw_workbook
from aurum.errors import Unavailable
from aurum.ingestion.dispatch import LocalDispatcher
from aurum.ingestion.drop import DropFolder
from aurum.ingestion.model import Run, RunFilter, RunState
from aurum.ingestion.service import Dispatcher, Submission
from aurum.services import Services, open_services
from aurum.settings import DatabaseSettings, Settings
from tests.processes import eventually

DESK = Principal("demo", "drop folder", frozenset(Scope))
WORKBOOK = eugp_workbook(date(2025, 2, 12), months=2)
OTHER = eugp_workbook(date(2025, 2, 13), months=2)
BYTES, OTHER_BYTES = WORKBOOK.to_bytes(), OTHER.to_bytes()


class Sometimes:
    """A dispatcher that cannot be reached at first."""

    def __init__(self, behind: Dispatcher, failures: int) -> None:
        self.behind = behind
        self.failures = failures

    async def dispatch(self, tenant: str, run: Run) -> None:
        if self.failures:
            self.failures -= 1
            raise Unavailable("away")
        await self.behind.dispatch(tenant, run)

    async def cancel(self, tenant: str, run: Run) -> None:
        await self.behind.cancel(tenant, run)

    async def close(self) -> None: ...


@pytest.fixture
async def services(migrated_sqlite_url: str, tmp_path: Path) -> AsyncIterator[Services]:
    """Nothing here depends on the database."""
    settings = Settings(home=tmp_path, database=DatabaseSettings(url=SecretStr(migrated_sqlite_url)))
    async with open_services(settings) as opened:
        yield opened


@pytest.fixture
def folder(services: Services) -> Path:
    place = services.ingestion.drop_folder
    place.mkdir()
    return place


@asynccontextmanager
async def watching(
    services: Services, dispatcher: Dispatcher | None = None, *, settle: float = 0.1, scan: float = 0.2
) -> AsyncIterator[None]:
    """The watch; for its end every run that it has submitted has ended."""
    drop = DropFolder(
        services.ingestion, dispatcher or services.dispatcher, DESK, settle_seconds=settle, scan_seconds=scan
    )
    task = asyncio.create_task(drop.watch())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def runs(services: Services) -> list[Run]:
    """Oldest first."""
    page = await services.ingestion.runs_page(DESK, RunFilter(), PageRequest(50))
    return list(page.items)[::-1]


async def ended(services: Services, count: int) -> list[Run]:
    async def found() -> list[Run]:
        present = await runs(services)
        return present if len(present) >= count and all(run.state.final for run in present) else []

    return await eventually(found)


async def nothing_more(services: Services, count: int) -> None:
    await asyncio.sleep(0.5)
    assert len(await runs(services)) == count


async def test_a_workbook_is_loaded_once_and_stays(services: Services, folder: Path) -> None:
    async with watching(services):
        file = folder / WORKBOOK.name
        file.write_bytes(BYTES)
        os.utime(file, (1_700_000_000, 1_700_000_000))
        (run,) = await ended(services, 1)
        assert (run.state, run.file_name, run.trigger) == (RunState.SUCCEEDED, WORKBOOK.name, "drop folder")
        await nothing_more(services, 1)
    assert (file.read_bytes(), file.stat().st_mtime) == (BYTES, 1_700_000_000)


async def test_what_lies_there_at_the_start_and_in_folders_is_found(services: Services, folder: Path) -> None:
    (folder / "eugp" / "2025").mkdir(parents=True)
    (folder / "eugp" / "2025" / WORKBOOK.name).write_bytes(BYTES)
    async with watching(services):
        (run,) = await ended(services, 1)
    assert (run.state, run.file_name) == (RunState.SUCCEEDED, WORKBOOK.name)


async def test_a_file_that_is_too_large_is_refused_once_however_often_the_watch_begins(
    services: Services, folder: Path
) -> None:
    file = folder / WORKBOOK.name
    with file.open("wb") as content:
        content.truncate(64 * 2**20 + 1)
    for _ in range(2):
        async with watching(services):
            (run,) = await ended(services, 1)
            await nothing_more(services, 1)
    assert (run.state, run.error_code, run.trigger) == (RunState.FAILED, "WORKBOOK_TOO_LARGE", "drop folder")
    async with watching(services):
        await nothing_more(services, 1)
        file.touch()
        assert [run.state for run in await ended(services, 2)] == [RunState.FAILED] * 2


async def test_a_folder_that_does_not_exist_is_made(services: Services) -> None:
    async with watching(services):
        await eventually(partial(asyncio.to_thread, services.ingestion.drop_folder.exists))
        (services.ingestion.drop_folder / WORKBOOK.name).write_bytes(BYTES)
        assert len(await ended(services, 1)) == 1


async def test_temporary_names_are_left_alone(services: Services, folder: Path) -> None:
    (folder / ".tmp").mkdir()
    name = WORKBOOK.name
    for temporary in (f"~${name}", f".{name}", f"{name}.part", f"{name}.filepart", f".tmp/{name}", "notes.txt"):
        (folder / temporary).write_bytes(BYTES)
    (folder / "empty.xlsx").touch()
    async with watching(services):
        await nothing_more(services, 0)


async def test_a_file_is_taken_when_it_gets_its_name(services: Services, folder: Path) -> None:
    async with watching(services):
        part = folder / f"{WORKBOOK.name}.part"
        part.write_bytes(BYTES)
        await nothing_more(services, 0)
        part.rename(folder / WORKBOOK.name)
        (run,) = await ended(services, 1)
    assert run.state is RunState.SUCCEEDED


async def test_a_file_that_still_grows_is_not_taken(services: Services, folder: Path) -> None:
    async with watching(services, settle=2):
        with (folder / WORKBOOK.name).open("wb") as file:
            step = len(BYTES) // 8 + 1
            for start in range(0, len(BYTES), step):
                file.write(BYTES[start : start + step])
                file.flush()
                await asyncio.sleep(0.3)  # in all longer than it has to rest
        (run,) = await ended(services, 1)
        assert run.state is RunState.SUCCEEDED
        await nothing_more(services, 1)


async def test_a_refused_file_is_tried_again_when_it_changes(services: Services, folder: Path) -> None:
    async with watching(services):
        file = folder / WORKBOOK.name
        file.write_bytes(BYTES[:1000])
        (refused,) = await ended(services, 1)
        assert (refused.state, refused.error_code) == (RunState.FAILED, "NOT_A_WORKBOOK")
        await nothing_more(services, 1)
        file.write_bytes(BYTES)
        assert [run.state for run in await ended(services, 2)] == [RunState.FAILED, RunState.SUCCEEDED]


async def test_the_same_bytes_sent_again_are_on_record(services: Services, folder: Path) -> None:
    async with watching(services):
        (folder / WORKBOOK.name).write_bytes(BYTES)
        await ended(services, 1)
        (folder / "again.xlsx").write_bytes(BYTES)
        first, again = await ended(services, 2)
    assert (again.state, again.repeats) == (RunState.UNCHANGED, first.id)


async def test_a_restart_leaves_no_record_of_what_is_known(services: Services, folder: Path) -> None:
    (folder / WORKBOOK.name).write_bytes(BYTES)
    (folder / "broken.xlsx").write_bytes(b"no workbook")
    async with watching(services):
        first = await ended(services, 2)
    async with watching(services):
        await nothing_more(services, 2)
        (folder / OTHER.name).write_bytes(OTHER_BYTES)
        assert len(await ended(services, 3)) == 3
    assert {run.state for run in first} == {RunState.SUCCEEDED, RunState.FAILED}


async def test_a_refused_file_with_a_better_name_is_tried_on_a_restart(services: Services, folder: Path) -> None:
    nameless = pw_workbook(date(2025, 2, 12)).to_bytes()
    (folder / "nameless.xlsx").write_bytes(nameless[:100])
    async with watching(services):
        await ended(services, 1)
    (folder / "nameless.xlsx").rename(folder / "EOD_PW_20250212_1430.xlsx")
    async with watching(services):
        assert len(await ended(services, 2)) == 2


@pytest.mark.parametrize("before", [True, False], ids=["before the watch", "while it watches"])
async def test_a_file_that_gets_a_better_name_while_the_worse_one_waits_is_loaded(
    services: Services, folder: Path, before: bool
) -> None:
    worse = await services.ingestion.submit(DESK, Submission(BYTES, OTHER.name, "upload"))
    async with watching(services):
        await asyncio.sleep(0 if before else 0.5)
        (folder / WORKBOOK.name).write_bytes(BYTES)
        await nothing_more(services, 1)
        await services.dispatcher.dispatch(DESK.tenant, worse)
        refused, loaded = await ended(services, 2)
        await nothing_more(services, 2)
    assert (refused.error_code, loaded.file_name) == ("AS_OF_MISMATCH", WORKBOOK.name)
    assert loaded.state is RunState.SUCCEEDED


async def test_what_may_pass_is_tried_again(services: Services, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    submit, failures = services.ingestion.submit, 2

    async def away(*given: object, **named: object) -> Run:
        nonlocal failures
        if failures:
            failures -= 1
            raise Unavailable("the database cannot be reached")
        return await submit(*given, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(services.ingestion, "submit", away)
    async with watching(services, Sometimes(services.dispatcher, 2)):
        (folder / WORKBOOK.name).write_bytes(BYTES)
        (run,) = await ended(services, 1)
        assert run.state is RunState.SUCCEEDED
        await nothing_more(services, 1)


async def test_a_file_that_cannot_be_read_holds_up_no_other(
    services: Services, folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    read = Path.read_bytes

    def refused(path: Path) -> bytes:
        if path.name == "a.xlsx":
            raise PermissionError(13, "Permission denied")
        return read(path)

    monkeypatch.setattr(Path, "read_bytes", refused)
    async with watching(services):
        (folder / "a.xlsx").write_bytes(OTHER_BYTES)
        (folder / WORKBOOK.name).write_bytes(BYTES)
        await ended(services, 1)
        await nothing_more(services, 1)
        assert sum("Permission denied" in message for message in caplog.messages) == 1
        monkeypatch.setattr(Path, "read_bytes", read)
        await ended(services, 2)


async def test_nothing_outside_of_the_folder_is_read(
    services: Services, folder: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "secret.xlsx").write_bytes(BYTES)
    (folder / "link.xlsx").symlink_to(tmp_path / "secret.xlsx")
    async with watching(services):
        await nothing_more(services, 0)
    assert any("link.xlsx is not taken" in message for message in caplog.messages)


async def test_a_folder_that_goes_away_is_waited_for(services: Services, folder: Path) -> None:
    async with watching(services):
        (folder / WORKBOOK.name).write_bytes(BYTES)
        await ended(services, 1)
        away = folder.rename(folder.with_name("away"))
        await nothing_more(services, 1)
        away.rename(folder)
        (folder / OTHER.name).write_bytes(OTHER_BYTES)
        await ended(services, 2)
        await nothing_more(services, 2)


async def test_it_ends_at_once(services: Services, folder: Path) -> None:
    started = monotonic()
    async with watching(services, LocalDispatcher(services.ingestion)):
        await asyncio.sleep(0.2)
    assert monotonic() - started < 5
