"""Files of the drop folder, loaded one after the other by one flow run."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

from prefect import runtime
from prefect.client.schemas.objects import State
from prefect.states import Failed

from aurum.auth import Principal, local_principal
from aurum.errors import NotFound, Unavailable
from aurum.ingestion.expectations import Delivery, DeliveryState
from aurum.ingestion.service import IngestionService
from aurum.settings import Settings
from flows.outcome import Outcome, Word, state_of
from flows.steps import counting, ingest, label, record, sender_of, summarise


def sender() -> Principal:
    return local_principal(Settings().auth, sender_of(runtime.flow_run.id))


async def load_each(
    service: IngestionService, paths: Sequence[str], vendor: str | None = None, as_of: date | None = None, *,
    reported: bool = True,
) -> list[Outcome]:  # fmt: skip
    """A file that is refused does not stop the others; a database that stays away does. `reported`: every run has a
    page of its own, beside the table of all."""
    principal = sender()
    outcomes: list[Outcome] = []
    if not paths:
        return outcomes
    async with counting(len(paths)) as progress:
        for number, path in enumerate(paths):
            progress(outcomes, path)
            state = await ingest(service, principal, path, vendor, as_of, return_state=True)  # type: ignore[misc]
            outcome = await state.aresult(raise_on_failure=False)
            if isinstance(outcome, Unavailable):
                outcomes += [Outcome(each, error=outcome) for each in paths[number:]]
                break
            if isinstance(outcome, Exception):
                raise outcome
            outcomes.append(outcome)
            if reported:
                await _report(service, principal, outcome)
        progress(outcomes, "done")
    return outcomes


async def _report(service: IngestionService, principal: Principal, outcome: Outcome) -> None:
    if outcome.run is not None and outcome.word is not Word.KNOWN:
        await record(service, principal.tenant, outcome.run)


async def missing_of(service: IngestionService, day: date, vendors: Sequence[str]) -> list[Outcome]:
    """The files of the day that are expected and have not come in time."""
    deliveries = await service.completeness.deliveries(sender(), day, day, vendors or None)
    late = [each.delivery for each in deliveries if each.delivery.state is DeliveryState.MISSING]
    return [Outcome(f"{each.vendor} of {day}", error=_not_come(each)) for each in late]


def _not_come(delivery: Delivery) -> NotFound:
    return NotFound(f"the file has not come; it was due at {delivery.due_at:%Y-%m-%d %H:%M} UTC")


async def conclude(outcomes: Sequence[Outcome], wanted: str) -> State[Any]:
    """Shows all of them on the flow run's pages. `wanted`: what was looked for, in words."""
    if not outcomes:
        return Failed(message=f"there is no workbook {wanted} in {Settings().drop_folder}")
    tenant = sender().tenant
    await label(tenant, outcomes)
    await summarise(tenant, outcomes)
    return state_of(outcomes)
