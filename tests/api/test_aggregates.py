"""Aggregates as GraphQL answers them, on SQLite and on PostgreSQL."""

from __future__ import annotations

import statistics
from typing import Any

import pytest

from aurum.services import Services
from tests.api.conftest import Ask
from tests.statements import statements_from_here

pytestmark = pytest.mark.usefixtures("loaded")
ASK = """query ($asOf: DateRange!, $knownAt: DateTime, $by: AggregateGrouping, $measures: [AggregateMeasure!],
    $percentiles: [Float!], $filter: CurveFilter, $currency: String, $unit: String, $fx: [String!],
    $first: Int, $after: String) {
  aggregate(asOf: $asOf, knownAt: $knownAt, groupBy: $by, measures: $measures, percentiles: $percentiles,
      filter: $filter, currency: $currency, unit: $unit, fx: $fx, first: $first, after: $after) {
    curveCount snapshotCount pageInfo { hasNextPage endCursor }
    nodes { keys { dimension value } measure currency { code } unit { code } curve { key } asOf { first last }
      delivery { label deliveryStart deliveryEnd } count missing mean hourWeightedMean minimum maximum
      standardDeviation percentiles { percent value } } } }"""
TTF = {"keys": ["eugp:eu/dutch_ttf/gas"]}
WEEK = {"first": "2025-02-10", "last": "2025-02-16"}


async def rows(ask: Ask, **variables: Any) -> Any:
    answer = await ask(ASK, **({"asOf": WEEK} | variables))
    assert "errors" not in answer, answer["errors"]
    return answer["data"]["aggregate"]


async def test_a_week_of_a_curve_by_delivery(ask: Ask) -> None:
    """The same as the curve's own snapshots come to; the corrected 12th as it is known now, and as it was."""
    by = {"dimensions": ["LOCATION"], "delivery": "MONTH", "asOf": "WEEK"}
    found = await rows(ask, filter=TTF, by=by, percentiles=[50])
    answer = await ask(
        """{ curve(key: "eugp:eu/dutch_ttf/gas") { snapshots(asOf: {first: "2025-02-10", last: "2025-02-16"}) { nodes {
          points(tenorTypes: [MONTH]) { tenor mid } } } } }"""
    )
    days = [day["points"] for day in answer["data"]["curve"]["snapshots"]["nodes"]]
    march = [point["mid"] for day in days for point in day if point["tenor"] == "2025-03"]
    row = found["nodes"][1]
    assert row["delivery"] == {"label": "2025-03", "deliveryStart": "2025-03-01", "deliveryEnd": "2025-04-01"}
    assert (row["keys"], row["asOf"]) == ([{"dimension": "LOCATION", "value": "Dutch_TTF"}], WEEK)
    assert (row["measure"], row["currency"], row["unit"], row["curve"]) == (
        "PRICE",
        {"code": "EUR"},
        {"code": "MWh"},
        None,
    )
    assert (row["count"], row["maximum"], row["hourWeightedMean"]) == (3, 99.5, None)
    assert row["mean"] == pytest.approx(statistics.fmean(march))
    assert row["standardDeviation"] == pytest.approx(statistics.stdev(march))
    assert row["percentiles"] == [{"percent": 50, "value": pytest.approx(statistics.median(march))}]
    before = await rows(ask, filter=TTF, by=by, knownAt="2025-02-13T00:00:00Z")
    assert before["nodes"][1]["count"] == 1
    assert before["nodes"][1]["mean"] < 99.5


async def test_curves_of_several_currencies_are_pooled_at_a_rate(ask: Ask) -> None:
    ttf = {"keys": ["eugp:eu/dutch_ttf/gas", "eugp:eu/dutch_ttf_usdmmbtu/gas"]}
    euros, dollars = (await rows(ask, filter=ttf))["nodes"]
    both = {"currency": "USD", "unit": "MWh", "fx": ["1.25 USD/EUR"]}
    (found,) = (await rows(ask, filter=ttf, **both))["nodes"]
    assert (found["currency"], found["unit"]) == ({"code": "USD"}, {"code": "MWh"})
    assert found["count"] == euros["count"] + dollars["count"]
    sums = 1.25 * euros["mean"] * euros["count"] + 3.412141633 * dollars["mean"] * dollars["count"]
    assert found["mean"] == pytest.approx(sums / found["count"], rel=1e-9)
    alike = await ask(ASK, asOf=WEEK, filter=ttf, currency="USD", unit="MWh 1.25 USD/EUR")  # said as what is kept
    assert alike["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"


async def test_a_whole_vendor_by_hours_on_pages(ask: Ask) -> None:
    power = {"products": ["power"], "measures": ["PRICE"], "locations": ["German", "French", "Dutch", "Italy", "UK"]}
    asked = {"filter": power, "by": {"curve": True, "asOf": "MONTH"}, "measures": ["HOUR_WEIGHTED_MEAN"]}
    whole = (await rows(ask, **asked, first=500))["nodes"]
    assert len({row["curve"]["key"] for row in whole}) == len(whole) > 5
    assert all(row["hourWeightedMean"] and row["mean"] is None for row in whole)
    found, after = [], None
    while True:
        page = await rows(ask, **asked, first=4, after=after)
        found += page["nodes"]
        if not page["pageInfo"]["hasNextPage"]:
            break
        after = page["pageInfo"]["endCursor"]
    assert found == whole


@pytest.mark.parametrize(
    ("variables", "code"),
    [
        ({"percentiles": [101]}, "BAD_USER_INPUT"),
        ({"percentiles": list(range(21))}, "BAD_USER_INPUT"),
        ({"unit": "bbl"}, "UNIT_MISMATCH"),
        ({"currency": "EUR", "unit": "MWh"}, "NO_EXCHANGE_RATE"),
        ({"currency": "EUR", "fx": ["1.25"]}, "INVALID_EXPRESSION"),
        ({"fx": ["1.25 USD/EUR"]}, "BAD_USER_INPUT"),
        ({"knownAt": "2025-02-13T00:00:00"}, "BAD_USER_INPUT"),
        ({"filter": {"products": ["carbon"]}, "measures": ["HOUR_WEIGHTED_MEAN"]}, "NO_BLOCK_HOURS"),
        ({"asOf": {"first": "2025-02-14", "last": "2025-02-13"}}, "BAD_USER_INPUT"),
        ({"after": "x"}, "INVALID_CURSOR"),
        ({"first": 5001}, "BAD_USER_INPUT"),
    ],
)
async def test_refusals_say_why(ask: Ask, variables: dict[str, Any], code: str) -> None:
    answer = await ask(ASK, **({"asOf": WEEK} | variables))
    assert answer["errors"][0]["extensions"]["code"] == code


async def test_a_refusal_names_what_the_question_has(ask: Ask) -> None:
    """Not the arguments of other fields: there is no `weighting` here, and no expression to write `convert` in."""
    carbon = {"filter": {"products": ["carbon"]}, "measures": ["HOUR_WEIGHTED_MEAN"]}
    (error,) = (await ask(ASK, asOf=WEEK, **carbon))["errors"]
    assert (error["extensions"]["field"], "MEAN" in error["extensions"]["hint"]) == ("measures", True)
    assert "EQUAL" not in error["extensions"]["hint"]
    (error,) = (await ask(ASK, asOf=WEEK, currency="EUR", unit="MWh"))["errors"]
    assert error["extensions"]["hint"].startswith("Give how many EUR one USD is, such as `1.08 EUR/USD`: as `fx`")


async def test_it_takes_a_fixed_number_of_statements(ask: Ask, services: Services) -> None:
    by = {"dimensions": ["LOCATION", "BLOCK"], "delivery": "MONTH", "asOf": "DAY"}
    await rows(ask, by=by)  # grids and catalogue are known from now on
    statements = statements_from_here(services.database)
    for more, most in [({}, 3), ({"knownAt": "2025-02-20T00:00:00Z"}, 4)]:
        statements.clear()
        assert len((await rows(ask, by=by, first=100, **more))["nodes"]) == 100
        selects = [each for each in statements if each.lstrip().startswith(("SELECT", "WITH"))]
        assert len(selects) <= most, selects  # the newest event, curves, prices; the units as they were known
