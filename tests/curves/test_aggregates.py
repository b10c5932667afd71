"""Aggregates by hand, against a plain loop, and against the vendor's own strips."""

from __future__ import annotations

import math
import statistics
from collections import defaultdict
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aurum.auth import Principal
from aurum.backends.paging import PageRequest
from aurum.curves import aggregates
from aurum.curves.aggregated import Aggregate
from aurum.curves.aggregates import AggregateAsked
from aurum.curves.analytics.buckets import AsOfBucket, DeliveryBucket, as_of_range, as_of_starts
from aurum.curves.analytics.pools import Grouping, Members, Pool
from aurum.curves.blocks import DayBlock
from aurum.curves.conversions import common
from aurum.curves.model import CurvePrices, Side
from aurum.curves.moves import SnapshotRef
from aurum.errors import Forbidden, InvalidCursor, InvalidInput, NoBlockHours, NoExchangeRate, UnitMismatch, UnknownUnit
from aurum.market.identity import CurveIdentity
from aurum.market.periods import DeliveryPeriod, Tenor, TenorGrid, TenorType, months_from
from aurum.metadata.model import CurveDescription, CurveFilter, Dimension
from aurum.parsers import parse
from tests.published import DESK, GERMAN, NBP, RIVAL, TTF, Book, instant, months, open_book, prices

EVER = (date(1990, 1, 1), date(2190, 1, 1))
PEAK = CurveDescription(CurveIdentity("EUGP", "EU", "German", "power", "PEAK"), "power", "power", "EU")
NEW = CurveDescription(CurveIdentity("EUGP", "EU", "Atlantis", "gas"), "gas", "gas", "EU")
ALL = CurveFilter()
NEWER = CurveDescription(CurveIdentity("EUGP", "EU", "Utopia", "gas"), "gas", "gas", "EU")


def block(days: list[date], values: list[list[float]], first: date = date(2025, 3, 1), curve: int = 1) -> DayBlock:
    grid = TenorGrid(months(first, len(values[0])))
    return DayBlock(grid, np.full(len(days), curve), np.array(days, "M8[D]"), np.array(values))


def test_mean_deviation_and_percentiles_of_eight_numbers() -> None:
    """2, 4, 4, 4, 5, 5, 7, 9: mean 5, squared distances 32, so the root of 32 / 7; the median 4.5, and one missing."""
    day = date(2025, 2, 12)
    pool = Pool(Grouping(), Members.of({1: (0, 1.0)}), (0, 25, 50, 90, 100))
    pool.add([block([day, day + timedelta(1)], [[2.0, 4.0, 4.0, 4.0, np.nan], [5.0, 5.0, 7.0, 9.0, np.nan]])])
    found = pool.summary()
    assert (found.found.count[0], found.found.missing[0], found.found.mean[0]) == (8, 2, 5.0)
    assert found.deviation[0] == pytest.approx(math.sqrt(32 / 7), rel=1e-15)
    assert found.percentiles[0].tolist() == pytest.approx([2, 4, 4.5, 7.6, 9])
    assert math.isnan(found.weighted_mean[0])


def test_a_mean_by_hours_by_hand() -> None:
    """March at 40 for 743 hours and April at 43 for 720."""
    pool = Pool(Grouping(), Members.of({1: (0, 1.0)}), hours_of=lambda *_: np.array([743.0, 720.0]))
    pool.add([block([date(2025, 2, 12)], [[40.0, 43.0]])])
    assert pool.summary().weighted_mean[0] == pytest.approx((40 * 743 + 43 * 720) / 1463, rel=1e-15)


@pytest.mark.parametrize(
    ("by", "day", "first", "last"),
    [
        (AsOfBucket.DAY, "2025-02-12", "2025-02-12", "2025-02-12"),
        (AsOfBucket.WEEK, "2025-02-16", "2025-02-10", "2025-02-16"),
        (AsOfBucket.WEEK, "1969-12-31", "1969-12-29", "1970-01-04"),
        (AsOfBucket.MONTH, "2024-02-29", "2024-02-01", "2024-02-29"),
        (AsOfBucket.QUARTER, "2025-12-31", "2025-10-01", "2025-12-31"),
        (AsOfBucket.YEAR, "2025-06-01", "2025-01-01", "2025-12-31"),
    ],
)
def test_the_bucket_of_a_day(by: AsOfBucket, day: str, first: str, last: str) -> None:
    (start,) = as_of_starts(np.array([day], "M8[D]"), by).tolist()
    assert as_of_range(start, by) == (date.fromisoformat(first), date.fromisoformat(last))


numbers = st.floats(-1e6, 1e6, width=32) | st.just(math.nan)
days = st.dates(date(2024, 12, 25), date(2025, 2, 10))
cells = st.tuples(st.integers(1, 3), days, st.integers(0, 3), st.lists(numbers, min_size=3, max_size=3))


@settings(max_examples=50)
@given(st.lists(st.lists(cells, max_size=6), max_size=4), st.sampled_from([None, *DeliveryBucket]),
       st.sampled_from([None, *AsOfBucket]))  # fmt: skip
def test_it_is_what_a_loop_over_the_points_finds(
    batches: list[list[tuple[int, date, int, list[float]]]], delivery: DeliveryBucket | None, as_of: AsOfBucket | None
) -> None:
    """Curves 1 and 2 make a group, the second in pence; blocks have all grids and come in several batches."""
    members, hours = {1: (0, 1.0), 2: (0, 0.01), 3: (1, 1.0)}, {1: 7.0, 2: 24.0, 3: 0.0}
    pool = Pool(
        Grouping(delivery, as_of),
        Members.of(members),
        (5, 50, 95),
        lambda id_, periods: np.full(len(periods), hours[id_]),
    )
    expected: dict[Any, list[tuple[float, float]]] = defaultdict(list)
    for batch in batches:
        pool.add(
            [block([day], [values], months_from(2025, 1 + shift, 1).start, id_) for id_, day, shift, values in batch]
        )
        for id_, day, shift, values in batch:
            for n, value in enumerate(values, shift):
                month = 2025 * 12 + n
                group, factor = members[id_]
                key = (group, as_of and as_of_start(day, as_of), delivery and delivery_start(month, delivery))
                expected[key].append((value * factor, hours[id_]))
    found = pool.summary()
    keys = zip(found.groups.tolist(), found.as_of.tolist(), found.months.tolist(), strict=True)
    for place, (key, points) in enumerate(zip(keys, sorted(expected.items()), strict=True)):
        quoted = [(value, weight) for value, weight in points[1] if value == value]
        assert key == (points[0][0], points[0][1] or 0, points[0][2] or 0)
        assert (found.found.count[place], found.found.missing[place]) == (len(quoted), len(points[1]) - len(quoted))
        if not quoted:
            assert math.isnan(found.found.mean[place])
            assert np.isnan(found.percentiles[place]).all()
            continue
        values = [value for value, _ in quoted]
        assert found.found.mean[place] == pytest.approx(statistics.fmean(values), rel=1e-9, abs=1e-6)
        assert (found.found.minimum[place], found.found.maximum[place]) == (min(values), max(values))
        assert found.percentiles[place].tolist() == np.percentile(values, [5, 50, 95]).tolist()
        if len(values) > 1:
            assert found.deviation[place] == pytest.approx(statistics.stdev(values), rel=1e-9, abs=1e-6)
        else:
            assert math.isnan(found.deviation[place])
        weight = sum(each for _, each in quoted)
        mean = sum(value * each for value, each in quoted) / weight if weight else math.nan
        assert found.weighted_mean[place] == pytest.approx(mean, rel=1e-9, abs=1e-6, nan_ok=True)


def as_of_start(day: date, by: AsOfBucket) -> int:
    first = {
        AsOfBucket.DAY: day, AsOfBucket.WEEK: day - timedelta(day.weekday()), AsOfBucket.MONTH: day.replace(day=1),
        AsOfBucket.QUARTER: day.replace(month=(day.month - 1) // 3 * 3 + 1, day=1),
        AsOfBucket.YEAR: day.replace(month=1, day=1),
    }[by]  # fmt: skip
    return (first - date(1970, 1, 1)).days


def delivery_start(month: int, by: DeliveryBucket) -> int:
    starts = {
        DeliveryBucket.MONTH: range(12), DeliveryBucket.QUARTER: (0, 3, 6, 9), DeliveryBucket.SEASON: (3, 10),
        DeliveryBucket.CALENDAR: (0,), DeliveryBucket.GAS_YEAR: (9,),
    }[by]  # fmt: skip
    while month % 12 not in starts:
        month -= 1
    return month


def test_the_mean_of_a_years_months_is_the_vendors_calendar(vendor_files: Path) -> None:
    """To the digits that the vendor gives, of every curve of a real file."""
    file = sorted(vendor_files.glob("EOD_EUGP_*.xlsx"))[0]
    book, compared = parse(file.read_bytes(), file.name), 0
    for curve in book.curves:
        pool = Pool(Grouping(DeliveryBucket.CALENDAR), Members.of({1: (0, 1.0)}))
        day = np.array([book.as_of], "M8[D]")
        pool.add([DayBlock(curve.tenors, np.array([1]), day, curve.mid[None, :])])
        found = pool.summary()
        places = {month: place for place, month in enumerate(found.months.tolist())}
        for tenor, mid in zip(curve.tenors, curve.mid.tolist(), strict=True):
            place = places.get(tenor.period.start.year * 12)
            if tenor.type is TenorType.CALENDAR and place is not None and found.found.count[place] == 12 and mid == mid:
                assert abs(found.found.mean[place] - mid) <= 0.0005 + 1e-9, (curve.identity, tenor.label)
                compared += 1
    assert compared > 100


@pytest.fixture
async def book(migrated_url: str) -> AsyncIterator[Book]:
    async with open_book(migrated_url, 1_000_000) as opened:
        yield opened


async def told(
    book: Book, principal: Principal = DESK, wanted: CurveFilter = ALL, limit: int = 100, **asked: Any
) -> list[Aggregate]:  # fmt: skip
    page = await answered(book, principal, wanted, PageRequest(limit), **asked)
    return list(page.page.items)


async def answered(book: Book, principal: Principal, wanted: CurveFilter, request: PageRequest, **asked: Any) -> Any:
    named: dict[str, Any] = {"first": EVER[0], "last": EVER[1], "grouping": Grouping()}
    question = AggregateAsked(**(named | asked))
    return await book.curves.aggregates.aggregate(principal, wanted, question, request)


async def two_days(book: Book) -> None:
    await book.publish(
        "2025-02-12", [(TTF, prices([50.0, 51.0])), (NBP, prices([90.0, 91.0])), (GERMAN, prices([70.0]))]
    )
    await book.publish("2025-02-13", [(TTF, prices([52.0, np.nan])), (NBP, prices([95.0, 90.0]))])


async def test_what_is_in_another_unit_is_never_pooled(book: Book) -> None:
    """Gas at TTF is in EUR/MWh as German power is, gas at NBP in pence a therm."""
    await two_days(book)
    euros, pence = await told(book)
    assert (euros.group.currency, euros.group.unit, euros.count, euros.missing) == ("EUR", "MWh", 4, 1)
    assert euros.mean == pytest.approx((50 + 51 + 52 + 70) / 4)
    assert (pence.group.currency, pence.group.unit, pence.mean) == ("GBX", "therm", 91.5)
    gas = Dimension.PRODUCT
    by_product = await told(book, dimensions=(gas,))
    assert [(each.group.values, each.count) for each in by_product] == [(("gas",), 3), (("gas",), 4), (("power",), 1)]


@pytest.mark.parametrize("places", [(0, 1, 2), (0, 2), (1,), (0, 5)], ids=str)
async def test_a_day_of_some_curves_is_theirs_alone(book: Book, places: tuple[int, ...]) -> None:
    """Whoever has the curves whose ids are between theirs."""
    hubs = [replace(TTF, identity=CurveIdentity("EUGP", "EU", f"Hub_{n}", "gas")) for n in range(6)]
    await book.publish("2025-02-12", [(hubs[0], prices([70.0]))])
    await book.publish("2025-02-12", [(hubs[1], prices([70.0]))], principal=RIVAL)
    now = [(hub, prices([10.0 * n])) for n, hub in enumerate(hubs)]
    await book.publish("2025-02-12", now, published_at="2025-02-12 23:00")
    day, keys = date(2025, 2, 12), tuple(hubs[place].identity.key for place in places)
    found = await told(book, wanted=CurveFilter(keys=keys), first=day, last=day, by_curve=True)
    assert [(each.group.curve and each.group.curve.key, each.mean) for each in found] == [
        (hubs[place].identity.key, 10.0 * place) for place in places
    ]
    ids = [curve.id for curve in (await book.metadata.by_key(DESK, keys)).values()]
    moved = await book.curves.moves.diffs(DESK, ids, start=SnapshotRef(day), end=SnapshotRef(day))
    assert sorted(moved) == sorted(ids)


async def test_units_are_converted_where_they_are_asked_for_or_refused(book: Book) -> None:
    await two_days(book)
    (found,) = await told(book, wanted=CurveFilter(locations=("NBP",)), common=common("GBP", "MWh", []))
    assert (found.group.currency, found.group.unit) == ("GBP", "MWh")
    assert found.mean == pytest.approx(91.5 / 100 * 34.12141633)
    with pytest.raises(NoExchangeRate, match="uk/nbp"):
        await told(book, common=common("EUR", None, []))
    with pytest.raises(UnitMismatch):
        await told(book, common=common(None, "bbl", []))
    with pytest.raises(InvalidInput, match="unknown unit"):
        await told(book, common=common(None, "MW h", []))


async def test_a_rate_brings_all_into_one_currency(book: Book) -> None:
    await two_days(book)
    for rate in (1.25, 1.3):  # of the same curves, one after the other
        (found,) = await told(book, common=common("GBP", "MWh", [f"{rate} EUR/GBP"]))
        pounds = [91.5 / 100 * 34.12141633 * 4, (50 + 51 + 52 + 70) / rate]
        assert (found.group.currency, found.group.unit, found.count, found.missing) == ("GBP", "MWh", 8, 1)
        assert found.mean == pytest.approx(sum(pounds) / 8)


async def test_curves_of_which_nobody_knows_the_unit_stand_alone(book: Book) -> None:
    await book.publish("2025-02-12", [(NEW, prices([1.0])), (NEWER, prices([3.0])), (TTF, prices([50.0]))])
    found = await told(book)
    assert [(each.group.unit, each.group.curve and each.group.curve.key, each.mean) for each in found] == [
        ("MWh", None, 50.0), (None, "eugp:eu/atlantis/gas", 1.0), (None, "eugp:eu/utopia/gas", 3.0),
    ]  # fmt: skip
    with pytest.raises(UnknownUnit, match="atlantis"):
        await told(book, common=common(None, "MWh", []))
    (atlantis,) = (await book.metadata.by_key(DESK, ["eugp:eu/atlantis/gas"])).values()
    before = book.now()
    await book.metadata.set_unit(DESK, atlantis.id, "EUR", "MWh", "a test")
    assert [each.mean for each in await told(book)] == [25.5, 3.0]
    assert [each.mean for each in await told(book, known_at=before)] == [50.0, 1.0, 3.0]


async def test_an_old_known_at_has_the_old_answer(book: Book) -> None:
    await two_days(book)
    await book.publish("2025-02-13", [(TTF, prices([152.0, 53.0]))], "2025-02-15 07:40")
    ttf: dict[str, Any] = {"wanted": CurveFilter(locations=("dutch_ttf",)), "grouping": Grouping(as_of=AsOfBucket.DAY)}
    now, then = await told(book, **ttf), await told(book, **ttf, known_at=instant("2025-02-14 00:00"))
    assert [(each.as_of, each.mean, each.missing) for each in now] == [
        ((date(2025, 2, 12),) * 2, 50.5, 0), ((date(2025, 2, 13),) * 2, 102.5, 0),
    ]  # fmt: skip
    assert [(each.mean, each.count, each.missing) for each in then] == [(50.5, 2, 0), (52.0, 1, 1)]
    (day,) = await told(book, **ttf, first=date(2025, 2, 12), last=date(2025, 2, 12))
    assert day.mean == 50.5


async def test_sides_and_deliveries(book: Book) -> None:
    await book.publish("2025-02-12", [(TTF, prices([50.0, 54.0])), (GERMAN, prices([70.0], spread=None))])
    euros = await told(book, side=Side.BID, dimensions=(Dimension.LOCATION,))
    assert [(each.group.values[0], each.count, each.missing) for each in euros] == [
        ("Dutch_TTF", 2, 0),
        ("German", 0, 1),
    ]
    assert math.isnan(euros[1].mean)
    (april,) = await told(book, grouping=Grouping(within=(date(2025, 4, 1), None)), side=Side.ASK)
    assert (april.count, april.mean) == (1, 54.05)


async def test_hours_weigh_peak_and_base_or_are_refused(book: Book) -> None:
    """March 2025 in Berlin has 743 hours, 252 of them peak: 21 weekdays of 12."""
    await book.publish("2025-02-12", [(GERMAN, prices([70.0])), (PEAK, prices([90.0])), (NEW, prices([1.0]))])
    (power,) = await told(book, wanted=CurveFilter(products=("power",)), weighted=True)
    assert power.weighted_mean == pytest.approx((70 * 743 + 90 * 252) / (743 + 252))
    with pytest.raises(NoBlockHours, match="atlantis"):
        await told(book, weighted=True)


def with_quarters(mids: list[float], quarter: float, start: date) -> CurvePrices:
    months_ = months(start, len(mids))
    spring = Tenor("Q2 2025", TenorType.QUARTER, DeliveryPeriod(date(2025, 4, 1), date(2025, 7, 1)))
    return CurvePrices(TenorGrid([*months_, spring]), np.array([*mids, quarter]))


async def test_a_quarter_does_not_count_beside_its_months(book: Book) -> None:
    await book.publish("2025-02-12", [(TTF, with_quarters([40.0, 43.0, 46.0], 999.0, date(2025, 4, 1)))])
    (spring,) = await told(book, grouping=Grouping(DeliveryBucket.QUARTER))
    assert (spring.delivery and spring.delivery.label, spring.count, spring.mean) == ("Q2 2025", 3, 43.0)
    (own,) = await told(book, grouping=Grouping(DeliveryBucket.GAS_YEAR, tenor_type=TenorType.QUARTER))
    assert (own.delivery and own.delivery.label, own.count, own.mean) == ("Gas Year 2024-25", 1, 999.0)
    with pytest.raises(InvalidInput, match="Q2 2025 does not lie within 2025-04"):
        await told(book, grouping=Grouping(DeliveryBucket.MONTH, tenor_type=TenorType.QUARTER))


async def test_pages_hold_every_row_once_and_batches_change_nothing(
    book: Book, monkeypatch: pytest.MonkeyPatch
) -> None:
    await two_days(book)
    asked: dict[str, Any] = {
        "grouping": Grouping(DeliveryBucket.MONTH, AsOfBucket.DAY), "dimensions": (Dimension.BLOCK, Dimension.LOCATION),
        "percents": (50.0,),
    }  # fmt: skip
    whole = await told(book, **asked)
    assert [each.group.values for each in whole] == [("BASE", "German")] + [(None, "Dutch_TTF")] * 4 + [
        (None, "NBP")
    ] * 4
    monkeypatch.setattr(aggregates, "_VERSIONS_READ", 1)
    found: list[Aggregate] = []
    position: Any = None
    while True:
        page = (await answered(book, DESK, CurveFilter(), PageRequest(2, position), **asked)).page
        found += page.items
        if not page.has_next:
            break
        position = page.positions[-1]
    assert repr(found) == repr(whole)
    for forged in [("a",), (1, "b", "price", "EUR", "MWh", None, None, None), (*position[:-1], "2025-03-01")]:
        with pytest.raises(InvalidCursor):
            await answered(book, DESK, CurveFilter(), PageRequest(2, forged), **asked)


async def test_what_is_too_much_is_refused(book: Book, monkeypatch: pytest.MonkeyPatch) -> None:
    await two_days(book)
    for limit, field in {"MOST_CURVES": "filter", "MOST_VERSIONS": "asOf", "MOST_GROUPS": "groupBy"}.items():
        with monkeypatch.context() as patched:
            patched.setattr(aggregates, limit, 1)
            with pytest.raises(InvalidInput) as refused:
                await told(book)
        assert refused.value.details["field"] == field


async def test_others_see_nothing(book: Book) -> None:
    await two_days(book)
    assert await told(book, RIVAL) == []
    with pytest.raises(Forbidden):
        await told(book, replace(DESK, scopes=frozenset()))
