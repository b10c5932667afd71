"""Operations as the schema executes them, and their answers on the wire."""

from __future__ import annotations

from typing import Any

import httpx
import orjson
import pytest
import strawberry
from graphql import OperationType as Kind
from strawberry.exceptions import MissingQueryError
from strawberry.extensions import SchemaExtension
from strawberry.schema.exceptions import CannotGetOperationTypeError, InvalidOperationTypeError
from strawberry.types.graphql import OperationType

from aurum.errors import NotFound
from aurum.graphql.columnar.records import EncodedRows, RecordBatch
from aurum.graphql.endpoint import Endpoint
from aurum.graphql.errors import MASKED, Errors
from aurum.graphql.execution import Schema
from aurum.graphql.limits import limits
from aurum.graphql.requests import Asked
from aurum.settings import GraphQLSettings
from tests.graphql import desk as desks
from tests.graphql.desk import Desk

CONFIG = desks.schema(config={"disable_field_suggestions": True}).config


@strawberry.type
class Mutation:
    @strawberry.mutation
    def rename(self, name: str) -> str:
        if name == "":
            raise NotFound("no such curve", hint="Give it a name.")
        return name


@pytest.fixture
def schema() -> Schema:
    extensions = [Errors, *limits(GraphQLSettings(max_depth=4, max_tokens=100, introspection=False))]
    return Schema(query=desks.Query, mutation=Mutation, types=[desks.Point], config=CONFIG, extensions=extensions)


async def errors(schema: Schema, query: str, **named: Any) -> list[tuple[str, Any]]:
    result = await schema.execute(query, context_value=Desk(), **named)
    assert result.data is None or all(value is None for value in result.data.values())
    return [(error.message, (error.extensions or {}).get("code")) for error in result.errors or ()]


async def test_an_operation_is_chosen_by_its_name(schema: Schema) -> None:
    query = "query A { curve { place } } query B { curves { text } }"
    result = await schema.execute(query, context_value=Desk(), operation_name="A")
    assert result.data == {"curve": {"place": 0}}
    assert await errors(schema, query) == [
        ("Must provide operation name if query contains multiple operations.", "GRAPHQL_INVALID")
    ]
    with pytest.raises(CannotGetOperationTypeError):
        await schema.execute(query, context_value=Desk(), operation_name="C")
    with pytest.raises(MissingQueryError):
        await schema.execute("", context_value=Desk())


async def test_the_same_words_are_answered_for_whoever_asks(schema: Schema) -> None:
    """The executor of an operation is kept with its variables, but nothing of the context."""
    query = "query ($count: Int! = 3) { curves(count: $count) { place } }"
    for count in (1, 2, 3):
        for variables in ({}, {"count": 2}, {"count": 1}):
            result = await schema.execute(query, context_value=Desk(curve_count=count), variable_values=variables)
            assert len(result.data["curves"]) == min(count, variables.get("count", 3))
    refused = await schema.execute(query, context_value=Desk(), variable_values={"count": "x"})
    assert "has invalid value" in refused.errors[0].message


async def test_an_operation_of_another_type_is_not_executed(schema: Schema) -> None:
    only = {OperationType.QUERY}
    for query in ('mutation { rename(name: "a") }', 'query A { __typename } mutation M { rename(name: "a") }'):
        with pytest.raises(InvalidOperationTypeError):
            await schema.execute(query, context_value=Desk(), allowed_operation_types=only)
    result = await schema.execute('mutation { rename(name: "a") }', context_value=Desk())
    assert result.data == {"rename": "a"}


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("{ curve { place", "Syntax Error: Expected Name, found <EOF>."),
        ("{ curv { place } }", "Cannot query field 'curv' on type 'Query'."),
        ("{ curve { snapshot { best { text } } newest { best { text } } edges { node { best { text } } } } }",
         "the operation has more than 4 levels"),
        ("{ " + "curves { place } " * 40 + "}",
         "Syntax Error: Document contains more than 100 tokens. Parsing aborted."),
        ("{ __schema { types { name } } }", None),
        ("query ($place: Int!) { curve(place: $place) { text } }",
         "Variable '$place' has invalid value: Expected a value of non-null type 'Int!' to be provided."),
    ],
)  # fmt: skip
async def test_what_extensions_ask_holds_for_every_operation(schema: Schema, query: str, message: str | None) -> None:
    for _ in range(2):
        told, *_ = await errors(schema, query)
        assert told[1] == "GRAPHQL_INVALID"
        assert message in (None, told[0])


async def test_errors_are_told_with_their_code_or_masked(schema: Schema, caplog: pytest.LogCaptureFixture) -> None:
    assert await errors(schema, 'mutation { rename(name: "") }') == [("no such curve", "NOT_FOUND")]
    result = await schema.execute("{ curve { snapshot { text } } }", context_value=Desk(fails={"snapshot": 0}))
    assert result.data == {"curve": {"snapshot": None}}
    assert [error.message for error in result.errors or ()] == [MASKED]
    assert "no snapshot of 0" in caplog.text


def test_an_extension_that_execute_would_not_ask_is_refused() -> None:
    class Tracing(SchemaExtension):
        pass

    with pytest.raises(TypeError, match="Tracing would not be asked"):
        Schema(query=desks.Query, types=[desks.Point], config=CONFIG, extensions=[Tracing])


async def test_kept_rows_are_answered_as_json(schema: Schema, monkeypatch: pytest.MonkeyPatch) -> None:
    endpoint = Endpoint(schema, lambda connection: Desk(True, keep="same"), GraphQLSettings(), 10_000)
    query = "{ points { text } points2: points(place: 1) { number maybeText } }"
    expected = {
        "points": [{"text": f"T{n}"} for n in range(4)],
        "points2": [{"number": n + 0.5, "maybeText": None if n % 3 == 1 else f"T{n}"} for n in range(10, 14)],
    }
    result = await schema.execute(query, context_value=Desk(True, keep="same"))
    assert isinstance(result.data["points"], EncodedRows)
    monkeypatch.setattr(RecordBatch, "column", None)  # nothing but what is kept
    async with httpx.AsyncClient(transport=httpx.ASGITransport(endpoint), base_url="http://aurum") as client:
        response = await client.post("/", json={"query": query})
    assert response.json() == {"data": expected}
    context: Any = Desk(True, keep="same")  # nobody asks it who it is
    async for message in endpoint.runner.results(Asked(query), Kind.QUERY, context):
        assert orjson.loads(message.encoded) == {"data": expected}
