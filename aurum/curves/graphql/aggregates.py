"""Aggregates of many curves over many days."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, datetime
from enum import StrEnum
from functools import lru_cache
from typing import Annotated, Any

import strawberry

from aurum.curves import aggregates as use_cases
from aurum.curves.aggregated import Aggregates
from aurum.curves.aggregates import AggregateAsked
from aurum.curves.analytics.aggregates import Numbers
from aurum.curves.analytics.buckets import AsOfBucket, DeliveryBucket
from aurum.curves.analytics.deliveries import Seasons, StripPeriod
from aurum.curves.analytics.groups import Group
from aurum.curves.analytics.pools import Grouping
from aurum.curves.conversions import common
from aurum.curves.graphql.arguments import (
    CurveContext,
    DateRange,
    Delivery,
    Filter,
    Info,
    KnownAt,
    bounds,
    instant_of,
    story_of,
)
from aurum.curves.graphql.curves import Curve, curve_of
from aurum.curves.model import Side
from aurum.errors import InvalidInput
from aurum.graphql.columnar.plans import batched
from aurum.graphql.columnar.records import Constant, RecordBatch, listed
from aurum.graphql.connections import After, Connection, First, connected, page_request
from aurum.graphql.enums import publish_enum
from aurum.graphql.sizes import DEFAULT_PAGE, sized, sizing, weighing
from aurum.market.identity import Measure
from aurum.market.periods import TenorType
from aurum.metadata.graphql import AS_SPELT, Currency, Unit, currency_of, dimension_text, filter_of, unit_of
from aurum.metadata.model import Dimension

_MOST_ROWS = 5_000
_MOST_PERCENTILES = 20


class AggregateMeasure(StrEnum):
    MEAN = "MEAN"
    HOUR_WEIGHTED_MEAN = "HOUR_WEIGHTED_MEAN"
    MINIMUM = "MINIMUM"
    MAXIMUM = "MAXIMUM"
    STANDARD_DEVIATION = "STANDARD_DEVIATION"


publish_enum(
    AggregateMeasure,
    "What many prices come to, as one number.",
    {
        "MEAN": "Every point weighs the same.",
        "HOUR_WEIGHTED_MEAN": "A point weighs the hours of its curve's block in its delivery period; refused "
        "(NO_BLOCK_HOURS) where they are not known.",
        "MINIMUM": "The lowest.",
        "MAXIMUM": "The highest.",
        "STANDARD_DEVIATION": "That of a sample: the root of the squared distances from the mean over n - 1.",
    },
)
publish_enum(
    DeliveryBucket,
    "Deliveries that are pooled.",
    {
        "MONTH": "Calendar months.",
        "QUARTER": "Three months from January, April, July or October.",
        "SEASON": "Summers and winters, as `seasons` delimits them.",
        "CALENDAR": "January to December.",
        "GAS_YEAR": "October to September.",
    },
)
publish_enum(
    AsOfBucket,
    "As-of dates that are pooled.",
    {
        "DAY": "Each by itself.",
        "WEEK": "Monday to Sunday.",
        "MONTH": "Calendar months.",
        "QUARTER": "Three months from January, April, July or October.",
        "YEAR": "January to December.",
    },
)
publish_enum(
    Side,
    "A side of a quote.",
    {"MID": "The vendor's mid, not that of bid and ask.", "BID": "What is bid.", "ASK": "What is asked."},
    name="QuoteSide",
)


@strawberry.input(description="What prices are pooled by, besides measure, currency and unit, which always are.")
class AggregateGrouping:
    dimensions: list[Dimension] | None = strawberry.field(default=None, description="Of the curves; null: none.")
    curve: bool = strawberry.field(default=False, description="Each curve by itself.")
    delivery: DeliveryBucket | None = strawberry.field(default=None, description="Null: all deliveries together.")
    as_of: AsOfBucket | None = strawberry.field(default=None, description="Null: the whole range together.")
    seasons: Seasons = strawberry.field(default=Seasons.VENDOR, description="Where seasons of delivery begin and end.")


@strawberry.type(description="What the curves of a group have in common.")
class AggregateKey:
    dimension: Dimension = strawberry.field(description="One that was grouped by.")
    value: str | None = strawberry.field(description=f"{AS_SPELT} Null: the curves have none.")


@strawberry.type(description="A bucket of as-of dates.")
class AggregateDays:
    first: date = strawberry.field(description="Its first day, whether or not there are prices of it.")
    last: date = strawberry.field(description="Its last day.")


@strawberry.type(description="A bucket of deliveries.")
class AggregateDelivery:
    label: str = strawberry.field(description="`2025-06`, `Q3 2025`, `Winter 2026`, `Calendar 2026`.")
    delivery_start: date = strawberry.field(description="The first day of delivery.")
    delivery_end: date = strawberry.field(description="The day after the last day of delivery.")


@strawberry.type(description="A percentile of many prices.")
class AggregatePercentile:
    percent: float = strawberry.field(description="From 0 to 100.")
    value: float | None = strawberry.field(description="In the row's currency and unit; null where there is no price.")


@strawberry.type(
    description="What the prices of a group come to, in its currency and unit. A measure not asked for is null."
)
class AggregateRow:
    keys: list[AggregateKey] = strawberry.field(
        description="The dimensions that were grouped by, in their order.", directives=[sized(3)]
    )
    measure: Measure = strawberry.field(description="Prices and spark spreads are never pooled.")
    currency: Currency | None = strawberry.field(
        description="What prices are in; null: nobody knows, and the row is of one curve."
    )
    unit: Unit | None = strawberry.field(
        description="What prices are per; null: nobody knows, and the row is of one curve."
    )
    curve: Curve | None = strawberry.field(
        description="The curve, where each stands by itself or nobody knows what it is priced in; else null."
    )
    as_of: AggregateDays | None = strawberry.field(description="Null where as-of dates were not grouped by.")
    delivery: AggregateDelivery | None = strawberry.field(description="Null where deliveries were not grouped by.")
    count: int = strawberry.field(description="How many prices.")
    missing: int = strawberry.field(
        description="How many more points curves list without a price: not quoted, or in quarantine."
    )
    mean: float | None = strawberry.field(description="Every price weighs the same. Null without any.")
    hour_weighted_mean: float | None = strawberry.field(
        description="Every price weighs the hours of its block. Null without any."
    )
    minimum: float | None = strawberry.field(description="The lowest price. Null without any.")
    maximum: float | None = strawberry.field(description="The highest price. Null without any.")
    standard_deviation: float | None = strawberry.field(
        description="Of a sample (n - 1). Null for fewer than two prices."
    )
    percentiles: list[AggregatePercentile] = strawberry.field(
        description="Those asked for, in their order: between the two prices beside it by its distance from each, as "
        "NumPy's `linear` method has it.",
        directives=[sized(3)],
    )


@strawberry.type(description="A page of aggregates.")
class AggregateConnection(Connection[AggregateRow]):
    curve_count: int = strawberry.field(
        description="How many curves the filter chose; of a run of a scenario those that it has."
    )
    snapshot_count: int = strawberry.field(description="How many as-of dates of them were read, all together.")


@strawberry.type
class AggregateQuery:
    @strawberry.field(
        description="What the prices of many curves over many days come to, group by group; sorted by the groups' "
        f"values, as-of date and delivery. Of at most {use_cases.MOST_CURVES:,} curves, {use_cases.MOST_VERSIONS:,} "
        f"as-of dates of them together, and {use_cases.MOST_GROUPS:,} groups; at most {_MOST_ROWS:,} rows at once. "
        "Pin `knownAt` to page through the same.",
        metadata=batched(),
        directives=[sizing(DEFAULT_PAGE, ["first"], "nodes", "edges"), weighing(1000)],
    )
    async def aggregate(
        self, info: Info,
        as_of: Annotated[DateRange | None, strawberry.argument(
            description="Which as-of dates; has to be given without a `scenarioRun`.")] = None,
        filter: Filter = None, known_at: KnownAt = None,
        scenario_run: Annotated[strawberry.ID | None, strawberry.argument(
            description="Mids as this run of a scenario has them, which says the as-of date and the instant.")] = None,
        group_by: Annotated[AggregateGrouping | None, strawberry.argument(
            description="What prices are pooled by; null: by measure, currency and unit alone.")] = None,
        measures: Annotated[list[AggregateMeasure] | None, strawberry.argument(
            description="What is wanted of them; null: all but HOUR_WEIGHTED_MEAN.")] = None,
        percentiles: Annotated[list[float] | None, strawberry.argument(
            description=f"And which percentiles, from 0 to 100; at most {_MOST_PERCENTILES}.")] = None,
        tenor_type: Annotated[TenorType, strawberry.argument(
            description="Which points of a curve: of one kind, so that no delivery counts twice.")] = TenorType.MONTH,
        delivery: Delivery = None,
        side: Annotated[Side, strawberry.argument(description="Which side of the quotes.")] = Side.MID,
        currency: Annotated[str | None, strawberry.argument(
            description="What all prices shall be in: a code of `currencies`; another one takes `fx`.")] = None,
        unit: Annotated[str | None, strawberry.argument(
            description="What they shall be per: a code of `units`; refused where one does not convert.")] = None,
        fx: Annotated[list[str] | None, strawberry.argument(
            description="Exchange rates of all as-of dates, one for each pair of currencies: `1.08 USD/EUR`.")] = None,
        first: First = None, after: After = None,
    ) -> AggregateConnection:  # fmt: skip
        by, context = group_by or AggregateGrouping(), info.context
        wanted = set(_USUAL if measures is None else measures)
        (first_day, last_day), instant, run = await _days_of(context, as_of, known_at, scenario_run)
        asked = AggregateAsked(
            first_day, last_day, _grouping(by, tenor_type, delivery), instant,
            tuple(dict.fromkeys(by.dimensions or ())), by.curve, AggregateMeasure.HOUR_WEIGHTED_MEAN in wanted,
            _percents(percentiles), side, common(currency, unit, fx or ()), run,
        )  # fmt: skip
        request = page_request(order := f"aggregate {asked.order}", first, after, most=_MOST_ROWS)
        found = await context.curves.aggregates.aggregate(
            context.principal, filter_of(filter), asked, request, head=await context.head(), stories=context.stories
        )
        nodes = rows_of(found.rows, asked, wanted)
        return connected(
            AggregateConnection, order, found.page, nodes, curve_count=found.curves, snapshot_count=found.days
        )


_USUAL = [each for each in AggregateMeasure if each is not AggregateMeasure.HOUR_WEIGHTED_MEAN]


async def _days_of(
    context: CurveContext, as_of: DateRange | None, known_at: datetime | None, scenario_run: strawberry.ID | None
) -> tuple[tuple[date, date], datetime | None, int | None]:
    """Which as-of dates, as known when, and the run."""
    run = story_of(scenario_run, as_of, known_at)
    if run is not None:
        day, instant = await context.scenario_start(run)
        return (day, day), instant, run
    if as_of is None:
        raise InvalidInput("which as-of dates?", field="asOf", hint="Give `asOf`, or a `scenarioRun`.")
    return bounds(as_of), instant_of(known_at), None


def _grouping(by: AggregateGrouping, tenor_type: TenorType, delivery: Delivery) -> Grouping:
    within = (delivery.start, delivery.end) if delivery else (None, None)
    return Grouping(by.delivery, by.as_of, by.seasons, tenor_type, within)


def _percents(given: list[float] | None) -> tuple[float, ...]:
    percents = tuple(dict.fromkeys(given or ()))
    if len(percents) > _MOST_PERCENTILES or not all(0 <= each <= 100 for each in percents):
        raise InvalidInput(f"up to {_MOST_PERCENTILES} percentiles, from 0 to 100", field="percentiles")
    return percents


def rows_of(rows: Aggregates, asked: AggregateAsked, wanted: set[AggregateMeasure]) -> RecordBatch[AggregateRow]:
    measures = {
        AggregateMeasure.MEAN: rows.mean, AggregateMeasure.HOUR_WEIGHTED_MEAN: rows.weighted_mean,
        AggregateMeasure.MINIMUM: rows.minimum, AggregateMeasure.MAXIMUM: rows.maximum,
        AggregateMeasure.STANDARD_DEVIATION: rows.deviation,
    }  # fmt: skip
    numbers = {str(each).lower(): column if each in wanted else Constant(None) for each, column in measures.items()}

    def by_group(of: Callable[[Group], Any]) -> Callable[[], list[Any]]:
        return lambda: [of(group) for group in rows.groups]

    return RecordBatch(AggregateRow, len(rows), {
        "keys": by_group(lambda group: _keys(group, asked)), "measure": by_group(lambda group: group.measure),
        "currency": by_group(lambda group: currency_of(group.currency)),
        "unit": by_group(lambda group: unit_of(group.unit)),
        "curve": by_group(lambda group: None if group.curve is None else curve_of(group.curve)),
        "as_of": lambda: list(map(_days, rows.as_of)), "delivery": lambda: list(map(_delivery, rows.delivery)),
        "count": rows.counts, "missing": rows.missing, **numbers,
        "percentiles": lambda: [_percentiles(asked.percents, each) for each in rows.percentiles],
    })  # fmt: skip


def _keys(group: Group, asked: AggregateAsked) -> list[AggregateKey]:
    pairs = zip(asked.dimensions, group.values, strict=True)
    return [
        AggregateKey(dimension=dimension, value=None if value is None else dimension_text(dimension, value))
        for dimension, value in pairs
    ]


@lru_cache(maxsize=2**12)
def _days(bucket: tuple[date, date] | None) -> AggregateDays | None:
    return None if bucket is None else AggregateDays(first=bucket[0], last=bucket[1])


@lru_cache(maxsize=2**12)
def _delivery(bucket: StripPeriod | None) -> AggregateDelivery | None:
    if bucket is None:
        return None
    period = bucket.period
    return AggregateDelivery(label=bucket.label, delivery_start=period.start, delivery_end=period.end)


def _percentiles(percents: Sequence[float], values: Numbers) -> list[AggregatePercentile]:
    pairs = zip(percents, listed(values), strict=True)
    return [AggregatePercentile(percent=percent, value=value) for percent, value in pairs]
