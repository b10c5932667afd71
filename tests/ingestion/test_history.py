"""What a file is checked against: the vendor's days before it as they are served, and the vendor's last file."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import date
from pathlib import Path

import pytest

from aurum.backends.blobs import FolderBlobs
from aurum.demo import simple_workbook
from aurum.demo.workbooks import VendorWorkbook
from aurum.ingestion.checks import Day, Thresholds
from aurum.ingestion.history import Basis, VendorHistory
from aurum.ingestion.model import Decision, Run, RunState
from aurum.ingestion.model import QuarantineState as State
from aurum.parsers import parse
from tests.withheld import ANNA, DAY, EUA, MID, RIVAL, WHY, Desk, eugp, mid_of, open_desk, put, submission

WESTERN, REAL_TIME = (f"simple:pjm/{market}/western+hub/power/atc@usd%2fmwh" for market in ("da", "rt"))
THURSDAY, FRIDAY = date(2025, 2, 13), date(2025, 2, 14)


@pytest.fixture
async def desk(migrated_url: str, tmp_path: Path) -> AsyncIterator[Desk]:
    async with open_desk(migrated_url, tmp_path) as opened:
        opened.at("2025-02-20 08:00")
        yield opened


def simple(day: date, **cells: object) -> VendorWorkbook:
    """SIMPLE's file of a day; columns C and D are Western Hub, day ahead and real time, in rows 7 to 10."""
    return put(simple_workbook(day, months=4), MID, cells)


async def basis(desk: Desk, workbook: VendorWorkbook, thresholds: Thresholds | None = None) -> Basis:
    parsed = parse(workbook.to_bytes(), workbook.name)
    history = desk.services.ingestion.loader.history
    return await history.before(ANNA, parsed, 0, thresholds or Thresholds())


def mids(day: Day, key: str) -> list[float | None]:
    (found,) = [block.mid[block.keys.index(key)].tolist() for block in day.blocks if key in block.keys]
    return [None if mid != mid else mid for mid in found]


async def codes(desk: Desk, run: Run) -> dict[str, list[str | None]]:
    """The curves of a run's findings, by code."""
    found: dict[str, list[str | None]] = {}
    for noted in (await desk.services.ingestion.findings(ANNA, [run.id])).get(run.id, []):
        found.setdefault(noted.finding.code, []).append(noted.finding.curve_key)
    return found


# ------------------------------------------------------------------------------------------------- the days before


async def test_a_file_is_compared_with_the_days_before_its_own(desk: Desk) -> None:
    for day in (DAY, THURSDAY, FRIDAY):
        await desk.load(simple(day))
    assert [day.as_of for day in (await basis(desk, simple(FRIDAY))).days] == [THURSDAY, DAY]
    assert [day.as_of for day in (await basis(desk, simple(DAY))).days] == []
    one = Thresholds.from_dict({"vendors": {"SIMPLE": {"history_days": 1}}})
    assert [day.as_of for day in (await basis(desk, simple(FRIDAY), one)).days] == [THURSDAY]


async def test_what_repeats_the_day_before_is_marked_and_served(desk: Desk) -> None:
    wednesday = simple(DAY)
    await desk.load(wednesday)
    again = {f"C{row}": wednesday.cell(MID, f"C{row}") for row in range(7, 11)}
    run = await desk.load(simple(THURSDAY, **again))
    assert (run.state, (await codes(desk, run))["STALE_CURVE"]) == (RunState.SUCCEEDED, [WESTERN])
    assert await desk.points() == []
    assert await desk.mids(WESTERN, THURSDAY) == [wednesday.cell(MID, f"C{row}") for row in range(7, 11)]


async def test_a_withheld_number_is_no_history_and_a_decided_one_is(desk: Desk) -> None:
    await desk.load(eugp(AW13=999.0))
    friday = eugp(FRIDAY)
    assert mids((await basis(desk, friday)).days[0], EUA)[1] is None
    (item,) = await desk.points(State.OPEN)
    await desk.correct(item, 70.5)
    assert mids((await basis(desk, friday)).days[0], EUA)[1] == 70.5
    desk.at("2025-02-20 09:00")
    await desk.decide(Decision.REJECT, item)
    assert mids((await basis(desk, friday)).days[0], EUA)[1] is None
    mended = eugp(published="2025-02-13 07:40")
    await desk.load(mended)
    assert mids((await basis(desk, friday)).days[0], EUA)[1] == mid_of(mended, "AW13")


async def test_days_that_have_not_changed_are_read_once(desk: Desk) -> None:
    for day in (DAY, THURSDAY):
        await desk.load(eugp(day))
    statements: list[str] = []
    desk.services.database.observe(lambda _c, _cur, statement, *_: statements.append(statement))
    friday = eugp(FRIDAY)
    await basis(desk, friday)
    assert sum("snapshots.mid" in statement for statement in statements) == 1
    statements.clear()
    again = await basis(desk, friday)
    assert sum("snapshots" in statement for statement in statements) == 0
    assert [day.as_of for day in again.days] == [THURSDAY, DAY]


async def test_another_tenants_days_and_files_are_no_history(desk: Desk) -> None:
    await desk.services.ingestion.ingest(RIVAL, submission(simple(DAY)))
    assert await basis(desk, simple(FRIDAY)) == Basis([], None, None)
    run = await desk.load(simple(FRIDAY))
    assert run.drift_from is None


# ------------------------------------------------------------------------------------------------- the last file


async def test_drift_is_told_against_the_vendors_last_file(desk: Desk) -> None:
    first = await desk.load(simple(DAY))
    renamed = simple(THURSDAY, D4="Eastern Hub")
    await desk.load(eugp())
    run = await desk.load(renamed)
    assert (first.drift_from, run.drift_from) == (None, first.file_id)
    found = await codes(desk, run)
    assert found["CURVE_GONE"] == [REAL_TIME]
    assert found["CURVE_NEW"] == ["simple:pjm/rt/eastern+hub/power/atc@usd%2fmwh"]
    correction = simple(THURSDAY)
    correction.published_at = desk.at("2025-02-20 09:00")
    corrected = await desk.load(correction)
    assert corrected.drift_from == run.file_id
    assert (await codes(desk, corrected))["CURVE_NEW"] == [REAL_TIME]


async def test_a_refused_file_is_not_the_last_one(desk: Desk) -> None:
    first = await desk.load(simple(DAY))
    refused = await desk.load(simple(THURSDAY, B8=date(2025, 9, 1)))
    assert refused.state is RunState.FAILED
    assert (await desk.load(simple(FRIDAY))).drift_from == first.file_id


async def test_a_file_that_first_came_under_a_wrong_name_is_compared_with_by_another_server(desk: Desk) -> None:
    """A server keeps what it has read; this one has read nothing yet."""
    workbook = simple(DAY)
    wrong = await desk.load(eugp(), "EOD_EUGP_20250213_2215.xlsx")
    assert wrong.error_code == "AS_OF_MISMATCH"
    right = await desk.load(eugp(), "EOD_EUGP_20250212_2215.xlsx")
    assert right.file_id == wrong.file_id
    await desk.load(workbook)
    ingestion = desk.services.ingestion
    ingestion.loader.history = VendorHistory(ingestion.store, ingestion.blobs, ingestion.curves)
    assert (await desk.load(eugp(THURSDAY))).drift_from == right.file_id
    renamed = await desk.load(simple(THURSDAY, D4="Eastern Hub"))
    assert {"CURVE_NEW", "CURVE_GONE", "CURVE_RENAMED"} == set(await codes(desk, renamed))


async def test_a_last_file_whose_bytes_are_gone_stops_nothing(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    run = await desk.load(simple(DAY))
    ingestion = desk.services.ingestion
    assert isinstance(ingestion.blobs, FolderBlobs)
    kept = (await ingestion.files(ANNA, [run.file_id]))[run.file_id].content_hash
    (ingestion.blobs.folder / kept[:2] / kept).unlink()
    ingestion.loader.history = VendorHistory(ingestion.store, ingestion.blobs, ingestion.curves)
    next_day = await desk.load(simple(THURSDAY))
    assert (next_day.state, next_day.drift_from) == (RunState.SUCCEEDED, None)
    assert "cannot be compared with" in caplog.text


# ------------------------------------------------------------------------------------------------- thresholds


async def test_thresholds_decide_what_is_withheld_and_the_run_says_which_held(desk: Desk) -> None:
    policies, bad = desk.services.ingestion.policies, {"AW13": 71.0, "AX13": 999.0}
    shipped = await desk.load(put(eugp(), MID, bad))
    assert (shipped.thresholds_version, shipped.counts.withheld) == (0, 2)
    generous = {"curves": {EUA: {"mid_tolerance": 1.0, "strip_tolerance": 1.0}}}
    await policies.set_thresholds(ANNA, generous, WHY)
    run = await desk.load(put(eugp(THURSDAY), MID, bad))
    assert (run.thresholds_version, run.counts.withheld) == (1, 1)
    assert (await desk.mids(day=THURSDAY))[1] == 71.0
    off = {"vendors": {"EUGP": {"severities": {"MID_OUTSIDE_QUOTE": "OFF", "STRIP_NOT_MEAN": "OFF"}}}}
    await policies.set_thresholds(ANNA, off, WHY)
    run = await desk.load(put(eugp(FRIDAY), MID, bad))
    assert (run.thresholds_version, run.counts.withheld, run.counts.findings) == (2, 0, 0)
    assert (await desk.mids("eugp:uk/uka/carbon", FRIDAY))[1] == 999.0
    runs = await desk.services.ingestion.runs(ANNA, [shipped.id])
    assert runs[shipped.id].thresholds_version == 0


async def test_a_warning_made_an_error_withholds_its_points_and_its_curve_can_be_accepted(desk: Desk) -> None:
    wednesday = simple(DAY)
    await desk.load(wednesday)
    strict = {"curves": {"simple:*western*": {"severities": {"STALE_CURVE": "ERROR"}}}}
    await desk.services.ingestion.policies.set_thresholds(ANNA, strict, WHY)
    again = {f"{column}{row}": wednesday.cell(MID, f"{column}{row}") for column in "CE" for row in range(7, 11)}
    run = await desk.load(simple(THURSDAY, **again))
    assert run.counts.withheld == 4
    assert {item.code for item in await desk.points(run=run)} == {"STALE_CURVE"}
    assert await desk.mids(WESTERN, THURSDAY) == [None] * 4
    await desk.decide(Decision.ACCEPT, *await desk.points(State.OPEN))
    assert await desk.mids(WESTERN, THURSDAY) == await desk.mids(WESTERN, DAY)
