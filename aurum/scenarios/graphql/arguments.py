"""What the fields of scenarios need of a request, and what they share."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Hashable, Iterable, Mapping, Sequence
from typing import Any, Protocol, TypeVar

import strawberry
from strawberry.scalars import JSON
from strawberry.types.unset import UNSET

from aurum.auth import Principal
from aurum.errors import AurumError, Conflict, InvalidInput, InvalidScenario, NotFound
from aurum.graphql.enums import publish_enum
from aurum.metadata.graphql import Problem, problem_of
from aurum.metadata.service import MetadataService
from aurum.scenarios import model
from aurum.scenarios.batches.service import BatchService
from aurum.scenarios.graphql.drivers import graphql_path
from aurum.scenarios.model import Severity
from aurum.scenarios.refusals import issues_of
from aurum.scenarios.registry import DRIVER_TYPES
from aurum.scenarios.repository.merges import MergeService
from aurum.scenarios.repository.rebasing import RebaseService
from aurum.scenarios.repository.service import ScenarioService
from aurum.scenarios.runs.attributing import AttributionService
from aurum.scenarios.runs.results import ResultService
from aurum.scenarios.runs.service import RunService
from aurum.scenarios.runs.simulations import SimulationService

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")
MOST_TOLD = 200  # issues: a scenario can name thousands of curves that are not there


class ScenarioContext(Protocol):
    """What these fields need of a request. `load` batches the calls of one operation."""

    @property
    def principal(self) -> Principal: ...
    @property
    def metadata(self) -> MetadataService: ...
    @property
    def scenarios(self) -> ScenarioService: ...
    @property
    def scenario_merges(self) -> MergeService: ...
    @property
    def scenario_rebases(self) -> RebaseService: ...
    @property
    def scenario_runs(self) -> RunService: ...
    @property
    def scenario_batches(self) -> BatchService: ...
    @property
    def scenario_results(self) -> ResultService: ...
    @property
    def scenario_simulations(self) -> SimulationService: ...
    @property
    def scenario_attribution(self) -> AttributionService: ...
    def load(
        self, batch: Callable[..., Awaitable[Mapping[K, V]]], key: K, **arguments: Hashable
    ) -> Awaitable[V | None]: ...


Info = strawberry.Info[ScenarioContext, None]

publish_enum(
    Severity,
    "How bad an issue of a scenario is.",
    {
        "ERROR": "Nothing is run or kept.",
        "WARNING": "It is run, and probably not what was meant.",
        "INFO": "Worth knowing.",
    },
    name="ScenarioIssueSeverity",
)


@strawberry.type(
    description="Something to mend, or to know, about a scenario. A list has the first 200 of them, the errors first."
)
class ScenarioIssue:
    severity: Severity = strawberry.field(description="How bad it is.")
    code: str = strawberry.field(description="Stable, for programs.")
    message: str = strawberry.field(description="In plain words.")
    path: str = strawberry.field(description="The field of the input that it is about: `drivers.0.scale.percent`.")
    suggestion: str | None = strawberry.field(description="A way out.")


@strawberry.type(description="A driver as it is kept.")
class ScenarioDriver:
    type: str = strawberry.field(description="Its type, such as `heat_rate`: see `driverKinds`.")
    name: str | None = strawberry.field(description="What weights, correlations and comparisons call it.")
    summary: str = strawberry.field(description="What its type does.")
    payload: JSON = strawberry.field(description="Its parameters, limits and name, as documents have them.")


def driver_of(document: Mapping[str, Any]) -> ScenarioDriver:
    payload, kind = document["payload"], document["driver_type"]
    return ScenarioDriver(
        type=kind, name=payload.get("name"), summary=DRIVER_TYPES[kind].summary, payload=JSON(payload)
    )


def told_of(issues: Iterable[model.Issue], documents: Sequence[Any], field: str = "drivers") -> list[ScenarioIssue]:
    """The first of them, the errors before the others. `documents` are what the input's `field` holds."""
    told = sorted(issues, key=lambda each: each.severity is not Severity.ERROR)[:MOST_TOLD]
    return [
        ScenarioIssue(
            severity=each.severity, code=each.code, message=each.message,
            path=graphql_path(each.path, documents, field), suggestion=each.suggestion,
        )
        for each in told
    ]  # fmt: skip


WRONG = (Conflict, InvalidInput, InvalidScenario, NotFound)  # what a person can mend


def wrong(error: AurumError, documents: Sequence[Any], field: str = "drivers") -> dict[str, Any]:
    """What a payload says of an error: `problems`, and of drivers every one of their issues."""
    if not isinstance(error, InvalidScenario):
        return {"problems": [problem_of(error)], "issues": []}
    issues = told_of(issues_of(error), documents, field)
    first = issues[0]
    problem = Problem(code=error.code, message=first.message, field=first.path, hint=first.suggestion)
    return {"problems": [problem], "issues": issues}


def given_of(input: Any, names: Sequence[str]) -> dict[str, Any]:
    """Those fields of an input that are given, null or not."""
    return {name: getattr(input, name) for name in names if getattr(input, name) is not UNSET}
