"""Files through GraphQL: uploads, the drop folder, runs and what they found."""

from __future__ import annotations

import asyncio
from datetime import date
from typing import Any

import httpx
import orjson
import pytest

from aurum.demo import eugp_workbook
from aurum.services import Services
from tests.api.conftest import Ask

UPLOAD = """mutation($input: UploadWorkbookInput!) { uploadWorkbook(input: $input) {
    run { id state fileName requestedBy } problems { code message } } }"""
RUN = """query($id: ID!) { ingestionRun(id: $id) {
    state curveCount pointCount newVersionCount errorCode error hint
    findings { code severity sheet cells message } file { name size vendor asOf } repeats { id } } }"""


async def upload(client: httpx.AsyncClient, content: bytes, name: str) -> dict[str, Any]:
    operations = {"query": UPLOAD, "variables": {"input": {"file": None}}}
    form = {"operations": orjson.dumps(operations).decode(), "map": '{"0": ["variables.input.file"]}'}
    response = await client.post("/graphql", data=form, files={"0": (name, content)})
    answer: dict[str, Any] = response.json()
    assert "errors" not in answer, answer
    payload: dict[str, Any] = answer["data"]["uploadWorkbook"]
    return payload


async def ended(ask: Ask, run_id: str) -> dict[str, Any]:
    for _ in range(100):
        run: dict[str, Any] = (await ask(RUN, id=run_id))["data"]["ingestionRun"]
        if run["state"] not in ("QUEUED", "RUNNING"):
            return run
        await asyncio.sleep(0.05)
    raise AssertionError("the run does not end")


async def test_an_upload_answers_with_a_run_at_once_and_is_loaded_behind_it(
    client: httpx.AsyncClient, ask: Ask
) -> None:
    workbook = eugp_workbook(date(2025, 2, 12), months=4)
    payload = await upload(client, workbook.to_bytes(), workbook.name)
    assert payload["problems"] == []
    assert payload["run"]["state"] == "QUEUED"
    run = await ended(ask, payload["run"]["id"])
    assert (run["state"], run["curveCount"], run["newVersionCount"]) == ("SUCCEEDED", 83, 83)
    assert (run["file"]["vendor"], run["file"]["asOf"]) == ("EUGP", "2025-02-12")
    again = await upload(client, workbook.to_bytes(), workbook.name)
    assert again["run"]["state"] == "UNCHANGED"


async def test_a_refused_upload_says_where_and_why(client: httpx.AsyncClient, ask: Ask) -> None:
    workbook = eugp_workbook(date(2025, 2, 12), months=4)
    workbook.put("Fixed Prices - BidAsk", "F14", "31.9 / abc")
    workbook.put("Fixed Prices - BidAsk", "B14", date(2029, 1, 1))
    run = await ended(ask, (await upload(client, workbook.to_bytes(), workbook.name))["run"]["id"])
    assert (run["state"], run["errorCode"]) == ("FAILED", "MONTHS_NOT_CONSECUTIVE")
    assert "Fixed Prices - BidAsk!B15" in run["error"]
    (bad,) = [finding for finding in run["findings"] if finding["code"] == "BAD_QUOTE"]
    assert (bad["sheet"], bad["cells"]) == ("Fixed Prices - BidAsk", ["F14"])
    assert (await ask("{ curves { totalCount } }"))["data"]["curves"]["totalCount"] == 0


async def test_a_file_of_the_drop_folder_is_ingested_by_name(ask: Ask, services: Services) -> None:
    folder = services.ingestion.drop_folder
    folder.mkdir()
    workbook = eugp_workbook(date(2025, 2, 12), months=4)
    workbook.save(folder)
    mutation = """mutation($path: String!) { ingestFile(input: {path: $path}) {
        run { id state } problems { code field } } }"""
    payload = (await ask(mutation, path=workbook.name))["data"]["ingestFile"]
    assert (await ended(ask, payload["run"]["id"]))["state"] == "SUCCEEDED"
    for path in ("../aurum.db", "/etc/passwd", "missing.xlsx", "", "a\x00b"):
        payload = (await ask(mutation, path=path))["data"]["ingestFile"]
        assert payload["run"] is None, path
        assert payload["problems"][0]["field"] == "path"


@pytest.mark.usefixtures("loaded")
async def test_runs_and_files_are_listed_newest_first(ask: Ask) -> None:
    answer = await ask(
        """{ ingestionRuns(filter: {states: [SUCCEEDED], asOf: {last: "2025-02-13"}}) {
               nodes { asOf newVersionCount unchangedCount file { name } } }
             sourceFiles(search: "20250212", first: 1) { nodes { name publishedAt } pageInfo { hasNextPage } } }"""
    )
    runs = answer["data"]["ingestionRuns"]["nodes"]
    assert [(run["asOf"], run["newVersionCount"], run["unchangedCount"]) for run in runs] == [
        ("2025-02-13", 83, 0), ("2025-02-12", 7, 76), ("2025-02-12", 83, 0),
    ]  # fmt: skip
    files = answer["data"]["sourceFiles"]
    assert files["nodes"][0]["publishedAt"] == "2025-02-13T07:40:00+00:00"
    assert files["pageInfo"]["hasNextPage"] is True
