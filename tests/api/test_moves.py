"""Strips, differences, movers and rolling contracts as GraphQL answers them, on SQLite and on PostgreSQL."""

from __future__ import annotations

import json
from typing import Any

import pytest

from aurum.services import Services
from tests.api.conftest import Ask, data
from tests.statements import statements_from_here

pytestmark = pytest.mark.usefixtures("loaded")
TTF = "eugp:eu/dutch_ttf/gas"


async def curve(ask: Ask, fields: str, **variables: Any) -> Any:
    return (await data(ask, f'{{ curve(key: "{TTF}") {{ {fields} }} }}', **variables))["curve"]


async def test_strips_say_what_they_are_made_of(ask: Ask) -> None:
    """The demo's curves have four months, February to May 2025, and the vendor's strips of them."""
    found = await curve(
        ask,
        """snapshot(asOf: "2025-02-13") { points(tenorTypes: [MONTH]) { tenor mid }
          strips(granularity: [QUARTER, CALENDAR]) { label granularity deliveryStart deliveryEnd weighting coverage
            monthCount quotedMonthCount mid bid ask vendorTenor vendorMid vendorDifference
            inputs { tenor mid weight } missing { deliveryStart reason } } }""",
    )
    mids = {point["tenor"]: point["mid"] for point in found["snapshot"]["points"]}
    first, second, year = found["snapshot"]["strips"]
    assert (first["label"], first["coverage"], first["weighting"]) == ("Q1 2025", "BALANCE", "EQUAL")
    assert first["missing"] == [{"deliveryStart": "2025-01-01", "reason": "DELIVERED"}]
    assert first["mid"] == pytest.approx((mids["2025-02"] + mids["2025-03"]) / 2, abs=1e-12)
    assert first["bid"] < first["mid"] < first["ask"]
    assert [each["weight"] for each in first["inputs"]] == [0.5, 0.5]
    assert (second["coverage"], second["monthCount"], second["quotedMonthCount"]) == ("PARTIAL", 3, 2)
    assert second["missing"] == [{"deliveryStart": "2025-06-01", "reason": "NOT_LISTED"}]
    assert (year["label"], year["monthCount"], year["quotedMonthCount"]) == ("Calendar 2025", 12, 4)
    assert sum(each["weight"] * each["mid"] for each in year["inputs"]) == pytest.approx(year["mid"], abs=1e-12)


async def test_a_strip_of_a_range_of_ones_own(ask: Ask) -> None:
    query = 'snapshot { strip(delivery: {start: "%s", end: "%s"}) { label granularity coverage mid inputs { tenor } } }'
    strip = (await curve(ask, query % ("2025-03-01", "2025-05-01")))["snapshot"]["strip"]
    assert (strip["label"], strip["granularity"], strip["coverage"]) == ("2025-03 to 2025-04", None, "COMPLETE")
    assert [each["tenor"] for each in strip["inputs"]] == ["2025-03", "2025-04"]
    for start, end in [("2025-03-02", "2025-05-01"), ("2025-03-01", "2025-03-01"), ("2025-01-01", "2125-01-01")]:
        answer = await ask(f'{{ curve(key: "{TTF}") {{ {query % (start, end)} }} }}')
        assert answer["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"


async def test_hours_are_refused_where_no_calendar_knows_them(ask: Ask) -> None:
    query = "snapshot { strips(granularity: [QUARTER], weighting: HOURS) { mid } }"
    answer = await ask(f'{{ curve(key: "eugp:eu/eua/carbon") {{ {query} }} }}')
    assert answer["errors"][0]["extensions"]["code"] == "NO_BLOCK_HOURS"


DIFF = """diff(from: %s, to: %s) { from { asOf version } to { asOf version } currency { code } unit { code }
    points(tenorTypes: [MONTH]) {
      tenor status fromMid toMid change percent market restatement rollOff listing unitMove }
    move { pointCount from to total market restatement rollOff listing unitMove } }"""


async def test_a_restatement_is_told_from_a_move_of_the_market(ask: Ask) -> None:
    """The 12th was corrected on the 13th at 7:40: March at 99.5."""
    then, now = '{asOf: "2025-02-12", knownAt: "2025-02-13T07:39:59Z"}', '{asOf: "2025-02-13"}'
    diff = (await curve(ask, DIFF % (then, now)))["diff"]
    assert (diff["from"], diff["to"]) == ({"asOf": "2025-02-12", "version": 1}, {"asOf": "2025-02-13", "version": 1})
    assert (diff["currency"]["code"], diff["unit"]["code"]) == ("EUR", "MWh")
    march = diff["points"][1]
    assert march["restatement"] == pytest.approx(99.5 - march["fromMid"], abs=1e-9)
    assert march["market"] == pytest.approx(march["toMid"] - 99.5, abs=1e-9)
    assert march["market"] + march["restatement"] == pytest.approx(march["change"], abs=1e-9)
    assert march["percent"] == pytest.approx(100 * march["change"] / march["fromMid"], rel=1e-12)
    assert {point["restatement"] for point in diff["points"] if point["tenor"] != "2025-03"} == {0.0}
    move = diff["move"]
    parts = ("market", "restatement", "rollOff", "listing", "unitMove")
    assert sum(move[part] for part in parts) == pytest.approx(move["total"], abs=1e-9)
    assert move["total"] == pytest.approx(sum(point["change"] for point in diff["points"]), abs=1e-9)
    back = (await curve(ask, DIFF % (now, then)))["diff"]["move"]
    assert [back[part] for part in parts] == pytest.approx([-move[part] for part in parts], abs=1e-12)


async def test_the_same_snapshot_does_not_move(ask: Ask) -> None:
    diff = (await curve(ask, DIFF % ("{}", "{}")))["diff"]
    assert {point["status"] for point in diff["points"]} == {"UNCHANGED"}
    assert (diff["move"]["total"], diff["move"]["market"]) == (0.0, 0.0)
    none = (await curve(ask, DIFF % ('{asOf: "2020-01-01"}', "{}")))["diff"]
    assert none["from"] is None
    assert {point["status"] for point in none["points"]} == {"ADDED"}
    assert none["move"]["listing"] == pytest.approx(none["move"]["total"], abs=1e-9)


async def test_points_of_a_difference_are_chosen(ask: Ask) -> None:
    ends = 'from: {asOf: "2025-02-12", knownAt: "2025-02-13T00:00:00Z"}, to: {asOf: "2025-02-12"}'
    found = await curve(
        ask, f'diff({ends}) {{ points(statuses: [CHANGED], delivery: {{end: "2025-06-01"}}) {{ tenor toMid }} }}'
    )
    assert [point["tenor"] for point in found["diff"]["points"] if point["tenor"].startswith("2025")] == ["2025-03"]
    found = await curve(ask, f"diff({ends}) {{ move(tenorTypes: []) {{ total pointCount }} }}")
    assert found["diff"]["move"] == {"total": 0, "pointCount": 0}  # of no kind: not of months


async def test_numbers_of_two_units_are_brought_into_the_one_known_later(ask: Ask) -> None:
    """A unit that is set moves the difference with what was known before; nothing else."""
    id_ = (await curve(ask, "id"))["id"]
    before = (await data(ask, "{ __typename }")) and "2025-02-20T00:00:00Z"
    mutation = """mutation($id: ID!, $unit: String!) { setUnit(input: {curveId: $id, currency: "EUR", unit: $unit,
        reason: "a test"}) { problems { message } } }"""
    assert (await data(ask, mutation, id=id_, unit="kWh"))["setUnit"]["problems"] == []
    old, new = f'{{asOf: "2025-02-14", knownAt: "{before}"}}', '{asOf: "2025-02-14"}'
    diff = (await curve(ask, DIFF % (old, new)))["diff"]
    assert diff["unit"]["code"] == "kWh"
    point = diff["points"][0]
    assert point["fromMid"] == pytest.approx(point["toMid"] / 1000, rel=1e-12)  # 1 EUR/MWh is 0.001 EUR/kWh
    assert point["unitMove"] == pytest.approx(point["change"], abs=1e-12)
    assert point["market"] == point["restatement"] == 0.0
    assert (await data(ask, mutation, id=id_, unit="bbl"))["setUnit"]["problems"] == []
    answer = await ask(f'{{ curve(key: "{TTF}") {{ {DIFF % (old, new)} }} }}')
    assert answer["errors"][0]["extensions"]["code"] == "UNIT_MISMATCH"


EXCHANGED = """diff(from: %s, to: %s, currency: %s, unit: %s, fx: %s) { currency { code } unit { code } unconverted
    points(tenorTypes: [MONTH]) { tenor status fromMid toMid change market restatement rollOff listing unitMove fxMove }
    move { from to total market restatement rollOff listing unitMove fxMove } }"""
NBP, NBP_IN_DOLLARS = "eugp:uk/nbp/gas", "eugp:uk/nbp_usdmmbtu/gas"
PARTS = ("market", "restatement", "rollOff", "listing", "unitMove", "fxMove")


async def exchanged(ask: Ask, key: str, currency: str, unit: str, fx: str | None, first: str = "2025-02-12") -> Any:
    ends = f'{{asOf: "{first}"}}', '{asOf: "2025-02-13"}'
    arguments = [json.dumps(each) for each in (currency, unit, fx)]
    return await ask(f'{{ curve(key: "{key}") {{ {EXCHANGED % (*ends, *arguments)} }} }}')


async def test_a_difference_in_dollars_is_that_of_the_vendors_dollar_curve(ask: Ask) -> None:
    """EUGP quotes British gas in pence and in dollars, and with that an exchange rate of each month and day."""
    rate = f"[{NBP_IN_DOLLARS}] / convert([{NBP}], GBP/MMBtu)"
    answer = await exchanged(ask, NBP, "USD", "MMBtu", rate)
    assert "errors" not in answer, answer["errors"]
    diff = answer["data"]["curve"]["diff"]
    vendors = (await curve_diff(ask, NBP_IN_DOLLARS))["diff"]
    assert (diff["currency"]["code"], diff["unit"]["code"], diff["unconverted"]) == ("USD", "MMBtu", [])
    assert len(diff["points"]) == len(vendors["points"]) > 0
    for point, theirs in zip(diff["points"], vendors["points"], strict=True):
        assert (point["tenor"], point["fromMid"]) == (theirs["tenor"], pytest.approx(theirs["fromMid"], abs=1e-9))
        assert point["change"] == pytest.approx(theirs["change"], abs=1e-9)
        assert sum(point[part] for part in PARTS) == pytest.approx(point["change"], abs=1e-9)
    move = diff["move"]
    assert sum(move[part] for part in PARTS) == pytest.approx(move["total"], abs=1e-9)
    assert move["market"] != 0.0
    steady = (await exchanged(ask, NBP, "USD", "MMBtu", "1.25 USD/GBP"))["data"]["curve"]["diff"]["move"]
    assert steady["fxMove"] == 0.0


async def curve_diff(ask: Ask, key: str) -> Any:
    ends = '{asOf: "2025-02-12"}', '{asOf: "2025-02-13"}'
    return (await data(ask, f'{{ curve(key: "{key}") {{ {DIFF % ends} }} }}'))["curve"]


async def test_another_unit_takes_no_rate_and_another_currency_one_of_the_day(ask: Ask) -> None:
    answer = await exchanged(ask, NBP, "GBP", "MWh", None)
    pounds, pence = answer["data"]["curve"]["diff"]["move"], (await curve_diff(ask, NBP))["diff"]["move"]
    assert pounds["total"] == pytest.approx(0.01 * 34.12141633 * pence["total"], rel=1e-9)
    assert pounds["market"] == pytest.approx(pounds["total"], rel=1e-9)
    codes = {
        (None, "2025-02-12"): "NO_EXCHANGE_RATE",
        ("1.25", "2025-02-12"): "NO_EXCHANGE_RATE",
        ("1.25 USD/EUR", "2025-02-12"): "NO_EXCHANGE_RATE",
        ("0 USD/GBP", "2025-02-12"): "INVALID_EXPRESSION",
        ("at([eugp:nowhere], 2025-02-12)", "2025-02-12"): "NOT_FOUND",
    }
    for (fx, first), code in codes.items():
        answer = await exchanged(ask, NBP, "USD", "MMBtu", fx, first)
        told = answer["errors"][0]["extensions"]
        assert told["code"] == code, fx
        assert code != "NO_EXCHANGE_RATE" or "how many USD one GBP is, such as `1.08 USD/GBP`" in told["hint"], fx
    answer = await exchanged(ask, NBP, "GBP", "MWh", "1.25 USD/GBP")
    assert answer["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"


async def test_a_currency_that_is_corrected_takes_a_rate_too(ask: Ask) -> None:
    """Since somebody says that TTF is in dollars its numbers of before, in euros, have moved by the rate alone."""
    id_ = (await curve(ask, "id"))["id"]
    mutation = """mutation($id: ID!) { setUnit(input: {curveId: $id, currency: "USD", unit: "MWh",
        reason: "a test"}) { problems { message } } }"""
    assert (await data(ask, mutation, id=id_))["setUnit"]["problems"] == []
    ends = '{asOf: "2025-02-14", knownAt: "2025-02-20T00:00:00Z"}', '{asOf: "2025-02-14"}'
    answer = await ask(f'{{ curve(key: "{TTF}") {{ {DIFF % ends} }} }}')
    told = answer["errors"][0]["extensions"]
    assert (told["code"], "how many USD one EUR is" in told["hint"]) == ("NO_EXCHANGE_RATE", True)
    diff = (await curve(ask, EXCHANGED % (*ends, '"USD"', "null", '"1.25 USD/EUR"')))["diff"]
    point = diff["points"][0]
    assert point["fromMid"] == pytest.approx(1.25 * point["toMid"], rel=1e-12)
    assert point["unitMove"] == pytest.approx(point["change"], rel=1e-12)
    assert point["market"] == point["fxMove"] == 0.0


MOVERS = """query($from: SnapshotRef!, $to: SnapshotRef!, $by: MoveMeasure, $after: String, $first: Int,
      $one: Boolean) { movers(filter: {products: ["gas"]}, from: $from, to: $to, by: $by, first: $first, after: $after,
        onePerCurve: $one, tenorTypes: [MONTH]) {
      curveCount comparedCount pageInfo { hasNextPage endCursor }
      nodes { curve { key } tenor fromMid toMid change percent fromAsOf toAsOf
        deviation { zScore moves steps absence } } } }"""
ENDS: dict[str, Any] = {"from": {"asOf": "2025-02-12"}, "to": {"asOf": "2025-02-13"}}


async def test_the_biggest_moves_come_first(ask: Ask) -> None:
    found = (await data(ask, MOVERS, **ENDS, by="ABSOLUTE", first=20, one=True))["movers"]
    assert (found["curveCount"], found["comparedCount"]) == (11, 11)
    sizes = [abs(node["change"]) for node in found["nodes"]]
    assert sizes == sorted(sizes, reverse=True)
    top = found["nodes"][0]
    assert (top["curve"]["key"], top["tenor"], top["fromMid"]) == (TTF, "2025-03", 99.5)
    assert top["deviation"] == {"zScore": None, "moves": 0, "steps": 1, "absence": "TOO_FEW_DAYS"}
    everything = (await data(ask, MOVERS, **ENDS, by="PERCENT", first=500, one=False))["movers"]["nodes"]
    assert len(everything) == 44
    paged: list[Any] = []
    after = None
    while True:
        page = (await data(ask, MOVERS, **ENDS, by="PERCENT", first=7, one=False, after=after))["movers"]
        paged += page["nodes"]
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            break
    assert paged == everything
    answer = await ask(MOVERS, **ENDS, by="ABSOLUTE", one=False, after=after)
    assert answer["errors"][0]["extensions"]["code"] == "INVALID_CURSOR"


@pytest.mark.parametrize(("by", "most"), [("ABSOLUTE", 4), ("ZSCORE", 4)])
async def test_movers_of_a_whole_book_take_a_fixed_number_of_statements(
    ask: Ask, services: Services, by: str, most: int
) -> None:
    query = """query($from: SnapshotRef!, $to: SnapshotRef!, $by: MoveMeasure) {
        movers(from: $from, to: $to, by: $by, first: 50) { nodes { curve { key } deviation { zScore } } } }"""
    await data(ask, query, **{"from": ENDS["from"], "to": ENDS["from"]}, by=by)
    statements = statements_from_here(services.database)
    # the newest event, both ends at once, the days before, the steps; once more, and the ends are kept
    for count in (most, most - 1):
        statements.clear()
        found = await data(ask, query, **ENDS, by=by)
        assert len(found["movers"]["nodes"]) == 50
        selects = [each for each in statements if each.lstrip().startswith(("SELECT", "WITH"))]
        assert len(selects) == count, selects


IN_ONE = """query($currency: String, $unit: String, $fx: [String!], $knownAt: DateTime, $after: String) {
    movers(filter: {keys: ["eugp:eu/dutch_ttf/gas", "eugp:eu/dutch_ttf_usdmmbtu/gas"]},
        from: {asOf: "2025-02-12", knownAt: $knownAt}, to: {asOf: "2025-02-13"}, tenorTypes: [MONTH],
        onePerCurve: false, first: 3, after: $after, currency: $currency, unit: $unit, fx: $fx) {
      pageInfo { endCursor } nodes { curve { key } fromMid toMid change currency { code } unit { code } } } }"""


async def test_movers_say_what_they_are_in_and_convert(ask: Ask, services: Services) -> None:
    own = (await data(ask, IN_ONE))["movers"]["nodes"]
    codes = {each["curve"]["key"]: (each["currency"]["code"], each["unit"]["code"]) for each in own}
    assert codes[TTF] == ("EUR", "MWh")
    asked: dict[str, Any] = {"currency": "USD", "unit": "MMBtu", "fx": ["1.25 USD/EUR"]}
    found = (await data(ask, IN_ONE, **asked))["movers"]
    assert {(each["currency"]["code"], each["unit"]["code"]) for each in found["nodes"]} == {("USD", "MMBtu")}
    top = next(each for each in found["nodes"] if each["curve"]["key"] == TTF)
    assert top["fromMid"] == pytest.approx(99.5 * 1.25 / 3.412141633, rel=1e-9)
    assert top["change"] == top["toMid"] - top["fromMid"]
    after = found["pageInfo"]["endCursor"]
    assert (await data(ask, IN_ONE, **asked, after=after))["movers"]["nodes"]
    refused = {
        "INVALID_CURSOR": asked | {"fx": ["1.26 USD/EUR"], "after": after},
        "NO_EXCHANGE_RATE": {"currency": "USD"},
        "UNIT_MISMATCH": {"unit": "tCO2"},
        "INVALID_EXPRESSION": asked | {"fx": ["1.25"]},
        "BAD_USER_INPUT": {"unit": "MWh", "fx": ["1.25 USD/EUR"]},
    }
    for code, variables in refused.items():
        assert (await ask(IN_ONE, **variables))["errors"][0]["extensions"]["code"] == code


async def test_differences_of_many_curves_take_a_fixed_number_of_statements(ask: Ask, services: Services) -> None:
    query = """query($first: Int!, $knownAt: DateTime) { curves(first: $first) { nodes {
        diff(from: {asOf: "2025-02-12", knownAt: $knownAt}, to: {}) { move { total } } } } }"""
    await data(ask, query, first=50)
    statements = statements_from_here(services.database)
    counts = []
    for first in (5, 50, 50):
        statements.clear()
        await data(ask, query, first=first, knownAt="2025-02-13T00:00:00Z")
        counts.append(len([each for each in statements if each.lstrip().startswith(("SELECT", "WITH"))]))
    # the newest event, curves, both ends, units, the first end as it is known later; the page of fifty is known, and
    # so are two of its three days; at last all three
    assert counts == [6, 3, 2], statements


async def test_bid_and_ask_of_a_difference_are_read_wherever_they_are_needed(ask: Ask) -> None:
    ends = 'diff(from: {asOf: "2025-02-12"}, to: {asOf: "2025-02-13"})'
    plain = await curve(ask, f"{ends} {{ points {{ tenor status fromBid toAsk }} }}")
    points = plain["diff"]["points"]
    assert any(point["fromBid"] is not None and point["toAsk"] is not None for point in points)
    query = f"""{{ curve(key: "{TTF}") {{ {ends} {{ points {{ tenor }} ...Quoted }} }} }}
        fragment Quoted on CurveDiff {{ points {{ ... on PointDiff {{ status fromBid toAsk }} }} }}"""
    assert (await data(ask, query))["curve"] == plain
    chosen = await curve(ask, f"{ends} {{ points(statuses: [CHANGED]) {{ tenor }} }}")
    changed = [{"tenor": point["tenor"]} for point in points if point["status"] == "CHANGED"]
    assert chosen["diff"]["points"] == changed != []


async def test_a_rolling_contract_says_its_rule_and_marks_its_rolls(ask: Ask) -> None:
    query = """rollingHistory(contract: {contract: MONTH_AHEAD, daysBefore: 15}, asOf: {first: "2025-02-01"}) {
        rule rollDays points { asOf tenor deliveryStart mid rolled gap version } columns { asOf mid rolled } }"""
    found = (await curve(ask, query))["rollingHistory"]
    assert "the as-of date plus 15 days" in found["rule"]
    assert found["rollDays"] == ["2025-02-14"]  # 15 days later it is March
    assert [(each["tenor"], each["rolled"]) for each in found["points"]] == [
        ("2025-03", False), ("2025-03", False), ("2025-04", True),
    ]  # fmt: skip
    assert (found["points"][0]["mid"], found["points"][0]["version"]) == (99.5, 2)
    assert found["columns"]["mid"] == [point["mid"] for point in found["points"]]
    query = "rollingHistory(contract: {contract: CALENDAR_AHEAD}, asOf: {}) { points { tenor deliveryStart mid gap } }"
    first = (await curve(ask, query))["rollingHistory"]["points"][0]
    assert first == {"tenor": None, "deliveryStart": "2026-01-01", "mid": None, "gap": "NOT_LISTED"}


@pytest.mark.parametrize(
    ("contract", "field"),
    [
        ("contract: MONTH_AHEAD, nth: -1", "nth"),
        ("contract: MONTH_AHEAD, daysAhead: 60", "daysAhead"),
        ("contract: CALENDAR_AHEAD, seasons: GAS", "seasons"),
        ("contract: CONSTANT_TIME, nth: 2", "nth"),
        ("contract: CONSTANT_TIME, daysBefore: 5", "daysBefore"),
    ],
)
async def test_a_contract_is_refused_that_cannot_be_or_says_what_it_does_not_know(
    ask: Ask, contract: str, field: str
) -> None:
    answer = await ask(
        f'{{ curve(key: "{TTF}") {{ rollingHistory(contract: {{{contract}}}, asOf: {{}}) {{ rule }} }} }}'
    )
    told = answer["errors"][0]["extensions"]
    assert (told["code"], told["field"]) == ("BAD_USER_INPUT", field)


async def test_a_snapshot_that_is_not_as_good_as_it_has_to_be_is_refused(ask: Ask) -> None:
    query = """query($asOf: Date, $require: Require) { curve(key: "eugp:eu/dutch_ttf/gas") {
        snapshot(asOf: $asOf, require: $require) { asOf } } }"""
    good = {"maxAge": 2, "minCompleteness": 0.99, "notStale": True}
    assert (await data(ask, query, asOf="2025-02-16", require=good))["curve"]["snapshot"] == {"asOf": "2025-02-14"}
    answer = await ask(query, asOf="2025-02-17", require=good)
    assert answer["data"]["curve"]["snapshot"] is None
    (error,) = answer["errors"]
    assert error["extensions"] == {
        "code": "NOT_TRUSTED", "hint": error["extensions"]["hint"], "asOf": "2025-02-14",
        "failed": [
            {
                "requirement": "MAX_AGE", "found": 3, "required": 2,
                "message": "the newest as-of date is 2025-02-14, 3 days before 2025-02-17",
            }
        ],
    }  # fmt: skip
    answer = await ask(query, require={"maxAge": 10})  # of today
    assert answer["errors"][0]["extensions"]["code"] == "NOT_TRUSTED"
    answer = await ask(query, require={"minCompleteness": 1.5})
    assert answer["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"


async def test_of_many_snapshots_only_the_untrusted_are_refused(ask: Ask) -> None:
    query = """{ curves(first: 83) { nodes { key snapshot(asOf: "2025-02-12", require: {noFindings: true}) { version
        findings { severity } } } } }"""
    answer = await ask(query)
    nodes = answer["data"]["curves"]["nodes"]
    refused = [node["key"] for node in nodes if node["snapshot"] is None]
    assert len(answer.get("errors", [])) == len(refused) < len(nodes)
    served = [finding for node in nodes if node["snapshot"] for finding in node["snapshot"]["findings"]]
    assert {finding["severity"] for finding in served} <= {"INFO"}


@pytest.mark.parametrize(
    ("key", "hours"),
    [
        (TTF, (743, 720)),  # the gas day of 29 March has 23 hours
        ("eugp:eu/german/power/base", (743, 720)),
        ("eugp:eu/german/power/peak", (21 * 12, 22 * 12)),
    ],
)
async def test_hours_are_the_weights_where_a_calendar_knows_them(ask: Ask, key: str, hours: tuple[int, int]) -> None:
    query = """snapshot { points(tenorTypes: [MONTH]) { mid }
        strip(delivery: {start: "2025-03-01", end: "2025-05-01"}, weighting: HOURS) {
          weighting mid inputs { weight } } }"""
    found = (await ask(f'{{ curve(key: "{key}") {{ {query} }} }}'))["data"]["curve"]["snapshot"]
    _, march, april, _ = (point["mid"] for point in found["points"])
    assert found["strip"]["weighting"] == "HOURS"
    total = sum(hours)
    assert found["strip"]["mid"] == pytest.approx((hours[0] * march + hours[1] * april) / total, abs=1e-12)
    assert [each["weight"] for each in found["strip"]["inputs"]] == pytest.approx([each / total for each in hours])


@pytest.mark.parametrize("refused", ['unit: "tCO2"', 'currency: "USD"'])
async def test_what_is_refused_leaves_what_is_asked_beside_it_as_it_is(ask: Ask, refused: str) -> None:
    """What is under way when another one is refused is given up; it must not be given up for good."""
    other = 'b: diff(from: {asOf: "2025-02-11"}, to: {asOf: "2025-02-14"}) { move { total } }'
    wrong = f'a: diff(from: {{asOf: "2025-02-13"}}, to: {{asOf: "2025-02-14"}}, {refused}) {{ move {{ total }} }}'
    alone = await ask(f'{{ curve(key: "{TTF}") {{ {wrong} }} }}')
    for fields in (f"{wrong} {other}", f"{other} {wrong}"):
        answer = await ask(f'{{ curve(key: "{TTF}") {{ {fields} }} }}')
        assert answer["data"] == {"curve": None}
        assert [each["message"] for each in answer["errors"]] == [each["message"] for each in alone["errors"]]
