"""`/v1/metadata/dimensions` and the field `quoteFacets`: the rows of `/v1/curves`, counted. On both databases."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

import pytest

from tests.published import GERMAN, NBP, TTF
from tests.rest.conftest import Rest
from tests.rest.test_curves import quoted

NAMES = ("asset_class", "iso", "location", "market", "product", "block", "tenor_type")
FIRST, SECOND = "2025-02-12", "2025-02-13"


@pytest.fixture
async def market(rest: Rest) -> Rest:
    """Two days: a tenor goes, one is listed without a price, a curve has the first day alone, another shares a key."""
    nan, simple = float("nan"), replace(TTF, identity=replace(TTF.identity, vendor="SIMPLE"))
    first = {"2025-02": 1.0, "2025-03": 2.0, "Q2 2025": 3.0, "Cal-26": 4.0}
    await rest.publish(
        FIRST, (TTF, quoted(FIRST, first)), (GERMAN, quoted(FIRST, {"2025-03": 5.0})),
        (simple, quoted(FIRST, first | {"2025-09": 9.0})),
    )  # fmt: skip
    second = {"2025-03": nan, "2025-04": 2.5, "Q2 2025": 3.5}
    await rest.publish(SECOND, (TTF, quoted(SECOND, second)), (NBP, quoted(SECOND, {"2025-04": 8.0, "Bal 2025": 7.0})))
    return rest


async def dimensions(rest: Rest, **query: Any) -> Any:
    response = await rest.get("/v1/metadata/dimensions", **query)
    assert response.status_code == 200, response.text
    return response.json()


async def counted(rest: Rest, **query: Any) -> dict[str, list[dict[str, Any]]]:
    """What the rows of `/v1/curves` come to."""
    rows = (await rest.answer(limit=500, **query))["data"]
    curves = {each.legacy_key: each for each in (TTF, NBP, GERMAN)}
    found: dict[str, Counter[str]] = {name: Counter() for name in NAMES}
    for row in rows:
        curve = curves[row["curve_key"]]
        own = {"asset_class": curve.asset_class} | {name: getattr(curve.identity, name) for name in NAMES[1:-1]}
        for name, value in (own | {"tenor_type": row["tenor_type"]}).items():
            found[name] += Counter([value] if value else [])
    return {name: [{"value": each, "count": of[each]} for each in sorted(of)] for name, of in found.items()}


@pytest.mark.parametrize(
    "query",
    [{}, {"asof": FIRST}, {"asof": SECOND}, {"tenor_type": "MONTHLY"}, {"market": "eu"}, {"asof": "2024-01-01"},
     {"asof": FIRST, "tenor_type": "CALENDAR", "product": "gas"}],
    ids=str,
)  # fmt: skip
async def test_values_and_counts_are_those_of_the_rows(market: Rest, query: dict[str, Any]) -> None:
    wanted = await counted(market, **query)
    found = await dimensions(market, include_counts=True, **query)
    assert (found["counts"], list(found["data"])) == (wanted, list(NAMES))
    assert found["data"] == {name: [each["value"] for each in of] for name, of in wanted.items()}
    assert (await dimensions(market, **query))["counts"] is None


async def test_a_prefix_and_a_limit_are_of_each_dimension(market: Rest) -> None:
    found = (await dimensions(market, prefix="g"))["data"]
    assert (found["location"], found["product"], found["market"]) == (["German"], ["gas"], [])
    assert (await dimensions(market, prefix="mon"))["data"]["tenor_type"] == ["MONTHLY"]
    found = await dimensions(market, per_dim_limit=1, include_counts=True)
    assert {len(each) for each in found["data"].values()} <= {0, 1}
    assert found["counts"]["tenor_type"] == [{"value": "CALENDAR", "count": 1}]
    for wrong in ({"per_dim_limit": 0}, {"per_dim_limit": 5001}, {"tenor_type": "STRIP"}, {"include_counts": "often"},
                  {"known_at": FIRST}):  # fmt: skip
        assert (await market.get("/v1/metadata/dimensions", **wrong)).status_code == 422, wrong


async def test_facets_know_every_dimension_and_what_was_known_when(market: Rest) -> None:
    query = """query($knownAt: DateTime, $limit: Int! = 10) { quoteFacets(knownAt: $knownAt) {
        curveCount quoteCount tenorTypes { tenorType count }
        dimensions(names: [VENDOR, CURRENCY], limit: $limit) { dimension values { value count } } } }"""

    async def facets(**variables: Any) -> Any:
        answer = (await market.client.post("/graphql", json={"query": query, "variables": variables})).json()
        return answer["data"]["quoteFacets"] if answer.get("data") else answer["errors"][0]["extensions"]["code"]

    found = await facets()
    assert (found["curveCount"], found["quoteCount"]) == (4, 13)
    assert found["dimensions"][0]["values"] == [{"value": "EUGP", "count": 8}, {"value": "SIMPLE", "count": 5}]
    assert sum(each["count"] for each in found["tenorTypes"]) == 13
    assert (await facets(knownAt="2025-02-12T23:00:00Z"))["quoteCount"] == 10
    assert (await facets(knownAt="2025-02-11T23:00:00Z"))["tenorTypes"] == []
    assert await facets(limit=5001) == "BAD_USER_INPUT"
