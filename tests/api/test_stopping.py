"""What the server executes when it stops."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import httpx
import pytest

from aurum.serving import connections
from tests.live_server import live_server

QUERY = {"query": "{ curves(first: 1) { totalCount } }"}


@pytest.mark.parametrize("door", ["GraphQL", "REST"])
async def test_a_question_that_takes_longer_than_a_server_waits_is_told_that_it_stops(
    door: str, migrated_sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    begun = asyncio.Event()

    async def endless(*_: Any) -> None:
        begun.set()
        await asyncio.sleep(60)

    hasty = {"timeout_graceful_shutdown": 1}
    monkeypatch.setattr("tests.live_server.connections", lambda settings: connections(settings) | hasty)
    async with httpx.AsyncClient(timeout=30) as client:
        async with live_server(migrated_sqlite_url, tmp_path) as server:
            monkeypatch.setattr(server.services.metadata.store, "count", endless)
            monkeypatch.setattr(server.services.curves.quotes, "page", endless)
            rest = server.url.replace("/graphql", "/v1/curves")
            asking = asyncio.create_task(client.get(rest) if door == "REST" else client.post(server.url, json=QUERY))
            await begun.wait()
            server.stop()
        answer = await asking
    assert answer.status_code == 503
    if door == "REST":
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["detail"] == "the server stops"
    else:
        assert answer.json()["errors"][0]["extensions"]["code"] == "UNAVAILABLE"
    assert "Traceback" not in caplog.text
