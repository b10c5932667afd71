"""The commands, as a person types them."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from aurum.backends.database import place
from aurum.demo import eugp_workbook

Aurum = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def aurum(tmp_path: Path) -> Aurum:
    """Runs a command with a home of its own."""
    environment = {**os.environ, "AURUM_HOME": str(tmp_path / "home"), "NO_COLOR": "1"}

    def run(*words: str | Path, **settings: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "aurum", *map(str, words)]
        return subprocess.run(
            command, env=environment | settings, capture_output=True, text=True, timeout=60, check=False
        )

    return run


def test_a_file_is_loaded_known_and_refused(aurum: Aurum, tmp_path: Path) -> None:
    workbook = eugp_workbook(date(2025, 2, 12), months=3)
    good = workbook.save(tmp_path / "vendor")
    missing = aurum("ingest", good)
    assert missing.returncode == 1
    assert "run `aurum migrate`" in missing.stderr
    assert aurum("migrate").returncode == 0
    loaded = aurum("ingest", good)
    assert (loaded.returncode, loaded.stdout.split()[0]) == (0, "loaded")
    assert "83 new curves, 83 new versions" in loaded.stdout
    workbook.put("Fixed Prices - Mid", "B12", date(2025, 1, 1))
    bad = tmp_path / "EOD_EUGP_20250212_1600 [bad].xlsx"
    bad.write_bytes(workbook.to_bytes())
    again = aurum("ingest", tmp_path / "vendor", bad)
    assert again.returncode == 1
    assert again.stdout.split()[0] == "known"
    assert f"{bad.name} (run 3): FIRST_MONTH_WRONG: Fixed Prices - Mid!B12: the first month of" in again.stderr
    assert "`aurum findings RUN` prints them" in again.stderr
    assert "Traceback" not in again.stderr


def test_a_folder_without_workbooks_is_an_error_with_a_hint(aurum: Aurum, tmp_path: Path) -> None:
    empty = aurum("ingest", tmp_path)
    assert empty.returncode == 1
    assert "BAD_USER_INPUT" in empty.stderr
    assert "no workbooks found" in empty.stderr
    assert "Give files" in empty.stderr


def test_a_database_that_is_not_there_yet_is_said_how_to_make(aurum: Aurum, tmp_path: Path) -> None:
    for words in (("export", "-o", tmp_path / "all.csv"), ("findings", "1"), ("operations", "list"), ("demo",)):
        missing = aurum(*words)
        assert missing.returncode == 1
        assert "run `aurum migrate`" in missing.stderr
        assert "AURUM_HOME" in missing.stderr
        assert not [each for each in ("Traceback", "is back") if each in missing.stderr], missing.stderr


@pytest.mark.parametrize("command", ["migrate", "up"])
def test_a_home_that_cannot_be_is_named(aurum: Aurum, tmp_path: Path, command: str) -> None:
    (tmp_path / "file").touch()
    words = [command, *(["--no-prefect"] if command == "up" else [])]
    refused = aurum(*words, AURUM_HOME=str(tmp_path / "file" / "home"), AURUM_SERVER__PORT="0")
    assert refused.returncode == 1
    assert f"{tmp_path / 'file'}" in refused.stderr
    assert "AURUM_HOME" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_a_revision_that_is_not_there_is_refused_and_changes_nothing(aurum: Aurum) -> None:
    assert aurum("migrate").returncode == 0
    refused = aurum("migrate", "9999")
    assert (refused.returncode, "Traceback" in refused.stderr) == (1, False)
    assert "'9999'" in refused.stderr
    assert "migrations/versions" in refused.stderr
    assert aurum("findings", "1").stderr.startswith("error    NOT_FOUND")


def test_a_taken_port_is_named_before_anything_is_served(aurum: Aurum) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        refused = aurum("serve", "--port", str(port))
    assert refused.returncode == 1
    assert f"port {port} of 127.0.0.1 is taken" in refused.stderr
    assert "AURUM_SERVER__PORT" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_an_address_of_notifications_that_is_none_is_the_last_that_is_said(aurum: Aurum) -> None:
    assert aurum("migrate").returncode == 0
    refused = aurum("serve", "--port", "0", AURUM_NOTIFICATIONS__URLS='["nonsense://s3cret"]')
    assert refused.returncode != 0
    *_, reason, empty, last = refused.stderr.splitlines()
    assert "address 1 of AURUM_NOTIFICATIONS__URLS" in reason
    assert (empty, "Application startup failed" in last) == ("", True)
    assert not [each for each in ("never awaited", "s3cret") if each in refused.stderr]


def test_it_is_said_which_database_is_migrated(aurum: Aurum, tmp_path: Path) -> None:
    assert aurum("migrate").stdout == f"The database is up to date: sqlite+aiosqlite:///{tmp_path / 'home/aurum.db'}\n"
    assert place("postgresql+asyncpg://me:s3cret@db/aurum?password=s3cret") == "postgresql+asyncpg://me:***@db/aurum"


def test_a_misspelt_setting_is_told_without_a_traceback(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AURUM_DATABSE__URL", "postgresql://me:s3cret@db/aurum")
    command = [sys.executable, "-m", "aurum", "migrate"]
    refused = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, timeout=60, check=False)
    assert refused.returncode == 1
    assert "there is no setting AURUM_DATABSE__URL, did you mean AURUM_DATABASE__URL?" in refused.stderr
    assert not [each for each in ("Traceback", "s3cret") if each in refused.stderr]
    assert not (tmp_path / "var").exists()


def test_the_schema_is_printed(aurum: Aurum) -> None:
    printed = aurum("schema")
    assert "type Query" in printed.stdout
    assert printed.stdout == (Path(__file__).parents[1] / "schema.graphql").read_text()


def test_prices_are_exported_whole_or_not_at_all(aurum: Aurum, tmp_path: Path) -> None:
    assert aurum("migrate").returncode == 0
    assert aurum("ingest", eugp_workbook(date(2025, 2, 12), months=3).save(tmp_path / "vendor")).returncode == 0
    file, asked = tmp_path / "ttf.csv", ("--curve", "eugp:eu/dutch_ttf/gas", "--as-of", "2025-02-12")
    file.write_text("what was there before")
    missing = aurum("export", "-o", file, "--curve", "no/curve")
    assert (missing.returncode, "there is no curve 'no/curve'" in missing.stderr) == (1, True)
    assert file.read_text() == "what was there before"
    done = aurum("export", "-o", file, *asked, "--tenor-type", "MONTH", "--where", "product=gas")
    assert (done.returncode, "points of 1 curve," in done.stdout) == (0, True), done.stderr
    header, *rows = file.read_text().splitlines()
    assert header.startswith("curve_key,name,vendor,as_of")
    assert [row.split(",")[7] for row in rows] == ['"2025-02"', '"2025-03"', '"2025-04"']
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["ttf.csv"]
    nameless = aurum("export", "-o", tmp_path / "ttf.doc", *asked)
    assert (nameless.returncode, "--format" in nameless.stderr) == (1, True)
    no_value = aurum("export", "-o", tmp_path / "all.csv", "--where", "market")
    assert (no_value.returncode, "--where market has no `=`" in no_value.stderr) == (1, True)
    for options, told in (
        (("--from", "2025-02-13", "--to", "2025-02-12"), "`--from … --to` ends before it begins"),
        (("--known-at", "2025-02-12"), "--known-at cannot be '2025-02-12'"),
    ):
        refused = aurum("export", "-o", tmp_path / "all.csv", *options)
        assert (refused.returncode, told in refused.stderr) == (1, True), refused.stderr
    for nowhere in (tmp_path / "no folder" / "ttf.csv", tmp_path / "vendor"):
        refused = aurum("export", "-o", nowhere, "--format", "csv", *asked)
        assert (refused.returncode, "cannot be written" in refused.stderr) == (1, True)
        assert "Traceback" not in refused.stderr
    assert [path.suffix for path in (tmp_path / "vendor").iterdir()] == [".xlsx"]


def test_what_cannot_be_saved_is_told_without_a_traceback(aurum: Aurum, tmp_path: Path) -> None:
    assert aurum("migrate").returncode == 0
    assert aurum("ingest", eugp_workbook(date(2025, 2, 12), months=1).save(tmp_path)).returncode == 0
    (tmp_path / "a file").touch()
    for words in (
        ("findings", "1", "--annotated", tmp_path / "no folder" / "marked.xlsx"),
        ("demo", "--ending", "2025-02-07", "--save", tmp_path / "a file"),
    ):
        refused = aurum(*words)
        assert (refused.returncode, f"{words[-1]} cannot be written" in refused.stderr) == (1, True)
        assert "Traceback" not in refused.stderr
