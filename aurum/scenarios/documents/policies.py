"""Policies as documents: `{name, version, description, source, effects: [driver ...]}`."""

from __future__ import annotations

from typing import Any

from aurum.scenarios.documents.drivers import read_drivers
from aurum.scenarios.documents.reading import Reader, Unreadable
from aurum.scenarios.documents.writing import write_driver
from aurum.scenarios.model import Issue
from aurum.scenarios.policies import PRIMITIVES, PolicyVersion

_TEXTS = ("name", "description", "source")


def read_policy(document: Any) -> tuple[PolicyVersion | None, list[Issue]]:
    """The policy, or every issue, below `policy`. Its effects are primitives: policies do not hold one another."""
    reader = Reader()
    found = reader.tried(_read, reader, document, "policy")
    return (None if reader.issues else found), reader.issues


def _read(reader: Reader, document: Any, path: str) -> PolicyVersion:
    given = reader.object(document, path)
    reader.only(given, path, (*_TEXTS, "version", "effects"))
    name, description, source = (reader.text(given.get(each), f"{path}.{each}") for each in _TEXTS)
    version = reader.integer(given.get("version"), f"{path}.version")
    if version < 1:
        raise reader.refuse("OUT_OF_RANGE", "versions count from 1", f"{path}.version")
    effects, issues = read_drivers(given.get("effects"), f"{path}.effects")
    reader.issues.extend(issues)
    primitives = tuple(each for each in effects if isinstance(each, PRIMITIVES))
    if len(primitives) < len(effects):
        reader.refuse("NOT_A_PRIMITIVE", "a policy is made of primitives", f"{path}.effects", "Such as shift or scale.")
    if reader.issues:
        raise Unreadable
    return PolicyVersion(name, version, description, source, primitives)


def write_policy(policy: PolicyVersion) -> dict[str, Any]:
    texts = {each: getattr(policy, each) for each in _TEXTS}
    return {**texts, "version": policy.version, "effects": [write_driver(each) for each in policy.effects]}
