"""Scenarios over GraphQL: made, changed in versions, branched, found again and put away, on both databases."""

from __future__ import annotations

from typing import Any

import pytest

from aurum.auth import Principal, Scope, worker_principal
from aurum.backends.paging import PageRequest
from aurum.errors import Forbidden
from aurum.scenarios.repository.model import Definition, ScenarioFilter
from aurum.services import Services
from tests.api.conftest import Ask, said
from tests.statements import statements_from_here

_ALL, _FIRST = ScenarioFilter(), PageRequest(10)
TTF = "eugp:eu/dutch_ttf/gas"
GAS_UP = {"scale": {"percent": 20, "limits": {"curves": {"keys": [TTF]}}}}
FIELDS = """
    scenario { id version state name tags createdBy current { drivers { type payload } filter reason author }
               parent { name } parentVersion }
    issues { severity code path suggestion } problems { code field message }
"""
CREATE = f"mutation($input: ScenarioInput!) {{ createScenario(input: $input) {{ {FIELDS} }} }}"
UPDATE = f"mutation($input: UpdateScenarioInput!) {{ updateScenario(input: $input) {{ {FIELDS} }} }}"
BRANCH = f"mutation($input: BranchScenarioInput!) {{ branchScenario(input: $input) {{ {FIELDS} }} }}"
LIST = "query($filter: ScenarioFilter) { scenarios(filter: $filter) { totalCount nodes { name } } }"


async def created(ask: Ask, name: str = "Gas up", **more: Any) -> Any:
    made = await said(ask, CREATE, input={"name": name, "drivers": [GAS_UP], **more})
    assert made["problems"] == []
    return made["scenario"]


async def test_what_is_said_is_kept_in_versions_with_who_and_why(loaded: Services, ask: Ask) -> None:
    made = await created(ask, tags=["winter", "gas"], filter={"assetClasses": ["gas"]}, reason="the desk asks")
    assert (made["version"], made["state"], made["tags"]) == (1, "CREATED", ["gas", "winter"])
    assert made["current"] == {
        "drivers": [{"type": "scale", "payload": {"percent": 20, "limits": {"curves": {"keys": [TTF]}}}}],
        "filter": {"asset_classes": ["gas"]}, "reason": "the desk asks", "author": "developer",
    }  # fmt: skip

    change = {"id": made["id"], "expectedVersion": 1, "drivers": [{"scale": {"percent": 30}}], "reason": "colder"}
    changed = await said(ask, UPDATE, input=change)
    assert (changed["scenario"]["version"], changed["scenario"]["tags"]) == (2, ["gas", "winter"])
    again = await said(ask, UPDATE, input=change)
    assert [(each["code"], each["field"]) for each in again["problems"]] == [("CONFLICT", "expectedVersion")]

    versions = "query($id: ID!) { scenario(id: $id) { versions { version reason drivers { payload } } } }"
    assert [(each["version"], each["reason"], each["drivers"][0]["payload"]["percent"])
            for each in (await said(ask, versions, id=made["id"]))["versions"]] == [
        (2, "colder", 30), (1, "the desk asks", 20)]  # fmt: skip


async def test_a_branch_begins_as_what_its_parent_says(loaded: Services, ask: Ask) -> None:
    parent = await created(ask, tags=["gas"])
    taken = await said(ask, BRANCH, input={"id": parent["id"], "name": "GAS  up", "reason": "a try"})
    assert [(each["code"], each["field"]) for each in taken["problems"]] == [("CONFLICT", "name")]
    for name in ("Gas up +10 %", "Gas up -10 %", "Gas: größer", "Gas: grüner"):  # no two of them alike
        await created(ask, name)
    branch = await said(ask, BRANCH, input={"id": parent["id"], "name": "Gas up, a lot", "tags": [], "reason": "a try"})
    assert branch["scenario"]["current"]["drivers"] == parent["current"]["drivers"]
    assert (branch["scenario"]["parent"], branch["scenario"]["parentVersion"]) == ({"name": "Gas up"}, 1)
    assert branch["scenario"]["tags"] == []
    below = "query($id: ID!) { scenario(id: $id) { branches { name } } }"
    assert (await said(ask, below, id=parent["id"]))["branches"] == [{"name": "Gas up, a lot"}]


async def test_what_is_wrong_is_told_with_its_field_and_nothing_is_kept(loaded: Services, ask: Ask) -> None:
    wrong = [
        GAS_UP,
        {"scale": {"percent": -200}},
        {"composite": {"components": [{"shift": {"amount": 1, "unit": "x"}}]}},
    ]
    refused = await said(ask, CREATE, input={"name": "No", "drivers": wrong})
    assert refused["scenario"] is None
    assert [each["code"] for each in refused["problems"]] == ["INVALID_SCENARIO"]
    assert [(each["code"], each["path"]) for each in refused["issues"]] == [
        ("OUT_OF_RANGE", "drivers.1.scale.percent"),
        ("UNKNOWN_UNIT", "drivers.2.composite.components.0.shift.unit"),
    ]
    misspelt = [
        {"scale": {"percent": 10, "limits": {"curves": {"keys": ["eugp:eu/duch_ttf/gas"]}}}},
        {"basis": {"reference": "eugp:no/such/curve"}},
    ]
    refused = await said(ask, CREATE, input={"name": "No", "drivers": misspelt})
    told = {(each["severity"], each["code"], each["path"]) for each in refused["issues"]}
    assert told >= {
        ("ERROR", "UNKNOWN_CURVE", "drivers.1.basis.reference"),
        ("WARNING", "UNKNOWN_CURVE", "drivers.0.scale.limits.curves.keys"),
    }
    nothing = await said(ask, CREATE, input={"name": "No", "drivers": [GAS_UP], "filter": {"vendors": ["NOBODY"]}})
    assert [(each["code"], each["path"]) for each in nothing["issues"]] == [("EMPTY_SELECTION", "filter")]
    assert (await said(ask, LIST))["totalCount"] == 0


async def test_texts_that_are_too_long_and_tags_that_are_one(loaded: Services, ask: Ask) -> None:
    for wrong, field in (
        ({"name": " "}, "name"),
        ({"name": "x" * 256}, "name"),
        ({"description": "x" * 4001}, "description"),
        ({"reason": "x" * 4001}, "reason"),
        ({"tags": ["x" * 65]}, "tags"),
        ({"tags": ["x", " "]}, "tags"),
    ):
        refused = await said(ask, CREATE, input={"name": "No", "drivers": [GAS_UP], **wrong})
        assert [(each["code"], each["field"]) for each in refused["problems"]] == [("BAD_USER_INPUT", field)]
    assert (await said(ask, LIST))["totalCount"] == 0
    assert (await created(ask, tags=["Gas", "gas", " GAS ", "winter"]))["tags"] == ["Gas", "winter"]


async def test_no_text_has_a_character_that_a_database_cannot_hold(loaded: Services, ask: Ask) -> None:
    for wrong in (
        {"name": "a\0b"}, {"description": "\0"}, {"reason": "a\0b"}, {"tags": ["a\0b"]},
        {"filter": {"vendors": ["a\0b"]}}, {"drivers": [{"scale": {"percent": 1, "name": "a\0b"}}]},
    ):  # fmt: skip
        refused = await said(ask, CREATE, input={"name": "No", "drivers": [GAS_UP], **wrong})
        assert [each["code"] for each in refused["problems"]] == ["BAD_USER_INPUT"]
    await created(ask, "a")
    for search in ({"search": "a\0"}, {"tags": ["a\0"]}):
        answer = await ask(LIST, filter=search)
        assert [each["extensions"]["code"] for each in answer["errors"]] == ["BAD_USER_INPUT"]
    assert (await said(ask, LIST))["totalCount"] == 1


async def test_validation_keeps_nothing_and_tells_what_has_no_effect(loaded: Services, ask: Ask) -> None:
    query = "query($input: ScenarioInput!) { validateScenario(input: $input) { valid issues { severity code path } } }"
    fine = await said(ask, query, input={"name": "x", "drivers": [GAS_UP]})
    assert fine == {"valid": True, "issues": []}
    elsewhere = {"scale": {"percent": 5, "limits": {"curves": {"keys": ["eugp:no/such/curve"]}}}}
    told = await said(ask, query, input={"name": "x", "drivers": [GAS_UP, elsewhere]})
    assert told["valid"]
    assert ("NO_EFFECT", "drivers.1") in [(each["code"], each["path"]) for each in told["issues"]]
    assert (await said(ask, LIST))["totalCount"] == 0


async def test_of_many_issues_the_first_are_told_and_the_errors_before_them(loaded: Services, ask: Ask) -> None:
    query = "query($input: ScenarioInput!) { validateScenario(input: $input) { valid issues { severity code path } } }"
    keys = [f"eugp:no/such/curve{n}" for n in range(300)]
    drivers = [{"scale": {"percent": 5, "limits": {"curves": {"keys": keys}}}}, {"basis": {"reference": keys[0]}}]
    told = await said(ask, query, input={"name": "x", "drivers": drivers})
    assert not told["valid"]
    assert len(told["issues"]) == 200
    assert told["issues"][0] == {"severity": "ERROR", "code": "UNKNOWN_CURVE", "path": "drivers.1.basis.reference"}
    assert {each["severity"] for each in told["issues"][1:]} == {"WARNING"}


async def test_scenarios_are_found_by_words_and_tags_until_they_are_deleted(loaded: Services, ask: Ask) -> None:
    first = await created(ask, "Cold winter", tags=["Gas", "winter"])
    second = await created(ask, "Carbon at 90", description="in a cold year", tags=["carbon"])

    async def found(**wanted: Any) -> list[str]:
        return [each["name"] for each in (await said(ask, LIST, filter=wanted))["nodes"]]

    assert await found() == ["Carbon at 90", "Cold winter"]
    assert await found(search="COLD year") == ["Carbon at 90"]
    assert await found(tags=["gas", "winter"]) == ["Cold winter"]
    away = "mutation($input: PutAwayScenarioInput!) { %s(input: $input) { scenario { state } problems { code } } }"
    assert (await said(ask, away % "archiveScenario", input={"id": first["id"]}))["scenario"] == {"state": "ARCHIVED"}
    assert await found(states=["ARCHIVED"]) == ["Cold winter"]
    change = {"id": first["id"], "expectedVersion": 1, "name": "Cold", "reason": "shorter"}
    assert [each["code"] for each in (await said(ask, UPDATE, input=change))["problems"]] == ["CONFLICT"]
    assert (await said(ask, away % "deleteScenario", input={"id": second["id"]}))["scenario"] == {"state": "DELETED"}
    assert await found() == ["Cold winter"]
    assert [each["code"] for each in (await said(ask, away % "deleteScenario", input={"id": second["id"]}))["problems"]
            ] == ["NOT_FOUND"]  # fmt: skip
    assert (await created(ask, "Carbon at 90"))["version"] == 1  # its name is free again


async def test_another_tenant_sees_nothing_and_scopes_are_asked_for(loaded: Services, ask: Ask) -> None:
    made = await created(ask)
    row = int((await loaded.scenarios.page(worker_principal("demo"), _ALL, _FIRST)).items[0].id)
    assert made["id"]
    assert await loaded.scenarios.scenarios(worker_principal("other"), [row]) == {}
    reader = Principal("demo", "reader", frozenset({Scope.SCENARIOS_READ, Scope.CURVES_READ}))
    with pytest.raises(Forbidden):
        await loaded.scenarios.create(reader, Definition("x"))
    with pytest.raises(Forbidden):
        await loaded.scenarios.delete(Principal("demo", "writer", frozenset({Scope.SCENARIOS_WRITE})), row)


async def test_a_page_of_scenarios_takes_three_statements_with_versions_and_branches(
    loaded: Services, ask: Ask
) -> None:
    for name in ("One", "Two", "Three"):
        await created(ask, name)
    seen = statements_from_here(loaded.database)
    query = "{ scenarios { nodes { name current { drivers { type } } versions { version } branches { name } } } }"
    found = await said(ask, query)
    assert len(found["nodes"]) == 3
    assert len([each for each in seen if "SELECT" in each]) == 3
