"""What a run has started from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import chain

from aurum.auth import Principal
from aurum.errors import UnitMismatch
from aurum.metadata.model import Curve
from aurum.scenarios.bases import Base, Bases
from aurum.scenarios.model import BaseCurve
from aurum.scenarios.runs.model import Input, Run
from aurum.scenarios.runs.store import RunStore


async def start_of(
    store: RunStore, bases: Bases, principal: Principal, run: Run
) -> tuple[Sequence[Input], Sequence[BaseCurve]]:
    """Parallel, by key: in the currency and unit that were pinned. Three statements."""
    inputs = (await store.inputs(principal.tenant, [run.id]))[run.id]
    known = await bases.metadata.by_id(principal, [each.curve_id for each in inputs])
    return inputs, await bases.read(principal, bases_of(run, inputs, known))


def bases_of(run: Run, inputs: Sequence[Input], curves: Mapping[int, Curve]) -> list[Base]:
    """Parallel to `inputs`, whose curves are among `curves`: in the currency and unit that were pinned."""
    return [Base(_pinned(each, curves[each.curve_id]), each.snapshot_id, run.as_of) for each in inputs]


def in_one_unit(runs: Iterable[Sequence[Input]], curves: Mapping[int, Curve]) -> dict[int, Curve]:
    """Those of the curves that runs have, in the currency and unit that were pinned.

    Raises UnitMismatch where two runs have one curve in different ones: nobody can say how they differ.
    """
    found: dict[int, Curve] = {}
    for each in chain.from_iterable(runs):
        if each.curve_id in curves:
            curve = _pinned(each, curves[each.curve_id])
            other = found.setdefault(curve.id, curve)
            if (other.currency, other.unit) != (curve.currency, curve.unit):
                units = [f"{one.currency}/{one.unit}" for one in (other, curve)]
                why = f"the runs have {curve.key} in {units[0]} and in {units[1]}"
                raise UnitMismatch(why, hint="Leave it out by the filter.", units=units, field="filter")
    return found


def _pinned(given: Input, curve: Curve) -> Curve:
    return replace(curve, currency=given.currency, unit=given.unit)
