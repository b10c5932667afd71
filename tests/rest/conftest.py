"""The application in this process, over a database that curves are published to without a workbook."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import SecretStr
from starlette.applications import Starlette

from aurum.app import create_app
from aurum.auth import Principal, local_principal
from aurum.curves.model import CurvePrices
from aurum.metadata.model import CurveDescription
from aurum.services import Services
from aurum.settings import DatabaseSettings, RestSettings, Settings
from tests.published import Book


@dataclass
class Rest:
    """A client of the application, and a way to publish what it should find."""

    app: Starlette
    client: httpx.AsyncClient
    book: Book
    principal: Principal
    home: Path

    @property
    def services(self) -> Services:
        opened: Services = self.app.state.services
        return opened

    async def publish(
        self, as_of: str, *curves: tuple[CurveDescription, CurvePrices], published_at: str | None = None
    ) -> None:
        for vendor in dict.fromkeys(description.identity.vendor for description, _ in curves):
            of_vendor = [curve for curve in curves if curve[0].identity.vendor == vendor]
            await self.book.publish(as_of, of_vendor, published_at, self.principal, vendor)

    async def get(
        self, path: str = "/v1/curves", headers: dict[str, str] | None = None, **query: Any
    ) -> httpx.Response:
        return await self.client.get(path, params=query, headers=headers)

    async def answer(self, **query: Any) -> dict[str, Any]:
        response = await self.get(**query)
        assert response.status_code == 200, response.text
        found: dict[str, Any] = response.json()
        return found

    async def rows(self, **query: Any) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = (await self.answer(**query))["data"]
        return found


@asynccontextmanager
async def served(url: str, home: Path, **rest: Any) -> AsyncIterator[Rest]:
    settings = Settings(home=home, database=DatabaseSettings(url=SecretStr(url)), rest=RestSettings(**rest))
    app = create_app(settings)
    transport = httpx.ASGITransport(app, client=("127.0.0.1", 50000))
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8000") as client,
    ):
        principal = local_principal(settings.auth, "test")
        yield Rest(app, client, Book(app.state.services.database), principal, home)


@pytest.fixture
async def rest(migrated_url: str, tmp_path: Path) -> AsyncIterator[Rest]:
    """On SQLite, then on PostgreSQL."""
    async with served(migrated_url, tmp_path) as opened:
        yield opened


@pytest.fixture
async def embedded(migrated_sqlite_url: str, tmp_path: Path) -> AsyncIterator[Rest]:
    """On SQLite alone, for what has nothing to do with storage."""
    async with served(migrated_sqlite_url, tmp_path) as opened:
        yield opened
