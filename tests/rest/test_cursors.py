"""Cursors: only this server makes them, and they hold for one list, tenant and choice of rows (section 1.3)."""

from __future__ import annotations

import base64
import re
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from aurum.errors import InvalidCursor
from aurum.rest.cursors import Cursor, Cursors
from tests.published import GERMAN, NBP, TTF, prices
from tests.rest.conftest import Rest, served

OLD, NEW = SecretStr("an old key"), SecretStr("a new key")
CURVES = "GET /v1/curves"


@pytest.fixture
async def rest(embedded: Rest) -> Rest:
    """Three curves of two months."""
    await embedded.publish("2025-02-12", *((curve, prices([1.0, 2.0])) for curve in (TTF, NBP, GERMAN)))
    return embedded


async def refused(rest: Rest, **query: Any) -> str:
    response = await rest.get(**query)
    assert response.status_code == 400
    detail: str = response.json()["detail"]
    return detail


async def test_it_is_opaque_and_the_same_for_the_same_question(rest: Rest) -> None:
    question = {"limit": 1, "market": "EU", "asof": "2025-02-12", "location": "Dutch_TTF", "product": "gas"}
    token = (await rest.answer(**question))["meta"]["next_cursor"]
    assert token == (await rest.answer(**question))["meta"]["next_cursor"]
    assert re.fullmatch("[A-Za-z0-9_-]{1,1000}", token)
    assert TTF.legacy_key[:8].encode() not in base64.urlsafe_b64decode(token + "==")


async def test_it_carries_the_filters_that_are_not_sent(rest: Rest) -> None:
    token = (await rest.answer(limit=1, market="UK"))["meta"]["next_cursor"]
    for again in ({}, {"market": "UK"}, {"market": " uk "}, {"market": ""}):
        assert [row["curve_key"] for row in await rest.rows(cursor=token, **again)] == [NBP.legacy_key]
    assert (await rest.answer(cursor=token))["meta"]["next_cursor"] is None
    mismatch = "Cursor filters do not match current query parameters"
    for changed in ({"market": "EU"}, {"iso": "PJM"}, {"asof": "2025-02-12"}, {"tenor_type": "MONTHLY"}):
        assert await refused(rest, cursor=token, **changed) == mismatch


async def test_what_was_not_signed_for_this_list_is_refused(rest: Rest) -> None:
    token: str = (await rest.answer(limit=1))["meta"]["next_cursor"]
    changed = [token[:at] + ("A" if token[at] != "A" else "B") + token[at + 1 :] for at in range(0, len(token) - 1, 7)]
    for wrong in [*changed, token[:-4], token + "AAAA", "x", "ü", "A" * 1001, token + "=" * 1000, "eyJhIjoxfQ"]:
        assert await refused(rest, cursor=wrong) == "Invalid cursor"
        assert await refused(rest, prev_cursor=wrong) == "Invalid cursor"
    shim = Cursors([], rest.home / "cursor.key")
    position = shim.read(token, CURVES, "demo").position
    for operation, tenant in (("GET /v1/curves/strips", "demo"), (CURVES, "rival")):
        foreign = shim.sign(Cursor(operation, tenant, position, False, {}))
        assert await refused(rest, cursor=foreign) == "Invalid cursor"
    assert await refused(rest, cursor=shim.sign(Cursor(CURVES, "demo", "elsewhere", False, {}))) == "Invalid cursor"


async def test_the_first_of_the_ways_to_say_where_counts(rest: Rest) -> None:
    pages = [await rest.answer(limit=2)]
    for _ in range(2):
        pages.append(await rest.answer(limit=2, cursor=pages[-1]["meta"]["next_cursor"]))
    first, second, third = (page["data"] for page in pages)
    to_second, to_third = (page["meta"]["next_cursor"] for page in pages[:2])
    back_to_second = pages[2]["meta"]["prev_cursor"]
    for query, expected in (
        ({"since_cursor": to_second}, second),
        ({"cursor": to_third, "since_cursor": to_second}, third),
        ({"prev_cursor": back_to_second, "cursor": to_third, "since_cursor": "x", "offset": 1}, second),
        ({"cursor": to_third, "offset": 1}, third),
        ({"cursor": back_to_second}, second),  # it goes where it was made for
        ({"prev_cursor": to_third}, [*first, *second][1:3]),  # and this parameter always back
        ({"offset": 4}, third),
        ({"offset": 6}, []),
        ({"cursor": "", "offset": 2}, second),
    ):
        assert await rest.rows(limit=2, **query) == expected, query


async def test_a_key_is_made_once_and_kept_for_its_owner(tmp_path: Path) -> None:
    file = tmp_path / "home" / "cursor.key"
    cursor = Cursor(CURVES, "demo", "p", False, {"iso": "pjm"})
    with ThreadPoolExecutor(8) as threads:
        tokens = set(threads.map(lambda _: Cursors([], file).sign(cursor), range(8)))
    assert len(tokens) == 1
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [path.name for path in file.parent.iterdir()] == ["cursor.key"]
    assert Cursors([], file).read(tokens.pop(), CURVES, "demo") == cursor


def test_a_new_key_signs_and_the_old_ones_are_accepted(tmp_path: Path) -> None:
    file = tmp_path / "cursor.key"
    cursor = Cursor(CURVES, "demo", "p", True, {})
    old = [Cursors([], file).sign(cursor), Cursors([OLD], file).sign(cursor)]
    changed = Cursors([NEW, OLD], file)
    assert changed.sign(cursor) not in old
    assert [changed.read(token, CURVES, "demo") for token in old] == [cursor] * 2
    with pytest.raises(InvalidCursor):
        Cursors([NEW], file).read(old[1], CURVES, "demo")


async def test_it_outlives_the_server(migrated_sqlite_url: str, tmp_path: Path) -> None:
    async with served(migrated_sqlite_url, tmp_path) as rest:
        await rest.publish("2025-02-12", (TTF, prices([1.0, 2.0])))
        token = (await rest.answer(limit=1))["meta"]["next_cursor"]
    async with served(migrated_sqlite_url, tmp_path) as rest:
        assert [row["mid"] for row in await rest.rows(cursor=token)] == [2.0]


async def test_even_long_names_fit_into_a_cursor(rest: Rest) -> None:
    names = {"location": "Marine Fuel 0.5% FOB Singapore vs Brent 1st Line, second of its name", "product": "p" * 100}
    cursor = Cursor(CURVES, "demo", "x" * 270, False, {"curve_key": TTF.legacy_key, "block": "b" * 60, **names})
    assert len(Cursors([OLD], Path("unused")).sign(cursor)) < 600
