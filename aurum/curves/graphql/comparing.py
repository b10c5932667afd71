"""Differences of curves as they are asked for: between versions, and with what scenarios have."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from graphql.pyutils import gather_with_cancel

from aurum.curves import model, moves
from aurum.curves.analytics import diffs as analytics
from aurum.curves.analytics.diffs import NO_DIFF
from aurum.curves.exchanges import KnownRates, Wanted, exchanged_diff
from aurum.curves.graphql.arguments import Info, SnapshotRef, instant_of, ref_of, story_of, there
from aurum.curves.graphql.diffs import CurveDiff, wants_quotes
from aurum.curves.graphql.reads import LoadedReads
from aurum.errors import InvalidInput
from aurum.market.units import check_codes

if TYPE_CHECKING:
    from aurum.curves.graphql.curves import Curve

_MOVERS = "Leave `currency`, `unit` and `fx` out, or ask `movers`, which takes them for a run of a scenario, too."


async def load_diffs(
    curves: Sequence[Curve], info: Info, start: SnapshotRef, end: SnapshotRef, currency: str | None, unit: str | None,
    fx: str | None,
) -> list[CurveDiff]:  # fmt: skip
    check_codes(currency, unit)
    wanted, rows = Wanted(currency, unit, fx), [curve.row for curve in curves]
    if start.scenario_run is not None or end.scenario_run is not None:
        if wanted:
            raise InvalidInput(
                "a difference with what a scenario has is not converted", field=wanted.given, hint=_MOVERS
            )
        return list(await gather_with_cancel(*(_told_diff(info, row, start, end) for row in rows)))
    ends = (ref_of(start), ref_of(end))
    found = await info.context.load_many(
        info.context.curves.moves.diffs, rows, start=ends[0], end=ends[1], as_they_are=bool(wanted),
        quotes=bool(wanted) or wants_quotes(info), head=await info.context.head(),
    )  # fmt: skip
    diffs = [each or NO_DIFF for each in found if not isinstance(each, InvalidInput)]
    if len(diffs) < len(found):
        raise next(each for each in found if isinstance(each, InvalidInput))
    pairs = zip(rows, diffs, strict=True)
    if wanted:
        rates = KnownRates()
        return list(await gather_with_cancel(*(_exchanged(info, *pair, ends, wanted, rates) for pair in pairs)))
    return [CurveDiff(unconverted=[], diff=diff, curve_id=row, ends=ends, codes=None) for row, diff in pairs]


async def _exchanged(
    info: Info, row: int, diff: analytics.CurveDiff, ends: tuple[moves.SnapshotRef, moves.SnapshotRef], wanted: Wanted,
    rates: KnownRates,
) -> CurveDiff:  # fmt: skip
    context = info.context
    units = there(await context.load(context.metadata.unit_versions, row), "unit")
    found = await exchanged_diff(diff, units, ends, wanted, partial(LoadedReads, context), rates)
    return _explained(row, found, ends)


def _explained(row: int, found: moves.Explained, ends: tuple[moves.SnapshotRef, moves.SnapshotRef]) -> CurveDiff:
    return CurveDiff(
        unconverted=list(found.unconverted), diff=found.diff, curve_id=row, ends=ends,
        codes=(found.currency, found.unit),
    )  # fmt: skip


async def _told_diff(info: Info, row: int, start: SnapshotRef, end: SnapshotRef) -> CurveDiff:
    """Where one of the ends is what a run of a scenario has."""
    context = info.context

    async def read(ref: SnapshotRef, run: int | None) -> model.Snapshot | None:
        if run is not None:
            return await context.scenario_snapshot(run, row)
        known_at = instant_of(ref.known_at)
        return await context.load(context.curves.snapshots, row, as_of=ref.as_of, known_at=known_at)

    runs = [story_of(ref.scenario_run, ref.as_of, ref.known_at) for ref in (start, end)]
    # One after the other: where one is refused, nobody would wait for the other.
    old, new = await read(start, runs[0]), await read(end, runs[1])
    ends = [moves.SnapshotRef(ref.as_of, instant_of(ref.known_at)) for ref in (start, end)]
    units = there(await context.load(context.metadata.unit_versions, row), "curve")
    explained = await asyncio.to_thread(moves.explained_between, units, (ends[0], ends[1]), (old, new))
    return _explained(row, explained, (ends[0], ends[1]))
