"""python -m tests.bench peers: Aurum beside other GraphQL servers over HTTP, over the same prices, in one run.

Every round asks every server; what is told are medians over rounds. `--quick` takes a few minutes.
"""

from __future__ import annotations

import argparse
import asyncio
import math
import statistics
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import asyncpg
from pydantic import SecretStr
from rich.console import Console
from rich.progress import track
from rich.table import Table

from aurum.backends.database import migrate
from aurum.services import open_services
from aurum.settings import DatabaseSettings, Settings
from tests import servers
from tests.bench.peers import data
from tests.bench.peers.load import Measured, measure, missing
from tests.bench.peers.processes import HERE, KINDS, Running, running
from tests.bench.peers.questions import QUESTIONS, Question
from tests.installing import installed_node

BODIES = 200
Results = dict[tuple[str, int], dict[str, list[Measured]]]  # by question and connections, then by server


@dataclass(frozen=True)
class Options:
    days: int
    rounds: int
    seconds: int
    connections: list[int]
    servers: list[str]
    questions: list[str]
    database: str | None


def options(arguments: list[str]) -> Options:
    parser = argparse.ArgumentParser(prog="make bench ARGS=peers")
    parser.add_argument("--quick", action="store_true", help="16 connections, three rounds of a second")
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--seconds", type=int)
    parser.add_argument("--servers", nargs="*", default=[], help="words of their names; the others are left out")
    parser.add_argument("--questions", nargs="*", choices=[*QUESTIONS], default=[*QUESTIONS])
    parser.add_argument("--connections", nargs="*", type=int)
    parser.add_argument("--database", help="one that --load has filled")
    parser.add_argument("--load", action="store_true", help="fill a database and wait")
    given = parser.parse_args(arguments)
    wanted = [name for name in KINDS if not given.servers or any(word in name for word in given.servers)]
    return Options(
        250, given.rounds or (3 if given.quick else 7), given.seconds or (1 if given.quick else 3),
        given.connections or ([16] if given.quick else [1, 16, 64]), wanted, given.questions, given.database,
    )  # fmt: skip


@contextmanager
def filled(days: int, console: Console) -> Iterator[str]:
    """The plain address of a database with the prices of so many days."""
    with servers.postgresql() as server:
        for setting in ("shared_buffers = '512MB'", "jit = off", "max_connections = 200"):
            server.execute(f"ALTER SYSTEM SET {setting}")
        server.server.end()
        server.start()
        url = server.url(server.create())
        migrate(url)
        asyncio.run(_load(url, days, console))
        yield url.replace("+asyncpg", "")


async def _load(url: str, days: int, console: Console) -> None:
    connection = await asyncpg.connect(url.replace("+asyncpg", ""))
    with tempfile.TemporaryDirectory() as home:
        settings = Settings(home=Path(home), database=DatabaseSettings(url=SecretStr(url)))
        await data.create_rows(connection)
        async with open_services(settings) as services:
            for day in track(data.days(days), "loading", total=days, console=console, transient=True):
                await data.load_aurum(services, day)
                await data.load_rows(connection, day)
        await data.index_rows(connection)
    await connection.close()


def check(found: list[Running], questions: list[str], days: int) -> None:
    """Raises AssertionError unless all answer the same."""
    for name in questions:
        for n in (0, 1, BODIES - 1):
            answers = {server.name: server.answer(name, QUESTIONS[name], n, days) for server in found}
            expected = answers[found[0].name]
            for server, answer in answers.items():
                assert answer == expected, f"{name}: {server} answers\n{str(answer)[:600]}\nnot\n{str(expected)[:600]}"


def written(server: Running, name: str, question: Question, days: int, folder: Path) -> Path:
    file = folder / f"{server.port}-{name}.bodies"
    file.write_bytes(b"\n".join(server.body(name, question, n, days) for n in range(BODIES)) + b"\n")
    return file


def measured(found: list[Running], wanted: Options, folder: Path, console: Console) -> Results:
    results: Results = {}
    for name in wanted.questions:
        bodies = {each.name: written(each, name, QUESTIONS[name], wanted.days, folder) for each in found}
        rates = {server.name: warmed(server, bodies[server.name]) for server in found}
        for connections in wanted.connections:
            rounds = results[name, connections] = {server.name: [] for server in found}
            for _ in track(range(wanted.rounds), f"{name}, {connections}", console=console, transient=True):
                for server in found:
                    enough = 4 * connections / rates[server.name]  # each connection has some answers
                    seconds = min(20, max(wanted.seconds, math.ceil(enough)))
                    rounds[server.name].append(measure(server, bodies[server.name], connections, seconds))
            report(name, connections, rounds, console)
    return results


def warmed(server: Running, bodies: Path) -> float:
    """Requests a second, once compilers and caches are warm."""
    seconds = 2
    while not (found := measure(server, bodies, 2, seconds)).rate and seconds < 30:
        seconds *= 2
    return found.rate


def report(name: str, connections: int, rounds: dict[str, list[Measured]], console: Console) -> None:
    base = statistics.median(each.rate for each in rounds.get("stock Strawberry") or next(iter(rounds.values())))
    title = f"{QUESTIONS[name].title}, {connections} connections"
    table = Table("", "requests/s", "times stock", "p50 ms", "p99 ms", "its CPU ms", title=title, title_justify="left")
    for server, each in rounds.items():
        rate, p50, p99, cpu = (
            statistics.median(getattr(one, what) for one in each) for what in ("rate", "p50", "p99", "cpu")
        )
        table.add_row(server, f"{rate:,.0f}", f"{rate / base:.1f}", f"{p50:.2f}", f"{p99:.2f}", f"{cpu:.3f}")
    console.print(table)


def main(arguments: list[str], console: Console) -> None:
    wanted = options(arguments)
    if lacking := missing():
        console.print(f"Missing: {', '.join(lacking)} (Debian's packages of these names)")
        sys.exit(1)
    installed_node(HERE, scripts=True)  # that of the package `node` puts its program where it is looked for
    if "--load" in arguments:
        with filled(wanted.days, console) as database:
            console.print(database)
            input()
        return
    if wanted.database is not None:
        compare(wanted, wanted.database, console)
        return
    with filled(wanted.days, console) as database:
        compare(wanted, database, console)


def compare(wanted: Options, database: str, console: Console) -> None:
    with tempfile.TemporaryDirectory() as name, running(wanted.servers, database, Path(name)) as found:
        check(found, wanted.questions, wanted.days)
        measured(found, wanted, Path(name), console)


if __name__ == "__main__":
    main(sys.argv[1:], Console())
