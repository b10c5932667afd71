"""schema.graphql is what the code says, and every word of it is explained."""

from __future__ import annotations

from pathlib import Path

from graphql import build_schema, is_enum_type, is_specified_scalar_type

from aurum.schema import printed

FILE = Path(__file__).parents[2] / "schema.graphql"


def test_the_printed_schema_is_up_to_date() -> None:
    assert FILE.read_text() == printed(), "run `make schema`"


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
