"""`aurum up`: one command for everything, and nothing is left when it ends, however it ends."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import httpx
import pytest

from aurum.demo import eugp_workbook
from tests.processes import PATIENCE_SECONDS, free_port, processes_with, running, wait_until

pytestmark = pytest.mark.slow


class Machine:
    """An `aurum up` of its own, below a temporary home."""

    def __init__(self, folder: Path) -> None:
        self.home = folder / "home"
        self.log = folder / "up.log"
        self.api_port, self.prefect_port = free_port(), free_port()
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(("AURUM_", "PREFECT_"))}
        self.environment = inherited | {
            "AURUM_HOME": str(self.home),
            "AURUM_SERVER__PORT": str(self.api_port),
            "AURUM_PREFECT__PORT": str(self.prefect_port),
            "AURUM_INGESTION__LEASE_SECONDS": "2",
            "PREFECT_API_URL": "http://prefect.invalid/api",  # somebody's own: not to be used
        }

    def processes(self) -> dict[int, str]:
        return processes_with("AURUM_HOME", str(self.home))

    def told(self) -> str:
        return self.log.read_text()

    def until_told(self, text: str) -> None:
        wait_until(lambda: text in self.told(), f"{text!r} in {self.log}")

    def drop(self, day: date) -> str:
        workbook = eugp_workbook(day, months=3)
        part = self.home / "drop" / f".{workbook.name}.part"
        part.write_bytes(workbook.to_bytes())
        part.rename(part.with_name(workbook.name))
        return workbook.name

    def as_of_dates(self) -> list[str]:
        return [day["asOf"] for day in self._query("{ asOfDates { asOf } }")["asOfDates"]]

    def curves(self) -> int:
        return int(self._query("{ curves(first: 1) { totalCount } }")["curves"]["totalCount"])

    def _query(self, query: str) -> Any:
        url = f"http://127.0.0.1:{self.api_port}/graphql"
        return httpx.post(url, json={"query": query}, trust_env=False, timeout=30).raise_for_status().json()["data"]

    def flow_run(self, file: str) -> dict[str, Any]:
        """The one for a file; empty while there is none."""
        url = f"http://127.0.0.1:{self.prefect_port}/api/flow_runs/filter"
        wanted = {"flow_runs": {"name": {"like_": file}}}
        found = httpx.post(url, json=wanted, trust_env=False, timeout=30).raise_for_status().json()
        return dict(found[0]) if found else {}

    def is_completed(self, file: str) -> bool:
        return bool(self.flow_run(file).get("state", {}).get("type") == "COMPLETED")


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    opened = Machine(tmp_path)
    yield opened
    for process in opened.processes():  # only where a test has failed
        os.kill(process, signal.SIGKILL)


def test_a_dropped_workbook_is_served_and_ctrl_c_ends_everything(machine: Machine) -> None:
    with running("aurum", machine.environment, machine.log, "up", "--no-demo") as up:
        machine.until_told("Aurum is up.")
        first = machine.drop(date(2025, 2, 12))
        wait_until(lambda: machine.as_of_dates() == ["2025-02-12"], "the curves are served")
        wait_until(lambda: machine.is_completed(first), "the flow run is completed")
        assert machine.flow_run(first)["name"].startswith(f"EUGP 2025-02-12 {first} (#")

        (runner,) = [pid for pid, command in machine.processes().items() if command.endswith("flows.serve")]
        os.kill(runner, signal.SIGKILL)
        machine.until_told("flows: ended with SIGKILL, is started again")
        second = machine.drop(date(2025, 2, 13))
        wait_until(lambda: machine.is_completed(second), "a new runner has taken over")

        up.send_signal(signal.SIGINT)
        assert up.wait(PATIENCE_SECONDS) == 0
    assert machine.processes() == {}
    assert machine.told().endswith("Stopped.\n")
    logs = {log.name: log.read_text() for log in (machine.home / "logs").iterdir()}
    assert set(logs) == {"api.log", "flows.log", "prefect.log"}
    assert not [name for name, text in [*logs.items(), ("up", machine.told())] if "Traceback" in text]


def test_kill_9_leaves_nothing_behind(machine: Machine) -> None:
    with running("aurum", machine.environment, machine.log, "up", "--no-prefect") as up:
        machine.until_told("Aurum is up.")
        assert machine.curves() > 150  # the demo week
        assert len(machine.processes()) > 2
        up.kill()
        wait_until(lambda: not machine.processes(), "all processes have ended")


def test_sigterm_while_it_starts(machine: Machine) -> None:
    with running("aurum", machine.environment, machine.log, "up", "--no-demo") as up:
        wait_until(lambda: any("flows.server" in each for each in machine.processes().values()), "Prefect starts")
        up.terminate()
        assert up.wait(PATIENCE_SECONDS) == 0
    assert machine.processes() == {}
    assert "Traceback" not in machine.told()


@pytest.mark.parametrize("variable", ["AURUM_SERVER__PORT", "AURUM_PREFECT__PORT"])
def test_a_taken_port_is_named_before_anything_starts(machine: Machine, variable: str) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        command = [sys.executable, "-m", "aurum", "up"]
        done = subprocess.run(
            command, env=machine.environment | {variable: port}, capture_output=True, text=True, timeout=30, check=False
        )
    assert done.returncode == 1
    assert f"port {port} of 127.0.0.1 is taken" in done.stderr
    assert variable in done.stderr
    assert not (machine.home / "prefect").exists()
