"""Programs beside this one: started again when they die, and gone when this one is."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from aurum.backends import processes
from aurum.backends.processes import Program, Programs
from aurum.errors import Unavailable
from tests.processes import eventually, processes_with, wait_until

Told = list[str]


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    return {**os.environ, "MARK": str(tmp_path)}


def program(
    environment: dict[str, str], script: str, ready: Callable[[], Awaitable[bool]], patience: float = 10
) -> Program:
    return Program("worker", ["/bin/sh", "-c", script], environment, ready, patience)


async def at_once() -> bool:
    return True


async def never() -> bool:
    return False


def alive(environment: dict[str, str]) -> dict[int, str]:
    return processes_with("MARK", environment["MARK"])


async def test_it_ends_with_all_that_it_has_started(tmp_path: Path, environment: dict[str, str]) -> None:
    told: Told = []
    async with Programs(tmp_path / "logs", told.append) as programs:
        await programs.start(program(environment, "echo hello; sleep 100 & sleep 100", at_once))
        await eventually(_is(lambda: len(alive(environment)) == 3))
    assert alive(environment) == {}
    assert (tmp_path / "logs" / "worker.log").read_text() == "hello\n"
    assert told[0].startswith("worker: ready after")


def _is(true: Callable[[], bool]) -> Callable[[], Awaitable[bool]]:
    async def answer() -> bool:
        return true()

    return answer


async def test_what_does_not_listen_is_killed(
    tmp_path: Path, environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processes, "_ENDING_SECONDS", 0.2)
    async with Programs(tmp_path, print) as programs:
        await programs.start(program(environment, "trap '' TERM; echo deaf; sleep 100", at_once))
        await eventually(_is(lambda: "deaf" in (tmp_path / "worker.log").read_text()))
    assert alive(environment) == {}


async def test_it_is_started_again_with_a_pause(tmp_path: Path, environment: dict[str, str]) -> None:
    told: Told = []
    async with Programs(tmp_path, told.append, backoff=0.01) as programs:
        await programs.start(program(environment, "echo started; sleep 100", at_once))
        await eventually(_is(lambda: len(alive(environment)) == 2))
        (first,) = [pid for pid, command in alive(environment).items() if "echo" in command]
        os.kill(first, signal.SIGKILL)
        await eventually(_is(lambda: (tmp_path / "worker.log").read_text() == "started\nstarted\n"))
        assert len(alive(environment)) == 2
    assert told[1] == "worker: ended with SIGKILL, is started again in 0 s"


async def test_what_keeps_dying_ends_the_watch_with_its_last_words(tmp_path: Path, environment: dict[str, str]) -> None:
    told: Told = []
    async with Programs(tmp_path, told.append, chances=3, backoff=0.01) as programs:
        await programs.start(program(environment, "echo broken; exit 7", at_once))
        with pytest.raises(Unavailable, match="worker ended with status 7, for the 4th time in a row") as failure:
            await programs.watch()
    assert len(told) == 4
    assert failure.value.hint is not None
    assert failure.value.hint.endswith("broken\nbroken\nbroken\nbroken")


async def test_what_ends_before_it_is_ready_is_not_tried_again(tmp_path: Path, environment: dict[str, str]) -> None:
    async with Programs(tmp_path, print) as programs:
        with pytest.raises(Unavailable, match="worker ended with status 3 before it was ready") as failure:
            await programs.start(program(environment, "echo no such option >&2; exit 3", never))
    assert "no such option" in str(failure.value.hint)


async def test_a_program_that_is_not_ready_in_time_is_ended(tmp_path: Path, environment: dict[str, str]) -> None:
    async with Programs(tmp_path, print) as programs:
        with pytest.raises(Unavailable, match="was not ready within 0 seconds"):
            await programs.start(program(environment, "sleep 100", never, patience=0.2))
    assert alive(environment) == {}


async def test_a_large_log_is_put_aside(tmp_path: Path, environment: dict[str, str]) -> None:
    (tmp_path / "worker.log").write_text("x" * (11 * 2**20))
    async with Programs(tmp_path, print) as programs:
        await programs.start(program(environment, "echo new; sleep 100", at_once))
        await eventually(_is(lambda: (tmp_path / "worker.log").read_text() == "new\n"))
    assert (tmp_path / "worker.log.1").exists()


KILLED = """
import asyncio, pathlib, sys
from aurum.backends.processes import Program, Programs

async def ready(): return True

async def main():
    async with Programs(pathlib.Path(sys.argv[1]), print) as programs:
        command = ["/bin/sh", "-c", "sleep 100 & sleep 100"]
        await programs.start(Program("worker", command, {"MARK": sys.argv[1]}, ready))
        await programs.watch()

asyncio.run(main())
"""


def test_kill_9_ends_them_too(tmp_path: Path, environment: dict[str, str]) -> None:
    with subprocess.Popen([sys.executable, "-c", KILLED, str(tmp_path)]) as parent:
        wait_until(lambda: len(alive(environment)) == 3, "the program runs")
        parent.kill()
    wait_until(lambda: not alive(environment), "the program has ended")
