"""`aurum worker` says of which database it computes runs, and what to do where it cannot have them."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from aurum.scenarios.runs import crew
from aurum.scenarios.runs.crew import Crew, environment_of
from aurum.services import open_services
from aurum.settings import DatabaseSettings, Settings
from tests.processes import free_port, running, wait_until


@pytest.mark.parametrize("case", ["not migrated", "not there"])
def test_what_is_missing_and_how_to_mend_it_is_said(tmp_path: Path, case: str) -> None:
    place = f"postgresql+asyncpg://me:***@127.0.0.1:{free_port()}/aurum"
    if case == "not migrated":
        place = f"sqlite+aiosqlite:///{tmp_path / 'aurum.db'}"
    environment = os.environ | {
        "AURUM_HOME": str(tmp_path), "AURUM_DATABASE__URL": place.replace("***", "s3cret"), "PYTHONUNBUFFERED": "1"
    }  # fmt: skip
    log, mend = tmp_path / "log", {"not migrated": "run `aurum migrate`", "not there": "AURUM_DATABASE__URL says where"}
    with running("aurum", environment, log, "worker"):
        wait_until(lambda: mend[case] in log.read_text(), "the worker says what to do")
    assert f"Computes queued runs of scenarios of {place} in 2 processes, until Ctrl-C." in log.read_text()
    assert "s3cret" not in log.read_text()


async def test_a_database_that_is_away_is_looked_for_ever_less_often(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses: list[float] = []

    def at_once(seconds: float) -> asyncio.Timeout:
        pauses.append(seconds)
        if len(pauses) == 7:
            raise asyncio.CancelledError
        return asyncio.timeout(0)

    settings = Settings(home=tmp_path, database=DatabaseSettings(url=None))
    async with open_services(settings) as services:
        monkeypatch.setattr(crew, "timeout", at_once)
        with pytest.raises(asyncio.CancelledError):
            await Crew(services.scenario_runs, environment_of(settings)).watch()
    assert pauses == [2, 4, 8, 16, 30, 30, 30]
