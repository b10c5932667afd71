"""A server in a process of its own, as `aurum serve` starts it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path

import httpx

from aurum.demo import eugp_workbook
from tests.processes import free_port, running, wait_until


def with_prices(home: Path, migrated: Path) -> None:
    """Puts a copy of that database there, and loads EUGP's file of 12 February into it."""
    shutil.copy(migrated, home / "aurum.db")
    workbook = eugp_workbook(date(2025, 2, 12), months=4)
    (home / workbook.name).write_bytes(workbook.to_bytes())
    command = [sys.executable, "-m", "aurum", "ingest", workbook.name]
    environment = {**os.environ, "AURUM_HOME": str(home)}
    subprocess.run(command, cwd=home, env=environment, stdin=subprocess.DEVNULL, capture_output=True, check=True)


@contextmanager
def served(home: Path, **settings: str) -> Iterator[str]:
    """The address of its GraphQL endpoint. `settings` are environment variables; what it says is in `home`/log."""
    port = free_port()
    environment = {**os.environ, "AURUM_HOME": str(home), **settings}
    with running("aurum", environment, home / "log", "serve", "--port", str(port)) as process:
        url = f"http://127.0.0.1:{port}/graphql"

        def answers() -> bool:
            assert process.poll() is None, (home / "log").read_text()
            return _answers(url)

        wait_until(answers, "the server answers")
        yield url


def _answers(url: str) -> bool:
    try:
        httpx.get(url, timeout=5)
    except httpx.TransportError:
        return False
    return True
