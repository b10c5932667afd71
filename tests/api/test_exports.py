"""Exports in the schema: a job from asking to fetching, followed live."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from pathlib import Path
from typing import Any

import httpx
import pytest

from aurum.auth import Principal, Scope, local_principal
from aurum.exports.model import ExportFormat, Selection
from aurum.graphql.ids import node_id
from aurum.settings import Settings
from tests.api.conftest import Ask
from tests.following import event_stream
from tests.live_server import live_server

FIELDS = "id state format selection knownAt requestedBy pointCount totalCount size url fileName errorCode"
CREATE = f"""mutation($input: CreateExportInput!) {{ createExport(input: $input) {{
    export {{ {FIELDS} }} problems {{ code field hint }} }} }}"""
END = """mutation($id: ID!) { %s(input: {id: $id}) { export { state } problems { code } } }"""
TTF, KNOWN_AT = "eugp:eu/dutch_ttf/gas", "2025-02-20T00:00:00Z"


async def created(ask: Ask, **given: Any) -> dict[str, Any]:
    answer = await ask(CREATE, input={"format": "CSV", **given})
    assert "errors" not in answer, answer
    payload: dict[str, Any] = answer["data"]["createExport"]
    return payload


async def ended(ask: Ask, id_: str) -> dict[str, Any]:
    query = f"query($id: ID!) {{ export(id: $id) {{ {FIELDS} }} }}"
    while True:
        export: dict[str, Any] = (await ask(query, id=id_))["data"]["export"]
        if export["state"] not in ("QUEUED", "RUNNING"):
            return export
        await asyncio.sleep(0.01)


@pytest.mark.usefixtures("loaded")
async def test_an_export_is_asked_for_done_and_fetched(ask: Ask, client: httpx.AsyncClient) -> None:
    payload = await created(
        ask, filter={"keys": [TTF]}, asOfRange={"first": "2025-02-12", "last": "2025-02-13"}, knownAt=KNOWN_AT,
        tenorTypes=["MONTH"], delivery={"start": "2025-03-01"}, unit="kWh",
    )  # fmt: skip
    export = payload["export"]
    selection = (
        f"curve={TTF}&as_of_from=2025-02-12&as_of_to=2025-02-13&delivery_start=2025-03-01&known_at={KNOWN_AT}"
        "&tenor_type=MONTH&unit=kWh"
    )
    assert (export["state"], export["selection"], export["url"]) == ("QUEUED", selection, None)
    export = await ended(ask, export["id"])
    assert (export["state"], export["pointCount"], export["totalCount"]) == ("SUCCEEDED", 6, 6)
    assert export["fileName"] == "curves 2025-02-12 to 2025-02-13.csv"
    fetched = await client.get(export["url"])
    assert len(fetched.content) == export["size"]
    assert fetched.content == (await client.get(f"/exports.csv?{export['selection']}")).content
    found = await ask("query($id: ID!) { node(id: $id) { ... on Export { state } } exports { nodes { id } } }",
                      id=export["id"])  # fmt: skip
    assert found["data"] == {"node": {"state": "SUCCEEDED"}, "exports": {"nodes": [{"id": export["id"]}]}}
    assert (await ask(END % "discardExport", id=export["id"]))["data"]["discardExport"] == {
        "export": {"state": "EXPIRED"}, "problems": [],
    }  # fmt: skip


@pytest.mark.usefixtures("loaded")
async def test_what_is_wrong_is_said_at_once_or_by_the_export(ask: Ask) -> None:
    assert (await created(ask, asOf="2025-02-12", asOfRange={"first": "2025-02-12"}))["problems"][0]["field"] == "asOf"
    assert (await created(ask, filter={"keys": []}))["problems"][0]["code"] == "BAD_USER_INPUT"
    assert (await created(ask, knownAt="2999-01-01T00:00:00Z"))["problems"][0]["field"] == "knownAt"
    assert (await created(ask, knownAt="0001-01-01T00:00:00+14:00"))["problems"][0]["field"] == "knownAt"
    missing = (await created(ask, filter={"keys": ["eugp:eu/dutch_tff/gas"]}))["export"]
    assert (await ended(ask, missing["id"]))["errorCode"] == "NOT_FOUND"
    late = (await ask(END % "cancelExport", id=missing["id"]))["data"]["cancelExport"]
    assert late == {"export": None, "problems": [{"code": "CONFLICT"}]}


async def test_exports_are_followed_to_their_end(migrated_sqlite_url: str, tmp_path: Path) -> None:
    query = """subscription($after: String) { exportProgress(after: $after) {
        cursor state pointCount totalCount export { id } } }"""
    async with live_server(migrated_sqlite_url, tmp_path) as server:
        await server.load(12)
        principal = local_principal(Settings().auth, "test")
        head = await server.services.events.head(principal.tenant)
        export = await server.services.exports.create(principal, Selection(), ExportFormat.PARQUET)
        told = []
        async with aclosing(event_stream(server.url, query, str(head))) as messages:
            async for message in messages:
                told.append(message["data"]["exportProgress"])
                if told[-1]["state"] == "SUCCEEDED":
                    break
    assert [each["state"] for each in told][:2] == ["QUEUED", "RUNNING"]
    assert {each["export"]["id"] for each in told} == {node_id("Export", export.id)}
    assert told[-1]["pointCount"] == told[-1]["totalCount"] > 83


@pytest.mark.usefixtures("loaded")
async def test_every_field_needs_its_scope_and_other_tenants_see_nothing(
    ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    export = (await created(ask))["export"]
    tenant = Settings().auth.tenant
    clerk = Principal(tenant, "clerk", frozenset({Scope.INGESTION_READ, Scope.INGESTION_WRITE}))
    monkeypatch.setattr("aurum.app.authenticate", lambda *_: clerk)
    for query, variables in [
        ("query($id: ID!) { export(id: $id) { id } }", {"id": export["id"]}),
        ("{ exports { nodes { id } } }", {}),
        (CREATE, {"input": {"format": "CSV"}}),
        (END % "cancelExport", {"id": export["id"]}),
        (END % "discardExport", {"id": export["id"]}),
    ]:
        (error,) = (await ask(query, **variables))["errors"]
        assert (error["extensions"]["code"], error["extensions"]["scope"]) == ("FORBIDDEN", "curves:read")
    monkeypatch.setattr("aurum.app.authenticate", lambda *_: Principal("rival", "rob", frozenset(Scope)))
    found = await ask("query($id: ID!) { export(id: $id) { id } exports { nodes { id } } }", id=export["id"])
    assert found["data"] == {"export": None, "exports": {"nodes": []}}
    refused = (await ask(END % "cancelExport", id=export["id"]))["data"]["cancelExport"]
    assert refused == {"export": None, "problems": [{"code": "NOT_FOUND"}]}
