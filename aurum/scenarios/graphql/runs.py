"""A run of a scenario, and the curves that it has made, by driver."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Annotated, Any

import strawberry
from strawberry.scalars import JSON

from aurum.backends.paging import Page
from aurum.curves.graphql import Curve, CurveSnapshot, curve_of, snapshot_of
from aurum.errors import NotFound
from aurum.graphql.connections import After, Before, Connection, First, Last, connection, page_request
from aurum.graphql.enums import publish_enum
from aurum.graphql.ids import node_id, row_of
from aurum.graphql.nodes import Node
from aurum.graphql.sizes import PAGED, sized, weighing
from aurum.scenarios.attribution import MOST_DRIVERS
from aurum.scenarios.graphql.arguments import (
    Info,
    ScenarioDriver,
    ScenarioIssue,
    driver_of,
    told_of,
)
from aurum.scenarios.graphql.scenarios import Scenario, scenario_of
from aurum.scenarios.graphql.simulation import ScenarioSimulation, simulation_of
from aurum.scenarios.model import Contribution
from aurum.scenarios.repository.model import Version
from aurum.scenarios.runs import model
from aurum.scenarios.runs.drivers import documents_of
from aurum.scenarios.runs.model import Priority, RunState
from aurum.scenarios.runs.results import Told, there
from aurum.scenarios.variations import Variation

publish_enum(
    RunState,
    "How far a run of a scenario is.",
    {
        "QUEUED": "Waits for a worker.",
        "RUNNING": "A worker is at it.",
        "SUCCEEDED": "Its curves are there.",
        "FAILED": "Nothing of it is kept; the run says why.",
        "CANCELLED": "Somebody has cancelled it; nothing of it is kept.",
        "TIMEOUT": "It took longer than it may; nothing of it is kept.",
    },
    name="ScenarioRunState",
)
publish_enum(
    Priority,
    "Which runs are taken first; of the same priority the oldest.",
    {
        "LOW": "After all others.", "NORMAL": "As a rule.", "HIGH": "Before those.", "CRITICAL": "Before all others.",
    },
    name="ScenarioRunPriority",
)  # fmt: skip


@strawberry.type(description="How the drivers of a run differ from those of its scenario's version.")
class RunVariation:
    label: str = strawberry.field(description="In short.")
    driver: int = strawberry.field(description="Which driver of the version varies, from 0.")
    parameter: str | None = strawberry.field(description="Which of its parameters, as documents have it; null: none.")
    value: JSON | None = strawberry.field(description="What the parameter is.")
    weight: float = strawberry.field(description="What the driver's moves are multiplied with.")
    alone: bool = strawberry.field(description="Whether the other drivers are left out.")


@strawberry.type(description="What one driver did to a curve, in the curve's unit.")
class DriverContribution:
    position: int = strawberry.field(description="Which of the run's drivers, from 0.")
    driver: ScenarioDriver = strawberry.field(description="The driver.")
    tenor: list[str] = strawberry.field(description="The tenors of the curve.")
    amount: list[float | None] = strawberry.field(
        description="Parallel to them, what it added; null: not quoted. With the base's mid, all drivers' amounts, one "
        "after another, make the run's mid, to the last bit."
    )


@strawberry.type(description="A curve as a run has it, and how it came to be so.")
class ScenarioRunCurve:
    moved: bool = strawberry.field(description="Whether a driver has moved it.")
    partial: bool = strawberry.field(
        description="Whether the run is under way still. It will have these numbers if it succeeds; else it has none, "
        "and this is gone."
    )
    told: strawberry.Private[Told]
    drivers: strawberry.Private[Sequence[Any]]

    @strawberry.field(description="The curve.")
    async def curve(self, info: Info) -> Curve:
        found = await info.context.load(info.context.metadata.by_id, self.told.result.curve_id)
        if found is None:
            raise NotFound("curve not found")
        return curve_of(found)

    @strawberry.field(description="What the run has made of it: mids alone.")
    def snapshot(self) -> CurveSnapshot:
        return snapshot_of(self.told.snapshot, _known_at(self.told))

    @strawberry.field(description="What the run has started from: this version, whatever has become known since.")
    def base(self) -> CurveSnapshot:
        return snapshot_of(self.told.snapshot.base, _known_at(self.told))

    @strawberry.field(
        description="What each driver did to it, in the order of drivers; those that did nothing are left out.",
        directives=[sized(5)],
    )
    def contributions(self) -> list[DriverContribution]:
        return self._told(self.told.result.contributions)

    @strawberry.field(
        description="As `contributions`, and to the same total, whatever order the drivers are in: Shapley values, the "
        f"mean over all orders. Refused where more than {MOST_DRIVERS} drivers count for the curve: those that move "
        "it, or what it follows. Computed when it is asked for.",
        directives=[sized(5), weighing(40)],
    )
    async def shapley_contributions(self, info: Info) -> list[DriverContribution]:
        key = (self.told.result.run_id, self.told.result.curve_id)
        found = await info.context.load(info.context.scenario_attribution.without_order, key)
        return self._told(there(found or ()))

    def _told(self, contributions: Sequence[Contribution]) -> list[DriverContribution]:
        tenors = [tenor.label for tenor in self.told.snapshot.prices.tenors]
        return [
            DriverContribution(
                position=each.driver, driver=driver_of(self.drivers[each.driver]), tenor=tenors,
                amount=[None if value != value else value for value in each.amounts.tolist()],
            )
            for each in contributions
        ]  # fmt: skip


@strawberry.type(description="A page of the curves of a run.")
class ScenarioRunCurveConnection(Connection[ScenarioRunCurve]):
    pass


@strawberry.type(description="One computation of a version of a scenario: everything it depends on is pinned.")
class ScenarioRun(Node):
    state: RunState = strawberry.field(description="How far it is.")
    progress: float = strawberry.field(description="From 0 to 1.")
    version: int = strawberry.field(description="The version of the scenario that it runs.")
    as_of: date = strawberry.field(description="The newest as-of date of the curves that it has taken.")
    known_at: datetime = strawberry.field(description="As what was known at this instant (UTC) it has taken them.")
    seed: int = strawberry.field(description="Of what is drawn by chance.")
    priority: Priority = strawberry.field(description="How soon it is taken.")
    time_limit_seconds: int = strawberry.field(description="How long it may take.")
    idempotency_key: str | None = strawberry.field(description="The key that it was asked for with.")
    input_digest: str | None = strawberry.field(
        description="SHA-256 of everything that the answer depends on; null until it has succeeded."
    )
    output_digest: str | None = strawberry.field(
        description="SHA-256 of every mid and contribution: equal inputs have equal ones, on every machine."
    )
    requested_by: str = strawberry.field(description="Who asked for it.")
    created_at: datetime = strawberry.field(description="When it was queued (UTC).")
    started_at: datetime | None = strawberry.field(description="When the last worker took it up (UTC).")
    finished_at: datetime | None = strawberry.field(description="When it ended (UTC).")
    attempt: int = strawberry.field(description="How many workers have taken it up.")
    error_code: str | None = strawberry.field(description="Why it has no curves, for programs.")
    error: str | None = strawberry.field(description="Why it has none, in plain words.")
    hint: str | None = strawberry.field(description="How to mend it.")
    variation: RunVariation | None = strawberry.field(
        description="How its drivers differ from those of the scenario's version, in a sweep or a tornado; null: not."
    )
    run: strawberry.Private[model.Run]

    @strawberry.field(description="The scenario; null where it is deleted.")
    async def scenario(self, info: Info) -> Scenario | None:
        found = await info.context.load(info.context.scenarios.scenarios, self.run.scenario_id)
        return None if found is None else scenario_of(found)

    @strawberry.field(description="The drivers that it runs, in order.", directives=[sized(10)])
    async def drivers(self, info: Info) -> list[ScenarioDriver]:
        return [driver_of(each) for each in documents_of(self.run, await self._version(info))]

    @strawberry.field(description="What is to be known of it, or why it failed.", directives=[sized(10)])
    async def issues(self, info: Info) -> list[ScenarioIssue]:
        documents = documents_of(self.run, await self._version(info))
        return told_of(self.run.issues, documents)

    @strawberry.field(
        description="How many curves it has: those it looks at, and those its drivers refer to. While it is under way, "
        "how many can be read already."
    )
    async def curve_count(self, info: Info) -> int:
        return (await info.context.load(info.context.scenario_results.counts, self.run.id) or (0, 0))[0]

    @strawberry.field(description="How many of them a driver has moved.")
    async def moved_count(self, info: Info) -> int:
        return (await info.context.load(info.context.scenario_results.counts, self.run.id) or (0, 0))[1]

    @strawberry.field(
        description="Its curves, by their keys. While it is under way, those that are computed: they are `partial`.",
        directives=[PAGED],
    )
    async def curves(
        self, info: Info,
        moved: Annotated[bool | None, strawberry.argument(
            description="True: only those that a driver has moved; false: only the others; null: all.")] = None,
        first: First = None, after: After = None, last: Last = None, before: Before = None,
    ) -> ScenarioRunCurveConnection:  # fmt: skip
        order = "curves of a run"
        request = page_request(order, first, after, last, before)
        page = await info.context.load(
            info.context.scenario_results.pages, self.run.id, moved=moved, request=request
        ) or Page([], [], False, False)
        drivers = documents_of(self.run, await self._version(info))
        return connection(ScenarioRunCurveConnection, order, page, lambda told: self._curve(told, drivers))

    @strawberry.field(description="What it has made of one curve, by driver; null where it does not have the curve.")
    async def attribution(
        self, info: Info, curve: Annotated[strawberry.ID, strawberry.argument(description="The id of the curve.")]
    ) -> ScenarioRunCurve | None:
        key = (self.run.id, row_of(curve, "Curve", "curve"))
        found = await info.context.load(info.context.scenario_results.results, key)
        return None if found is None else self._curve(found, documents_of(self.run, await self._version(info)))

    def _curve(self, told: Told, drivers: Sequence[Any]) -> ScenarioRunCurve:
        partial = self.state is not RunState.SUCCEEDED
        return ScenarioRunCurve(moved=told.result.mid is not None, partial=partial, told=told, drivers=drivers)

    @strawberry.field(description="What it simulates around its curves; null where that was not asked for.")
    async def simulation(self, info: Info) -> ScenarioSimulation | None:
        found = await info.context.load(info.context.scenario_simulations.simulations, self.run.id)
        return None if found is None else simulation_of(found)

    async def _version(self, info: Info) -> Version:
        found = await info.context.load(info.context.scenarios.versions, self.run.key)
        if found is None:
            raise NotFound("version not found")
        return found


def _known_at(told: Told) -> datetime | None:
    story = told.snapshot.story
    return None if story is None else story.known_at


def run_of(run: model.Run) -> ScenarioRun:
    given: dict[str, Any] = {
        name: getattr(run, name)
        for name in (
            "state", "progress", "version", "as_of", "known_at", "seed", "priority", "idempotency_key", "input_digest",
            "output_digest", "requested_by", "created_at", "started_at", "finished_at", "attempt", "error_code",
            "error", "hint",
        )
    }  # fmt: skip
    variation = None if run.variation is None else _variation_of(run.variation)
    return ScenarioRun(
        id=node_id("ScenarioRun", run.id), time_limit_seconds=run.time_limit, variation=variation, run=run, **given
    )


def _variation_of(variation: Variation) -> RunVariation:
    return RunVariation(
        label=variation.label, driver=variation.driver, parameter=variation.parameter,
        value=None if variation.value is None else JSON(variation.value), weight=variation.weight,
        alone=variation.alone,
    )  # fmt: skip
