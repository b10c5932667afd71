"""One use case behind every door: a file is loaded once, as a whole or not at all, and its run tells the truth."""

from __future__ import annotations

import asyncio
from datetime import UTC, date, datetime, timedelta
from io import BytesIO

import pytest
from openpyxl import load_workbook

from aurum.auth import Principal, Scope
from aurum.backends.paging import PageRequest
from aurum.demo import eugp_workbook, pw_workbook, simple_workbook
from aurum.demo.workbooks import VendorWorkbook
from aurum.errors import Conflict, Forbidden, NotFound, Unavailable, WorkbookTooLarge
from aurum.ingestion.model import Quarantined, QuarantineFilter, Run, RunFilter, RunState
from aurum.ingestion.refusals import Refusals
from aurum.ingestion.service import Submission
from aurum.metadata.model import CurveFilter
from aurum.services import Services
from tests.repriced import EUA, repriced

DESK = Principal("desk", "analyst", frozenset(Scope))
DAY, MARCH = date(2025, 2, 12), date(2025, 3, 1)


def submission(workbook: VendorWorkbook, name: str | None = None) -> Submission:
    return Submission(workbook.to_bytes(), name or workbook.name, "test")


async def load(services: Services, workbook: VendorWorkbook) -> Run:
    return await services.ingestion.ingest(DESK, submission(workbook))


async def eua(services: Services, known_at: datetime | None = None) -> float:
    curve = (await services.metadata.by_key(DESK, ["eugp:eu/eua/carbon"]))["eugp:eu/eua/carbon"]
    snapshot = (await services.curves.snapshots(DESK, [curve.id], known_at=known_at))[curve.id]
    return float(snapshot.prices.mid[1])


async def quarantined(services: Services, run: Run) -> list[Quarantined]:
    page = await services.ingestion.quarantine.page(DESK, QuarantineFilter(run_ids=(run.id,)), PageRequest(100))
    return list(page.items)


async def curves(services: Services) -> int:
    return await services.metadata.count(DESK, CurveFilter())


async def test_a_file_is_loaded_with_its_run_lineage_and_events(services: Services) -> None:
    run = await load(services, eugp_workbook(DAY, months=4))
    assert (run.state, run.vendor, run.as_of, run.error) == (RunState.SUCCEEDED, "EUGP", DAY, None)
    assert (run.counts.curves, run.counts.new_curves, run.counts.new_versions) == (83, 83, 83)
    file = (await services.ingestion.files(DESK, [run.file_id]))[run.file_id]
    assert file.published_at == datetime(2025, 2, 12, 22, 15, tzinfo=UTC)
    curve = (await services.metadata.by_key(DESK, ["eugp:eu/dutch_ttf/gas"]))["eugp:eu/dutch_ttf/gas"]
    snapshot = (await services.curves.snapshots(DESK, [curve.id]))[curve.id]
    assert (snapshot.file_id, snapshot.published_at) == (run.file_id, file.published_at)
    events = await services.events.read("desk", 0)
    assert [event.cursor for event in events] == list(range(1, len(events) + 1))
    types = [event.type for event in events]
    assert types == [*["INGESTION_RUN"] * 3, *["CURVE_PUBLISHED"] * 83, "INGESTION_RUN"]


async def test_the_same_bytes_again_load_nothing_and_say_so(services: Services) -> None:
    workbook = eugp_workbook(DAY, months=4)
    first, again = await load(services, workbook), await load(services, workbook)
    renamed = await services.ingestion.ingest(DESK, submission(workbook, "EOD_EUGP_20250212_1430 (1).xlsx"))
    assert (again.state, again.repeats) == (RunState.UNCHANGED, first.id)
    assert (renamed.state, renamed.repeats) == (RunState.UNCHANGED, first.id)
    types = [event.type for event in await services.events.read("desk", 0)]
    assert types.count("CURVE_PUBLISHED") == 83


async def test_a_corrected_file_makes_new_versions_of_the_curves_that_changed(services: Services) -> None:
    workbook = eugp_workbook(DAY, months=4)
    await load(services, workbook)
    before = await eua(services)
    seven_forty = datetime(2025, 2, 13, 7, 40, tzinfo=UTC)
    run = await load(services, repriced(DAY, MARCH, 99.5, curve=EUA, published_at=seven_forty))
    assert (run.counts.new_versions, run.counts.unchanged, run.counts.new_curves) == (1, 82, 0)
    assert await eua(services) == pytest.approx(99.5)
    assert await eua(services, datetime(2025, 2, 13, 7, 0, tzinfo=UTC)) == before
    event = (await services.events.read("desk", 0, ["CURVE_RESTATED"]))[0]
    assert (event.payload["as_of"], event.payload["version"]) == ("2025-02-12", 2)


async def test_a_workbook_that_was_saved_again_changes_what_was_changed(services: Services) -> None:
    """openpyxl writes 16 digits of a number: many come back with another last bit."""
    workbook = simple_workbook(DAY)
    await load(services, workbook)
    book = load_workbook(BytesIO(workbook.to_bytes()))
    book["Fixed Prices - Mid"]["C8"] = 99.5
    saved = BytesIO()
    book.save(saved)
    run = await services.ingestion.ingest(DESK, Submission(saved.getvalue(), workbook.name, "test"))
    assert (run.counts.new_versions, run.counts.unchanged) == (1, 7)


async def test_a_formula_that_nobody_calculated_is_no_number(services: Services) -> None:
    book = load_workbook(BytesIO(eugp_workbook(DAY, months=4).to_bytes()))
    book["Fixed Prices - Mid"]["D13"] = "=50+1"
    saved = BytesIO()
    book.save(saved)
    run = await services.ingestion.ingest(DESK, Submission(saved.getvalue(), "EOD_EUGP_20250212_2215.xlsx", "test"))
    assert (run.state, run.counts.withheld) == (RunState.SUCCEEDED, 1)
    (point,) = await quarantined(services, run)
    assert (point.sheet, point.cells[0], point.code) == ("Fixed Prices - Mid", "D13", "NOT_A_NUMBER")
    assert "'a formula without a value'" in point.message


async def test_columns_whose_texts_nobody_calculated_are_not_served_as_curves(services: Services) -> None:
    book = load_workbook(BytesIO(eugp_workbook(DAY, months=4).to_bytes()))
    sheet = book["Fixed Prices - Mid"]
    last = sheet.max_column
    for column in (last - 1, last):
        sheet.cell(7, column).value = "=A1"
    saved = BytesIO()
    book.save(saved)
    run = await services.ingestion.ingest(DESK, Submission(saved.getvalue(), "EOD_EUGP_20250212_2215.xlsx", "test"))
    assert run.state is RunState.SUCCEEDED
    found = (await services.ingestion.findings(DESK, [run.id]))[run.id]
    assert [each.finding.code for each in found].count("MISSING_HEADER") == 2
    page = await services.metadata.curves(DESK, CurveFilter(), [], PageRequest(1000))
    assert (len(page.items), [each.key for each in page.items if "formula" in each.key]) == (83, [])


async def test_four_loads_of_the_same_file_at_once_load_it_once(services: Services) -> None:
    workbook = submission(eugp_workbook(DAY, months=4))
    runs = await asyncio.gather(*(services.ingestion.ingest(DESK, workbook) for _ in range(4)))
    assert sorted(run.state for run in runs).count(RunState.SUCCEEDED) >= 1
    types = [event.type for event in await services.events.read("desk", 0)]
    assert types.count("CURVE_PUBLISHED") == 83


async def test_a_refused_file_leaves_only_its_record(services: Services) -> None:
    await load(services, eugp_workbook(DAY, months=4))
    before = await services.events.head("desk")
    bad = eugp_workbook(DAY + timedelta(days=1), months=4)
    bad.put("Fixed Prices - Mid", "B13", date(2025, 9, 1))
    run = await load(services, bad)
    assert (run.state, run.error_code) == (RunState.FAILED, "MONTHS_NOT_CONSECUTIVE")
    assert run.error is not None
    assert "Fixed Prices - Mid" in run.error
    found = (await services.ingestion.findings(DESK, [run.id]))[run.id]
    assert "MONTHS_NOT_CONSECUTIVE" in [noted.finding.code for noted in found]
    assert await curves(services) == 83
    types = {event.type for event in await services.events.read("desk", before)}
    assert types == {"INGESTION_RUN"}


@pytest.mark.parametrize(
    ("data", "name", "code"),
    [
        (b"price,1", "EOD_EUGP_20250212_1430.xlsx", "NOT_A_WORKBOOK"),
        (b"", "EOD_EUGP_20250212_1430.xlsx", "NOT_A_WORKBOOK"),
        (b"PK\x03\x04 cut off", "EOD_EUGP_20250212_1430.xlsx", "NOT_A_WORKBOOK"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + "EncryptedPackage".encode("utf-16-le"), "EOD_RP_20250212_1430.xlsx",
         "ENCRYPTED_WORKBOOK"),
        (b"anything", "prices.xlsx", "UNKNOWN_VENDOR"),
    ],
)  # fmt: skip
async def test_what_is_not_a_vendors_workbook_fails_with_a_code(
    services: Services, data: bytes, name: str, code: str
) -> None:
    run = await services.ingestion.ingest(DESK, Submission(data, name, "test"))
    assert (run.state, run.error_code) == (RunState.FAILED, code)
    assert await curves(services) == 0


async def test_an_as_of_that_disagrees_with_the_name_is_refused(services: Services) -> None:
    workbook = eugp_workbook(DAY, months=4)
    run = await services.ingestion.ingest(DESK, submission(workbook, "EOD_EUGP_20250213_1430.xlsx"))
    assert (run.state, run.error_code) == (RunState.FAILED, "AS_OF_MISMATCH")


async def test_a_refused_file_may_be_sent_again(services: Services) -> None:
    wrong = Submission(eugp_workbook(DAY, months=4).to_bytes(), "EOD_EUGP_20250213_1430.xlsx", "test")
    right = Submission(wrong.data, "EOD_EUGP_20250212_1430.xlsx", "test")
    assert (await services.ingestion.ingest(DESK, wrong)).state is RunState.FAILED
    assert (await services.ingestion.ingest(DESK, right)).state is RunState.SUCCEEDED


async def test_a_file_that_is_too_large_is_not_kept_and_has_a_run_that_says_so(services: Services) -> None:
    """Each time it is sent: somebody waits for it. Once the limit is raised it is loaded."""
    workbook, ingestion = eugp_workbook(DAY, months=4), services.ingestion
    sent = submission(workbook)
    ingestion.refusals = Refusals(services.database, ingestion.store, services.events, ingestion.clock, 0)
    for _ in range(2):
        with pytest.raises(WorkbookTooLarge, match="0 MiB are accepted"):
            await ingestion.submit(DESK, sent)
    run, other = (await ingestion.runs_page(DESK, RunFilter(), PageRequest(10))).items
    assert (run.state, run.error_code, run.file_name, run.attempt) == (
        RunState.FAILED, "WORKBOOK_TOO_LARGE", workbook.name, 0,
    )  # fmt: skip
    told = await services.events.read(DESK.tenant, 0, limit=10)
    assert [event.payload for event in told] == [{"run_id": id_, "state": "FAILED"} for id_ in (other.id, run.id)]
    assert run.file_id == other.file_id
    with pytest.raises(Conflict, match="too large to be kept"):
        await ingestion.retry(DESK, run.id)
    ingestion.refusals = Refusals(services.database, ingestion.store, services.events, ingestion.clock, 64)
    await ingestion.submit(DESK, submission(pw_workbook(DAY, months=3)))
    with pytest.raises(NotFound, match="not among the files that are kept"):
        await ingestion.content(DESK, run.file_id)
    assert (await ingestion.ingest(DESK, sent)).state is RunState.SUCCEEDED
    assert (await ingestion.content(DESK, run.file_id))[1] == sent.data


async def test_loading_needs_the_scope(services: Services) -> None:
    reader = Principal("desk", "reader", frozenset({Scope.CURVES_READ}))
    with pytest.raises(Forbidden, match="ingestion:write"):
        await services.ingestion.submit(reader, submission(pw_workbook(DAY, months=3)))


class Later:
    """The services' clock, moved on by hand."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.ahead


class Kept:
    """A dispatcher that only remembers what it was given."""

    def __init__(self) -> None:
        self.runs: list[Run] = []

    async def dispatch(self, tenant: str, run: Run) -> None:
        self.runs.append(run)

    async def cancel(self, tenant: str, run: Run) -> None:
        self.runs.remove(run)


async def test_a_run_whose_worker_died_is_taken_up_again_and_loaded_once(services: Services) -> None:
    ingestion, clock, kept = services.ingestion, Later(), Kept()
    ingestion.clock = clock
    run = await ingestion.submit(DESK, submission(eugp_workbook(DAY, months=4)))
    async with services.database.write() as transaction:  # a worker claims it, and is never heard of again
        dead = await ingestion.store.claim(transaction, "desk", run.id, clock(), clock() + timedelta(seconds=30))
    assert dead is not None
    assert (await ingestion.execute(DESK, run.id)).state is RunState.RUNNING
    assert await ingestion.recover(kept) == 0
    clock.ahead = timedelta(seconds=31)
    assert await ingestion.recover(kept) == 1
    assert [again.id for again in kept.runs] == [run.id]
    assert (await ingestion.execute(DESK, run.id)).state is RunState.SUCCEEDED
    async with services.database.write() as transaction:  # the dead one wakes up: its attempt no longer counts
        assert not await ingestion.store.finish(transaction, dead, state=RunState.FAILED)
    types = [event.type for event in await services.events.read("desk", 0)]
    assert types.count("CURVE_PUBLISHED") == 83


async def test_a_run_that_loses_every_worker_fails_in_the_end(services: Services) -> None:
    ingestion, clock, kept = services.ingestion, Later(), Kept()
    ingestion.clock = clock
    run = await ingestion.submit(DESK, submission(eugp_workbook(DAY, months=4)))
    for _ in range(ingestion.settings.max_attempts):
        async with services.database.write() as transaction:
            assert await ingestion.store.claim(transaction, "desk", run.id, clock(), clock() + timedelta(seconds=30))
        clock.ahead += timedelta(seconds=31)
        await ingestion.recover(kept)
    ended = (await ingestion.runs(DESK, [run.id]))[run.id]
    assert (ended.state, ended.error_code) == (RunState.FAILED, "WORKER_LOST")
    assert await curves(services) == 0


async def test_a_database_that_goes_away_in_mid_load_leaves_the_run_queued(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = await services.ingestion.submit(DESK, submission(eugp_workbook(DAY, months=4)))

    async def away(*_: object) -> None:
        raise Unavailable("the database cannot be reached")

    with monkeypatch.context() as broken:
        broken.setattr(services.curves.version_store, "add", away)
        with pytest.raises(Unavailable):
            await services.ingestion.execute(DESK, run.id)
    assert (await services.ingestion.runs(DESK, [run.id]))[run.id].state is RunState.QUEUED
    assert await curves(services) == 0
    assert (await services.ingestion.execute(DESK, run.id)).state is RunState.SUCCEEDED


async def test_an_unexpected_error_fails_the_run_and_tells_nothing_of_itself(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_: object) -> None:
        raise ZeroDivisionError("secret 42")

    monkeypatch.setattr(services.curves.version_store, "add", broken)
    run = await load(services, eugp_workbook(DAY, months=4))
    assert (run.state, run.error_code) == (RunState.FAILED, "INTERNAL")
    assert run.error is not None
    assert "42" not in run.error
    assert await curves(services) == 0
