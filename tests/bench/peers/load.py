"""Load on one server for a while, by wrk."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import orjson

from tests.bench.peers.processes import Running

_SCRIPT = Path(__file__).with_name("post.lua")


@dataclass(frozen=True)
class Measured:
    """`cpu` is the server's own, in milliseconds for each request; p50 and p99 are milliseconds."""

    rate: float
    p50: float
    p99: float
    cpu: float


def missing() -> list[str]:
    return [program for program in ("wrk", "npm") if shutil.which(program) is None]


def measure(server: Running, bodies: Path, connections: int, seconds: int) -> Measured:
    """Of what was answered in this time. Raises RuntimeError where a request failed."""
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "30s", "-s", str(_SCRIPT), server.url]
    before = server.cpu_seconds()
    done = subprocess.run(
        command, env={**os.environ, "BODIES": str(bodies)}, stdin=subprocess.DEVNULL, capture_output=True, text=True,
        timeout=seconds + 90, check=True,
    )  # fmt: skip
    found = orjson.loads(done.stdout.strip().splitlines()[-1])
    requests = found["requests"]
    if found["errors"]:
        raise RuntimeError(f"{server.name}: {found}")
    cpu = 1000 * (server.cpu_seconds() - before) / max(1, requests)
    return Measured(requests * 1e6 / found["microseconds"], found["p50"] / 1000, found["p99"] / 1000, cpu)
