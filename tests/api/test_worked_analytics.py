"""Two real days of a vendor, read by openpyxl and worked out in decimals, beside what GraphQL answers of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import openpyxl
import pytest

from aurum.auth import local_principal
from aurum.ingestion.service import Submission
from aurum.services import Services
from aurum.settings import Settings
from tests.api.conftest import Ask, said

DAYS = ("2025-02-12", "2025-02-13")
Prices = dict[date, Decimal]  # of months, by their first day
Book = dict[str, Prices]  # by curve
BASE, PEAK, GAS, CARBON = (
    f"eugp:eu/{of}" for of in ("german/power/base", "german/power/peak", "german/gas", "eua/carbon")
)
MWH = Decimal(3600) / Decimal("1055.05585262")  # in MMBtu
IN_EUR_PER_MWH = {"usdmmbtu": MWH / Decimal("1.08"), "nbp/": MWH / 10 / Decimal("0.83")}  # a therm is 0.1 MMBtu


def book_of(path: Path) -> Book:
    """Months of the sheet `Fixed Prices - Mid`: a curve is a column, named by its rows 6 to 8."""
    rows = list(openpyxl.load_workbook(path)["Fixed Prices - Mid"].iter_rows(values_only=True))
    book: Book = {}
    for column in range(2, len(rows[5])):
        market, place, block = (str(rows[row][column]).strip().lower() for row in (5, 6, 7))
        product = {"na": "gas", "emissions": "carbon"}.get(block, f"power/{block}")
        months = {row[1].date(): Decimal(repr(row[column])) for row in rows[11:] if isinstance(row[1], datetime)}
        book[f"eugp:{market}/{place.replace('/', '%2f')}/{product}"] = months
    return book


@pytest.fixture
async def books(services: Services, vendor_files: Path) -> list[Book]:
    us = local_principal(Settings().auth, "test")
    files = [vendor_files / f"EOD_EUGP_{day.replace('-', '')}_1430.xlsx" for day in DAYS]
    for file in files:
        await services.ingestion.ingest(us, Submission(file.read_bytes(), file.name, "test"))
    return [book_of(file) for file in files]


def after(month: date) -> date:
    return (month + timedelta(32)).replace(day=1)


@cache
def hours(month: date, *, peak: bool) -> int:
    """From hour to hour of Germany: all, or those from 8 to 20 o'clock on weekdays."""
    zone, count = ZoneInfo("Europe/Berlin"), 0
    begin, end = (datetime(day.year, day.month, 1, tzinfo=zone).astimezone(UTC) for day in (month, after(month)))
    while begin < end:
        local, begin = begin.astimezone(zone), begin + timedelta(hours=1)
        count += not peak or (local.weekday() < 5 and 8 <= local.hour < 20)
    return count


def weighed(prices: Iterable[tuple[Decimal, int]]) -> Decimal:
    both = list(prices)
    return sum((price * weight for price, weight in both), Decimal(0)) / sum(weight for _, weight in both)


def close(wanted: Decimal) -> Any:
    return pytest.approx(float(wanted), rel=1e-12, abs=1e-12)


@pytest.mark.parametrize(("key", "peak"), [(BASE, False), (PEAK, True)])
async def test_strips_weigh_months_by_the_hours_of_their_block(
    books: list[Book], ask: Ask, key: str, peak: bool
) -> None:
    query = """query($key: String!) { curve(key: $key) { snapshot { strips(weighting: HOURS, seasons: GAS,
        granularity: [QUARTER, SEASON, CALENDAR, GAS_YEAR, BALANCE]) { label deliveryStart deliveryEnd mid } } } }"""
    strips = (await said(ask, query, key=key))["snapshot"]["strips"]
    assert len(strips) > 80
    for strip in strips:
        inside = [each for each in books[1][key] if strip["deliveryStart"] <= str(each) < strip["deliveryEnd"]]
        wanted = weighed((books[1][key][each], hours(each, peak=peak)) for each in inside)
        assert strip["mid"] == close(wanted), strip["label"]


CLEAN_SPARK = f"convert(clean_spark([{BASE}], [{GAS}], [{CARBON}], 2, 0.404 tCO2/MWh), USD/MMBtu, 1.08 USD/EUR)"


def off_peak(book: Book, month: date) -> Decimal:
    every, some = hours(month, peak=False), hours(month, peak=True)
    return (book[BASE][month] * every - book[PEAK][month] * some) / (every - some)


def clean_spark(book: Book, month: date) -> Decimal:
    spread = book[BASE][month] - 2 * book[GAS][month] - Decimal("0.404") * book[CARBON][month]
    return spread * Decimal("1.08") / MWH


@pytest.mark.parametrize(
    ("expression", "worked"),
    [
        (f"off_peak([{BASE}], [{PEAK}])", off_peak),
        (CLEAN_SPARK, clean_spark),
    ],
    ids=["off-peak", "clean spark"],
)  # fmt: skip
async def test_spreads_with_units_and_currencies(
    books: list[Book], ask: Ask, expression: str, worked: Callable[[Book, date], Decimal]
) -> None:
    query = """query($expression: String!) { derivedCurve(expression: $expression) {
        points(tenorTypes: [MONTH]) { deliveryStart value } } }"""
    points = (await said(ask, query, expression=expression))["points"]
    assert len(points) == 121
    for point in points:
        assert point["value"] == close(worked(books[1], date.fromisoformat(point["deliveryStart"])))


def moves(books: list[Book]) -> Iterator[tuple[Decimal, str, str]]:
    for key in (each for each in books[0] if each.endswith("/gas")):
        factor = next((of for part, of in IN_EUR_PER_MWH.items() if part in key), Decimal(1))
        for month in books[0][key].keys() & books[1][key].keys():
            yield (books[1][key][month] - books[0][key][month]) * factor, key, str(month)


async def test_a_book_of_euros_pence_and_dollars_is_ranked_in_one_unit(books: list[Book], ask: Ask) -> None:
    query = """query($from: SnapshotRef!, $to: SnapshotRef!) { movers(from: $from, to: $to, first: 400,
        filter: {commodities: ["gas"]}, tenorTypes: [MONTH], onePerCurve: false, currency: "EUR", unit: "MWh",
        fx: ["1.08 USD/EUR", "0.83 GBP/EUR"]) { nodes { curve { key } deliveryStart change } } }"""
    found = (await said(ask, query, **{"from": {"asOf": DAYS[0]}, "to": {"asOf": DAYS[1]}}))["nodes"]
    worked = {(key, month): change for change, key, month in moves(books)}
    assert {each["curve"]["key"].split("/")[1] for each in found} >= {"nbp", "nbp_usdmmbtu", "dutch_ttf"}
    for node in found:
        assert node["change"] == close(worked[node["curve"]["key"], node["deliveryStart"]])
    assert all(abs(one["change"]) >= abs(other["change"]) for one, other in pairwise(found))
    smallest = abs(Decimal(repr(found[-1]["change"]))) + Decimal("1e-12")
    assert sum(abs(change) > smallest for change in worked.values()) <= len(found)


async def test_what_many_prices_come_to(books: list[Book], ask: Ask) -> None:
    query = """{ aggregate(filter: {keys: ["%s", "%s"]}, asOf: {first: "%s", last: "%s"}, percentiles: [33.3, 95],
        measures: [MEAN, HOUR_WEIGHTED_MEAN], groupBy: {delivery: QUARTER}, first: 100) {
        nodes { delivery { deliveryStart deliveryEnd } count mean hourWeightedMean
          percentiles { percent value } } } }"""
    rows = (await said(ask, query % (BASE, PEAK, *DAYS)))["nodes"]
    assert len(rows) == 41
    for row in rows:
        inside = [
            (price, hours(month, peak=key == PEAK))
            for book in books for key in (BASE, PEAK) for month, price in book[key].items()
            if row["delivery"]["deliveryStart"] <= str(month) < row["delivery"]["deliveryEnd"]
        ]  # fmt: skip
        assert (row["count"], row["mean"]) == (len(inside), close(weighed((price, 1) for price, _ in inside)))
        assert row["hourWeightedMean"] == close(weighed(inside))
        ordered = sorted(price for price, _ in inside)
        for each in row["percentiles"]:
            at = (len(ordered) - 1) * Decimal(repr(each["percent"])) / 100
            low, high = ordered[int(at)], ordered[min(int(at) + 1, len(ordered) - 1)]
            assert each["value"] == close(low + (at - int(at)) * (high - low))
