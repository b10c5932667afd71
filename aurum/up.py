"""Everything on one machine: Prefect with its flows, the API and the drop folder, under one command."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from collections.abc import Awaitable, Callable, Mapping
from contextlib import ExitStack, closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
from rich.console import Console

from aurum.backends.database import migrate, place
from aurum.backends.processes import Program, Programs
from aurum.errors import Conflict
from aurum.settings import Settings

Prepare = Callable[[], Awaitable[None]]
_LOCAL = "127.0.0.1,localhost,::1"


async def up(settings: Settings, console: Console, *, prefect: bool, prepare: Prepare) -> None:
    """Runs until a signal says stop. `prepare` runs on the migrated database before anything is served from it."""
    api_port, prefect_port = _ports(settings, prefect)
    stop = asyncio.Event()

    def tell(line: str) -> None:
        console.print(f"[dim]{line}[/dim]", highlight=False, soft_wrap=True)

    async with Programs(settings.home.resolve() / "logs", tell) as programs:
        _on_signals(stop, programs)
        machine = Machine(settings, programs, api_port, prefect_port)
        running = asyncio.create_task(machine.run(console, prepare))
        stopped = asyncio.create_task(stop.wait())
        await asyncio.wait([running, stopped], return_when=asyncio.FIRST_COMPLETED)
        if running.done():
            running.result()
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        console.print("\nStopping ...")
    console.print("Stopped.")


def _on_signals(stop: asyncio.Event, programs: Programs) -> None:
    def asked() -> None:
        if stop.is_set():
            programs.kill()
        stop.set()

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, asked)


class Machine:
    """What runs and in which order. `prefect_port` is None where Prefect is not wanted."""

    def __init__(self, settings: Settings, programs: Programs, api_port: int, prefect_port: int | None) -> None:
        self.settings = settings
        self.programs = programs
        self.host = settings.server.host
        self.api = f"http://{in_url(self.host)}:{api_port}"
        self.api_port = api_port
        self.prefect_port = prefect_port
        self.prefect = f"http://127.0.0.1:{prefect_port}"

    async def run(self, console: Console, prepare: Prepare) -> None:
        try:
            async with asyncio.TaskGroup() as tasks:
                if self.prefect_port is not None:
                    environment = prefect_environment(self.settings.home, self.prefect_port)
                    tasks.create_task(self._start_prefect(environment))
                    tasks.create_task(self._start_flows(environment))
                await asyncio.to_thread(migrate, self.settings.database_url)
                await prepare()
                await self._start_api()
        except ExceptionGroup as group:
            raise group.exceptions[0] from None
        self._introduce(console)
        await self.programs.watch()

    async def _start_prefect(self, environment: Mapping[str, str]) -> None:
        await self.programs.start(_module("prefect", "flows.server", environment, self._prefect_answers))

    async def _start_flows(self, environment: Mapping[str, str]) -> None:
        began = datetime.now(UTC)

        async def polled() -> bool:
            return await self._flows_are_polled(began)

        linked = {**environment, "AURUM_SERVER__PORT": str(self.api_port)}  # what flows show links to the API
        await self.programs.start(_module("flows", "flows.serve", linked, polled))

    async def _start_api(self) -> None:
        environment = {
            **_inherited(),
            "AURUM_INGESTION__WATCH": "true",
            "AURUM_SERVER__PORT": str(self.api_port),
            "AURUM_SCENARIOS__READY": "true",
            **({} if self.prefect_port is None else {"AURUM_PREFECT__API_URL": f"{self.prefect}/api"}),
        }
        await self.programs.start(_module("api", "aurum", environment, self._api_answers, "serve"))

    async def _prefect_answers(self) -> bool:
        return await _answer(f"{self.prefect}/api/health") is not None

    async def _api_answers(self) -> bool:
        return await _answer(f"{self.api}/graphql", {"query": "{ __typename }"}) is not None

    async def _flows_are_polled(self, since: datetime) -> bool:
        found = await _answer(f"{self.prefect}/api/deployments/name/{self.settings.prefect.deployment}")
        polled = found and found["last_polled"]
        return bool(polled) and datetime.fromisoformat(polled) > since

    def _introduce(self, console: Console) -> None:
        places = {
            "GraphiQL": f"{self.api}/graphiql/",
            "GraphQL": f"{self.api}/graphql",
            "REST": f"{self.api}/v1/curves",
            **({} if self.prefect_port is None else {"Prefect": self.prefect}),
            "Drop folder": self.settings.drop_folder.resolve(),
            "Database": place(self.settings.database_url),
            "Logs": self.programs.logs,
        }
        lines = [f"  [bold]{name:<12}[/bold] {place}" for name, place in places.items()]
        text = "\n".join(["", "Aurum is up.", "", *lines, "", "Ctrl-C stops everything."])
        console.print(text, highlight=False, soft_wrap=True)


def prefect_environment(home: Path, port: int) -> dict[str, str]:
    """Of Prefect's server and of flows on one machine: embedded below `home`, and no connection leaves the machine.

    What the user's own environment says to Prefect is left out: it may name a server elsewhere.
    """
    folder, server = home.resolve() / "prefect", f"http://127.0.0.1:{port}"
    return _inherited() | {
        "DO_NOT_TRACK": "1",
        "PREFECT_HOME": str(folder),
        "PREFECT_PROFILES_PATH": str(folder / "profiles.toml"),
        "PREFECT_API_URL": f"{server}/api",
        "PREFECT_SERVER_API_HOST": "127.0.0.1",
        "PREFECT_SERVER_API_PORT": str(port),
        "PREFECT_SERVER_API_CORS_ALLOWED_ORIGINS": server,
        "PREFECT_SERVER_DATABASE_CONNECTION_URL": f"sqlite+aiosqlite:///{folder / 'prefect.db'}",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "PREFECT_SERVER_EPHEMERAL_ENABLED": "false",  # else a flow without a server starts one that outlives it
        "PREFECT_SERVER_DEPLOYMENTS_CONCURRENCY_SLOT_WAIT_SECONDS": "2",
        "PREFECT_SERVER_UI_V2_ENABLED": "false",
        "PREFECT_SERVER_UI_SHOW_PROMOTIONAL_CONTENT": "false",
        "PREFECT_SERVER_UI_STATIC_DIRECTORY": str(folder / "ui"),
        "PREFECT_UI_URL": server,
        "PREFECT_UI_API_URL": "/api",  # the page may be reached by another name, such as localhost
        "PREFECT_RUNNER_POLL_FREQUENCY": "1",
        "PREFECT_FLOWS_HEARTBEAT_FREQUENCY": "30",
        "PREFECT_LOGGING_EXTRA_LOGGERS": "aurum",
        "PREFECT_LOGGING_COLORS": "false",
    }


def _inherited() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
    for name in ("NO_PROXY", "no_proxy"):
        kept[name] = ",".join(filter(None, [kept.get(name), _LOCAL]))
    return kept | {"PYTHONUNBUFFERED": "1"}


def _module(
    name: str, module: str, environment: Mapping[str, str], ready: Callable[[], Awaitable[bool]], *arguments: str
) -> Program:
    return Program(name, [sys.executable, "-m", module, *arguments], environment, ready)


async def _answer(url: str, body: Any = None) -> Any:
    """None while nothing, or something else, answers there."""
    async with httpx.AsyncClient(trust_env=False, timeout=2) as client:
        try:
            response = await client.request("GET" if body is None else "POST", url, json=body)
            return response.raise_for_status().json()
        except (httpx.HTTPError, ValueError):
            return None


def _ports(settings: Settings, prefect: bool) -> tuple[int, int | None]:
    """The ports, once it is certain that nobody has them."""
    with ExitStack() as held:
        api = free_port(held, settings.server.host, settings.server.port, "AURUM_SERVER__PORT")
        return api, free_port(held, "127.0.0.1", settings.prefect.port, "AURUM_PREFECT__PORT") if prefect else None


def free_port(held: ExitStack, host: str, port: int, variable: str) -> int:
    """The port, or a free one for 0; kept until `held` is left, so that no other takes it. Raises Conflict."""
    family, kind, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    probe = held.enter_context(closing(socket.socket(family, kind)))
    probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        probe.bind(address)
        probe.listen()  # on Linux two may bind, but only one may listen
    except OSError as error:
        raise Conflict(
            f"port {port} of {host} is taken: {error.strerror}",
            hint=f"End what uses it, or set {variable} to a free port: {variable}={port + 1}",
        ) from error
    return int(probe.getsockname()[1])


def in_url(host: str) -> str:
    """As a browser on this machine can use it."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104  what listens everywhere is reached here
    return f"[{host}]" if ":" in host else host
