"""What is kept of a scenario."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from aurum.errors import InvalidInput
from aurum.market.identity import alike, collapse, fold
from aurum.metadata.model import CurveFilter
from aurum.scenarios.documents import read_drivers
from aurum.scenarios.drivers import EVERY_CURVE, Driver
from aurum.scenarios.model import Issue

Key = tuple[int, int]  # scenario, version
LONGEST_NAME, LONGEST_TEXT, LONGEST_TAG, MOST_TAGS = 255, 4_000, 64, 50


class ScenarioState(StrEnum):
    CREATED = "CREATED"
    ACTIVE = "ACTIVE"
    ARCHIVED = "ARCHIVED"
    DELETED = "DELETED"


@dataclass(frozen=True, slots=True)
class Definition:
    """What a scenario says. `drivers` are documents; None of `as_of` and `known_at`: what is newest when it is run."""

    name: str
    description: str | None = None
    drivers: tuple[Any, ...] = ()
    curves: CurveFilter = EVERY_CURVE
    as_of: date | None = None
    known_at: datetime | None = None
    tags: tuple[str, ...] = ()

    @property
    def slug(self) -> str:
        """Two scenarios of a tenant do not have the same one."""
        return alike(self.name)

    @property
    def search(self) -> str:
        return fold(" ".join(filter(None, (self.name, self.description, *self.tags))))

    def read(self) -> tuple[tuple[Driver, ...], list[Issue]]:
        """Its drivers, or every issue that can be seen without curves."""
        return read_drivers(self.drivers) if self.drivers else ((), [])


@dataclass(frozen=True, slots=True)
class Version:
    """`author` said it at `created_at` (UTC), for a reason. `version` counts from 1.

    `merged`: the version of another scenario that was merged into the version before.
    """

    scenario_id: int
    version: int
    definition: Definition
    author: str
    reason: str | None
    created_at: datetime
    merged: Key | None = None


@dataclass(frozen=True, slots=True)
class Scenario:
    """`newest` is its newest version. It branches from a version of `parent_id`."""

    id: int
    state: ScenarioState
    newest: Version
    parent_id: int | None
    parent_version: int | None
    created_at: datetime
    created_by: str


@dataclass(frozen=True, slots=True)
class ScenarioFilter:
    """Scenarios that fit every given condition (None: any); `tags`: all of them. `search` word by word, anywhere."""

    states: tuple[ScenarioState, ...] | None = None
    tags: tuple[str, ...] | None = None
    search: str | None = None


def tidied(given: Definition) -> dict[str, Any]:
    """Its texts without needless blanks, as fields of a definition. Raises InvalidInput, with the field."""
    name, description = collapse(given.name), (given.description or "").strip() or None
    tags = tuple(sorted({fold(tag): collapse(tag) for tag in reversed(given.tags)}.values()))
    if not 0 < len(name) <= LONGEST_NAME:
        raise InvalidInput(f"a name has 1 to {LONGEST_NAME} characters", field="name")
    if len(description or "") > LONGEST_TEXT:
        raise InvalidInput(f"a description has at most {LONGEST_TEXT} characters", field="description")
    if len(tags) > MOST_TAGS or not all(0 < len(tag) <= LONGEST_TAG for tag in tags):
        raise InvalidInput(f"at most {MOST_TAGS} tags, of 1 to {LONGEST_TAG} characters each", field="tags")
    return {"name": name, "description": description, "tags": tags}


def check_reason(reason: str, *, needed: bool = True) -> None:
    if needed and not reason.strip():
        raise InvalidInput("a reason is needed: it is kept", field="reason")
    if len(reason.strip()) > LONGEST_TEXT:
        raise InvalidInput(f"a reason has at most {LONGEST_TEXT} characters", field="reason")


def write_filter(curves: CurveFilter) -> dict[str, Any]:
    given = {each.name: getattr(curves, each.name) for each in fields(curves)}
    return {name: _plain(value) for name, value in given.items() if value is not None}


def read_filter(document: Mapping[str, Any]) -> CurveFilter:
    lists: dict[str, Any] = {name: tuple(each) if isinstance(each, list) else each for name, each in document.items()}
    return CurveFilter(**lists)


def _plain(value: Any) -> Any:
    return [str(each) for each in value] if isinstance(value, tuple) else value
