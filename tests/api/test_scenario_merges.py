"""Scenarios merged and rebased over GraphQL, on both databases."""

from __future__ import annotations

import asyncio
from datetime import date
from typing import Any

import pytest

from aurum.auth import Principal, Scope, worker_principal
from aurum.errors import Forbidden, NotFound
from aurum.graphql.ids import node_id, row_of
from aurum.scenarios.repository.merges import Wanted
from aurum.services import Services
from tests import published
from tests.api.conftest import Ask, said
from tests.api.history import publish
from tests.api.test_scenario_runs import POWER, TTF, mids
from tests.api.test_scenarios import BRANCH, UPDATE, created

MERGED = """
    conflicts { path base ours theirs } changes { path theirs } upToDate commonVersion commonScenario { name }
    source { version } target { version } drivers { payload }
"""
PREVIEW = f"""query($source: ID!, $target: ID, $resolve: [MergeDecisionInput!]) {{
  mergePreview(source: $source, target: $target, resolve: $resolve) {{ {MERGED} }} }}"""
MERGE = f"""mutation($input: MergeScenarioInput!) {{ mergeScenario(input: $input) {{
  scenario {{ name version tags current {{ drivers {{ payload }} merged {{ name }} mergedVersion reason }} }}
  merge {{ {MERGED} }} issues {{ code path }} problems {{ code field }} }} }}"""
REBASED = """
    asOfBefore asOf knownAt newIssues { code path } goneIssues { code path } totalCount
    differences(first: 3) { curve { key } label values { base value move contributions { position amount } } }
    lost { key } added { key }
"""
REBASE_PREVIEW = f"""query($id: ID!, $asOf: Date!, $bucket: ComparisonBucket! = ALL) {{
  rebasePreview(id: $id, asOf: $asOf, bucket: $bucket) {{ {REBASED} }} }}"""
REBASE = f"""mutation($input: RebaseScenarioInput!) {{ rebaseScenario(input: $input) {{
  scenario {{ version current {{ asOf knownAt reason }} }} rebase {{ {REBASED} }}
  issues {{ code path }} problems {{ code field }} }} }}"""


def gas(percent: float) -> Any:
    return {"scale": {"percent": percent, "limits": {"curves": {"keys": [TTF]}}}}


POWER_UP = {"shift": {"amount": 3, "unit": "EUR/MWh", "limits": {"curves": {"keys": [POWER]}}}}


async def branched(ask: Ask, parent: Any, name: str = "A try", **more: Any) -> Any:
    return (await said(ask, BRANCH, input={"id": parent["id"], "name": name, "reason": "a try", **more}))["scenario"]


async def changed(ask: Ask, of: Any, version: int, **changes: Any) -> None:
    given = {"id": of["id"], "expectedVersion": version, "reason": "better", **changes}
    assert (await said(ask, UPDATE, input=given))["problems"] == []


async def test_a_branch_is_merged_into_its_parent_once(loaded: Services, ask: Ask) -> None:
    parent = await created(ask, tags=["gas"])
    branch = await branched(ask, parent, drivers=[gas(20), POWER_UP], tags=["gas", "try"])
    await changed(ask, parent, 1, drivers=[gas(30)])
    preview = await said(ask, PREVIEW, source=branch["id"])
    assert preview["conflicts"] == []
    assert [each["path"] for each in preview["changes"]] == ["tags", "drivers.1"]
    assert (preview["commonScenario"], preview["commonVersion"]) == ({"name": "Gas up"}, 1)
    stale = await said(ask, MERGE, input={"source": branch["id"], "expectedVersion": 1, "reason": "good"})
    assert [(each["code"], each["field"]) for each in stale["problems"]] == [("CONFLICT", "expectedVersion")]

    given = {"source": branch["id"], "expectedVersion": 2, "reason": "good"}
    merged = await said(ask, MERGE, input=given)
    assert (merged["problems"], merged["merge"]["upToDate"]) == ([], False)
    made = merged["scenario"]
    assert (made["name"], made["version"], made["tags"]) == ("Gas up", 3, ["gas", "try"])
    assert [each["payload"].get("percent", each["payload"].get("amount")) for each in made["current"]["drivers"]] == [
        30, 3]  # fmt: skip
    told = {name: made["current"][name] for name in ("merged", "mergedVersion", "reason")}
    assert told == {"merged": {"name": "A try"}, "mergedVersion": 1, "reason": "good"}

    again = await said(ask, MERGE, input=given | {"expectedVersion": 3})
    assert (again["scenario"]["version"], again["merge"]["upToDate"], again["problems"]) == (3, True, [])
    # The other way round, into the branch: it has nothing that the parent lacks.
    back = {"source": parent["id"], "target": branch["id"], "expectedVersion": 1, "reason": "keep up"}
    kept_up = await said(ask, MERGE, input=back)
    assert kept_up["scenario"]["current"]["drivers"] == made["current"]["drivers"]
    # What is merged once is not asked about again: both come from it now.
    await changed(ask, branch, 2, drivers=[gas(40), POWER_UP])
    later = await said(ask, PREVIEW, source=branch["id"])
    assert (later["conflicts"], [each["path"] for each in later["changes"]]) == ([], ["drivers.0.payload.percent"])


async def test_conflicts_are_shown_and_decided_by_their_paths(loaded: Services, ask: Ask) -> None:
    parent = await created(ask)
    branch = await branched(ask, parent, drivers=[gas(10)], description="a mild one")
    await changed(ask, parent, 1, drivers=[gas(30)], description="a cold one")
    given = {"source": branch["id"], "expectedVersion": 2, "reason": "good"}
    asked = await said(ask, MERGE, input=given)
    assert (asked["scenario"], [(each["code"], each["field"]) for each in asked["problems"]]) == (
        None, [("CONFLICT", "resolve")])  # fmt: skip
    assert asked["merge"]["conflicts"] == [
        {"path": "description", "base": None, "ours": "a cold one", "theirs": "a mild one"},
        {"path": "drivers.0.payload.percent", "base": 20, "ours": 30, "theirs": 10},
    ]
    looked = await said(ask, "query($id: ID!) { scenario(id: $id) { version } }", id=parent["id"])
    assert looked == {"version": 2}

    take = [{"path": "description", "take": "OURS"}, {"path": "drivers.0", "take": "THEIRS"}]
    assert (await said(ask, PREVIEW, source=branch["id"], resolve=take))["conflicts"] == []
    merged = await said(ask, MERGE, input=given | {"resolve": take})
    assert merged["scenario"]["current"]["drivers"][0]["payload"]["percent"] == 10
    for wrong in ([{"path": "drivers.7", "take": "OURS"}], [*take, take[0]]):
        refused = await said(ask, MERGE, input=given | {"expectedVersion": 3, "resolve": wrong})
        assert [(each["code"], each["field"]) for each in refused["problems"]] == [("BAD_USER_INPUT", "resolve")]


async def test_what_comes_out_of_a_merge_is_judged_and_kept_only_if_it_can_be_run(loaded: Services, ask: Ask) -> None:
    parent = await created(ask, "Circle", drivers=[gas(1)])
    follows = {"basis": {"reference": POWER, "limits": {"curves": {"keys": [TTF]}}}}
    branch = await branched(ask, parent, drivers=[gas(1), follows])
    other = {"basis": {"reference": TTF, "limits": {"curves": {"keys": [POWER]}}}}
    await changed(ask, parent, 1, drivers=[other, gas(1)])
    refused = await said(ask, MERGE, input={"source": branch["id"], "expectedVersion": 2, "reason": "good"})
    assert (refused["scenario"], [each["code"] for each in refused["issues"]]) == (None, ["CYCLE"])
    looked = await said(ask, "query($id: ID!) { scenario(id: $id) { version } }", id=parent["id"])
    assert looked == {"version": 2}


async def test_what_has_nothing_in_common_is_not_merged(loaded: Services, ask: Ask) -> None:
    one, other = await created(ask, "One"), await created(ask, "Other")
    given = {"source": one["id"], "target": other["id"], "expectedVersion": 1, "reason": "good"}
    for more, code in (
        ({}, "BAD_USER_INPUT"),
        ({"target": one["id"]}, "BAD_USER_INPUT"),
        ({"target": None}, "CONFLICT"),
    ):
        refused = await said(ask, MERGE, input=given | more)
        assert [(each["code"], each["field"]) for each in refused["problems"]] == [(code, "target")]
    siblings = [await branched(ask, one, f"Branch {n}", tags=[str(n)]) for n in range(2)]
    merged = await said(ask, MERGE, input=given | {"source": siblings[0]["id"], "target": siblings[1]["id"]})
    assert (merged["scenario"]["tags"], merged["merge"]["commonScenario"]) == (["0", "1"], {"name": "One"})
    away = "mutation($i: PutAwayScenarioInput!) { archiveScenario(input: $i) { scenario { state } } }"
    await said(ask, away, i={"id": one["id"]})
    given = {"source": siblings[0]["id"], "expectedVersion": 1, "reason": "good"}
    nobodys = node_id("Scenario", 999)
    for more, code, field in (
        ({}, "CONFLICT", "target"),
        ({"target": nobodys}, "NOT_FOUND", "target"),
        ({"source": nobodys}, "NOT_FOUND", "source"),
        ({"target": "nonsense"}, "BAD_USER_INPUT", "target"),
        ({"source": "nonsense"}, "BAD_USER_INPUT", "source"),
    ):
        refused = await said(ask, MERGE, input=given | more)
        assert [(each["code"], each["field"]) for each in refused["problems"]] == [(code, field)]


async def test_of_two_merges_at_once_one_is_told(loaded: Services, ask: Ask) -> None:
    parent = await created(ask)
    branch = await branched(ask, parent, drivers=[gas(10)])
    given = {"source": branch["id"], "expectedVersion": 1, "reason": "good"}
    answers = await asyncio.gather(*(said(ask, MERGE, input=given) for _ in range(2)))
    assert sorted(len(each["problems"]) for each in answers) == [0, 1]


async def test_another_tenant_merges_nothing_and_scopes_are_asked_for(loaded: Services, ask: Ask) -> None:
    parent = await created(ask)
    branch = await branched(ask, parent)
    wanted = Wanted(row_of(branch["id"], "Scenario"), row_of(parent["id"], "Scenario"), None, {})
    with pytest.raises(NotFound):
        await loaded.scenario_merges.planned(worker_principal("other"), wanted)
    reader = Principal("demo", "reader", frozenset({Scope.SCENARIOS_READ, Scope.CURVES_READ}))
    assert (await loaded.scenario_merges.planned(reader, wanted)).merge.changes == []
    with pytest.raises(Forbidden):
        await loaded.scenario_merges.merge(reader, wanted, 1, "why")


async def test_a_rebase_tells_what_moved_by_curve_and_what_drivers_do_now(loaded: Services, ask: Ask) -> None:
    made = await created(ask, filter={"keys": [TTF]}, asOf="2025-02-12")
    preview = await said(ask, REBASE_PREVIEW, id=made["id"], asOf="2025-02-14", bucket="MONTH")
    old, new = await mids(ask, TTF, asOf="2025-02-12"), await mids(ask, TTF, asOf="2025-02-14")
    assert (preview["asOfBefore"], preview["asOf"], preview["totalCount"]) == ("2025-02-12", "2025-02-14", len(old))
    assert (preview["newIssues"], preview["goneIssues"], preview["lost"], preview["added"]) == ([], [], [], [])
    for each in preview["differences"]:
        before, there = each["values"]
        place = old.index(before["base"])
        assert there["base"] == new[place]
        assert [before["move"], there["move"]] == pytest.approx([0.2 * old[place], 0.2 * new[place]])
        assert there["contributions"] == [{"position": 0, "amount": pytest.approx(there["move"])}]
    given = {"id": made["id"], "asOf": "2025-02-14", "expectedVersion": 1, "reason": "a new day"}
    rebased = await said(ask, REBASE, input=given)
    assert rebased["scenario"] == {
        "version": 2, "current": {"asOf": "2025-02-14", "knownAt": None, "reason": "a new day"}}  # fmt: skip
    assert rebased["rebase"]["totalCount"] == 1  # of all months together
    for again, field in ((given, "asOf"), (given | {"reason": " "}, "reason")):
        refused = await said(ask, REBASE, input=again)
        assert [(each["code"], each["field"]) for each in refused["problems"]] == [("BAD_USER_INPUT", field)]


async def test_a_rebase_tells_issues_that_are_new(loaded: Services, ask: Ask) -> None:
    price = (await mids(ask, TTF, asOf="2025-02-14"))[0]  # of February
    limits = {"curves": {"keys": [TTF]}, "deliveryEnd": "2025-03-01", "tenorTypes": ["MONTH"]}
    drivers = [{"replace": {"price": price, "limits": limits}}]
    made = await created(ask, drivers=drivers, asOf="2025-02-12", filter={"keys": [TTF]})
    given = {"id": made["id"], "asOf": "2025-02-14", "expectedVersion": 1, "reason": "x"}
    told = await said(ask, REBASE, input=given)
    assert (told["problems"], [(each["code"], each["path"]) for each in told["issues"]]) == (
        [], [("NO_EFFECT", "drivers.0")])  # fmt: skip
    assert (told["rebase"]["newIssues"], told["rebase"]["goneIssues"]) == (
        [{"code": "NO_EFFECT", "path": "drivers.0"}], [])  # fmt: skip


async def test_a_rebase_needs_a_start_that_is_pinned_and_another_one(loaded: Services, ask: Ask) -> None:
    made = await created(ask, asOf="2025-02-12", knownAt="2025-02-13T00:00:00Z")
    floating = await created(ask, "Newest")
    given = {"id": made["id"], "asOf": "2025-02-14", "expectedVersion": 1, "reason": "x"}
    for more, code, field in (
        ({"asOf": "2025-02-12", "knownAt": "2025-02-13T00:00:00Z"}, "BAD_USER_INPUT", "asOf"),
        ({"knownAt": "9999-12-31T00:00:00Z"}, "BAD_USER_INPUT", "knownAt"),
        ({"expectedVersion": 3}, "CONFLICT", "expectedVersion"),
        ({"id": floating["id"]}, "CONFLICT", "id"),
    ):
        refused = await said(ask, REBASE, input=given | more)
        assert [(each["code"], each["field"]) for each in refused["problems"]] == [(code, field)]
    looked = await said(ask, "query($id: ID!) { scenario(id: $id) { version } }", id=made["id"])
    assert looked == {"version": 1}


async def test_a_rebase_is_to_a_date_that_has_prices(loaded: Services, ask: Ask) -> None:
    made = await created(ask, asOf="2025-02-12")
    given = {"id": made["id"], "expectedVersion": 1, "reason": "x"}
    for as_of, code, path in (
        ("9999-12-31", "AS_OF_IN_FUTURE", "asOf"),
        ("2025-02-15", "NO_PRICES", "asOf"),  # a Saturday
        ("2020-01-01", "EMPTY_SELECTION", "filter"),
    ):
        refused = await said(ask, REBASE, input=given | {"asOf": as_of})
        assert [each["code"] for each in refused["problems"]] == ["INVALID_SCENARIO"]
        assert [(each["code"], each["path"]) for each in refused["issues"]] == [(code, path)]
    shown = await ask(REBASE_PREVIEW, id=made["id"], asOf="2025-02-15")
    assert [(each["extensions"]["code"], each["extensions"]["hint"]) for each in shown["errors"]] == [
        ("INVALID_SCENARIO", "Take 2025-02-14.")]  # fmt: skip
    await rebased(ask, made, "2025-02-14", 1)


async def test_a_rebase_tells_curves_that_have_no_prices_of_the_date(loaded: Services, ask: Ask) -> None:
    await publish(loaded, (date(2025, 2, 17), {published.TTF: 50.0}))
    made = await created(ask, asOf="2025-02-14", filter={"keys": [TTF, POWER]})
    given = {"id": made["id"], "asOf": "2025-02-17", "expectedVersion": 1, "reason": "x"}
    told = await said(ask, REBASE, input=given)
    assert told["problems"] == []
    assert told["issues"] == told["rebase"]["newIssues"] == [{"code": "NO_PRICES", "path": "asOf"}]


async def test_a_rebase_goes_back_too(loaded: Services, ask: Ask) -> None:
    """To what the story would have done on an earlier day, or from a day that nobody meant."""
    made = await created(ask, asOf="2025-02-15", filter={"keys": [TTF]})  # a Saturday
    rebase = await rebased(ask, made, "2025-02-13", 1)
    later, earlier = [await mids(ask, TTF, asOf=f"2025-02-{day}") for day in (14, 13)]
    told = rebase["differences"][0]
    assert [each["base"] for each in told["values"]] == pytest.approx([sum(each) / 4 for each in (later, earlier)])
    assert (rebase["asOfBefore"], rebase["asOf"]) == ("2025-02-15", "2025-02-13")
    await rebased(ask, made, "2025-02-14", 2)
    await rebased(ask, made, "2025-02-12", 3)


async def test_a_rebase_compares_no_curve_with_itself_in_another_unit(loaded: Services, ask: Ask) -> None:
    now = loaded.scenarios.clock().isoformat()
    made = await created(ask, filter={"keys": [TTF, POWER]}, asOf="2025-02-12", knownAt=now)
    curve = await said(ask, "query($key: String!) { curve(key: $key) { id } }", key=TTF)
    unit = {"curveId": curve["id"], "currency": "GBX", "unit": "therm", "reason": "the vendor said so"}
    await said(ask, "mutation($i: SetUnitInput!) { setUnit(input: $i) { problems { code } } }", i=unit)
    rebase = await rebased(ask, made, "2025-02-14", 1)
    assert [each["curve"]["key"] for each in rebase["differences"]] == [POWER]
    assert rebase["newIssues"] == [{"code": "UNIT_MISMATCH", "path": "knownAt"}]


async def rebased(ask: Ask, of: Any, as_of: str, version: int) -> Any:
    given = {"id": of["id"], "asOf": as_of, "expectedVersion": version, "reason": "another day"}
    answer = await said(ask, REBASE, input=given)
    assert (answer["problems"], answer["scenario"]["version"]) == ([], version + 1)
    assert answer["scenario"]["current"]["asOf"] == as_of
    return answer["rebase"]
