"""schemathesis asks a running server whatever the schema allows, and what it does not allow: it finds no failure."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.installing import installed_python, or_skip
from tests.served import served, with_prices

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]
HERE = Path(__file__).parent


@pytest.mark.parametrize("root", ["Query", "Mutation"])
def test_it_finds_no_failure(migrated_sqlite_file: Path, tmp_path: Path, root: str) -> None:
    if not os.environ.get("AURUM_AUDITS"):
        pytest.skip("`make audit` installs schemathesis and runs it")
    program = or_skip(lambda: installed_python(HERE / "schemathesis.lock")).with_name("schemathesis")
    for name in ("hooks.py", "schemathesis.toml"):  # it leaves its own files where it runs
        shutil.copy(HERE / name, tmp_path)
    with_prices(tmp_path, migrated_sqlite_file)
    with served(tmp_path) as url:
        command = [str(program), "run", url, "--no-color", "--include-name-regex", rf"^{root}\."]
        command += ["--max-examples", os.environ.get("AURUM_EXAMPLES", "50")]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
