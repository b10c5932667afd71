from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from pydantic import SecretStr

from aurum.services import Services, open_services
from aurum.settings import DatabaseSettings, Settings


@pytest.fixture
async def services(migrated_url: str, tmp_path: Path) -> AsyncIterator[Services]:
    """Everything that commands and flows work with, on SQLite and on PostgreSQL."""
    settings = Settings(home=tmp_path, database=DatabaseSettings(url=SecretStr(migrated_url)))
    async with open_services(settings) as opened:
        yield opened
