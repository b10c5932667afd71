"""Data sets: contracts that are checked at each load, and how fresh, complete and good what is loaded is."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from aurum.auth import Principal, Scope
from aurum.errors import Conflict, Forbidden, InvalidInput
from aurum.ingestion.contract_store import Load
from aurum.ingestion.contracts import Contract, Facts
from aurum.ingestion.data_sets import quality_of
from aurum.ingestion.model import Counts, RunState
from tests.published import instant
from tests.withheld import ANNA, RIVAL, WHY, Desk, eugp, open_desk

FACTS = Facts(keys={"eugp:eu/eua/carbon"}, points=400, served=399, errors=1, months=3, in_time=False)


@pytest.fixture
async def desk(migrated_url: str, tmp_path: Path) -> AsyncIterator[Desk]:
    async with open_desk(migrated_url, tmp_path) as opened:
        yield opened


@pytest.mark.parametrize(
    ("promise", "value", "kept", "found"),
    [
        ("curves", 1, True, "1"),
        ("curves", 2, False, "1"),
        ("points", 401, False, "400"),
        ("served_share", 0.9975, True, "0.9975"),
        ("served_share", 1, False, "0.9975"),
        ("months", 4, False, "3"),
        ("errors", 0, False, "1"),
        ("errors", 1, True, "1"),
        ("keys", ["EUGP:EU/EUA/Carbon"], True, "all of them"),
        ("keys", ["eugp:eu/eua/carbon", "eugp:uk/uka/carbon"], False, "missing: eugp:uk/uka/carbon"),
        ("in_time", True, False, "late"),
    ],
)
def test_a_promise_is_kept_or_not(promise: str, value: object, kept: bool, found: str) -> None:
    contract = Contract.from_dict({"promises": {promise: value}})
    assert Contract.from_dict(contract.to_dict()) == contract
    (checked,) = contract.checked(FACTS)
    assert (checked.kept, checked.found) == (kept, found)


def test_large_numbers_are_told_to_the_last_digit() -> None:
    large = replace(FACTS, points=1_234_567, served=1_234_566, errors=2_000_001)
    promises = {"points": 1_234_568, "served_share": 1, "errors": 2_000_000}
    checked = Contract.from_dict({"promises": promises}).checked(large)
    assert {each.promise: (each.promised, each.found, each.kept) for each in checked} == {
        "points": ("at least 1234568", "1234567", False),
        "served_share": ("at least 1", "0.99999919", False),
        "errors": ("at most 2000000", "2000001", False),
    }


def test_a_number_that_is_too_large_is_told_the_largest() -> None:
    with pytest.raises(InvalidInput, match=r"promises\.points: a whole number from 0 to 1,000,000,000 is due"):
        Contract.from_dict({"promises": {"points": 10**10}})


def test_what_there_is_nothing_to_tell_by_is_neither_kept_nor_broken() -> None:
    nothing = Facts(keys=(), points=0, served=0, errors=0, months=0, in_time=None)
    promises = {"served_share": 0.5, "months": 1, "in_time": True, "curves": 0}
    checked = Contract.from_dict({"promises": promises}).checked(nothing)
    assert {each.promise: each.kept for each in checked} == {
        "served_share": None, "months": None, "in_time": None, "curves": True,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("document", "path"),
    [
        ([], "contract"),
        ({"owners": "x"}, "contract"),
        ({"owner": " "}, "owner"),
        ({"promises": {"curves": -1}}, "promises.curves"),
        ({"promises": {"curves": True}}, "promises.curves"),
        ({"promises": {"served_share": 1.5}}, "promises.served_share"),
        ({"promises": {"keys": "eugp"}}, "promises.keys"),
        ({"promises": {"in_time": False}}, "promises.in_time"),
        ({"promises": {"colour": 1}}, "promises"),
    ],
)
def test_what_is_no_contract_is_refused_with_its_path(document: object, path: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        Contract.from_dict(document)
    assert refused.value.details["path"] == path


def test_the_quality_score_is_what_its_formula_says() -> None:
    good = Load(RunState.SUCCEEDED, Counts(curves=10, points=100, loaded=100))
    held = Load(RunState.SUCCEEDED, Counts(curves=10, points=100, loaded=90, warnings=4))  # 0.9 x (1 - 0.2)
    refused = Load(RunState.FAILED, Counts(curves=10, points=100, loaded=0))
    assert quality_of([good, held, refused]).score == pytest.approx((1 + 0.72 + 0) / 3)
    assert quality_of([Load(RunState.SUCCEEDED, Counts(curves=1, points=1, loaded=1, warnings=50))]).score == 0.5
    assert (quality_of([]).score, quality_of([]).files) == (None, 0)


async def test_each_load_is_checked_with_the_contract_in_force(desk: Desk) -> None:
    sets, policies = desk.services.ingestion.data_sets, desk.services.ingestion.policies
    await desk.load(eugp())
    assert await sets.contract_checks(ANNA, ["EUGP"]) == {}
    promises = {"curves": 80, "served_share": 1, "months": 3}
    set_ = await policies.set_contract(ANNA, "eugp", {"owner": "Gas desk", "promises": promises}, WHY)
    assert (set_.version, set_.author, set_.reason) == (1, "anna", WHY)
    run = await desk.load(eugp(date(2025, 2, 13), AW13=999.0))  # one point goes to quarantine
    checks = (await sets.contract_checks(ANNA, ["EUGP"]))["EUGP"]
    assert [(each.run_id, each.as_of, each.contract_version) for each in checks] == [(run.id, date(2025, 2, 13), 1)] * 3
    assert {each.checked.promise: each.checked.kept for each in checks} == {
        "curves": True, "served_share": False, "months": True,
    }  # fmt: skip
    await policies.set_contract(ANNA, "EUGP", {"promises": {"curves": 500}}, WHY, replaces=1)
    await desk.load(eugp(date(2025, 2, 14)))
    newest, *older = (await sets.contract_checks(ANNA, ["EUGP"]))["EUGP"]
    assert (newest.contract_version, newest.checked.kept, newest.checked.found) == (2, False, "83")
    assert older == checks
    with pytest.raises(Conflict):
        await policies.set_contract(ANNA, "EUGP", {}, WHY, replaces=1)


async def test_a_refused_file_is_checked_too(desk: Desk) -> None:
    await desk.services.ingestion.policies.set_contract(ANNA, "EUGP", {"promises": {"served_share": 0.5}}, WHY)
    run = await desk.load(eugp(B12=date(2024, 1, 1)))
    assert run.state is RunState.FAILED
    (check,) = (await desk.services.ingestion.data_sets.contract_checks(ANNA, ["EUGP"]))["EUGP"]
    assert (check.run_id, check.checked.found, check.checked.kept) == (run.id, "0", False)


async def test_a_data_set_says_how_fresh_and_complete_it_is(desk: Desk) -> None:
    sets = desk.services.ingestion.data_sets
    desk.at("2025-02-12 22:30")
    await desk.load(eugp())
    desk.at("2025-02-14 12:00")  # the file of the 13th was due the evening before
    fresh = (await sets.freshness(ANNA, ["EUGP"]))["EUGP"]
    assert fresh.newest is not None
    assert (fresh.newest.as_of, [each.delivery.as_of for each in fresh.missing or ()]) == (
        date(2025, 2, 12), [date(2025, 2, 13)],
    )  # fmt: skip
    completed = (await sets.completed(ANNA, ["EUGP"]))["EUGP"]
    assert (completed.expected, completed.came, completed.share) == (2, 1, 0.5)
    assert (await sets.quality(ANNA, ["EUGP"]))["EUGP"].files == 1
    nobody = (await sets.freshness(ANNA, ["PW"]))["PW"]
    assert (nobody.newest, nobody.expected, nobody.missing) == (None, None, None)


async def test_how_it_stood_then_is_told_by_what_had_come_and_was_expected_then(desk: Desk) -> None:
    """Files that come late, loads of later and expectations of later change nothing about it."""
    sets, then = desk.services.ingestion.data_sets, {}
    desk.at("2025-02-12 22:30")
    await desk.load(eugp())
    thursday = date(2025, 2, 13)
    files = {
        "2025-02-12 23:00": [],
        "2025-02-14 12:00": [eugp(thursday, B12=date(2024, 1, 1))],  # is refused
        "2025-02-15 12:00": [eugp(thursday)],
    }
    for text, came in files.items():
        at = desk.at(text)
        for each in came:
            await desk.load(each)
        then[at] = [(await method(ANNA, ["EUGP"]))["EUGP"] for method in (sets.freshness, sets.completed, sets.quality)]
    desk.at("2025-03-20 12:00")
    await desk.services.ingestion.policies.set_expectations(ANNA, {"vendors": {"EUGP": None}}, WHY)
    for instant_, told in then.items():
        again = [
            (await method(ANNA, ["EUGP"], known_at=instant_))["EUGP"]
            for method in (sets.freshness, sets.completed, sets.quality)
        ]
        assert again == told
    assert len({repr(each) for each in then.values()}) == 3
    before = (await sets.freshness(ANNA, ["EUGP"], known_at=instant("2025-02-12 22:00")))["EUGP"]
    assert (before.newest, before.missing) == (None, None)  # nothing was expected of it yet: that is not in time
    ahead = await sets.freshness(ANNA, ["EUGP"], known_at=instant("2030-01-01 00:00"))
    assert ahead == await sets.freshness(ANNA, ["EUGP"])


async def test_what_is_expected_is_known_from_when_it_holds_however_long_it_has_waited(desk: Desk) -> None:
    async with desk.services.database.write() as other:
        await other.lock("policy desk expectations")
        waiting = asyncio.create_task(desk.services.ingestion.policies.set_expectations(ANNA, {}, WHY))
        await asyncio.sleep(0.1)
        later = desk.at("2025-02-13 08:05")
    assert (await waiting).known_from == later


async def test_in_time_is_told_by_what_is_expected(desk: Desk) -> None:
    await desk.services.ingestion.policies.set_contract(ANNA, "EUGP", {"promises": {"in_time": True}}, WHY)
    kept = []
    for day, at in ((12, "2025-02-12 22:30"), (13, "2025-02-13 22:30"), (14, "2025-02-16 22:30")):
        desk.at(at)
        await desk.load(eugp(date(2025, 2, day)))
        kept.append((await desk.services.ingestion.data_sets.contract_checks(ANNA, ["EUGP"]))["EUGP"][0].checked.kept)
    assert kept == [True, True, False]


async def test_data_sets_belong_to_a_tenant_and_need_their_scopes(desk: Desk) -> None:
    await desk.load(eugp())
    await desk.services.ingestion.policies.set_contract(ANNA, "NEW", {"owner": "me"}, WHY)
    sets = desk.services.ingestion.data_sets
    assert [each.key for each in await sets.all(ANNA)] == ["EUGP", "NEW"]
    assert await sets.all(RIVAL) == []
    assert await sets.contract_checks(RIVAL, ["EUGP"]) == {}
    assert (await sets.holds(RIVAL, ["EUGP"]))["EUGP"] == (0, [])
    reader = Principal("desk", "reader", frozenset({Scope.CURVES_READ, Scope.INGESTION_READ}))
    with pytest.raises(Forbidden):
        await desk.services.ingestion.policies.set_contract(reader, "EUGP", {}, WHY)
    for scope in (Scope.CURVES_READ, Scope.INGESTION_READ):
        with pytest.raises(Forbidden):
            await sets.all(Principal("desk", "half", frozenset({scope})))
