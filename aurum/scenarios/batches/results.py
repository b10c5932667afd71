"""What a sweep or a tornado has made, read as one thing."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence

from aurum.auth import Principal, Scope
from aurum.curves.analytics.comparisons import Bucket
from aurum.curves.model import Prices, unpack
from aurum.errors import InvalidInput
from aurum.metadata.model import Curve, CurveFilter
from aurum.scenarios.bases import Base, Bases
from aurum.scenarios.batches.model import BatchRun, Holding
from aurum.scenarios.batches.summary import Line, Mids, Row, held, table
from aurum.scenarios.model import BaseCurve
from aurum.scenarios.runs.model import Input, RunState
from aurum.scenarios.runs.starts import bases_of
from aurum.scenarios.runs.store import RunStore
from aurum.scenarios.simulation.asked import LARGEST_VOLUME

MOST_CELLS = 30_000  # curves of all runs together
MOST_HOLDINGS = 100


class BatchResults:
    """Of the runs of one batch whose runs start from the same; those that have not succeeded are left out."""

    def __init__(self, runs: RunStore, bases: Bases) -> None:
        self.runs = runs
        self.bases = bases

    async def table(
        self, principal: Principal, runs: Sequence[BatchRun], wanted: CurveFilter, bucket: Bucket
    ) -> tuple[Sequence[Row], Mapping[str, Curve]]:
        """What the runs move, by curve and bucket, those that differ most first; and the curves by key."""
        principal.require(Scope.SCENARIOS_READ)
        done, inputs = _done(runs), await self._inputs(principal, runs)
        fitting = await self.bases.metadata.matching(principal, wanted, {each.curve_id for each in inputs})
        chosen = await self.runs.moved(principal.tenant, done, fitting)
        if len(chosen) * len(done) > MOST_CELLS:
            why = f"at most {MOST_CELLS:,} curves of all runs together, and there are {len(chosen) * len(done):,}"
            raise InvalidInput(why, hint="Narrow the filter.", field="filter")
        bases = _bases(runs, inputs, await self.bases.metadata.by_id(principal, chosen))
        curves, mids = await self._read(principal, runs, bases)
        rows = await asyncio.to_thread(table, curves, mids, bucket)
        return rows, {each.curve.key: each.curve for each in bases}

    async def held(
        self, principal: Principal, runs: Sequence[BatchRun], holdings: Sequence[Holding]
    ) -> tuple[str, Line]:
        """What holdings are worth in each run, and in which currency. Units are those that the runs have pinned."""
        principal.require(Scope.SCENARIOS_READ)
        _check(holdings)
        known = await self.bases.metadata.by_key(principal, {each.curve for each in holdings})
        inputs = await self._inputs(principal, runs)
        bases = _bases(runs, inputs, {curve.id: curve for curve in known.values()})
        there = {base.curve.id for base in bases}
        for n, each in enumerate(holdings):
            if each.curve not in known or known[each.curve].id not in there:
                raise InvalidInput(f"the runs do not have {each.curve[:200]!r}", field=f"holdings.{n}.curve")
        curves, mids = await self._read(principal, runs, bases)
        by_key = {each.key: each for each in curves}
        found = {name: by_key[curve.key] for name, curve in known.items()}
        return await asyncio.to_thread(held, holdings, found, mids)

    async def _inputs(self, principal: Principal, runs: Sequence[BatchRun]) -> Collection[Input]:
        """The same in all runs, but for curves that a text in the place of a parameter may name."""
        first, *others = (each.run for each in runs)
        named = [each.id for each in others if each.variation is not None and isinstance(each.variation.value, str)]
        found = await self.runs.inputs(principal.tenant, [first.id, *named])
        return {each.curve_id: each for inputs in found.values() for each in inputs}.values()

    async def _read(
        self, principal: Principal, runs: Sequence[BatchRun], bases: Sequence[Base]
    ) -> tuple[list[BaseCurve], Mids]:
        done, keys = _done(runs), {base.curve.id: base.curve.key for base in bases}
        mids: dict[int, dict[str, Prices]] = {id_: {} for id_ in done}
        for each in await self.runs.mids(principal.tenant, done, keys):
            if each.mid is not None:
                mids[each.run_id][keys[each.curve_id]] = unpack(each.mid)
        return await self.bases.read(principal, bases), [mids.get(run.run.id) for run in runs]


def _bases(runs: Sequence[BatchRun], inputs: Collection[Input], curves: Mapping[int, Curve]) -> list[Base]:
    """Those of the curves that the runs start from, in the units that are pinned."""
    return bases_of(runs[0].run, [each for each in inputs if each.curve_id in curves], curves)


def _done(runs: Sequence[BatchRun]) -> list[int]:
    return sorted({each.run.id for each in runs if each.run.state is RunState.SUCCEEDED})


def _check(holdings: Sequence[Holding]) -> None:
    if not 0 < len(holdings) <= MOST_HOLDINGS:
        raise InvalidInput(f"1 to {MOST_HOLDINGS} holdings", field="holdings")
    for n, each in enumerate(holdings):
        if each.delivery_start.day != 1 or each.delivery_end.day != 1 or each.delivery_end <= each.delivery_start:
            hint = "From the first day of a month to the first day after the last month."
            raise InvalidInput("whole months are held", hint=hint, field=f"holdings.{n}.deliveryEnd")
        if not abs(each.quantity) <= LARGEST_VOLUME:
            raise InvalidInput("a quantity is between -1e12 and 1e12", field=f"holdings.{n}.quantity")
