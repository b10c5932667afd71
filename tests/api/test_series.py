"""Series of other systems: mapped to curves by people, version by version, and suggested by similarity."""

from __future__ import annotations

from typing import Any

import pytest

from aurum.auth import Principal, Scope, local_principal
from aurum.market.identity import CurveIdentity
from aurum.metadata.model import CurveDescription
from aurum.services import Services
from aurum.settings import Settings
from tests.api.conftest import Ask
from tests.statements import statements_from_here

TTF, NBP = "eugp:eu/dutch_ttf/gas", "eugp:uk/nbp/gas"
MAPPING = "mapping { source id version curveKey curve { key } confidence method author reason } problems { code field }"
SET = f"mutation($input: SetSeriesMappingInput!) {{ setSeriesMapping(input: $input) {{ {MAPPING} }} }}"
REMOVE = f"mutation($input: RemoveSeriesMappingInput!) {{ removeSeriesMapping(input: $input) {{ {MAPPING} }} }}"
BY_SERIES = "query($series: SeriesInput) { curve(series: $series) { key } }"


async def set_mapping(ask: Ask, **given: Any) -> dict[str, Any]:
    change = {"source": "legacy", "id": "NG.TTF", "curveKey": TTF, "reason": "its description says so"} | given
    payload: dict[str, Any] = (await ask(SET, input=change))["data"]["setSeriesMapping"]
    return payload


async def curve_of(ask: Ask, id_: str = "NG.TTF", **given: str) -> str | None:
    found = (await ask(BY_SERIES, series={"source": "legacy", "id": id_, **given}))["data"]["curve"]
    return None if found is None else str(found["key"])


@pytest.mark.usefixtures("loaded")
async def test_a_series_is_mapped_moved_and_removed_and_the_past_stays_on_record(ask: Ask) -> None:
    assert await curve_of(ask) is None
    payload = await set_mapping(ask, confidence=0.9, method="HEURISTIC", id=" NG.TTF ")
    assert payload == {"problems": [], "mapping": {
        "source": "legacy", "id": "NG.TTF", "version": 1, "curveKey": TTF, "curve": {"key": TTF}, "confidence": 0.9,
        "method": "HEURISTIC", "author": "developer", "reason": "its description says so",
    }}  # fmt: skip
    assert await curve_of(ask) == TTF
    assert await curve_of(ask, id_="ng.ttf") is None
    await set_mapping(ask, curveKey=NBP.upper(), reason="it was the other one")
    assert await curve_of(ask) == NBP
    removal = {"source": "legacy", "id": "NG.TTF", "reason": "retired"}
    removed = (await ask(REMOVE, input=removal))["data"]["removeSeriesMapping"]
    assert (removed["mapping"]["version"], removed["mapping"]["curveKey"], removed["problems"]) == (3, None, [])
    assert await curve_of(ask) is None
    history = """{ seriesMappingVersions(source: "legacy", id: "NG.TTF") { version curveKey reason knownFrom } }"""
    versions = (await ask(history))["data"]["seriesMappingVersions"]
    assert [(each["version"], each["curveKey"], each["reason"]) for each in versions] == [
        (3, None, "retired"), (2, NBP, "it was the other one"), (1, TTF, "its description says so"),
    ]  # fmt: skip
    for version in versions:
        assert await curve_of(ask, knownAt=version["knownFrom"]) == version["curveKey"]
    assert await curve_of(ask, knownAt="2025-02-14T00:00:00Z") is None
    listed = "query($at: DateTime) { seriesMappings(knownAt: $at) { nodes { version } } }"
    assert (await ask(listed))["data"]["seriesMappings"]["nodes"] == []
    then = (await ask(listed, at=versions[1]["knownFrom"]))["data"]["seriesMappings"]["nodes"]
    assert then == [{"version": 2}]
    again = (await ask(REMOVE, input=removal))["data"]["removeSeriesMapping"]
    assert again == {"mapping": None, "problems": [{"code": "NOT_FOUND", "field": "id"}]}


@pytest.mark.usefixtures("loaded")
async def test_mappings_are_listed_by_source_and_curve_also_of_curves_to_come(ask: Ask, services: Services) -> None:
    for source, id_, key in (("b", "1", TTF), ("a", "2", TTF), ("a", "10", NBP), ("a", "3", "pw:later/hub/power")):
        assert (await set_mapping(ask, source=source, id=id_, curveKey=key))["problems"] == []
    query = """query($source: String, $key: String, $after: String) { seriesMappings(source: $source, curveKey: $key,
        first: 2, after: $after) { nodes { source id curve { key } } pageInfo { hasNextPage endCursor } } }"""
    statements = statements_from_here(services.database)
    page = (await ask(query))["data"]["seriesMappings"]
    assert len([each for each in statements if each.lstrip().startswith("SELECT")]) <= 2  # mappings, curves
    assert [(node["source"], node["id"]) for node in page["nodes"]] == [("a", "10"), ("a", "2")]
    rest = (await ask(query, after=page["pageInfo"]["endCursor"]))["data"]["seriesMappings"]
    assert rest["nodes"] == [
        {"source": "a", "id": "3", "curve": None},
        {"source": "b", "id": "1", "curve": {"key": TTF}},
    ]
    assert not rest["pageInfo"]["hasNextPage"]
    of_ttf = (await ask(query, key=TTF.upper()))["data"]["seriesMappings"]["nodes"]
    assert [(node["source"], node["id"]) for node in of_ttf] == [("a", "2"), ("b", "1")]
    assert len((await ask(query, key=TTF, source="b"))["data"]["seriesMappings"]["nodes"]) == 1


SUGGEST = """query($text: String!, $first: Int! = 10) { seriesSuggestions(text: $text, first: $first) {
    curve { key } score matches { asked found similarity } } }"""


@pytest.mark.usefixtures("loaded")
async def test_curves_are_suggested_with_a_score_and_what_matched(ask: Ask, services: Services) -> None:
    found = (await ask(SUGGEST, text="Germany, power baseload (EEX)"))["data"]["seriesSuggestions"]
    assert [each["curve"]["key"] for each in found[:2]] == [
        "eugp:eu/german/power/base", "eugp:eu/german%2faustrian/power/base"
    ]  # fmt: skip
    assert len(found) == 10
    assert 1 > found[0]["score"] > found[1]["score"] > found[9]["score"] > 0
    words = {each["asked"]: (each["found"], each["similarity"]) for each in found[0]["matches"]}
    assert words == {
        "baseload": ("baseload", 1.0), "germany": ("german", pytest.approx(12 / 13)), "power": ("power", 1.0)
    }  # fmt: skip
    assert (await ask(SUGGEST, text="quartz"))["data"]["seriesSuggestions"] == []
    assert len((await ask(SUGGEST, text="gas", first=1))["data"]["seriesSuggestions"]) == 1
    principal = local_principal(Settings().auth, "test")
    late = CurveDescription(CurveIdentity("RP", "US", "Quartz", "sand"), "other", "sand")
    async with services.database.write() as transaction:
        await services.metadata.register(transaction, principal, [late], services.metadata.clock())
    (seen,) = (await ask(SUGGEST, text="quartz"))["data"]["seriesSuggestions"]
    assert seen["curve"]["key"] == "rp:us/quartz/sand"


@pytest.mark.parametrize(
    ("wrong", "field"),
    [({"curveKey": "a text"}, "curveKey"), ({"reason": " "}, "reason"), ({"source": " "}, "source"), ({"id": ""}, "id"),
     ({"confidence": 1.5}, "confidence")],
)  # fmt: skip
async def test_what_a_person_can_mend_is_a_problem(ask: Ask, wrong: dict[str, Any], field: str) -> None:
    payload = await set_mapping(ask, **wrong)
    assert payload["mapping"] is None
    assert [problem["field"] for problem in payload["problems"]] == [field]


@pytest.mark.parametrize(
    "query",
    [
        '{ seriesSuggestions(text: "gas", first: 51) { score } }',
        f'{{ seriesSuggestions(text: "{"gas " * 251}") {{ score }} }}',
        f'{{ curve(key: "{TTF}", series: {{source: "a", id: "b"}}) {{ key }} }}',
    ],
)
async def test_what_makes_no_sense_is_refused(ask: Ask, query: str) -> None:
    (error,) = (await ask(query))["errors"]
    assert error["extensions"]["code"] == "BAD_USER_INPUT"


async def test_a_tenant_has_mappings_of_its_own_and_setting_them_needs_a_scope(
    ask: Ask, loaded: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    await set_mapping(ask)
    rival = Principal("rival", "eve", frozenset(Scope))
    monkeypatch.setattr("aurum.app.authenticate", lambda *_: rival)
    assert await curve_of(ask) is None
    assert (await ask("{ seriesMappings { nodes { id } } }"))["data"]["seriesMappings"]["nodes"] == []
    versions = '{ seriesMappingVersions(source: "legacy", id: "NG.TTF") { version } }'
    assert (await ask(versions))["data"]["seriesMappingVersions"] == []
    assert (await ask(SUGGEST, text="gas"))["data"]["seriesSuggestions"] == []
    reader = Principal(Settings().auth.tenant, "carl", frozenset(Scope) - {Scope.CURVES_WRITE})
    monkeypatch.setattr("aurum.app.authenticate", lambda *_: reader)
    assert await curve_of(ask) == TTF
    for document, change in ((SET, {"curveKey": NBP}), (REMOVE, {})):
        (error,) = (await ask(document, input={"source": "legacy", "id": "NG.TTF", "reason": "why", **change}))[
            "errors"
        ]
        assert error["extensions"]["code"] == "FORBIDDEN"
    assert await curve_of(ask) == TTF
