"""make bench ARGS=responsive: how long a small query waits while 20 runs of a scenario compute beside the server.

Each round asks first while nothing runs, then while runs do, the same server with the same question, at the same pace:
a question's time counts from when it was due, so that one that waits behind another is not left out.

Then runs that take long, plain and with a simulation, are cancelled while others wait: how long it takes until the
next one is taken up, which is when the cancelled one's process has ended.
"""

from __future__ import annotations

import asyncio
import http.client
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import date, timedelta
from itertools import count, islice
from pathlib import Path
from statistics import median, quantiles

import numpy as np
import orjson
from pydantic import SecretStr
from rich.console import Console
from rich.table import Table

from aurum.auth import local_principal
from aurum.backends.paging import PageRequest
from aurum.demo import eugp_workbook, rp_workbook
from aurum.graphql.ids import node_id
from aurum.ingestion.service import Submission
from aurum.market.identity import CurveIdentity
from aurum.metadata.model import CurveDescription, CurveFilter
from aurum.scenarios.repository.model import Definition
from aurum.scenarios.runs.model import Request, Run, RunFilter, RunState
from aurum.scenarios.simulation.asked import SimulationAsked
from aurum.services import Services, open_services
from aurum.settings import DatabaseSettings, Settings
from tests.processes import free_port, running, wait_until
from tests.published import Book, prices

QUESTION = orjson.dumps({"query": '{ curve(key: "eugp:eu/dutch_ttf/gas") { snapshot { columns { tenor mid } } } }'})
RUN = "mutation($input: RunScenarioInput!) { runScenario(input: $input) { run { id } problems { message } } }"
CANCEL = "mutation($input: CancelScenarioRunInput!) { cancelScenarioRun(input: $input) { run { id } } }"
ROUNDS, RUNS, DRIVERS, A_SECOND, IDLE_SECONDS = 5, 20, 20, 25, 20.0
CANCELLED, LONG_DRIVERS, LONG_PATHS, SETTLED_SECONDS = 5, 300, 10_000, 1.5  # runs of 3 seconds at least
_SEEDS = count(1)


class Asker:
    """A client that asks over one connection."""

    def __init__(self, port: int) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)

    def ask(self, body: bytes) -> bytes:
        self._connection.request("POST", "/graphql", body, {"content-type": "application/json"})
        answer = self._connection.getresponse()
        told = answer.read()
        assert answer.status == http.client.OK, told
        return told

    def waited(self, goes_on: Callable[[], bool]) -> list[float]:
        """Milliseconds until each question was answered."""
        found, began = list[float](), time.perf_counter()
        while goes_on():
            due = began + len(found) / A_SECOND
            time.sleep(max(0.0, due - time.perf_counter()))
            self.ask(QUESTION)
            found.append(1000 * (time.perf_counter() - due))
        return found


def measure(urls: Mapping[str, str], home: Path, console: Console) -> None:
    table = Table("", "idle p50", "p99", "20 runs p50", "p99", "times p99", "from", "to", "a run takes", "cancelled")
    for name, url in urls.items():
        settings = Settings(home=home / name, database=DatabaseSettings(url=SecretStr(url)))
        settings.home.mkdir()
        scenario = asyncio.run(_prepared(settings))
        with _served(settings) as port:
            rounds = [_round(settings, port, scenario) for _ in range(ROUNDS)]
            seconds = f"{asyncio.run(_seconds(settings, scenario)):.1f} s"
            freed = asyncio.run(_freed(settings, port))
        idle, busy = ([value for each in rounds for value in each[way]] for way in (0, 1))
        ratios = [_p99(each[1]) / _p99(each[0]) for each in rounds]
        told = [median(idle), _p99(idle), median(busy), _p99(busy), median(ratios), min(ratios), max(ratios)]
        table.add_row(name, *(f"{value:.1f}" for value in told), seconds, f"{median(freed):.1f}, {max(freed):.1f} s")
    console.print(table)


async def _prepared(settings: Settings) -> int:
    """The number of a scenario of many drivers over all curves of two files of real size."""
    us = local_principal(settings.auth, "bench")
    async with open_services(settings) as services:
        for book in (eugp_workbook(date(2025, 2, 12)), rp_workbook(date(2025, 2, 12))):
            await services.ingestion.ingest(us, Submission(book.to_bytes(), book.name, "bench"))
        drivers = tuple({"driver_type": "scale", "payload": {"percent": 1 + n / 10}} for n in range(DRIVERS))
        kept = await services.scenarios.create(us, Definition("All up", None, drivers, CurveFilter()))
        return kept.scenario.id


@contextmanager
def _served(settings: Settings) -> Iterator[int]:
    port = free_port()
    environment = os.environ | {
        "AURUM_HOME": str(settings.home), "AURUM_DATABASE__URL": settings.database_url,
        "AURUM_SERVER__PORT": str(port), "AURUM_SCENARIOS__READY": "true",
    }  # fmt: skip
    with running("aurum", environment, settings.home / "server.log", "serve"):
        wait_until(lambda: _answers(port), "the server answers")
        yield port


def _answers(port: int) -> bool:
    try:
        return b"columns" in Asker(port).ask(QUESTION)
    except OSError:
        return False


def _round(settings: Settings, port: int, scenario: int) -> tuple[list[float], list[float]]:
    """What a question waited while nothing ran, and while runs did."""
    asker, until = Asker(port), time.monotonic() + IDLE_SECONDS
    idle = asker.waited(lambda: time.monotonic() < until)
    with ThreadPoolExecutor(1) as beside:
        computed = beside.submit(lambda: asyncio.run(_computed(settings, port, scenario)))
        busy = asker.waited(lambda: not computed.done())
        computed.result()
    return idle, busy


async def _computed(settings: Settings, port: int, scenario: int) -> None:
    """Asks the server for runs, and sees them to their end."""
    asker = Asker(port)
    for seed in islice(_SEEDS, RUNS):
        given = {"input": {"scenario": node_id("Scenario", scenario), "seed": seed}}
        await asyncio.to_thread(asker.ask, orjson.dumps({"query": RUN, "variables": given}))
    async with open_services(settings) as services:
        while await _count(services, scenario, RunState.QUEUED, RunState.RUNNING):  # noqa: ASYNC110
            await asyncio.sleep(0.5)
        assert await _count(services, scenario, RunState.SUCCEEDED) % RUNS == 0


async def _count(services: Services, scenario: int, *states: RunState) -> int:
    us = local_principal(Settings().auth, "bench")
    return await services.scenario_runs.count(us, RunFilter(scenario, states))


async def _seconds(settings: Settings, scenario: int) -> float:
    """That a run takes, as a rule."""
    us = local_principal(settings.auth, "bench")
    async with open_services(settings) as services:
        page = await services.scenario_runs.page(us, RunFilter(scenario), PageRequest(RUNS))
    return median((each.finished_at - each.started_at).total_seconds() for each in page.items)  # type: ignore[operator]


async def _freed(settings: Settings, port: int) -> list[float]:
    """Seconds from each cancel until its process has ended, and the next run is taken up."""
    us, found = local_principal(settings.auth, "bench"), list[float]()
    async with open_services(settings) as services:
        hubs = [
            CurveDescription(CurveIdentity("EUGP", "EU", f"Hub_{n}", "gas"), "gas", "gas", "EU") for n in range(100)
        ]
        draws, book = np.random.default_rng(1), Book(services.database)
        for day in (date(2025, 2, 3) + timedelta(days=n) for n in range(56)):
            if day.weekday() < 5:
                published = [prices(draws.normal(50, 1, 120).tolist(), first=date(2025, 4, 1)) for _ in hubs]
                await book.publish(day.isoformat(), list(zip(hubs, published, strict=True)), principal=us)
        drivers = tuple({"driver_type": "scale", "payload": {"percent": 1 + n / 1000}} for n in range(LONG_DRIVERS))
        kept = await services.scenarios.create(us, Definition("Long", None, drivers, CurveFilter(commodities=("gas",))))
        for simulation in (None, SimulationAsked(paths=LONG_PATHS)):
            asked = [Request(kept.scenario.id, seed=n, simulation=simulation) for n in range(CANCELLED + 2)]
            runs = [await services.scenario_runs.submit(us, each) for each in asked]
            for run, following in zip(runs, runs[2:], strict=False):  # two are under way at a time
                await _until(services, run.id, RunState.RUNNING)
                await asyncio.sleep(SETTLED_SECONDS)
                given = {"input": {"id": node_id("ScenarioRun", run.id)}}
                await asyncio.to_thread(Asker(port).ask, orjson.dumps({"query": CANCEL, "variables": given}))
                ended = await _until(services, run.id, RunState.CANCELLED)
                begun = await _until(services, following.id, RunState.RUNNING)
                found.append((begun.started_at - ended.finished_at).total_seconds())  # type: ignore[operator]
            await services.scenario_runs.cancel_all(us, [each.id for each in runs])
    return found


async def _until(services: Services, run_id: int, state: RunState) -> Run:
    us = local_principal(Settings().auth, "bench")
    while (found := (await services.scenario_runs.runs(us, [run_id]))[run_id]).state is not state:
        assert not found.state.final, f"run {run_id} is {found.state}, not {state}"
        await asyncio.sleep(0.05)
    return found


def _p99(values: Sequence[float]) -> float:
    return quantiles(values, n=100)[-1]
