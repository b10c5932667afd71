"""The review list: what is new waits until somebody has looked at it."""

from __future__ import annotations

from typing import Any

import pytest

from aurum.auth import Principal, Scope
from aurum.services import Services
from aurum.settings import Settings
from tests.api.conftest import Ask
from tests.statements import statements_from_here

REVIEW = """mutation($ids: [ID!]!, $reason: String!) { reviewCurves(input: {ids: $ids, reason: $reason}) {
    curves { key review { author reason } } problems { code field message } } }"""
TTF, NBP = "eugp:eu/dutch_ttf/gas", "eugp:uk/nbp/gas"


async def waiting(ask: Ask, reviewed: str = "false") -> dict[str, str]:
    """Key to id of the curves that wait, or of those that do not."""
    query = f"{{ curves(filter: {{reviewed: {reviewed}}}, first: 500) {{ totalCount nodes {{ id key }} }} }}"
    page = (await ask(query))["data"]["curves"]
    found = {node["key"]: node["id"] for node in page["nodes"]}
    assert len(found) == page["totalCount"]
    return found


async def review(ask: Ask, ids: list[str], reason: str = "as the vendor describes it") -> dict[str, Any]:
    payload: dict[str, Any] = (await ask(REVIEW, ids=ids, reason=reason))["data"]["reviewCurves"]
    return payload


@pytest.mark.usefixtures("loaded")
async def test_new_curves_wait_until_somebody_has_looked_at_them(ask: Ask) -> None:
    new = await waiting(ask)
    assert len(new) > 80
    assert (await ask(f'{{ curve(key: "{TTF}") {{ review {{ author }} }} }}'))["data"]["curve"] == {"review": None}
    payload = await review(ask, [new[TTF], new[NBP], new[TTF]])
    seen = {"author": "developer", "reason": "as the vendor describes it"}
    assert payload == {"curves": [{"key": key, "review": seen} for key in (TTF, NBP)], "problems": []}
    assert set(await waiting(ask)) == set(new) - {TTF, NBP}
    assert set(await waiting(ask, "true")) == {TTF, NBP}
    assert await waiting(ask, "null") == new
    again = await review(ask, [new[TTF]], "once more")
    assert again["curves"][0]["review"]["reason"] == "once more"
    assert len(await waiting(ask, "true")) == 2


@pytest.mark.usefixtures("loaded")
async def test_all_are_reviewed_or_none(ask: Ask) -> None:
    ids = list((await waiting(ask)).values())
    unknown = "Q3VydmU6OTk5OTk5"  # Curve:999999
    for given, reason, field in (([], "why", "ids"), (ids[:1], " ", "reason"), ([ids[0], unknown], "why", "ids")):
        payload = await review(ask, given, reason)
        assert payload["curves"] == []
        assert [problem["field"] for problem in payload["problems"]] == [field]
    (problem,) = (await review(ask, ["nonsense"]))["problems"]
    assert problem["code"] == "BAD_USER_INPUT"
    assert len(await waiting(ask)) == len(ids)


async def test_a_tenant_has_a_list_of_its_own_and_reviewing_needs_a_scope(
    ask: Ask, loaded: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    new = await waiting(ask)
    rival = Principal("rival", "eve", frozenset(Scope))
    monkeypatch.setattr("aurum.app.authenticate", lambda *_: rival)
    assert (await review(ask, [new[TTF]]))["problems"][0]["code"] == "NOT_FOUND"
    assert await waiting(ask) == {}
    reader = Principal(Settings().auth.tenant, "carl", frozenset(Scope) - {Scope.CURVES_WRITE})
    monkeypatch.setattr("aurum.app.authenticate", lambda *_: reader)
    (error,) = (await ask(REVIEW, ids=[new[TTF]], reason="why"))["errors"]
    assert error["extensions"]["code"] == "FORBIDDEN"
    assert await waiting(ask) == new


async def test_a_page_of_curves_reads_their_reviews_together(ask: Ask, loaded: Services) -> None:
    statements = statements_from_here(loaded.database)
    nodes = (await ask("{ curves(first: 50) { nodes { review { author } } } }"))["data"]["curves"]["nodes"]
    assert len(nodes) == 50
    selects = [statement for statement in statements if statement.lstrip().startswith("SELECT")]
    assert len(selects) == 3, selects  # the newest event, curves, reviews
