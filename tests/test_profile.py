"""In production the schema is not told, unless somebody says so."""

from __future__ import annotations

import pytest

from aurum.settings import GraphQLSettings, Settings

SWITCHES = ("introspection", "suggestions", "graphiql", "get")


def switches(settings: Settings) -> tuple[bool, ...]:
    return tuple(getattr(settings.exposed, name) for name in SWITCHES)


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, (True, True, True, True)),
        ({"SERVER__HOST": "localhost"}, (True, True, True, True)),
        ({"SERVER__HOST": "::1"}, (True, True, True, True)),
        ({"SERVER__HOST": "0.0.0.0"}, (False, False, False, False)),
        ({"SERVER__HOST": "::"}, (False, False, False, False)),
        ({"SERVER__HOST": "aurum.internal"}, (False, False, False, False)),
        ({"PROFILE": "production"}, (False, False, False, False)),
        ({"PROFILE": "development", "SERVER__HOST": "0.0.0.0"}, (True, True, True, True)),
        ({"PROFILE": "production", "GRAPHQL__INTROSPECTION": "true"}, (True, False, False, False)),
        ({"PROFILE": "production", "GRAPHQL__GRAPHIQL": "true"}, (False, False, True, False)),
        ({"GRAPHQL__INTROSPECTION": "false"}, (False, False, True, True)),
        ({"GRAPHQL__INTROSPECTION": "false", "GRAPHQL__SUGGESTIONS": "true"}, (False, True, True, True)),
    ],
)
def test_what_tells_of_the_schema_is_off_in_production(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], expected: tuple[bool, ...]
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(f"AURUM_{name}", value)
    assert switches(Settings()) == expected


def test_other_settings_stay_as_they_are() -> None:
    settings = Settings(profile="production", graphql=GraphQLSettings(max_depth=3))
    assert (settings.exposed.max_depth, settings.exposed.introspection) == (3, False)
