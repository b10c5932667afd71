"""What a worker does with a run: reads what is pinned, applies the drivers, keeps the curves."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any

from aurum.auth import worker_principal
from aurum.backends.rounds import going_on
from aurum.errors import AurumError, InvalidScenario, Unavailable
from aurum.scenarios.application import apply
from aurum.scenarios.digest import input_digest, output_digest
from aurum.scenarios.drivers import Driver
from aurum.scenarios.model import BaseCurve, Issue
from aurum.scenarios.policies import Policies
from aurum.scenarios.refusals import issues_of
from aurum.scenarios.runs.drivers import drivers_of
from aurum.scenarios.runs.model import Claim, Input, Run, RunState, packed
from aurum.scenarios.runs.service import RunService
from aurum.scenarios.runs.simulated import Simulated
from aurum.scenarios.runs.simulating import Task, output_digest_with, task_of
from aurum.scenarios.runs.starts import start_of

_READ, _APPLIED, _COMPUTED = 0.1, 0.7, 0.9  # of the progress
_SIMULATION = 0.8  # of the progress of a run that has one: all else is the rest
_TELL_SECONDS = 1.0
_TELL_STEP = 0.02  # further than before: whatever a run takes, it tells no more than 50 times
_log = logging.getLogger(__name__)
Row = dict[str, Any]


class Progress:
    """How far a run is: written by the thread that computes it, read by whoever tells it.

    `rows` are results that stay as they are if the run succeeds: none is added before the last driver is applied.
    """

    def __init__(self, *, simulates: bool) -> None:
        self._scale = 1.0 - _SIMULATION if simulates else 1.0
        self.done = _READ * self._scale
        self.rows: list[Row] = []

    def between(self, start: float, end: float, part: float) -> None:
        """`part` (0 to 1) of what takes the progress from `start` to `end` is done, but for the simulation."""
        self.done = (start + (end - start) * part) * self._scale

    def simulated(self, part: float) -> None:
        start = _COMPUTED * self._scale
        self.done = start + _SIMULATION * part


@dataclass(frozen=True, slots=True)
class _Computed:
    results: Sequence[Row]
    values: dict[str, Any]
    simulated: Simulated | None


async def execute(service: RunService, claim: Claim) -> None:
    """Sees a claimed run to its end, unless it is not ours any more. Only what may pass (`Unavailable`) is raised."""
    try:
        await _execute(service, claim)
    except Unavailable:
        raise
    except MemoryError:
        await _failed(service, claim, "OUT_OF_MEMORY", "it needs more memory than a run may have", "Take fewer curves.")
    except InvalidScenario as error:
        await _failed(service, claim, error.code, error.message, error.hint, issues_of(error))
    except AurumError as error:
        await _failed(service, claim, error.code, error.message, error.hint)
    except Exception:  # noqa: BLE001  said, with its trace; the run has to end
        _log.exception("run %s", claim.run_id, extra={"run_id": claim.run_id})
        await _failed(service, claim, "INTERNAL", "an unexpected error occurred", "The server's log says which.")


async def _execute(service: RunService, claim: Claim) -> None:
    run, inputs, drivers, curves = await _read(service, claim)
    policies = await service.scenarios.policies.known_to(worker_principal(claim.tenant), drivers)
    task = await _task(service, claim, inputs, curves)
    progress = Progress(simulates=task is not None)
    async with _told(service, claim, progress):
        computed = await asyncio.to_thread(_compute, run, inputs, drivers, curves, policies, task, progress)
    await service.end(claim, RunState.SUCCEEDED, computed.results, computed.simulated, **computed.values)


@asynccontextmanager
async def _told(service: RunService, claim: Claim, progress: Progress) -> AsyncIterator[None]:
    """Within, whoever follows the run learns how far it is, now and then; one that is done soon tells nothing."""
    done = asyncio.Event()
    telling = asyncio.create_task(_tell(service, claim, progress, done))
    try:
        yield
    finally:
        done.set()
        await telling


async def _tell(service: RunService, claim: Claim, progress: Progress, done: asyncio.Event) -> None:
    told, kept = 0.0, 0
    while True:
        with suppress(TimeoutError):
            async with asyncio.timeout(_TELL_SECONDS):
                await done.wait()
                return
        far, rows = progress.done, progress.rows[kept:]
        if far - told >= _TELL_STEP:
            with going_on(_log, "how far a run is cannot be told"):
                await service.report(claim, far, rows, kept + len(rows))
                told, kept = far, kept + len(rows)


async def _read(
    service: RunService, claim: Claim
) -> tuple[Run, Sequence[Input], Sequence[Driver], Sequence[BaseCurve]]:
    principal = worker_principal(claim.tenant)
    run = (await service.store.runs(claim.tenant, [claim.run_id]))[claim.run_id]
    key = (run.scenario_id, run.version)
    drivers = drivers_of(run, (await service.scenarios.versions(principal, [key]))[key])
    inputs, curves = await start_of(service.store, service.bases, principal, run)
    return run, inputs, drivers, curves


async def _task(service: RunService, claim: Claim, inputs: Sequence[Input], curves: Sequence[BaseCurve]) -> Task | None:
    """Of its simulation, where it has one."""
    pinned = await service.simulations.pinned(claim.tenant, claim.run_id)
    by_id = {each.curve_id: curve for each, curve in zip(inputs, curves, strict=True)}
    return None if pinned is None else await task_of(service.bases, worker_principal(claim.tenant), pinned, by_id)


def _compute(
    run: Run, inputs: Sequence[Input], drivers: Sequence[Driver], curves: Sequence[BaseCurve], policies: Policies,
    task: Task | None, progress: Progress,
) -> _Computed:  # fmt: skip
    outcome = apply(
        curves, drivers, policies, applied=lambda count: progress.between(_READ, _APPLIED, count / len(drivers))
    )  # fmt: skip
    for number, (each, curve) in enumerate(zip(inputs, curves, strict=True), 1):
        progress.rows.append({
            "run_id": run.id, "curve_id": each.curve_id, "curve_key": curve.key, "snapshot_id": each.snapshot_id,
            **packed(outcome.curves[curve.key]),
        })  # fmt: skip
        progress.between(_APPLIED, _COMPUTED, number / len(curves))
    given = input_digest(curves, drivers, seed=run.seed, policies=policies)
    made, issues = output_digest(outcome), [*run.issues, *outcome.issues]
    simulated = None if task is None else task.compute(
        run.seed, curves, drivers, outcome, policies, progress.simulated
    )  # fmt: skip
    if task is not None and simulated is not None:
        given, made = task.input_digest(given), output_digest_with(made, simulated)
        issues += task.issues
    return _Computed(progress.rows, {"input_digest": given, "output_digest": made, "issues": issues}, simulated)


async def _failed(
    service: RunService, claim: Claim, code: str, error: str, hint: str | None, issues: Sequence[Issue] = ()
) -> None:
    await service.end(claim, RunState.FAILED, error_code=code, error=error, hint=hint, issues=issues)
