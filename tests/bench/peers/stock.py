"""Aurum's schema as Strawberry alone serves it: its ASGI application, its schema class, its executor."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import strawberry
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.routing import Route
from strawberry.asgi import GraphQL

from aurum.auth import local_principal
from aurum.context import Context
from aurum.curves.graphql import Curve, CurveSnapshot
from aurum.ingestion.graphql import IngestionRun, QuarantinedPoint, SourceFile
from aurum.schema import Mutation, Query
from aurum.services import open_services
from aurum.settings import Settings

PRINCIPAL = local_principal(Settings().auth, "bench")


class Endpoint(GraphQL[Any, None]):
    async def get_context(self, request: Any, response: Any) -> Any:
        assert isinstance(request, Request)
        return Context(PRINCIPAL, request.app.state.services, "bench", 60.0)


def create() -> Starlette:
    settings = Settings()

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        async with open_services(settings) as services:
            app.state.services = services
            yield

    types = [Curve, CurveSnapshot, IngestionRun, QuarantinedPoint, SourceFile]
    schema = strawberry.Schema(query=Query, mutation=Mutation, types=types)
    return Starlette(routes=[Route("/graphql", Endpoint(schema, graphql_ide=None))], lifespan=lifespan)
