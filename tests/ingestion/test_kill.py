"""`kill -9` in the middle of a load: afterwards everything of the file is there once, or nothing of it."""

from __future__ import annotations

import asyncio
import os
import random
import subprocess
import sys
from datetime import date, timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select

from aurum.auth import Principal, Scope
from aurum.backends.paging import PageRequest
from aurum.curves.tables import snapshots
from aurum.demo import rp_workbook
from aurum.ingestion.model import RunFilter, RunState
from aurum.services import Services

DEMO = Principal("demo", "analyst", frozenset(Scope))
LEASE = 0.6


@pytest.mark.slow
async def test_killed_loads_leave_all_or_nothing_and_are_finished_by_the_next(
    services: Services, migrated_url: str, tmp_path: Path
) -> None:
    chance = random.Random(7)
    environment = {
        **os.environ,
        "AURUM_HOME": str(tmp_path),
        "AURUM_DATABASE__URL": migrated_url,
        "AURUM_INGESTION__LEASE_SECONDS": str(LEASE),
        "AURUM_INGESTION__MAX_ATTEMPTS": "1000",
    }
    killed = 0
    for number in range(8):
        workbook = rp_workbook(date(2025, 2, 3) + timedelta(days=number))
        command = [sys.executable, "-m", "aurum", "ingest", str(workbook.save(tmp_path / "vendor"))]
        loading = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        while not await running(services) and loading.poll() is None:  # noqa: ASYNC110  another process
            await asyncio.sleep(0.002)
        await asyncio.sleep(chance.uniform(0, 0.15))  # while it parses and commits
        loading.kill()
        loading.communicate()
        killed += await running(services)
        assert await count(services, workbook.as_of) in (0, 67), "a part of the file is loaded"
        done = subprocess.run(command, env=environment, capture_output=True, timeout=60, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        assert await count(services, workbook.as_of) == 67
    assert killed > 0, "no load was killed before it was done"
    runs = (await services.ingestion.runs_page(DEMO, RunFilter(), PageRequest(100))).items
    assert {run.state for run in runs} <= {RunState.SUCCEEDED, RunState.UNCHANGED}
    events = await services.events.read("demo", 0, limit=10_000)
    assert [event.cursor for event in events] == list(range(1, len(events) + 1))
    published = [event for event in events if event.type == "CURVE_PUBLISHED"]
    assert len(published) == len({(event.payload["curve_id"], event.payload["as_of"]) for event in published}) == 8 * 67


async def running(services: Services) -> bool:
    page = await services.ingestion.runs_page(DEMO, RunFilter(states=(RunState.RUNNING,)), PageRequest(1))
    return bool(page.items)


async def count(services: Services, as_of: date) -> int:
    async with services.database.read() as connection:
        statement = select(func.count()).select_from(snapshots).where(snapshots.c.as_of == as_of)
        return int(await connection.scalar(statement))
