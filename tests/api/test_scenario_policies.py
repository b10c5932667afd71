"""Policies of a tenant: registered in versions, and kept by the scenarios that name them, on both databases."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from aurum.auth import Principal, Scope, worker_principal
from aurum.errors import Forbidden
from aurum.scenarios.policies import SHIPPED
from aurum.scenarios.repository.model import Definition
from aurum.scenarios.repository.trials import tried
from aurum.services import Services
from tests.api.conftest import Ask, said
from tests.api.test_scenario_runs import LOOK, TTF, done, mids, queued, scenario

REGISTER = """
mutation($input: RegisterPolicyInput!) { registerPolicy(input: $input) {
  policy { name shipped version versions { version author reason effects { type payload } } }
  issues { severity code path } problems { code field } } }
"""
EXIT = {"policy": {"policyName": "coal EXIT"}}
EFFECT = {"scale": {"percent": 10, "limits": {"curves": {"keys": [TTF]}}}}


@pytest.fixture(autouse=True)
def _no_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AURUM_SCENARIOS__PROCESSES", "0")


async def registered(ask: Ask, *effects: Any, expected: int = 0, **more: Any) -> Any:
    given = {
        "name": "Coal exit", "expectedVersion": expected, "description": "The last lignite retires.",
        "source": "desk, 2026-03", "effects": list(effects) or [EFFECT], "reason": "asked for", **more,
    }  # fmt: skip
    return await said(ask, REGISTER, input=given)


async def test_policies_have_versions_with_who_and_why(loaded: Services, ask: Ask) -> None:
    first = await registered(ask)
    assert (first["issues"], first["problems"]) == ([], [])
    kept = {"type": "scale", "payload": {"percent": 10, "limits": {"curves": {"keys": [TTF]}}}}
    assert first["policy"]["versions"] == [
        {"version": 1, "author": "developer", "reason": "asked for", "effects": [kept]}]  # fmt: skip
    again = await registered(ask)
    assert [(each["code"], each["field"]) for each in again["problems"]] == [("CONFLICT", "expectedVersion")]
    second = await registered(ask, {"scale": {"percent": 20}}, expected=1, name=" coal  exit")
    assert [each["version"] for each in second["policy"]["versions"]] == [2, 1]
    listed = await said(ask, "{ policies { name shipped version versions { version } } }")
    assert [(each["name"], each["shipped"], each["version"]) for each in listed] == [
        ("Carbon price 90", True, 1), ("coal exit", False, 2), ("Emissions cap", True, 1),
        ("Renewable portfolio standard", True, 1),
    ]  # fmt: skip


async def test_a_name_that_reads_like_another_one_is_not_free(loaded: Services, ask: Ask) -> None:
    assert (await registered(ask))["problems"] == []
    for name in ("Coal-Exit", "coal exit!", "(Coal) exit", "carbon price: 90", "Emissions Cap"):
        refused = await registered(ask, name=name)
        assert [(each["code"], each["field"]) for each in refused["problems"]] == [("CONFLICT", "name")], name
    for name in ("Coal exit 2", "Coal exit +2", "Coal exit -2", "Kohleausstieg (größer)", "Kohleausstieg (grüner)"):
        assert (await registered(ask, name=name))["problems"] == [], name


async def test_a_scenario_keeps_the_version_it_was_validated_with(loaded: Services, ask: Ask) -> None:
    await registered(ask)
    inside = {"composite": {"components": [EXIT], "compositionType": "ADDITIVE"}}
    of = await scenario(ask, "Exit", inside)
    base = await mids(ask, TTF)
    first = await queued(ask, of)
    await registered(ask, {"scale": {"percent": 50, "limits": {"curves": {"keys": [TTF]}}}}, expected=1)
    assert await done(ask, loaded, of) == first  # the newer version changes nothing of it
    assert await mids(ask, TTF, run=first) == pytest.approx([1.1 * mid for mid in base])
    digest = (await said(ask, LOOK, id=first))["inputDigest"]

    query = "query($id: ID!) { scenario(id: $id) { current { drivers { payload } } } }"
    (kept,) = (await said(ask, query, id=of))["current"]["drivers"]
    assert kept["payload"]["components"][0]["payload"] == {"policy_name": "coal EXIT", "policy_version": 1}
    update = "mutation($i: UpdateScenarioInput!) { updateScenario(input: $i) { scenario { version } } }"
    await said(ask, update, i={"id": of, "expectedVersion": 1, "reason": "of tags", "tags": ["x"]})
    await done(ask, loaded, of)
    (kept,) = (await said(ask, query, id=of))["current"]["drivers"]
    assert kept["payload"]["components"][0]["payload"]["policy_version"] == 1
    await said(ask, update, i={"id": of, "expectedVersion": 2, "reason": "the newest", "drivers": [EXIT]})
    newer = await done(ask, loaded, of)
    assert await mids(ask, TTF, run=newer) == pytest.approx([1.5 * mid for mid in base])
    assert (await said(ask, LOOK, id=newer))["inputDigest"] != digest


async def test_a_policy_registered_during_the_trial_is_not_pinned_untried(
    loaded: Services, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    await registered(ask)

    async def slow(*given: Any) -> Any:
        await registered(ask, {"scale": {"percent": 50}}, expected=1)
        return await tried(*given)

    monkeypatch.setattr("aurum.scenarios.repository.service.tried", slow)
    drivers = ({"driver_type": "policy", "payload": {"policy_name": "Coal exit"}},)
    kept = await loaded.scenarios.create(worker_principal("demo"), Definition("Exit", None, drivers))
    (driver,) = kept.scenario.newest.definition.drivers
    assert driver["payload"]["policy_version"] == 1


async def test_effects_are_checked_as_drivers_are_and_nothing_is_kept(loaded: Services, ask: Ask) -> None:
    for effect, code, path in (
        ({"scale": {"percent": -200}}, "OUT_OF_RANGE", "effects.0.scale.percent"),
        ({"basis": {"reference": "eugp:no/such/curve"}}, "UNKNOWN_CURVE", "effects.0.basis.reference"),
        ({"policy": {"policyName": "Carbon price 90"}}, "NOT_A_PRIMITIVE", "effects"),
    ):
        refused = await registered(ask, effect)
        assert refused["policy"] is None
        assert [(each["code"], each["path"]) for each in refused["issues"]] == [(code, path)]
    for more, code, field in (
        ({"name": "carbon PRICE 90"}, "CONFLICT", "name"),
        ({"name": " "}, "INVALID_SCENARIO", "name"),
        ({"name": "n" * 256}, "BAD_USER_INPUT", "name"),
        ({"reason": " "}, "BAD_USER_INPUT", "reason"),
        ({"expectedVersion": 3}, "CONFLICT", "expectedVersion"),
        ({"expectedVersion": -1}, "INVALID_SCENARIO", "version"),
    ):
        refused = await registered(ask, **more)
        assert [(each["code"], each["field"]) for each in refused["problems"]] == [(code, field)]
    assert await loaded.scenarios.policies.store.all("demo") == []
    told = await registered(ask, {"scale": {"percent": 1, "limits": {"blocks": ["2x16"]}}})
    assert [(each["severity"], each["code"], each["path"]) for each in told["issues"]] == [
        ("WARNING", "NO_EFFECT", "effects.0")]  # fmt: skip


async def test_without_curves_effects_are_kept_untried_and_that_is_said(services: Services, ask: Ask) -> None:
    told = await registered(ask, {"scale": {"percent": 1}})
    assert told["policy"]["version"] == 1
    assert [(each["severity"], each["code"], each["path"]) for each in told["issues"]] == [
        ("WARNING", "EMPTY_SELECTION", "effects")]  # fmt: skip


async def test_of_two_who_register_at_once_one_is_told(loaded: Services, ask: Ask) -> None:
    answers = await asyncio.gather(registered(ask), registered(ask))
    assert sorted(len(each["problems"]) for each in answers) == [0, 1]


async def test_another_tenant_sees_no_policy_and_scopes_are_asked_for(loaded: Services, ask: Ask) -> None:
    await registered(ask)
    policies, other = loaded.scenarios.policies, worker_principal("other")
    assert len(await policies.listed(other)) == len(SHIPPED.versions)
    document = {"driver_type": "policy", "payload": {"policy_name": "Coal exit"}}
    drivers, _ = Definition("x", drivers=(document,)).read()
    assert "Coal exit" not in await policies.known_to(other, drivers)
    assert "Coal exit" in await policies.known_to(worker_principal("demo"), drivers)
    with pytest.raises(Forbidden):
        await policies.listed(Principal("demo", "nobody", frozenset()))
    with pytest.raises(Forbidden):
        await policies.register(Principal("demo", "reader", frozenset({Scope.SCENARIOS_READ})), {}, 0, "why")
