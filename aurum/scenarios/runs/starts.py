"""What a run has started from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from aurum.auth import Principal
from aurum.metadata.model import Curve
from aurum.scenarios.bases import Base, Bases
from aurum.scenarios.model import BaseCurve
from aurum.scenarios.runs.model import Input, Run
from aurum.scenarios.runs.store import RunStore


async def start_of(
    store: RunStore, bases: Bases, principal: Principal, run: Run
) -> tuple[Sequence[Input], Sequence[BaseCurve]]:
    """Parallel, by key: in the currency and unit that were pinned. Three statements."""
    inputs = await store.inputs(principal.tenant, run.id)
    known = await bases.metadata.by_id(principal, [each.curve_id for each in inputs])
    return inputs, await bases.read(principal, bases_of(run, inputs, known))


def bases_of(run: Run, inputs: Sequence[Input], curves: Mapping[int, Curve]) -> list[Base]:
    """Parallel to `inputs`, whose curves are among `curves`: in the currency and unit that were pinned."""
    return [
        Base(replace(curves[each.curve_id], currency=each.currency, unit=each.unit), each.snapshot_id, run.as_of)
        for each in inputs
    ]
