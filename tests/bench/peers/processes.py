"""The servers that are compared, one process each, over one database and with as many connections to it."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import Request, urlopen

import orjson

from tests.bench.peers.questions import Question, asked
from tests.processes import free_port

HERE = Path(__file__).parent
POOL = 10
_TICKS = os.sysconf("SC_CLK_TCK")
Document = Callable[[Question, str], str]
Shaped = Callable[[Question, Any], Any]


@dataclass(frozen=True)
class Kind:
    """How a server is started, given its port and a plain address of the database, and what it is asked."""

    command: Callable[[int], list[str]]
    environment: Callable[[int, str], dict[str, str]]
    document: Document
    shape: Shaped = lambda _, data: data


def _aurum(kept_mib: str) -> Kind:
    return Kind(
        lambda port: [sys.executable, "-m", "aurum", "serve", "--port", str(port)],
        lambda _, database: {"AURUM_DATABASE__URL": database, "AURUM_GRAPHQL__KEPT_MIB": kept_mib},
        lambda question, _: question.aurum,
        lambda question, data: question.aurum_shape(data),
    )


def _asgi(application: str, *options: str) -> Callable[[int], list[str]]:
    uvicorn = [sys.executable, "-m", "uvicorn", "--no-access-log", "--log-level=warning", *options]
    return lambda port: [*uvicorn, "--port", str(port), f"tests.bench.peers.{application}"]


def _node(script: str, document: Document) -> Kind:
    program = HERE / "node_modules" / "node" / "bin" / "node"
    return Kind(lambda _: [str(program), str(HERE / script)], _plain, document)


def _plain(port: int, database: str) -> dict[str, str]:
    return {"DATABASE": database, "PORT": str(port), "POOL": str(POOL), "NODE_ENV": "production"}


def _resolvers(question: Question, _: str) -> str:
    return question.resolvers


KINDS = {
    "Aurum, nothing kept": _aurum("0"),
    "Aurum, warm": _aurum("64"),
    "stock Strawberry": Kind(
        _asgi("stock:create", "--factory"),
        lambda _, database: {"AURUM_DATABASE__URL": database},
        lambda question, _: question.aurum,
        lambda question, data: question.aurum_shape(data),
    ),
    "PostGraphile 5": _node("postgraphile.mjs", lambda question, _: question.postgraphile),
    "Mercurius, JIT": _node("mercurius.mjs", _resolvers),
    "GraphQL Yoga, JIT": _node("yoga.mjs", _resolvers),
    "Apollo Server": _node("apollo.mjs", _resolvers),
    "floor: no GraphQL": Kind(_asgi("floor:app"), _plain, lambda _, name: name),
}


@dataclass(frozen=True)
class Running:
    name: str
    kind: Kind
    port: int
    process: subprocess.Popen[bytes]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/graphql"

    def body(self, name: str, question: Question, n: int, days: int) -> bytes:
        document = self.kind.document(question, name)
        if document == name:  # the floor knows questions by their names, and takes all variables
            return orjson.dumps({"query": name, "variables": question.variables(n, days)})
        return orjson.dumps(asked(question, document, n, days))

    def answer(self, name: str, question: Question, n: int, days: int) -> Any:
        """Raises ValueError where the answer is not data alone."""
        headers = {"content-type": "application/json", "accept": "application/json"}
        with urlopen(Request(self.url, self.body(name, question, n, days), headers), timeout=60) as response:
            found = orjson.loads(response.read())
        if "data" not in found or found.get("errors"):
            raise ValueError(f"{self.name} answers {str(found)[:1000]}")
        data = found["data"]
        plain = self.kind.shape is Kind.shape and self.kind.document(question, name) != name
        return self.kind.shape(question, _without_root(data) if plain and name != "typename" else data)

    def cpu_seconds(self) -> float:
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS


def _without_root(data: dict[str, Any]) -> Any:
    (only,) = data.values()
    return only


@contextmanager
def running(names: list[str], database: str, folder: Path) -> Iterator[list[Running]]:
    with ExitStack() as stack:
        yield [stack.enter_context(_started(name, KINDS[name], database, folder)) for name in names]


@contextmanager
def _started(name: str, kind: Kind, database: str, folder: Path) -> Iterator[Running]:
    port = free_port()
    log = folder / f"{port}.log"
    environment = {**os.environ, "AURUM_HOME": str(folder / str(port)), **kind.environment(port, database)}
    with log.open("wb") as output:
        process = subprocess.Popen(
            kind.command(port), stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=environment
        )
    try:
        _wait(process, port, name, log)
        yield Running(name, kind, port, process)
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait(process: subprocess.Popen[bytes], port: int, name: str, log: Path) -> None:
    deadline = time.monotonic() + 180
    while process.poll() is None and time.monotonic() < deadline:
        try:
            urlopen(f"http://127.0.0.1:{port}/", timeout=5).close()
        except URLError as error:
            if isinstance(error.reason, ConnectionRefusedError):
                time.sleep(0.05)
                continue
        except OSError:
            pass
        return
    raise RuntimeError(f"{name} did not start:\n{log.read_text()[-3000:]}")
