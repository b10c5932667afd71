"""Exports over HTTP: what is streamed at once, what is refused, and the files of jobs."""

from __future__ import annotations

import asyncio
import csv
import io
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from openpyxl import load_workbook

from aurum.auth import Principal, Scope
from aurum.backends.budgets import MemoryBudgets
from aurum.exports.model import ExportFormat, Selection
from aurum.graphql.ids import node_id
from tests.published import NBP, TTF, prices
from tests.rest.conftest import Rest

KEY, PINNED = "eugp:eu/dutch_ttf/gas", "2025-02-20T00:00:00Z"


@pytest.fixture
async def filled(embedded: Rest) -> Rest:
    await embedded.publish("2025-02-12", (TTF, prices([50.5, float("nan")])), (NBP, prices([120.0, 121.5])))
    return embedded


async def test_the_same_rows_in_each_format(filled: Rest) -> None:
    found = {each: await filled.get(f"/exports.{each}", known_at=PINNED) for each in ExportFormat}
    assert {response.status_code for response in found.values()} == {200}
    rows = pa.ipc.open_stream(found[ExportFormat.ARROW].content).read_all().to_pylist()
    assert [row["mid"] for row in rows] == [50.5, None, 120.0, 121.5]
    assert pq.read_table(io.BytesIO(found[ExportFormat.PARQUET].content)).to_pylist() == rows
    lines = list(csv.DictReader(io.StringIO(found[ExportFormat.CSV].text)))
    assert [line["mid"] for line in lines] == ["50.5", "", "120", "121.5"]
    assert load_workbook(io.BytesIO(found[ExportFormat.XLSX].content))["Points"].max_row == 5
    headers = found[ExportFormat.CSV].headers
    assert headers["content-type"] == "text/csv; charset=utf-8"
    assert headers["content-disposition"] == "attachment; filename*=UTF-8''curves.csv"
    assert (headers["x-aurum-points"], headers["content-encoding"]) == ("4", "gzip")


async def test_what_is_pinned_is_not_sent_twice_and_what_is_not_is_never_the_same(filled: Rest) -> None:
    pinned = await filled.get("/exports.csv", known_at=PINNED)
    etag = pinned.headers["etag"]
    again = await filled.get("/exports.csv", {"if-none-match": etag}, known_at=PINNED)
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", etag)
    await filled.publish("2025-02-12", (TTF, prices([51.0, 52.0])), published_at="2025-02-13 09:00")
    changed = await filled.get("/exports.csv", {"if-none-match": etag}, known_at=PINNED)
    assert (changed.status_code, changed.headers["etag"] != etag) == (200, True)
    now = await filled.get("/exports.csv")
    assert ("etag" in now.headers, now.headers["cache-control"]) == (False, "private, no-store")


async def test_a_head_says_what_there_is_without_writing_it(filled: Rest) -> None:
    head = await filled.client.head("/exports.parquet")
    assert (head.status_code, head.content, head.headers["x-aurum-points"]) == (200, b"", "4")
    assert "content-length" not in head.headers


@pytest.mark.parametrize(
    ("path", "query", "status", "code"),
    [
        ("/exports.doc", {}, 404, "NOT_FOUND"),
        ("/exports.csv", {"kurve": KEY}, 422, "BAD_USER_INPUT"),
        ("/exports.csv", {"as_of": "yesterday"}, 422, "BAD_USER_INPUT"),
        ("/exports.csv", {"known_at": "2999-01-01T00:00:00Z"}, 422, "BAD_USER_INPUT"),
        ("/exports.csv", {"curve": "eugp:eu/dutch_tff/gas"}, 404, "NOT_FOUND"),
        ("/exports.csv", {"unit": "MWh"}, 422, "UNKNOWN_UNIT"),
        ("/exports/nonsense", {}, 422, "BAD_USER_INPUT"),
        (f"/exports/{node_id('Export', 10**15)}", {}, 404, "NOT_FOUND"),
        (f"/exports/{node_id('Curve', 1)}", {}, 422, "BAD_USER_INPUT"),
    ],
)
async def test_refusals_have_codes(filled: Rest, path: str, query: dict[str, Any], status: int, code: str) -> None:
    curve = (await filled.services.metadata.by_key(filled.principal, [KEY]))[KEY]
    await filled.services.metadata.set_unit(filled.principal, curve.id, None, None, "nobody knows")
    response = await filled.get(path, **query)
    assert (response.status_code, response.json()["code"]) == (status, code), response.text
    assert response.headers["content-type"] == "application/problem+json"


async def test_what_is_too_large_says_how_to_make_a_job_of_it(filled: Rest, monkeypatch: pytest.MonkeyPatch) -> None:
    service = filled.services.exports
    monkeypatch.setattr(service, "settings", service.settings.model_copy(update={"stream_points": 3}))
    problem = (await filled.get("/exports.csv")).json()
    assert (problem["status"], problem["code"]) == (422, "EXPORT_TOO_LARGE")
    assert "createExport" in problem["hint"]
    assert (await filled.get("/exports.csv", curve=KEY)).status_code == 200


async def test_it_costs_a_callers_budget_what_columns_cost(filled: Rest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(filled.services.charges, "budgets", MemoryBudgets(60, 0.001))
    assert (await filled.get("/exports.csv")).status_code == 200  # two snapshots: 40
    refused = await filled.get("/exports.csv")
    assert (refused.status_code, refused.json()["code"]) == (429, "COST_BUDGET_EXHAUSTED")
    assert int(refused.headers["retry-after"]) > 0
    assert (await filled.client.head("/exports.csv")).status_code == 200


async def test_the_file_of_a_job_is_fetched_in_parts_too_until_it_expires(filled: Rest) -> None:
    service = filled.services.exports
    export = await service.create(filled.principal, Selection(), ExportFormat.PARQUET)
    url = f"/exports/{node_id('Export', export.id)}"
    while (response := await filled.get(url)).status_code == 409:  # noqa: ASYNC110  until it is done
        await asyncio.sleep(0.01)
    assert response.headers["content-type"] == "application/vnd.apache.parquet"
    assert response.headers["content-disposition"].endswith("curves.parquet")
    assert pq.read_table(io.BytesIO(response.content)).num_rows == 4
    part = await filled.get(url, {"range": "bytes=0-3"})
    assert (part.status_code, part.content) == (206, b"PAR1")
    known = await filled.get(url, {"if-none-match": response.headers["etag"]})
    assert known.status_code == 304
    await service.discard(filled.principal, export.id)
    gone = await filled.get(url)
    assert (gone.status_code, gone.json()["code"]) == (410, "EXPIRED")


async def test_tenants_are_apart_and_reading_needs_its_scope(filled: Rest, monkeypatch: pytest.MonkeyPatch) -> None:
    export = await filled.services.exports.create(filled.principal, Selection(), ExportFormat.CSV)
    url = f"/exports/{node_id('Export', export.id)}"
    monkeypatch.setattr("aurum.app.authenticate", lambda *_: Principal("rival", "rob", frozenset(Scope)))
    assert (await filled.get("/exports.csv")).headers["x-aurum-points"] == "0"
    assert (await filled.get(url)).status_code == 404
    assert (await filled.get("/exports.csv", curve=KEY)).status_code == 404
    clerk = Principal(filled.principal.tenant, "clerk", frozenset({Scope.INGESTION_READ}))
    monkeypatch.setattr("aurum.app.authenticate", lambda *_: clerk)
    for path in (url, "/exports.csv"):
        refused = await filled.get(path)
        assert (refused.status_code, refused.headers["x-required-permission"]) == (403, "curves:read")
    assert (await filled.get("/exports.csv", {"host": "evil.example"})).status_code in (401, 403)


async def test_a_stream_that_breaks_off_does_not_look_whole(filled: Rest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("aurum.exports.frames.Frames.batch", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):  # which the server turns into a cut connection
        await filled.get("/exports.csv")
