"""What tests run beside our own environment: packages of npm and PyPI, installed once from locks next to the tests."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import pytest

T = TypeVar("T")


class CannotInstall(Exception):
    """Something is missing on this machine, or an installation failed; the message says what and how."""


def installed_node(folder: Path, *, scripts: bool = False) -> str:
    """The program `node`, with the packages of the folder's lock in its `node_modules`.

    `scripts` lets the packages run theirs. Raises CannotInstall.
    """
    program, npm = shutil.which("node"), shutil.which("npm")
    if program is None or npm is None:
        raise CannotInstall("node and npm are not on this machine: tests/install-servers says how to get them")
    _check_version(program, folder)
    command = [npm, "ci", "--no-audit", "--no-fund", *([] if scripts else ["--ignore-scripts"])]
    _once(folder / "node_modules", folder / "package-lock.json", lambda: _run(*command, folder=folder))
    return program


def installed_python(lock: Path) -> Path:
    """The Python of an environment with what the lock says, in `.environments` beside it. Raises CannotInstall."""
    environment = lock.parent / ".environments" / lock.stem

    def install() -> None:
        _run(sys.executable, "-m", "venv", environment)
        _run(environment / "bin" / "pip", "install", "--quiet", "--require-hashes", "--requirement", lock)

    _once(environment, lock, install)
    return environment / "bin" / "python"


def or_skip(install: Callable[[], T]) -> T:
    """What it answers. Where it cannot, the test is skipped, but in CI it fails."""
    try:
        return install()
    except CannotInstall as error:
        if os.environ.get("CI"):
            pytest.fail(str(error))
        pytest.skip(str(error))


def _once(made: Path, lock: Path, install: Callable[[], None]) -> None:
    """Unless that has been made from this very lock, to the end."""
    marker, wanted = made / ".installed-from", hashlib.sha256(lock.read_bytes()).hexdigest()
    if marker.exists() and marker.read_text() == wanted:
        return
    shutil.rmtree(made, ignore_errors=True)
    install()
    marker.write_text(wanted)


def _check_version(node: str, folder: Path) -> None:
    """Against `engines` of the folder's package."""
    engines = json.loads((folder / "package.json").read_text()).get("engines", {})
    wanted = str(engines.get("node", ">=20")).removeprefix(">=")
    found = subprocess.run([node, "--version"], capture_output=True, text=True, check=True).stdout.strip().lstrip("v")
    if _numbers(found) < _numbers(wanted):
        raise CannotInstall(f"node {wanted} or later is needed, and {node} is {found}: tests/install-servers gets one")


def _numbers(version: str) -> list[int]:
    return [int(part) for part in version.split(".")]


def _run(*command: str | Path, folder: Path | None = None) -> None:
    done = subprocess.run(
        [*map(str, command)], cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        text=True, timeout=280, check=False,
    )  # fmt: skip
    if done.returncode:
        raise CannotInstall(f"{' '.join(map(str, command))}:\n{done.stdout[-3000:]}")
