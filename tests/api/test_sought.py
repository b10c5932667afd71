"""Long texts and lists to look for: refused, or answered for no more than they are worth."""

from __future__ import annotations

import time
from typing import Any

import pytest

from aurum.services import Services
from tests.api.conftest import Ask
from tests.api.test_limits import ATTEMPTS, allowed
from tests.api.test_scenarios import created

SEARCHES = {
    "curves": "query($text: String) { curves(search: $text) { totalCount } }",
    "dimensions": "query($text: String) { dimensions(search: $text) { dimension } }",
    "runs": "query($text: String) { ingestionRuns(search: $text) { totalCount } }",
    "files": "query($text: String) { sourceFiles(search: $text) { nodes { id } } }",
    "scenarios": "query($text: String) { scenarios(filter: {search: $text}) { totalCount } }",
}
PREFIXED = {
    "aliases": "query($text: String!) { locationAliases(prefix: $text) { nodes { text } } }",
    "units": "query($text: String!) { unitMappings(prefix: $text) { text } }",
    "dimensions": "query($text: String!) { dimensions(prefix: $text) { values { value } } }",
    "quotes": "query($text: String!) { quoteFacets { dimensions(prefix: $text) { values { value } } } }",
}
LONG = {"a word": "a" * 60_000, "words": " ".join(f"w{n}" for n in range(180)), "ligatures": "\ufdfa" * 20_000}


async def cpu_share(ask: Ask, query: str, **variables: Any) -> float:
    """Of what is allowed to who is refused; the best of some attempts counts."""
    used = []
    for _ in range(ATTEMPTS):
        most, started = allowed(), time.process_time()
        await ask(query, **variables)
        used.append((time.process_time() - started) / most)
        if used[-1] <= 1:
            break
    return min(used)


@pytest.mark.parametrize("text", LONG.values(), ids=LONG)
@pytest.mark.parametrize("query", SEARCHES.values(), ids=SEARCHES)
async def test_nobody_searches_for_so_much(ask: Ask, query: str, text: str) -> None:
    answer = await ask(query, text=text)
    assert [error["extensions"]["code"] for error in answer["errors"]] == ["BAD_USER_INPUT"]
    assert answer["errors"][0]["extensions"]["field"] == "search"


@pytest.mark.parametrize("query", SEARCHES.values(), ids=SEARCHES)
async def test_the_longest_search_costs_little(ask: Ask, query: str) -> None:
    text = " ".join(f"w{n:07}" for n in range(100))
    assert "errors" not in await ask(query, text=text)
    assert await cpu_share(ask, query, text=text) <= 1


@pytest.mark.parametrize("query", PREFIXED.values(), ids=PREFIXED)
async def test_a_long_prefix_costs_little(loaded: Services, ask: Ask, query: str) -> None:
    text = "a " * 100_000
    assert "errors" not in await ask(query, text=text)
    assert await cpu_share(ask, query, text=text) <= 1


async def test_a_thousand_tags_cost_little(loaded: Services, ask: Ask) -> None:
    made = await created(ask, tags=["winter", "gas"])
    query = "query($tags: [String!]) { scenarios(filter: {tags: $tags}) { nodes { id } } }"
    for tags, found in [(["Gas", "gas", "WINTER"], [made]), (["gas", "summer"], []), ([], [made])]:
        assert (await ask(query, tags=tags))["data"]["scenarios"]["nodes"] == [{"id": each["id"]} for each in found]
    many = [f"tag {n}" for n in range(1000)]
    assert (await ask(query, tags=many))["data"]["scenarios"]["nodes"] == []
    assert await cpu_share(ask, query, tags=many) <= 1
