"""Aggregates prices of many curves over many days. Every call says who asks."""

from __future__ import annotations

import asyncio
from bisect import bisect_right
from collections.abc import AsyncIterator, Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import partial

import numpy as np

from aurum.auth import Principal, Scope
from aurum.backends.kept import Kept
from aurum.backends.paging import Page, PageRequest, Position
from aurum.curves.aggregated import Aggregate, Aggregates
from aurum.curves.analytics.groups import Group, PricedIn, grouped, order_of
from aurum.curves.analytics.pools import Grouping, HoursOf, Members, Pool
from aurum.curves.blocks import DayBlock, Ids
from aurum.curves.books import BookStore
from aurum.curves.conversions import Common
from aurum.curves.model import DayPrices, Side
from aurum.curves.stories import Stories, teller
from aurum.errors import InvalidCursor, InvalidInput
from aurum.market.periods import TenorGrid
from aurum.metadata.model import Curve, CurveFilter, Dimension, unit_known_at
from aurum.metadata.reference.calendars import block_hours
from aurum.metadata.service import MetadataService

MOST_CURVES = 5_000
MOST_VERSIONS = 200_000  # of curves' days: 250 days of 800 curves
MOST_GROUPS = 100_000
_KEPT_BYTES = 4 * 2**20  # of what curves were chosen by the last filters
_CURVE_BYTES = 200
_VERSIONS_READ = 5_000  # at a time: 4 MB where each has 100 points
_LIGHT = 500  # curves' days, and rows of an answer: a millisecond or two
_UNWEIGHTED = {
    "hint": "MEAN weighs every price the same; `filter` may leave out what has no `calendar`, as carbon.",
    "field": "measures",
}
_Blocks = Callable[[], list[DayBlock]]


@dataclass(frozen=True, slots=True)
class AggregateAsked:
    """Prices of the as-of dates from `first` to `last`, both included, as known at `known_at`.

    `common`: what is pooled is brought into it first. `weighted`: a mean by the hours of each curve's block is wanted.
    With a `run` of a scenario the mids that it has, whatever its as-of dates; `known_at` is what it has taken.
    """

    first: date
    last: date
    grouping: Grouping
    known_at: datetime | None = None
    dimensions: tuple[Dimension, ...] = ()
    by_curve: bool = False
    weighted: bool = False
    percents: tuple[float, ...] = ()
    side: Side = Side.MID
    common: Common | None = None
    run: int | None = None

    def __post_init__(self) -> None:
        if self.run is not None and self.side is not Side.MID:
            raise InvalidInput("a run of a scenario has mids alone", field="side")

    @property
    def order(self) -> str:
        """Names what rows are sorted by."""
        by = [*self.dimensions, self.by_curve, self.grouping.as_of, self.grouping.delivery, self.grouping.seasons]
        return " ".join(map(str, by))


@dataclass(frozen=True, slots=True)
class AggregatePage:
    """`rows` are the items of the page; `curves` is how many the filter chose, of a run those that it has; `days` how
    many as-of dates of them were read, all together.
    """

    page: Page[Aggregate]
    rows: Aggregates
    curves: int
    days: int


@dataclass(frozen=True, slots=True, eq=False)
class _Chosen:
    """The curves of a filter, the groups of a question in their order, and which curve is in which."""

    curves: Sequence[Curve]
    groups: Sequence[Group]
    members: Members


class AggregateService:
    def __init__(self, books: BookStore, metadata: MetadataService) -> None:
        self._books = books
        self._metadata = metadata
        self._kept = Kept[Hashable, _Chosen](_KEPT_BYTES)

    async def aggregate(
        self,
        principal: Principal,
        wanted: CurveFilter,
        asked: AggregateAsked,
        request: PageRequest,
        *,
        head: int | None = None,
        stories: Stories | None = None,
    ) -> AggregatePage:
        """Sorted by group, as-of date and delivery. `head`: see `CurveService.head`.

        Two statements for up to 5,000 days of curves, one where they are of a day that is kept, and one more for what
        units they had at a `known_at`; for more days one that counts them, and one for each 5,000; what `stories` tell
        are three. Raises InvalidInput for more than MOST_CURVES, MOST_VERSIONS or MOST_GROUPS, and for points that lie
        in no bucket; what conversions do; NoBlockHours.
        """
        principal.require(Scope.CURVES_READ)
        chosen, told = await self._chosen(principal, wanted, asked, head, stories)
        hours_of = _hours_of(chosen.curves) if asked.weighted else None
        pool, ids = Pool(asked.grouping, chosen.members, asked.percents, hours_of), chosen.members.ids
        parts = self._blocks(principal.tenant, ids, asked, told, head)
        last = await anext(parts, list)
        async for following in parts:
            await asyncio.to_thread(_add, pool, last)
            last = following
        question = (pool, last, chosen.groups, asked.grouping, request)
        light = _is_light(asked, len(ids), request)
        rows, more = _rows(*question) if light else await asyncio.to_thread(_rows, *question)
        page = Page(rows, rows.positions, more, request.position is not None)
        return AggregatePage(page, rows, len(chosen.curves), pool.days)

    async def _chosen(
        self, principal: Principal, wanted: CurveFilter, asked: AggregateAsked, head: int | None,
        stories: Stories | None,
    ) -> tuple[_Chosen, Mapping[int, DayPrices] | None]:  # fmt: skip
        """The curves and their groups, kept for as long as the catalogue has the same page of curves; and what a run
        has of them, where one was asked for.
        """
        most = PageRequest(MOST_CURVES + 1)
        curves = (await self._metadata.curves(principal, wanted, [], most, head=head)).items
        if len(curves) > MOST_CURVES:
            raise _too_many(f"{MOST_CURVES:,} curves", "filter")
        told = None
        if asked.run is not None:
            told = await teller(stories).days(principal, asked.run, [curve.id for curve in curves])
            curves = [curve for curve in curves if curve.id in told]
        common = asked.common and (asked.common.currency, asked.common.unit, str(asked.common))
        question = (principal.tenant, wanted, asked.dimensions, asked.by_curve, common)
        kept = self._kept.get(question) if asked.known_at is None else None
        if kept is not None and kept.curves is curves:
            return kept, told
        units = await self._units(principal, curves, asked.known_at)
        priced_in, factors = _converted(curves, units, asked)
        groups, places = grouped(curves, priced_in, asked.dimensions, asked.by_curve)
        members = {curve.id: (place, factors[curve.id]) for curve, place in zip(curves, places, strict=True)}
        found = _Chosen(curves, groups, Members.of(members))
        if asked.known_at is None and told is None:
            self._kept.put(question, found, _CURVE_BYTES * len(curves))
        return found, told

    async def _units(
        self, principal: Principal, curves: Sequence[Curve], known_at: datetime | None
    ) -> dict[int, PricedIn]:
        """By curve its currency and unit, as they were known."""
        if known_at is None:
            return {curve.id: (curve.currency, curve.unit) for curve in curves}
        versions = await self._metadata.unit_versions(principal, [curve.id for curve in curves])
        known = {curve.id: unit_known_at(versions[curve.id], known_at) for curve in curves}
        return {id_: (each.currency, each.unit) for id_, each in known.items()}

    async def _blocks(
        self, tenant: str, ids: Ids, asked: AggregateAsked, told: Mapping[int, DayPrices] | None,
        head: int | None,
    ) -> AsyncIterator[_Blocks]:  # fmt: skip
        if told is not None:
            yield partial(_by_grid, told)
            return
        for first, last in await self._batches(tenant, ids, asked) if len(ids) else ():
            yield await self._books.blocks(tenant, ids, first, last, asked.known_at, asked.side, head)

    async def _batches(self, tenant: str, ids: Ids, asked: AggregateAsked) -> list[tuple[date, date]]:
        """The range in parts of some _VERSIONS_READ versions, each of a day at least."""
        if ((asked.last - asked.first).days + 1) * len(ids) <= _VERSIONS_READ:
            return [(asked.first, asked.last)]
        counts = await self._books.counts_by_day(tenant, ids, asked.first, asked.last, asked.known_at)
        if sum(counts.values()) > MOST_VERSIONS:
            raise _too_many(f"{MOST_VERSIONS:,} as-of dates of curves", "asOf")
        parts: list[list[date]] = []
        size = _VERSIONS_READ
        for day, count in counts.items():
            size += count
            if size > _VERSIONS_READ:
                parts.append([])
                size = count
            parts[-1].append(day)
        return [(part[0], part[-1]) for part in parts]


def _converted(
    curves: Sequence[Curve], units: dict[int, PricedIn], asked: AggregateAsked
) -> tuple[dict[int, PricedIn], dict[int, float]]:
    """By curve: what its prices are in when they are converted as they were asked for, and the factor to that."""
    if asked.common is None:
        return units, dict.fromkeys(units, 1.0)
    found = asked.common.of(curves, units)
    codes: dict[int, PricedIn] = {id_: (each.price.currency, each.price.unit) for id_, each in found.items()}
    return codes, {id_: each.factor for id_, each in found.items()}


def _is_light(asked: AggregateAsked, curves: int, request: PageRequest) -> bool:
    """Whether it is worked out in so little time that a turn to a thread would take as much again."""
    days = (asked.last - asked.first).days + 1
    return not (asked.weighted or asked.percents) and max(days * curves, request.limit) <= _LIGHT


def _hours_of(curves: Sequence[Curve]) -> HoursOf:
    by_id = {curve.id: curve for curve in curves}
    return lambda id_, periods: block_hours(by_id[id_], periods, _UNWEIGHTED)


def _by_grid(days: Mapping[int, DayPrices]) -> list[DayBlock]:
    """The mids of curves on a day each."""
    by_grid: dict[TenorGrid, list[int]] = {}
    for id_, day in days.items():
        by_grid.setdefault(day.prices.tenors, []).append(id_)
    return [
        DayBlock(
            grid, np.array(ids, np.int64), np.array([days[id_].as_of for id_ in ids], "M8[D]"),
            np.array([days[id_].prices.mid for id_ in ids]),
        )
        for grid, ids in by_grid.items()
    ]  # fmt: skip


def _add(pool: Pool, blocks: _Blocks) -> None:
    try:
        pool.add(blocks())
    except ValueError as error:
        hint = "Choose longer buckets, or months as `tenorType`."
        raise InvalidInput(str(error), field="groupBy", hint=hint) from None
    if len(pool) > MOST_GROUPS:
        raise _too_many(f"{MOST_GROUPS:,} groups", "groupBy")


def _rows(
    pool: Pool, last: _Blocks, groups: Sequence[Group], grouping: Grouping, request: PageRequest
) -> tuple[Aggregates, bool]:  # fmt: skip
    """Once the last of the blocks are added. And whether there are more behind them."""
    _add(pool, last)
    summary, start = pool.summary(), 0

    def rows(first: int, end: int) -> Aggregates:
        return Aggregates.of(summary, slice(first, end), groups, grouping)

    if request.position is not None:
        (first,) = rows(0, 1).positions or (request.position,)
        _check(request.position, first)
        start = bisect_right(
            range(len(pool)), order_of(request.position),
            key=lambda place: order_of(rows(place, place + 1).positions[0]),
        )  # fmt: skip
    return rows(start, start + request.limit), start + request.limit < len(pool)


def _check(position: Position, example: Position) -> None:
    """Raises InvalidCursor for what is not the position of an aggregate of this question."""
    kinds = [str] * (len(example) - 2) + [date, date]
    fits = len(position) == len(example)
    if not fits or not all(each is None or isinstance(each, kind) for each, kind in zip(position, kinds, strict=True)):
        raise InvalidCursor("the cursor does not fit the order of the list")


def _too_many(what: str, field: str) -> InvalidInput:
    return InvalidInput(f"more than {what}", field=field, hint="Narrow `filter` or `asOf`, or group by less.")
