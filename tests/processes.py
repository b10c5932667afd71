"""Programs of ours that tests start, and what is left of them. Reads /proc: Linux only."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def processes_with(variable: str, value: str) -> dict[int, str]:
    """Command lines by process id of all that run with the variable in their environment."""
    found = {}
    entry = f"{variable}={value}\0".encode()
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # it has ended, or belongs to somebody else
            if entry in (process / "environ").read_bytes():
                found[int(process.name)] = (process / "cmdline").read_text().replace("\0", " ").strip()
    return found


def children_of(process: int) -> list[int]:
    """At once, unlike a search through all processes."""
    threads = Path(f"/proc/{process}/task").glob("*/children")
    return [int(child) for thread in threads for child in thread.read_text().split()]


PATIENCE_SECONDS = 180.0
"""What other processes do within seconds takes many times as long on a busy machine."""


def wait_until(true: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not true():
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {PATIENCE_SECONDS:.0f} s: {what}")
        time.sleep(0.05)


async def eventually(answer: Callable[[], Awaitable[T]], seconds: float = PATIENCE_SECONDS) -> T:
    """The first answer that is true."""
    async with asyncio.timeout(seconds):
        while not (found := await answer()):  # noqa: ASYNC110  other processes set no Event
            await asyncio.sleep(0.05)
    return found


@contextmanager
def running(
    module: str, environment: Mapping[str, str], log: Path, *arguments: str
) -> Iterator[subprocess.Popen[bytes]]:
    """`python -m module` in a process group of its own; for the end all of the group is gone."""
    setpriv = shutil.which("setpriv")
    leash = [setpriv, "--pdeathsig", "TERM"] if setpriv else []
    with log.open("ab") as output:
        process = subprocess.Popen(
            [*leash, sys.executable, "-m", module, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env=dict(environment),
            start_new_session=True,
        )
    try:
        yield process
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            process.wait(10)
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
