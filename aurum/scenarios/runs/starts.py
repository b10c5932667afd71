"""What a run has started from."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from itertools import chain, islice

from aurum.auth import Principal
from aurum.errors import UnitMismatch
from aurum.metadata.model import Curve, CurveFilter
from aurum.scenarios.bases import Base, Bases
from aurum.scenarios.drivers import Driver, LoadGrowth
from aurum.scenarios.model import BaseCurve
from aurum.scenarios.policies import Policies
from aurum.scenarios.references import all_of, references
from aurum.scenarios.runs.model import Input, Run
from aurum.scenarios.runs.store import RunStore


async def start_of(
    store: RunStore, bases: Bases, principal: Principal, run: Run
) -> tuple[Sequence[Input], Sequence[BaseCurve]]:
    """Parallel, by key: in the currency and unit that were pinned. Three statements."""
    inputs = (await store.inputs(principal.tenant, [run.id]))[run.id]
    known = await bases.metadata.by_id(principal, [each.curve_id for each in inputs])
    return inputs, await bases.read(principal, bases_of(run, inputs, known))


@dataclass(frozen=True, slots=True)
class Wanted:
    """Some of the curves of a run, by their ids."""

    run: Run
    drivers: Sequence[Driver]
    curve_ids: Collection[int]


async def parts_of_starts(
    store: RunStore, bases: Bases, principal: Principal, wanted: Sequence[Wanted], policies: Policies
) -> dict[int, Sequence[BaseCurve]]:
    """By run: the wanted curves and all that drivers make them depend on. Six statements, however many runs.

    These are the curves that drivers name, and the one with the earliest as-of date where load grows from its year.
    """
    inputs = await store.inputs(principal.tenant, [each.run.id for each in wanted])
    every = {each.curve_id for of_run in inputs.values() for each in of_run}
    keys = tuple(references(chain.from_iterable(each.drivers for each in wanted), policies))
    named = set[int]()
    for way in (CurveFilter(keys=keys), CurveFilter(legacy_keys=keys)) if keys else ():
        named |= await bases.metadata.matching(principal, way, every)
    growing = [inputs[each.run.id] for each in wanted if _grows(each.drivers, policies)]
    days = await bases.curves.as_of_dates(principal, {each.snapshot_id for of_run in growing for each in of_run})
    chosen = {
        each.run.id: _chosen(inputs[each.run.id], {*each.curve_ids, *named}, days) for each in wanted
    }  # fmt: skip
    known = await bases.metadata.by_id(principal, {each.curve_id for of_run in chosen.values() for each in of_run})
    asked = [base for each in wanted for base in bases_of(each.run, chosen[each.run.id], known)]
    read = iter(await bases.read(principal, asked))
    return {run_id: list(islice(read, len(of_run))) for run_id, of_run in chosen.items()}


def _grows(drivers: Iterable[Driver], policies: Policies) -> bool:
    """Whether any grows from the year of the earliest of all curves."""
    return any(isinstance(each, LoadGrowth) and each.start_year is None for each in all_of(drivers, policies))


def _chosen(inputs: Sequence[Input], curve_ids: Collection[int], days: Mapping[int, date]) -> list[Input]:
    """Those of these curves, and the earliest of all whose days are known."""
    earliest = min(
        (each for each in inputs if each.snapshot_id in days), key=lambda each: days[each.snapshot_id], default=None
    )
    return [each for each in inputs if each.curve_id in curve_ids or each is earliest]


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
