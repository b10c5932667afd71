"""What moved: differences of curves, how far they move from day to day, rolling contracts. Every call says who asks."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import partial

import numpy as np

from aurum.auth import Principal, Scope
from aurum.curves.analytics.deviations import WINDOW, Spread, spreads_of
from aurum.curves.analytics.diffs import CurveDiff, Ends, difference, differences
from aurum.curves.analytics.rolling import RollingHistory, RollRule, rolling_history
from aurum.curves.blocks import Quoted
from aurum.curves.books import BookStore
from aurum.curves.expressions import factor_between, unit_of_codes
from aurum.curves.model import DayPrices, Snapshot, Span
from aurum.errors import InvalidInput
from aurum.metadata.model import UnitAssignment, unit_known_at
from aurum.metadata.service import MetadataService

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
        old, new = await self.ends(tenant, curve_ids, start, end, quotes=quotes, head=head)
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
        factors = {id_: factors_between(versions, start, end) for id_, versions in units.items()}
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

    async def ends(
        self, tenant: str, ids: Sequence[int], start: SnapshotRef, end: SnapshotRef, *, quotes: bool = False,
        head: int | None = None,
    ) -> list[Quoted]:  # fmt: skip
        read = partial(self._books.ends, tenant, ids, quotes=quotes, head=head)
        if start.known_at == end.known_at:
            return await read([start.as_of, end.as_of], start.known_at)
        found = await asyncio.gather(*(read([each.as_of], each.known_at) for each in (start, end)))
        return [quoted for (quoted,) in found]


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
    factors = factors_between(versions, known[0], known[1])
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


def factors_between(
    versions: Sequence[UnitAssignment], start: SnapshotRef, end: SnapshotRef
) -> tuple[float, float] | InvalidInput:
    """What brings the numbers of the two ends into the unit that is known at the later of their instants.

    One of them is 1. So is the other where a unit is not known: the vendor's numbers are then compared as they are.
    """
    one, other = (unit_known_at(versions, each.known_at) for each in (start, end))
    earlier, later = (other, one) if start.known_after(end) else (one, other)
    source, target = (unit_of_codes(each.currency, each.unit) for each in (earlier, later))
    if source is None or target is None:
        return _AS_IT_IS
    try:
        factor = factor_between(source, target)
    except InvalidInput as error:
        return error
    return (1.0, factor) if start.known_after(end) else (factor, 1.0)


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
