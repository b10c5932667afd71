"""Data sets as GraphQL answers them."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path

import pytest

from aurum.auth import local_principal
from aurum.demo import demo_week
from aurum.ingestion.service import Submission
from aurum.services import Services
from aurum.settings import Settings
from tests.api.conftest import Ask
from tests.statements import statements_from_here

PAGE = Path(__file__).parents[2] / "docs" / "data-sets.md"

SET = """mutation($document: JSON!, $replaces: Int) {
  setDataSetContract(input: {key: "eugp", document: $document, reason: "agreed with the vendor", replaces: $replaces}) {
    contract { version author reason document } problems { code message } } }"""
ALL = """{ dataSets { nodes {
  key owner description licence qualityScore qualityFileCount
  contract { version } contractVersions { version } contractChecks { promise kept run { id } }
  schema { curveCount columns { name type } dimensions(names: [CURRENCY], limit: 2) { values { value count } } }
  freshness { newestAsOf publishedAt newestFile { name } expected { state } late missing { asOf } }
  completeness { expected came share }
  lineage(first: 60) { complete nodes { id kind label } edges { source target step } } } } }"""


@pytest.mark.usefixtures("loaded")
async def test_a_data_set_is_read_whole(ask: Ask) -> None:
    document = {"owner": "Gas desk", "licence": "internal use", "promises": {"curves": 83}}
    changed = (await ask(SET, document=document))["data"]["setDataSetContract"]
    assert (changed["contract"]["version"], changed["contract"]["document"], changed["problems"]) == (1, document, [])
    refused = (await ask(SET, document={"promises": {"colour": 1}}))["data"]["setDataSetContract"]
    assert (refused["contract"], refused["problems"][0]["code"]) == (None, "BAD_USER_INPUT")
    answer = await ask(ALL)
    (found,) = answer["data"]["dataSets"]["nodes"]
    assert (found["key"], found["owner"], found["description"], found["contractChecks"]) == (
        "EUGP", "Gas desk", None, [],
    )  # fmt: skip
    assert found["contractVersions"] == [found["contract"]] == [{"version": 1}]
    assert found["schema"]["curveCount"] == 83
    assert [column["name"] for column in found["schema"]["columns"]][:2] == ["tenor", "tenorType"]
    (currencies,) = found["schema"]["dimensions"]
    assert sum(value["count"] for value in currencies["values"]) <= 83
    assert (found["freshness"]["newestAsOf"], found["qualityFileCount"]) == ("2025-02-14", 4)
    assert 0 < found["qualityScore"] <= 1
    lineage = found["lineage"]
    assert lineage["complete"] is False
    labels = {node["id"]: (node["kind"], node["label"]) for node in lineage["nodes"]}
    steps = {(labels[edge["source"]][0], labels[edge["target"]][0], edge["step"]) for edge in lineage["edges"]}
    assert {("FILE", "RUN", "READ"), ("RUN", "CURVE", "PUBLISHED"), ("CURVE", "CURVE", "LEG")} == steps
    ids = [node["id"] for node in lineage["nodes"]]
    read = (await ask("query($ids: [ID!]!) { nodes(ids: $ids) { id } }", ids=ids))["data"]["nodes"]
    assert [node["id"] for node in read] == ids


@pytest.mark.usefixtures("loaded")
async def test_a_lineage_has_one_order_whatever_was_asked_before(ask: Ask) -> None:
    lineage = '{ dataSet(key: "EUGP") { lineage(first: 200) { nodes { label } edges { source target } } } }'
    await ask('{ curve(key: "eugp:uk/nbp/gas") { snapshot { version } } }')
    first = await ask(lineage)
    assert await ask(lineage) == first


@pytest.mark.usefixtures("loaded")
async def test_one_is_found_in_any_case_and_pages_are_cut(ask: Ask) -> None:
    found = (await ask('{ one: dataSet(key: "eugp") { key } none: dataSet(key: "nope") { key } }'))["data"]
    assert found == {"one": {"key": "EUGP"}, "none": None}
    await ask(SET.replace('"eugp"', '"ABC"'), document={"owner": "x"})
    query = """query($after: String) {
      dataSets(first: 1, after: $after) { nodes { key } pageInfo { endCursor hasNextPage } } }"""
    first = (await ask(query))["data"]["dataSets"]
    assert ([node["key"] for node in first["nodes"]], first["pageInfo"]["hasNextPage"]) == (["ABC"], True)
    second = (await ask(query, after=first["pageInfo"]["endCursor"]))["data"]["dataSets"]
    assert ([node["key"] for node in second["nodes"]], second["pageInfo"]["hasNextPage"]) == (["EUGP"], False)


@pytest.mark.usefixtures("loaded")
async def test_before_everything_nothing_was_expected(ask: Ask) -> None:
    known_at = '(knownAt: "0001-01-01T00:00:00Z")'
    answer = await ask(
        f'{{ dataSet(key: "EUGP") {{ freshness{known_at} {{ late }} completeness{known_at} {{ expected came }} }} }}'
    )
    assert answer["data"]["dataSet"] == {"freshness": {"late": None}, "completeness": {"expected": 0, "came": 0}}


async def test_many_data_sets_take_as_many_statements_as_one(loaded: Services, ask: Ask) -> None:
    async def counted() -> int:
        statements = statements_from_here(loaded.database)
        fields = "qualityScore contractChecks { kept } freshness { late } completeness { share }"
        assert "errors" not in await ask(f"{{ dataSets {{ nodes {{ {fields} }} }} }}")
        return len([each for each in statements if each.startswith("SELECT")])

    await counted()  # reads the curves
    one = await counted()
    for key in ("ABC", "DEF", "GHI"):
        await ask(SET.replace('"eugp"', f'"{key}"'), document={"owner": "x"})
    assert await counted() == one


async def test_the_page_tells_what_each_data_set_has(ask: Ask, services: Services) -> None:
    principal = local_principal(Settings().auth, "demo")
    for workbook in [*demo_week(date(2025, 2, 14))][:4]:
        await services.ingestion.ingest(principal, Submission(workbook.to_bytes(), workbook.name, "demo"))
    rows = re.findall(r"^\| `(\w+)` \| [^|]+ \| ([^|]+) \| ([^|]+) \| ([^|]+) \| ([^|]+) \|$", PAGE.read_text(), re.M)
    assert {key for key, *_ in rows} == {"EUGP", "RP", "PW", "SIMPLE"}
    query = """query($key: String!, $filter: CurveFilter) {
      dataSet(key: $key) { schema { dimensions(names: [ASSET_CLASS]) { values { value } } } }
      curves(filter: $filter, first: 100) { nodes { snapshot { points { tenorType bid cell } } } } }"""
    for key, classes, kinds, prices, sheets in rows:
        found = (await ask(query, key=key, filter={"vendors": [key]}))["data"]
        (of_classes,) = found["dataSet"]["schema"]["dimensions"]
        points = [point for curve in found["curves"]["nodes"] for point in curve["snapshot"]["points"]]
        assert {each["value"] for each in of_classes["values"]} == named(classes) - {"other"}, key
        assert {point["tenorType"] for point in points} == named(kinds), key
        assert any(point["bid"] is not None for point in points) is ("bid" in prices), key
        assert {point["cell"].partition("!")[0].removesuffix(" - Mid") for point in points} == named(sheets), key


def named(text: str) -> set[str]:
    return set(re.findall("`([^`]+)`", text))
