"""Runs of scenarios: asked for, cancelled, looked for, followed."""

from __future__ import annotations

from collections.abc import AsyncIterable, Awaitable, Callable
from datetime import date, datetime
from typing import Annotated

import strawberry

from aurum.backends.events import Event
from aurum.curves.graphql import EventsAfter, instant_of
from aurum.errors import NotFound
from aurum.graphql.connections import After, Before, Connection, First, Last, connection, page_request
from aurum.graphql.ids import row_of
from aurum.graphql.sizes import PAGED, sized, weighing
from aurum.graphql.streams import Feed
from aurum.metadata.graphql import Problem
from aurum.scenarios.graphql.arguments import (
    WRONG,
    Info,
    ScenarioIssue,
    wrong,
)
from aurum.scenarios.graphql.runs import ScenarioRun, run_of
from aurum.scenarios.graphql.simulation import SimulationInput, asked_of
from aurum.scenarios.runs import model
from aurum.scenarios.runs.model import SCENARIO_RUN, Priority, RunState


@strawberry.type(description="A page of runs.")
class ScenarioRunConnection(Connection[ScenarioRun]):
    wanted: strawberry.Private[model.RunFilter]

    @strawberry.field(description="How many runs fit, on all pages.")
    async def total_count(self, info: Info) -> int:
        return await info.context.scenario_runs.count(info.context.principal, self.wanted)


@strawberry.type(description="A run changed its state, or got further.")
class ScenarioRunEvent:
    cursor: str = strawberry.field(description="Pass it as `after` to go on behind this event.")
    state: RunState = strawberry.field(description="The state it went into, or is in.")
    progress: float = strawberry.field(description="How far it was by then, from 0 to 1.")
    curve_count: int = strawberry.field(description="How many of its curves could be read by then.")
    occurred_at: datetime = strawberry.field(description="When (UTC).")
    run_row: strawberry.Private[int]

    @strawberry.field(description="The run as it was read for this event: never older than it.")
    async def run(self, info: Info) -> ScenarioRun:
        found = await info.context.load(info.context.scenario_runs.runs, self.run_row)
        if found is None:
            raise NotFound("run not found")
        return run_of(found)


@strawberry.input(description="Chooses runs that fit every given condition.")
class ScenarioRunFilter:
    scenario: strawberry.ID | None = strawberry.field(default=None, description="Runs of this scenario.")
    states: list[RunState] | None = strawberry.field(default=None, description="Any of these states.")


@strawberry.input(description="What every run is asked for with.")
class RunTerms:
    scenario: strawberry.ID = strawberry.field(description="The scenario.")
    version: int | None = strawberry.field(default=None, description="Which of its versions; null: the newest.")
    as_of: date | None = strawberry.field(
        default=None, description="The newest as-of date on or before this one; null: as the scenario says."
    )
    known_at: datetime | None = strawberry.field(
        default=None, description="As it was known at this instant; null: as the scenario says, else now."
    )
    seed: int = strawberry.field(default=0, description="Of what is drawn by chance; not negative.")
    priority: Priority = strawberry.field(default=Priority.NORMAL, description="How soon it is taken.")
    time_limit_seconds: int = strawberry.field(default=3_600, description="How long it may take: 1 to 86,400.")
    idempotency_key: str | None = strawberry.field(
        default=None, description="Of this tenant: 1 to 255 letters, digits and `_-.:/`. Decides first."
    )
    simulation: SimulationInput | None = strawberry.field(
        default=None,
        description="What to simulate around each run's curves; null: nothing. Of a batch 10 runs at most.",
    )


@strawberry.input(
    description="A run. The same again is answered with the run that is there: by its key, or by what it would be "
    "computed from, unless that one has failed, was cancelled or took too long."
)
class RunScenarioInput(RunTerms):
    pass


@strawberry.input(description="A run that waits or is under way.")
class CancelScenarioRunInput:
    id: strawberry.ID = strawberry.field(description="The run.")


@strawberry.type(description="The run, which goes on behind the answer, or what was wrong.")
class ScenarioRunPayload:
    run: ScenarioRun | None = strawberry.field(description="Null where there are problems.")
    issues: list[ScenarioIssue] = strawberry.field(
        description="Where what it would start from is refused, every reason.", directives=[sized(5)]
    )
    problems: list[Problem] = strawberry.field(description="Empty where it worked.", directives=[sized(1)])


RunId = Annotated[strawberry.ID, strawberry.argument(description="The run's id.")]


@strawberry.type
class ScenarioRunQuery:
    @strawberry.field(description="One run of a scenario; null where there is none.")
    async def scenario_run(self, info: Info, id: RunId) -> ScenarioRun | None:
        found = await info.context.load(info.context.scenario_runs.runs, row_of(id, "ScenarioRun"))
        return None if found is None else run_of(found)

    @strawberry.field(description="Runs of scenarios, newest first.", directives=[PAGED])
    async def scenario_runs(
        self, info: Info,
        filter: Annotated[ScenarioRunFilter | None, strawberry.argument(description="Which; null: all.")] = None,
        first: First = None, after: After = None, last: Last = None, before: Before = None,
    ) -> ScenarioRunConnection:  # fmt: skip
        request = page_request("scenario runs", first, after, last, before)
        context, wanted = info.context, _wanted(filter)
        page = await context.scenario_runs.page(context.principal, wanted, request)
        return connection(ScenarioRunConnection, "scenario runs", page, run_of, wanted=wanted)


@strawberry.type
class ScenarioRunMutation:
    @strawberry.mutation(
        description="Queues a run of a scenario; answers with the run at once.", directives=[weighing(1000)]
    )
    async def run_scenario(
        self, info: Info, input: Annotated[RunScenarioInput, strawberry.argument(description="Which, and how.")]
    ) -> ScenarioRunPayload:
        context = info.context
        return await _answered(lambda: context.scenario_runs.submit(context.principal, request_of(input)))

    @strawberry.mutation(description="Ends a run that waits or is under way: nothing of it is kept.")
    async def cancel_scenario_run(
        self, info: Info, input: Annotated[CancelScenarioRunInput, strawberry.argument(description="The run.")]
    ) -> ScenarioRunPayload:
        context = info.context
        return await _answered(lambda: context.scenario_runs.cancel(context.principal, row_of(input.id, "ScenarioRun")))


@strawberry.type
class ScenarioRunSubscription:
    @strawberry.subscription(description="How a run of a scenario goes on, or all runs: every step once and in order.")
    async def scenario_run(
        self, info: Info,
        id: Annotated[strawberry.ID | None, strawberry.argument(description="The run; null: all runs.")] = None,
        after: EventsAfter = None,
    ) -> AsyncIterable[ScenarioRunEvent]:  # fmt: skip
        principal, row = info.context.principal, None if id is None else row_of(id, "ScenarioRun")
        log = info.context.scenario_runs.events(principal)
        return Feed.of_one(log, principal, after, SCENARIO_RUN, "scenario_run_id", row, _run_event)


async def _answered(use_case: Callable[[], Awaitable[model.Run]]) -> ScenarioRunPayload:
    try:
        return ScenarioRunPayload(run=run_of(await use_case()), issues=[], problems=[])
    except WRONG as error:
        return ScenarioRunPayload(run=None, **wrong(error, ()))


def _run_event(event: Event) -> ScenarioRunEvent:
    told = event.payload
    return ScenarioRunEvent(
        cursor=str(event.cursor), state=RunState(told["state"]), progress=told["progress"],
        curve_count=told.get("curves", 0), occurred_at=event.occurred_at, run_row=told["scenario_run_id"],
    )  # fmt: skip


def request_of(input: RunTerms) -> model.Request:
    return model.Request(
        row_of(input.scenario, "Scenario", "scenario"), input.version, input.as_of, instant_of(input.known_at),
        input.seed, input.priority, input.time_limit_seconds, input.idempotency_key, asked_of(input.simulation),
    )  # fmt: skip


def _wanted(wanted: ScenarioRunFilter | None) -> model.RunFilter:
    if wanted is None:
        return model.RunFilter()
    scenario = None if wanted.scenario is None else row_of(wanted.scenario, "Scenario", "filter.scenario")
    return model.RunFilter(scenario, None if wanted.states is None else tuple(wanted.states))
