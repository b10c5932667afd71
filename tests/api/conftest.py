"""The whole application in this process, over a database with three demo days."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import SecretStr
from starlette.applications import Starlette

from aurum.app import create_app
from aurum.auth import local_principal
from aurum.demo import eugp_workbook
from aurum.ingestion.service import Submission
from aurum.services import Services
from aurum.settings import DatabaseSettings, Settings
from tests.repriced import repriced

Ask = Callable[..., Awaitable[dict[str, Any]]]


@pytest.fixture
async def app(migrated_url: str, tmp_path: Path) -> AsyncIterator[Starlette]:
    settings = Settings(home=tmp_path, database=DatabaseSettings(url=SecretStr(migrated_url)))
    application = create_app(settings)
    async with application.router.lifespan_context(application):
        yield application


@pytest.fixture
def services(app: Starlette) -> Services:
    opened: Services = app.state.services
    return opened


@pytest.fixture
async def client(app: Starlette) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app, client=("127.0.0.1", 50000), raise_app_exceptions=True)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8000") as opened:
        yield opened


@pytest.fixture
def ask(client: httpx.AsyncClient) -> Ask:
    """Posts a query and answers the whole response."""

    async def post(query: str, **variables: Any) -> dict[str, Any]:
        response = await client.post("/graphql", json={"query": query, "variables": variables})
        answer: dict[str, Any] = response.json()
        return answer

    return post


@pytest.fixture
async def loaded(services: Services) -> Services:
    """EUGP of 12, 13 and 14 February, and the 12th corrected on the 13th: TTF of March at 99.5."""
    principal = local_principal(Settings().auth, "test")
    for day in (12, 13, 14):
        workbook = eugp_workbook(date(2025, 2, day), months=4)
        await services.ingestion.ingest(principal, Submission(workbook.to_bytes(), workbook.name, "test"))
        if day == 12:
            seven_forty = datetime(2025, 2, 13, 7, 40, tzinfo=UTC)
            corrected = repriced(workbook.as_of, date(2025, 3, 1), 99.5, published_at=seven_forty)
            await services.ingestion.ingest(principal, Submission(corrected.to_bytes(), corrected.name, "test"))
    return services
