"""Curves computed by expression."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import date, datetime
from typing import TYPE_CHECKING, Annotated, Any

import strawberry
from numpy.typing import NDArray

from aurum.curves import expressions
from aurum.curves.analytics.deliveries import Seasons
from aurum.curves.analytics.strips import Weighting
from aurum.curves.derived import Question, derived
from aurum.curves.expressions import Gap
from aurum.curves.graphql.arguments import (
    AsOf,
    Delivery,
    Info,
    InScenario,
    KnownAt,
    TenorTypes,
    instant_of,
    story_of,
)
from aurum.curves.graphql.converted import UnitConversion, conversion_of
from aurum.curves.graphql.curves import Curve, curve_of
from aurum.curves.graphql.points import chosen, tenors_of
from aurum.curves.graphql.reads import LoadedReads
from aurum.curves.graphql.snapshots import CurveSnapshot, snapshot_of
from aurum.curves.graphql.strips import (
    GranularityArgument,
    SeasonsArgument,
    Strip,
    StripDelivery,
    WeightingArgument,
    months_of_derived,
    strip_of,
    strips_of,
)
from aurum.graphql.arrow.tables import parallel
from aurum.graphql.columnar.plans import batched
from aurum.graphql.columnar.records import Columns, Constant, RecordBatch
from aurum.graphql.enums import publish_enum
from aurum.graphql.sizes import sized, weighing
from aurum.market.periods import TenorType
from aurum.metadata.graphql import Currency, DeliveryInput, Unit, currency_of, period_of, unit_of

if TYPE_CHECKING:
    from aurum.ingestion.graphql import Lineage

publish_enum(
    Gap,
    "Why a point of a derived curve has no value.",
    {
        "NO_PERIOD": "A curve has no such delivery period; nothing is interpolated, and no period taken for another.",
        "NOT_QUOTED": "A curve has the period, without a mid.",
        "WITHHELD": "A curve's point is in quarantine: its number is not served, nor what is computed with it.",
        "DIVISION_BY_ZERO": "What is divided by is 0 there.",
        "OVERFLOW": "The result is too large for a number.",
        "NO_HOURS": "Of `off_peak`: a strip whose delivery has begun, or a period without hours off peak.",
    },
    name="DerivedGap",
)


_BID = (
    "What it can be sold for: weights times bids, or asks where a weight is negative; null where one of them is not "
    "quoted, and where the derived curve is not linear."
)
_ASK = "What it can be bought for: asks, or bids where a weight is negative; null as `bid` is."


@strawberry.type(description="A point of a derived curve: its value for one delivery period.")
class DerivedPoint:
    tenor: str = strawberry.field(description="The market's label: months as `2025-06`, else a vendor's text.")
    tenor_type: TenorType = strawberry.field(description="What kind of period it is.")
    delivery_start: date = strawberry.field(description="The first day of delivery.")
    delivery_end: date = strawberry.field(description="The day after the last day of delivery.")
    value: float | None = strawberry.field(
        description="Of mids, in the derived curve's unit; null where `gap` says why."
    )
    bid: float | None = strawberry.field(description=_BID)
    ask: float | None = strawberry.field(description=_ASK)
    gap: Gap | None = strawberry.field(description="Why there is no value; null where there is one.")
    gap_curve: str | None = strawberry.field(description="The key of the curve that lacks something; null: none does.")


@strawberry.type(description="The points of a derived curve as parallel lists: the same numbers, less to carry.")
class DerivedColumns:
    tenor: list[str] = strawberry.field(description="See `DerivedPoint.tenor`.")
    tenor_type: list[TenorType] = strawberry.field(description="See `DerivedPoint.tenorType`.")
    delivery_start: list[date] = strawberry.field(description="See `DerivedPoint.deliveryStart`.")
    delivery_end: list[date] = strawberry.field(description="See `DerivedPoint.deliveryEnd`.")
    value: list[float | None] = strawberry.field(description="See `DerivedPoint.value`.")
    bid: list[float | None] = strawberry.field(description="See `DerivedPoint.bid`.")
    ask: list[float | None] = strawberry.field(description="See `DerivedPoint.ask`.")
    gap: list[Gap | None] = strawberry.field(description="See `DerivedPoint.gap`.")
    gap_curve: list[str | None] = strawberry.field(description="See `DerivedPoint.gapCurve`.")


@strawberry.type(description="A curve as an expression uses it, in the version that was computed with.")
class DerivedInput:
    at: date | None = strawberry.field(description="The date that `at(...)` asks for; null: that of the derived curve.")
    shift_months: int = strawberry.field(
        description="So many months later than a point its price is for: `shift(...)`."
    )
    unit_text: str = strawberry.field(description="What its prices are in, such as `EUR/MWh`.")
    weight: float | None = strawberry.field(
        description="What its prices are multiplied with, in the derived unit for each of its own; null: it differs."
    )
    source: strawberry.Private[expressions.Source]
    known_at: strawberry.Private[datetime | None]

    @strawberry.field(description="The curve.", metadata=batched())
    def curve(self) -> Curve:
        return curve_of(self.source.curve)

    @strawberry.field(description="The version of its prices that was computed with.", metadata=batched())
    def snapshot(self) -> CurveSnapshot:
        return snapshot_of(self.source.snapshot, self.known_at)


@strawberry.type(description="A number that an expression gives for a name.")
class DerivedFactor:
    function: str = strawberry.field(description="Where, such as `clean_spark`.")
    name: str = strawberry.field(description="Such as `heat_rate`.")
    value: float = strawberry.field(description="As it was given, in `unitText`.")
    unit_text: str = strawberry.field(description="Such as `MMBtu/MWh`; `1` for a plain number.")


@strawberry.type(description="What one input does to a point.")
class DerivedTerm:
    input: DerivedInput = strawberry.field(description="The curve, and its version.")
    tenor: str | None = strawberry.field(
        description="The input's own label of the period; null: it has no such period."
    )
    delivery_start: date | None = strawberry.field(description="The first day of delivery of the input's period.")
    delivery_end: date | None = strawberry.field(description="The day after the last day of delivery of it.")
    cell: str | None = strawberry.field(description="Where its mid stands in the vendor's file.")
    price: float | None = strawberry.field(description="Its mid, in the input's unit; null where it has none.")
    weight: float | None = strawberry.field(
        description="By how much the value moves with the price, in the derived unit for each of the input's."
    )
    contribution: float | None = strawberry.field(description="`weight` times `price`, in the derived unit.")


@strawberry.type(
    description="What made a point. Where the derived curve is linear, the contributions added up in their order, and "
    "then `constant`, are the value to the last bit of a 64-bit float. Elsewhere weights are slopes at this point."
)
class DerivedWhy:
    tenor: str = strawberry.field(description="See `DerivedPoint.tenor`.")
    tenor_type: TenorType = strawberry.field(description="See `DerivedPoint.tenorType`.")
    delivery_start: date = strawberry.field(description="See `DerivedPoint.deliveryStart`.")
    delivery_end: date = strawberry.field(description="See `DerivedPoint.deliveryEnd`.")
    value: float | None = strawberry.field(description="See `DerivedPoint.value`.")
    gap: Gap | None = strawberry.field(description="See `DerivedPoint.gap`.")
    gap_curve: str | None = strawberry.field(description="See `DerivedPoint.gapCurve`.")
    constant: float | None = strawberry.field(
        description="What is added to the contributions, in the derived unit; null where there is no value to explain."
    )
    terms: list[DerivedTerm] = strawberry.field(
        description="An item for each input, in the order of the expression.", directives=[sized(5)]
    )


@strawberry.type(description="A curve computed from others, period by period.")
class DerivedCurve:
    expression: str = strawberry.field(
        description="In its one way to be written, conversions included: asked again it gives the same."
    )
    linear: bool = strawberry.field(description="Whether it is weights times curves, and a constant.")
    as_of: date = strawberry.field(description="The as-of date of all inputs but those that have one by `at(...)`.")
    published_at: datetime = strawberry.field(
        description="When the newest version among its inputs became known (UTC)."
    )
    unit_text: str = strawberry.field(
        description="What values are in, such as `EUR/MWh` or `MMBtu/MWh`; `1`: a number."
    )
    currency: Currency | None = strawberry.field(description="What values are in; null where they are no prices.")
    unit: Unit | None = strawberry.field(description="What values are per; null where they are no prices.")
    inputs: list[DerivedInput] = strawberry.field(
        description="The curves it names, in the order of the expression.", directives=[sized(5)]
    )
    factors: list[DerivedFactor] = strawberry.field(
        description="Heat rates, emission factors and densities that the expression gives.", directives=[sized(3)]
    )
    conversions: list[UnitConversion] = strawberry.field(
        description="Every conversion between units of one currency and dimension.", directives=[sized(3)]
    )
    derived: strawberry.Private[expressions.DerivedCurve]
    known_at: strawberry.Private[datetime | None]

    @strawberry.field(
        description="A point for every period that one of the inputs has: months first, then longer ones.",
        metadata=batched(),
        directives=[sized(120)],
    )
    def points(self, tenor_types: TenorTypes = None, delivery: Delivery = None) -> Sequence[DerivedPoint]:
        return points_of(self.derived, chosen(self.derived.tenors, tenor_types, delivery))

    @strawberry.field(
        description="The points as parallel lists.", metadata={**batched(), **parallel()}, directives=[weighing(20)]
    )
    def columns(self, tenor_types: TenorTypes = None, delivery: Delivery = None) -> DerivedColumns:
        points = points_of(self.derived, chosen(self.derived.tenors, tenor_types, delivery))
        return points.parallel(DerivedColumns)

    @strawberry.field(description="What made a point: inputs, versions, weights; null where there is no such point.")
    def why(
        self,
        delivery: Annotated[DeliveryInput, strawberry.argument(description="Which delivery period, exactly.")],
        tenor_type: Annotated[TenorType | None, strawberry.argument(
            description="Of periods that several kinds of tenors have, that of this one; null: the first.")] = None,
    ) -> DerivedWhy | None:  # fmt: skip
        period = period_of(delivery)
        place = self.derived.place(period, tenor_type)
        return None if place is None else why_of(self.derived.why(place), self.known_at)

    @strawberry.field(
        description="Strips of these kinds, as its months make them by their values: see `CurveSnapshot.strips`. A "
        "month that one of the inputs does not have is NOT_LISTED; of others `points` say why they have no value.",
        metadata=batched(),
        directives=[sized(40)],
    )
    async def strips(
        self, granularity: GranularityArgument, weighting: WeightingArgument = Weighting.EQUAL,
        seasons: SeasonsArgument = Seasons.VENDOR,
    ) -> list[Strip]:  # fmt: skip
        return await strips_of(months_of_derived(self.derived, weighting), granularity, seasons)

    @strawberry.field(
        description="The strip of a range of one's own: whole months, at most 600.",
        metadata=batched(),
        directives=[weighing(2)],
    )
    async def strip(self, delivery: StripDelivery, weighting: WeightingArgument = Weighting.EQUAL) -> Strip:
        return await strip_of(months_of_derived(self.derived, weighting), delivery)

    @strawberry.field(
        description="Which files and loads the versions of its curves came from, as a graph; each curve that it "
        "names is in it once."
    )
    async def lineage(self, info: Info) -> Annotated[Lineage, strawberry.lazy("aurum.ingestion.graphql")]:
        sources = [each.source for each in self.derived.inputs]
        return await info.context.lineage([each.curve for each in sources], [each.snapshot.base for each in sources])


@strawberry.type
class DerivedQuery:
    @strawberry.field(
        description="A curve computed from others: `spark([eugp:eu/german/power/base], [eugp:eu/german/gas], 2.0)`. "
        "The grammar, and what is refused, is in docs/derived.md.",
        metadata=batched(),
        directives=[weighing(20)],
    )
    async def derived_curve(
        self, info: Info,
        expression: Annotated[str, strawberry.argument(
            description="Numbers, `[curve keys]`, `+ - * /`, parentheses and functions; at most 4,000 characters.")],
        as_of: AsOf = None, known_at: KnownAt = None, scenario_run: InScenario = None,
        unit: Annotated[str | None, strawberry.argument(
            description="What values shall be per: a code of `units`; null: as the expression gives it.")] = None,
        currency: Annotated[str | None, strawberry.argument(
            description="What values shall be in: a code of `currencies`; another one takes `fx`.")] = None,
        fx: Annotated[str | None, strawberry.argument(
            description="The exchange rate, with its currencies: `1.08 USD/EUR`, or an expression of one.")] = None,
    ) -> DerivedCurve:  # fmt: skip
        instant, run = instant_of(known_at), story_of(scenario_run, as_of, known_at)
        if run is not None:
            as_of, instant = await info.context.scenario_start(run)
        question = Question(expression, as_of, instant, currency, unit, fx)
        return derived_of(await derived(question, LoadedReads(info.context, instant, run, as_of)), instant)


def derived_of(curve: expressions.DerivedCurve, known_at: datetime | None) -> DerivedCurve:
    price = curve.unit.price
    return DerivedCurve(
        expression=curve.expression, linear=curve.linear, as_of=curve.as_of, published_at=curve.published_at,
        unit_text=str(curve.unit), currency=currency_of(price.currency if price else None),
        unit=unit_of(price.unit if price else None),
        inputs=[input_of(each, known_at) for each in curve.inputs],
        factors=[
            DerivedFactor(function=each.function, name=each.name, value=each.value, unit_text=str(each.unit))
            for each in curve.factors
        ],
        conversions=[conversion_of(each) for each in curve.conversions],
        derived=curve, known_at=known_at,
    )  # fmt: skip


def input_of(used: expressions.Input, known_at: datetime | None) -> DerivedInput:
    return DerivedInput(
        at=used.leaf.at, shift_months=used.leaf.months, unit_text=str(used.unit), weight=used.weight,
        source=used.source, known_at=known_at,
    )  # fmt: skip


def points_of(curve: expressions.DerivedCurve, places: list[int] | None) -> RecordBatch[DerivedPoint]:
    """The points at these places, all where None."""
    count = len(curve.tenors) if places is None else len(places)
    return RecordBatch(DerivedPoint, count, lambda: _columns_of(curve, places))


def _columns_of(curve: expressions.DerivedCurve, places: list[int] | None) -> Columns:
    at: Any = slice(None) if places is None else places
    gaps, blamed = curve.gaps[at], curve.gap_inputs[at]
    keys = [each.leaf.key for each in curve.inputs]
    return {
        **tenors_of(curve.tenors, places),
        "value": curve.values[at],
        "bid": lambda: curve.bid[at],
        "ask": lambda: curve.ask[at],
        "gap": lambda: _named(expressions.GAPS, gaps),
        "gap_curve": lambda: _named(keys, blamed),
    }


def _named(names: Sequence[Any], places: NDArray[Any]) -> list[Any] | Constant:
    if (places == expressions.NO_GAP).all():
        return Constant(None)
    return [None if place == expressions.NO_GAP else names[place] for place in places.tolist()]


def why_of(why: expressions.Why, known_at: datetime | None) -> DerivedWhy:
    period = why.tenor.period
    return DerivedWhy(
        tenor=why.tenor.label, tenor_type=why.tenor.type, delivery_start=period.start, delivery_end=period.end,
        value=_finite(why.value), gap=why.gap, gap_curve=why.gap_input.leaf.key if why.gap_input else None,
        constant=_finite(why.constant), terms=[_term_of(each, known_at) for each in why.terms],
    )  # fmt: skip


def _term_of(term: expressions.Term, known_at: datetime | None) -> DerivedTerm:
    period = None if term.tenor is None else term.tenor.period
    return DerivedTerm(
        input=input_of(term.input, known_at), tenor=None if term.tenor is None else term.tenor.label,
        delivery_start=period.start if period else None,
        delivery_end=period.end if period else None, cell=term.cell,
        price=_finite(term.price), weight=_finite(term.weight), contribution=_finite(term.contribution),
    )  # fmt: skip


def _finite(number: float) -> float | None:
    return number if math.isfinite(number) else None
