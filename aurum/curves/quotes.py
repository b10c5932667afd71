"""Points that have a price, of many curves: page by page, and counted. Every call says who asks."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime

import numpy as np

from aurum.auth import Principal, Scope
from aurum.backends.paging import Page, PageRequest, Position
from aurum.curves.analytics.groups import getter_of
from aurum.curves.model import QuotedTenors, Snapshot
from aurum.curves.quote_store import QuotedWhere, QuoteStore
from aurum.errors import InvalidCursor
from aurum.market.identity import fold
from aurum.market.periods import Tenor, TenorType, standard_label
from aurum.metadata.model import Curve, CurveFilter, Dimension, DimensionValue
from aurum.metadata.service import MetadataService

_FIRST_CURVES, _MOST_CURVES = 8, 128  # read at a time: a page of 200 points is 2 to 20 curves of the real files
_CURVES_COUNTED = 5_000  # at a time


@dataclass(frozen=True, slots=True)
class Quote:
    """A point that has a price, with its curve and as-of date. `place` is where its snapshot has it.

    `other`: the same delivery's on another as-of date, where it was asked for.
    """

    curve: Curve
    snapshot: Snapshot
    place: int
    label: str
    other: Quote | None = None

    @property
    def tenor(self) -> Tenor:
        return self.snapshot.prices.tenors[self.place]

    @property
    def position(self) -> tuple[str, int, str, date, date]:
        """How quotes of several curves are sorted."""
        return (self.curve.legacy_key, self.curve.id, self.label, self.tenor.period.start, self.snapshot.as_of)


@dataclass(frozen=True, slots=True)
class QuotesWanted:
    """Points that have a price, of many curves: those of exactly `as_of`, or (None) of each tenor the newest.

    `compared_with`: only deliveries that have a price on this as-of date too, which comes as `Quote.other`.
    """

    curves: CurveFilter
    as_of: date | None = None
    compared_with: date | None = None
    known_at: datetime | None = None
    tenor_types: Collection[TenorType] | None = None
    one_per_legacy_key: bool = False


@dataclass(frozen=True, slots=True)
class QuoteFacets:
    """Curves with the number of their quotes of each type."""

    curves: Sequence[tuple[Curve, Counter[TenorType]]]

    @property
    def types(self) -> Counter[TenorType]:
        return sum((counts for _, counts in self.curves), Counter())

    def dimensions(self, names: Collection[Dimension], prefix: str, limit: int) -> list[DimensionValue]:
        """The first `limit` values of each that begin so, by text, with the number of quotes."""
        found: list[DimensionValue] = []
        start = fold(prefix)
        for name in names:
            get, counts = getter_of(name), Counter[str]()
            for curve, types in self.curves:
                if (value := get(curve, (curve.currency, curve.unit))) is not None:
                    counts[value] += types.total()
            chosen = [text for text in sorted(counts) if counts[text] and fold(text).startswith(start)]
            found += [DimensionValue(name, text, counts[text]) for text in chosen[:limit]]
        return found


class QuoteService:
    def __init__(self, store: QuoteStore, metadata: MetadataService) -> None:
        self._store = store
        self._metadata = metadata

    async def page(
        self, principal: Principal, wanted: QuotesWanted, request: PageRequest, offset: int = 0
    ) -> Page[Quote]:
        """Sorted by legacy key, curve, tenor label, start of delivery and as-of date.

        `offset` skips so many more, by reading them. Curves are walked in this order, a few at first, until the page is
        full.
        """
        principal.require(Scope.CURVES_READ)
        position, backward = _checked(request.position), request.backward
        where = await self._where(wanted)
        behind = position is not None or offset > 0
        walked: list[Quote] = []  # away from the position
        start, count, more = _beside(position, backward), _FIRST_CURVES, True
        while more and len(walked) <= request.limit:
            curves = await self._curves(principal, wanted, where, PageRequest(count, start, backward))
            quotes = [
                quote
                for quote in await self._quotes(principal, wanted, where, curves.items)
                if position is None or (quote.position < position if backward else quote.position > position)
            ]
            walked += (quotes[::-1] if backward else quotes)[offset:]
            offset = max(0, offset - len(quotes))
            more = curves.has_previous if backward else curves.has_next
            start = curves.positions[0 if backward else -1] if more else None
            count = min(2 * count, _MOST_CURVES)
        items, beyond = walked[: request.limit], len(walked) > request.limit
        if backward:
            items.reverse()
        has_next, has_previous = (behind, beyond) if backward else (beyond, behind)
        return Page(items, [quote.position for quote in items], has_next, has_previous)

    async def facets(self, principal: Principal, wanted: QuotesWanted) -> QuoteFacets:
        """How many points `page` lists on all pages, by dimension and by type. Two statements for every 5,000 curves,
        three where they are compared; no price is read.
        """
        principal.require(Scope.CURVES_READ)
        where = await self._where(wanted)
        curves: list[Curve] = []
        counts: dict[int, Counter[TenorType]] = {}
        start, more = None, True
        while more:
            page = await self._curves(principal, wanted, where, PageRequest(_CURVES_COUNTED, start))
            ids = [curve.id for curve in page.items]
            quoted = await self._store.last_quoted(principal.tenant, ids, where)
            others = None
            if wanted.compared_with is not None:
                other = replace(where, as_of=wanted.compared_with)
                others = await self._store.last_quoted(principal.tenant, ids, other)
            counts |= await asyncio.to_thread(_counted, quoted, others, wanted.tenor_types)
            curves += page.items
            start, more = (page.positions[-1] if page.items else None), page.has_next
        return QuoteFacets([(curve, found) for curve in curves if (found := counts.get(curve.id))])

    async def _where(self, wanted: QuotesWanted) -> QuotedWhere:
        types = wanted.tenor_types
        grids = None if types is None else await self._store.grids_with(types)
        return QuotedWhere(wanted.as_of, wanted.known_at, grids)

    async def _curves(
        self, principal: Principal, wanted: QuotesWanted, where: QuotedWhere, request: PageRequest
    ) -> Page[Curve]:
        having, alone = self._store.quoting(where), wanted.one_per_legacy_key
        return await self._metadata.curves_by_legacy_key(
            principal, wanted.curves, request, having=having, one_per_key=alone
        )

    async def _quotes(
        self, principal: Principal, wanted: QuotesWanted, where: QuotedWhere, curves: Sequence[Curve]
    ) -> list[Quote]:
        """Of all these curves, in their order."""
        if not curves:
            return []
        ids = [curve.id for curve in curves]
        found = await self._store.last_quoting(principal.tenant, ids, where)
        quotes = {each.id: newest_quotes(each, found.get(each.id, ()), wanted.tenor_types) for each in curves}
        if wanted.compared_with is not None:
            other = replace(where, as_of=wanted.compared_with)
            others = await self._store.last_quoting(principal.tenant, ids, other)
            quotes = {id_: quoted_on_both(each, others.get(id_, ())) for id_, each in quotes.items()}
        return [quote for id_ in ids for quote in quotes[id_]]


def _counted(
    quoted: Mapping[int, Sequence[QuotedTenors]],
    others: Mapping[int, Sequence[QuotedTenors]] | None,
    types: Collection[TenorType] | None,
) -> dict[int, Counter[TenorType]]:
    """By curve: how many labels of each type, of those that `others` have too; curves that are listed alike, the
    newest first, are counted once.
    """
    listed = {id_: (each, None if others is None else others.get(id_, ())) for id_, each in quoted.items()}
    known: dict[tuple[Sequence[QuotedTenors], Sequence[QuotedTenors] | None], Counter[TenorType]] = {}
    for own, other in set(listed.values()):
        labels: dict[str, Tenor] = {}
        for tenor in _priced(own):
            if types is None or tenor.type in types:
                labels.setdefault(standard_label(tenor), tenor)
        on_both = None if other is None else {(tenor.type, tenor.period) for tenor in _priced(other)}
        known[own, other] = Counter(
            tenor.type for tenor in labels.values() if on_both is None or (tenor.type, tenor.period) in on_both
        )
    return {id_: known[each] for id_, each in listed.items()}


def _priced(quoted: Sequence[QuotedTenors]) -> Iterator[Tenor]:
    for grid, bits in quoted:
        for tenor, priced in zip(grid, np.unpackbits(np.frombuffer(bits, np.uint8)), strict=False):
            if priced:
                yield tenor


def newest_quotes(curve: Curve, snapshots: Iterable[Snapshot], types: Collection[TenorType] | None) -> list[Quote]:
    """What each tenor label was last quoted at in these snapshots of a curve, sorted by position."""
    newest: dict[str, Quote] = {}
    for snapshot in sorted(snapshots, key=lambda snapshot: snapshot.as_of, reverse=True):
        prices = snapshot.prices
        for place, (tenor, quoted) in enumerate(zip(prices.tenors, prices.quoted.tolist(), strict=True)):
            label = standard_label(tenor)
            if quoted and label not in newest and (types is None or tenor.type in types):
                newest[label] = Quote(curve, snapshot, place, label)
    return sorted(newest.values(), key=lambda quote: quote.position)


def quoted_on_both(quotes: Iterable[Quote], others: Iterable[Snapshot]) -> list[Quote]:
    """Those whose delivery has a price in one of the other snapshots of the curve too, with that."""
    known = {
        (tenor.type, tenor.period): (snapshot, place)
        for snapshot in others
        for place, (tenor, quoted) in enumerate(zip(snapshot.prices.tenors, snapshot.prices.quoted, strict=True))
        if quoted
    }
    return [
        replace(quote, other=replace(quote, snapshot=found[0], place=found[1]))
        for quote in quotes
        if (found := known.get((quote.tenor.type, quote.tenor.period))) is not None
    ]


def _checked(position: Position | None) -> Position | None:
    """Raises InvalidCursor for what is not the position of a quote."""
    if position is None:
        return None
    kinds = [type(value) for value in position]
    if kinds != [str, int, str, date, date] or abs(position[1]) >= 2**62:
        raise InvalidCursor("the cursor does not fit the order of the list")
    return position


def _beside(position: Position | None, backward: bool) -> Position | None:
    """From where to read curves so that the one of the position is the first."""
    if position is None:
        return None
    legacy_key, curve_id, *_ = position
    return (legacy_key, curve_id + 1 if backward else curve_id - 1)
