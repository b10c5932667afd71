"""What a sweep or a tornado has made, read as one thing."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace

from aurum.auth import Principal, Scope
from aurum.curves.analytics.comparisons import Bucket
from aurum.curves.model import Prices, unpack
from aurum.errors import InvalidInput
from aurum.metadata.model import Curve, CurveFilter
from aurum.scenarios.bases import Base, Bases
from aurum.scenarios.batches.model import BatchRun, Holding
from aurum.scenarios.batches.store import BatchStore
from aurum.scenarios.batches.summary import Line, Mids, Row, held, table
from aurum.scenarios.model import BaseCurve
from aurum.scenarios.runs.model import RunState
from aurum.scenarios.runs.store import RunStore

MOST_CELLS = 30_000  # curves of all runs together
MOST_HOLDINGS = 100


class BatchResults:
    """Of the runs of one batch whose runs start from the same; those that have not succeeded are left out."""

    def __init__(self, store: BatchStore, runs: RunStore, bases: Bases) -> None:
        self.store = store
        self.runs = runs
        self.bases = bases

    async def table(
        self, principal: Principal, runs: Sequence[BatchRun], wanted: CurveFilter, bucket: Bucket
    ) -> tuple[list[Row], Mapping[str, Curve]]:
        """What the runs move, by curve and bucket, those that differ most first; and the curves by key."""
        principal.require(Scope.SCENARIOS_READ)
        done = _done(runs)
        moved = await self.store.moved(principal.tenant, done)
        chosen = await self.bases.metadata.matching(principal, wanted, moved)
        if len(chosen) * len(done) > MOST_CELLS:
            why = f"at most {MOST_CELLS:,} curves of all runs together, and there are {len(chosen) * len(done):,}"
            raise InvalidInput(why, hint="Narrow the filter.", field="filter")
        known = await self.bases.metadata.by_id(principal, chosen)
        bases = [Base(known[id_], moved[id_], runs[0].run.as_of) for id_ in sorted(chosen)]
        curves, mids = await self._read(principal, runs, bases)
        rows = await asyncio.to_thread(table, curves, mids, bucket)
        return rows, {each.key: each for each in known.values()}

    async def held(
        self, principal: Principal, runs: Sequence[BatchRun], holdings: Sequence[Holding]
    ) -> tuple[str, Line]:
        """What holdings are worth in each run, and in which currency. Units are those that the runs have pinned."""
        principal.require(Scope.SCENARIOS_READ)
        _check(holdings)
        inputs = {each.curve_id: each for each in await self.runs.inputs(principal.tenant, runs[0].run.id)}
        known = await self.bases.metadata.by_key(principal, {each.curve for each in holdings})
        for n, each in enumerate(holdings):
            if each.curve not in known or known[each.curve].id not in inputs:
                raise InvalidInput(f"the runs do not have {each.curve[:200]!r}", field=f"holdings.{n}.curve")
        ids = sorted({curve.id for curve in known.values()})
        by_id = {curve.id: curve for curve in known.values()}
        bases = [
            Base(replace(by_id[id_], currency=pinned.currency, unit=pinned.unit), pinned.snapshot_id, runs[0].run.as_of)
            for id_, pinned in ((id_, inputs[id_]) for id_ in ids)
        ]
        curves, mids = await self._read(principal, runs, bases)
        by_key = {each.key: each for each in curves}
        return held(holdings, {name: by_key[curve.key] for name, curve in known.items()}, mids)

    async def _read(
        self, principal: Principal, runs: Sequence[BatchRun], bases: Sequence[Base]
    ) -> tuple[list[BaseCurve], Mids]:
        done, keys = _done(runs), {base.curve.id: base.curve.key for base in bases}
        mids: dict[int, dict[str, Prices]] = {id_: {} for id_ in done}
        packed = await self.store.mids(principal.tenant, done, keys)
        for (run_id, curve_id), each in packed.items():
            mids[run_id][keys[curve_id]] = unpack(each)
        return await self.bases.read(principal, bases), [mids.get(each.run.id) for each in runs]


def _done(runs: Sequence[BatchRun]) -> list[int]:
    return sorted({each.run.id for each in runs if each.run.state is RunState.SUCCEEDED})


def _check(holdings: Sequence[Holding]) -> None:
    if not 0 < len(holdings) <= MOST_HOLDINGS:
        raise InvalidInput(f"1 to {MOST_HOLDINGS} holdings", field="holdings")
    for n, each in enumerate(holdings):
        if each.delivery_start.day != 1 or each.delivery_end.day != 1 or each.delivery_end <= each.delivery_start:
            hint = "From the first day of a month to the first day after the last month."
            raise InvalidInput("whole months are held", hint=hint, field=f"holdings.{n}.deliveryEnd")
