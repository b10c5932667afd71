"""The application on a real server of this process, whose connections can be cut on the way."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date
from pathlib import Path
from typing import Any

import uvicorn
from pydantic import SecretStr

from aurum.app import create_app
from aurum.auth import local_principal
from aurum.demo import eugp_workbook
from aurum.demo.workbooks import VendorWorkbook
from aurum.graphql.endpoint import Endpoint
from aurum.ingestion.service import Submission
from aurum.services import Services
from aurum.serving import connections
from aurum.settings import DatabaseSettings, Settings, SubscriptionSettings

CURVES = 83  # of a day


class LiveServer:
    def __init__(self, server: uvicorn.Server, app: Any) -> None:
        self._server = server
        self.port: int = server.servers[0].sockets[0].getsockname()[1]
        self.services: Services = app.state.services
        (endpoint,) = {route.app for route in app.routes if isinstance(getattr(route, "app", None), Endpoint)}
        self.endpoint: Endpoint = endpoint

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/graphql"

    async def load(self, number: int) -> None:
        """A day of February: 83 events of curves, and some of the run."""
        await self.put(eugp_workbook(date(2025, 2, number), months=1))

    async def put(self, workbook: VendorWorkbook) -> None:
        principal = local_principal(Settings().auth, "test")
        await self.services.ingestion.ingest(principal, Submission(workbook.to_bytes(), workbook.name, "test"))

    @property
    def connections(self) -> int:
        """Those that the server still has, in whatever state."""
        return len(self._server.server_state.connections)

    def stop(self) -> None:
        self._server.should_exit = True

    @property
    def idle(self) -> bool:
        """Whether nobody follows, and nothing of a subscription is left."""
        seats = self.endpoint.runner.seats
        following = self.services.events._bus.topics()
        return not (seats.connections or seats.subscriptions or following)


@asynccontextmanager
async def live_server(url: str, home: Path, port: int = 0, **limits: Any) -> AsyncIterator[LiveServer]:
    """`limits` are SubscriptionSettings. The system buffers little of what is sent to a client that does not read."""
    settings = Settings(
        home=home, database=DatabaseSettings(url=SecretStr(url)), subscriptions=SubscriptionSettings(**limits)
    )
    app = create_app(settings)
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, **connections(settings)))
    listening = socket.create_server(("127.0.0.1", port))
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
    task = asyncio.create_task(server.serve([listening]))
    while not server.started:  # noqa: ASYNC110  uvicorn has no event for it
        await asyncio.sleep(0.01)
    try:
        yield LiveServer(server, app)
    finally:
        server.should_exit = True
        with contextlib.suppress(asyncio.CancelledError):
            await task
