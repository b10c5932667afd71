"""Strips of a snapshot."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Annotated

import strawberry

from aurum.curves import model
from aurum.curves.analytics import strips as analytics
from aurum.curves.analytics.deliveries import Granularity, Seasons, StripPeriod, range_of_months, strip_periods
from aurum.curves.analytics.strips import Absence, StripCoverage, Weighting
from aurum.curves.expressions import DerivedCurve
from aurum.curves.graphql.arguments import Info, there
from aurum.errors import InvalidInput
from aurum.graphql.enums import publish_enum
from aurum.graphql.sizes import sized
from aurum.metadata.graphql import DeliveryInput, period_of

publish_enum(
    Granularity,
    "What kind of delivery a strip is.",
    {
        "QUARTER": "Three months from January, April, July or October.",
        "SEASON": "A summer or a winter, as `seasons` delimits it.",
        "CALENDAR": "January to December.",
        "GAS_YEAR": "October to September.",
        "BALANCE": "From the month of the as-of date to the December of its year.",
    },
)
publish_enum(
    Weighting,
    "What the months of a strip weigh.",
    {
        "EQUAL": "Every month the same, as the vendors' own strips do.",
        "HOURS": "The hours of the curve's block in each month; refused (NO_BLOCK_HOURS) where they are not known, or "
        "where a derived curve's have not one block.",
    },
)
publish_enum(
    StripCoverage,
    "Which of its months a strip is made of.",
    {
        "COMPLETE": "All of them.",
        "BALANCE": "All that are not delivered yet; the month of the as-of date counts whole.",
        "PARTIAL": "Months that are still to be delivered are missing: the price is that of the others.",
    },
)

GranularityArgument = Annotated[list[Granularity], strawberry.argument(description="Which kinds.")]
WeightingArgument = Annotated[Weighting, strawberry.argument(description="What the months weigh.")]
SeasonsArgument = Annotated[Seasons, strawberry.argument(description="How seasons are delimited.")]
StripDelivery = Annotated[DeliveryInput, strawberry.argument(description="From a first of a month to another.")]


@strawberry.type(description="A month that a strip is made of.")
class StripInput:
    tenor: str = strawberry.field(description="The month, as `2025-06`.")
    delivery_start: date = strawberry.field(description="The first day of delivery.")
    delivery_end: date = strawberry.field(description="The day after the last day of delivery.")
    mid: float = strawberry.field(description="The vendor's mid; of a derived curve its value.")
    weight: float | None = strawberry.field(
        description="Its share: weights add up to 1, weights times mids are the strip's mid. Null where none has any."
    )


@strawberry.type(description="A month of a strip that has no price, and why.")
class MissingMonth:
    delivery_start: date = strawberry.field(description="The first day of delivery.")
    delivery_end: date = strawberry.field(description="The day after the last day of delivery.")
    reason: Absence = strawberry.field(description="Why.")


@strawberry.type(description="The price of a longer delivery as its months make it, in the curve's currency and unit.")
class Strip:
    label: str = strawberry.field(description="`Q3 2025`, `Winter 2026`, `Gas Year 2025-26`, `2025-03 to 2025-08`.")
    granularity: Granularity | None = strawberry.field(description="What kind it is; null for a range of one's own.")
    delivery_start: date = strawberry.field(description="The first day of delivery, of the months delivered too.")
    delivery_end: date = strawberry.field(description="The day after the last day of delivery.")
    weighting: Weighting = strawberry.field(description="What its months weigh.")
    coverage: StripCoverage = strawberry.field(description="Which of its months it is made of.")
    month_count: int = strawberry.field(description="How many months it has.")
    quoted_month_count: int = strawberry.field(description="How many of them it is made of.")
    mid: float | None = strawberry.field(description="The weighted mean of the mids; null where no month has one.")
    bid: float | None = strawberry.field(description="That of the bids; null where one of the months used has none.")
    ask: float | None = strawberry.field(description="That of the asks; null where one of the months used has none.")
    vendor_tenor: str | None = strawberry.field(
        description="The vendor's own point of the same delivery, of a derived curve computed from such points; null "
        "where there is none."
    )
    vendor_mid: float | None = strawberry.field(description="Its mid, to the vendor's digits.")
    vendor_difference: float | None = strawberry.field(description="`mid` less `vendorMid`.")
    prices: strawberry.Private[model.CurvePrices]
    strip: strawberry.Private[analytics.Strip]

    @strawberry.field(description="The months that it is made of, by delivery.", directives=[sized(12)])
    def inputs(self) -> list[StripInput]:
        return [_input(self.prices, *each) for each in zip(self.strip.inputs, self.strip.weights.tolist(), strict=True)]

    @strawberry.field(description="Its other months, by delivery.", directives=[sized(3)])
    def missing(self) -> list[MissingMonth]:
        return [
            MissingMonth(delivery_start=each.period.start, delivery_end=each.period.end, reason=each.reason)
            for each in self.strip.missing
        ]


@dataclass(frozen=True, slots=True)
class Months:
    """What strips are made of."""

    prices: model.CurvePrices
    as_of: date
    weighting: Weighting
    weights: analytics.Weights | None


async def months_of(info: Info, snapshot: model.Snapshot, weighting: Weighting) -> Months:
    curve = await info.context.load(info.context.metadata.by_id, snapshot.curve_id)
    weights = info.context.curves.strip_weights(there(curve, "curve"), snapshot.prices.tenors, weighting)
    return Months(snapshot.prices, snapshot.as_of, weighting, weights)


def months_of_derived(curve: DerivedCurve, weighting: Weighting) -> Months:
    prices = curve.prices
    weights = analytics.month_weights(prices.tenors, weighting, curve.block_hours)
    return Months(prices, curve.as_of, weighting, weights)


async def strips_of(months: Months, granularity: Sequence[Granularity], seasons: Seasons) -> list[Strip]:
    return await _made(
        months, strip_periods(months.prices.tenors, months.as_of, tuple(dict.fromkeys(granularity)), seasons)
    )


async def strip_of(months: Months, delivery: DeliveryInput) -> Strip:
    try:
        asked = range_of_months(period_of(delivery))
    except ValueError as error:
        raise InvalidInput(str(error), field="delivery") from None
    (strip,) = await _made(months, [asked])
    return strip


async def _made(months: Months, asked: Sequence[StripPeriod]) -> list[Strip]:
    found = await asyncio.to_thread(analytics.strips, months.prices, months.as_of, asked, months.weights)
    return [_strip(months.prices, each, months.weighting) for each in found]


def _strip(prices: model.CurvePrices, found: analytics.Strip, weighting: Weighting) -> Strip:
    vendor = None if found.vendor is None else _number(float(prices.mid[found.vendor]))
    mid, period = _number(found.mid), found.asked.period
    return Strip(
        label=found.asked.label, granularity=found.asked.granularity, delivery_start=period.start,
        delivery_end=period.end, weighting=weighting, coverage=found.coverage,
        month_count=len(found.inputs) + len(found.missing), quoted_month_count=len(found.inputs),
        mid=mid, bid=_number(found.bid), ask=_number(found.ask),
        vendor_tenor=None if found.vendor is None else prices.tenors[found.vendor].label, vendor_mid=vendor,
        vendor_difference=None if mid is None or vendor is None else mid - vendor, prices=prices, strip=found,
    )  # fmt: skip


def _input(prices: model.CurvePrices, place: int, weight: float) -> StripInput:
    tenor = prices.tenors[place]
    return StripInput(
        tenor=tenor.label, delivery_start=tenor.period.start, delivery_end=tenor.period.end,
        mid=float(prices.mid[place]), weight=_number(weight),
    )  # fmt: skip


def _number(value: float) -> float | None:
    return None if value != value else value
