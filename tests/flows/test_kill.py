"""`kill -9` of flows and of their runner: whatever dies, and whenever, everything is there exactly once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest

from aurum.errors import Unavailable
from aurum.services import Services, open_services
from tests.flows.conftest import LEASE_SECONDS, House, send
from tests.killing import chaos
from tests.processes import children_of

pytestmark = pytest.mark.slow


@pytest.fixture
async def services(house: House) -> AsyncIterator[Services]:
    """As in the server: they take up again what was lost, however often."""
    ingestion = house.settings.ingestion.model_copy(update={"max_attempts": 1000})
    settings = house.settings.model_copy(update={"ingestion": ingestion})
    async with open_services(settings, prefect=True) as services, recovering(services):
        yield services


@asynccontextmanager
async def recovering(services: Services) -> AsyncIterator[None]:
    async def recover() -> None:
        while True:
            with suppress(Unavailable):  # Prefect's server may be slow
                await services.ingestion.recover(services.dispatcher)
            await asyncio.sleep(LEASE_SECONDS / 3)

    task = asyncio.create_task(recover())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_flows_and_their_runner_are_killed(services: Services, house: House) -> None:
    url = house.settings.database_url
    with chaos("flows") as storm:
        for _ in storm.rounds():
            files = storm.post.delivery(2)
            for file in files:
                await send(services, file.data, file.name)
            aimed_at = files[:1]  # the large one; the other's flow runs beside it
            await storm.moment(url, aimed_at, lambda: True)
            flows = children_of(house.runner.pid)
            if flows and storm.chance.random() < 0.8:
                await storm.kill(flows, url, aimed_at)
            else:
                await storm.hit(url, aimed_at)
                house.kill_runner()
                house.serve()
            await storm.settled(url, files)
            await storm.check(house.settings, files)
        await storm.check(house.settings, storm.post.sent)
