"""Scenarios: what they say, in every version, and how they are made, changed, branched and put away."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import date, datetime
from typing import Annotated, Any

import strawberry
from strawberry.scalars import JSON
from strawberry.types.unset import UNSET

from aurum.curves.graphql import instant_of
from aurum.graphql.connections import After, Before, Connection, First, Last, connection, page_request
from aurum.graphql.enums import publish_enum
from aurum.graphql.ids import node_id, row_of
from aurum.graphql.nodes import Node
from aurum.graphql.sizes import PAGED, sized, weighing
from aurum.metadata.graphql import CurveFilter, Problem, filter_of
from aurum.scenarios.graphql.arguments import (
    WRONG,
    Info,
    ScenarioDriver,
    ScenarioIssue,
    driver_of,
    given_of,
    told_of,
    wrong,
)
from aurum.scenarios.graphql.drivers import DriverInput, DriverKind, documents_of, driver_kinds
from aurum.scenarios.model import Severity
from aurum.scenarios.repository import model
from aurum.scenarios.repository.model import Definition, ScenarioState, write_filter
from aurum.scenarios.repository.service import Kept

_WEIGHT = weighing(200)  # every curve is read, and the drivers are tried
_CHANGES = ("name", "description", "as_of", "known_at", "tags")

publish_enum(
    ScenarioState,
    "How it stands with a scenario.",
    {
        "CREATED": "Nothing was run of it yet.",
        "ACTIVE": "It has runs.",
        "ARCHIVED": "It is neither changed nor run any more; it can be branched.",
        "DELETED": "It is not shown any more.",
    },
)


@strawberry.type(description="What a scenario said from some time on. It never changes.")
class ScenarioVersion:
    version: int = strawberry.field(description="Counts from 1.")
    name: str = strawberry.field(description="What people call it.")
    description: str | None = strawberry.field(description="What it is about.")
    drivers: list[ScenarioDriver] = strawberry.field(
        description="What moves curves, in this order.", directives=[sized(10)]
    )
    filter: JSON = strawberry.field(description="The curves it looks at: conditions with their values; none: all.")
    as_of: date | None = strawberry.field(description="The as-of date it starts from; null: the newest one by then.")
    known_at: datetime | None = strawberry.field(
        description="As what was known at this instant (UTC); null: what is known when it is run."
    )
    tags: list[str] = strawberry.field(description="Words to find it by, sorted.")
    author: str = strawberry.field(description="Who said so.")
    reason: str | None = strawberry.field(description="Why.")
    created_at: datetime = strawberry.field(description="When (UTC).")
    merged_version: int | None = strawberry.field(description="The version of `merged` that was merged.")
    said: strawberry.Private[model.Version]

    @strawberry.field(description="What was merged into the version before; null: nothing, or it is deleted.")
    async def merged(self, info: Info) -> Scenario | None:
        if self.said.merged is None:
            return None
        found = await info.context.load(info.context.scenarios.scenarios, self.said.merged[0])
        return None if found is None else scenario_of(found)


@strawberry.type(description="A story about curves: drivers over the curves it looks at, in versions.")
class Scenario(Node):
    state: ScenarioState = strawberry.field(description="How it stands with it.")
    version: int = strawberry.field(description="Its newest version: what `updateScenario` expects.")
    name: str = strawberry.field(description="What people call it; no other one of the tenant is called so.")
    description: str | None = strawberry.field(description="What it is about.")
    tags: list[str] = strawberry.field(description="Words to find it by, sorted.")
    created_at: datetime = strawberry.field(description="When it was made (UTC).")
    created_by: str = strawberry.field(description="Who made it.")
    current: ScenarioVersion = strawberry.field(description="What it says: its newest version.")
    parent_version: int | None = strawberry.field(description="The version of `parent` that it branches from.")
    scenario: strawberry.Private[model.Scenario]

    @strawberry.field(description="All its versions, the newest first.", directives=[sized(10)])
    async def versions(self, info: Info) -> list[ScenarioVersion]:
        found = await info.context.load(info.context.scenarios.all_versions, self.scenario.id)
        return [version_of(each) for each in found or ()]

    @strawberry.field(description="The scenario it branches from; null: none, or it is deleted.")
    async def parent(self, info: Info) -> Scenario | None:
        if self.scenario.parent_id is None:
            return None
        found = await info.context.load(info.context.scenarios.scenarios, self.scenario.parent_id)
        return None if found is None else scenario_of(found)

    @strawberry.field(description="The scenarios that branch from it, newest first.", directives=[sized(10)])
    async def branches(self, info: Info) -> list[Scenario]:
        found = await info.context.load(info.context.scenarios.branches, self.scenario.id)
        return [scenario_of(each) for each in found or ()]


@strawberry.type(description="A page of scenarios.")
class ScenarioConnection(Connection[Scenario]):
    wanted: strawberry.Private[model.ScenarioFilter]

    @strawberry.field(description="How many scenarios fit, on all pages.")
    async def total_count(self, info: Info) -> int:
        return await info.context.scenarios.count(info.context.principal, self.wanted)


@strawberry.input(description="Chooses scenarios that fit every given condition.")
class ScenarioFilter:
    states: list[ScenarioState] | None = strawberry.field(
        default=None, description="Any of these states; null: all but deleted ones, which are never shown."
    )
    tags: list[str] | None = strawberry.field(default=None, description="All of these tags, in any case.")
    search: str | None = strawberry.field(
        default=None, description="Words that all occur in name, description or tags, anywhere, in any case."
    )


@strawberry.input(description="What a scenario shall say.")
class ScenarioInput:
    name: str = strawberry.field(description="What people call it.")
    description: str | None = strawberry.field(default=None, description="What it is about.")
    drivers: list[DriverInput] = strawberry.field(description="What moves curves, in this order.")
    filter: CurveFilter | None = strawberry.field(default=None, description="The curves it looks at; null: all.")
    as_of: date | None = strawberry.field(default=None, description="Null: the newest as-of date, when it is run.")
    known_at: datetime | None = strawberry.field(default=None, description="Null: what is known when it is run.")
    tags: list[str] = strawberry.field(default_factory=list, description="Words to find it by.")
    reason: str | None = strawberry.field(default=None, description="Why; kept with the version.")


@strawberry.input(description="What may be said in another way.")
class ScenarioChanges:
    description: str | None = strawberry.field(default=UNSET, description="What it is about.")
    drivers: list[DriverInput] | None = strawberry.field(default=UNSET, description="All of them, in order.")
    filter: CurveFilter | None = strawberry.field(default=UNSET, description="The curves it looks at; null: all.")
    as_of: date | None = strawberry.field(default=UNSET, description="Null: the newest as-of date.")
    known_at: datetime | None = strawberry.field(default=UNSET, description="Null: what is known when it is run.")
    tags: list[str] | None = strawberry.field(default=UNSET, description="All of them.")


@strawberry.input(description="What a scenario shall say from now on. What is left out stays as it is.")
class UpdateScenarioInput(ScenarioChanges):
    id: strawberry.ID = strawberry.field(description="The scenario.")
    expected_version: int = strawberry.field(description="Its newest version, as far as you know: else CONFLICT.")
    reason: str = strawberry.field(description="Why; kept with the version.")
    name: str | None = strawberry.field(default=UNSET, description="What people call it.")


@strawberry.input(description="A scenario that begins as another one. What is left out is as there.")
class BranchScenarioInput(ScenarioChanges):
    id: strawberry.ID = strawberry.field(description="The scenario to branch from.")
    version: int | None = strawberry.field(default=None, description="Which of its versions; null: the newest.")
    name: str = strawberry.field(description="What people call the new one.")
    reason: str = strawberry.field(description="Why; kept with its first version.")


@strawberry.input(description="A scenario to put away.")
class PutAwayScenarioInput:
    id: strawberry.ID = strawberry.field(description="The scenario.")


@strawberry.type(description="What is to be said about a scenario before anything is kept or run.")
class ScenarioValidation:
    valid: bool = strawberry.field(description="Whether none of the issues is an ERROR.")
    issues: list[ScenarioIssue] = strawberry.field(description="The errors first.", directives=[sized(20)])


@strawberry.type(description="The scenario, or what was wrong: then nothing was changed.")
class ScenarioPayload:
    scenario: Scenario | None = strawberry.field(description="Null where there are problems.")
    issues: list[ScenarioIssue] = strawberry.field(
        description="What is to be known of its drivers; where they are refused, every reason.", directives=[sized(20)]
    )
    problems: list[Problem] = strawberry.field(description="Empty where it worked.", directives=[sized(1)])


Given = Annotated[ScenarioInput, strawberry.argument(description="What it shall say.")]


@strawberry.type
class ScenarioQuery:
    @strawberry.field(description="One scenario; null where there is none.")
    async def scenario(
        self, info: Info, id: Annotated[strawberry.ID, strawberry.argument(description="Its id.")]
    ) -> Scenario | None:
        found = await info.context.load(info.context.scenarios.scenarios, row_of(id, "Scenario"))
        return None if found is None else scenario_of(found)

    @strawberry.field(description="Scenarios of the tenant, newest first.", directives=[PAGED])
    async def scenarios(
        self, info: Info,
        filter: Annotated[ScenarioFilter | None, strawberry.argument(description="Which; null: all.")] = None,
        first: First = None, after: After = None, last: Last = None, before: Before = None,
    ) -> ScenarioConnection:  # fmt: skip
        request = page_request("scenarios", first, after, last, before)
        context, wanted = info.context, _wanted(filter)
        page = await context.scenarios.page(context.principal, wanted, request)
        return connection(ScenarioConnection, "scenarios", page, scenario_of, wanted=wanted)

    @strawberry.field(
        description="What is wrong with a scenario, or probably not meant. Nothing is kept.", directives=[_WEIGHT]
    )
    async def validate_scenario(self, info: Info, input: Given) -> ScenarioValidation:
        said = _definition(input)
        issues = await info.context.scenarios.validate(info.context.principal, said)
        return ScenarioValidation(
            valid=all(each.severity is not Severity.ERROR for each in issues),
            issues=told_of(issues, said.drivers),
        )

    @strawberry.field(description="Every type of driver, with its formula and an example.", directives=[sized(15)])
    def driver_kinds(self) -> list[DriverKind]:
        return driver_kinds()


@strawberry.type
class ScenarioMutation:
    @strawberry.mutation(description="Keeps a new scenario.", directives=[_WEIGHT])
    async def create_scenario(self, info: Info, input: Given) -> ScenarioPayload:
        context, said = info.context, _definition(input)
        return await _answered(lambda: context.scenarios.create(context.principal, said, input.reason), said.drivers)

    @strawberry.mutation(description="A new version of a scenario; the old ones stay.", directives=[_WEIGHT])
    async def update_scenario(
        self, info: Info, input: Annotated[UpdateScenarioInput, strawberry.argument(description="What changes.")]
    ) -> ScenarioPayload:
        context, changes = info.context, _changes(input)
        return await _answered(
            lambda: context.scenarios.update(
                context.principal, row_of(input.id, "Scenario"), input.expected_version, changes, input.reason
            ),
            changes.get("drivers", ()),
        )

    @strawberry.mutation(description="Keeps a new scenario that begins as another one.", directives=[_WEIGHT])
    async def branch_scenario(
        self, info: Info, input: Annotated[BranchScenarioInput, strawberry.argument(description="What changes.")]
    ) -> ScenarioPayload:
        context, changes = info.context, _changes(input)
        return await _answered(
            lambda: context.scenarios.branch(
                context.principal, row_of(input.id, "Scenario"), input.version, changes, input.reason
            ),
            changes.get("drivers", ()),
        )

    @strawberry.mutation(description="Archives a scenario: it is neither changed nor run any more.")
    async def archive_scenario(
        self, info: Info, input: Annotated[PutAwayScenarioInput, strawberry.argument(description="Which.")]
    ) -> ScenarioPayload:
        context = info.context
        return await _answered(lambda: context.scenarios.archive(context.principal, row_of(input.id, "Scenario")))

    @strawberry.mutation(description="Deletes a scenario: it is not shown any more. Its runs stay what they are.")
    async def delete_scenario(
        self, info: Info, input: Annotated[PutAwayScenarioInput, strawberry.argument(description="Which.")]
    ) -> ScenarioPayload:
        context = info.context
        return await _answered(lambda: context.scenarios.delete(context.principal, row_of(input.id, "Scenario")))


def _wanted(wanted: ScenarioFilter | None) -> model.ScenarioFilter:
    if wanted is None:
        return model.ScenarioFilter()
    states = None
    if wanted.states is not None:
        states = tuple(each for each in wanted.states if each is not ScenarioState.DELETED)
    return model.ScenarioFilter(states, None if wanted.tags is None else tuple(wanted.tags), search=wanted.search)


def _definition(input: ScenarioInput) -> Definition:
    return Definition(
        input.name, input.description, documents_of(input.drivers), filter_of(input.filter), input.as_of,
        instant_of(input.known_at), tuple(input.tags),
    )  # fmt: skip


def _changes(input: Any) -> Mapping[str, Any]:
    """Fields of a definition. Null is no name, and means none of the lists."""
    found = given_of(input, _CHANGES)
    if "name" in found:
        found["name"] = found["name"] or ""
    if "tags" in found:
        found["tags"] = tuple(found["tags"] or ())
    if "known_at" in found:
        found["known_at"] = instant_of(found["known_at"])
    if input.drivers is not UNSET:
        found["drivers"] = documents_of(input.drivers or ())
    if input.filter is not UNSET:
        found["curves"] = filter_of(input.filter)
    return found


async def _answered(
    use_case: Callable[[], Awaitable[Kept | model.Scenario]], documents: Sequence[Any] = ()
) -> ScenarioPayload:
    """`documents`: the drivers that were given, which issues are about."""
    try:
        found = await use_case()
    except WRONG as error:
        return ScenarioPayload(scenario=None, **wrong(error, documents))
    scenario, issues = (found, ()) if isinstance(found, model.Scenario) else found
    told = told_of(issues, scenario.newest.definition.drivers)
    return ScenarioPayload(scenario=scenario_of(scenario), issues=told, problems=[])


def version_of(version: model.Version) -> ScenarioVersion:
    said = version.definition
    return ScenarioVersion(
        version=version.version, name=said.name, description=said.description,
        drivers=[driver_of(each) for each in said.drivers], filter=JSON(write_filter(said.curves)), as_of=said.as_of,
        known_at=said.known_at, tags=list(said.tags), author=version.author, reason=version.reason,
        created_at=version.created_at, merged_version=version.merged and version.merged[1], said=version,
    )  # fmt: skip


def scenario_of(scenario: model.Scenario) -> Scenario:
    said = scenario.newest.definition
    return Scenario(
        id=node_id("Scenario", scenario.id), state=scenario.state, version=scenario.newest.version, name=said.name,
        description=said.description, tags=list(said.tags), created_at=scenario.created_at,
        created_by=scenario.created_by, current=version_of(scenario.newest), parent_version=scenario.parent_version,
        scenario=scenario,
    )  # fmt: skip
