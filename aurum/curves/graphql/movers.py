"""The biggest moves of a book of curves."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Annotated

import numpy as np
import strawberry

from aurum.curves import movers as use_cases
from aurum.curves.analytics import deviations
from aurum.curves.analytics.deviations import NoDeviation, Spread
from aurum.curves.analytics.movers import MoveMeasure
from aurum.curves.conversions import common
from aurum.curves.graphql.arguments import Delivery, Filter, From, Info, TenorTypes, To, told_ref
from aurum.curves.graphql.curves import Curve, curve_of
from aurum.curves.graphql.diffs import Codes, codes_known
from aurum.curves.moves import SnapshotRef, later
from aurum.graphql.columnar.plans import batched
from aurum.graphql.connections import After, Connection, First, connection, page_request
from aurum.graphql.enums import publish_enum
from aurum.graphql.sizes import DEFAULT_PAGE, sizing, weighing
from aurum.market.periods import TenorType
from aurum.metadata.graphql import Currency, Unit, currency_of, filter_of, unit_of

publish_enum(
    MoveMeasure,
    "How the size of a move is measured.",
    {
        "ABSOLUTE": "In `currency` and `unit`. Without them each curve in its own, and unlike numbers side by side.",
        "PERCENT": "In per cent of the size of the price at the start; moves from a price of 0 come last.",
        "ZSCORE": "In standard deviations of the tenor's own daily moves; moves without a z-score come last.",
    },
)
publish_enum(
    NoDeviation,
    "Why there is no z-score.",
    {
        "TOO_FEW_DAYS": f"Fewer than {deviations.LEAST} daily moves were found.",
        "NO_VARIATION": "All daily moves were the same, of a price that stands still as a rule.",
        "SAME_DAY": "Both ends are of the same as-of date.",
    },
    name="ZScoreAbsence",
)


@strawberry.type(description="A move beside the daily moves of the same delivery before it, in the unit of the move.")
class MoveDeviation:
    z_score: float | None = strawberry.field(
        description="(change - steps x mean) / (standardDeviation x square root of steps); null: `absence` says why."
    )
    mean: float | None = strawberry.field(
        description="The mean daily move, of days counted backwards for a move to an earlier one; null where fewer "
        "than 2 were found."
    )
    standard_deviation: float | None = strawberry.field(
        description="Of the daily moves, that of a sample (n - 1); null where fewer than 2 were found."
    )
    window: int = strawberry.field(
        description="How many daily moves up to the older as-of date are looked at: a move goes from one as-of date of "
        "the curve to its next."
    )
    moves: int = strawberry.field(description="How many of them were found.")
    steps: int = strawberry.field(description="How many as-of dates of the curve the move took.")
    absence: NoDeviation | None = strawberry.field(description="Why there is no z-score; null where there is one.")


@strawberry.type(description="What the mid of a delivery did between two snapshots.")
class Mover:
    curve: Curve = strawberry.field(description="The curve.")
    tenor: str = strawberry.field(description="The market's label.")
    tenor_type: TenorType = strawberry.field(description="What kind of period it is.")
    delivery_start: date = strawberry.field(description="The first day of delivery.")
    delivery_end: date = strawberry.field(description="The day after the last day of delivery.")
    from_as_of: date = strawberry.field(description="The curve's as-of date at the start.")
    from_version: int = strawberry.field(description="The version of it.")
    from_mid: float = strawberry.field(description="The mid at the start.")
    to_as_of: date = strawberry.field(description="The curve's as-of date at the end.")
    to_version: int = strawberry.field(description="The version of it.")
    to_mid: float = strawberry.field(description="The mid at the end.")
    change: float = strawberry.field(description="`toMid` less `fromMid`.")
    percent: float | None = strawberry.field(
        description="The change in per cent of the size of `fromMid`, positive for up; null where that is 0."
    )
    mover: strawberry.Private[use_cases.Mover]
    ends: strawberry.Private[tuple[SnapshotRef, SnapshotRef]]

    @strawberry.field(
        description="What the numbers are in, as it is known at the later instant, unless converted; null: not known.",
        metadata=batched(),
    )
    async def currency(self, info: Info) -> Currency | None:
        return currency_of((await self._codes(info))[0])

    @strawberry.field(description="What they are per, likewise; null: not known.", metadata=batched())
    async def unit(self, info: Info) -> Unit | None:
        return unit_of((await self._codes(info))[1])

    async def _codes(self, info: Info) -> Codes:
        if (converted := self.mover.converted) is not None:
            return converted.price.currency, converted.price.unit
        return await codes_known(info, self.mover.curve.id, self.ends)

    @strawberry.field(description="How unusual it is for this delivery of this curve.", metadata=batched())
    async def deviation(self, info: Info) -> MoveDeviation:
        mover, spread = self.mover, self.mover.spread
        if spread is None:
            known_at, (start, end) = later(*self.ends).known_at, (mover.start.as_of, mover.end.as_of)
            spread = await info.context.load(info.context.curves.moves.spreads, mover.span, known_at=known_at)
            spread = spread and use_cases.spread_of_move(spread, start, end, mover.converted)
        return deviation_of(mover, spread)


@strawberry.type(description="A page of moves.")
class MoverConnection(Connection[Mover]):
    curve_count: int = strawberry.field(description="How many curves the book has.")
    compared_count: int = strawberry.field(
        description="How many of them have both ends, in units that convert: the others have no moves here."
    )


@strawberry.type
class MoverQuery:
    @strawberry.field(
        description="The biggest moves of a book of curves, delivery by delivery: the biggest first, those without a "
        "size last; ties by key, then by tenor. Pin `asOf` and `knownAt` of both ends to page through the same moves.",
        directives=[sizing(DEFAULT_PAGE, ["first"], "nodes", "edges"), weighing(200)],
    )
    async def movers(
        self, info: Info, start: From, end: To, filter: Filter = None,
        by: Annotated[MoveMeasure, strawberry.argument(description="What makes a move big.")] = MoveMeasure.ABSOLUTE,
        tenor_types: TenorTypes = None, delivery: Delivery = None,
        one_per_curve: Annotated[bool, strawberry.argument(
            description="Of each curve its biggest move alone.")] = True,
        currency: Annotated[str | None, strawberry.argument(
            description="What all moves shall be in: a code of `currencies`; another one takes `fx`.")] = None,
        unit: Annotated[str | None, strawberry.argument(
            description="What they shall be per: a code of `units`; refused where one does not convert.")] = None,
        fx: Annotated[list[str] | None, strawberry.argument(
            description="Exchange rates of both ends, one for each pair of currencies: `1.08 USD/EUR`.")] = None,
        first: First = None, after: After = None,
    ) -> MoverConnection:  # fmt: skip
        converted = common(currency, unit, fx or ())
        order = f"movers {by} {one_per_curve} {converted or ''}"
        request, context = page_request(order, first, after), info.context
        ends = (await told_ref(context, start), await told_ref(context, end))
        within = (delivery.start, delivery.end) if delivery else (None, None)
        asked = use_cases.MoversAsked(*ends, by, tenor_types, within, one_per_curve, converted)
        found = await context.curves.movers.page(
            context.principal, filter_of(filter), asked, request, head=await context.head(), stories=context.stories
        )
        return connection(
            MoverConnection, order, found.page, lambda mover: mover_of(mover, ends), curve_count=found.curves,
            compared_count=found.compared,
        )  # fmt: skip


def mover_of(mover: use_cases.Mover, ends: tuple[SnapshotRef, SnapshotRef]) -> Mover:
    change, tenor = mover.after - mover.before, mover.tenor
    return Mover(
        curve=curve_of(mover.curve), tenor=tenor.label, tenor_type=tenor.type, delivery_start=tenor.period.start,
        delivery_end=tenor.period.end, from_as_of=mover.start.as_of, from_version=mover.start.version,
        from_mid=mover.before, to_as_of=mover.end.as_of, to_version=mover.end.version, to_mid=mover.after,
        change=change, percent=100.0 * change / abs(mover.before) if mover.before else None, mover=mover, ends=ends,
    )  # fmt: skip


def deviation_of(mover: use_cases.Mover, spread: Spread | None) -> MoveDeviation:
    """Of a curve without any day in the window too: no move was found."""
    place = None if spread is None else spread.place(mover.tenor)
    if spread is None or place is None:
        steps = 0 if spread is None else spread.steps
        return MoveDeviation(
            z_score=None, mean=None, standard_deviation=None, window=deviations.WINDOW, moves=0, steps=steps,
            absence=NoDeviation.TOO_FEW_DAYS if steps else NoDeviation.SAME_DAY,
        )  # fmt: skip
    change = np.full(len(spread.tenors), mover.after - mover.before)
    numbers: Sequence[float] = [float(each[place]) for each in (spread.z_scores(change), spread.mean, spread.deviation)]
    score, mean, deviation = (None if number != number else number for number in numbers)
    return MoveDeviation(
        z_score=score, mean=mean, standard_deviation=deviation, window=deviations.WINDOW,
        moves=int(spread.moves[place]), steps=spread.steps, absence=spread.absence(place),
    )  # fmt: skip
