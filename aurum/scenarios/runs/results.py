"""What runs have made of curves: as snapshots, by driver, and beside each other."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import TypeVar

from aurum.auth import Principal, Scope
from aurum.backends.paging import Page, PageRequest
from aurum.backends.steps import stepped
from aurum.curves import stories
from aurum.curves.analytics.comparisons import Bucket, By, Difference, check_runs
from aurum.curves.model import DayPrices, Listed, Snapshot
from aurum.errors import AurumError, Conflict, InvalidInput, NotFound
from aurum.metadata.model import Curve, CurveFilter
from aurum.scenarios.analytics.largest import LargestFirst
from aurum.scenarios.bases import Bases
from aurum.scenarios.comparison import Differing, differing
from aurum.scenarios.model import BaseCurve, Outcome, ScenarioCurve
from aurum.scenarios.repository.model import Version
from aurum.scenarios.repository.service import ScenarioService
from aurum.scenarios.runs.drivers import documents_of
from aurum.scenarios.runs.model import Result, ResultMids, Run, RunState
from aurum.scenarios.runs.starts import in_one_unit
from aurum.scenarios.runs.store import RunStore

T = TypeVar("T")
MOST_COMPARED_CURVES = 10_000  # of all runs together
Key = tuple[int, int]  # run, curve


@dataclass(frozen=True, slots=True)
class Told:
    """A result with the snapshot that it is."""

    result: Result
    snapshot: Snapshot


class ResultService:
    """Also what `aurum.curves.stories` wants of whoever has the runs."""

    def __init__(self, store: RunStore, scenarios: ScenarioService, bases: Bases) -> None:
        self.store = store
        self.scenarios = scenarios
        self.bases = bases

    async def succeeded(self, principal: Principal, run_ids: Collection[int]) -> dict[int, Run | AurumError]:
        """By id: the run; NotFound, or Conflict where it has no results."""
        principal.require(Scope.SCENARIOS_READ)
        found = await self.store.runs(principal.tenant, set(run_ids))
        return {id_: _with_results(found.get(id_)) for id_ in run_ids}

    async def start(self, principal: Principal, run_id: int) -> tuple[date, datetime]:
        """The as-of date that a run has taken, and as what was known when. Raises as `succeeded` answers."""
        run = there((await self.succeeded(principal, [run_id]))[run_id])
        return run.as_of, run.known_at

    async def snapshots(self, principal: Principal, keys: Collection[Key]) -> dict[Key, Snapshot | AurumError]:
        """By run and curve, where the run has the curve; or what `succeeded` answers. Three statements."""
        runs = await self.succeeded(principal, [run_id for run_id, _ in keys])
        refused = {key: each for key in keys if isinstance(each := runs[key[0]], AurumError)}
        known = {id_: each for id_, each in runs.items() if isinstance(each, Run)}
        found = await self.store.results(principal.tenant, [key for key in keys if key not in refused])
        told = await self._told(principal, list(found.values()), known)
        return {**refused, **{(each.result.run_id, each.result.curve_id): each.snapshot for each in told}}

    async def snapshots_by_id(self, principal: Principal, ids: Collection[int]) -> dict[int, Snapshot]:
        """By the result's id, of runs that have succeeded. Four statements."""
        principal.require(Scope.SCENARIOS_READ)
        found = list((await self.store.results_by_id(principal.tenant, ids)).values())
        told = await self.store.runs(principal.tenant, {each.run_id for each in found})
        runs = {id_: run for id_, run in told.items() if run.state is RunState.SUCCEEDED}
        found = [each for each in found if each.run_id in runs]
        return {each.result.id: each.snapshot for each in await self._told(principal, found, runs)}

    async def told(self, principal: Principal, run_ids: Collection[int]) -> dict[int, stories.NamedRun]:
        """By id: what a run is. Raises as `succeeded` answers."""
        runs = {id_: there(each) for id_, each in (await self.succeeded(principal, run_ids)).items()}
        versions = await self.scenarios.versions(principal, {each.key for each in runs.values()})
        return {id_: _named(run, versions[run.key]) for id_, run in runs.items()}

    async def days(self, principal: Principal, run_id: int, curve_ids: Collection[int]) -> dict[int, DayPrices]:
        """By curve: its mids as the run has them. Three statements. Raises as `succeeded` answers."""
        found = await self._with_bases(principal, run_id, curve_ids)
        return {each.curve_id: each.told(base) for each, base in found}

    async def listed(self, principal: Principal, run_id: int, curve_ids: Collection[int]) -> dict[int, list[Listed]]:
        """By curve: the one snapshot that the run has of it, by the result's id. As `days`."""
        found = await self._with_bases(principal, run_id, curve_ids)
        return {each.curve_id: [Listed(each.id, base.as_of, base.prices.tenors)] for each, base in found}

    async def _with_bases(
        self, principal: Principal, run_id: int, curve_ids: Collection[int]
    ) -> list[tuple[ResultMids, DayPrices]]:
        there((await self.succeeded(principal, [run_id]))[run_id])
        found = await self.store.mids(principal.tenant, [run_id], curve_ids)
        bases = await self.bases.curves.mids_of(principal, [each.snapshot_id for each in found])
        return list(zip(found, bases, strict=True))

    async def results(self, principal: Principal, keys: Collection[Key]) -> dict[Key, Told]:
        """By run and curve, where the run has the curve."""
        principal.require(Scope.SCENARIOS_READ)
        runs = await self.store.runs(principal.tenant, {run_id for run_id, _ in keys})
        found = await self.store.results(principal.tenant, keys)
        told = await self._told(principal, list(found.values()), runs)
        return {(each.result.run_id, each.result.curve_id): each for each in told}

    async def pages(
        self, principal: Principal, run_ids: Collection[int], *, moved: bool | None, request: PageRequest
    ) -> dict[int, Page[Told]]:
        """By run: its curves, by their keys; absent where there are none. Three statements."""
        principal.require(Scope.SCENARIOS_READ)
        runs = await self.store.runs(principal.tenant, run_ids)
        pages = await self.store.results_pages(principal.tenant, run_ids, moved, request)
        found = [result for page in pages.values() for result in page.items]
        told = {each.result.id: each for each in await self._told(principal, found, runs)}
        return {run_id: page.map(lambda result: told[result.id]) for run_id, page in pages.items()}

    async def counts(self, principal: Principal, run_ids: Collection[int]) -> dict[int, tuple[int, int]]:
        """By run: how many curves it has, and how many of them were moved."""
        principal.require(Scope.SCENARIOS_READ)
        return await self.store.result_counts(principal.tenant, run_ids)

    async def compared(
        self, principal: Principal, run_ids: Sequence[int], wanted: CurveFilter, bucket: Bucket, by: By
    ) -> tuple[list[Run], Sequence[Difference], Mapping[str, Curve]]:
        """The runs, where they differ from their bases and from each other, the largest first; and curves by key, in
        the units that were pinned.
        """
        check_runs(run_ids, "runs")
        runs = {id_: there(each) for id_, each in (await self.succeeded(principal, run_ids)).items()}
        found = await self.store.results_of(principal.tenant, run_ids)
        chosen = await self.bases.metadata.matching(principal, wanted, {each.curve_id for each in found})
        found = [each for each in found if each.curve_id in chosen]
        if len(found) > MOST_COMPARED_CURVES:
            raise InvalidInput(f"at most {MOST_COMPARED_CURVES:,} curves of all runs together", field="filter")
        inputs = await self.store.inputs(principal.tenant, run_ids)
        curves = in_one_unit(inputs.values(), await self.bases.metadata.by_id(principal, chosen))
        ids = sorted({each.snapshot_id for each in found})
        days = dict(zip(ids, await self.bases.curves.mids_of(principal, ids), strict=True))
        steps = await stepped(_differing(run_ids, found, curves, days, bucket, by))
        differences = await asyncio.to_thread(LargestFirst, steps)
        return [runs[id_] for id_ in run_ids], differences, {curve.key: curve for curve in curves.values()}

    async def _told(self, principal: Principal, found: Sequence[Result], runs: Mapping[int, Run]) -> list[Told]:
        bases = await self.bases.curves.snapshots_by_id(principal, {each.snapshot_id for each in found})
        return [
            Told(each, _snapshot(each, bases[each.snapshot_id], runs[each.run_id])) for each in found
        ]  # fmt: skip


def _differing(
    run_ids: Sequence[int], found: Sequence[Result], curves: Mapping[int, Curve], days: Mapping[int, DayPrices],
    bucket: Bucket, by: By,
) -> Iterator[Differing]:  # fmt: skip
    outcomes = {id_: dict[str, ScenarioCurve]() for id_ in run_ids}
    for each in found:
        day = days[each.snapshot_id]
        base = BaseCurve(curves[each.curve_id], day.as_of, day.version, day.prices.tenors, day.prices.mid)
        outcomes[each.run_id][base.key] = ScenarioCurve(base, each.mids(base.mid), tuple(each.contributions))
    yield from differing([Outcome(outcomes[id_]) for id_ in run_ids], bucket, by)


def there(found: T | AurumError) -> T:
    """Raises what it is where it is an error."""
    if isinstance(found, AurumError):
        raise found
    return found


def _with_results(run: Run | None) -> Run | AurumError:
    if run is None:
        return NotFound("run not found", field="scenarioRun")
    if run.state is RunState.SUCCEEDED:
        return run
    hint = "Follow it with `scenarioRun` until it has succeeded."
    return Conflict(f"the run has no curves: it is {run.state.lower()}", hint=hint, field="scenarioRun")


def _named(run: Run, version: Version) -> stories.NamedRun:
    return stories.NamedRun(
        run.id, version.definition.name, run.version, None if run.variation is None else run.variation.label,
        run.as_of, run.known_at, tuple(each["driver_type"] for each in documents_of(run, version)), run.input_digest,
        run.output_digest,
    )  # fmt: skip


def _snapshot(result: Result, base: Snapshot, run: Run) -> Snapshot:
    at = run.finished_at or run.created_at
    return base.told(result.id, run.id, run.known_at, at, result.mids(base.prices.mid))
