"""Calendars: when markets deliver, in blocks and hours."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Annotated

import numpy as np
import strawberry
from strawberry import argument

from aurum.errors import InvalidInput
from aurum.graphql.columnar.records import Columns, RecordBatch
from aurum.graphql.sizes import sized
from aurum.market import blocks as words
from aurum.market import calendars as market
from aurum.market.clocks import END_DAY, FIRST_DAY
from aurum.market.hours import (
    INTERVALS,
    Instants,
    delivery_days,
    hour_count,
    hour_counts,
    in_block,
    intervals,
    local_times,
    months_within,
)
from aurum.market.periods import DeliveryPeriod
from aurum.metadata.graphql.deliveries import DeliveryInput, period_of

MOST_INTERVALS = 10_000

BlockArgument = Annotated[
    str, argument(description="By its code, its pattern here or an alias, such as `5x16`, `on-peak`, `ATC`.")
]
Range = Annotated[DeliveryInput, argument(description="Which delivery days, half-open.")]
Interval = Annotated[int, argument(description="How many minutes each has: 15, 30 or 60.")]


@strawberry.type(description="A set of the hours of a week, in a market's local time.")
class Block:
    code: str = strawberry.field(description="Such as `BASELOAD`, `PEAK`, `OFF_PEAK`.")
    name: str = strawberry.field(description="Which hours: what is no peak hour is night, a holiday is no peak day.")
    pattern: str | None = strawberry.field(
        description="What traders call it in this market: days a week x hours a day, such as `5x16`; null: they do not."
    )
    aliases: list[str] = strawberry.field(description="How else it is written, in any market.")


@strawberry.type(description="A day that is no peak day, whichever day of the week it is.")
class Holiday:
    day: date = strawberry.field(description="When it is kept, in local time.")
    name: str = strawberry.field(description="In English.")


@strawberry.type(description="An interval of delivery.")
class DeliveryInterval:
    start: datetime = strawberry.field(description="When it begins (UTC).")
    end: datetime = strawberry.field(description="When it ends (UTC).")
    local_start: str = strawberry.field(description="When it begins, in local time with its offset from UTC.")
    delivery_day: date = strawberry.field(description="The delivery day that it belongs to.")
    number: int = strawberry.field(
        description="Counts the intervals of its delivery day from 1: the 24th hour of a day of 23 does not exist."
    )


@strawberry.type(description="How many hours a block has in a month, or in the part of it that was asked for.")
class BlockHours:
    start: date = strawberry.field(description="The first delivery day.")
    end: date = strawberry.field(description="The day after the last.")
    hours: float = strawberry.field(description="Hours, with those that clocks skip and repeat.")


@strawberry.type(description="The peak of a market, in local time.")
class PeakHours:
    start: int = strawberry.field(description="The hour at which it begins: 7 is hour ending 08.")
    end: int = strawberry.field(description="The hour at which it ends: 23 is hour ending 23.")
    days: int = strawberry.field(description="How many days of a week have it, from Monday on.")
    holidays: str | None = strawberry.field(
        description="Whose holidays have none: `NERC`, `ONTARIO`; null: holidays are days like others."
    )


@strawberry.type(description="When a market delivers: its clock, its days, its blocks, its holidays.")
class Calendar:
    name: str = strawberry.field(description="Its code, such as `PJM`.")
    title: str = strawberry.field(description="In English.")
    zone: str = strawberry.field(description="Its time zone, by its name in the IANA database.")
    aliases: list[str] = strawberry.field(description="Other names of it.")
    day_start: int = strawberry.field(description="The local hour at which a delivery day begins: 6 for gas in Europe.")
    peak: PeakHours | None = strawberry.field(description="Its peak; null: it has all hours only.")
    blocks: list[Block] = strawberry.field(description="All blocks that it has.", directives=[sized(7)])
    source: str = strawberry.field(description="Where this is from.")
    unverified: str | None = strawberry.field(description="What of it was not checked against a second source.")
    calendar: strawberry.Private[market.Calendar]

    @strawberry.field(description="Its holidays of a year or a range, oldest first.", directives=[sized(12)])
    def holidays(
        self,
        year: Annotated[int | None, argument(description="Those of a year, 2000 to 2101.")] = None,
        range: Annotated[DeliveryInput | None, argument(description="Those of a half-open range of days.")] = None,
    ) -> list[Holiday]:
        period = _year_or_range(year, range)
        return [Holiday(day=day, name=name) for day, name in self.calendar.holidays(period.start, period.end).items()]

    @strawberry.field(
        description="The intervals of a delivery day: 23 or 25 hours where clocks change.", directives=[sized(25)]
    )
    def hours(
        self, date: Annotated[date, argument(description="The delivery day.")],
        block: BlockArgument = "BASELOAD", interval: Interval = 60,
    ) -> Sequence[DeliveryInterval]:  # fmt: skip
        return _intervals(self.calendar, block, _day(date), interval, MOST_INTERVALS)

    @strawberry.field(
        description="The intervals of a block in a range, in order. A range of more than `limit` is refused, not cut.",
        directives=[sized(1000, "limit")],
    )
    def expand(
        self, range: Range, block: BlockArgument = "BASELOAD", interval: Interval = 60,
        limit: Annotated[int, argument(description="At most so many intervals, 1 to 10000.")] = 1000,
    ) -> Sequence[DeliveryInterval]:  # fmt: skip
        if not 1 <= limit <= MOST_INTERVALS:
            raise InvalidInput(f"between 1 and {MOST_INTERVALS} intervals", field="limit")
        return _intervals(self.calendar, block, _period(range), interval, limit)

    @strawberry.field(description="How many hours a block has in a range, with those that clocks skip and repeat.")
    def hour_count(self, range: Range, block: BlockArgument = "BASELOAD") -> float:
        return hour_count(self.calendar, self.calendar.block(block), _period(range))

    @strawberry.field(
        description="How many hours a block has in each month of a range, oldest first.", directives=[sized(60)]
    )
    def hour_counts(self, range: Range, block: BlockArgument = "BASELOAD") -> list[BlockHours]:
        months = months_within(_period(range))
        counts = hour_counts(self.calendar, self.calendar.block(block), months).tolist()
        return [BlockHours(start=each.start, end=each.end, hours=n) for each, n in zip(months, counts, strict=True)]


@strawberry.type
class CalendarQuery:
    @strawberry.field(description="The calendars that Aurum knows, sorted by name.", directives=[sized(15)])
    def calendars(self) -> list[Calendar]:
        return [calendar_face(market.CALENDARS[code]) for code in sorted(market.CALENDARS)]

    @strawberry.field(description="A calendar by its name or an alias, in any spelling; null: there is none.")
    def calendar(
        self, name: Annotated[str, argument(description="Such as `PJM`, `EEX`, `EU_GAS`.")]
    ) -> Calendar | None:  # fmt: skip
        found = market.calendar(name)
        return None if found is None else calendar_face(found)


@lru_cache(maxsize=64)
def calendar_face(calendar: market.Calendar) -> Calendar:
    peak = calendar.peak
    return Calendar(
        name=calendar.code, title=calendar.name, zone=calendar.zone, aliases=list(calendar.aliases),
        day_start=calendar.day_start,
        peak=PeakHours(start=peak.start, end=peak.end, days=peak.days, holidays=peak.holidays) if peak else None,
        blocks=[block_face(calendar, block) for block in calendar.blocks], source=calendar.source,
        unverified=calendar.unverified, calendar=calendar,
    )  # fmt: skip


@lru_cache(maxsize=512)
def block_face(calendar: market.Calendar, block: words.Block) -> Block:
    pattern = next((pattern for pattern, each in calendar.patterns.items() if each == block), None)
    return Block(code=block.code, name=block.name, pattern=pattern, aliases=list(block.aliases))


def _year_or_range(year: int | None, range_: DeliveryInput | None) -> DeliveryPeriod:
    if (year is None) == (range_ is None):
        raise InvalidInput("either a year or a range", field="year")
    if range_ is not None:
        return _period(range_)
    if year is None or not FIRST_DAY.year <= year < END_DAY.year:
        raise InvalidInput(f"calendars know the years {FIRST_DAY.year} to {END_DAY.year - 1}", field="year")
    return DeliveryPeriod(date(year, 1, 1), date(year + 1, 1, 1))


def _day(day: date) -> DeliveryPeriod:
    if not FIRST_DAY <= day < END_DAY:
        raise InvalidInput(f"calendars know the days from {FIRST_DAY} until before {END_DAY}", field="date")
    return DeliveryPeriod(day, day + timedelta(1))


def _period(asked: DeliveryInput) -> DeliveryPeriod:
    period = period_of(asked, "range")
    if period.start < FIRST_DAY or period.end > END_DAY:
        raise InvalidInput(f"calendars know the days from {FIRST_DAY} until before {END_DAY}", field="range")
    return period


def _intervals(
    calendar: market.Calendar, block: str, period: DeliveryPeriod, minutes: int, limit: int
) -> Sequence[DeliveryInterval]:
    chosen = calendar.block(block)
    if minutes not in INTERVALS:
        raise InvalidInput("intervals have 15, 30 or 60 minutes", field="interval")
    count = round(hour_count(calendar, chosen, period) * 60 / minutes)
    if count > limit:
        hint = f"`limit` may be up to {MOST_INTERVALS}; `hourCounts` counts by month without one."
        raise InvalidInput(f"the range has {count} intervals, more than {limit}", hint=hint, field="range")
    starts = intervals(calendar, period, minutes)
    starts = starts[in_block(calendar, chosen, starts)]
    return RecordBatch(DeliveryInterval, len(starts), lambda: _columns(calendar, starts, minutes))


def _columns(calendar: market.Calendar, starts: Instants, minutes: int) -> Columns:
    days, begun = delivery_days(calendar, starts)
    length = np.timedelta64(minutes, "m")
    return {
        "start": lambda: _instants(starts), "end": lambda: _instants(starts + length),
        "local_start": lambda: local_times(calendar, starts),
        "delivery_day": days, "number": (starts - begun) // length + 1,
    }  # fmt: skip


def _instants(starts: Instants) -> list[datetime]:
    return [each.replace(tzinfo=UTC) for each in starts.tolist()]
