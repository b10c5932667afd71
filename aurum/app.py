"""The one place where the parts meet: the application that serves the use cases."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from datetime import timedelta
from random import getrandbits
from typing import Any

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import HTTPConnection
from starlette.responses import RedirectResponse
from starlette.routing import Route, WebSocketRoute
from starlette.types import ASGIApp, Receive, Scope, Send

from aurum.auth import authenticate, local_principal
from aurum.backends.flow_runs import FlowRuns
from aurum.backends.retention import Retention
from aurum.backends.rounds import going_on
from aurum.context import Context
from aurum.exports.worker import ExportWorker
from aurum.graphql.deadlines import seconds_asked
from aurum.graphql.endpoint import Endpoint
from aurum.graphql.registered import read
from aurum.graphql.requests import with_header
from aurum.ingestion.drop import TRIGGER, DropFolder
from aurum.ingestion.notifications import Notifier
from aurum.rest.routes import rest_routes
from aurum.scenarios.runs.crew import Crew, environment_of
from aurum.scenarios.runs.dispatch import RunDispatcher
from aurum.schema import create_schema
from aurum.services import Services, now, open_services
from aurum.settings import Settings
from aurum.web.pages import pages

_log = logging.getLogger(__name__)
_VERSION_BITS, _VERSION_4 = 0xF << 76 | 0x3 << 62, 0x4 << 76 | 0x2 << 62
_REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{1,128}")
_LOOK_SECONDS = 60
_PRUNE_SECONDS = 3600


def create_app(settings: Settings) -> Starlette:
    """The ASGI application. Nothing is opened before its lifespan begins.

    Raises OperationInvalid where an operation of the files that are configured is not valid.
    """
    served = settings.exposed
    schema = create_schema(served)
    schema.register(read(settings.graphql.operations))

    def context_of(connection: HTTPConnection) -> Context:
        client, headers = connection.scope.get("client"), connection.headers
        principal = authenticate(settings.auth, client[0] if client else None, headers)
        seconds = seconds_asked(headers, settings.graphql.deadline_seconds)
        show_cost = headers.get("x-show-cost") == "true"
        services, request_id = connection.app.state.services, connection.scope["aurum.request_id"]
        return Context(principal, services, request_id, seconds, show_cost)

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        async with open_services(settings, prefect=True) as services:
            app.state.services = services
            async with _background(*await _work(settings, services, endpoint)):
                yield

    max_file = settings.ingestion.max_file_mib * 2**20
    endpoint = Endpoint(schema, context_of, served, max_file, settings.subscriptions)
    routes = [Route("/graphql", endpoint), WebSocketRoute("/graphql", endpoint)]
    routes += rest_routes(settings, schema, context_of)
    if served.graphiql and not served.only_registered:
        routes += [*pages(), Route("/", RedirectResponse("graphiql/"))]
    application = Application(routes=routes, lifespan=lifespan, middleware=[Middleware(RequestId)])
    application.direct = RequestId(endpoint)
    return application


class Application(Starlette):
    """Starlette, but for requests to `/graphql`: they go to `direct` without looking at other routes first."""

    direct: ASGIApp

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"] == "/graphql" and not scope.get("root_path"):
            scope["app"] = self
            await self.direct(scope, receive, send)
        else:
            await super().__call__(scope, receive, send)


async def _work(settings: Settings, services: Services, endpoint: Endpoint) -> list[Coroutine[Any, Any, None]]:
    """What goes on beside requests for as long as the server runs."""
    work: list[Coroutine[Any, Any, None]] = []
    if settings.notifications.urls:  # first: an address that is none ends the start
        notifier = Notifier(services.ingestion, settings.notifications, settings.server.public_url)
        await notifier.open()
        work.append(notifier.watch())
    work += [services.events.watch(), services.operations.watch(), _recovery(services, settings)]
    work += [_completeness(services), _retention(services, settings), _warmed(services, endpoint)]
    work += [ExportWorker(services.exports).clean()]
    work += [ExportWorker(services.exports).work() for _ in range(settings.exports.workers)]
    if settings.prefect.api_url and settings.prefect.scenarios:
        deployed = FlowRuns(settings.prefect.api_url, settings.prefect.scenarios, now)
        work.append(RunDispatcher(services.scenario_runs, deployed).watch())
    elif settings.scenarios.processes:
        work.append(Crew(services.scenario_runs, environment_of(settings)).watch())
    if settings.ingestion.watch:
        principal = local_principal(settings.auth, TRIGGER)
        work.append(DropFolder(services.ingestion, services.dispatcher, principal).watch())
    return work


@asynccontextmanager
async def _background(*work: Any) -> AsyncIterator[None]:
    tasks = [asyncio.create_task(each) for each in work]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _recovery(services: Services, settings: Settings) -> None:
    """Takes up, for as long as the server runs, what a process that died has left."""
    while True:
        with going_on(_log, "runs could not be recovered"):
            await services.ingestion.recover(services.dispatcher)
        await asyncio.sleep(settings.ingestion.lease_seconds / 3)


async def _warmed(services: Services, endpoint: Endpoint) -> None:
    """Makes ready, one after the other, what the tenants have registered: else the first requests are slower."""
    with going_on(_log, "registered operations could not be made ready"):
        for document in await services.operations.everything():
            endpoint.admission.warm(document)
            await asyncio.sleep(0)


async def _completeness(services: Services) -> None:
    """Notices, for as long as the server runs, which files have become late."""
    while True:
        with going_on(_log, "missing files could not be looked for"):
            await services.ingestion.completeness.notice()
        await asyncio.sleep(_LOOK_SECONDS)


async def _retention(services: Services, settings: Settings) -> None:
    """Forgets, for as long as the server runs, events that are older than they are kept."""
    retention = Retention(services.database)
    while True:
        with going_on(_log, "old events could not be forgotten"):
            pruned = await retention.prune(now() - timedelta(days=settings.events.keep_days))
            _log.log(logging.INFO if pruned else logging.DEBUG, "%d events are no longer kept", pruned)
        await asyncio.sleep(_PRUNE_SECONDS)


def _random_uuid() -> bytes:
    """As `uuid4` makes them, in a third of its time."""
    digits = b"%032x" % (getrandbits(128) & ~_VERSION_BITS | _VERSION_4)
    return b"-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))


class RequestId:
    """Gives every request an id: the caller's `X-Request-Id` where it is well-formed, and sends it back."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        given = dict(reversed(scope["headers"])).get(b"x-request-id")
        request_id = given if given and _REQUEST_ID.fullmatch(given) else _random_uuid()
        scope["aurum.request_id"] = request_id.decode()
        await self.app(scope, receive, with_header(send, b"x-request-id", request_id))
