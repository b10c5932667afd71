"""Workbooks to fetch: a vendor's file as it came, and a run's copy with every finding marked in its cells."""

from __future__ import annotations

from io import BytesIO
from urllib.parse import unquote

import httpx
import pytest
from openpyxl import load_workbook

from aurum.auth import Principal, Scope
from aurum.backends.blobs import FolderBlobs
from aurum.backends.paging import PageRequest
from aurum.graphql.ids import node_id
from aurum.ingestion.model import Decision, PointPrices, QuarantineFilter, Run, RunState
from aurum.ingestion.service import Submission
from tests.rest.conftest import Rest
from tests.withheld import MID, eugp, mid_of, submission


async def loaded(rest: Rest, data: bytes | None = None, name: str | None = None) -> Run:
    sent = submission(eugp(AW13=999.0))
    return await rest.services.ingestion.ingest(
        rest.principal, Submission(data or sent.data, name or sent.name, "test")
    )


def file_url(run: Run) -> str:
    return f"/files/{node_id('SourceFile', run.file_id)}"


def annotated_url(run: Run) -> str:
    return f"/runs/{node_id('IngestionRun', run.id)}/annotated.xlsx"


def saved_as(response: httpx.Response) -> str:
    kind, _, name = response.headers["content-disposition"].partition("; filename*=UTF-8''")
    assert kind == "attachment"
    return unquote(name)


async def test_a_file_is_fetched_as_it_came(rest: Rest) -> None:
    run = await loaded(rest)
    response = await rest.get(file_url(run))
    assert (response.status_code, response.content) == (200, eugp(AW13=999.0).to_bytes())
    assert saved_as(response) == "EOD_EUGP_20250212_2215.xlsx"
    assert response.headers["content-type"].startswith("application/vnd.openxmlformats")
    assert response.headers["x-content-type-options"] == "nosniff"
    assert response.headers["cache-control"] == "private, no-store"
    head = await rest.client.head(file_url(run))
    assert (head.status_code, head.content) == (200, b"")


async def test_the_annotated_copy_marks_the_cell_and_lists_the_finding(rest: Rest) -> None:
    run = await loaded(rest)
    response = await rest.get(annotated_url(run))
    assert (response.status_code, saved_as(response)) == (200, "EOD_EUGP_20250212_2215 findings.xlsx")
    book = load_workbook(BytesIO(response.content))
    said = book[MID]["AW13"].comment
    assert said is not None
    assert "mid 999 is not between bid 70.368 and ask 70.75" in said.text
    assert book[MID]["AW13"].fill.fill_type == "solid"
    assert book[MID]["AW13"].value == 999
    lines = {row[0]: row[1] for row in book.worksheets[0].iter_rows(min_row=1, max_col=2, values_only=True)}
    assert (lines["Run"], lines["In quarantine"], lines["Loaded"]) == (str(run.id), "1", "475")
    rows = [row for row in book.worksheets[0].iter_rows(values_only=True) if "MID_OUTSIDE_QUOTE" in row]
    assert len(rows) == 1
    assert "AW13" in str(rows[0])


async def test_a_refused_file_and_one_that_is_no_workbook_are_fetched_too(rest: Rest) -> None:
    refused = await loaded(rest, name="EOD_EUGP_20250213.xlsx")
    assert refused.error_code == "AS_OF_MISMATCH"
    nonsense = await loaded(rest, b"<script>alert(1)</script>", "EOD_RP_20250213_2215.xlsx")
    assert nonsense.error_code == "NOT_A_WORKBOOK"
    response = await rest.get(file_url(nonsense))
    assert response.content == b"<script>alert(1)</script>"
    assert "html" not in response.headers["content-type"]
    for run in (refused, nonsense):
        book = load_workbook(BytesIO((await rest.get(annotated_url(run))).content))
        assert run.error is not None
        told = {row[0]: row[1] for row in book.worksheets[0].iter_rows(max_col=2, values_only=True)}
        assert told["Why it is not loaded"] == run.error


async def test_whatever_a_file_is_called_it_is_saved_under_its_name(embedded: Rest) -> None:
    for number, name in enumerate(
        [
            '"a";b=c.xlsx',
            "\r\nset-cookie: a=b.xlsx",
            "é漢字😀.xlsx",
            "%0d%0a.xlsx",
            f"{'x' * 3000}.xlsx",
            "\u202egpj.xlsx",
        ]
    ):
        run = await loaded(embedded, f"no workbook {number}".encode(), name)
        response = await embedded.get(file_url(run))
        assert (response.status_code, saved_as(response)) == (200, name)
        assert "set-cookie" not in response.headers
        assert response.headers["content-disposition"].isascii()
        annotated = await embedded.get(annotated_url(run))
        assert annotated.status_code == 200
        assert saved_as(annotated).endswith(" findings.xlsx")


async def test_what_is_not_there_is_not_found_and_what_is_no_id_is_refused(rest: Rest) -> None:
    run = await loaded(rest)
    file_id, run_id = node_id("SourceFile", run.file_id), node_id("IngestionRun", run.id)
    for url, status in [
        (f"/files/{node_id('SourceFile', 10**15)}", 404),
        (f"/runs/{node_id('IngestionRun', 10**15)}/annotated.xlsx", 404),
        (f"/files/{run_id}", 422),
        (f"/runs/{file_id}/annotated.xlsx", 422),
        ("/files/nonsense", 422),
        ("/files/..%2f..%2faurum.db", 404),
        ("/files/%00", 422),
        (f"/files/{run.file_id}", 422),
        (f"/files/{'A' * 5000}", 422),
        (f"/runs/{run_id}/annotated.exe", 404),
    ]:
        response = await rest.get(url)
        assert response.status_code == status, (url, response.text)
        assert "content-disposition" not in response.headers
    assert (await rest.client.post(file_url(run))).status_code == 405


async def test_another_tenants_files_and_runs_do_not_exist(rest: Rest, monkeypatch: pytest.MonkeyPatch) -> None:
    run = await loaded(rest)
    rival = Principal("rival", "rob", frozenset(Scope))
    monkeypatch.setattr("aurum.app.authenticate", lambda *_: rival)
    for url in (file_url(run), annotated_url(run)):
        assert (await rest.get(url)).status_code == 404


async def test_fetching_needs_its_scope_and_somebody_to_ask(rest: Rest, monkeypatch: pytest.MonkeyPatch) -> None:
    run = await loaded(rest)
    for url in (file_url(run), annotated_url(run)):
        foreign = await rest.get(url, headers={"host": "evil.example"})
        assert (foreign.status_code, foreign.headers["www-authenticate"]) == (401, "Bearer")
        elsewhere = {"sec-fetch-site": "cross-site"}
        assert (await rest.get(url, headers=elsewhere)).status_code == 403
        followed = elsewhere | {"sec-fetch-mode": "navigate", "sec-fetch-dest": "document"}
        assert (await rest.get(url, headers=followed)).status_code == 200
    trader = Principal(rest.principal.tenant, "trader", frozenset({Scope.CURVES_READ}))
    monkeypatch.setattr("aurum.app.authenticate", lambda *_: trader)
    for url in (file_url(run), annotated_url(run)):
        refused = await rest.get(url)
        assert (refused.status_code, refused.headers["x-required-permission"]) == (403, "ingestion:read")


async def test_a_run_without_findings_of_its_own_says_which_has_them(rest: Rest) -> None:
    queued = await rest.services.ingestion.submit(rest.principal, submission(eugp()))
    waiting = await rest.get(annotated_url(queued))
    assert (waiting.status_code, "has not ended yet" in waiting.json()["detail"]) == (409, True)
    await rest.services.ingestion.execute(rest.principal, queued.id)
    again = await loaded(rest, eugp().to_bytes(), eugp().name)
    assert again.state is RunState.UNCHANGED
    unchanged = await rest.get(annotated_url(again))
    assert (unchanged.status_code, f"run {queued.id} has them" in unchanged.json()["detail"]) == (409, True)


async def test_bytes_that_are_gone_are_said_to_be_gone_and_a_folder_that_is_away_to_be_away(embedded: Rest) -> None:
    run = await loaded(embedded)
    blobs = embedded.services.ingestion.blobs
    assert isinstance(blobs, FolderBlobs)
    (kept,) = (path for path in blobs.folder.rglob("*") if path.is_file())
    kept.unlink()
    for url in (file_url(run), annotated_url(run)):
        response = await embedded.get(url)
        assert (response.status_code, str(blobs.folder) in response.text) == (404, False)
    blobs.folder.rename(blobs.folder.with_name("away"))
    for url in (file_url(run), annotated_url(run)):
        response = await embedded.get(url)
        assert (response.status_code, response.headers["retry-after"]) == (503, "5")
        assert str(blobs.folder) not in response.text


async def test_the_legacy_list_leaves_out_what_is_withheld_until_it_is_decided(rest: Rest) -> None:
    await loaded(rest)
    curve = (await rest.services.metadata.by_key(rest.principal, ["eugp:eu/eua/carbon"]))["eugp:eu/eua/carbon"]
    asked = {"curve_key": curve.legacy_key, "asof": "2025-02-12", "tenor_type": "MONTHLY"}
    labels = {row["tenor_label"]: row["mid"] for row in await rest.rows(**asked)}
    assert sorted(labels) == ["2025-02", "2025-04", "2025-05"]
    assert labels["2025-04"] == mid_of(eugp(), "AW14")
    quarantine = rest.services.ingestion.quarantine
    (item,) = (await quarantine.store.page(rest.principal.tenant, QuarantineFilter(), PageRequest(9))).items
    await quarantine.resolve(rest.principal, [item.id], Decision.CORRECT, "seen", PointPrices(70.5))
    labels = {row["tenor_label"]: row["mid"] for row in await rest.rows(**asked)}
    assert labels["2025-03"] == 70.5
