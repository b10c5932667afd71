"""A scenario merged into another one, with every conflict shown before anything is kept."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Annotated, Any

import strawberry
from strawberry.scalars import JSON

from aurum.errors import Conflict, InvalidInput
from aurum.graphql.enums import publish_enum
from aurum.graphql.ids import row_of
from aurum.graphql.sizes import sized, weighing
from aurum.market.counts import counted
from aurum.metadata.graphql import Problem, problem_of
from aurum.scenarios.graphql.arguments import (
    WRONG,
    Info,
    ScenarioDriver,
    ScenarioIssue,
    driver_of,
    told_of,
    wrong,
)
from aurum.scenarios.graphql.scenarios import Scenario, ScenarioVersion, scenario_of, version_of
from aurum.scenarios.repository import merging
from aurum.scenarios.repository.merges import PlannedMerge, Wanted
from aurum.scenarios.repository.merging import Side
from aurum.scenarios.repository.service import Kept

publish_enum(
    Side,
    "A side of a merge.",
    {"OURS": "The scenario that is merged into.", "THEIRS": "The scenario that is merged."},
    name="MergeSide",
)


@strawberry.type(description="What the common version and both sides say of a field; null: nothing, or it is removed.")
class MergeField:
    path: str = strawberry.field(
        description="In documents: `drivers.0.payload.percent`, `filter.markets`, `as_of`. Drivers count from 0, those "
        "of the common version first, then those that ours has added, then those that theirs has."
    )
    base: JSON | None = strawberry.field(description="In the common version.")
    ours: JSON | None = strawberry.field(description="In the scenario that is merged into.")
    theirs: JSON | None = strawberry.field(description="In the scenario that is merged.")


@strawberry.type(description="What a merge makes, or would make.")
class ScenarioMerge:
    conflicts: list[MergeField] = strawberry.field(
        description="What both have changed, and not to the same: to be decided by `resolve`.", directives=[sized(5)]
    )
    changes: list[MergeField] = strawberry.field(
        description="What the scenario that is merged into takes of the other one.", directives=[sized(10)]
    )
    drivers: list[ScenarioDriver] = strawberry.field(
        description="What comes out; where a conflict is open, with ours.", directives=[sized(10)]
    )
    up_to_date: bool = strawberry.field(description="Whether all of the source is in the target already.")
    source: ScenarioVersion = strawberry.field(description="What is merged.")
    target: Scenario = strawberry.field(description="What it is merged into, as it was before.")
    common_version: int = strawberry.field(description="The newest version that both come from, of `commonScenario`.")
    planned: strawberry.Private[PlannedMerge]

    @strawberry.field(description="The scenario of the common version; null where it is deleted.")
    async def common_scenario(self, info: Info) -> Scenario | None:
        found = await info.context.load(info.context.scenarios.scenarios, self.planned.common[0])
        return None if found is None else scenario_of(found)


@strawberry.input(description="What becomes of a conflict.")
class MergeDecisionInput:
    path: str = strawberry.field(
        description="Its path, or one above it, as `drivers.0` or `drivers`; of two the longer one holds."
    )
    take: Side = strawberry.field(description="Which side is taken.")


@strawberry.input(description="A scenario to merge into another one that it has a version in common with.")
class MergeScenarioInput:
    source: strawberry.ID = strawberry.field(description="The scenario to merge; it stays as it is.")
    source_version: int | None = strawberry.field(default=None, description="Which version of it; null: the newest.")
    target: strawberry.ID | None = strawberry.field(default=None, description="Into which; null: its parent.")
    expected_version: int = strawberry.field(description="The target's newest version, as far as you know.")
    resolve: list[MergeDecisionInput] = strawberry.field(
        default_factory=list, description="What becomes of conflicts; each has to be decided."
    )
    reason: str = strawberry.field(description="Why; kept with the version.")


@strawberry.type(description="The target's new version; or what was wrong or is to be decided: then nothing changed.")
class MergePayload:
    scenario: Scenario | None = strawberry.field(description="The target; null where there are problems.")
    merge: ScenarioMerge | None = strawberry.field(description="What was merged, or the conflicts that are open.")
    issues: list[ScenarioIssue] = strawberry.field(
        description="What is to be known of the merged drivers; where they are refused, every reason.",
        directives=[sized(20)],
    )
    problems: list[Problem] = strawberry.field(
        description="Empty where it worked; CONFLICT where conflicts are open.", directives=[sized(1)]
    )


@strawberry.type
class MergeQuery:
    @strawberry.field(description="What `mergeScenario` would make. Nothing is kept.", directives=[weighing(200)])
    async def merge_preview(
        self, info: Info,
        source: Annotated[strawberry.ID, strawberry.argument(description="The scenario to merge.")],
        target: Annotated[strawberry.ID | None, strawberry.argument(
            description="Into which; null: its parent.")] = None,
        source_version: Annotated[int | None, strawberry.argument(
            description="Which version of it; null: the newest.")] = None,
        resolve: Annotated[list[MergeDecisionInput] | None, strawberry.argument(
            description="What becomes of conflicts.")] = None,
    ) -> ScenarioMerge:  # fmt: skip
        wanted = _wanted(source, target, source_version, resolve or ())
        return _merge_of(await info.context.scenario_merges.planned(info.context.principal, wanted))


@strawberry.type
class MergeMutation:
    @strawberry.mutation(
        description="Merges a scenario into another one: a new version of that one, unless a conflict is open.",
        directives=[weighing(200)],
    )
    async def merge_scenario(
        self, info: Info, input: Annotated[MergeScenarioInput, strawberry.argument(description="What into what.")]
    ) -> MergePayload:
        context = info.context
        try:
            wanted = _wanted(input.source, input.target, input.source_version, input.resolve)
            found = await context.scenario_merges.merge(context.principal, wanted, input.expected_version, input.reason)
        except WRONG as error:
            return MergePayload(scenario=None, merge=None, **wrong(error, ()))
        return _payload(*found)


def _wanted(
    source: str, target: str | None, version: int | None, resolve: Sequence[MergeDecisionInput]
) -> Wanted:  # fmt: skip
    decided = {each.path: each.take for each in resolve}
    if len(decided) < len(resolve):
        raise InvalidInput("a path is decided twice", field="resolve")
    return Wanted(
        row_of(source, "Scenario", "source"), None if target is None else row_of(target, "Scenario", "target"), version,
        decided,
    )  # fmt: skip


def _payload(planned: PlannedMerge, kept: Kept | None) -> MergePayload:
    merge = _merge_of(planned)
    if kept is None:
        why = f"{counted(len(merge.conflicts), 'open conflict')}: nothing was changed"
        hint = "Decide every one of `merge.conflicts` by its path, in `resolve`."
        problem = problem_of(Conflict(why, hint=hint, field="resolve"))
        return MergePayload(scenario=None, merge=merge, issues=[], problems=[problem])
    issues = told_of(kept.issues, kept.scenario.newest.definition.drivers)
    return MergePayload(scenario=scenario_of(kept.scenario), merge=merge, issues=issues, problems=[])


def _merge_of(planned: PlannedMerge) -> ScenarioMerge:
    merge = planned.merge
    return ScenarioMerge(
        conflicts=[_field_of(each) for each in merge.conflicts], changes=[_field_of(each) for each in merge.changes],
        drivers=[driver_of(each) for each in merge.definition.drivers], up_to_date=planned.there,
        source=version_of(planned.source), target=scenario_of(planned.target), common_version=planned.common[1],
        planned=planned,
    )  # fmt: skip


def _field_of(found: merging.MergeField) -> MergeField:
    return MergeField(path=found.path, base=_json(found.base), ours=_json(found.ours), theirs=_json(found.theirs))


def _json(value: Any) -> JSON | None:
    """Of a day and an instant their texts."""
    if value is None:
        return None
    return JSON(value.isoformat() if isinstance(value, date) else value)
