"""Prefect's server as Aurum runs it on one machine: `python -m flows.server`.

Its newer UI calls an analytics host from the browser whatever the settings say (3.8.8), and the older one invites
people to switch to it. So only the older one is served, under a policy that lets pages talk to this server alone.
"""

from __future__ import annotations

import ipaddress
from typing import Any

import prefect
import uvicorn
from prefect.server.api.server import create_app
from prefect.server.database.orm_models import FlowRun
from prefect.settings import get_current_settings
from sqlalchemy import inspect
from starlette.datastructures import MutableHeaders
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:; worker-src 'self' blob:; "
    "style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; font-src 'self' data:; "
    "connect-src 'self' data: blob:; frame-ancestors 'none'; form-action 'self'"
)


def let_schedules_fire() -> None:
    """Without this no schedule ever starts a flow: Prefect (3.8.8) inserts the flow runs with their `state`, a hybrid
    of which SQLAlchemy 2.1 wants to be told what it means for the columns. Nothing: Prefect stores the states apart.
    """

    def stored_apart(_class: Any, _values: Any, _state: Any) -> None:
        pass

    state: Any = inspect(FlowRun).all_orm_descriptors["state"]
    state.bulk_dml_setter = stored_apart


class ContentSecurityPolicy:
    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message)["content-security-policy"] = POLICY
            await send(message)

        await self.app(scope, receive, answer)


def create() -> ASGIApp:
    let_schedules_fire()
    api = get_current_settings().server.api
    prefect.__ui_v2_static_path__ = prefect.__ui_v2_static_path__ / "not-served"
    app: ASGIApp = ContentSecurityPolicy(create_app(final=True))
    if ipaddress.ip_address(api.host).is_loopback:  # no page of another name may reach it through the browser
        app = TrustedHostMiddleware(app, ["127.0.0.1", "localhost"])
    return app


def main() -> None:
    settings = get_current_settings().server
    uvicorn.run(
        create(),
        host=settings.api.host,
        port=settings.api.port,
        timeout_keep_alive=settings.api.keepalive_timeout,
        log_level=settings.logging_level.lower(),
        timeout_graceful_shutdown=3,
    )


if __name__ == "__main__":
    main()
