"""The whole application in this process, over an empty database or one with some days."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime
from functools import cache
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
from aurum.services import Services, open_services
from aurum.settings import DatabaseSettings, Settings
from tests.api.history import history, publish
from tests.conftest import postgresql_database, sqlite_url
from tests.repriced import repriced
from tests.servers import PostgreSQL

Ask = Callable[..., Awaitable[dict[str, Any]]]


async def data(ask: Ask, query: str, **variables: Any) -> Any:
    answer = await ask(query, **variables)
    assert "errors" not in answer, answer["errors"]
    return answer["data"]


async def said(ask: Ask, query: str, **variables: Any) -> Any:
    """The one field's answer."""
    (found,) = (await data(ask, query, **variables)).values()
    return found


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
def loaded(services: Services) -> Services:
    """EUGP of 12, 13 and 14 February, and the 12th corrected on the 13th: TTF of March at 99.5.

    Loaded once; whose test asks for this has a copy.
    """
    return services


@pytest.fixture
def historic(services: Services) -> Services:
    """31 days of three curves; as `loaded`, a copy."""
    return services


@pytest.fixture
def migrated_sqlite_url(request: pytest.FixtureRequest, sqlite_homes: Callable[[str], Path], tmp_path: Path) -> str:
    if (start := _start(request)) is None:
        return sqlite_url(Path(shutil.copy(request.getfixturevalue("migrated_sqlite_file"), tmp_path)))
    shutil.copytree(sqlite_homes(start), tmp_path, dirs_exist_ok=True)
    return sqlite_url(tmp_path / "aurum.db")


@pytest.fixture
def migrated_postgresql_url(
    request: pytest.FixtureRequest,
    postgresql_server: PostgreSQL,
    postgresql_templates: Callable[[str], tuple[str, Path]],
    tmp_path: Path,
) -> Iterator[str]:
    if (start := _start(request)) is None:
        template = request.getfixturevalue("migrated_postgresql_template")
    else:
        template, home = postgresql_templates(start)
        shutil.copytree(home, tmp_path, dirs_exist_ok=True)
    yield from postgresql_database(postgresql_server, template)


@pytest.fixture(scope="session")
def sqlite_homes(migrated_sqlite_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    @cache
    def home_of(start: str) -> Path:
        home = tmp_path_factory.mktemp(start)
        _load(start, sqlite_url(Path(shutil.copy(migrated_sqlite_file, home))), home)
        return home

    return home_of


@pytest.fixture(scope="session")
def postgresql_templates(
    postgresql_server: PostgreSQL, migrated_postgresql_template: str, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], tuple[str, Path]]:
    @cache
    def template_of(start: str) -> tuple[str, Path]:
        template, home = postgresql_server.create(migrated_postgresql_template), tmp_path_factory.mktemp(start)
        _load(start, postgresql_server.url(template), home)
        return template, home

    return template_of


async def _three_days(services: Services) -> None:
    principal = local_principal(Settings().auth, "test")
    for day in (12, 13, 14):
        workbook = eugp_workbook(date(2025, 2, day), months=4)
        await services.ingestion.ingest(principal, Submission(workbook.to_bytes(), workbook.name, "test"))
        if day == 12:
            seven_forty = datetime(2025, 2, 13, 7, 40, tzinfo=UTC)
            corrected = repriced(workbook.as_of, date(2025, 3, 1), 99.5, published_at=seven_forty)
            await services.ingestion.ingest(principal, Submission(corrected.to_bytes(), corrected.name, "test"))


async def _history(services: Services) -> None:
    await publish(services, *history())


STARTS = {"loaded": _three_days, "historic": _history}


def _start(request: pytest.FixtureRequest) -> str | None:
    """What shall be there when the test begins."""
    return next((name for name in STARTS if name in request.fixturenames), None)


def _load(start: str, url: str, home: Path) -> None:
    async def loading() -> None:
        async with open_services(Settings(home=home, database=DatabaseSettings(url=SecretStr(url)))) as services:
            await STARTS[start](services)

    with ThreadPoolExecutor(1) as thread:  # an event loop of its own
        thread.submit(asyncio.run, loading()).result()
