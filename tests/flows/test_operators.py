"""What operators start from Prefect's pages: chosen files, a day, a history."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import httpx
import pytest

from aurum.backends.paging import PageRequest
from aurum.demo import eugp_workbook, pw_workbook, simple_workbook
from aurum.ingestion.model import Run, RunFilter, RunState
from aurum.parsers.reader import VENDORS
from aurum.services import Services
from tests.flows.conftest import DESK, House, Json

pytestmark = pytest.mark.slow

HISTORY = [eugp_workbook(date(2025, 1, day), months=2) for day in (13, 14, 15)]
DAY = date(2025, 2, 12)
PW = "EOD_PW_20250212_2215.xlsx"


@dataclass(frozen=True)
class Started:
    files: Json
    day: Json
    backfill: Json


@pytest.fixture(scope="module")
def started(house: House) -> Started:
    """All at once, to save time. The history lies in a folder that the drop folder's watch passes over."""
    drop = house.settings.drop_folder
    for workbook in HISTORY:
        workbook.save(drop / ".history")
    (drop / ".history" / "EOD_EUGP_20250110_2215.xlsx").write_bytes(b"no workbook")
    for workbook in (pw_workbook(DAY), simple_workbook(DAY), simple_workbook(date(2025, 2, 11))):
        workbook.save(drop)
    return Started(
        house.start("ingest-files/ingest-files", files=[PW, "no.xlsx", "../../etc/passwd", PW]),
        house.start("ingest-day/ingest-day", as_of="2025-02-12", vendor="SIMPLE"),
        house.start("backfill/ingest-backfill", folder=".history", last="2025-01-15", vendors=["EUGP"]),
    )


async def runs_of(services: Services, flow_run: Json) -> list[Run]:
    """Those that a flow run has sent, oldest first."""
    page = await services.ingestion.runs_page(DESK, RunFilter(), PageRequest(100))
    return [run for run in page.items[::-1] if run.requested_by == f"Prefect flow run {flow_run['id']}"]


async def test_chosen_files_are_loaded_whatever_is_wrong_with_some(
    services: Services, house: House, started: Started
) -> None:
    """What is loaded already is passed over."""
    flow_run = await house.reaches(started.files)
    assert (flow_run["state"]["type"], flow_run["name"]) == ("FAILED", f"{PW} and 3 more")
    assert {"PW", "2025-02-12", "missing", "refused", "demo"} <= set(flow_run["tags"])
    run, again = await runs_of(services, flow_run)
    assert (run.state, run.trigger) == (RunState.SUCCEEDED, "ingest-files")
    assert (again.state, again.repeats, again.attempt) == (RunState.UNCHANGED, run.id, 0)
    counted, *lines = flow_run["state"]["message"].splitlines()
    assert counted == "4 files: 1 refused, 1 missing, 1 loaded, 1 known"
    assert lines[0] == "../../etc/passwd: refused: BAD_USER_INPUT: the path leaves the drop folder"
    assert lines[1] == "no.xlsx: missing: no file 'no.xlsx' in the drop folder"
    assert lines[2].startswith(f"run {run.id}: {PW}: loaded, PW as of 2025-02-12")
    assert house.prefect.report(flow_run)[0] == "demo-pw"
    results = [row[0].partition("]")[0] for row in house.prefect.table(flow_run)]
    assert results == ["refused", "missing", "[loaded", "[known"]


async def test_a_day_is_all_that_is_named_by_it(services: Services, house: House, started: Started) -> None:
    flow_run = await house.reaches(started.day)
    assert (flow_run["state"]["type"], flow_run["name"]) == ("COMPLETED", "SIMPLE 2025-02-12")
    (run,) = await runs_of(services, flow_run)
    assert (run.vendor, run.as_of, run.state, run.trigger) == ("SIMPLE", DAY, RunState.SUCCEEDED, "ingest-day")
    assert {"SIMPLE", "2025-02-12", f"run-{run.id}", "demo"} == set(flow_run["tags"])


async def test_a_backfill_goes_through_a_history_from_its_oldest_day(
    services: Services, house: House, started: Started
) -> None:
    flow_run = await house.reaches(started.backfill)
    assert (flow_run["state"]["type"], flow_run["name"]) == ("FAILED", ".history to 2025-01-15 EUGP")
    runs = await runs_of(services, flow_run)
    assert [run.as_of for run in runs] == [None, *(workbook.as_of for workbook in HISTORY)]
    assert [run.state for run in runs] == [RunState.FAILED, *[RunState.SUCCEEDED] * 3]
    assert flow_run["state"]["message"].startswith("4 files: 1 refused, 3 loaded\n")
    assert "EOD_EUGP_20250110_2215.xlsx: refused: NOT_A_WORKBOOK" in flow_run["state"]["message"]
    table = house.prefect.table(flow_run)
    assert [row[3] for row in table] == ["EOD_EUGP_20250110_2215.xlsx", *(workbook.name for workbook in HISTORY)]
    (progress,) = house.prefect.artifacts(flow_run, "progress")
    assert (progress["data"], progress["description"]) == (100, "4 of 4 files: done")
    assert house.prefect.artifacts(flow_run, "markdown") == []  # the table has them all


def test_the_forms_ask_in_words_and_offer_what_there_is(house: House) -> None:
    form = house.prefect.deployment("backfill/ingest-backfill")["parameter_openapi_schema"]["properties"]
    assert [field["title"] for field in form.values()] == ["Folder", "First as-of date", "Last as-of date", "Vendors"]
    assert all(field["description"] for field in form.values())
    assert (form["first"]["type"], form["first"]["format"]) == ("string", "date")
    assert set(form["vendors"]["items"]["enum"]) == set(VENDORS)


@pytest.mark.parametrize(
    ("deployment", "parameters"),
    [
        ("ingest-files/ingest-files", {"files": []}),
        ("ingest-day/ingest-day", {"vendor": "ACME"}),
        ("backfill/ingest-backfill", {"vendors": ["ACME"]}),
    ],
)
def test_what_makes_no_sense_is_not_started(house: House, deployment: str, parameters: Json) -> None:
    with pytest.raises(httpx.HTTPStatusError) as refusal:
        house.start(deployment, **parameters)
    assert refusal.value.response.status_code in (409, 422)
