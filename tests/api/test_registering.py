"""Operations that a tenant registers, lists and retires, on both databases."""

from __future__ import annotations

import asyncio
import hashlib
from typing import Any

import httpx
import pytest
from pydantic import SecretStr
from starlette.applications import Starlette
from starlette.routing import Route

from aurum.app import create_app
from aurum.auth import Principal, Scope, local_principal
from aurum.operations.service import OperationService
from aurum.operations.store import OperationStore
from aurum.services import Services, now
from aurum.settings import DatabaseSettings, Settings
from tests.api.conftest import Ask
from tests.statements import statements_from_here

DESK = local_principal(Settings().auth, "desk")
RIVAL = Principal("rival", "spy", frozenset(Scope))
VIEWER = "query Viewer { viewer { tenant } }"
HASH = f"sha256:{hashlib.sha256(VIEWER.encode()).hexdigest()}"
REGISTER = """mutation($operations: [NewOperationInput!]!) { registerOperations(input: {operations: $operations}) {
    operations { id sha256Id document operationNames errors file registeredAt registeredBy retiredAt lastUsedAt }
    problems { code field message } } }"""
RETIRE = """mutation($id: String!) { retireOperation(input: {id: $id}) {
    operation { id retiredAt retiredBy } problems { code field } } }"""
LIST = "{ registeredOperations { id operationNames errors retiredAt retiredBy registeredBy lastUsedAt } }"


async def register(ask: Ask, *given: dict[str, Any]) -> dict[str, Any]:
    answer = await ask(REGISTER, operations=list(given))
    assert "errors" not in answer, answer
    payload: dict[str, Any] = answer["data"]["registerOperations"]
    return payload


async def by_id(client: httpx.AsyncClient, id_: str) -> str:
    """The tenant that its answer names, or a code."""
    answer = (await client.post("/graphql", json={"documentId": id_})).json()
    return str(answer["data"]["viewer"]["tenant"] if "data" in answer else answer["errors"][0]["extensions"]["code"])


async def test_an_operation_is_registered_used_listed_and_retired(ask: Ask, client: httpx.AsyncClient) -> None:
    assert await by_id(client, "board") == "OPERATION_NOT_REGISTERED"
    payload = await register(ask, {"id": "board", "document": VIEWER}, {"document": "query A { viewer { name } }"})
    assert payload["problems"] == []
    board, other = payload["operations"]
    assert other["id"] == other["sha256Id"] == "sha256:" + hashlib.sha256(b"query A { viewer { name } }").hexdigest()
    assert (board["id"], board["sha256Id"], board["document"]) == ("board", HASH, VIEWER)
    assert (board["operationNames"], board["errors"], board["file"]) == (["Viewer"], [], None)
    assert (board["registeredBy"], board["retiredAt"], board["lastUsedAt"]) == ("developer", None, None)
    assert [await by_id(client, id_) for id_ in ("board", HASH)] == ["demo", "demo"]
    listed = (await ask(LIST))["data"]["registeredOperations"]
    assert [each["id"] for each in listed] == ["board", other["id"]]
    assert listed[0]["lastUsedAt"] >= board["registeredAt"]
    assert listed[1]["lastUsedAt"] is None
    retired = (await ask(RETIRE, id="board"))["data"]["retireOperation"]["operation"]
    assert (retired["id"], retired["retiredBy"]) == ("board", "developer")
    assert [await by_id(client, id_) for id_ in ("board", HASH)] == ["OPERATION_NOT_REGISTERED"] * 2
    assert (await ask(RETIRE, id="board"))["data"]["retireOperation"]["operation"] == retired
    assert (await ask(LIST))["data"]["registeredOperations"][0]["retiredAt"] == retired["retiredAt"]


async def test_what_is_retired_while_somebody_looks_another_one_up_is_not_executed_afterwards(
    ask: Ask, client: httpx.AsyncClient, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    await register(ask, {"id": "board", "document": VIEWER})
    assert await by_id(client, "board") == "demo"
    seen, retired = asyncio.Event(), asyncio.Event()
    revision = services.operations.store.revision

    async def slowly(tenant: str) -> int:
        found = await revision(tenant)
        seen.set()
        await retired.wait()
        return found

    with monkeypatch.context() as patch:
        patch.setattr(services.operations.store, "revision", slowly)
        other = asyncio.create_task(by_id(client, "nobody"))
        await seen.wait()
        assert (await ask(RETIRE, id="board"))["data"]["retireOperation"]["problems"] == []
        retired.set()
        assert await other == "OPERATION_NOT_REGISTERED"
    assert await by_id(client, "board") == "OPERATION_NOT_REGISTERED"


async def test_an_id_never_changes_its_meaning(ask: Ask, client: httpx.AsyncClient) -> None:
    await register(ask, {"id": "board", "document": VIEWER})
    assert (await register(ask, {"id": "board", "document": VIEWER}))["problems"] == []
    for _ in range(2):
        payload = await register(ask, {"id": "new", "document": VIEWER}, {"id": "board", "document": VIEWER + " "})
        assert (payload["operations"], payload["problems"][0]["code"]) == ([], "CONFLICT")
        assert await by_id(client, "new") == "OPERATION_NOT_REGISTERED"
        await ask(RETIRE, id="board")
    again = await register(ask, {"id": "board", "document": VIEWER})
    assert again["operations"][0]["retiredAt"] is None
    assert await by_id(client, "board") == "demo"


@pytest.mark.parametrize(
    ("given", "field", "said"),
    [
        ([], "operations", "1 to 500"),
        ([{"document": "{ nonsense }"}], "operations.0.document", "operation 1, line 1: Cannot query"),
        ([{"document": VIEWER}, {"document": "query A {\n  viewer {"}], "operations.1.document", "operation 2, line 2"),
        ([{"document": ""}], "operations.0.document", "Syntax Error"),
        ([{"document": "fragment F on Viewer { name }"}], "operations.0.document", "never used"),
        ([{"document": VIEWER, "id": "a/b"}], "operations.0.id", "no id of a document"),
        ([{"document": VIEWER, "id": "sha256:" + "0" * 64}], "operations.0.id", "another hash"),
        ([{"document": "{ " + "__typename " * 51 + "}"}], "operations.0.document", "more than 50 fields"),
    ],
)
async def test_what_cannot_be_registered_is_told_and_nothing_is(
    ask: Ask, given: list[dict[str, Any]], field: str, said: str
) -> None:
    (problem,) = (await register(ask, *given))["problems"]
    assert problem["field"] == field
    assert said in problem["message"]
    assert (await ask(LIST))["data"]["registeredOperations"] == []


async def test_what_is_not_there_is_not_retired(ask: Ask) -> None:
    payload = (await ask(RETIRE, id="nobody"))["data"]["retireOperation"]
    assert payload == {"operation": None, "problems": [{"code": "NOT_FOUND", "field": "id"}]}


async def test_only_who_may_register_and_list(
    ask: Ask, monkeypatch: pytest.MonkeyPatch, client: httpx.AsyncClient
) -> None:
    await register(ask, {"id": "board", "document": VIEWER})
    trader = Principal("demo", "trader", frozenset({Scope.CURVES_READ, Scope.INGESTION_WRITE}))
    monkeypatch.setattr("aurum.app.authenticate", lambda *_: trader)
    for query, variables in ((REGISTER, {"operations": [{"document": VIEWER}]}), (RETIRE, {"id": "board"}), (LIST, {})):
        assert (await ask(query, **variables))["errors"][0]["extensions"]["code"] == "FORBIDDEN"
    assert await by_id(client, "board") == "demo"  # but they may be used


async def test_operations_are_the_tenants_own(
    ask: Ask, client: httpx.AsyncClient, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    await register(ask, {"id": "board", "document": VIEWER})
    await services.operations.register(RIVAL, [("theirs", VIEWER), ("board", VIEWER + " ")], lambda _: (), {})
    assert await by_id(client, "theirs") == "OPERATION_NOT_REGISTERED"
    monkeypatch.setattr("aurum.app.authenticate", lambda *_: RIVAL)
    assert [await by_id(client, id_) for id_ in ("theirs", "board")] == ["rival", "rival"]
    assert (await ask(RETIRE, id="board"))["data"]["retireOperation"]["operation"]["id"] == "board"
    monkeypatch.undo()
    assert await by_id(client, "board") == "demo"


async def test_a_tenant_has_so_many_operations_and_no_more(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("aurum.operations.service.MOST_OPERATIONS", 2)
    monkeypatch.setattr("aurum.operations.service.MOST_CHARACTERS", 30)
    operations = services.operations
    await operations.register(DESK, [("a", "x" * 10), ("b", "y" * 10)], lambda _: (), {})
    for given in ([("c", "z")], [("a", "x" * 10), ("c", "z")]):
        with pytest.raises(Exception, match="at most 2 operations"):
            await operations.register(DESK, given, lambda _: (), {})
    monkeypatch.setattr("aurum.operations.service.MOST_OPERATIONS", 5)
    with pytest.raises(Exception, match="at most 30 characters"):
        await operations.register(DESK, [("c", "z" * 11)], lambda _: (), {})
    await operations.register(RIVAL, [("c", "z" * 11)], lambda _: (), {})


async def test_another_process_is_noticed(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    other = OperationService(OperationStore(services.database), now)
    assert await services.operations.document(DESK, ["board"]) is None
    await other.register(DESK, [("board", VIEWER)], lambda _: (), {})
    assert await services.operations.document(DESK, ["nobody"], latest=False) is None
    assert await services.operations.document(DESK, ["nobody", "board"]) == VIEWER
    await other.retire(DESK, "board")
    assert await services.operations.document(DESK, ["board"]) == VIEWER  # for 2 seconds
    monkeypatch.setattr("aurum.operations.service._LOOK_SECONDS", 0)
    assert await services.operations.document(DESK, ["board"]) is None


async def test_of_two_who_register_at_once_one_wins(services: Services) -> None:
    processes = [OperationService(OperationStore(services.database), now) for _ in range(4)]
    answers = await asyncio.gather(
        *(each.register(DESK, [("board", f"document {number}")], lambda _: (), {})
          for number, each in enumerate(processes)),
        return_exceptions=True,
    )  # fmt: skip
    assert sorted(type(answer).__name__ for answer in answers) == ["Conflict"] * 3 + ["list"]


async def test_uses_are_noted_without_a_write_for_each(services: Services, app: Starlette) -> None:
    operations = services.operations
    await operations.register(DESK, [("board", VIEWER)], lambda _: (), {})
    await operations.document(DESK, ["board"])
    statements = statements_from_here(services.database)
    for _ in range(100):
        assert await operations.document(DESK, ["board"]) == VIEWER
        operations.used(DESK, "of a file")
    assert len([each for each in statements if each != "BEGIN"]) <= 1
    _, used = await operations.listed(DESK)
    assert sorted(used) == ["board", "of a file"]
    later = OperationService(OperationStore(services.database), lambda: used["board"].replace(year=2001))
    later.used(DESK, "board")
    await later.note()
    assert (await operations.listed(DESK))[1] == used


async def test_looking_for_what_is_not_there_makes_nobody_wait_in_a_queue(services: Services) -> None:
    operations = services.operations
    await operations.register(DESK, [("board", VIEWER)], lambda _: (), {})
    await operations.document(DESK, ["board"])
    statements = statements_from_here(services.database)
    unknown = [operations.document(DESK, [f"unknown {number}"]) for number in range(200)]
    assert set(await asyncio.gather(*unknown)) == {None}
    assert len([each for each in statements if each.startswith("SELECT")]) <= 2


async def test_persisted_queries_cost_no_statement(client: httpx.AsyncClient, services: Services, ask: Ask) -> None:
    await register(ask, {"id": "board", "document": VIEWER})
    text = "query Another { viewer { tenant } }"
    hashed = {"persistedQuery": {"version": 1, "sha256Hash": hashlib.sha256(text.encode()).hexdigest()}}
    assert "data" in (await client.post("/graphql", json={"query": text, "extensions": hashed})).json()
    await client.post("/graphql", json={"extensions": hashed})
    statements = statements_from_here(services.database)
    for _ in range(20):
        assert "data" in (await client.post("/graphql", json={"extensions": hashed})).json()
    assert len([each for each in statements if "operations" in each]) <= 1


async def test_what_tenants_have_registered_is_made_ready_at_start(services: Services, app: Starlette) -> None:
    texts = [VIEWER, VIEWER + " ", VIEWER + "  "]
    await services.operations.register(DESK, [("a", texts[0]), ("b", texts[1])], lambda _: (), {})
    await services.operations.register(RIVAL, [("c", texts[2])], lambda _: (), {})
    url = services.database.url.render_as_string(hide_password=False)
    next_one = create_app(Settings(database=DatabaseSettings(url=SecretStr(url))))
    endpoint: Any = next(route.endpoint for route in next_one.routes if isinstance(route, Route))
    documents = endpoint.schema._documents
    async with next_one.router.lifespan_context(next_one), asyncio.timeout(30):
        while not all(documents._trusted.get(text) for text in texts):  # noqa: ASYNC110  it sets no Event
            await asyncio.sleep(0.01)
    assert all(documents.load(text).bills for text in texts)
