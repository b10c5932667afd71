"""Quarantine, lineage and drift through GraphQL, and how a run is ended and taken up again."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest

from aurum.auth import Principal, Scope, local_principal
from aurum.demo.workbooks import VendorWorkbook
from aurum.graphql.ids import node_id
from aurum.ingestion.loading import Loader
from aurum.ingestion.model import Run, RunState
from aurum.services import Services
from aurum.settings import Settings
from tests.api.conftest import Ask, data
from tests.statements import statements_from_here
from tests.withheld import EUA, MID, UKA, eugp, mid_of, put, submission

WORKER = local_principal(Settings().auth, "worker")
POINT = """id state vendor asOf code message sheet cells curveKey tenor tenorType deliveryStart deliveryEnd mid bid ask
    run { id state } curve { name } findings { code severity }
    resolutions { decision mid author reason version }"""
LIST = f"""query($filter: QuarantineFilter, $first: Int, $after: String) {{
    quarantine(filter: $filter, first: $first, after: $after) {{
        totalCount pageInfo {{ hasNextPage endCursor }} nodes {{ {POINT} }} }} }}"""
RESOLVE = f"""mutation($input: ResolveQuarantineInput!) {{ resolveQuarantine(input: $input) {{
    points {{ {POINT} }} problems {{ code message field hint }} }} }}"""
SNAPSHOT = """query($key: String!, $asOf: Date) { curve(key: $key) { snapshot(asOf: $asOf) {
    version withheldCount pointCount author reason findings { code severity cells }
    source { id name contentHash download { url name } } run { id parserVersion thresholdsVersion }
    points { tenor mid bid ask withheld cell bidAskCell } columns { mid } } } }"""


async def load(services: Services, workbook: VendorWorkbook) -> Run:
    return await services.ingestion.ingest(WORKER, submission(workbook))


async def listed(ask: Ask, **variables: Any) -> list[dict[str, Any]]:
    nodes: list[dict[str, Any]] = (await data(ask, LIST, **variables))["quarantine"]["nodes"]
    return nodes


async def resolve(post: Ask, ids: list[str], decision: str, **values: Any) -> dict[str, Any]:
    given = {"ids": ids, "decision": decision, "reason": "seen on the screen", **values}
    payload: dict[str, Any] = (await data(post, RESOLVE, input=given))["resolveQuarantine"]
    return payload


async def snapshot(ask: Ask, key: str = EUA) -> dict[str, Any]:
    found: dict[str, Any] = (await data(ask, SNAPSHOT, key=key, asOf="2025-02-12"))["curve"]["snapshot"]
    return found


# ------------------------------------------------------------------------------------------------- points


async def test_an_operator_finds_a_wrong_point_and_mends_it(ask: Ask, services: Services) -> None:
    await load(services, eugp(AW13=999.0))
    (point,) = await listed(ask, filter={"states": ["OPEN"], "vendors": [" eugp "], "asOf": {"last": "2025-02-12"}})
    id_, run = point.pop("id"), point.pop("run")
    assert run["state"] == "SUCCEEDED"
    assert point == {
        "state": "OPEN", "vendor": "EUGP", "asOf": "2025-02-12", "code": "MID_OUTSIDE_QUOTE",
        "message": "2025-03: mid 999 is not between bid 70.368 and ask 70.75", "sheet": MID,
        "cells": ["AW13", "Fixed Prices - BidAsk!AW13"], "curveKey": EUA, "tenor": "2025-03", "tenorType": "MONTH",
        "deliveryStart": "2025-03-01", "deliveryEnd": "2025-04-01", "mid": 999.0, "bid": 70.368, "ask": 70.75,
        "curve": {"name": "EUA (EU ETS) allowance"}, "resolutions": [],
        "findings": [{"code": "MID_OUTSIDE_QUOTE", "severity": "ERROR"}],
    }  # fmt: skip
    march = (await snapshot(ask))["points"][1]
    assert march == {
        "tenor": "2025-03", "mid": None, "bid": None, "ask": None, "withheld": True, "cell": f"{MID}!AW13",
        "bidAskCell": "Fixed Prices - BidAsk!AW13",
    }  # fmt: skip
    payload = await resolve(ask, [id_], "CORRECT", mid=70.559, bid=70.368, ask=70.75)
    assert payload["problems"] == []
    assert payload["points"][0]["state"] == "CORRECTED"
    assert payload["points"][0]["resolutions"] == [
        {"decision": "CORRECT", "mid": 70.559, "author": "developer", "reason": "seen on the screen", "version": 2}
    ]
    mended = await snapshot(ask)
    assert (mended["version"], mended["withheldCount"], mended["author"], mended["reason"]) == (
        2, 0, "developer", "seen on the screen",
    )  # fmt: skip
    assert mended["points"][1] == march | {"mid": 70.559, "bid": 70.368, "ask": 70.75, "withheld": False}
    found = (await data(ask, "query($id: ID!) { node(id: $id) { ... on QuarantinedPoint { state } } }", id=id_))["node"]
    assert found == {"state": "CORRECTED"}


async def test_the_list_is_paged_and_counted_in_a_fixed_number_of_statements(ask: Ask, services: Services) -> None:
    cells = {f"{column}{row}": 999.0 for column in ("AW", "AX") for row in range(12, 16)}
    await load(services, put(eugp(), MID, cells))
    first = (await data(ask, LIST, first=3))["quarantine"]
    assert (first["totalCount"], len(first["nodes"]), first["pageInfo"]["hasNextPage"]) == (8, 3, True)
    rest = await listed(ask, first=10, after=first["pageInfo"]["endCursor"])
    assert len({node["id"] for node in first["nodes"] + rest}) == 8
    statements = statements_from_here(services.database)
    counts = []
    for count in (1, 8):
        statements.clear()
        assert len(await listed(ask, first=count)) == count
        counts.append(len([statement for statement in statements if statement.startswith("SELECT")]))
    assert counts[0] == counts[1] <= 6, statements  # points, their number, runs, curves, findings, resolutions
    for wanted, expected in [
        ({"codes": ["NOT_A_NUMBER"]}, 0), ({"curveKeys": [UKA]}, 4), ({"states": []}, 0),
        ({"runIds": [rest[0]["run"]["id"]]}, 8), ({"asOf": {"first": "2025-02-13"}}, 0),
    ]:  # fmt: skip
        assert len(await listed(ask, filter=wanted)) == expected, wanted


async def test_what_cannot_be_decided_is_said_in_problems_and_changes_nothing(ask: Ask, services: Services) -> None:
    run = await load(services, eugp(AW13=999.0))
    (point,) = await listed(ask)
    ids = [point["id"]]
    wrong: list[tuple[list[str], str, dict[str, Any], tuple[str, str | None]]] = [
        ([], "REJECT", {}, ("BAD_USER_INPUT", "ids")),
        ([node_id("IngestionRun", run.id)], "REJECT", {}, ("BAD_USER_INPUT", "id")),
        (["nonsense"], "REJECT", {}, ("BAD_USER_INPUT", "id")),
        ([*ids, node_id("QuarantinedPoint", 10**15)], "REJECT", {}, ("NOT_FOUND", None)),
        (ids, "REJECT", {"reason": " "}, ("BAD_USER_INPUT", "reason")),
        (ids, "REJECT", {"mid": 70.5}, ("BAD_USER_INPUT", "mid")),
        (ids, "ACCEPT", {"bid": 70.5}, ("BAD_USER_INPUT", "mid")),
        (ids, "CORRECT", {}, ("BAD_USER_INPUT", "mid")),
        (ids, "CORRECT", {"mid": 70.5, "bid": 70.4}, ("BAD_USER_INPUT", "ask")),
        (ids, "CORRECT", {"mid": 70.5, "bid": 70.6, "ask": 70.7}, ("BAD_USER_INPUT", "mid")),
        (ids, "RELEASE", {}, ("CONFLICT", None)),
    ]  # fmt: skip
    for given, decision, values, said in wrong:
        payload = await resolve(ask, given, decision, **values)
        assert payload["points"] == []
        (problem,) = payload["problems"]
        assert (problem["code"], problem["field"]) == said, payload
    huge = f'ids: ["{ids[0]}"], decision: CORRECT, mid: 1e999, reason: "x"'
    answer = await ask(f"mutation {{ resolveQuarantine(input: {{{huge}}}) {{ problems {{ field }} }} }}")
    assert answer.get("errors") or answer["data"]["resolveQuarantine"]["problems"] == [{"field": "mid"}]
    assert await listed(ask) == [point]


async def test_two_people_are_needed_where_four_eyes_are_configured(
    ask: Ask, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    services.ingestion.quarantine.four_eyes = True
    await load(services, eugp(AW13=999.0))
    (point,) = await listed(ask)
    proposed = await resolve(ask, [point["id"]], "ACCEPT")
    assert proposed["points"][0]["state"] == "PROPOSED"
    (problem,) = (await resolve(ask, [point["id"]], "RELEASE"))["problems"]
    assert (problem["code"], "somebody else releases it" in problem["message"]) == ("FORBIDDEN", True)
    monkeypatch.setattr("aurum.app.authenticate", lambda *_: local_principal(Settings().auth, "ben"))
    released = await resolve(ask, [point["id"]], "RELEASE")
    assert released["points"][0]["state"] == "ACCEPTED"
    assert (await snapshot(ask))["points"][1]["mid"] == 999.0


async def test_quotes_leave_out_what_is_withheld_and_never_pass_off_another_day(ask: Ask, services: Services) -> None:
    await load(services, eugp())
    await load(services, eugp(date(2025, 2, 13), AW13=999.0))
    query = """query($asOf: Date) { quotes(asOf: $asOf, filter: {keys: ["%s"]}, tenorTypes: [MONTH]) {
        nodes { label asOf mid withheld } } }"""
    exact = (await data(ask, query % EUA, asOf="2025-02-13"))["quotes"]["nodes"]
    assert [quote["label"] for quote in exact] == ["2025-02", "2025-04", "2025-05"]
    assert {(quote["asOf"], quote["withheld"]) for quote in exact} == {("2025-02-13", False)}
    newest = (await data(ask, query % EUA))["quotes"]["nodes"]
    assert [(quote["label"], quote["asOf"]) for quote in newest] == [
        ("2025-02", "2025-02-13"), ("2025-03", "2025-02-12"), ("2025-04", "2025-02-13"), ("2025-05", "2025-02-13"),
    ]  # fmt: skip
    assert newest[1]["mid"] == mid_of(eugp(), "AW13")


# ------------------------------------------------------------------------------------------------- lineage


async def test_every_served_point_is_traced_to_its_cell_file_run_and_parser(
    client: httpx.AsyncClient, ask: Ask, services: Services
) -> None:
    workbook = eugp(AW13=999.0)
    run = await load(services, workbook)
    (point,) = await listed(ask)
    await resolve(ask, [point["id"]], "CORRECT", mid=70.5)
    found = await snapshot(ask)
    served = {entry["tenor"]: entry for entry in found["points"] if entry["mid"] is not None}
    assert len(served) == found["pointCount"] == 7
    for tenor, entry in served.items():
        sheet, _, cell = entry["cell"].partition("!")
        said = workbook.cell(sheet, cell)
        assert (entry["mid"] == said) == (tenor != "2025-03")
    assert found["run"] == {"id": node_id("IngestionRun", run.id), "parserVersion": run.parser_version,
                            "thresholdsVersion": 0}  # fmt: skip
    assert found["findings"] == [
        {"code": "MID_OUTSIDE_QUOTE", "severity": "ERROR", "cells": ["AW13", "Fixed Prices - BidAsk!AW13"]}
    ]
    fetched = await client.get(found["source"]["download"]["url"])
    assert hashlib.sha256(fetched.content).hexdigest() == found["source"]["contentHash"]
    assert fetched.content == workbook.to_bytes()


async def test_findings_are_chosen_by_severity_and_code_and_drift_is_told_apart(ask: Ask, services: Services) -> None:
    first = await load(services, eugp())
    changed = eugp(date(2025, 2, 13), AW13=999.0)
    for sheet in ("Fixed Prices - Mid", "Strips - Mid", "Fixed Prices - BidAsk", "Strips - BidAsk"):
        put(changed, sheet, {"AX7": "UKA_NEW"})
    changed.sheets["Remarks"] = [["new"]]
    run = await load(services, changed)
    query = """query($id: ID!, $severities: [Severity!], $codes: [String!]) { ingestionRun(id: $id) {
        withheldCount loadedCount pointCount errorCount findingCount
        findings(severities: $severities, codes: $codes) { code severity }
        drift { previous { name } newCurves goneCurves renamedCurves newSheets goneSheets findings { code } } } }"""
    id_ = node_id("IngestionRun", run.id)
    everything = (await data(ask, query, id=id_))["ingestionRun"]
    assert len(everything["findings"]) == everything["findingCount"]
    assert everything["loadedCount"] + everything["withheldCount"] == everything["pointCount"]
    errors = (await data(ask, query, id=id_, severities=["ERROR"]))["ingestionRun"]["findings"]
    assert len(errors) == everything["errorCount"] == 1
    assert (await data(ask, query, id=id_, codes=["CURVE_NEW"], severities=["ERROR"]))["ingestionRun"]["findings"] == []
    drift = everything["drift"]
    assert drift["previous"] == {"name": (await services.ingestion.run(WORKER, first.id)).file_name}
    assert (drift["newCurves"], drift["goneCurves"]) == (["eugp:uk/uka_new/carbon"], [UKA])
    assert (drift["newSheets"], drift["goneSheets"]) == (["Remarks"], [])
    assert "MID_OUTSIDE_QUOTE" not in {finding["code"] for finding in drift["findings"]}
    assert (await data(ask, query, id=node_id("IngestionRun", first.id)))["ingestionRun"]["drift"]["previous"] is None


# ------------------------------------------------------------------------------------------------- runs

CANCEL = """mutation($id: ID!) { cancelIngestionRun(input: {id: $id}) {
    run { id state stage error } problems { code } } }"""
RETRY = """mutation($id: ID!) { retryIngestionRun(input: {id: $id}) { run { id state trigger retries { id } }
    problems { code message } } }"""


def forget(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs stay queued: nobody executes them."""

    async def nowhere(*_: object) -> None:
        return None

    monkeypatch.setattr(services.dispatcher, "dispatch", nowhere)


async def test_a_queued_run_is_cancelled_and_taken_up_again(
    ask: Ask, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    forget(services, monkeypatch)
    run = await services.ingestion.submit(WORKER, submission(eugp()))
    id_ = node_id("IngestionRun", run.id)
    for _ in range(2):
        cancelled = (await data(ask, CANCEL, id=id_))["cancelIngestionRun"]
        assert cancelled == {
            "run": {"id": id_, "state": "CANCELLED", "stage": None, "error": "cancelled by developer"}, "problems": [],
        }  # fmt: skip
    assert (await services.ingestion.execute(WORKER, run.id)).state is RunState.CANCELLED
    retried = [(await data(ask, RETRY, id=id_))["retryIngestionRun"]["run"] for _ in range(2)]
    assert retried[0] == retried[1]
    assert (retried[0]["state"], retried[0]["trigger"], retried[0]["retries"]) == ("QUEUED", "retry", {"id": id_})
    again = (await services.ingestion.store.runs_of_content(WORKER.tenant, await the_hash(services, run)))[-1]
    assert (await services.ingestion.execute(WORKER, again.id)).state is RunState.SUCCEEDED
    late = (await data(ask, CANCEL, id=node_id("IngestionRun", again.id)))["cancelIngestionRun"]
    assert (late["run"], late["problems"]) == (None, [{"code": "CONFLICT"}])
    refused = (await data(ask, RETRY, id=node_id("IngestionRun", again.id)))["retryIngestionRun"]
    assert refused["problems"][0]["code"] == "CONFLICT"
    unchanged = (await data(ask, RETRY, id=id_))["retryIngestionRun"]["run"]
    assert (unchanged["state"], unchanged["retries"]) == ("UNCHANGED", {"id": id_})
    states = [event.payload["state"] for event in await services.events.read(WORKER.tenant, 0, ["INGESTION_RUN"])]
    assert states == ["QUEUED", "CANCELLED", "QUEUED", "RUNNING", "RUNNING", "SUCCEEDED", "UNCHANGED"]


async def the_hash(services: Services, run: Run) -> str:
    return (await services.ingestion.files(WORKER, [run.file_id]))[run.file_id].content_hash


@pytest.mark.parametrize("step", ["_progress", "_publish"])
async def test_a_run_that_is_cancelled_under_way_loads_nothing(
    ask: Ask, services: Services, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    """Cancelled before the worker has said how far it is, or while it is about to write."""
    forget(services, monkeypatch)
    run = await services.ingestion.submit(WORKER, submission(eugp(AW13=999.0)))
    go_on: Callable[..., Any] = getattr(Loader, step)

    async def cancelled(*arguments: Any) -> None:
        payload = (await data(ask, CANCEL, id=node_id("IngestionRun", run.id)))["cancelIngestionRun"]
        assert payload["run"]["state"] == "CANCELLED"
        await go_on(*arguments)

    with monkeypatch.context() as patched:
        patched.setattr(Loader, step, cancelled)
        ended = await services.ingestion.execute(WORKER, run.id)
    assert (ended.state, ended.stage) == (RunState.CANCELLED, None)
    assert (await data(ask, "{ curves { totalCount } quarantine { totalCount } }")) == {
        "curves": {"totalCount": 0}, "quarantine": {"totalCount": 0},
    }  # fmt: skip
    types = {event.type for event in await services.events.read(WORKER.tenant, 0)}
    assert types == {"INGESTION_RUN"}
    assert (await load(services, eugp(AW13=999.0))).state is RunState.SUCCEEDED


async def test_a_failed_run_is_taken_up_again_and_fails_again(ask: Ask, services: Services) -> None:
    bad = put(eugp(), MID, {"B13": date(2025, 9, 1)})
    run = await load(services, bad)
    assert run.state is RunState.FAILED
    retried = (await data(ask, RETRY, id=node_id("IngestionRun", run.id)))["retryIngestionRun"]["run"]
    assert retried["retries"] == {"id": node_id("IngestionRun", run.id)}
    for mutation, name in ((CANCEL, "cancelIngestionRun"), (RETRY, "retryIngestionRun")):
        for id_, code in (
            (node_id("IngestionRun", 10**12), "NOT_FOUND"), (node_id("Curve", 1), "BAD_USER_INPUT"),
            ("nonsense", "BAD_USER_INPUT"),
        ):  # fmt: skip
            assert (await data(ask, mutation, id=id_))[name]["problems"][0]["code"] == code


# ------------------------------------------------------------------------------------------------- docs

DOCUMENT = Path(__file__).parents[2] / "docs" / "quarantine.md"
_EXAMPLE = re.compile(r"```graphql\n(.*?)```(?:\s+```json\n(.*?)```)?", re.DOTALL)


async def test_the_examples_of_the_document_work(ask: Ask, services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    await load(services, eugp(AW13=999.0, AX14="n/a"))
    points = {point["code"]: point for point in await listed(ask)}
    ids = {"ID1": points["MID_OUTSIDE_QUOTE"]["id"], "ID2": points["NOT_A_NUMBER"]["id"],
           "RUNID": points["NOT_A_NUMBER"]["run"]["id"]}  # fmt: skip
    examples = _EXAMPLE.findall(DOCUMENT.read_text())
    assert len(examples) == 12
    for example, variables in examples:
        query = example
        for name, id_ in ids.items():
            query = query.replace(f'"{name}"', f'"{id_}"')
        if "RELEASE" in query:
            services.ingestion.quarantine.four_eyes = True
            await resolve(ask, [ids["ID1"]], "ACCEPT")
            monkeypatch.setattr("aurum.app.authenticate", lambda *_: local_principal(Settings().auth, "ben"))
        found = await data(ask, query, **(orjson.loads(variables) if variables else {}))
        for value in found.values():
            assert value, query
            assert not (isinstance(value, dict) and value.get("problems")), value


# ------------------------------------------------------------------------------------------------- scopes

_ID = node_id("IngestionRun", 1)
READS = {
    f'ingestionRun(id: "{_ID}") {{ id }}', "ingestionRuns { totalCount }", "sourceFiles { nodes { id } }",
    "quarantine { totalCount }", "quarantine { nodes { id } }", "checkThresholds { version }",
    'effectiveLimits(vendor: "EUGP")', "fileExpectations { version }", "fileDeliveries { asOf }",
}  # fmt: skip
FIELDS = [
    *(("query", field, Scope.INGESTION_READ) for field in sorted(READS)),
    ("mutation", f'cancelIngestionRun(input: {{id: "{_ID}"}}) {{ problems {{ code }} }}', Scope.INGESTION_WRITE),
    ("mutation", f'retryIngestionRun(input: {{id: "{_ID}"}}) {{ problems {{ code }} }}', Scope.INGESTION_WRITE),
    ("mutation", 'ingestFile(input: {path: "none.xlsx"}) { problems { code } }', Scope.INGESTION_WRITE),
    ("mutation", 'setCheckThresholds(input: {document: {}, reason: "x"}) { problems { code message } }',
     Scope.INGESTION_CONFIGURE),
    ("mutation", 'setFileExpectations(input: {document: {}, reason: "x"}) { problems { code message } }',
     Scope.INGESTION_CONFIGURE),
    ("mutation", f'resolveQuarantine(input: {{ids: ["{node_id("QuarantinedPoint", 1)}"], decision: REJECT, '
     'reason: "x"}) { problems { code message } }', Scope.INGESTION_RESOLVE),
]  # fmt: skip


async def test_every_field_needs_its_own_scope(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without it there is an error, not a problem that could be mended in the input."""

    async def codes(kind: str, field: str, scopes: frozenset[Scope]) -> set[str]:
        principal = Principal(Settings().auth.tenant, "carla", scopes)
        monkeypatch.setattr("aurum.app.authenticate", lambda *_: principal)
        answer = await ask(f"{kind} {{ {field} }}")
        return {error["extensions"]["code"] for error in answer.get("errors", ())}

    for kind, field, scope in FIELDS:
        assert await codes(kind, field, frozenset()) == {"FORBIDDEN"}, field
        assert await codes(kind, field, frozenset(Scope) - {scope}) == {"FORBIDDEN"}, field
        assert "FORBIDDEN" not in await codes(kind, field, frozenset({scope, Scope.INGESTION_READ})), field
    for field in ("checks { code }", "checkLimits { name }"):
        assert await codes("query", field, frozenset()) == set()
