"""Loading workbooks: Aurum's own runs, made visible in Prefect.

Whether a file is loaded is decided by Aurum's run record and its lease alone. A flow run only executes it.
"""

from __future__ import annotations

from typing import Any

from prefect import flow, runtime
from prefect.client.schemas.objects import State
from prefect.states import Failed

from aurum.errors import InvalidInput, NotFound
from aurum.ingestion.selection import Selection, dropped, last_day
from flows.batch import conclude, load_each, missing_of, sender
from flows.cancellation import cancel
from flows.forms import AsOf, Files, First, Folder, Last, RunNumber, Tenant, Vendor, Vendors
from flows.outcome import Outcome, state_of
from flows.steps import label, load, opened, record


@flow(name="ingest-workbook", persist_result=False, on_cancellation=[cancel])
async def ingest_workbook(tenant: Tenant, run_id: RunNumber) -> State[Any]:
    """Executes an ingestion run that Aurum has queued. Aurum itself starts this flow for every file it is sent.

    Cancelled here, the run is cancelled in Aurum too. Retried here, a run that has failed or was cancelled is tried
    again as a new one.

    Args:
        tenant: Whose run it is.
        run_id: Its number in Aurum.
    """
    async with opened() as service:
        run = await load(service, tenant, run_id)
        outcome = Outcome(run.file_name, run)
        await label(tenant, [outcome], outcome.name)
        await record(service, tenant, run)
    return state_of([outcome])


def _named_by_files() -> str:
    first, *others = runtime.flow_run.parameters["files"]
    return f"{first} and {len(others)} more" if others else str(first)


@flow(name="ingest-files", flow_run_name=_named_by_files, persist_result=False, on_cancellation=[cancel])
async def ingest_files(files: Files, as_of: AsOf = None, vendor: Vendor = None) -> State[Any]:
    """Loads workbooks that lie in the drop folder, one after the other.

    Args:
        files: Paths in the drop folder, such as EOD_EUGP_20250212_1430.xlsx.
        as_of: Only where the files do not tell their own as-of date.
        vendor: Only where a file's name does not tell its vendor.
    """
    async with opened() as service:
        outcomes = await load_each(service, files, vendor, as_of)
    return await conclude(outcomes, "of these")


def _named_by_day() -> str:
    given = runtime.flow_run.parameters
    return f"{given['vendor'] or 'all vendors'} {given['as_of'] or 'last day'}"


@flow(name="ingest-day", flow_run_name=_named_by_day, persist_result=False, on_cancellation=[cancel])
async def ingest_day(as_of: AsOf = None, vendor: Vendor = None) -> State[Any]:
    """Loads the workbooks of one day: all in the drop folder, and below it, whose names say its as-of date.

    Workbooks that are loaded already are passed over. The flow run has failed where one is refused, or is expected
    and has not come.

    Args:
        as_of: Empty: the last day whose workbooks were due by now, as the vendors' expectations say, or yesterday
            (UTC) where nothing is expected.
        vendor: Empty: all vendors.
    """
    vendors = () if vendor is None else (vendor,)
    async with opened() as service:
        day = as_of or await last_day(service, sender(), vendors)
        await label(sender().tenant, [], f"{vendor or 'all vendors'} {day}", {day.isoformat()})
        files = await dropped(service, Selection("", day, day, vendors))
        outcomes = await load_each(service, [file.path for file in files])
        outcomes += await missing_of(service, day, vendors)
    return await conclude(outcomes, f"as of {day}")


def _named_by_selection() -> str:
    given = runtime.flow_run.parameters
    days = [f"{word} {given[bound]}" for word, bound in (("from", "first"), ("to", "last")) if given[bound]]
    return " ".join([given["folder"] or "drop folder", *days, *given["vendors"]])


@flow(name="backfill", flow_run_name=_named_by_selection, persist_result=False, on_cancellation=[cancel])
async def backfill(folder: Folder = "", first: First = None, last: Last = None, vendors: Vendors = ()) -> State[Any]:
    """Loads a history: the workbooks of a folder, of a range of days, or of both, oldest as-of date first.

    Workbooks that are loaded already are passed over: a backfill that was stopped is simply started again. One that
    is refused does not stop the others; the flow run has failed then, and says which they are.

    Args:
        folder: Below the drop folder. Empty: all of the drop folder.
        first: Workbooks whose names say this as-of date or a later one. Empty: from the oldest on.
        last: Workbooks whose names say this as-of date or an earlier one. Empty: up to the newest.
        vendors: None chosen: all vendors.
    """
    async with opened() as service:
        try:
            files = await dropped(service, Selection(folder, first, last, tuple(vendors)))
        except (InvalidInput, NotFound) as error:
            return Failed(message=f"{error.code}: {error.message}")
        outcomes = await load_each(service, [file.path for file in files], reported=False)
    return await conclude(outcomes, f"that fits ({_named_by_selection()})")
