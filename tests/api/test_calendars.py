"""Calendars: blocks, hours and holidays, and those of curves."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.conftest import Ask

DAYS = """query($name: String!, $date: Date!, $block: String!, $interval: Int!) { calendar(name: $name) {
    hours(date: $date, block: $block, interval: $interval) { start end localStart deliveryDay number } } }"""


async def answer(ask: Ask, name: str, selection: str, start: str, end: str) -> Any:
    """Of a selection of a calendar with a range."""
    query = f'query($range: DeliveryInput!) {{ calendar(name: "{name}") {{ {selection} }} }}'
    found = await ask(query, range={"start": start, "end": end})
    assert "errors" not in found, found
    return found["data"]["calendar"]


async def test_calendars_say_when_markets_deliver(ask: Ask) -> None:
    query = """{ calendars { name title zone aliases dayStart peak { start end days holidays } source unverified
        blocks { code name pattern aliases } } }"""
    found = {each["name"]: each for each in (await ask(query))["data"]["calendars"]}
    assert list(found) == sorted(found)
    pjm, gas = found["PJM"], found["EU_GAS"]
    assert (pjm["zone"], pjm["peak"]) == (
        "America/New_York",
        {"start": 7, "end": 23, "days": 5, "holidays": "NERC"},
    )
    assert {block["code"]: block["pattern"] for block in pjm["blocks"]} == {
        "BASELOAD": "7x24", "PEAK": "5x16", "OFF_PEAK": None, "DAY": "7x16", "REST_DAY": "2x16", "NIGHT": "7x8",
        "PEAK_NIGHT": "5x8",
    }  # fmt: skip
    assert (gas["dayStart"], gas["peak"], [block["code"] for block in gas["blocks"]]) == (6, None, ["BASELOAD"])
    assert found["IESO"]["unverified"]
    assert (await ask('{ calendar(name: "Nord Pool") { name } }'))["data"]["calendar"] is None


async def test_hours_are_counted(ask: Ask) -> None:
    selection = """all: hourCount(range: $range) peak: hourCount(range: $range, block: "5x16")
        offPeak: hourCount(range: $range, block: "off-peak")"""
    found = await answer(ask, "PJM", selection, "2025-07-01", "2025-08-01")
    assert found == {"all": 744, "peak": 352, "offPeak": 392}


async def test_hours_are_counted_by_month_the_first_and_the_last_in_part(ask: Ask) -> None:
    selection = "hourCounts(range: $range) { start end hours }"
    found = await answer(ask, "EEX", selection, "2025-02-27", "2025-04-02")
    assert found["hourCounts"] == [
        {"start": "2025-02-27", "end": "2025-03-01", "hours": 48},
        {"start": "2025-03-01", "end": "2025-04-01", "hours": 743},
        {"start": "2025-04-01", "end": "2025-04-02", "hours": 24},
    ]


async def test_a_day_on_which_clocks_go_forward_has_23_hours(ask: Ask) -> None:
    asked = {"name": "pjm", "date": "2025-03-09", "block": "ATC", "interval": 60}
    found = (await ask(DAYS, **asked))["data"]["calendar"]["hours"]
    assert len(found) == 23
    assert found[2] == {
        "start": "2025-03-09T07:00:00+00:00", "end": "2025-03-09T08:00:00+00:00",
        "localStart": "2025-03-09T03:00:00-04:00", "deliveryDay": "2025-03-09", "number": 3,
    }  # fmt: skip


async def test_a_day_on_which_clocks_go_back_has_100_quarters_of_an_hour(ask: Ask) -> None:
    asked = {"name": "EEX", "date": "2025-10-26", "block": "base", "interval": 15}
    found = (await ask(DAYS, **asked))["data"]["calendar"]["hours"]
    assert [each["number"] for each in found] == list(range(1, 101))
    assert [found[at]["localStart"] for at in (8, 12)] == ["2025-10-26T02:00:00+02:00", "2025-10-26T02:00:00+01:00"]


async def test_the_hours_of_a_gas_day_begin_at_six(ask: Ask) -> None:
    selection = "expand(range: $range) { start localStart deliveryDay number }"
    found = (await answer(ask, "EU_GAS", selection, "2025-03-29", "2025-03-31"))["expand"]
    assert found[0]["localStart"] == "2025-03-29T06:00:00+01:00"
    assert [(each["deliveryDay"], each["number"]) for each in found[22:24]] == [("2025-03-29", 23), ("2025-03-30", 1)]
    assert len(found) == 47


async def test_a_block_of_a_range_is_expanded(ask: Ask) -> None:
    selection = 'expand(range: $range, block: "PEAK", interval: 30) { localStart }'
    found = (await answer(ask, "PJM", selection, "2025-07-03", "2025-07-08"))["expand"]
    assert len(found) == 2 * 32  # of Thursday and Monday; Friday is the Fourth of July
    assert {each["localStart"][:10] for each in found} == {"2025-07-03", "2025-07-07"}


async def test_holidays_of_a_year_and_of_a_range(ask: Ask) -> None:
    selection = "year: holidays(year: 2022) { day name } range: holidays(range: $range) { day }"
    found = await answer(ask, "PJM", selection, "2022-12-01", "2023-01-03")
    assert found["year"][-1] == {"day": "2022-12-26", "name": "Christmas Day"}
    assert len(found["year"]) == 6
    assert [each["day"] for each in found["range"]] == ["2022-12-26", "2023-01-02"]


@pytest.mark.parametrize(
    ("selection", "field"),
    [
        ('hourCount(range: {start: "2025-07-01", end: "2025-08-01"}, block: "6x16")', "block"),
        ('hourCount(range: {start: "2025-07-01", end: "2025-07-01"})', "range"),
        ('hourCount(range: {start: "0001-01-01", end: "9999-12-31"})', "range"),
        ('hourCounts(range: {start: "0001-01-01", end: "9999-12-31"}) { hours }', "range"),
        ('expand(range: {start: "2025-01-01", end: "2026-01-01"}) { start }', "range"),
        ('expand(range: {start: "2025-01-01", end: "2025-01-02"}, limit: 10001) { start }', "limit"),
        ('expand(range: {start: "2025-01-01", end: "2025-01-02"}, interval: 20) { start }', "interval"),
        ('hours(date: "9999-12-31") { start }', "date"),
        ("holidays { day }", "year"),
        ("holidays(year: 1999) { day }", "year"),
    ],
)
async def test_what_no_calendar_knows_is_refused(ask: Ask, selection: str, field: str) -> None:
    found = await ask(f'{{ calendar(name: "PJM") {{ {selection} }} }}')
    (error,) = found["errors"]
    assert (error["extensions"]["code"], error["extensions"]["field"]) == ("BAD_USER_INPUT", field)


@pytest.mark.usefixtures("loaded")
async def test_curves_have_calendars_where_they_are_known(ask: Ask) -> None:
    query = "{ curves(first: 200) { nodes { key calendar { name zone } deliveryBlock { code pattern } } } }"
    found = {each["key"]: each for each in (await ask(query))["data"]["curves"]["nodes"]}
    peak, gas = found["eugp:eu/german/power/peak"], found["eugp:eu/dutch_ttf/gas"]
    assert peak["calendar"] == {"name": "EEX", "zone": "Europe/Berlin"}
    assert peak["deliveryBlock"] == {"code": "PEAK", "pattern": "5x12"}
    assert gas["calendar"]["name"] == "EU_GAS"
    assert gas["deliveryBlock"] == {"code": "BASELOAD", "pattern": "7x24"}
    for key in ("eugp:eu/eua/carbon", "eugp:ee/poland/power/peak"):
        assert (found[key]["calendar"], found[key]["deliveryBlock"]) == (None, None)


@pytest.mark.usefixtures("loaded")
async def test_the_hours_of_a_curves_months(ask: Ask) -> None:
    query = """{ curve(key: "eugp:eu/german/power/peak") { calendar {
        hourCounts(range: {start: "2025-02-01", end: "2025-04-01"}, block: "peak") { hours } } } }"""
    found = (await ask(query))["data"]["curve"]["calendar"]["hourCounts"]
    assert found == [{"hours": 240}, {"hours": 252}]


async def test_who_expands_too_much_is_told_what_takes_more(ask: Ask) -> None:
    year = '{ calendar(name: "EEX") { expand(range: {start: "2025-01-01", end: "2026-01-01"}) { start } } }'
    (error,) = (await ask(year))["errors"]
    assert error["message"] == "the range has 8760 intervals, more than 1000"
    assert error["extensions"]["hint"] == "`limit` may be up to 10000; `hourCounts` counts by month without one."
