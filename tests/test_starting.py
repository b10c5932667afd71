"""What processes import before they work: each has to be there at once, and imports only what it uses."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest

from aurum.demo import eugp_workbook

FOR_SCHEMAS = {"graphql", "strawberry"}
FOR_SERVERS = {"prefect", "starlette", "uvicorn", "watchfiles"}
FOR_SOME = {"apprise", "httpx", "openpyxl", "pyarrow", "rapidfuzz", "redis", "trino"}
FOR_WORK = {"numpy", "pydantic", "sqlalchemy"}


def imported(home: Path, *command: str) -> set[str]:
    """The packages that `python` so called has imported when it ends."""
    told = subprocess.run(
        [sys.executable, "-X", "importtime", *command],
        env=os.environ | {"AURUM_HOME": str(home)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=True,
    ).stderr
    lines = [line for line in told.splitlines() if line.startswith("import time:")]
    return {line.rpartition("|")[2].strip().partition(".")[0] for line in lines}


def test_help_is_said_without_what_commands_work_with(tmp_path: Path) -> None:
    found = imported(tmp_path, "-m", "aurum", "--help")
    assert "typer" in found
    assert found & (FOR_SCHEMAS | FOR_SERVERS | FOR_SOME | FOR_WORK) == set()


def test_the_database_is_migrated_without_a_schema_and_a_server(tmp_path: Path) -> None:
    found = imported(tmp_path, "-m", "aurum", "migrate")
    assert "alembic" in found
    assert found & (FOR_SCHEMAS | FOR_SERVERS | FOR_SOME) == set()


def test_a_file_is_loaded_without_a_schema_and_a_server(migrated_sqlite_file: Path, tmp_path: Path) -> None:
    (tmp_path / "aurum.db").write_bytes(migrated_sqlite_file.read_bytes())
    workbook = eugp_workbook(date(2025, 2, 12), months=2)
    (tmp_path / workbook.name).write_bytes(workbook.to_bytes())
    found = imported(tmp_path, "-m", "aurum", "ingest", str(tmp_path / workbook.name))
    assert "python_calamine" in found
    assert found & (FOR_SCHEMAS | FOR_SERVERS | FOR_SOME) == set()


@pytest.mark.parametrize("module", ["aurum.working", "aurum.services"])
def test_runs_are_computed_without_a_schema_and_a_server(module: str, tmp_path: Path) -> None:
    found = imported(tmp_path, "-c", f"import {module}")
    assert found >= FOR_WORK
    assert found & (FOR_SCHEMAS | FOR_SERVERS | FOR_SOME) == set()


def test_the_schema_is_printed_without_what_only_some_requests_need(tmp_path: Path) -> None:
    found = imported(tmp_path, "-m", "aurum", "schema")
    assert found >= FOR_SCHEMAS
    assert found & {"prefect", "uvicorn", "watchfiles", *FOR_SOME} == set()
