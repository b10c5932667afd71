"""The prices of rolling contracts over as-of dates."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

import strawberry
from strawberry.utils.str_converters import to_camel_case

from aurum.curves.analytics import rolling as analytics
from aurum.curves.analytics.deliveries import Seasons
from aurum.curves.analytics.rolling import Contract, RollRule
from aurum.curves.analytics.strips import Absence
from aurum.errors import InvalidInput
from aurum.graphql.arrow.tables import parallel
from aurum.graphql.columnar.plans import batched
from aurum.graphql.columnar.records import RecordBatch
from aurum.graphql.enums import publish_enum
from aurum.graphql.sizes import sized, weighing

_MOST_AHEAD, _MOST_DAYS_BEFORE, _MOST_DAYS_AHEAD = 120, 366, 7_305
# What a rule may have that says nothing of its contract.
_STRANGE: dict[Contract, tuple[str, ...]] = dict.fromkeys(Contract, ("days_ahead", "seasons"))
_STRANGE |= {Contract.SEASON_AHEAD: ("days_ahead",), Contract.CONSTANT_TIME: ("nth", "days_before", "seasons")}
_PLAIN = RollRule(Contract.MONTH_AHEAD)

publish_enum(
    Contract,
    "Which delivery an as-of date looks at.",
    {
        "MONTH_AHEAD": "A calendar month after that of the as-of date; the front month with `nth` 1.",
        "QUARTER_AHEAD": "A quarter after that of the as-of date.",
        "SEASON_AHEAD": "A season after that of the as-of date.",
        "CALENDAR_AHEAD": "A calendar year after that of the as-of date; cal-ahead with `nth` 1.",
        "CONSTANT_TIME": "Always as many days ahead, between two months.",
    },
    name="RollingContract",
)


@strawberry.input(description="A contract that rolls from delivery to delivery.")
class RollingInput:
    contract: Contract = strawberry.field(description="Which kind.")
    nth: int = strawberry.field(
        default=1,
        description="How many periods after that of the as-of date; 0: that one itself. Not of CONSTANT_TIME.",
    )
    days_before: int = strawberry.field(
        default=0,
        description="Rolls so many calendar days before the period of the as-of date ends. Not of CONSTANT_TIME.",
    )
    days_ahead: int = strawberry.field(
        default=30, description="Of CONSTANT_TIME: days from the as-of date to the middle of delivery."
    )
    seasons: Seasons = strawberry.field(default=Seasons.VENDOR, description="Of SEASON_AHEAD: how they are delimited.")


@strawberry.type(
    description="What a rolling contract was priced at on an as-of date, in the curve's currency and unit."
)
class RollingPoint:
    as_of: date = strawberry.field(description="The date the market is looked at from.")
    delivery_start: date | None = strawberry.field(
        description="The first day of delivery, with CONSTANT_TIME of the nearer month; null: out of the curve's reach."
    )
    delivery_end: date | None = strawberry.field(description="The day after the last, likewise of the farther.")
    tenor: str | None = strawberry.field(description="The vendor's point, or the nearer one; null: it has none.")
    next_tenor: str | None = strawberry.field(description="Of CONSTANT_TIME: the farther one.")
    weight: float = strawberry.field(description="The share of `tenor`; `nextTenor` has the rest.")
    mid: float | None = strawberry.field(description="Null where `gap` says why.")
    bid: float | None = strawberry.field(description="Null where none is quoted.")
    ask: float | None = strawberry.field(description="Null where none is quoted.")
    rolled: bool = strawberry.field(
        description="Whether the delivery is another one than on the as-of date before: that is no move of the market."
    )
    gap: Absence | None = strawberry.field(description="Why there is no mid; null where there is one.")
    version: int = strawberry.field(description="The version of that date that is answered.")
    published_at: datetime = strawberry.field(description="When that version became known (UTC).")


@strawberry.type(description="The points of a rolling history as parallel lists: the same numbers, less to carry.")
class RollingColumns:
    as_of: list[date] = strawberry.field(description="See `RollingPoint.asOf`.")
    delivery_start: list[date | None] = strawberry.field(description="See `RollingPoint.deliveryStart`.")
    delivery_end: list[date | None] = strawberry.field(description="See `RollingPoint.deliveryEnd`.")
    tenor: list[str | None] = strawberry.field(description="See `RollingPoint.tenor`.")
    next_tenor: list[str | None] = strawberry.field(description="See `RollingPoint.nextTenor`.")
    weight: list[float] = strawberry.field(description="See `RollingPoint.weight`.")
    mid: list[float | None] = strawberry.field(description="See `RollingPoint.mid`.")
    bid: list[float | None] = strawberry.field(description="See `RollingPoint.bid`.")
    ask: list[float | None] = strawberry.field(description="See `RollingPoint.ask`.")
    rolled: list[bool] = strawberry.field(description="See `RollingPoint.rolled`.")
    gap: list[Absence | None] = strawberry.field(description="See `RollingPoint.gap`.")
    version: list[int] = strawberry.field(description="See `RollingPoint.version`.")
    published_at: list[datetime] = strawberry.field(description="See `RollingPoint.publishedAt`.")


@strawberry.type(description="The prices of a rolling contract, by as-of date, oldest first.")
class RollingHistory:
    rule: str = strawberry.field(description="Which delivery is looked at, and when it rolls, in words.")
    roll_days: list[date] = strawberry.field(
        description="The as-of dates that are marked `rolled`.", directives=[sized(12)]
    )
    history: strawberry.Private[analytics.RollingHistory]

    @strawberry.field(
        description="A point for each as-of date of the curve, with or without a price.",
        metadata=batched(),
        directives=[sized(250)],
    )
    def points(self) -> Sequence[RollingPoint]:
        return points_of(self.history)

    @strawberry.field(
        description="The points as parallel lists.", metadata={**batched(), **parallel()}, directives=[weighing(20)]
    )
    def columns(self) -> RollingColumns:
        return points_of(self.history).parallel(RollingColumns)


def points_of(found: analytics.RollingHistory) -> RecordBatch[RollingPoint]:
    return RecordBatch(
        RollingPoint, len(found.as_of),
        {
            "as_of": found.as_of,
            "delivery_start": [period and period.start for period in found.periods],
            "delivery_end": [period and period.end for period in found.periods],
            "tenor": found.near, "next_tenor": found.far, "weight": found.weights, "mid": found.mid, "bid": found.bid,
            "ask": found.ask, "rolled": found.rolled, "gap": found.gaps, "version": found.versions,
            "published_at": found.published_at,
        },
    )  # fmt: skip


def rolling_of(rule: RollRule, found: analytics.RollingHistory | None) -> RollingHistory:
    history = found or analytics.rolling_history(rule, [])
    marked = zip(history.as_of, history.rolled, strict=True)
    return RollingHistory(rule=rule.text, roll_days=[day for day, rolled in marked if rolled], history=history)


def rule_of(given: RollingInput) -> RollRule:
    limits = {
        "nth": (given.nth, _MOST_AHEAD), "daysBefore": (given.days_before, _MOST_DAYS_BEFORE),
        "daysAhead": (given.days_ahead, _MOST_DAYS_AHEAD),
    }  # fmt: skip
    for name, (value, most) in limits.items():
        if not 0 <= value <= most:
            raise InvalidInput(f"`{name}` is from 0 to {most}", field=name)
    for name in _STRANGE[given.contract]:
        if getattr(given, name) != getattr(_PLAIN, name):
            name = to_camel_case(name)
            raise InvalidInput(f"`{name}` says nothing of {given.contract}", field=name, hint="Leave it out.")
    return RollRule(given.contract, given.nth, given.days_before, given.days_ahead, given.seasons)
