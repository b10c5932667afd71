"""What moved: differences of curves, the movers of a book, rolling contracts. Every call says who asks."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import partial

import numpy as np

from aurum.auth import Principal, Scope
from aurum.backends.paging import Page, PageRequest
from aurum.curves.analytics.deviations import WINDOW, Spread, spreads_of
from aurum.curves.analytics.diffs import CurveDiff, Ends, difference, differences
from aurum.curves.analytics.movers import (
    BookMoves,
    MoveMeasure,
    Place,
    Position,
    book_moves,
    chosen_columns,
    ranked,
    sizes,
)
from aurum.curves.analytics.rolling import RollingHistory, RollRule, rolling_history
from aurum.curves.blocks import NOWHERE, QuoteBlock, Quoted, QuotedDay
from aurum.curves.books import BookStore
from aurum.curves.conversions import Common, Converted
from aurum.curves.model import DayPrices, Snapshot, Span
from aurum.curves.stories import Stories, teller
from aurum.errors import InvalidCursor, InvalidInput
from aurum.market.periods import Tenor, TenorGrid, TenorType
from aurum.market.units import PriceUnit, conversion_factor
from aurum.metadata.model import Curve, CurveFilter, UnitAssignment, unit_known_at
from aurum.metadata.service import MetadataService

MOST_CURVES = 5_000  # of a book
MOST_DAYS = 5_000  # of a rolling history: 20 years
_CURVES_READ, _CURVES_COMPUTED = 500, 100  # at a time: 60 days of 100 curves are 8 MB
_DAYS_READ = 20_000  # of curves, with bid and ask: 70 MB
_DAY = timedelta(days=1)
_WINDOW_DAYS = timedelta(days=WINDOW * 7 // 5 + 20)  # holds so many daily as-of dates
_AS_IT_IS = (1.0, 1.0)


@dataclass(frozen=True, slots=True)
class SnapshotRef:
    """The newest as-of date on or before `as_of` (None: any), as it was known at `known_at` (None: now).

    With a `run` as this run of a scenario has it, which has taken what these two say.
    """

    as_of: date | None = None
    known_at: datetime | None = None
    run: int | None = None

    def known_after(self, other: SnapshotRef) -> bool:
        return other.known_at is not None and (self.known_at is None or self.known_at > other.known_at)


def later(start: SnapshotRef, end: SnapshotRef) -> SnapshotRef:
    """The one that is known later; `end` where both are known at the same instant."""
    return start if start.known_after(end) else end


@dataclass(frozen=True, slots=True)
class Explained:
    """A difference, and the codes of what its prices are in: as it is known at the later of its two instants, unless
    they are converted. `unconverted` are the tenors that are not in it, as there is no rate for them.
    """

    diff: CurveDiff
    currency: str | None
    unit: str | None
    unconverted: tuple[str, ...] = ()


def _quoted(days: Mapping[int, DayPrices]) -> Quoted:
    """Of mids that are of no stored snapshot."""
    alike: dict[tuple[TenorGrid, date], list[int]] = {}
    for id_, day in days.items():
        alike.setdefault((day.prices.tenors, day.as_of), []).append(id_)
    return Quoted(lambda: [_block(*key, {id_: days[id_] for id_ in ids}) for key, ids in alike.items()])


def _block(tenors: TenorGrid, as_of: date, days: Mapping[int, DayPrices]) -> QuoteBlock:
    versions = np.array([day.version for day in days.values()], np.int64)
    mids = np.array([day.prices.mid for day in days.values()])
    return QuoteBlock(tenors, as_of, np.array(list(days), np.int64), None, versions, mids, None, None, None)


def spread_of_move(spread: Spread, start: date, end: date, to: Converted | None) -> Spread:
    """As a move between these as-of dates is judged by it."""
    turned = spread.backward() if end < start else spread
    return turned if to is None else turned.scaled(to.factor)


def _span(curve_id: int, start: date, end: date) -> Span:
    return Span(curve_id, min(start, end), max(start, end))


@dataclass(frozen=True, slots=True)
class Mover:
    """The move of one tenor of a curve. `converted`: to what; None: in the curve's own currency and unit.

    `spread` where moves were sized by it, in the same.
    """

    curve: Curve
    tenor: Tenor
    before: float
    after: float
    start: QuotedDay
    end: QuotedDay
    spread: Spread | None
    converted: Converted | None

    @property
    def span(self) -> Span:
        return _span(self.curve.id, self.start.as_of, self.end.as_of)


@dataclass(frozen=True, slots=True)
class MoverPage:
    """`curves` is how many the book has, `compared` how many of them both ends have, in units that convert."""

    page: Page[Mover]
    curves: int
    compared: int


class MoveService:
    def __init__(self, books: BookStore, metadata: MetadataService) -> None:
        self._books = books
        self._metadata = metadata

    async def diffs(
        self,
        principal: Principal,
        curve_ids: Sequence[int],
        *,
        start: SnapshotRef,
        end: SnapshotRef,
        as_they_are: bool = False,
        quotes: bool = True,
        head: int | None = None,
    ) -> dict[int, CurveDiff | InvalidInput]:
        """By curve that has one of them: what moved between two snapshots, and why; InvalidInput where their units do
        not convert. Prices are in the unit that is known at the later of the two instants.

        `as_they_are`: the vendor's numbers are compared, whatever their units are. Without `quotes` mids alone.
        One statement, and one more for an end whose day some curves lack; where the two are known at different instants
        one for each end, and two more; none for what is kept. `head`: see `CurveService.head`.
        """
        principal.require(Scope.CURVES_READ)
        tenant = principal.tenant
        old, new = await self._ends(tenant, curve_ids, start, end, quotes=quotes, head=head)
        if start.known_at == end.known_at:
            return dict(await asyncio.to_thread(differences, curve_ids, old, old, new, None))
        reverse = start.known_after(end)
        # Each of these days is known later too, and so the newest before itself.
        days = await asyncio.to_thread(getattr, new if reverse else old, "days")
        between = await self._books.newest(tenant, days, later(start, end).known_at, head=head)
        if as_they_are:
            compared = partial(differences, curve_ids, old, between, new, None, start_known_last=reverse)
            return dict(await asyncio.to_thread(compared))
        units = await self._metadata.unit_versions(principal, curve_ids)
        factors = {id_: _factors(versions, start, end) for id_, versions in units.items()}
        return await asyncio.to_thread(_converted, (old, between, new), factors, reverse)

    async def rolling(
        self,
        principal: Principal,
        curve_ids: Collection[int],
        *,
        rule: RollRule,
        first: date,
        last: date,
        known_at: datetime | None = None,
    ) -> dict[int, RollingHistory]:
        """By curve: a rolling contract on the as-of dates from `first` to `last`, both included.

        Two statements for up to 20,000 as-of dates of all curves, and one more for every further 20,000. Raises
        InvalidInput for a curve with more than MOST_DAYS of them.
        """
        principal.require(Scope.CURVES_READ)
        spans = [Span(id_, first, last) for id_ in curve_ids]
        counts = await self._books.day_counts(principal.tenant, spans, known_at)
        if max(counts.values(), default=0) > MOST_DAYS:
            raise InvalidInput(f"a rolling history has at most {MOST_DAYS} as-of dates", field="asOf")
        found: dict[int, RollingHistory] = {}
        for part in _parts([span for span in spans if span.curve_id in counts], counts):
            days = await self._books.days(principal.tenant, part, known_at, quotes=True)
            found |= await asyncio.to_thread(_rolled, rule, days)
        return found

    async def spreads(
        self, principal: Principal, spans: Collection[Span], *, known_at: datetime | None = None
    ) -> dict[Span, Spread]:
        """How each curve moved from day to day up to the first date of its span. Two statements for every 500."""
        principal.require(Scope.CURVES_READ)
        found: dict[Span, Spread] = {}
        for part in _each_once(spans):
            before = [Span(span.curve_id, span.first - _WINDOW_DAYS, span.first) for span in part]
            moved = [Span(span.curve_id, span.first + _DAY, span.last) for span in part]
            days = await self._books.days(principal.tenant, before, known_at)
            steps = await self._books.day_counts(principal.tenant, moved, known_at)
            found |= await asyncio.to_thread(_spreads, part, days, steps)
        return found

    async def movers(
        self,
        principal: Principal,
        wanted: CurveFilter,
        request: PageRequest,
        *,
        start: SnapshotRef,
        end: SnapshotRef,
        by: MoveMeasure,
        tenor_types: Sequence[TenorType] | None = None,
        delivery: tuple[date | None, date | None] = (None, None),
        one_per_curve: bool = False,
        common: Common | None = None,
        head: int | None = None,
        stories: Stories | None = None,
    ) -> MoverPage:
        """The moves of a book's tenors from `start` to `end`, the biggest first, those without a size last.

        `common`: in one currency and unit; raises what `Common.of` does for the first curve that does not convert.

        Two statements, however many curves the book has, one more for an end whose day some of them lack, two more
        where the two are known at different instants and one more where prices are converted; by ZSCORE two more for
        every 500; three more for an end that `stories` tell. Raises InvalidInput for a book of more than MOST_CURVES.
        `head`: see `CurveService.head`.
        """
        position = _checked(request.position)
        curves = (await self._metadata.curves(principal, wanted, [], PageRequest(MOST_CURVES + 1), head=head)).items
        if len(curves) > MOST_CURVES:
            raise InvalidInput(f"a book has at most {MOST_CURVES} curves", field="filter", hint="Narrow the filter.")
        ids = [curve.id for curve in curves]
        ends = await self._told_ends(principal, ids, start, end, stories, head)
        factors, converted = await self._factors(principal, curves, start, end, common)
        known_at = later(start, end).known_at
        spans = await asyncio.to_thread(_spans, ids, *ends) if by is MoveMeasure.ZSCORE else {}
        spreads = await self.spreads(principal, spans.values(), known_at=known_at)
        started, ended = (each.days for each in ends)
        scaled = {
            id_: spread_of_move(spreads[span], started[id_], ended[id_], converted.get(id_))
            for id_, span in spans.items()
        }
        book = _Book(curves, ends[0], ends[1], factors, scaled, converted)
        found = await asyncio.to_thread(
            book.first, request.limit + 1, by, position, one_per_curve, tenor_types, delivery
        )
        items = found[: request.limit]
        page = Page(
            [mover for mover, _ in items], [at for _, at in items], len(found) > request.limit, position is not None
        )
        return MoverPage(page, len(curves), book.compared)

    async def _told_ends(
        self, principal: Principal, ids: Sequence[int], start: SnapshotRef, end: SnapshotRef, stories: Stories | None,
        head: int | None,
    ) -> Sequence[Quoted]:  # fmt: skip
        if start.run is end.run is None:
            return await self._ends(principal.tenant, ids, start, end, head=head)

        async def read(ref: SnapshotRef) -> Quoted:
            if ref.run is not None:
                return _quoted(await teller(stories).days(principal, ref.run, ids))
            return (await self._books.ends(principal.tenant, ids, [ref.as_of], ref.known_at, head=head))[0]

        return await asyncio.gather(read(start), read(end))

    async def _ends(
        self, tenant: str, ids: Sequence[int], start: SnapshotRef, end: SnapshotRef, *, quotes: bool = False,
        head: int | None = None,
    ) -> list[Quoted]:  # fmt: skip
        read = partial(self._books.ends, tenant, ids, quotes=quotes, head=head)
        if start.known_at == end.known_at:
            return await read([start.as_of, end.as_of], start.known_at)
        found = await asyncio.gather(*(read([each.as_of], each.known_at) for each in (start, end)))
        return [quoted for (quoted,) in found]

    async def _factors(
        self, principal: Principal, curves: Sequence[Curve], start: SnapshotRef, end: SnapshotRef, common: Common | None
    ) -> tuple[list[tuple[float, float] | InvalidInput] | None, dict[int, Converted]]:
        """See `_factors`, of each curve, and by curve what its prices are converted to beyond that.

        No factors: at one instant a curve has one unit.
        """
        if start.known_at == end.known_at and common is None:
            return None, {}
        units = await self._metadata.unit_versions(principal, [curve.id for curve in curves])
        known_at, factors = later(start, end).known_at, [_factors(units[curve.id], start, end) for curve in curves]
        if common is None:
            return factors, {}
        known = {id_: unit_known_at(versions, known_at) for id_, versions in units.items()}
        converted = common.of(curves, {id_: (each.currency, each.unit) for id_, each in known.items()})
        return [_times(each, converted[curve.id]) for curve, each in zip(curves, factors, strict=True)], converted


def explained_between(
    versions: Sequence[UnitAssignment],
    refs: tuple[SnapshotRef, SnapshotRef],
    ends: tuple[Snapshot | None, Snapshot | None],
) -> Explained:
    """What moved between two snapshots of a curve, one of which a scenario has made, and why.

    What differs of one as-of date is restatement; between two of them it is all taken for the market's. Raises
    UnitMismatch where the units of the two do not convert.
    """
    old, new = ends
    known = [
        SnapshotRef(ref.as_of, each.story.known_at) if each is not None and each.story is not None else ref
        for ref, each in zip(refs, ends, strict=True)
    ]
    factors = _factors(versions, known[0], known[1])
    if isinstance(factors, InvalidInput):
        raise factors
    same_day = old is not None and new is not None and old.as_of == new.as_of
    between = new if same_day else old
    diff = difference(Ends(old, between and between.base, new, factors))
    unit = unit_known_at(versions, later(known[0], known[1]).known_at)
    return Explained(diff, unit.currency, unit.unit)


def _converted(
    found: tuple[Quoted, Quoted, Quoted], factors: Mapping[int, tuple[float, float] | InvalidInput], reverse: bool
) -> dict[int, CurveDiff | InvalidInput]:  # fmt: skip
    refused = {id_: each for id_, each in factors.items() if isinstance(each, InvalidInput)}
    compared = [id_ for id_ in factors if id_ not in refused]
    brought = np.array([factors[id_] for id_ in compared]).reshape(-1, 2).T
    return {**refused, **differences(compared, *found, brought, start_known_last=reverse)}


def _factors(
    versions: Sequence[UnitAssignment], start: SnapshotRef, end: SnapshotRef
) -> tuple[float, float] | InvalidInput:
    """What brings the numbers of the two ends into the unit that is known at the later of their instants.

    One of them is 1. So is the other where a unit is not known: the vendor's numbers are then compared as they are.
    """
    one, other = (unit_known_at(versions, each.known_at) for each in (start, end))
    earlier, later = (other, one) if start.known_after(end) else (one, other)
    if None in (earlier.currency, earlier.unit, later.currency, later.unit):
        return _AS_IT_IS
    source, target = (PriceUnit(each.currency or "", each.unit or "") for each in (earlier, later))
    try:
        factor = conversion_factor(source, target)
    except InvalidInput as error:
        return error
    return (1.0, factor) if start.known_after(end) else (factor, 1.0)


def _times(factors: tuple[float, float] | InvalidInput, to: Converted) -> tuple[float, float] | InvalidInput:
    return factors if isinstance(factors, InvalidInput) else (factors[0] * to.factor, factors[1] * to.factor)


@dataclass(frozen=True, slots=True, eq=False)
class _Book:
    """The curves of a book in the order of their keys, with what makes their moves.

    `spreads`, by curve, only where moves are sized by them, of those that both ends have.
    """

    curves: Sequence[Curve]
    start: Quoted
    end: Quoted
    factors: Sequence[tuple[float, float] | InvalidInput] | None
    spreads: Mapping[int, Spread]
    converted: Mapping[int, Converted]

    @property
    def compared(self) -> int:
        there = [each.places(self.ids)[0] != NOWHERE for each in (self.start, self.end)]
        converts = [not isinstance(each, InvalidInput) for each in self.factors or ()] or True
        return int((there[0] & there[1] & converts).sum())

    @property
    def ids(self) -> list[int]:
        return [curve.id for curve in self.curves]

    def first(
        self,
        limit: int,
        by: MoveMeasure,
        position: Position | None,
        one_per_curve: bool,
        tenor_types: Sequence[TenorType] | None,
        delivery: tuple[date | None, date | None],
    ) -> list[tuple[Mover, Position]]:
        keys, factors = [curve.key for curve in self.curves], None
        if self.factors is not None:
            pairs = [(np.nan, np.nan) if isinstance(each, InvalidInput) else each for each in self.factors]
            factors = np.array(pairs).reshape(-1, 2).T
        moves = book_moves(keys, self.ids, self.start, self.end, factors)
        spreads = {row: self.spreads[id_] for row, id_ in enumerate(self.ids) if id_ in self.spreads}
        columns = chosen_columns(moves.tenors, tenor_types, *delivery)
        size = sizes(moves, by, spreads)
        places = ranked(moves, size, columns, limit, one_per_curve=one_per_curve, position=position)
        return [(self._mover(moves, at), at.position) for at in places]

    def _mover(self, moves: BookMoves, at: Place) -> Mover:
        curve = self.curves[at.row]
        before, after = float(moves.before[at.row, at.column]), float(moves.after[at.row, at.column])
        start, end = (each.day(curve.id) for each in (self.start, self.end))
        spread, converted = self.spreads.get(curve.id), self.converted.get(curve.id)
        return Mover(curve, moves.tenors[at.column], before, after, start, end, spread, converted)


def _spans(ids: Sequence[int], start: Quoted, end: Quoted) -> dict[int, Span]:
    """By curve, of those that both ends have."""
    one, other = start.days, end.days
    return {id_: _span(id_, one[id_], other[id_]) for id_ in ids if id_ in one and id_ in other}


def _spreads(
    spans: Sequence[Span], days: Mapping[int, Sequence[DayPrices]], steps: Mapping[int, int]
) -> dict[Span, Spread]:
    found: dict[Span, Spread] = {}
    for start in range(0, len(spans), _CURVES_COMPUTED):
        part = spans[start : start + _CURVES_COMPUTED]
        ids = [span.curve_id for span in part]
        spreads = spreads_of([days.get(id_, ()) for id_ in ids], [steps.get(id_, 0) for id_ in ids])
        found |= zip(part, spreads, strict=True)
    return found


def _each_once(spans: Collection[Span]) -> list[list[Span]]:
    """At most _CURVES_READ at a time, no two of the same curve: what is read comes by curve."""
    parts: list[list[Span]] = []
    seen: Counter[int] = Counter()
    for span in spans:
        if seen[span.curve_id] == len(parts):
            parts.append([])
        parts[seen[span.curve_id]].append(span)
        seen[span.curve_id] += 1
    return [part[at : at + _CURVES_READ] for part in parts for at in range(0, len(part), _CURVES_READ)]


def _parts(spans: Sequence[Span], counts: Mapping[int, int]) -> list[list[Span]]:
    """As many spans at a time as have _DAYS_READ as-of dates together, one at least."""
    parts: list[list[Span]] = []
    size = _DAYS_READ
    for span in spans:
        size += counts[span.curve_id]
        if size > _DAYS_READ:
            parts.append([])
            size = counts[span.curve_id]
        parts[-1].append(span)
    return parts


def _rolled(rule: RollRule, days: Mapping[int, Sequence[DayPrices]]) -> dict[int, RollingHistory]:
    return {id_: rolling_history(rule, each) for id_, each in days.items()}


def _checked(position: tuple[object, ...] | None) -> Position | None:
    """Raises InvalidCursor for what is not the position of a mover."""
    match position:
        case None:
            return None
        case (float() as size, str() as key, str() as type_, date() as start, date() as end):
            if type(start) is type(end) is date:
                return size, key, type_, start, end
    raise InvalidCursor("the cursor does not fit the order of the list")
