"""A real Prefect server, and a real runner that serves the flows over a real PostgreSQL."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import ExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest
from pydantic import SecretStr

from aurum.auth import worker_principal
from aurum.errors import Unavailable
from aurum.ingestion.model import Run
from aurum.ingestion.service import Submission
from aurum.scenarios.runs.model import Run as ScenarioRun
from aurum.services import Services, open_services
from aurum.settings import DatabaseSettings, IngestionSettings, PrefectSettings, ScenarioSettings, Settings
from aurum.up import prefect_environment
from tests.processes import eventually, free_port, processes_with, running, wait_until
from tests.servers import PostgreSQL

DESK = worker_principal("demo")
LEASE_SECONDS = 1.0
AURUM = "https://aurum.example"
LOCK_PUBLISHING = "SELECT pg_advisory_xact_lock(hashtextextended('publish demo EUGP', 0))"
LOCK_CLAIMING = "LOCK TABLE ingestion_runs IN EXCLUSIVE MODE"
ENDED = ("COMPLETED", "FAILED", "CANCELLED", "CRASHED")
Json = Any


class Patient(httpx.HTTPTransport):
    """503 is how Prefect's server says that its SQLite was locked for a moment."""

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        for pause in (0.1, 0.3, 1, 3, 6):
            response = super().handle_request(request)
            if response.status_code != httpx.codes.SERVICE_UNAVAILABLE:
                return response
            response.close()
            time.sleep(pause)
        return super().handle_request(request)


@dataclass(frozen=True)
class PrefectServer:
    home: Path
    environment: dict[str, str]
    client: httpx.Client

    @property
    def url(self) -> str:
        return self.environment["PREFECT_API_URL"]

    def ask(self, path: str, **body: Json) -> Json:
        return self.client.post(path, json=body).raise_for_status().json()

    def deployment(self, name: str) -> Json:
        return self.client.get(f"deployments/name/{name}").raise_for_status().json()

    def flow_runs(self, run: Run | ScenarioRun) -> list[Json]:
        """Of one run of Aurum's, oldest first. Other tests' databases have runs of the same number."""
        wanted = {"tags": {"all_": [f"run-{run.id}"]}, "expected_start_time": {"after_": run.created_at.isoformat()}}
        found: list[Json] = self.ask("flow_runs/filter", flow_runs=wanted)
        return sorted(found, key=lambda flow_run: str(flow_run["created"]))

    def artifacts(self, flow_run: Json, kind: str) -> list[Json]:
        wanted = {"flow_run_id": {"any_": [flow_run["id"]]}, "type": {"any_": [kind]}}
        found: list[Json] = self.ask("artifacts/filter", artifacts=wanted, sort="CREATED_DESC")
        return found

    def report(self, flow_run: Json) -> tuple[str, str]:
        """Key and text of what the flow run says about its file."""
        (artifact,) = self.artifacts(flow_run, "markdown")
        return artifact["key"], artifact["data"]

    def table(self, flow_run: Json) -> list[list[str]]:
        """The rows of the table of many files."""
        (artifact,) = self.artifacts(flow_run, "table")
        rows: list[dict[str, str]] = json.loads(artifact["data"])
        return [list(row.values()) for row in rows]

    def forget_deployments(self) -> None:
        """With the flow runs that wait: else the next house's runner would execute them, in another database."""
        for deployment in self.ask("deployments/filter"):
            self.client.delete(f"deployments/{deployment['id']}").raise_for_status()

    async def logged(self, flow_run: Json, text: str) -> str:
        """The line of the flow run's log that has the text. They come in batches, after a while."""

        async def found() -> str | None:
            logs = self.ask("logs/filter", logs={"flow_run_id": {"any_": [flow_run["id"]]}})
            return next((log["message"] for log in logs if text in log["message"]), None)

        line = await eventually(found)
        assert line is not None
        return line


@pytest.fixture(scope="session")
def prefect_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrefectServer]:
    folder = tmp_path_factory.mktemp("prefect")
    environment = prefect_environment(folder, free_port())
    with (
        running("flows.server", environment, folder / "server.log"),
        httpx.Client(base_url=environment["PREFECT_API_URL"] + "/", transport=Patient(), timeout=30) as client,
    ):
        server = PrefectServer(folder, environment, client)
        wait_until(lambda: _answers(client), "Prefect's server answers")
        yield server


def _answers(client: httpx.Client) -> bool:
    try:
        return client.get("health").is_success
    except httpx.TransportError:
        return False


@dataclass
class House:
    """Aurum with Prefect, as in production: one PostgreSQL, one Prefect server, one runner."""

    settings: Settings
    prefect: PrefectServer
    stack: ExitStack
    runner: subprocess.Popen[bytes] = field(init=False)

    def serve(self, module: str = "flows.serve", **more: str) -> None:
        """With more of the environment."""
        began = datetime.now(UTC)
        environment = self.prefect.environment | {
            "AURUM_HOME": str(self.settings.home),
            "AURUM_DATABASE__URL": self.settings.database_url,
            "AURUM_INGESTION__LEASE_SECONDS": str(LEASE_SECONDS),
            "AURUM_SERVER__PUBLIC_URL": AURUM,
            **more,
        }
        log = self.settings.home / "runner.log"
        self.runner = self.stack.enter_context(running(module, environment, log))
        wait_until(lambda: self._polled_since(began), "the runner asks for work")

    def _polled_since(self, began: datetime) -> bool:
        found = self.prefect.client.get("deployments/name/ingest-workbook/ingest")
        polled = found.json().get("last_polled")
        return bool(polled) and datetime.fromisoformat(polled) > began

    def flow_processes(self, flow_run: Json) -> list[int]:
        return list(processes_with("PREFECT__FLOW_RUN_ID", flow_run["id"]))

    async def flow_run(self, run: Run | ScenarioRun, states: Sequence[str] = ENDED, number: int = 0) -> Json:
        """The run's flow run (the first is number 0) once it is in one of the states."""

        async def found() -> Json:
            runs = self.prefect.flow_runs(run)[number:]
            return runs and runs[0]["state"]["type"] in states and runs[0]

        return await eventually(found)

    def start(self, deployment: str, **parameters: Json) -> Json:
        """A flow run, as somebody starts it in Prefect's pages."""
        id_ = self.prefect.deployment(deployment)["id"]
        return self.prefect.ask(f"deployments/{id_}/create_flow_run", parameters=parameters)

    async def reaches(self, flow_run: Json, states: Sequence[str] = ENDED) -> Json:
        """The flow run once it is in one of the states."""

        async def found() -> Json:
            now = self.prefect.client.get(f"flow_runs/{flow_run['id']}").raise_for_status().json()
            return now["state"]["type"] in states and now

        return await eventually(found)

    def cancel(self, flow_run: Json) -> None:
        """As the button in Prefect's pages does."""
        self.prefect.ask(f"flow_runs/{flow_run['id']}/set_state", state={"type": "CANCELLING"})

    @asynccontextmanager
    async def sql(self) -> AsyncIterator[asyncpg.Connection]:
        connection = await asyncpg.connect(self.settings.database_url.replace("+asyncpg", ""))
        try:
            yield connection
        finally:
            await connection.close()

    @asynccontextmanager
    async def held(self, statement: str) -> AsyncIterator[None]:
        """Within, a transaction of somebody else holds what the statement locks."""
        async with self.sql() as connection, connection.transaction():
            await connection.execute(statement)
            yield

    async def ends_waiting_sessions(self) -> int:
        """How many sessions that wait for a lock were ended by the database."""
        waiting = "datname = current_database() AND wait_event_type = 'Lock'"
        async with self.sql() as connection:
            ended = await connection.fetch(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {waiting}")
        return len(ended)

    def kill_runner(self) -> None:
        """And the flows that it runs, as when the machine goes down."""
        os.killpg(self.runner.pid, signal.SIGKILL)
        self.runner.wait()


@pytest.fixture(scope="module")
def served_with() -> dict[str, str]:
    """More of the environment of the flows; for modules to override."""
    return {}


@pytest.fixture(scope="module")
def house(
    postgresql_server: PostgreSQL,
    migrated_postgresql_template: str,
    prefect_server: PrefectServer,
    served_with: dict[str, str],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[House]:
    database = postgresql_server.create(migrated_postgresql_template)
    settings = Settings(
        home=tmp_path_factory.mktemp("house"),
        database=DatabaseSettings(url=SecretStr(postgresql_server.url(database))),
        ingestion=IngestionSettings(lease_seconds=LEASE_SECONDS),
        scenarios=ScenarioSettings(lease_seconds=LEASE_SECONDS),
        prefect=PrefectSettings(api_url=prefect_server.url),
    )
    settings.drop_folder.mkdir()
    with ExitStack() as stack:
        opened = House(settings, prefect_server, stack)
        opened.serve(**served_with)
        yield opened
    prefect_server.forget_deployments()
    postgresql_server.drop(database)


@pytest.fixture
async def services(house: House) -> AsyncIterator[Services]:
    async with open_services(house.settings, prefect=True) as opened:
        yield opened


async def send(services: Services, data: bytes, name: str) -> Run:
    """Submits and dispatches, as the API does: again and again where Prefect's server is slow."""
    run = await services.ingestion.submit(DESK, Submission(data, name, "test"))

    async def dispatched() -> bool:
        with suppress(Unavailable):
            await services.dispatcher.dispatch("demo", run)
            return True
        return False

    await eventually(dispatched)
    return run


async def run_of(services: Services, run: Run) -> Run:
    return (await services.ingestion.runs(DESK, [run.id]))[run.id]


async def recovered(services: Services, house: House, run: Run, flow_runs: int) -> None:
    """Recovers as the server does, until the run has been dispatched again."""

    async def again() -> bool:
        await services.ingestion.recover(services.dispatcher)
        return len(house.prefect.flow_runs(run)) >= flow_runs

    await eventually(again)
