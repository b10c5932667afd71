"""What the public auditor graphql-cop looks for, asked of a server in production: it finds nothing, at any severity."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from tests.api.test_production import app as app

Found = Callable[[Any], Any]
DEEP = "{ __schema { types { fields { type { fields { type { fields { type { fields { name } } } } } } } } } }"
CIRCLE = "{ __schema { ...A } } fragment A on __Schema { __typename ...B } fragment B on __Schema { ...A }"
POSTED: dict[str, tuple[Any, Found]] = {
    "aliases": ("{ " + " ".join(f"a{n}: __typename" for n in range(101)) + " }", lambda it: it["data"]["a100"]),
    "fields again and again": ("{ " + "__typename " * 500 + "}", lambda it: it["data"]["__typename"]),
    "an error for each directive": ("{ __typename " + "@aa" * 10 + " }", lambda it: len(it["errors"]) == 10),
    "circular introspection": (DEEP, lambda it: it["data"]),
    "a circular fragment": (CIRCLE, lambda it: "errors" not in it),
    "introspection": ("{ __schema { types { name } } }", lambda it: it["data"]),
    "suggestions": ("{ __schema { directive } }", lambda it: "Did you mean" in str(it)),
    "tracing": ("{ __typename }", lambda it: it["extensions"] or "stacktrace" in str(it).lower()),
    "an error that nobody handles": ("qwerty cop { abc }", lambda it: "exception" in str(it)),
}


async def answers(response: httpx.Response, found: Found) -> bool:
    try:
        return bool(found(response.json()))
    except (KeyError, TypeError, ValueError):
        return False


@pytest.mark.parametrize("name", POSTED)
async def test_nothing_is_found_in_what_is_posted(client: httpx.AsyncClient, name: str) -> None:
    query, found = POSTED[name]
    assert not await answers(await client.post("/graphql", json={"query": query}), found)


async def test_nothing_is_found_elsewhere(client: httpx.AsyncClient) -> None:
    def typename(it: Any) -> Any:
        return it["data"]["__typename"]

    query = {"query": "{ __typename }"}
    assert (await client.post("/graphql", json=query)).json()["data"] == {"__typename": "Query"}  # it is there
    assert not await answers(await client.post("/graphql", json=[query] * 11), lambda it: it[0]["data"] or it["data"])
    assert not await answers(await client.get("/graphql", params=query), typename)
    assert not await answers(await client.get("/graphql", params={"query": "mutation { __typename }"}), typename)
    assert not await answers(await client.post("/graphql", params=query), typename)
    assert not await answers(await client.post("/graphql", data=query), typename)
    for path in ("/graphiql", "/playground", "/console", "/graphql"):
        assert "GraphiQL" not in (await client.get(path)).text
