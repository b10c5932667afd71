"""Derives curves by expression: what has to be read, and with which units."""

from __future__ import annotations

import asyncio
import unicodedata
from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Protocol

from aurum.curves.conversions import rate_of
from aurum.curves.expressions import (
    CompoundUnit,
    DerivedCurve,
    Source,
    Target,
    Used,
    evaluate,
    parse,
    unit_of_codes,
    used,
)
from aurum.curves.model import Snapshot
from aurum.errors import InvalidExpression, InvalidInput, NotFound
from aurum.market.units import check_codes
from aurum.metadata.model import Curve, UnitAssignment, unit_known_at

MOST_CURVES = 50


class Reads(Protocol):
    """What derived curves need of whoever asks. Each answers parallel to what it is given, None for what is not there;
    snapshots are the newest on or before `as_of` (None: the newest of all), as known at the question's `known_at`.
    """

    def curves(self, keys: Sequence[str]) -> Awaitable[Sequence[Curve | None]]: ...
    def units(self, curve_ids: Sequence[int]) -> Awaitable[Sequence[Sequence[UnitAssignment] | None]]: ...
    def snapshots(self, curve_ids: Sequence[int], as_of: date | None) -> Awaitable[Sequence[Snapshot | None]]: ...


@dataclass(frozen=True, slots=True)
class Question:
    """`currency` and `unit` are codes that the answer shall be in; `fx` is an expression of an exchange rate."""

    expression: str
    as_of: date | None = None
    known_at: datetime | None = None
    currency: str | None = None
    unit: str | None = None
    fx: str | None = None


async def derived(question: Question, reads: Reads) -> DerivedCurve:
    """Raises what `parse` and `evaluate` do, and NotFound for a curve or prices that are not there."""
    check_codes(question.currency, question.unit)
    node = parse(question.expression)
    rate = None if question.fx is None else rate_of(question.fx)
    asked = list(dict.fromkeys([*used(node), *(used(rate) if rate else ())]))
    sources = await sources_of(asked, question.as_of, question.known_at, reads)
    return evaluate(node, sources, Target(question.currency, question.unit, rate))


async def sources_of(
    asked: Sequence[Used], as_of: date | None, known_at: datetime | None, reads: Reads
) -> dict[Used, Source]:  # fmt: skip
    """The curves of expressions on their days. Raises NotFound for a curve or prices that are not there."""
    if len(asked) > MOST_CURVES:
        raise InvalidExpression(f"{len(asked)} curves and dates; {MOST_CURVES} are the most")
    curves = await _curves(list(dict.fromkeys(key for key, _ in asked)), reads)
    ids = [curve.id for curve in curves.values()]
    versions, snapshots = await asyncio.gather(reads.units(ids), _snapshots(asked, curves, as_of, reads))
    units = {key: _unit(found, known_at) for key, found in zip(curves, versions, strict=True)}
    return {one: Source(curves[one[0]], units[one[0]], snapshots[one]) for one in asked}


async def _curves(named: Sequence[str], reads: Reads) -> dict[str, Curve]:
    found = dict(zip(named, await reads.curves(named), strict=True))
    for key, curve in found.items():
        if curve is None:
            raise NotFound(f"there is no curve [{key}]", hint=_odd(key), key=key)
        if curve.key != key:
            raise InvalidInput(f"[{key}] is a key that several curves may share", hint=f"Write [{curve.key}].")
    return {key: curve for key, curve in found.items() if curve is not None}


def _odd(key: str) -> str:
    """Letters of other scripts look like those of keys."""
    odd = next((char for char in key if not char.isascii()), None)
    if odd is None:
        return "See `curves(search:)` for what there is."
    return f"It has U+{ord(odd):04X} {unicodedata.name(odd, 'without a name')}: is it what is meant?"


async def _snapshots(
    asked: Sequence[Used], curves: Mapping[str, Curve], as_of: date | None, reads: Reads
) -> dict[Used, Snapshot]:
    """Curves of one day are read together, and days at once."""
    groups: dict[date | None, list[str]] = {}
    for key, at in asked:
        groups.setdefault(at, []).append(key)
    days = {at: as_of if at is None else at for at in groups}
    reading = (reads.snapshots([curves[key].id for key in names], days[at]) for at, names in groups.items())
    read = zip(groups.items(), await asyncio.gather(*reading), strict=True)
    return {
        (key, at): _known(key, snapshot, days[at])
        for (at, names), found in read
        for key, snapshot in zip(names, found, strict=True)
    }


def _unit(versions: Sequence[UnitAssignment] | None, known_at: datetime | None) -> CompoundUnit | None:
    if not versions:
        return None
    found = unit_known_at(versions, known_at)
    return unit_of_codes(found.currency, found.unit)


def _known(key: str, snapshot: Snapshot | None, day: date | None) -> Snapshot:
    if snapshot is None:
        raise NotFound(f"[{key}] has no prices{'' if day is None else f' of {day} or before'} that were known", key=key)
    return snapshot
