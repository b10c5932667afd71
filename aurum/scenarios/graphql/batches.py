"""Many runs at once: of several scenarios, sweeps and tornados; and what they have made, as one table."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from typing import Annotated, Any

import strawberry
from strawberry.scalars import JSON
from strawberry.types.unset import UNSET

from aurum.curves.analytics.comparisons import Bucket
from aurum.curves.graphql import Curve, curve_of
from aurum.errors import InvalidInput
from aurum.graphql.connections import After, Before, Connection, First, Last, connection, page_request
from aurum.graphql.enums import publish_enum
from aurum.graphql.ids import node_id, row_of
from aurum.graphql.nodes import Node
from aurum.graphql.sizes import PAGED, sized, weighing
from aurum.metadata import model as catalogue
from aurum.metadata.graphql import CurveFilter, Problem, filter_of
from aurum.scenarios.batches import model
from aurum.scenarios.batches.model import BatchKind, Holding
from aurum.scenarios.batches.summary import Row
from aurum.scenarios.graphql.arguments import WRONG, Info, ScenarioIssue, wrong
from aurum.scenarios.graphql.bars import BatchRead, TornadoBar
from aurum.scenarios.graphql.batch_risk import BatchRisk, batch_risk_of
from aurum.scenarios.graphql.comparison import HowMany, first_of
from aurum.scenarios.graphql.running import RunScenarioInput, RunTerms, request_of
from aurum.scenarios.graphql.runs import ScenarioRun, run_of
from aurum.scenarios.graphql.scenarios import Scenario, scenario_of
from aurum.scenarios.refusals import within
from aurum.scenarios.runs.model import Request
from aurum.scenarios.variations import MOST_VALUES

_WEIGHT = weighing(5_000)  # many runs are queued

publish_enum(
    BatchKind,
    "What a batch is of.",
    {
        "RUNS": "Runs of any scenarios.",
        "SWEEP": "A scenario as it is, then with each value of a driver's parameter.",
        "TORNADO": "A scenario as it is, then each driver with larger moves and with smaller ones.",
    },
    name="ScenarioBatchKind",
)


@strawberry.type
class _Line:
    base: float = strawberry.field(description="At what the runs have started from.")
    values: list[float | None] = strawberry.field(
        description="In each run, parallel to `runs`; null: it has not succeeded.", directives=[sized(20)]
    )
    changes: list[float | None] = strawberry.field(description="Values less `base`.", directives=[sized(20)])
    bars: list[TornadoBar] = strawberry.field(
        description="Of a tornado, the longest first; only of drivers both of whose runs have succeeded.",
        directives=[sized(10)],
    )


@strawberry.type(description="A bucket of a curve in each run of a batch, in the curve's unit.")
class BatchRow(_Line):
    curve: Curve = strawberry.field(description="The curve.")
    label: str = strawberry.field(description="The bucket.")
    delivery_start: date = strawberry.field(description="The first day of delivery.")
    delivery_end: date = strawberry.field(description="The day after the last day of delivery.")
    point_count: int = strawberry.field(description="How many of its points are in it: those that all runs have.")
    spread: float = strawberry.field(description="The largest less the smallest of all values and the base.")


@strawberry.type(description="What the runs of a batch have moved.")
class BatchTable:
    total_count: int = strawberry.field(description="How many rows there are.")
    found: strawberry.Private[Sequence[Row]]
    by_key: strawberry.Private[Mapping[str, catalogue.Curve]]
    batch: strawberry.Private[BatchRead]

    @strawberry.field(description="Those that differ most first.", directives=[sized(50, "first")])
    def rows(self, first: HowMany = 50) -> list[BatchRow]:
        return [_row_of(each, self.by_key[each.key], self.batch) for each in first_of(self.found, first)]


@strawberry.type(description="What holdings are worth in each run of a batch.")
class BatchPosition(_Line):
    currency: str = strawberry.field(description="The currency.")


@strawberry.type(description="A run of a batch.")
class BatchRun:
    position: int = strawberry.field(description="Its place, from 0.")
    queued: bool = strawberry.field(description="Whether this batch has queued it; else the same was there before.")
    run: ScenarioRun = strawberry.field(description="The run; its `variation` says what is varied.")


@strawberry.input(description="A quantity, bought (above 0) or sold, over whole months that all weigh the same.")
class HoldingInput:
    curve: str = strawberry.field(description="The key of the curve.")
    delivery_start: date = strawberry.field(description="The first day of delivery: of a month.")
    delivery_end: date = strawberry.field(description="The day after the last day of delivery: of a month.")
    quantity: float = strawberry.field(description="Of the curve's unit, in all: MWh where it is priced in EUR/MWh.")


@strawberry.type(description="Runs that were asked for at once, and queued together.")
class ScenarioBatch(Node):
    kind: BatchKind = strawberry.field(description="What it is of.")
    idempotency_key: str | None = strawberry.field(description="The key that it was asked for with.")
    requested_by: str = strawberry.field(description="Who asked for it.")
    created_at: datetime = strawberry.field(description="When it was queued (UTC).")
    batch: strawberry.Private[model.Batch]

    @strawberry.field(description="The scenario whose drivers vary; null: it is of any scenarios, or it is deleted.")
    async def scenario(self, info: Info) -> Scenario | None:
        if self.batch.scenario_id is None:
            return None
        found = await info.context.load(info.context.scenarios.scenarios, self.batch.scenario_id)
        return None if found is None else scenario_of(found)

    @strawberry.field(
        description="Its runs, in order: of a sweep or a tornado the scenario as it is, then the others, of a tornado "
        "each driver with larger moves, then with smaller ones.",
        directives=[sized(20)],
    )
    async def runs(self, info: Info) -> list[BatchRun]:
        found = await info.context.load(info.context.scenario_batches.runs_of, self.batch.id)
        return [BatchRun(position=each.position, queued=each.queued, run=run_of(each.run)) for each in found or ()]

    @strawberry.field(description="Whether all its runs have ended, well or not.")
    async def done(self, info: Info) -> bool:
        found = await info.context.load(info.context.scenario_batches.runs_of, self.batch.id)
        return all(each.run.state.final for each in found or ())

    @strawberry.field(
        description="What a sweep or a tornado has moved, by curve and delivery, in those runs that have succeeded.",
        directives=[weighing(500)],
    )
    async def table(
        self, info: Info,
        filter: Annotated[CurveFilter | None, strawberry.argument(description="Which curves; null: all.")] = None,
        bucket: Annotated[Bucket, strawberry.argument(description="By which deliveries.")] = Bucket.ALL,
    ) -> BatchTable:  # fmt: skip
        context, read = info.context, await self._read(info)
        results = context.scenario_batches.results
        rows, curves = await results.table(context.principal, read.runs, filter_of(filter), bucket)
        return BatchTable(total_count=len(rows), found=rows, by_key=curves, batch=read)

    @strawberry.field(
        description="What holdings are worth in the runs of a sweep or a tornado.", directives=[weighing(100)]
    )
    async def position(
        self, info: Info,
        holdings: Annotated[list[HoldingInput], strawberry.argument(description="1 to 100, all of one currency.")],
    ) -> BatchPosition:  # fmt: skip
        context, read = info.context, await self._read(info)
        given = [Holding(each.curve, each.delivery_start, each.delivery_end, each.quantity) for each in holdings]
        currency, line = await context.scenario_batches.results.held(context.principal, read.runs, given)
        return BatchPosition(currency=currency, **read.told(line))

    @strawberry.field(
        description="What positions may lose in the runs of a sweep or a tornado; null: they simulate no positions.",
        directives=[weighing(100)],
    )
    async def risk(self, info: Info) -> BatchRisk | None:
        context, read = info.context, await self._read(info)
        runs = [each.run.id for each in read.runs]
        return batch_risk_of(read, await context.scenario_simulations.simulations(context.principal, runs))

    async def _read(self, info: Info) -> BatchRead:
        if self.batch.kind is BatchKind.RUNS:
            hint = "Put them beside each other with `compareRuns`."
            raise InvalidInput("the runs of several scenarios are no sweep and no tornado", hint=hint, field="id")
        runs = await info.context.load(info.context.scenario_batches.runs_of, self.batch.id) or []
        key = (runs[0].run.scenario_id, runs[0].run.version)
        version = await info.context.load(info.context.scenarios.versions, key)
        return BatchRead(self.batch.kind, runs, () if version is None else version.definition.drivers)


@strawberry.type(description="A page of batches.")
class ScenarioBatchConnection(Connection[ScenarioBatch]):
    wanted: strawberry.Private[model.BatchFilter]

    @strawberry.field(description="How many batches fit, on all pages.")
    async def total_count(self, info: Info) -> int:
        return await info.context.scenario_batches.count(info.context.principal, self.wanted)


@strawberry.input(description="Runs to be queued together: all of them, or none.")
class RunScenariosInput:
    runs: list[RunScenarioInput] = strawberry.field(
        description="1 to 100; each is answered with the run that is there already where the same was asked for before."
    )
    idempotency_key: str | None = strawberry.field(
        default=None, description="Of the batch, of this tenant: 1 to 255 letters, digits and `_-.:/`."
    )


@strawberry.input(description="Numbers from one to another, both included, all as far from each other.")
class RangeInput:
    start: float = strawberry.field(description="The first one.")
    end: float = strawberry.field(description="The last one.")
    steps: int = strawberry.field(description="How many there are: 2 to 100.")


@strawberry.input(one_of=True, description="What a parameter runs through: exactly one of these.")
class SweepValuesInput:
    values: list[JSON] | None = strawberry.field(
        default=UNSET, description="1 to 100 values as documents have them: numbers, texts such as days, truths."
    )
    range: RangeInput | None = strawberry.field(default=UNSET, description="Numbers from one to another.")


@strawberry.input(description="A run of a scenario as it is, and one for each value of a driver's parameter.")
class SweepScenarioInput(RunTerms):
    driver: int = strawberry.field(description="Which driver, from 0.")
    parameter: str = strawberry.field(
        description="Which parameter, as documents have it: `percent`, `limits.delivery_start`, or inside of others "
        "`components.0.payload.percent`."
    )
    over: SweepValuesInput = strawberry.field(description="Which values.")


@strawberry.input(description="A run of a scenario as it is, and two for each driver: with larger and smaller moves.")
class RunTornadoInput(RunTerms):
    percent: float = strawberry.field(description="How much larger and smaller: above 0, at most 100.")
    alone: bool = strawberry.field(
        default=False, description="Whether the other drivers are left out; else they are as they are."
    )


@strawberry.input(description="A batch whose runs are to be ended.")
class CancelScenarioBatchInput:
    id: strawberry.ID = strawberry.field(description="The batch.")


@strawberry.type(description="The batch, whose runs go on behind the answer; or what was wrong: then none is queued.")
class ScenarioBatchPayload:
    batch: ScenarioBatch | None = strawberry.field(description="Null where there are problems.")
    issues: list[ScenarioIssue] = strawberry.field(
        description="Where what it would run is refused, every reason.", directives=[sized(5)]
    )
    problems: list[Problem] = strawberry.field(description="Empty where it worked.", directives=[sized(1)])


@strawberry.type
class BatchQuery:
    @strawberry.field(description="One batch of runs; null where there is none.")
    async def scenario_batch(
        self, info: Info, id: Annotated[strawberry.ID, strawberry.argument(description="Its id.")]
    ) -> ScenarioBatch | None:
        found = await info.context.load(info.context.scenario_batches.batches, row_of(id, "ScenarioBatch"))
        return None if found is None else batch_of(found)

    @strawberry.field(description="Batches of runs, newest first.", directives=[PAGED])
    async def scenario_batches(
        self, info: Info,
        scenario: Annotated[strawberry.ID | None, strawberry.argument(
            description="Sweeps and tornados of this one; null: all.")] = None,
        first: First = None, after: After = None, last: Last = None, before: Before = None,
    ) -> ScenarioBatchConnection:  # fmt: skip
        request = page_request("scenario batches", first, after, last, before)
        row = None if scenario is None else row_of(scenario, "Scenario", "scenario")
        context, wanted = info.context, model.BatchFilter(row)
        page = await context.scenario_batches.page(context.principal, wanted, request)
        return connection(ScenarioBatchConnection, "scenario batches", page, batch_of, wanted=wanted)


@strawberry.type
class BatchMutation:
    @strawberry.mutation(description="Queues runs of several scenarios: all, or none.", directives=[_WEIGHT])
    async def run_scenarios(
        self, info: Info, input: Annotated[RunScenariosInput, strawberry.argument(description="Which, and how.")]
    ) -> ScenarioBatchPayload:
        context = info.context
        return await _answered(
            lambda: context.scenario_batches.run_all(context.principal, _requests(input.runs), input.idempotency_key)
        )

    @strawberry.mutation(
        description="Queues a run for each value of a driver's parameter: all, or none.", directives=[_WEIGHT]
    )
    async def sweep_scenario(
        self, info: Info, input: Annotated[SweepScenarioInput, strawberry.argument(description="Which, and how.")]
    ) -> ScenarioBatchPayload:
        context = info.context
        return await _answered(
            lambda: context.scenario_batches.sweep(
                context.principal, _request(input), input.driver, input.parameter, _values(input.over),
                input.idempotency_key,
            )
        )  # fmt: skip

    @strawberry.mutation(
        description="Queues runs with each driver's moves larger, and smaller: all, or none.", directives=[_WEIGHT]
    )
    async def run_tornado(
        self, info: Info, input: Annotated[RunTornadoInput, strawberry.argument(description="Which, and how.")]
    ) -> ScenarioBatchPayload:
        context = info.context
        return await _answered(
            lambda: context.scenario_batches.tornado(
                context.principal, _request(input), input.percent, input.alone, input.idempotency_key
            )
        )

    @strawberry.mutation(
        description="Ends those runs of a batch that it has queued, and that wait or are under way."
    )  # fmt: skip
    async def cancel_scenario_batch(
        self, info: Info, input: Annotated[CancelScenarioBatchInput, strawberry.argument(description="The batch.")]
    ) -> ScenarioBatchPayload:
        context = info.context
        return await _answered(
            lambda: context.scenario_batches.cancel(context.principal, row_of(input.id, "ScenarioBatch"))
        )


async def _answered(use_case: Callable[[], Awaitable[model.Batch]]) -> ScenarioBatchPayload:
    try:
        return ScenarioBatchPayload(batch=batch_of(await use_case()), issues=[], problems=[])
    except WRONG as error:
        return ScenarioBatchPayload(batch=None, **wrong(error, ()))


def _requests(runs: Sequence[RunScenarioInput]) -> list[Request]:
    found = []
    for n, each in enumerate(runs):
        with within(f"runs.{n}"):
            found.append(request_of(each))
    return found


def _request(input: SweepScenarioInput | RunTornadoInput) -> Request:
    """The key is the batch's."""
    return replace(request_of(input), idempotency_key=None)


def _values(over: SweepValuesInput) -> list[Any]:
    if over.range is UNSET or over.range is None:
        return list(over.values or ())
    start, end, steps = over.range.start, over.range.end, over.range.steps
    if not 2 <= steps <= MOST_VALUES:
        raise InvalidInput(f"a range has 2 to {MOST_VALUES} steps", field="over.range.steps")
    return [start + (end - start) * n / (steps - 1) for n in range(steps - 1)] + [end]


def batch_of(batch: model.Batch) -> ScenarioBatch:
    return ScenarioBatch(
        id=node_id("ScenarioBatch", batch.id), kind=batch.kind, idempotency_key=batch.idempotency_key,
        requested_by=batch.requested_by, created_at=batch.created_at, batch=batch,
    )  # fmt: skip


def _row_of(row: Row, curve: catalogue.Curve, batch: BatchRead) -> BatchRow:
    line = row.line
    return BatchRow(
        curve=curve_of(curve), label=row.label, delivery_start=row.delivery.start, delivery_end=row.delivery.end,
        point_count=row.points, spread=line.spread, **batch.told(line),
    )  # fmt: skip
