"""Derived curves as GraphQL answers them, on SQLite and on PostgreSQL. Curves and days are those of the demo."""

from __future__ import annotations

from typing import Any

import pytest

from aurum.services import Services
from tests.api.conftest import Ask
from tests.statements import statements_from_here

pytestmark = pytest.mark.usefixtures("loaded")

TTF, GERMAN, EUA = "eugp:eu/dutch_ttf/gas", "eugp:eu/german/power/base", "eugp:eu/eua/carbon"
DERIVED = """query($e: String!, $asOf: Date, $knownAt: DateTime, $unit: String, $currency: String, $fx: String) {
  derivedCurve(expression: $e, asOf: $asOf, knownAt: $knownAt, unit: $unit, currency: $currency, fx: $fx) {
    expression linear asOf publishedAt unitText currency { code } unit { code }
    inputs { at shiftMonths unitText weight curve { key } snapshot { asOf version publishedAt } }
    factors { function name value unitText } conversions { source target factor reasons }
    points { tenor tenorType deliveryStart deliveryEnd value bid ask gap gapCurve }
    columns { tenor tenorType deliveryStart deliveryEnd value bid ask gap gapCurve } } }"""
WHY = """query($e: String!, $start: Date!, $end: Date!, $type: TenorType) { derivedCurve(expression: $e) {
    why(delivery: {start: $start, end: $end}, tenorType: $type) { tenor tenorType value gap gapCurve constant
      terms { tenor deliveryStart cell price weight contribution input { curve { key } snapshot { version } } } } } }"""


async def derived(ask: Ask, expression: str, **variables: Any) -> Any:
    answer = await ask(DERIVED, e=expression, **variables)
    assert "errors" not in answer, answer["errors"]
    return answer["data"]["derivedCurve"]


async def refused(ask: Ask, expression: str, **variables: Any) -> Any:
    answer = await ask(DERIVED, e=expression, **variables)
    (error,) = answer["errors"]
    return error["extensions"] | {"message": error["message"]}


async def side(ask: Ask, key: str, side: str, **variables: Any) -> list[float | None]:
    query = """query($key: String!, $asOf: Date, $knownAt: DateTime) {
        curve(key: $key) { snapshot(asOf: $asOf, knownAt: $knownAt) { columns { %s } } } }"""
    found: list[float | None] = (await ask(query % side, key=key, **variables))["data"]["curve"]["snapshot"]["columns"][
        side
    ]
    return found


async def test_off_peak_from_base_and_peak(ask: Ask) -> None:
    """German power in March 2025: 743 hours, for the clock is put forward, and 252 at peak: 21 weekdays of 12 hours."""
    base, peak = [(await mids(ask, key))[1] for key in (GERMAN, GERMAN.replace("base", "peak"))]
    curve = await derived(ask, f"off_peak([{GERMAN}], [{GERMAN.replace('base', 'peak')}])")
    assert (curve["unitText"], curve["linear"], curve["columns"]["tenor"][1]) == ("EUR/MWh", False, "2025-03")
    assert base is not None
    assert peak is not None
    assert curve["columns"]["value"][1] == pytest.approx((base * 743 - peak * 252) / 491, abs=1e-9)
    gaps = dict(zip(curve["columns"]["tenor"], curve["columns"]["gap"], strict=True))
    assert (gaps["Calendar 2025"], gaps["Summer 2025"]) == ("NO_HOURS", None)


async def mids(ask: Ask, key: str, **variables: Any) -> list[float | None]:
    return await side(ask, key, "mid", **variables)


async def test_a_spread_with_what_made_it(ask: Ask) -> None:
    curve = await derived(ask, f"[{GERMAN.upper()}]-2.0*[{TTF}]")
    assert curve["expression"] == f"[{GERMAN}] - 2 * [{TTF}]"
    assert (curve["linear"], curve["asOf"], curve["unitText"]) == (True, "2025-02-14", "EUR/MWh")
    assert (curve["currency"], curve["unit"]) == ({"code": "EUR"}, {"code": "MWh"})
    assert curve["publishedAt"] == "2025-02-14T22:15:00+00:00"
    assert [(each["curve"]["key"], each["weight"]) for each in curve["inputs"]] == [(GERMAN, 1.0), (TTF, -2.0)]
    assert {each["snapshot"]["version"] for each in curve["inputs"]} == {1}
    power, gas = await mids(ask, GERMAN), await mids(ask, TTF)
    due = [p - 2.0 * g for p, g in zip(power, gas, strict=True)]  # type: ignore[operator]
    assert [point["value"] for point in curve["points"]] == due
    sold, bought = await side(ask, GERMAN, "bid"), await side(ask, TTF, "ask")
    bids = [p - 2.0 * g for p, g in zip(sold, bought, strict=True)]  # type: ignore[operator]
    assert [point["bid"] for point in curve["points"]] == bids
    assert all(point["bid"] < point["value"] < point["ask"] for point in curve["points"])
    columns = curve["columns"]
    rows = [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]
    assert rows == curve["points"]
    assert {point["gap"] for point in curve["points"]} == {None}


async def test_it_says_which_files_and_loads_its_curves_are_from(ask: Ask) -> None:
    query = """query($e: String!) { derivedCurve(expression: $e, asOf: "2025-02-13") {
        lineage { complete nodes { id kind label } edges { source target step } }
        inputs { curve { id } snapshot { source { id } run { id } } } } }"""
    found = (await ask(query, e=f"[{GERMAN}] - at([{GERMAN}], 2025-02-12) + [{TTF}]"))["data"]["derivedCurve"]
    edges = {(each["source"], each["target"], each["step"]) for each in found["lineage"]["edges"]}
    due = set()
    for each in found["inputs"]:
        file, run = each["snapshot"]["source"]["id"], each["snapshot"]["run"]["id"]
        due |= {(file, run, "READ"), (run, each["curve"]["id"], "PUBLISHED")}
    assert edges == due
    kinds = [node["kind"] for node in found["lineage"]["nodes"]]
    assert (kinds.count("CURVE"), kinds.count("RUN"), kinds.count("FILE")) == (2, 2, 2)
    assert {node["id"] for node in found["lineage"]["nodes"]} == {
        id_ for source, target, _ in edges for id_ in (source, target)
    }


async def test_the_vendors_spark_spread(ask: Ask) -> None:
    spark = "eugp:eu/german/power/base~spark_spread~german"
    curve = await derived(ask, f"spark([{GERMAN}], [eugp:eu/german/gas], 2.0) - [{spark}]")
    months = [point["value"] for point in curve["points"] if point["tenorType"] == "MONTH"]
    assert max(map(abs, months)) < 1e-9
    strips = {(point["gap"], point["gapCurve"]) for point in curve["points"] if point["tenorType"] != "MONTH"}
    assert strips == {("NO_PERIOD", spark)}  # the vendor has spreads of months only
    assert curve["factors"] == [{"function": "spark", "name": "heat_rate", "value": 2.0, "unitText": "1"}]


async def test_an_old_known_at_gets_the_old_answer(ask: Ask) -> None:
    now = await derived(ask, f"2 * [{TTF}]", asOf="2025-02-12")
    then = await derived(ask, f"2 * [{TTF}]", asOf="2025-02-12", knownAt="2025-02-13T07:39:59Z")
    assert [now["inputs"][0]["snapshot"]["version"], then["inputs"][0]["snapshot"]["version"]] == [2, 1]
    assert now["points"][1]["value"] == pytest.approx(199.0)
    assert then["points"][1]["value"] != pytest.approx(199.0)
    first = await mids(ask, TTF, asOf="2025-02-12", knownAt="2025-02-13T07:39:59Z")
    assert then["points"][1]["value"] == 2 * (first[1] or 0)
    extensions = await refused(ask, f"[{TTF}]", knownAt="2025-02-12T22:14:59Z")
    assert extensions["code"] == "NOT_FOUND"


async def test_units_are_those_known_then(ask: Ask) -> None:
    curve = (await ask(f'{{ curve(key: "{TTF}") {{ id }} }}'))["data"]["curve"]["id"]
    change = {"curveId": curve, "currency": "USD", "unit": "MMBtu", "reason": "the vendor said so"}
    await ask("mutation($i: SetUnitInput!) { setUnit(input: $i) { problems { code } } }", i=change)
    assert (await refused(ask, f"[{GERMAN}] - [{TTF}]"))["code"] == "NO_EXCHANGE_RATE"
    before = await derived(ask, f"[{GERMAN}] - [{TTF}]", knownAt="2025-02-14T23:00:00Z")
    assert before["unitText"] == "EUR/MWh"


async def test_another_day_and_another_month(ask: Ask) -> None:
    moved = await derived(ask, f"[{TTF}] - at([{TTF}], 2025-02-13)")
    assert [each["at"] for each in moved["inputs"]] == [None, "2025-02-13"]
    assert [each["snapshot"]["asOf"] for each in moved["inputs"]] == ["2025-02-14", "2025-02-13"]
    today, before = await mids(ask, TTF), await mids(ask, TTF, asOf="2025-02-13")
    due = [one - other for one, other in zip(today, before, strict=True)]  # type: ignore[operator]
    assert [point["value"] for point in moved["points"]] == due
    calendar = await derived(ask, f"shift([{TTF}], 1, month) - [{TTF}]")
    months = [point for point in calendar["points"] if point["tenorType"] == "MONTH"]
    assert months[0]["value"] == (today[1] or 0) - (today[0] or 0)
    assert (months[-1]["value"], months[-1]["gap"], months[-1]["gapCurve"]) == (None, "NO_PERIOD", TTF)


async def test_the_answer_in_another_unit_and_currency(ask: Ask) -> None:
    plain = await derived(ask, f"[{TTF}]")
    curve = await derived(ask, f"[{TTF}]", unit="MMBtu", currency="USD", fx="1.1 USD/EUR")
    assert (curve["currency"]["code"], curve["unit"]["code"]) == ("USD", "MMBtu")
    assert curve["expression"] == f"convert([{TTF}], USD/MMBtu, 1.1 USD/EUR)"
    factor = 1.1 * 1055.05585262 / 3600
    assert curve["points"][0]["value"] == pytest.approx(plain["points"][0]["value"] * factor, rel=1e-14)
    assert curve["conversions"][0]["source"] == "USD/MWh"
    assert "1055.05585262" in curve["conversions"][0]["reasons"][0]


@pytest.mark.parametrize(
    ("expression", "code", "says"),
    [
        ("[eugp:eu/eua/carbon] + [eugp:uk/nbp/gas]", "UNIT_MISMATCH", "EUR/tCO2"),
        ("[eugp:eu/dutch_ttf/gas] + [eugp:uk/nbp/gas]", "NO_EXCHANGE_RATE", "GBX/therm"),
        ("[eugp:eu/dutch_ttf/gаs]", "NOT_FOUND", "CYRILLIC SMALL LETTER A"),
        ("[nothing]", "NOT_FOUND", "[nothing]"),
        ("[eugp:eu/dutch_ttf/gas] +", "INVALID_EXPRESSION", "it ends, at 26"),
        ("1 + 1", "INVALID_EXPRESSION", "no curve"),
        ("[eugp:eu/dutch_ttf/gas] / 0", "INVALID_EXPRESSION", "zero"),
        ("(" * 4000, "INVALID_EXPRESSION", "32 deep"),
        ("[eugp:eu/dutch_ttf/gas]' OR 1=1 --", "INVALID_EXPRESSION", "no meaning at 24"),
    ],
)  # fmt: skip
async def test_a_refusal_has_a_code(ask: Ask, expression: str, code: str, says: str) -> None:
    extensions = await refused(ask, expression)
    assert extensions["code"] == code
    assert says in extensions["message"] + extensions.get("hint", "")


async def test_legacy_keys_are_refused_as_several_curves_may_share_one(ask: Ask) -> None:
    key = (await ask(f'{{ curve(key: "{TTF}") {{ legacyKey }} }}'))["data"]["curve"]["legacyKey"]
    extensions = await refused(ask, f"[{key}]")
    assert (extensions["code"], extensions["hint"]) == ("BAD_USER_INPUT", f"Write [{TTF}].")


async def test_too_many_curves_are_refused_before_any_is_read(ask: Ask, loaded: Services) -> None:
    statements = statements_from_here(loaded.database)
    extensions = await refused(ask, " + ".join(f"[c{at}]" for at in range(51)))
    assert (extensions["code"], statements) == ("INVALID_EXPRESSION", [])


@pytest.mark.parametrize("expression", [f"0.3 * [{GERMAN}] - (1/3) * ([{TTF}] - 1.7 EUR/MWh) * 0.7", f"[{TTF}] / 3"])
async def test_why_adds_up_to_the_value_to_the_last_bit(ask: Ask, expression: str) -> None:
    for start, end in (("2025-03-01", "2025-04-01"), ("2025-04-01", "2025-05-01")):
        why = (await ask(WHY, e=expression, start=start, end=end))["data"]["derivedCurve"]["why"]
        total = 0.0
        for term in why["terms"]:
            assert term["contribution"] == term["weight"] * term["price"]
            assert term["cell"].startswith("Fixed Prices - Mid!")
            total += term["contribution"]
        assert total + why["constant"] == why["value"]


async def test_why_of_a_period_of_one_kind_and_of_none(ask: Ask) -> None:
    year = {"e": f"[{TTF}]", "start": "2025-01-01", "end": "2026-01-01"}
    why = (await ask(WHY, **year))["data"]["derivedCurve"]["why"]
    assert (why["tenorType"], why["gap"]) == ("CALENDAR", None)
    assert (await ask(WHY, **year, type="MONTH"))["data"]["derivedCurve"]["why"] is None


STRIPS = """strips(granularity: [QUARTER, CALENDAR]%s) {
    label weighting coverage monthCount quotedMonthCount mid bid ask vendorTenor vendorMid vendorDifference
    inputs { tenor mid weight } missing { deliveryStart reason } }"""


async def test_strips_of_a_spread_are_the_spread_of_the_strips(ask: Ask) -> None:
    query = "query($e: String!) { derivedCurve(expression: $e) { %s } }" % (STRIPS % "")
    spread, power, gas = [
        (await ask(query, e=expression))["data"]["derivedCurve"]["strips"]
        for expression in (f"[{GERMAN}] - 2 * [{TTF}]", f"[{GERMAN}]", f"[{TTF}]")
    ]
    assert [each["label"] for each in spread] == ["Q1 2025", "Q2 2025", "Calendar 2025"]
    own = await ask("query($k: String!) { curve(key: $k) { snapshot { %s } } }" % (STRIPS % ""), k=GERMAN)
    assert power == own["data"]["curve"]["snapshot"]["strips"]
    for found, p, g in zip(spread, power, gas, strict=True):
        assert found["mid"] == pytest.approx(p["mid"] - 2 * g["mid"], abs=1e-9)
        assert found["bid"] == pytest.approx(p["bid"] - 2 * g["ask"], abs=1e-9)
        assert (found["coverage"], found["missing"]) == (p["coverage"], p["missing"])
    assert spread[2]["vendorMid"] == pytest.approx(power[2]["vendorMid"] - 2 * gas[2]["vendorMid"], abs=1e-9)


async def test_off_peak_is_weighted_by_its_hours(ask: Ask) -> None:
    """March to May 2025: 491, 456 and 480 hours; holidays are of the peak."""
    query = """query($e: String!) { derivedCurve(expression: $e) { points(tenorTypes: [MONTH]) { tenor value }
        strip(delivery: {start: "2025-03-01", end: "2025-06-01"}, weighting: HOURS) { mid } } }"""
    peak = GERMAN.replace("base", "peak")
    found = (await ask(query, e=f"off_peak([{GERMAN}], [{peak}])"))["data"]["derivedCurve"]
    values = {each["tenor"]: each["value"] for each in found["points"]}
    hours = {"2025-03": 743 - 21 * 12, "2025-04": 720 - 22 * 12, "2025-05": 744 - 22 * 12}
    due = sum(values[month] * count for month, count in hours.items()) / sum(hours.values())
    assert found["strip"]["mid"] == pytest.approx(due, abs=1e-9)
    for expression in (f"[{GERMAN}] - 2 * [{TTF}]", f"[{GERMAN}] - [{peak}]"):
        (error,) = (await ask(query, e=expression))["errors"]
        assert error["extensions"]["code"] == "NO_BLOCK_HOURS"


async def test_a_strip_of_whole_months_only(ask: Ask) -> None:
    query = """query($e: String!) { derivedCurve(expression: $e) {
        strip(delivery: {start: "2025-03-02", end: "2025-06-01"}) { mid } } }"""
    (error,) = (await ask(query, e=f"2 * [{TTF}]"))["errors"]
    assert error["extensions"]["code"] == "BAD_USER_INPUT"


async def test_strips_of_derived_curves_read_nothing_more(ask: Ask, loaded: Services) -> None:
    query = "query($e: String!) { derivedCurve(expression: $e) { columns { value } %s } }"
    await ask(query % "", e=f"[{GERMAN}] - 2 * [{TTF}]")
    statements = statements_from_here(loaded.database)
    counts = []
    for strips in ("", STRIPS % "", STRIPS % ", weighting: EQUAL, seasons: GAS"):
        statements.clear()
        assert "errors" not in await ask(query % strips, e=f"[{GERMAN}] - 2 * [{TTF}]")
        counts.append(len([each for each in statements if each.lstrip().startswith(("SELECT", "WITH"))]))
    assert counts[0] > 0
    assert counts == counts[:1] * 3, statements


async def test_all_curves_of_an_expression_are_read_together(ask: Ask, loaded: Services) -> None:
    """However many they are, and of whatever days."""
    query = '{ curves(filter: {products: ["power"], currencies: ["EUR"], measures: [PRICE]}) { nodes { key } } }'
    found = await ask(query)
    keys = [node["key"] for node in found["data"]["curves"]["nodes"]]
    assert len(keys) >= 20
    await derived(ask, f"[{keys[0]}]", asOf="2025-02-13")  # shared tenor grids are kept once they are read
    statements = statements_from_here(loaded.database)
    query = "query($e: String!, $asOf: Date) { derivedCurve(expression: $e, asOf: $asOf) { columns { value } } }"
    counts = []
    for few in (keys[1:3], keys[3:20]):
        expression = "basket(" + ", ".join(f"0.1, [{key}] - at([{key}], 2025-02-12)" for key in few) + ")"
        statements.clear()
        assert "errors" not in await ask(query, e=expression, asOf="2025-02-13")
        asked = [each for each in statements if each.lstrip().startswith(("SELECT", "WITH"))]
        counts.append((len(asked), len([each for each in asked if "snapshots" in each])))
    # curves, the head of the events, units, snapshots: of both days with one statement
    assert counts == [(4, 1), (4, 1)], statements
