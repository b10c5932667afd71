"""The field `quotes`, which the shim's lists of points are made of. On SQLite and on PostgreSQL."""

from __future__ import annotations

import base64
from dataclasses import replace
from typing import Any

import orjson
import pytest

from aurum.auth import Scope
from aurum.backends.paging import PageRequest
from aurum.curves.quotes import QuotesWanted
from aurum.errors import Forbidden
from aurum.metadata.model import CurveFilter
from tests.published import GERMAN, NBP, RIVAL, TTF, prices
from tests.rest.conftest import Rest

QUERY = """query($asOf: Date, $knownAt: DateTime, $one: Boolean! = false, $first: Int, $after: String, $last: Int,
        $before: String, $offset: Int! = 0, $types: [TenorType!]) {
    quotes(asOf: $asOf, knownAt: $knownAt, onePerLegacyKey: $one, first: $first, after: $after, last: $last,
           before: $before, offset: $offset, tenorTypes: $types) {
      pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
      nodes { curve { key vendor } asOf label tenor tenorType deliveryStart deliveryEnd mid bid ask cell } } }"""


async def ask(rest: Rest, **variables: Any) -> Any:
    response = await rest.client.post("/graphql", json={"query": QUERY, "variables": variables})
    answer = response.json()
    return answer["data"]["quotes"] if answer.get("data") else answer["errors"][0]


async def mids(rest: Rest, **variables: Any) -> list[float]:
    return [node["mid"] for node in (await ask(rest, **variables))["nodes"]]


async def test_a_quote_says_where_it_stands(rest: Rest) -> None:
    await rest.publish("2025-02-12", (TTF, prices([50.0])))
    assert (await ask(rest))["nodes"] == [
        {
            "curve": {"key": "eugp:eu/dutch_ttf/gas", "vendor": "EUGP"},
            "asOf": "2025-02-12",
            "label": "2025-03",
            "tenor": "2025-03",
            "tenorType": "MONTH",
            "deliveryStart": "2025-03-01",
            "deliveryEnd": "2025-04-01",
            "mid": 50.0,
            "bid": 49.95,
            "ask": 50.05,
            "cell": "Fixed Prices - Mid!D12",
        }
    ]
    assert (await ask(rest, types=[]))["nodes"] == []


async def test_as_it_was_known(rest: Rest) -> None:
    await rest.publish("2025-02-12", (TTF, prices([50.0, 51.0])))
    await rest.publish("2025-02-13", (TTF, prices([60.0, 61.0])))
    await rest.publish("2025-02-13", (TTF, prices([60.5])), published_at="2025-02-14 09:00")
    assert await mids(rest) == [60.5, 51.0]
    assert await mids(rest, knownAt="2025-02-14T08:59:59Z") == [60.0, 61.0]
    assert await mids(rest, knownAt="2025-02-12T23:00:00Z") == [50.0, 51.0]
    assert await mids(rest, knownAt="2025-02-12T22:00:00Z") == []
    assert await mids(rest, asOf="2025-02-13", knownAt="2025-02-13T23:00:00Z") == [60.0, 61.0]
    assert await mids(rest, asOf="2025-02-13", knownAt="2025-02-12T23:00:00Z") == []


async def test_curves_that_share_a_legacy_key_stand_side_by_side_or_not(rest: Rest) -> None:
    simple = replace(TTF, identity=replace(TTF.identity, vendor="SIMPLE"))
    await rest.publish("2025-02-12", (TTF, prices([1.0, 2.0])), (simple, prices([3.0, 4.0])))
    assert await mids(rest) == [1.0, 2.0, 3.0, 4.0]
    assert await mids(rest, one=True) == [1.0, 2.0]
    for limit in (1, 2, 3):
        page = await ask(rest, last=limit)
        back = [page["nodes"]]
        while page["pageInfo"]["hasPreviousPage"]:
            page = await ask(rest, last=limit, before=page["pageInfo"]["startCursor"])
            back.insert(0, page["nodes"])
            assert page["pageInfo"]["hasNextPage"]
        assert [node["mid"] for nodes in back for node in nodes] == [1.0, 2.0, 3.0, 4.0]


async def test_what_cannot_be_asked(rest: Rest) -> None:
    await rest.publish("2025-02-12", (TTF, prices([50.0])))
    tampered = [
        ["quotes", "x"],
        ["quotes", "a", 1, "b", "c", "d"],
        ["quotes", "a", 2**63, "b", {"on": "2025-01-01"}, {"on": "2025-01-01"}],
        ["quotes", "a", 1, "b", {"at": "2025-01-01T00:00:00"}, {"on": "2025-01-01"}],
        ["curves key", "a"],
    ]
    for content in tampered:
        after = base64.urlsafe_b64encode(orjson.dumps(content)).decode()
        assert (await ask(rest, after=after))["extensions"]["code"] == "INVALID_CURSOR"
    for wrong in ({"offset": -1}, {"first": 501}, {"knownAt": "2025-02-12T22:00:00"}, {"first": 1, "last": 1}):
        assert (await ask(rest, **wrong))["extensions"]["code"] == "BAD_USER_INPUT"


async def test_only_the_own_tenant_and_only_with_the_scope(rest: Rest) -> None:
    await rest.publish("2025-02-12", (TTF, prices([50.0])), (NBP, prices([120.0])), (GERMAN, prices([80.0])))
    service, wanted = rest.services.curves.quotes, QuotesWanted(CurveFilter())
    assert len((await service.page(rest.principal, wanted, PageRequest(10))).items) == 3
    assert (await service.page(RIVAL, wanted, PageRequest(10))).items == []
    writer = replace(RIVAL, scopes=frozenset({Scope.CURVES_WRITE}))
    with pytest.raises(Forbidden):
        await service.page(writer, wanted, PageRequest(10))


async def test_a_text_that_no_database_can_hold(rest: Rest) -> None:
    await rest.publish("2025-02-12", (TTF, prices([50.0])))
    for text in ("\x00", "\ufffe", "'", "\U0001f600", "ﬁ" * 400):
        response = await rest.get(location=text)
        assert response.status_code in (200, 422)
