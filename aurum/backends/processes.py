"""Programs that run beside this one: watched, started again when they die, and ended with it, however it ends."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
from asyncio.subprocess import Process
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from types import TracebackType

from aurum.errors import Unavailable

# Reads the process groups that are alive, one line whenever they change; when the line breaks off, this process has
# died without ending them. Works wherever there is a shell, and reaches what the programs have started themselves.
_LEASH = """
while read -r line; do groups=$line; done
signal() { alive=; for group in $groups; do kill -s "$1" -- "-$group" && alive=yes; done; }
signal TERM
for _ in 1 2 3 4 5 6 7 8; do
  signal 0
  [ "$alive" ] || exit
  sleep 1
done
signal KILL
"""
_ENDING_SECONDS = 10.0
_STEADY_SECONDS = 60.0
_LARGE_LOG = 10 * 2**20


@dataclass(frozen=True, slots=True)
class Program:
    """`ready` is asked until it says so, for at most `patience` seconds."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    ready: Callable[[], Awaitable[bool]]
    patience: float = 180.0


class Programs:
    """Each in a process group of its own, with its output in a log file. Use as a context: they end with it."""

    def __init__(self, logs: Path, tell: Callable[[str], None], *, chances: int = 5, backoff: float = 1.0) -> None:
        self.logs = logs
        self._tell = tell
        self._chances = chances
        self._backoff = backoff
        self._alive: dict[str, Process] = {}
        self._keepers: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Programs:
        quiet = subprocess.DEVNULL
        self._leash = subprocess.Popen(  # noqa: ASYNC220, S603  returns at once
            ["/bin/sh", "-c", _LEASH], stdin=subprocess.PIPE, stdout=quiet, stderr=quiet, start_new_session=True
        )
        return self

    async def __aexit__(
        self, _type: type[BaseException] | None, _value: BaseException | None, _traceback: TracebackType | None
    ) -> None:
        for keeper in self._keepers:
            keeper.cancel()
        await asyncio.gather(*self._keepers, return_exceptions=True)
        for name in list(reversed(self._alive)):
            await self._end(name)
        if self._leash.stdin:
            self._leash.stdin.close()
        self._leash.wait()

    async def start(self, program: Program) -> None:
        """Returns when the program is ready. From then on it is started again when it dies."""
        began = monotonic()
        process = await self._spawn(program)
        while not await program.ready():
            if process.returncode is not None:
                raise self._failure(program, f"ended with {_told(process.returncode)} before it was ready")
            if monotonic() - began > program.patience:
                raise self._failure(program, f"was not ready within {program.patience:.0f} seconds")
            await asyncio.sleep(0.1)
        self._tell(f"{program.name}: ready after {monotonic() - began:.1f} s")
        self._keepers.append(asyncio.create_task(self._keep(program, process)))

    async def watch(self) -> None:
        """Raises when a program keeps dying; returns never."""
        done, _ = await asyncio.wait(self._keepers, return_when=asyncio.FIRST_COMPLETED)
        for keeper in done:
            keeper.result()

    def kill(self) -> None:
        """At once, for people who cannot wait."""
        for process in self._alive.values():
            _signal(process.pid, signal.SIGKILL)

    async def _keep(self, program: Program, process: Process) -> None:
        deaths = 0
        while True:
            began = monotonic()
            status = _told(await process.wait())
            _signal(process.pid, signal.SIGKILL)  # what it has started is nobody's now
            deaths = deaths + 1 if monotonic() - began < _STEADY_SECONDS else 1
            if deaths > self._chances:
                raise self._failure(program, f"ended with {status}, for the {deaths}th time in a row")
            pause = self._backoff * 2 ** (deaths - 1)
            self._tell(f"{program.name}: ended with {status}, is started again in {pause:.0f} s")
            await asyncio.sleep(pause)
            process = await self._spawn(program)

    async def _spawn(self, program: Program) -> Process:
        with self._log(program).open("ab") as log:
            process = await asyncio.create_subprocess_exec(
                *program.command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=program.environment,
                start_new_session=True,
            )
        self._alive[program.name] = process
        self._hold()
        return process

    def _hold(self) -> None:
        """Tells the leash what is alive."""
        line = " ".join(str(process.pid) for process in self._alive.values())
        if self._leash.stdin:
            with suppress(BrokenPipeError):
                self._leash.stdin.write(f"{line}\n".encode())
                self._leash.stdin.flush()

    async def _end(self, name: str) -> None:
        process = self._alive[name]
        _signal(process.pid, signal.SIGTERM)
        with suppress(TimeoutError):
            async with asyncio.timeout(_ENDING_SECONDS):
                await process.wait()
        _signal(process.pid, signal.SIGKILL)
        await process.wait()
        del self._alive[name]
        self._hold()

    def _log(self, program: Program) -> Path:
        self.logs.mkdir(parents=True, exist_ok=True)
        file = self.logs / f"{program.name}.log"
        if file.exists() and file.stat().st_size > _LARGE_LOG:
            file.replace(file.with_suffix(".log.1"))
        return file

    def _failure(self, program: Program, what: str) -> Unavailable:
        log = self.logs / f"{program.name}.log"
        last = "\n".join(log.read_text(errors="replace").splitlines()[-20:])
        return Unavailable(f"{program.name} {what}", hint=f"The end of {log}:\n{last}")


def _signal(group: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.killpg(group, number)


def _told(status: int) -> str:
    return f"status {status}" if status >= 0 else signal.Signals(-status).name
