"""Registered documents are made ready before they are asked for, and others do not push them out."""

from __future__ import annotations

from typing import Any

import pytest

from aurum.graphql import admission, documents
from aurum.graphql.admission import ANSWERED, Admission
from aurum.graphql.columnar import plans
from aurum.graphql.execution import Schema
from aurum.graphql.registered import Registered
from aurum.graphql.requests import Asked
from aurum.settings import GraphQLSettings
from tests.graphql import desk as desks
from tests.graphql.desk import Desk

CONFIG = desks.schema(config={"disable_field_suggestions": True}).config
QUERY = """query Board($s: Boolean!, $n: Int! = 3) {
    curves { text @skip(if: $s) ...Points } curve { history(count: $n) { place } }
}
fragment Points on Curve { newest { points { side text } } }"""
PLAIN = "{ curves { place newest { points { place side } } } }"


@pytest.fixture
def schema() -> Schema:
    return Schema(query=desks.Query, types=[desks.Point], config=CONFIG)


def no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    """From now on nothing is parsed, planned or priced."""

    def never(*_: Any, **__: Any) -> Any:
        raise AssertionError("it should have been ready")

    monkeypatch.setattr(documents, "parse", never)
    monkeypatch.setattr(documents, "validate", never)
    monkeypatch.setattr(admission, "bill", never)
    monkeypatch.setattr(plans.Planner, "plan", never)


@pytest.mark.parametrize(
    ("text", "variables"), [(PLAIN, {}), (QUERY, {"s": True}), (QUERY, {"s": False}), (QUERY, {"s": False, "n": 1})]
)
async def test_the_first_request_finds_everything_ready(
    schema: Schema, monkeypatch: pytest.MonkeyPatch, text: str, variables: dict[str, Any]
) -> None:
    expected = (await Schema(query=desks.Query, types=[desks.Point], config=CONFIG).execute(
        text, context_value=Desk(), variable_values=variables)).data  # fmt: skip
    asked = Admission(schema, GraphQLSettings())
    asked.warm(text)
    no_more(monkeypatch)
    assert asked.cost(Asked(text, None, variables), ANSWERED, "1")
    result = await schema.execute(text, context_value=Desk(), variable_values=variables)
    assert result.errors is None
    assert result.data == expected


async def test_others_do_not_push_registered_documents_out(schema: Schema, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(documents, "_MOST_BYTES", 50_000)
    small = Schema(query=desks.Query, types=[desks.Point], config=CONFIG)
    first = small.document("{ curve { place } }")
    warm = small.warm(PLAIN)
    for number in range(100):
        small.document(f"{{ a{number}: curve {{ place }} }}")
    assert small.document(PLAIN) is warm
    assert small.document("{ curve { place } }") is not first


async def test_what_is_not_valid_is_warmed_without_plans(schema: Schema) -> None:
    document = schema.warm("{ nonsense }")
    assert document.errors
    Admission(schema, GraphQLSettings()).warm("{ nonsense }")


def test_what_has_too_many_conditions_is_planned_when_it_is_asked_for(schema: Schema) -> None:
    declared = ", ".join(f"$v{n}: Boolean!" for n in range(4))
    fields = " ".join(f"a{n}: curve @skip(if: $v{n}) {{ place }}" for n in range(4))
    schema.register([Registered("many", f"query ({declared}) {{ {fields} }}")])
    assert not schema.warm(schema.registered["many"].document)._plans
