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
from functools import partial
from pathlib import Path
from typing import TypedDict

Command = list[str]


class Account(TypedDict, total=False):
    user: int
    group: int
    extra_groups: list[int]


class ServerMissing(Exception):
    """The server's programs are not on this machine."""


@dataclass(frozen=True)
class PostgreSQL:
    """A cluster of our own. The databases belong to `aurum`, who is no superuser, as in production."""

    programs: Path
    folder: Path
    port: int
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def create(self, template: str = "template1") -> str:
        database = f"test_{next(self._numbers)}"
        # Copying files beats logging every page of the template: 36 ms instead of 70.
        self.execute(f"CREATE DATABASE {database} OWNER aurum TEMPLATE {template} STRATEGY file_copy")
        return database

    def drop(self, database: str) -> None:
        self.execute(f"DROP DATABASE {database} WITH (FORCE)")

    def url(self, database: str) -> str:
        return f"postgresql+asyncpg://aurum@127.0.0.1:{self.port}/{database}"

    def execute(self, statement: str) -> None:
        """As the superuser; through psql, so that fixtures stay out of the tests' event loops."""
        server = ["-h", "127.0.0.1", "-p", str(self.port), "-U", "postgres", "-d", "postgres"]
        _complete([f"{self.programs}/psql", "-X", "-q", *server, "-c", statement], self.folder)


@contextmanager
def postgresql() -> Iterator[PostgreSQL]:
    programs = _postgresql_programs()
    with _folder("postgresql") as folder:
        data = folder / "data"
        # A production database sorts by a language, not by bytes as SQLite does; so does this one.
        language = ["--encoding=UTF8", "--locale=C", "--locale-provider=icu", "--icu-locale=en-US"]
        account = ["--username=postgres", "--auth=trust", "--no-sync"]
        _complete([f"{programs}/initdb", f"--pgdata={data}", *account, *language], folder)

        def command(port: int) -> Command:
            where = [f"--port={port}", "--listen-addresses=127.0.0.1", f"--unix-socket-directories={folder}"]
            fast = ["--fsync=off", "--full-page-writes=off", "--synchronous-commit=off", "--autovacuum=off"]
            return [f"{programs}/postgres", "-D", str(data), *where, *fast]

        def ready(_port: int) -> bool:
            try:
                return (data / "postmaster.pid").read_text().rstrip().endswith("ready")
            except FileNotFoundError:
                return False

        # SIGINT is the fast shutdown: it ends sessions instead of waiting for them.
        with _running(folder, command, ready, stop=signal.SIGINT) as port:
            server = PostgreSQL(programs, folder, port)
            server.execute("CREATE ROLE aurum LOGIN")
            yield server


@dataclass(frozen=True)
class Redis:
    port: int

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def empty(self) -> None:
        assert _redis_answers(self.port, b"FLUSHALL", b"+OK")


@contextmanager
def redis() -> Iterator[Redis]:
    program = shutil.which("redis-server")
    if program is None:
        raise ServerMissing("redis-server is not installed")
    with _folder("redis") as folder:

        def command(port: int) -> Command:
            return [program, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(folder)]

        def ready(port: int) -> bool:
            return _redis_answers(port, b"PING", b"+PONG")

        with _running(folder, command, ready) as port:
            yield Redis(port)


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
    ready: Callable[[int], bool],
    stop: signal.Signals = signal.SIGTERM,
) -> Iterator[int]:
    """A server on a free port of loopback, until the block is left or this process dies."""
    process, port = _start(folder, command, ready, stop)
    try:
        yield port
    finally:
        _end(process, stop)


def _start(
    folder: Path, command: Callable[[int], Command], ready: Callable[[int], bool], stop: signal.Signals
) -> tuple[subprocess.Popen[bytes], int]:
    for _ in range(5):  # somebody else may take the free port first
        port = _free_port()
        process = _spawn(command(port), folder, stop)
        if _becomes_ready(process, partial(ready, port)):
            return process, port
        _end(process, stop)
        log = (folder / "log").read_text(errors="replace")
        if "in use" not in log:
            break
    raise RuntimeError(f"{process.args!r} did not start:\n{log[-4000:]}")


def _spawn(command: Command, folder: Path, stop: signal.Signals) -> subprocess.Popen[bytes]:
    setpriv = shutil.which("setpriv")  # Linux only: elsewhere a killed test session leaves its servers behind
    leash = [setpriv, "--pdeathsig", stop.name.removeprefix("SIG")] if setpriv else []
    with (folder / "log").open("wb") as log:
        return subprocess.Popen(
            [*leash, *command],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=folder,
            **_account(),
        )


def _end(process: subprocess.Popen[bytes], stop: signal.Signals) -> None:
    if process.poll() is None:
        process.send_signal(stop)
    try:
        process.wait(30)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


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


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _becomes_ready(process: subprocess.Popen[bytes], ready: Callable[[], bool], seconds: float = 60.0) -> bool:
    deadline = time.monotonic() + seconds
    while process.poll() is None and time.monotonic() < deadline:
        if ready():
            return True
        time.sleep(0.02)
    return False
