"""A proxy forgets its connections to the database: requests end at their deadlines, later ones are answered."""

from __future__ import annotations

import asyncio
from pathlib import Path

import httpx
import pytest
from sqlalchemy import literal, select
from sqlalchemy.engine import make_url

from aurum.backends import database
from aurum.backends.database import Database
from aurum.backends.reads import Read
from aurum.errors import Unavailable
from tests.cutting import cutting_proxy
from tests.live_server import live_server

OPERATIONS = {
    "a read that is frequent": '{ curve(key: "eugp:eu/dutch_ttf/gas") { name } }',
    "another read": "{ curves(first: 1) { totalCount } }",
    "a write": """mutation { registerOperations(input: {operations: [{document: "query A { __typename }"}]}) {
        problems { message } } }""",
}
AT_ONCE = 12  # more than there are connections
WELL = [None] * AT_ONCE


@pytest.mark.timeout(120)
@pytest.mark.parametrize("operation", OPERATIONS)
async def test_operations_end_in_time_and_connections_are_made_anew(
    migrated_postgresql_url: str, tmp_path: Path, operation: str
) -> None:
    target = make_url(migrated_postgresql_url)

    async def code(seconds: float) -> str | None:
        request = {"query": OPERATIONS[operation]}
        answer = (await client.post(server.url, json=request, headers={"x-timeout": str(seconds)})).json()
        return answer["errors"][0]["extensions"]["code"] if "errors" in answer else None

    async def codes(seconds: float) -> list[str | None]:
        return await asyncio.gather(*[code(seconds) for _ in range(AT_ONCE)])

    async with cutting_proxy(target.port or 0) as proxy:
        url = target.set(port=proxy.port).render_as_string(hide_password=False)
        async with live_server(url, tmp_path) as server, httpx.AsyncClient(timeout=60) as client:
            assert await codes(20) == WELL
            proxy.deafen()
            async with asyncio.timeout(10):
                assert set(await codes(0.3)) <= {"DEADLINE_EXCEEDED", None}
            while await codes(3) != WELL:
                pass
            proxy.deafen()
            stopping = asyncio.get_running_loop().time()
        assert asyncio.get_running_loop().time() - stopping < 15


@pytest.mark.parametrize("often", [True, False])
async def test_who_has_no_deadline_does_not_wait_for_ever(
    migrated_postgresql_url: str, monkeypatch: pytest.MonkeyPatch, often: bool
) -> None:
    monkeypatch.setattr(database, "_LATE_SECONDS", 0.5)
    target, one = make_url(migrated_postgresql_url), Read(select(literal(1)))

    async def read() -> int:
        if often:
            return int((await reading.rows(one))[0][0])
        async with reading.read() as connection:
            return int(await connection.scalar(one.statement))

    async with cutting_proxy(target.port or 0) as proxy:
        url = target.set(port=proxy.port).render_as_string(hide_password=False)
        reading = Database(url, pool_size=1, statement_timeout_seconds=0.5)
        assert await read() == 1
        proxy.deafen()
        with pytest.raises(Unavailable):
            await asyncio.wait_for(read(), 20)
        assert await read() == 1
        await reading.close()
