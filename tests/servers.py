"""Real servers for tests, from the machine's packages: on loopback, in a temporary folder, ended with us."""

from __future__ import annotations

import itertools
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypedDict

from tests.processes import free_port

Command = list[str]


class Account(TypedDict, total=False):
    user: int
    group: int
    extra_groups: list[int]


class ServerMissing(Exception):
    """The server's programs are not on this machine."""


@dataclass(frozen=True)
class Server:
    """A program on a free port of loopback, as user `nobody` where we are root. `ready` is given its process id."""

    folder: Path
    command: Callable[[int], Command]
    ready: Callable[[int, int], bool]
    port: int
    stop: signal.Signals = signal.SIGTERM
    _processes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def process(self) -> subprocess.Popen[bytes]:
        return self._processes[-1]

    def start(self) -> bool:
        """Whether it runs and is ready. It ends with the thread that starts it: have the main one do it."""
        setpriv = shutil.which("setpriv")  # Linux only: elsewhere a killed test session leaves its servers behind
        leash = [setpriv, "--pdeathsig", self.stop.name.removeprefix("SIG")] if setpriv else []
        with self.log.open("wb") as log:
            process = subprocess.Popen(
                [*leash, *self.command(self.port)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.folder,
                **_account(),
            )
        self._processes.append(process)
        deadline = time.monotonic() + 60
        while process.poll() is None and time.monotonic() < deadline:
            if self.ready(process.pid, self.port):
                return True
            time.sleep(0.02)
        return False

    def end(self) -> None:
        if self.process.poll() is None:
            self.process.send_signal(self.stop)
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    @property
    def log(self) -> Path:
        return self.folder / "log"


@dataclass(frozen=True)
class PostgreSQL:
    """A cluster of our own. The databases belong to `aurum`, who is no superuser, as in production."""

    programs: Path
    server: Server
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))
    _sessions: list[subprocess.Popen[str]] = field(default_factory=list)

    @property
    def folder(self) -> Path:
        return self.server.folder

    @property
    def port(self) -> int:
        return self.server.port

    def create(self, template: str = "template1", tablespace: str = "pg_default") -> str:
        database = f"test_{next(self._numbers)}"
        # Copying files beats logging every page of the template: 36 ms instead of 70.
        how = f"TEMPLATE {template} STRATEGY file_copy TABLESPACE {tablespace}"
        self.execute(f"CREATE DATABASE {database} OWNER aurum {how}")
        return database

    def drop(self, database: str) -> None:
        self.execute(f"DROP DATABASE {database} WITH (FORCE)")

    def url(self, database: str) -> str:
        return f"postgresql+asyncpg://aurum@127.0.0.1:{self.port}/{database}"

    def execute(self, statement: str) -> None:
        """As the superuser; through psql, so that fixtures stay out of the tests' event loops.

        One for all statements: starting it takes ten times as long as most of them.
        """
        deadline = time.monotonic() + 30
        while not (self._sessions and _succeeds(_told(self._sessions[0], "SELECT 1"))):  # killed, or not yet recovered
            if time.monotonic() > deadline:
                log = self.server.log.read_text(errors="replace")
                raise RuntimeError(f"PostgreSQL does not answer:\n{log[-4000:]}")
            self.leave()
            self._sessions.append(self._session())
        said = _told(self._sessions[0], statement)
        if not _succeeds(said):
            raise RuntimeError(f"{statement} failed:\n" + "\n".join(said))

    def _session(self) -> subprocess.Popen[str]:
        where = ["-h", "127.0.0.1", "-p", str(self.port), "-U", "postgres", "-d", "postgres"]
        return subprocess.Popen(
            [f"{self.programs}/psql", "-X", "-q", *where],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            cwd=self.folder,
            **_account(),
        )

    def leave(self) -> None:
        """Ends the session that executes."""
        while self._sessions:
            self._sessions.pop().communicate()

    def kill(self) -> None:
        """`kill -9` of the postmaster. Its sessions notice and end by themselves, a moment later."""
        self.server.process.kill()
        self.server.process.wait()

    def start(self) -> None:
        """Again, on the same data folder and port: as soon as the sessions of the one that was killed have ended."""
        self.leave()
        deadline = time.monotonic() + 30
        while not self.server.start():
            log = self.server.log.read_text(errors="replace")
            if "still in use" not in log or time.monotonic() > deadline:
                raise RuntimeError(f"PostgreSQL did not start again:\n{log[-4000:]}")
            time.sleep(0.1)


# Tests' data may be lost with the machine. Killed processes lose nothing that was committed with DURABLE: what they
# have written is the kernel's to keep. But a commit has to be written before it is answered, and SIGKILL may tear a
# page, because the kernel copies 4 of its 8 kB at a time.
_FAST = ("--fsync=off", "--full-page-writes=off", "--synchronous-commit=off", "--autovacuum=off")
_DURABLE = ("--fsync=off", "--full-page-writes=on", "--synchronous-commit=on")


@contextmanager
def postgresql(*, killable: bool = False) -> Iterator[PostgreSQL]:
    """`killable`: what was committed outlives `kill -9`, at the cost of some speed."""
    programs = _postgresql_programs()
    with _folder("postgresql") as folder:
        data = folder / "data"
        # A production database sorts by a language, not by bytes as SQLite does; so does this one.
        language = ["--encoding=UTF8", "--locale=C", "--locale-provider=icu", "--icu-locale=en-US"]
        account = ["--username=postgres", "--auth=trust", "--no-sync"]
        _complete([f"{programs}/initdb", f"--pgdata={data}", *account, *language], folder)

        def command(port: int) -> Command:
            where = [f"--port={port}", "--listen-addresses=127.0.0.1", f"--unix-socket-directories={folder}"]
            return [f"{programs}/postgres", "-D", str(data), *where, *(_DURABLE if killable else _FAST)]

        def ready(process: int, _port: int) -> bool:
            try:
                lines = (data / "postmaster.pid").read_text().split()
            except FileNotFoundError:
                return False
            return lines[:1] == [str(process)] and lines[-1] == "ready"

        # SIGINT is the fast shutdown: it ends sessions instead of waiting for them.
        with _running(folder, command, ready, stop=signal.SIGINT) as server:
            cluster = PostgreSQL(programs, server)
            cluster.execute("CREATE ROLE aurum LOGIN")
            try:
                yield cluster
            finally:
                cluster.leave()


@dataclass(frozen=True)
class Redis:
    server: Server

    @property
    def port(self) -> int:
        return self.server.port

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def empty(self) -> None:
        assert _redis_answers(self.port, b"FLUSHALL", b"+OK")

    def kill(self) -> None:
        self.server.process.kill()
        self.server.process.wait()

    def start(self) -> None:
        """Again, on the same port."""
        assert self.server.start()


@contextmanager
def redis() -> Iterator[Redis]:
    program = shutil.which("redis-server")
    if program is None:
        raise ServerMissing("redis-server is not installed")
    with _folder("redis") as folder:

        def command(port: int) -> Command:
            return [program, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(folder)]

        def ready(_process: int, port: int) -> bool:
            return _redis_answers(port, b"PING", b"+PONG")

        with _running(folder, command, ready) as server:
            yield Redis(server)


_DONE = "done, and failed:"


def _told(psql: subprocess.Popen[str], statement: str) -> list[str]:
    """What psql says of it; the last line is whether it failed, unless psql has ended."""
    assert psql.stdin is not None
    assert psql.stdout is not None
    try:
        psql.stdin.write(f"{statement};\n\\echo {_DONE} :ERROR\n")
        psql.stdin.flush()
    except BrokenPipeError:
        return ["psql has ended"]
    said = []
    for line in psql.stdout:
        said.append(line.rstrip())
        if line.startswith(_DONE):
            break
    return said


def _succeeds(said: list[str]) -> bool:
    return said[-1:] == [f"{_DONE} false"]


def _redis_answers(port: int, command: bytes, answer: bytes) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
            connection.sendall(command + b"\r\n")
            return connection.recv(64).startswith(answer)
    except ConnectionRefusedError:
        return False


def _postgresql_programs() -> Path:
    """The newest of Debian's, which are not on the PATH; else those on the PATH."""
    packaged = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: float(path.parent.name))
    on_path = shutil.which("initdb")
    for folder in [*reversed(packaged), *([Path(on_path).resolve().parent] if on_path else [])]:
        if all((folder / program).exists() for program in ("initdb", "postgres", "psql")):
            return folder
    raise ServerMissing("PostgreSQL's initdb, postgres and psql are not installed")


@contextmanager
def _folder(name: str) -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix=f"aurum-{name}-"))
    if account := _account():
        os.chown(folder, account["user"], account["group"])
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


@contextmanager
def _running(
    folder: Path,
    command: Callable[[int], Command],
    ready: Callable[[int, int], bool],
    stop: signal.Signals = signal.SIGTERM,
) -> Iterator[Server]:
    """A server on a free port, until the block is left or this process dies."""
    server = _started(folder, command, ready, stop)
    try:
        yield server
    finally:
        server.end()


def _started(
    folder: Path, command: Callable[[int], Command], ready: Callable[[int, int], bool], stop: signal.Signals
) -> Server:
    for _ in range(5):  # somebody else may take the free port first
        server = Server(folder, command, ready, free_port(), stop)
        if server.start():
            return server
        server.end()
        log = server.log.read_text(errors="replace")
        if "in use" not in log:
            break
    raise RuntimeError(f"{server.process.args!r} did not start:\n{log[-4000:]}")


def _complete(command: Command, folder: Path) -> None:
    nothing = subprocess.DEVNULL
    done = subprocess.run(command, stdin=nothing, capture_output=True, text=True, cwd=folder, check=False, **_account())
    if done.returncode:
        raise RuntimeError(f"{command} failed:\n{done.stderr}{done.stdout}")


def _account() -> Account:
    """PostgreSQL refuses to run as root, who in turn may run it as somebody else."""
    if os.geteuid() != 0:
        return {}
    nobody = pwd.getpwnam("nobody")
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
