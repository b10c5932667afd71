"""The npm packages of the clients, installed once from the lock."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import NoReturn

import pytest

FOLDER = Path(__file__).parent
_LOCK = FOLDER / "package-lock.json"
_INSTALLED = FOLDER / "node_modules" / "installed.json"


@pytest.fixture(scope="session")
def node() -> str:
    """The program that runs the clients."""
    program, npm = shutil.which("node"), shutil.which("npm")
    if program is None or npm is None:
        _missing("node and npm are not installed: tests/install-servers says how to get them")
    if not (_INSTALLED.exists() and _INSTALLED.read_bytes() == _LOCK.read_bytes()):
        command = [npm, "ci", "--no-audit", "--no-fund", "--ignore-scripts"]
        done = subprocess.run(
            command, cwd=FOLDER, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
        )
        if done.returncode:
            _missing(f"npm ci failed:\n{done.stdout}{done.stderr}")
        _INSTALLED.write_bytes(_LOCK.read_bytes())
    return program


def _missing(what: str) -> NoReturn:
    if os.environ.get("CI"):
        pytest.fail(what)
    pytest.skip(what)
