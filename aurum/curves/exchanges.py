"""Differences in another currency or unit: which units the ends are in, and which rates have to be read."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from aurum.curves.analytics.diffs import CurveDiff, Version
from aurum.curves.analytics.exchanges import Rates, exchanged
from aurum.curves.conversions import rate_of
from aurum.curves.derived import Reads, sources_of
from aurum.curves.expressions import CompoundUnit, Node, Source, Used, exchange, priced_in, unit_of_codes, used
from aurum.curves.moves import Explained, SnapshotRef, later
from aurum.errors import InvalidInput, MixedDays, UnknownUnit
from aurum.market.periods import TenorGrid
from aurum.metadata.model import UnitAssignment, unit_known_at

KnownRates = dict[Hashable, Rates]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a difference shall be in: codes, None as it is known at the later instant. `fx`: an expression of a rate."""

    currency: str | None = None
    unit: str | None = None
    fx: str | None = None

    def __bool__(self) -> bool:
        return self.given is not None

    @property
    def given(self) -> str | None:
        """The first of them that is."""
        return next((name for name in ("currency", "unit", "fx") if getattr(self, name) is not None), None)


async def exchanged_diff(
    found: CurveDiff,
    versions: Sequence[UnitAssignment],
    refs: tuple[SnapshotRef, SnapshotRef],
    wanted: Wanted,
    reads: Callable[[datetime | None], Reads],
    known: KnownRates,
) -> Explained:
    """A difference of the vendor's numbers in what is wanted, each end by the rate of its as-of date.

    Rates are as they were known at the instant of their end. `known` are those of the same wanted and refs so far: what
    many curves need of a rate is evaluated once. Raises UnknownUnit, UnitMismatch, NoExchangeRate, MixedDays, and what
    the expression of the rate is refused for.
    """
    units = [_known(versions, ref) for ref in refs]
    common = _known(versions, later(*refs))
    target = priced_in(common, wanted.currency, wanted.unit)
    rate = None if wanted.fx is None else rate_of(wanted.fx)
    if rate is not None and not any(_other_currency(unit, target) for unit in (*units, common)):
        raise InvalidInput("a rate without another currency to convert from or to", field="fx")
    ends = []
    for snapshot, ref, unit in zip((found.start, found.end), refs, units, strict=True):
        sources = await _sources(rate, snapshot, ref.known_at, reads)
        day = None if snapshot is None else snapshot.as_of
        question = (day, ref.known_at, unit, common, target, found.tenors)
        if question not in known:
            known[question] = _rates(snapshot, (unit, common, target), rate, sources, found.tenors)
        ends.append(known[question])
    diff, without = exchanged(found, *ends)
    price = target.price
    return Explained(diff, price.currency if price else None, price.unit if price else None, tuple(without))


def _known(versions: Sequence[UnitAssignment], ref: SnapshotRef) -> CompoundUnit:
    known = unit_known_at(versions, ref.known_at)
    unit = unit_of_codes(known.currency, known.unit)
    if unit is None:
        raise UnknownUnit("nobody had said what the curve is priced in", hint="Say it with `setUnit`.")
    return unit


def _other_currency(unit: CompoundUnit, target: CompoundUnit) -> bool:
    return unit.base != target.base and unit.quantity.base == target.quantity.base


async def _sources(
    rate: Node | None, snapshot: Version, known_at: datetime | None, reads: Callable[[datetime | None], Reads]
) -> Mapping[Used, Source]:  # fmt: skip
    """What the rate of a snapshot's day is made of."""
    if rate is None or snapshot is None:
        return {}
    found = await sources_of(used(rate), snapshot.as_of, known_at, reads(known_at))
    for (key, at), source in found.items():
        if at is None and source.snapshot.as_of != snapshot.as_of:
            days = [source.snapshot.as_of.isoformat(), snapshot.as_of.isoformat()]
            raise MixedDays(f"the rate [{key}] is of {days[0]}, the curve's prices of {days[1]}", hint=_DAY, days=days)
    return found


def _rates(
    snapshot: Version, units: tuple[CompoundUnit, CompoundUnit, CompoundUnit], rate: Node | None,
    sources: Mapping[Used, Source], tenors: TenorGrid,
) -> Rates:  # fmt: skip
    """`units`: the end's own, the one known at the later instant, and the one that is wanted."""
    if snapshot is None:
        return Rates(*(np.full(len(tenors), np.nan) for _ in range(2)))
    found = {unit: exchange(unit, units[2], rate, sources).on(tenors) for unit in dict.fromkeys(units[:2])}
    return Rates(found[units[0]], found[units[1]])


_DAY = "Ask for days that both have, say the date of the rate with at(...), or give a number: 1.08 USD/EUR."
