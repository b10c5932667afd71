"""A database with data goes from one revision to the next and back: nothing that both know is lost."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from aurum.backends.database import migrate
from aurum.backends.paging import PageRequest
from aurum.errors import Conflict
from aurum.ingestion.model import Decision, RunState
from aurum.ingestion.model import QuarantineState as State
from aurum.metadata.model import CurveFilter
from aurum.scenarios.repository.model import Definition
from aurum.scenarios.runs.model import Request
from tests.scenario_curves import document
from tests.withheld import ANNA, EUA, Desk, eugp, mid_of, open_desk, submission

KEPT = {
    "source_files": "id, content_hash, name, vendor, as_of, published_at",
    "ingestion_runs": "id, file_id, attempt, error_code",
    "ingestion_findings": "run_id, place, code, severity, message, cells",
    "snapshots": "id, curve_id, as_of, version, published_at, digest, mid, bid, ask, file_id",
    "curves": "id, key",
    "events": "cursor, type",
}


async def rows(url: str, table: str, columns: str) -> list[tuple[Any, ...]]:
    engine = create_async_engine(url)
    async with engine.connect() as connection:
        found = [tuple(row) for row in await connection.execute(text(f"SELECT {columns} FROM {table}"))]
    await engine.dispose()
    return sorted(found, key=repr)


async def test_quarantine_comes_and_goes_and_what_was_loaded_stays(migrated_url: str, tmp_path: Path) -> None:
    async with open_desk(migrated_url, tmp_path) as desk:
        await filled(desk)
    before = {table: await rows(migrated_url, table, columns) for table, columns in KEPT.items()}
    await asyncio.to_thread(migrate, migrated_url, "0001")
    assert {table: await rows(migrated_url, table, columns) for table, columns in KEPT.items()} == before
    runs = await rows(migrated_url, "ingestion_runs", "state, counts")
    assert {state for state, _ in runs} == {"SUCCEEDED", "FAILED"}
    assert not [counts for _, counts in runs if "withheld" in str(counts) or "errors" in str(counts)]
    await asyncio.to_thread(migrate, migrated_url)
    assert {table: await rows(migrated_url, table, columns) for table, columns in KEPT.items()} == before
    days = await rows(migrated_url, "vendor_days", "vendor, as_of, revision")
    assert [(vendor, str(as_of), revision) for vendor, as_of, revision in days] == [("EUGP", "2025-02-12", 1)]
    assert await rows(migrated_url, "quarantine", "id") == []
    async with open_desk(migrated_url, tmp_path) as desk:
        await goes_on(desk)


async def test_curves_that_were_there_before_the_review_list_do_not_wait_in_it(
    migrated_url: str, tmp_path: Path
) -> None:
    async with open_desk(migrated_url, tmp_path) as desk:
        await desk.load(eugp())
    assert await rows(migrated_url, "curve_reviews", "id") == []
    await asyncio.to_thread(migrate, migrated_url, "0005-1")
    await asyncio.to_thread(migrate, migrated_url)
    kept = await rows(migrated_url, "curve_reviews", "curve_id, tenant_id, author, reviewed_at")
    assert kept == await rows(migrated_url, "curves", "id, tenant_id, 'Aurum', created_at")
    assert kept


async def test_curves_that_were_there_before_the_index_are_found_by_it(migrated_url: str, tmp_path: Path) -> None:
    async with open_desk(migrated_url, tmp_path) as desk:
        await desk.load(eugp())
    indexed = {table: await rows(migrated_url, table, "*") for table in ("curves", "curve_trigrams")}
    await asyncio.to_thread(migrate, migrated_url, "0008-1")
    (before,) = await rows(migrated_url, "curves", f"search FROM curves WHERE key = '{EUA}' --")
    assert before == ("eugp:eu/eua/carbon eua (eu ets) allowance carbon carbon eu eua carbon eu",)
    await asyncio.to_thread(migrate, migrated_url)
    assert {table: await rows(migrated_url, table, "*") for table in indexed} == indexed
    async with open_desk(migrated_url, tmp_path) as desk:
        wanted = CurveFilter(search=await desk.services.metadata.search(ANNA, "eua carbn"))
        page = await desk.services.metadata.curves(ANNA, wanted, [], PageRequest(9))
        assert [curve.key for curve in page.items] == [EUA]


async def test_curves_that_were_there_before_locations_are_linked_as_new_ones_are(
    migrated_url: str, tmp_path: Path
) -> None:
    async with open_desk(migrated_url, tmp_path) as desk:
        await desk.load(eugp())
    linked = await rows(migrated_url, "curves", "key, location_key")
    assert ("eugp:eu/dutch_ttf/gas", "eu-gas/ttf") in linked
    await asyncio.to_thread(migrate, migrated_url, "0006")
    await asyncio.to_thread(migrate, migrated_url)
    assert await rows(migrated_url, "curves", "key, location_key") == linked


async def test_mids_that_were_there_before_are_put_side_by_side_as_new_ones_are(
    migrated_url: str, tmp_path: Path
) -> None:
    """Corrected ones and those in quarantine, too."""
    async with open_desk(migrated_url, tmp_path) as desk:
        await filled(desk)
    columns = "tenant_id, as_of, part, lowest, highest, published_at, revised_at, grid_id, versions, mid, withheld"
    written = await rows(migrated_url, "mid_blocks", columns)
    await asyncio.to_thread(migrate, migrated_url, "0016")
    await asyncio.to_thread(migrate, migrated_url)
    assert await rows(migrated_url, "mid_blocks", columns) == written
    assert any(row[-1] is None for row in written)
    assert any(row[-1] is not None for row in written)


async def filled(desk: Desk) -> None:
    """A file with a point that is corrected, its correction, a refused file and a cancelled run."""
    await desk.load(eugp(AW13=999.0))
    (item,) = await desk.points(State.OPEN)
    await desk.correct(item, 70.5)
    desk.at("2025-02-13 09:00")
    await desk.load(eugp(published="2025-02-13 07:40", AX13=998.0))
    await desk.load(eugp(), "EOD_EUGP_20250213_2215.xlsx")
    run = await desk.services.ingestion.submit(ANNA, submission(eugp(date(2025, 2, 14))))
    await desk.services.ingestion.cancel(ANNA, run.id)


async def goes_on(desk: Desk) -> None:
    """What was loaded under the older revision is read, compared with, corrected and retried under the newer one."""
    desk.at("2025-02-14 08:00")
    newest = await desk.snapshot()
    assert (newest.run_id, newest.author, newest.prices.withheld) == (None, None, ())
    assert (await desk.mids())[1] == mid_of(eugp(), "AW13")
    runs = await desk.services.ingestion.runs(ANNA, range(1, 9))
    assert {run.state for run in runs.values()} == {RunState.SUCCEEDED, RunState.FAILED}
    assert {
        (run.counts.points, run.counts.loaded, run.counts.errors) for run in runs.values() if run.counts.points
    } == {(476, 476, 1)}
    assert all(run.stage is None and run.retries is None for run in runs.values())
    found = await desk.services.ingestion.findings(ANNA, list(runs))
    assert {noted.finding.code for each in found.values() for noted in each} >= {"MID_OUTSIDE_QUOTE"}
    run = await desk.load(eugp(date(2025, 2, 13), AW13=999.0))
    assert (run.drift_from is None, run.counts.withheld) == (False, 1)
    (item,) = await desk.points(State.OPEN)
    await desk.decide(Decision.ACCEPT, item)
    assert (await desk.mids(EUA, date(2025, 2, 13)))[1] == 999.0
    (cancelled,) = [run for run in runs.values() if run.error_code == "CANCELLED"]
    again = await desk.services.ingestion.retry(ANNA, cancelled.id)
    assert (await desk.services.ingestion.execute(ANNA, again.id)).state is RunState.SUCCEEDED


async def test_registered_operations_come_and_go(migrated_url: str, tmp_path: Path) -> None:
    async with open_desk(migrated_url, tmp_path) as desk:
        operations = desk.services.operations
        await operations.register(ANNA, [("board", "{ viewer { name } }")], lambda _: (), {})
        assert await operations.document(ANNA, ["board"]) is not None
    assert len(await rows(migrated_url, "operation_uses", "id")) == 1
    await asyncio.to_thread(migrate, migrated_url, "0002")
    await asyncio.to_thread(migrate, migrated_url)
    assert await rows(migrated_url, "operations", "id") == []
    async with open_desk(migrated_url, tmp_path) as desk:
        await desk.services.operations.register(ANNA, [("board", "{ viewer { tenant } }")], lambda _: (), {})


async def test_the_key_of_a_run_is_kept(migrated_url: str, tmp_path: Path) -> None:
    async with open_desk(migrated_url, tmp_path) as desk:
        await desk.load(eugp())
        drivers = (document("scale", percent=10),)
        made = await desk.services.scenarios.create(ANNA, Definition("All up", drivers=drivers))
        asked = Request(made.scenario.id, idempotency_key="k-1")
        run = await desk.services.scenario_runs.submit(ANNA, asked)
    await asyncio.to_thread(migrate, migrated_url, "0014")
    await asyncio.to_thread(migrate, migrated_url)
    async with open_desk(migrated_url, tmp_path) as desk:
        assert (await desk.services.scenario_runs.submit(ANNA, asked)).id == run.id
        with pytest.raises(Conflict, match="different request"):
            await desk.services.scenario_runs.submit(ANNA, replace(asked, seed=7))
