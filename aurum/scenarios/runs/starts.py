"""What a run has started from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from aurum.auth import Principal
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
    pinned = [
        Base(replace(known[each.curve_id], currency=each.currency, unit=each.unit), each.snapshot_id, run.as_of)
        for each in inputs
    ]
    return inputs, await bases.read(principal, pinned)
