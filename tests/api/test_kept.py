"""What the server keeps is never older than the newest change, whoever has made it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from aurum.auth import local_principal
from aurum.settings import Settings
from tests.api.conftest import Ask
from tests.published import NBP, TTF, Book, open_book, prices

TENANT = local_principal(Settings().auth, "another process")
EVERYTHING = """{
    curve(key: "eugp:eu/dutch_ttf/gas") { unit { code }
        snapshot { asOf version points { mid } }
        history(delivery: {start: "2025-03-01", end: "2025-04-01"}, asOf: {}) { points { asOf mid version } } }
    curves(filter: {vendors: ["EUGP"]}) { nodes { key unit { code } } } }"""
DAY = """query($knownAt: DateTime, $types: [TenorType!], $delivery: DeliveryRange) {
    curves(filter: {vendors: ["EUGP"]}) { nodes {
        diff(from: {asOf: "2025-02-13", knownAt: $knownAt}, to: {asOf: "2025-02-14", knownAt: $knownAt}) {
            points(tenorTypes: $types, delivery: $delivery) { tenor fromMid toMid change market toWithheld } } } }
    movers(filter: {vendors: ["EUGP"]}, from: {asOf: "2025-02-13", knownAt: $knownAt},
        to: {asOf: "2025-02-14", knownAt: $knownAt}) { nodes { tenor change toVersion } }
    aggregate(filter: {vendors: ["EUGP"]}, asOf: {first: "2025-02-14", last: "2025-02-14"}, knownAt: $knownAt,
        groupBy: {delivery: MONTH}) { nodes { delivery { label } count missing mean } } }"""


@pytest.fixture
async def other(migrated_url: str) -> AsyncIterator[Book]:
    """The same database in another process."""
    async with open_book(migrated_url) as opened:
        yield opened


async def answered(ask: Ask) -> dict[str, Any]:
    """Asked twice, and from the second time on by what is kept."""
    first = await ask(EVERYTHING)
    assert "errors" not in first
    assert await ask(EVERYTHING) == first
    data: dict[str, Any] = first["data"]
    return data


async def test_what_another_process_publishes_is_answered_at_once(ask: Ask, other: Book) -> None:
    assert (await answered(ask))["curve"] is None
    await other.publish("2025-02-13", [(TTF, prices([50.0, 51.0]))], principal=TENANT)
    curve = (await answered(ask))["curve"]
    assert curve["snapshot"] == {"asOf": "2025-02-13", "version": 1, "points": [{"mid": 50.0}, {"mid": 51.0}]}
    await other.publish("2025-02-13", [(TTF, prices([77.0, 51.0]))], "2025-02-14 07:40", principal=TENANT)
    await other.publish("2025-02-14", [(NBP, prices([90.0]))], principal=TENANT)
    found = await answered(ask)
    assert found["curve"]["snapshot"]["version"] == 2
    assert found["curve"]["history"]["points"] == [{"asOf": "2025-02-13", "mid": 77.0, "version": 2}]
    assert len(found["curves"]["nodes"]) == 2


async def test_a_day_is_answered_as_it_is_now_and_as_it_was(ask: Ask, other: Book) -> None:
    async def day(**variables: Any) -> tuple[Any, ...]:
        first = await ask(DAY, **variables)
        assert "errors" not in first
        assert await ask(DAY, **variables) == first
        curves, movers, aggregate = (first["data"][name]["nodes"] for name in ("curves", "movers", "aggregate"))
        points = [tuple(point.values()) for curve in curves for point in curve["diff"]["points"]]
        return points, [tuple(each.values()) for each in movers], [each["mean"] for each in aggregate]

    before = (
        [("2025-03", 50.0, 52.0, 2.0, 2.0, False), ("2025-04", 51.0, 54.0, 3.0, 3.0, False)],
        [("2025-04", 3.0, 1)], [52.0, 54.0],
    )  # fmt: skip
    await other.publish("2025-02-13", [(TTF, prices([50.0, 51.0]))], principal=TENANT)
    await other.publish("2025-02-14", [(TTF, prices([52.0, 54.0]))], principal=TENANT)
    assert await day() == before
    assert (await day(delivery={"start": "2025-04-01"}))[0] == before[0][1:]
    assert (await day(types=["QUARTER"]))[0] == []
    await other.publish("2025-02-14", [(TTF, prices([52.0, 81.0]))], "2025-02-17 07:40", principal=TENANT)
    assert await day() == (
        [before[0][0], ("2025-04", 51.0, 81.0, 30.0, 30.0, False)], [("2025-04", 30.0, 2)], [52.0, 81.0]
    )  # fmt: skip
    held = prices([52.0, 81.0]).without([1])
    await other.publish("2025-02-14", [(TTF, held)], "2025-02-18 07:40", principal=TENANT)
    assert await day() == (
        [before[0][0], ("2025-04", 51.0, None, None, 0.0, True)], [("2025-03", 2.0, 3)], [52.0, None]
    )  # fmt: skip
    assert await day(knownAt="2025-02-17T07:39:00Z") == before


async def test_what_another_process_says_of_units_is_answered_at_once(ask: Ask, other: Book) -> None:
    await other.publish("2025-02-13", [(TTF, prices([50.0]))], principal=TENANT)
    (curve,) = (await other.metadata.by_key(TENANT, ["eugp:eu/dutch_ttf/gas"])).values()
    for unit in ("MMBtu", "MWh", None):
        await answered(ask)
        await other.metadata.set_unit(TENANT, curve.id, "EUR", unit, "the vendor said so")
        found, expected = await answered(ask), None if unit is None else {"code": unit}
        assert found["curve"]["unit"] == expected
        assert [node["unit"] for node in found["curves"]["nodes"]] == [expected]


async def test_a_mutation_sees_what_the_one_before_it_has_done(ask: Ask, other: Book) -> None:
    await other.publish("2025-02-13", [(TTF, prices([50.0]))], principal=TENANT)
    id_ = (await ask('{ curve(key: "eugp:eu/dutch_ttf/gas") { id } }'))["data"]["curve"]["id"]
    change = 'setUnit(input: {curveId: "%s", currency: "EUR", unit: "%s", reason: "so"}) %s'
    shown = "{ curve { unit { code } unitVersions { unit { code } } snapshot { unit { code } } } }"
    mutation = f"mutation {{ a: {change % (id_, 'MMBtu', shown)} b: {change % (id_, 'therm', shown)} }}"
    found = (await ask(mutation))["data"]
    for alias, units in (("a", ["MMBtu"]), ("b", ["MMBtu", "therm"])):
        curve = found[alias]["curve"]
        assert [version["unit"] and version["unit"]["code"] for version in curve["unitVersions"]][1:] == units
        assert curve["unit"]["code"] == curve["snapshot"]["unit"]["code"] == units[-1]


async def test_setting_a_unit_is_an_event(ask: Ask, other: Book) -> None:
    await other.publish("2025-02-13", [(TTF, prices([50.0]))], principal=TENANT)
    (curve,) = (await other.metadata.by_key(TENANT, ["eugp:eu/dutch_ttf/gas"])).values()
    head = int((await ask("{ eventHead }"))["data"]["eventHead"])
    await other.metadata.set_unit(TENANT, curve.id, "EUR", "MMBtu", "the vendor said so")
    (event,) = await other.events.read(TENANT.tenant, head)
    assert (event.type, event.payload) == (
        "CURVE_UNIT_SET", {"curve_id": curve.id, "currency": "EUR", "unit": "MMBtu"},
    )  # fmt: skip
