"""Units: shipped, editable, versioned."""

from __future__ import annotations

import pytest

from tests.api.conftest import Ask


async def test_units_and_currencies_are_shipped(ask: Ask) -> None:
    answer = (await ask("{ units { code dimension factor base source } currencies { code base factor } }"))["data"]
    units = {unit["code"]: unit for unit in answer["units"]}
    assert units["MWh"]["dimension"] == units["MMBtu"]["dimension"] == "energy"
    assert units["MMBtu"]["base"] == "MWh"
    assert 1 / units["MMBtu"]["factor"] == pytest.approx(3.412141633, abs=1e-9)
    pence = next(currency for currency in answer["currencies"] if currency["code"] == "GBX")
    assert (pence["base"], pence["factor"]) == ("GBP", 0.01)


SET_UNIT = """mutation($input: SetUnitInput!) { setUnit(input: $input) {
    curve { currency { code } unit { code } unitVersions { version unit { code } source note } }
    problems { code field message } } }"""


@pytest.mark.usefixtures("loaded")
async def test_a_person_sets_a_unit_and_the_old_one_stays_on_record(ask: Ask) -> None:
    curve = (await ask('{ curve(key: "eugp:eu/dutch_ttf/gas") { id } }'))["data"]["curve"]["id"]
    change = {"curveId": curve, "currency": "USD", "unit": "MMBtu", "reason": "the vendor said so"}
    payload = (await ask(SET_UNIT, input=change))["data"]["setUnit"]
    assert payload["problems"] == []
    assert (payload["curve"]["currency"]["code"], payload["curve"]["unit"]["code"]) == ("USD", "MMBtu")
    versions = payload["curve"]["unitVersions"]
    assert [(version["version"], version["unit"]["code"]) for version in versions] == [(1, "MWh"), (2, "MMBtu")]
    assert (versions[1]["source"], versions[1]["note"]) == ("developer", "the vendor said so")
    query = """{ curve(key: "eugp:eu/dutch_ttf/gas") {
        now: snapshot { unit { code } currency { code } }
        then: snapshot(knownAt: "2025-02-14T23:00:00Z") { unit { code } currency { code } } } }"""
    curve = (await ask(query))["data"]["curve"]
    assert curve["now"] == {"unit": {"code": "MMBtu"}, "currency": {"code": "USD"}}
    assert curve["then"] == {"unit": {"code": "MWh"}, "currency": {"code": "EUR"}}


@pytest.mark.usefixtures("loaded")
@pytest.mark.parametrize(
    ("wrong", "field"),
    [({"unit": "parsec"}, "unit"), ({"currency": "XXX"}, "currency"), ({"reason": " "}, "reason")],
)
async def test_what_a_person_can_mend_is_a_problem(ask: Ask, wrong: dict[str, str], field: str) -> None:
    curve = (await ask('{ curve(key: "eugp:eu/dutch_ttf/gas") { id } }'))["data"]["curve"]["id"]
    change = {"curveId": curve, "currency": "EUR", "unit": "MWh", "reason": "because"} | wrong
    payload = (await ask(SET_UNIT, input=change))["data"]["setUnit"]
    assert payload["curve"] is None
    assert [problem["field"] for problem in payload["problems"]] == [field]


async def test_a_mapping_says_what_a_vendors_text_means(ask: Ask) -> None:
    mutation = """mutation($input: UpsertUnitMappingInput!) { upsertUnitMapping(input: $input) {
        mapping { text version source unit { code } } problems { field } } }"""
    change = {"text": "EUR a MWh, flat", "currency": "EUR", "unit": "MWh"}
    first = (await ask(mutation, input=change))["data"]["upsertUnitMapping"]["mapping"]
    assert (first["version"], first["unit"]["code"]) == (1, "MWh")
    second = (await ask(mutation, input=change | {"unit": "MMBtu"}))["data"]["upsertUnitMapping"]["mapping"]
    assert (second["version"], second["unit"]["code"]) == (2, "MMBtu")
    listed = (await ask('{ unitMappings(prefix: "eur a") { text version unit { code } } }'))["data"]["unitMappings"]
    assert listed == [{"text": "EUR a MWh, flat", "version": 2, "unit": {"code": "MMBtu"}}]


CONVERTED = """query($key: String!, $unit: String, $currency: String) { curve(key: $key) { snapshot {
    columns { mid bid ask }
    converted(unit: $unit, currency: $currency) { currency { code } unit { code }
      conversion { source target factor reasons } columns { mid bid ask } points { mid cell } } } } }"""


@pytest.mark.usefixtures("loaded")
async def test_prices_are_read_in_another_unit_of_their_currency(ask: Ask) -> None:
    """A therm is 100,000 Btu of 1055.05585262 J: 1 MWh is 34.12 of them, and 100 pence are a pound."""
    snapshot = (await ask(CONVERTED, key="eugp:uk/nbp/gas", unit="MWh", currency="GBP"))["data"]["curve"]["snapshot"]
    converted = snapshot["converted"]
    assert (converted["currency"]["code"], converted["unit"]["code"]) == ("GBP", "MWh")
    factor = 3600 / 105.505585262 / 100
    for side in ("mid", "bid", "ask"):
        due = [each * factor for each in snapshot["columns"][side]]
        assert converted["columns"][side] == pytest.approx(due, rel=1e-14)
    assert [point["mid"] for point in converted["points"]] == converted["columns"]["mid"]
    conversion = converted["conversion"]
    assert (conversion["source"], conversion["target"]) == ("GBX/therm", "GBP/MWh")
    assert conversion["factor"] == pytest.approx(factor, rel=1e-14)
    assert "1 GBX = 0.01 GBP" in conversion["reasons"]


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"currency": "USD"}, "NO_EXCHANGE_RATE"),
        ({"unit": "bbl"}, "UNIT_MISMATCH"),
        ({"unit": "tCO2"}, "UNIT_MISMATCH"),
        ({"unit": "mwh"}, "BAD_USER_INPUT"),
        ({"currency": "pence"}, "BAD_USER_INPUT"),
    ],
)
@pytest.mark.usefixtures("loaded")
async def test_what_does_not_convert_is_refused(ask: Ask, given: dict[str, str], code: str) -> None:
    answer = await ask(CONVERTED, key="eugp:eu/dutch_ttf/gas", **given)
    assert [error["extensions"]["code"] for error in answer["errors"]] == [code]


@pytest.mark.usefixtures("loaded")
async def test_a_currency_that_there_is_not_is_refused_as_the_argument(ask: Ask) -> None:
    """Not as one of the first curve, whichever that is, and before any curve is looked at."""
    queries = (
        """query($currency: String) { movers(from: {}, to: {}, currency: $currency) { curveCount } }""",
        """query($currency: String) { aggregate(asOf: {}, currency: $currency) { nodes { mean } } }""",
        """query($currency: String) { derivedCurve(expression: "[nowhere]", currency: $currency) { unitText } }""",
        """query($currency: String) { curve(key: "eugp:eu/dutch_ttf/gas") {
            diff(from: {scenarioRun: "nowhere"}, to: {}, currency: $currency) { unconverted } } }""",
    )
    for query in queries:
        (error,) = (await ask(query, currency="XXX"))["errors"]
        assert (error["message"], error["extensions"]["field"]) == ("unknown currency: XXX", "currency"), query


@pytest.mark.usefixtures("loaded")
async def test_nothing_is_converted_of_a_curve_whose_unit_nobody_knows(ask: Ask) -> None:
    curve = (await ask('{ curve(key: "eugp:eu/dutch_ttf/gas") { id } }'))["data"]["curve"]["id"]
    await ask(SET_UNIT, input={"curveId": curve, "currency": None, "unit": None, "reason": "we doubt it"})
    answer = await ask(CONVERTED, key="eugp:eu/dutch_ttf/gas", unit="MWh")
    assert [error["extensions"]["code"] for error in answer["errors"]] == ["UNKNOWN_UNIT"]
    query = "query($e: String!) { derivedCurve(expression: $e) { unitText points { value } } }"
    answer = await ask(query, e="2 * [eugp:eu/dutch_ttf/gas]")
    assert [error["extensions"]["code"] for error in answer["errors"]] == ["UNKNOWN_UNIT"]
    answer = await ask(query, e="2 * quoted_in([eugp:eu/dutch_ttf/gas], EUR/MWh)")
    assert answer["data"]["derivedCurve"]["unitText"] == "EUR/MWh"
