"""Points in quarantine, and what people decide about them."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, TypeVar

import strawberry

from aurum.curves.graphql import Curve, DateRange
from aurum.errors import Conflict, InvalidInput, NotFound, SamePerson
from aurum.graphql.connections import After, Before, Connection, First, Last, connection, page_request
from aurum.graphql.enums import publish_enum
from aurum.graphql.ids import node_id, row_of
from aurum.graphql.nodes import Node
from aurum.graphql.sizes import PAGED, sized, sizing, weighing
from aurum.ingestion import model
from aurum.ingestion.graphql.findings import Finding, Info, finding_of
from aurum.ingestion.graphql.runs import IngestionRun, run_of
from aurum.ingestion.model import Decision, PointPrices, QuarantineState
from aurum.market.periods import TenorType
from aurum.metadata.graphql import Problem, problem_of

T = TypeVar("T")
publish_enum(
    QuarantineState,
    "What has become of a point in quarantine.",
    {
        "OPEN": "Nobody has decided yet; it is not served.",
        "PROPOSED": "Somebody has decided, and somebody else has to release it: until then nothing changes.",
        "ACCEPTED": "The file's number is served.",
        "CORRECTED": "A person's number is served.",
        "REJECTED": "It is not served.",
        "SUPERSEDED": "What is served of it comes from another file or reading: nothing is to be decided any more.",
    },
)
publish_enum(
    Decision,
    "What a person says of a point in quarantine.",
    {
        "ACCEPT": "The file's number is right.",
        "CORRECT": "It should be the number given.",
        "REJECT": "There is no number to serve.",
        "RELEASE": "What somebody else has proposed is right.",
    },
    name="QuarantineDecision",
)


@strawberry.type(description="One decision about a point in quarantine.")
class QuarantineResolution:
    decision: Decision = strawberry.field(description="What was decided.")
    mid: float | None = strawberry.field(description="The mid decided for; null: none.")
    bid: float | None = strawberry.field(description="The bid decided for; null: none.")
    ask: float | None = strawberry.field(description="The ask decided for; null: none.")
    author: str = strawberry.field(description="Who decided.")
    reason: str = strawberry.field(description="Why.")
    decided_at: datetime = strawberry.field(description="When (UTC).")
    version: int | None = strawberry.field(description="The version of the curve's day that it made; null: none.")


@strawberry.type(
    description="A point that is not served until somebody decides; or cells of which no point could be made."
)
class QuarantinedPoint(Node):
    state: QuarantineState = strawberry.field(description="What has become of it.")
    vendor: str = strawberry.field(description="Whose file it is in.")
    as_of: date = strawberry.field(description="The as-of date of the file.")
    code: str = strawberry.field(description="Why, for programs: the code of the first finding about it.")
    message: str = strawberry.field(description="Why, in plain words, with the numbers compared.")
    sheet: str | None = strawberry.field(description="The sheet it is on.")
    cells: list[str] = strawberry.field(description="Its cells: mid, then bid and ask.")
    curve_key: str | None = strawberry.field(description="The curve's key; null where the file does not tell it.")
    tenor: str | None = strawberry.field(description="In the vendor's spelling; null where no point could be made.")
    tenor_type: TenorType | None = strawberry.field(description="What kind of period it is.")
    delivery_start: date | None = strawberry.field(description="The first day of delivery.")
    delivery_end: date | None = strawberry.field(description="The day after the last day of delivery.")
    mid: float | None = strawberry.field(description="As the file has it; null: it holds no number there.")
    bid: float | None = strawberry.field(description="As the file has it.")
    ask: float | None = strawberry.field(description="As the file has it.")
    item: strawberry.Private[model.Quarantined]

    @strawberry.field(description="The run that put it there.")
    async def run(self, info: Info) -> IngestionRun:
        found = await info.context.load(info.context.ingestion.runs, self.item.run_id)
        if found is None:
            raise NotFound("run not found")
        return run_of(found)

    @strawberry.field(description="The curve; null where the file does not tell it.")
    async def curve(self, info: Info) -> Curve | None:
        return None if self.item.curve_id is None else await info.context.curve(self.item.curve_id)

    @strawberry.field(description="Every finding that speaks against it.", directives=[sized(3)])
    async def findings(self, info: Info) -> list[Finding]:
        noted = await info.context.load(info.context.ingestion.findings, self.item.run_id)
        return [finding_of(noted[place].finding) for place in self.item.findings] if noted else []

    @strawberry.field(description="Every decision about it, oldest first.", directives=[sized(3)])
    async def resolutions(self, info: Info) -> list[QuarantineResolution]:
        found = await info.context.load(info.context.ingestion.quarantine.resolutions, self.item.id)
        return [_resolution_of(each) for each in found or ()]


@strawberry.type(description="A page of points in quarantine.")
class QuarantinedPointConnection(Connection[QuarantinedPoint]):
    wanted: strawberry.Private[model.QuarantineFilter]

    @strawberry.field(description="How many points fit, on all pages.")
    async def total_count(self, info: Info) -> int:
        return await info.context.ingestion.quarantine.count(info.context.principal, self.wanted)


@strawberry.input(description="Chooses points in quarantine that fit every given condition.")
class QuarantineFilter:
    states: list[QuarantineState] | None = strawberry.field(default=None, description="Any of these states.")
    vendors: list[str] | None = strawberry.field(default=None, description="Any of these vendors.")
    codes: list[str] | None = strawberry.field(default=None, description="Any of these reasons.")
    curve_keys: list[str] | None = strawberry.field(default=None, description="Any of these curves.")
    run_ids: list[strawberry.ID] | None = strawberry.field(default=None, description="Any of these runs.")
    as_of: DateRange | None = strawberry.field(default=None, description="The as-of date of the file.")


@strawberry.input(description="What is decided about points in quarantine: about all of them, or none.")
class ResolveQuarantineInput:
    ids: list[strawberry.ID] = strawberry.field(description="The points, at most 1000.")
    decision: Decision = strawberry.field(description="What is decided.")
    reason: str = strawberry.field(description="Why; kept for good.")
    mid: float | None = strawberry.field(default=None, description="CORRECT alone: the mid; null: not quoted.")
    bid: float | None = strawberry.field(default=None, description="CORRECT alone: the bid; null: not quoted.")
    ask: float | None = strawberry.field(default=None, description="CORRECT alone: the ask; null: not quoted.")


@strawberry.type(description="The points as they are now, or what was wrong.")
class ResolveQuarantinePayload:
    points: list[QuarantinedPoint] = strawberry.field(
        description="Empty where there are problems.", directives=[sized(1000)]
    )
    problems: list[Problem] = strawberry.field(description="Empty where it worked.", directives=[sized(1)])


@strawberry.type
class QuarantineQuery:
    @strawberry.field(description="Points in quarantine, and what became of them; newest first.", directives=[PAGED])
    async def quarantine(
        self, info: Info,
        filter: Annotated[QuarantineFilter | None, strawberry.argument(description="Which; null: all.")] = None,
        first: First = None, after: After = None, last: Last = None, before: Before = None,
    ) -> QuarantinedPointConnection:  # fmt: skip
        request = page_request("quarantine", first, after, last, before)
        context, wanted = info.context, _filter_of(filter or QuarantineFilter())
        page = await context.ingestion.quarantine.page(context.principal, wanted, request)
        return connection(QuarantinedPointConnection, "quarantine", page, point_of, wanted=wanted)


@strawberry.type
class QuarantineMutation:
    @strawberry.mutation(
        description="Accepts, corrects, rejects or releases points: what is served changes as a new version.",
        directives=[weighing(100), sizing(1000, ["input.ids"], "points")],
    )
    async def resolve_quarantine(
        self, info: Info, input: Annotated[ResolveQuarantineInput, strawberry.argument(description="What and why.")]
    ) -> ResolveQuarantinePayload:
        context, given = info.context, PointPrices(input.mid, input.bid, input.ask)
        prices = None if given == PointPrices(None) and input.decision is not Decision.CORRECT else given
        try:
            ids = [row_of(id_, "QuarantinedPoint") for id_ in input.ids]
            found = await context.ingestion.quarantine.resolve(
                context.principal, ids, input.decision, input.reason, prices
            )
        except (Conflict, InvalidInput, NotFound, SamePerson) as error:
            return ResolveQuarantinePayload(points=[], problems=[problem_of(error)])
        return ResolveQuarantinePayload(points=[point_of(item) for item in found], problems=[])


def _filter_of(wanted: QuarantineFilter) -> model.QuarantineFilter:
    days = wanted.as_of or DateRange()
    vendors = None if wanted.vendors is None else [vendor.strip().upper() for vendor in wanted.vendors]
    runs = None if wanted.run_ids is None else [row_of(id_, "IngestionRun") for id_ in wanted.run_ids]
    return model.QuarantineFilter(
        _tuple(wanted.states), _tuple(vendors), _tuple(wanted.codes), _tuple(wanted.curve_keys), _tuple(runs),
        days.first, days.last,
    )  # fmt: skip


def _tuple(values: list[T] | None) -> tuple[T, ...] | None:
    return None if values is None else tuple(values)


def point_of(item: model.Quarantined) -> QuarantinedPoint:
    tenor, prices = item.tenor, item.prices
    period = tenor.period if tenor else None
    return QuarantinedPoint(
        id=node_id("QuarantinedPoint", item.id), state=item.state, vendor=item.vendor, as_of=item.as_of,
        code=item.code, message=item.message, sheet=item.sheet, cells=list(item.cells), curve_key=item.curve_key,
        tenor=tenor.label if tenor else None, tenor_type=tenor.type if tenor else None,
        delivery_start=period.start if period else None, delivery_end=period.end if period else None,
        mid=prices.mid, bid=prices.bid, ask=prices.ask, item=item,
    )  # fmt: skip


def _resolution_of(made: model.Resolution) -> QuarantineResolution:
    return QuarantineResolution(
        decision=made.decision, mid=made.prices.mid, bid=made.prices.bid, ask=made.prices.ask, author=made.author,
        reason=made.reason, decided_at=made.decided_at, version=made.version,
    )  # fmt: skip
