"""Locations: a hierarchy, what vendors write for it, and the curves that are there."""

from __future__ import annotations

from typing import Any

import pytest

from aurum.auth import Principal, Scope
from aurum.services import Services
from aurum.settings import Settings
from tests.api.conftest import Ask
from tests.statements import statements_from_here

SET = """mutation($input: SetLocationAliasInput!) { setLocationAlias(input: $input) {
    alias { text vendor product location { key } version author reason } movedCount problems { code field } } }"""
EUA, TTF = "eugp:eu/eua/carbon", "eugp:eu/dutch_ttf/gas"


async def keys_in(ask: Ask, *locations: str) -> list[str]:
    query = "query($in: [String!]) { curves(filter: {locatedIn: $in}, first: 500) { totalCount nodes { key } } }"
    page = (await ask(query, **{"in": list(locations)}))["data"]["curves"]
    assert page["totalCount"] == len(page["nodes"])
    return [node["key"] for node in page["nodes"]]


async def location_of(ask: Ask, key: str) -> str | None:
    found = (await ask("query($key: String) { curve(key: $key) { location { key } } }", key=key))["data"]["curve"]
    return found["location"] and str(found["location"]["key"])


async def set_alias(ask: Ask, **given: Any) -> dict[str, Any]:
    change = {"vendor": "EUGP", "text": "EUA", "location": "europe", "reason": "the Union's registry"} | given
    payload: dict[str, Any] = (await ask(SET, input=change))["data"]["setLocationAlias"]
    return payload


@pytest.mark.usefixtures("loaded")
async def test_a_curve_says_where_it_is_and_what_that_lies_in(ask: Ask) -> None:
    query = """query($key: String) { curve(key: $key) { locationName location { key name kind timeZone calendar { name }
        parent { key } ancestors { key } market { key } children { key } } } }"""
    found = (await ask(query, key=TTF))["data"]["curve"]
    assert found["locationName"] == "Dutch_TTF"
    assert found["location"] == {
        "key": "eu-gas/ttf", "name": "Title Transfer Facility (TTF), Netherlands", "kind": "HUB",
        "timeZone": "Europe/Amsterdam", "calendar": {"name": "EU_GAS"}, "parent": {"key": "eu-gas"},
        "ancestors": [{"key": "eu-gas"}, {"key": "europe"}], "market": {"key": "eu-gas"}, "children": [],
    }  # fmt: skip


@pytest.mark.usefixtures("loaded")
async def test_the_same_text_is_a_hub_for_gas_and_a_zone_for_power(ask: Ask) -> None:
    assert await location_of(ask, "eugp:ee/czech/gas") == "eu-gas/cz-vtp"
    assert await location_of(ask, "eugp:ee/czech/power/base") == "eu-power/cz"
    assert await location_of(ask, EUA) is None


@pytest.mark.usefixtures("loaded")
async def test_curves_are_chosen_with_all_that_is_within_a_location(ask: Ask) -> None:
    gas, hub = await keys_in(ask, "eu-gas"), await keys_in(ask, "eu-gas/ttf")
    assert set(hub) == {TTF, "eugp:eu/dutch_ttf_usdmmbtu/gas"}
    assert set(hub) < set(gas) < set(await keys_in(ask, "europe"))
    assert await keys_in(ask, "EU-GAS/TTF", "eu-gas") == gas
    assert await keys_in(ask, "asia-pacific") == []
    moved = """{ movers(from: {asOf: "2025-02-12"}, to: {asOf: "2025-02-14"}, filter: {locatedIn: ["eu-gas"]}) {
        curveCount nodes { curve { key } } } }"""
    movers = (await ask(moved))["data"]["movers"]
    assert movers["curveCount"] == len(gas)
    assert movers["nodes"]
    assert all(node["curve"]["key"] in gas for node in movers["nodes"])
    (error,) = (await ask('{ curves(filter: {locatedIn: ["pmj"]}) { nodes { key } } }'))["errors"]
    assert error["extensions"]["code"] == "BAD_USER_INPUT"


@pytest.mark.usefixtures("loaded")
async def test_a_location_has_curves_and_counts_and_aliases(ask: Ask, services: Services) -> None:
    query = """query($below: Boolean) { location(key: "EU-Gas") { curveCount curves(first: 3, below: $below) {
        totalCount nodes { location { key } } pageInfo { hasNextPage } } } }"""
    found = (await ask(query, below=True))["data"]["location"]
    assert found["curveCount"] == found["curves"]["totalCount"] == len(await keys_in(ask, "eu-gas"))
    assert found["curves"]["pageInfo"] == {"hasNextPage": True}
    exactly = (await ask(query, below=False))["data"]["location"]
    assert exactly["curves"]["nodes"] == []
    statements = statements_from_here(services.database)
    many = '{ locations(market: "eu-power", first: 30) { nodes { key curveCount aliases { text vendor } } } }'
    nodes = {each["key"]: each for each in (await ask(many))["data"]["locations"]["nodes"]}
    assert {"text": "German", "vendor": "EUGP"} in nodes["eu-power/de-lu"]["aliases"]
    assert nodes["eu-power/de-lu"]["curveCount"] == 4
    assert len([each for each in statements if each.lstrip().startswith("SELECT")]) == 2  # counts, aliases


async def test_locations_are_listed_by_market_kind_and_prefix(ask: Ask) -> None:
    query = """query($market: String, $kind: LocationKind, $prefix: String! = "", $after: String) {
        locations(market: $market, kind: $kind, prefix: $prefix, first: 7, after: $after) {
          nodes { key } pageInfo { hasNextPage endCursor } } }"""

    async def listed(**given: Any) -> list[str]:
        found: list[str] = []
        page: dict[str, Any] = {"pageInfo": {"hasNextPage": True, "endCursor": None}}
        while page["pageInfo"]["hasNextPage"]:
            page = (await ask(query, **given, after=page["pageInfo"]["endCursor"]))["data"]["locations"]
            found += [node["key"] for node in page["nodes"]]
        return found

    assert await listed(market="spp") == ["spp", "spp/north-hub", "spp/south-hub"]
    assert len(await listed(market="NYISO", kind="ZONE")) == 11
    assert await listed(prefix="great_brit") == ["gb-power"]
    assert await listed(prefix="western") == [
        "asia-pacific/western-india",
        "eu-power/dk1",
        "isone/wcma",
        "pjm/western-hub",
    ]
    everything = await listed()
    assert everything == sorted(set(everything))
    assert len(everything) > 150
    (error,) = (await ask(query, market="nowhere"))["errors"]
    assert error["extensions"]["code"] == "BAD_USER_INPUT"
    (error,) = (await ask(query, after="bm9uZQ"))["errors"]
    assert error["extensions"]["code"] == "INVALID_CURSOR"


@pytest.mark.usefixtures("loaded")
async def test_texts_without_a_location_are_seen_and_a_person_says_what_they_mean(ask: Ask) -> None:
    unlinked = "{ unlinkedLocations { nodes { vendor iso market text curveCount } } }"
    texts = [{"vendor": "EUGP", "iso": None, "market": market, "text": text, "curveCount": 1}
             for market, text in (("EU", "EUA"), ("UK", "UKA"))]  # fmt: skip
    assert (await ask(unlinked))["data"]["unlinkedLocations"]["nodes"] == texts
    unknown = "{ curves(filter: {locationKnown: false}) { nodes { key } } }"
    assert (await ask(unknown))["data"]["curves"]["nodes"][0] == {"key": EUA}
    payload = await set_alias(ask, text=" eua ", product=None)
    assert payload == {
        "alias": {"text": "eua", "vendor": "EUGP", "product": None, "location": {"key": "europe"}, "version": 1,
                  "author": "developer", "reason": "the Union's registry"},
        "movedCount": 1, "problems": [],
    }  # fmt: skip
    assert await location_of(ask, EUA) == "europe"
    assert (await ask(unlinked))["data"]["unlinkedLocations"]["nodes"] == texts[1:]
    assert EUA in await keys_in(ask, "europe")
    again = await set_alias(ask, location=None)
    assert (again["alias"]["version"], again["movedCount"]) == (2, 1)
    assert await location_of(ask, EUA) is None


@pytest.mark.usefixtures("loaded")
async def test_what_a_tenant_says_goes_before_what_is_shipped_and_the_past_stays_on_record(ask: Ask) -> None:
    query = """query($at: DateTime) { locationAliases(prefix: "dutch", knownAt: $at) { nodes { text vendor market
        product version location { key } } } }"""
    before = (await ask(query))["data"]["locationAliases"]["nodes"]
    payload = await set_alias(ask, text="Dutch", market="EU", product="power", location="europe")
    assert payload["movedCount"] == 4  # base, peak, and their spark spreads
    after = (await ask(query))["data"]["locationAliases"]["nodes"]
    assert [each for each in after if each not in before] == [
        {"text": "Dutch", "vendor": "EUGP", "market": "eu", "product": "power", "version": 1,
         "location": {"key": "europe"}}
    ]  # fmt: skip
    assert len(after) == len(before)
    assert (await ask(query, at="2025-02-14T00:00:00Z"))["data"]["locationAliases"]["nodes"] == before


@pytest.mark.parametrize(
    ("wrong", "field"),
    [({"location": "nowhere"}, "location"), ({"reason": " "}, "reason"), ({"text": " "}, "text"),
     ({"text": "*"}, "text"), ({"vendor": "*"}, "vendor"), ({"market": "m" * 201}, "market")],
)  # fmt: skip
async def test_what_a_person_can_mend_is_a_problem(ask: Ask, wrong: dict[str, str], field: str) -> None:
    payload = await set_alias(ask, **wrong)
    assert (payload["alias"], payload["movedCount"]) == (None, 0)
    assert [problem["field"] for problem in payload["problems"]] == [field]


async def test_a_tenant_has_aliases_of_its_own_and_setting_them_needs_a_scope(
    ask: Ask, loaded: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    rival = Principal("rival", "eve", frozenset(Scope))
    monkeypatch.setattr("aurum.app.authenticate", lambda *_: rival)
    assert (await set_alias(ask))["movedCount"] == 0
    assert (await ask("{ unlinkedLocations { nodes { text } } }"))["data"]["unlinkedLocations"]["nodes"] == []
    counted = (await ask('{ location(key: "europe") { curveCount curves { totalCount } } }'))["data"]["location"]
    assert counted == {"curveCount": 0, "curves": {"totalCount": 0}}
    reader = Principal(Settings().auth.tenant, "carl", frozenset(Scope) - {Scope.CURVES_WRITE})
    monkeypatch.setattr("aurum.app.authenticate", lambda *_: reader)
    assert await location_of(ask, EUA) is None
    mine = (await ask('{ locationAliases(prefix: "eua") { nodes { text } } }'))["data"]["locationAliases"]
    assert mine == {"nodes": []}
    change = {"vendor": "EUGP", "text": "EUA", "reason": "why"}
    (error,) = (await ask(SET, input=change))["errors"]
    assert error["extensions"]["code"] == "FORBIDDEN"
