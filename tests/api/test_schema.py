"""schema.graphql is what the code says, and every word of it is explained."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest
from graphql import (
    build_client_schema,
    build_schema,
    get_introspection_query,
    is_enum_type,
    is_specified_scalar_type,
    lexicographic_sort_schema,
    print_schema,
)

from aurum.schema import printed

FILE = Path(__file__).parents[2] / "schema.graphql"


def test_the_printed_schema_is_up_to_date() -> None:
    assert FILE.read_text() == printed(), "run `make schema`"


@pytest.fixture
def migrated_url(migrated_sqlite_url: str) -> str:
    """A schema is the same on any database."""
    return migrated_sqlite_url


async def test_a_running_server_tells_the_printed_schema(client: httpx.AsyncClient) -> None:
    query = get_introspection_query(
        specified_by_url=True, directive_is_repeatable=True, input_value_deprecation=True, one_of=True
    )
    answer = (await client.post("/graphql", json={"query": query})).json()
    assert "errors" not in answer
    told = print_schema(lexicographic_sort_schema(build_client_schema(answer["data"])))
    # Introspection does not tell which directives a schema carries.
    assert told == print_schema(lexicographic_sort_schema(build_schema(FILE.read_text())))


def test_everything_is_described_to_the_last_argument() -> None:
    silent: list[str] = []
    for name, type_ in build_schema(FILE.read_text()).type_map.items():
        if name.startswith("__") or is_specified_scalar_type(type_):
            continue
        silent += [name] * (not type_.description)
        if is_enum_type(type_):
            silent += [f"{name}.{value}" for value, each in type_.values.items() if not each.description]
        for field_name, field in getattr(type_, "fields", {}).items():
            silent += [f"{name}.{field_name}"] * (not field.description)
            arguments = getattr(field, "args", {})
            silent += [f"{name}.{field_name}({each})" for each, it in arguments.items() if not it.description]
    assert silent == []
