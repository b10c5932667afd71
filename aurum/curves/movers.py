"""The biggest moves of a book of curves, tenor by tenor. Every call says who asks."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime

import numpy as np

from aurum.auth import Principal
from aurum.backends.paging import Page, PageRequest
from aurum.curves.analytics.alignment import aligned
from aurum.curves.analytics.deviations import Spread
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
from aurum.curves.blocks import NOWHERE, QuoteBlock, Quoted, QuotedDay
from aurum.curves.books import BookStore
from aurum.curves.conversions import Common, Converted
from aurum.curves.model import DayPrices, Span
from aurum.curves.moves import MoveService, SnapshotRef, factors_between, later
from aurum.curves.stories import Stories, teller
from aurum.errors import InvalidCursor, InvalidInput
from aurum.market.periods import Tenor, TenorGrid, TenorType
from aurum.metadata.model import Curve, CurveFilter, UnitAssignment, unit_known_at
from aurum.metadata.service import MetadataService

MOST_CURVES = 5_000  # of a book


@dataclass(frozen=True, slots=True)
class MoversAsked:
    """The moves of a book's tenors from `start` to `end`. `common`: in one currency and unit; None: in their own."""

    start: SnapshotRef
    end: SnapshotRef
    by: MoveMeasure
    tenor_types: Sequence[TenorType] | None = None
    delivery: tuple[date | None, date | None] = (None, None)
    one_per_curve: bool = False
    common: Common | None = None


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


class MoverService:
    def __init__(self, books: BookStore, metadata: MetadataService, moves: MoveService) -> None:
        self._books = books
        self._metadata = metadata
        self._moves = moves

    async def page(
        self,
        principal: Principal,
        wanted: CurveFilter,
        asked: MoversAsked,
        request: PageRequest,
        *,
        head: int | None = None,
        stories: Stories | None = None,
    ) -> MoverPage:
        """The biggest first, those without a size last.

        Two statements, however many curves the book has, one more for an end whose day some of them lack, two more
        where the two are known at different instants and one more where prices are converted; by ZSCORE two more for
        every 500; three more for an end that `stories` tell. Raises InvalidInput for a book of more than MOST_CURVES,
        and what `Common.of` does for the first curve that does not convert. `head`: see `CurveService.head`.
        """
        position = _checked(request.position)
        curves = (await self._metadata.curves(principal, wanted, [], PageRequest(MOST_CURVES + 1), head=head)).items
        if len(curves) > MOST_CURVES:
            raise InvalidInput(f"a book has at most {MOST_CURVES} curves", field="filter", hint="Narrow the filter.")
        ids = [curve.id for curve in curves]
        ends = await self._ends(principal, ids, asked, stories, head)
        factors, converted = await self._factors(principal, curves, asked)
        spans = await asyncio.to_thread(_spans, ids, *ends) if asked.by is MoveMeasure.ZSCORE else {}
        known_at = later(asked.start, asked.end).known_at
        spreads = await self._moves.spreads(principal, spans.values(), known_at=known_at)
        started, ended = (each.days for each in ends)
        scaled = {
            id_: spread_of_move(spreads[span], started[id_], ended[id_], converted.get(id_))
            for id_, span in spans.items()
        }
        book = _Book(curves, ends[0], ends[1], factors, scaled, converted)
        found = await asyncio.to_thread(book.first, asked, request.limit + 1, position)
        items = found[: request.limit]
        page = Page(
            [mover for mover, _ in items], [at for _, at in items], len(found) > request.limit, position is not None
        )
        return MoverPage(page, len(curves), book.compared)

    async def _ends(
        self, principal: Principal, ids: Sequence[int], asked: MoversAsked, stories: Stories | None, head: int | None
    ) -> Sequence[Quoted]:
        start, end = asked.start, asked.end
        if start.run is end.run is None:
            return await self._moves.ends(principal.tenant, ids, start, end, head=head)

        async def read(ref: SnapshotRef) -> Quoted:
            if ref.run is not None:
                return _quoted(await teller(stories).days(principal, ref.run, ids))
            return (await self._books.ends(principal.tenant, ids, [ref.as_of], ref.known_at, head=head))[0]

        return await asyncio.gather(read(start), read(end))

    async def _factors(
        self, principal: Principal, curves: Sequence[Curve], asked: MoversAsked
    ) -> tuple[list[tuple[float, float] | InvalidInput] | None, dict[int, Converted]]:
        """See `factors_between`, of each curve; or `_factors_to`, and by curve what its prices are converted to.

        No factors: at one instant a curve has one unit.
        """
        start, end, common = asked.start, asked.end, asked.common
        if start.known_at == end.known_at and common is None:
            return None, {}
        units = await self._metadata.unit_versions(principal, [curve.id for curve in curves])
        if common is None:
            return [factors_between(units[curve.id], start, end) for curve in curves], {}
        known_at = later(start, end).known_at
        known = {id_: unit_known_at(versions, known_at) for id_, versions in units.items()}
        converted = common.of(curves, {id_: (each.currency, each.unit) for id_, each in known.items()})
        ends = [each.known_at for each in (start, end)]
        factors: list[tuple[float, float] | InvalidInput] = [
            _factors_to(curve, units[curve.id], ends, converted[curve.id], common) for curve in curves
        ]
        return factors, converted


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

    def first(self, asked: MoversAsked, limit: int, position: Position | None) -> list[tuple[Mover, Position]]:
        keys, factors = [curve.key for curve in self.curves], None
        if self.factors is not None:
            pairs = [(np.nan, np.nan) if isinstance(each, InvalidInput) else each for each in self.factors]
            factors = np.array(pairs).reshape(-1, 2).T
        moves = book_moves(keys, self.ids, self.start, self.end, factors)
        spreads = {row: self.spreads[id_] for row, id_ in enumerate(self.ids) if id_ in self.spreads}
        columns = chosen_columns(moves.tenors, asked.tenor_types, *asked.delivery)
        size = sizes(moves, asked.by, spreads)
        places = ranked(moves, size, columns, limit, one_per_curve=asked.one_per_curve, position=position)
        return [(self._mover(moves, at), at.position) for at in places]

    def _mover(self, moves: BookMoves, at: Place) -> Mover:
        curve = self.curves[at.row]
        before, after = float(moves.before[at.row, at.column]), float(moves.after[at.row, at.column])
        start, end = (each.day(curve.id) for each in (self.start, self.end))
        spread, converted = self.spreads.get(curve.id), self.converted.get(curve.id)
        own = int(aligned(end.tenors, moves.tenors).places[0, at.column])  # vendors label the same period differently
        return Mover(curve, end.tenors[own], before, after, start, end, spread, converted)


def spread_of_move(spread: Spread, start: date, end: date, to: Converted | None) -> Spread:
    """As a move between these as-of dates is judged by it."""
    turned = spread.backward() if end < start else spread
    return turned if to is None else turned.scaled(to.factor)


def _span(curve_id: int, start: date, end: date) -> Span:
    return Span(curve_id, min(start, end), max(start, end))


def _spans(ids: Sequence[int], start: Quoted, end: Quoted) -> dict[int, Span]:
    """By curve, of those that both ends have."""
    one, other = start.days, end.days
    return {id_: _span(id_, one[id_], other[id_]) for id_ in ids if id_ in one and id_ in other}


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


def _factors_to(
    curve: Curve, versions: Sequence[UnitAssignment], ends: Sequence[datetime | None], to: Converted, common: Common
) -> tuple[float, float]:
    """What the numbers of the two ends are multiplied with, each by the unit that was known at its own instant.

    Where none was, they are taken as those of the later instant, which `to` converts. Raises what `Common.of` does.
    """
    if len(versions) == 1:
        return to.factor, to.factor
    alike = replace(common, currency=to.price.currency, unit=to.price.unit)
    known = [unit_known_at(versions, end) for end in ends]
    one, other = (
        to
        if None in (each.currency, each.unit)
        else alike.of([curve], {curve.id: (each.currency, each.unit)})[curve.id]
        for each in known
    )
    return one.factor, other.factor


def _checked(position: tuple[object, ...] | None) -> Position | None:
    """Raises InvalidCursor for what is not the position of a mover."""
    match position:
        case None:
            return None
        case (float() as size, str() as key, str() as type_, date() as start, date() as end):
            if type(start) is type(end) is date:
                return size, key, type_, start, end
    raise InvalidCursor("the cursor does not fit the order of the list")
