"""A scenario brought to another as-of date, and what changes by that."""

from __future__ import annotations

import asyncio
from datetime import date, datetime
from typing import Annotated

import strawberry

from aurum.curves.analytics.comparisons import Bucket, By
from aurum.curves.graphql import Curve, curve_of, instant_of
from aurum.graphql.ids import row_of
from aurum.graphql.sizes import sized, weighing
from aurum.metadata.graphql import Problem
from aurum.scenarios.graphql.arguments import WRONG, Info, ScenarioIssue, told_of, wrong
from aurum.scenarios.graphql.comparison import HowMany, RunDifference, differences_of, first_of
from aurum.scenarios.graphql.scenarios import Scenario, scenario_of
from aurum.scenarios.repository.rebasing import PlannedRebase, Start


@strawberry.type(description="What changes where a scenario starts from another as-of date.")
class ScenarioRebase:
    as_of_before: date = strawberry.field(description="The as-of date that it started from.")
    known_at_before: datetime | None = strawberry.field(description="As what was known then (UTC); null: now.")
    as_of: date = strawberry.field(description="The as-of date that it starts from.")
    known_at: datetime | None = strawberry.field(description="As what is known then (UTC); null: now.")
    new_issues: list[ScenarioIssue] = strawberry.field(
        description="Issues that it did not have before.", directives=[sized(5)]
    )
    gone_issues: list[ScenarioIssue] = strawberry.field(
        description="Issues that it does not have any more.", directives=[sized(5)]
    )
    total_count: int | None = strawberry.field(
        description="How many differences there are; null where it cannot be run at one of the starts."
    )
    planned: strawberry.Private[PlannedRebase]

    @strawberry.field(
        description="What has moved, the largest first: `values` are two, before and there, each with its base, its "
        "price in the scenario, and what each driver did.",
        directives=[sized(50, "first")],
    )
    async def differences(self, first: HowMany = 50) -> list[RunDifference]:
        planned = self.planned
        return await asyncio.to_thread(differences_of, planned.differences or (), planned.curves, first)

    @strawberry.field(description="Curves that have no prices any more.", directives=[sized(5, "first")])
    def lost(self, first: HowMany = 50) -> list[Curve]:
        return [curve_of(each) for each in first_of(self.planned.lost, first)]

    @strawberry.field(description="Curves that had no prices before.", directives=[sized(5, "first")])
    def added(self, first: HowMany = 50) -> list[Curve]:
        return [curve_of(each) for each in first_of(self.planned.added, first)]


@strawberry.input(description="A scenario and the start that it gets.")
class RebaseScenarioInput:
    id: strawberry.ID = strawberry.field(description="The scenario.")
    as_of: date = strawberry.field(description="The as-of date that it starts from: one that has prices.")
    known_at: datetime | None = strawberry.field(default=None, description="Null: what is known when it is run.")
    expected_version: int = strawberry.field(description="Its newest version, as far as you know: else CONFLICT.")
    reason: str = strawberry.field(description="Why; kept with the version.")


@strawberry.type(description="The scenario's new version, and what it changes; or what was wrong: then nothing was.")
class RebasePayload:
    scenario: Scenario | None = strawberry.field(description="Null where there are problems.")
    rebase: ScenarioRebase | None = strawberry.field(description="What changes; null where there are problems.")
    issues: list[ScenarioIssue] = strawberry.field(
        description="What is to be known of it there; where it is refused, every reason.", directives=[sized(20)]
    )
    problems: list[Problem] = strawberry.field(description="Empty where it worked.", directives=[sized(1)])


@strawberry.type
class RebaseQuery:
    @strawberry.field(
        description="What `rebaseScenario` would change: both starts are computed. Nothing is kept.",
        directives=[weighing(500)],
    )
    async def rebase_preview(
        self, info: Info,
        id: Annotated[strawberry.ID, strawberry.argument(description="The scenario.")],
        as_of: Annotated[date, strawberry.argument(description="The as-of date that it would start from.")],
        known_at: Annotated[datetime | None, strawberry.argument(
            description="Null: what is known when it is run.")] = None,
        bucket: Annotated[Bucket, strawberry.argument(description="By which deliveries.")] = Bucket.ALL,
        by: Annotated[By, strawberry.argument(description="How large a difference is.")] = By.ABSOLUTE,
    ) -> ScenarioRebase:  # fmt: skip
        context, start = info.context, Start(as_of, instant_of(known_at))
        row = row_of(id, "Scenario")
        return _rebase_of(await context.scenario_rebases.planned(context.principal, row, start, bucket, by))


@strawberry.type
class RebaseMutation:
    @strawberry.mutation(
        description="A new version of a scenario that starts from another as-of date, and what changes by that.",
        directives=[weighing(500)],
    )
    async def rebase_scenario(
        self, info: Info, input: Annotated[RebaseScenarioInput, strawberry.argument(description="Where to.")]
    ) -> RebasePayload:
        context = info.context
        try:
            start, row = Start(input.as_of, instant_of(input.known_at)), row_of(input.id, "Scenario")
            rebase, kept = await context.scenario_rebases.rebase(
                context.principal, row, start, input.expected_version, input.reason
            )
        except WRONG as error:
            return RebasePayload(scenario=None, rebase=None, **wrong(error, ()))
        issues = told_of(kept.issues, kept.scenario.newest.definition.drivers)
        return RebasePayload(
            scenario=scenario_of(kept.scenario), rebase=_rebase_of(rebase), issues=issues, problems=[]
        )  # fmt: skip


def _rebase_of(planned: PlannedRebase) -> ScenarioRebase:
    documents = planned.definition.drivers
    return ScenarioRebase(
        as_of_before=planned.before.as_of, known_at_before=planned.before.known_at, as_of=planned.there.as_of,
        known_at=planned.there.known_at, new_issues=told_of(planned.new, documents),
        gone_issues=told_of(planned.gone, documents),
        total_count=None if planned.differences is None else len(planned.differences), planned=planned,
    )  # fmt: skip
