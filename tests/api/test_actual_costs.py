"""What an answer really cost, on either database: as many objects as it has."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from aurum.services import Services

POINTS = """query($points: Boolean = true) { curves(first: 3) { nodes { key currency { code } snapshot {
    points @include(if: $points) { mid } again: points { tenor } source { name } } } } }"""


def objects(answer: Any) -> int:
    if isinstance(answer, list):
        return sum(map(objects, answer))
    return 1 + sum(map(objects, answer.values())) if isinstance(answer, dict) else 0


@pytest.mark.parametrize(
    ("query", "variables"),
    [
        (POINTS, {}),
        (POINTS, {"points": False}),
        (
            "{ curves(last: 2) { ...F edges { node { leg { key } } } } } fragment F on CurveConnection { totalCount }",
            {},
        ),
        ('{ a: units { code } curve(key: "nobody") { snapshot { points { mid } } } viewer { name } }', {}),
        ("{ ingestionRuns { nodes { findings { code } file { name } ... on Node { id } } } }", {}),
        ("{ quotes(first: 7) { nodes { curve { key } mid } } }", {}),
    ],
)
async def test_the_actual_cost_is_that_of_the_objects_answered(
    client: httpx.AsyncClient, loaded: Services, query: str, variables: dict[str, Any]
) -> None:
    for _ in range(2):  # the second time from what is kept
        response = await client.post(
            "/graphql", json={"query": query, "variables": variables}, headers={"x-show-cost": "true"}
        )
        answer = response.json()
        cost = answer["extensions"]["cost"]
        assert cost["actual"] == objects(answer["data"]) - 1 > 0
        assert cost["actual"] <= cost["estimated"]
