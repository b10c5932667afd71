"""The biggest moves of a book: their order, their pages, and how unusual they are."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aurum.auth import Principal
from aurum.backends.paging import PageRequest
from aurum.curves.analytics.deviations import LEAST, WINDOW, NoDeviation, spreads_of
from aurum.curves.analytics.movers import BookMoves, MoveMeasure, Position, ranked, sizes
from aurum.curves.conversions import common
from aurum.curves.model import CurvePrices, DayPrices, Span
from aurum.curves.movers import MoversAsked
from aurum.curves.moves import SnapshotRef
from aurum.errors import (
    Forbidden,
    InvalidCursor,
    InvalidExpression,
    InvalidInput,
    NoExchangeRate,
    UnitMismatch,
    UnknownUnit,
)
from aurum.market.identity import CurveIdentity
from aurum.market.periods import TenorGrid, parse_tenor
from aurum.market.units import PriceUnit
from aurum.metadata.model import CurveDescription, CurveFilter
from tests.published import DESK, GERMAN, NBP, RIVAL, TTF, Book, instant, months, open_book, prices

NOON = datetime(2025, 2, 13, 12, tzinfo=UTC)
FIRST = date(2025, 3, 1)


def history(mids: list[list[float]]) -> list[DayPrices]:
    return [DayPrices(date(2025, 1, 1) + timedelta(days=n), 1, NOON, prices(each)) for n, each in enumerate(mids)]


def test_a_z_score_by_hand() -> None:
    """Forty moves of +1 and -1 in turn: mean 0, deviation sqrt(40/39). A move of 3 in one step, and one over four."""
    days = history([[50.0 + n % 2, 7.0] for n in range(41)])
    (spread,) = spreads_of([days], [1])
    assert (spread.moves.tolist(), spread.mean[0]) == ([40, 40], 0.0)
    assert spread.deviation[0] == pytest.approx(np.sqrt(40 / 39), rel=1e-15)
    assert spread.z_scores(np.array([3.0, 3.0]))[0] == pytest.approx(3 / np.sqrt(40 / 39))
    assert spread.absence(1) is NoDeviation.NO_VARIATION
    (four,) = spreads_of([days], [4])
    assert four.z_scores(np.array([3.0, 3.0]))[0] == pytest.approx(3 / np.sqrt(40 / 39) / 2)
    (none,) = spreads_of([days], [0])
    assert np.isnan(none.z_scores(np.array([3.0, 3.0]))).all()
    assert none.absence(0) is NoDeviation.SAME_DAY


def test_too_few_days_have_no_z_score() -> None:
    short, long = (history([[50.0 + n % 2] for n in range(count)]) for count in (LEAST, LEAST + 1))
    few, enough, nothing = spreads_of([short, long, []], [1, 1, 1])
    assert (few.absence(0), enough.absence(0)) == (NoDeviation.TOO_FEW_DAYS, None)
    assert np.isnan(few.z_scores(np.array([9.0]))[0])
    assert (nothing.moves[0], nothing.absence(0)) == (0, NoDeviation.TOO_FEW_DAYS)


def test_a_day_that_is_not_quoted_makes_no_move_and_a_month_that_comes_has_its_own_days() -> None:
    days = history([[1.0], [2.0], [np.nan], [10.0], [12.0]])
    days.append(DayPrices(date(2025, 1, 6), 1, NOON, prices([14.0, 5.0])))
    (spread,) = spreads_of([days], [1])
    assert spread.moves.tolist() == [3, 0]
    assert spread.mean[0] == pytest.approx((1 + 2 + 2) / 3)


def test_only_the_window_counts() -> None:
    days = history([[1000.0 * (n % 2)] for n in range(30)] + [[float(n % 3)] for n in range(WINDOW + 1)])
    (spread,) = spreads_of([days], [1])
    assert spread.moves[0] == WINDOW
    assert spread.deviation[0] < 3


@given(st.lists(st.lists(st.floats(-100, 100) | st.just(np.nan), min_size=2, max_size=2), min_size=3, max_size=70))
def test_it_is_what_numpy_says_of_the_moves(mids: list[list[float]]) -> None:
    (spread,) = spreads_of([history(mids)], [1])
    moves = np.diff(np.array(mids)[-WINDOW - 1 :], axis=0)
    for column in range(2):
        found = moves[np.isfinite(moves[:, column]), column]
        assert spread.moves[column] == len(found)
        if len(found) > 1:
            assert spread.mean[column] == pytest.approx(found.mean(), abs=1e-9)
            assert spread.deviation[column] == pytest.approx(found.std(ddof=1), abs=1e-9)
        else:
            assert np.isnan(spread.deviation[column])


cells = st.floats(-50, 50, width=16) | st.just(np.nan)


@given(st.lists(st.lists(cells, min_size=3, max_size=3), min_size=1, max_size=5), st.integers(1, 4), st.booleans())
def test_pages_hold_every_move_once_and_in_order(changes: list[list[float]], limit: int, one: bool) -> None:
    after = np.array(changes)
    keys = [f"curve {n}" for n in range(len(after))]
    book = BookMoves(keys, TenorGrid(months(FIRST, 3)), np.zeros(after.shape), after)
    every = np.ones(3, dtype=bool)
    size = sizes(book, MoveMeasure.ABSOLUTE, {})
    whole = ranked(book, size, every, 100, one_per_curve=one)
    found, position = [], None
    while page := ranked(book, size, every, limit, one_per_curve=one, position=position):
        found += page
        position = page[-1].position
    assert found == whole
    expected = np.isfinite(after).any(axis=1).sum() if one else np.isfinite(after).sum()
    assert len(whole) == expected
    assert [each.position[0] for each in whole] == sorted((each.position[0] for each in whole), reverse=True)
    if one:
        assert len({each.row for each in whole}) == len(whole)


def test_what_has_no_size_comes_last_and_a_place_that_is_gone_is_still_a_place() -> None:
    grid = TenorGrid(months(FIRST, 2))
    book = BookMoves(["a", "b"], grid, np.array([[0.0, 10.0], [5.0, 10.0]]), np.array([[4.0, 11.0], [6.0, 10.0]]))
    every = np.ones(2, dtype=bool)
    size = sizes(book, MoveMeasure.PERCENT, {})
    found = ranked(book, size, every, 9)
    assert [(each.row, each.column) for each in found] == [(1, 0), (0, 1), (1, 1), (0, 0)]
    assert found[-1].position[0] == -1.0
    gone: Position = (10.0, "aa", "MONTH", FIRST, date(2025, 4, 1))
    assert [(each.row, each.column) for each in ranked(book, size, every, 9, position=gone)] == [(1, 1), (0, 0)]


def test_moves_that_differ_in_their_last_bits_alone_are_equal() -> None:
    """11.511 - 11.474 and 11.551 - 11.514 are 0.037 by hand, and not in binary; 0.037001 is more."""
    grid = TenorGrid(months(FIRST, 3))
    book = BookMoves(["a"], grid, np.array([[11.474, 11.551, 2.0]]), np.array([[11.511, 11.514, 2.037001]]))
    assert abs(book.change[0, 0]) < abs(book.change[0, 1])
    size = sizes(book, MoveMeasure.ABSOLUTE, {})
    found = ranked(book, size, np.ones(3, dtype=bool), 9)
    assert [each.column for each in found] == [2, 0, 1]
    assert [each.column for each in ranked(book, size, np.ones(3, dtype=bool), 9, position=found[1].position)] == [1]
    march_and_april = np.array([True, True, False])
    assert [each.column for each in ranked(book, size, march_and_april, 9, one_per_curve=True)] == [0]


@pytest.fixture
async def book(migrated_url: str) -> AsyncIterator[Book]:
    async with open_book(migrated_url) as opened:
        yield opened


def ref(as_of: str | None = None, known_at: str | None = None) -> SnapshotRef:
    return SnapshotRef(as_of and date.fromisoformat(as_of), known_at and instant(known_at))  # type: ignore[arg-type]


async def movers(book: Book, principal: Principal = DESK, limit: int = 50, **asked: Any) -> Any:
    named: dict[str, Any] = {"start": ref("2025-02-12"), "end": ref("2025-02-13"), "by": MoveMeasure.ABSOLUTE}
    request = PageRequest(limit, asked.pop("position", None))
    return await book.curves.movers.page(principal, CurveFilter(), MoversAsked(**(named | asked)), request)


def told(found: Any) -> list[tuple[str, str, float]]:
    return [(each.curve.key, each.tenor.label, round(each.after - each.before, 9)) for each in found.page.items]


async def three_curves(book: Book) -> None:
    await book.publish(
        "2025-02-12", [(TTF, prices([50.0, 51.0])), (NBP, prices([90.0, 91.0])), (GERMAN, prices([70.0]))]
    )
    await book.publish("2025-02-13", [(TTF, prices([52.0, 48.0])), (NBP, prices([95.0, 90.0]))])


async def test_the_biggest_moves_of_the_curves_that_both_ends_have(book: Book) -> None:
    await three_curves(book)
    found = await movers(book)
    ttf, nbp = "eugp:eu/dutch_ttf/gas", "eugp:uk/nbp/gas"
    # German power has no 13th: its newest day on or before it is the 12th, at both ends.
    german = ("eugp:eu/german/power/base", "2025-03", 0.0)
    assert told(found) == [
        (nbp, "2025-03", 5.0),
        (ttf, "2025-04", -3.0),
        (ttf, "2025-03", 2.0),
        (nbp, "2025-04", -1.0),
        german,
    ]
    assert (found.curves, found.compared) == (3, 3)
    assert told(await movers(book, one_per_curve=True)) == [(nbp, "2025-03", 5.0), (ttf, "2025-04", -3.0), german]
    assert told(await movers(book, by=MoveMeasure.PERCENT))[0] == (ttf, "2025-04", -3.0)
    april = (date(2025, 4, 1), None)
    assert told(await movers(book, delivery=april)) == [(ttf, "2025-04", -3.0), (nbp, "2025-04", -1.0)]
    page = await movers(book, limit=2)
    assert page.page.has_next
    rest = await movers(book, position=page.page.positions[-1])
    assert told(page) + told(rest) == told(found)


async def test_a_move_has_the_label_that_its_own_vendor_writes(book: Book) -> None:
    labels = {TTF: "Winter 2026", NBP: "Winter 2025-2026", GERMAN: "Winter 2026"}
    for day in ("2025-02-12", "2025-02-13"):
        for curve, label in labels.items():
            grid = TenorGrid([parse_tenor(label, date(2025, 2, 12))])
            await book.publish(day, [(curve, CurvePrices(grid, np.array([50.0])))])
    found = await movers(book)
    assert {each.curve.key: each.tenor.label for each in found.page.items} == {
        curve.identity.key: label for curve, label in labels.items()
    }


async def test_a_restatement_is_a_move_too_and_the_past_stays_as_it_was_known(book: Book) -> None:
    await three_curves(book)
    await book.publish("2025-02-13", [(TTF, prices([152.0, 48.0]))], "2025-02-15 07:40")
    ends: dict[str, Any] = {"start": ref("2025-02-13", "2025-02-14 00:00"), "end": ref("2025-02-13")}
    (top, *others) = told(await movers(book, **ends))
    assert top == ("eugp:eu/dutch_ttf/gas", "2025-03", 100.0)
    assert {change for *_, change in others} == {0.0}
    before = ref("2025-02-13", "2025-02-14 00:00")
    assert told(await movers(book, end=before))[0] == ("eugp:uk/nbp/gas", "2025-03", 5.0)
    same_day = await movers(book, **ends, by=MoveMeasure.ZSCORE)
    assert same_day.page.items[0].spread.absence(0) is NoDeviation.SAME_DAY


async def test_a_small_move_of_a_quiet_curve_is_bigger_by_z_score(book: Book) -> None:
    for n in range(30):
        day = date(2025, 1, 1) + timedelta(days=n)
        loud, quiet = prices([50.0 + 5 * (n % 2)]), prices([90.0 + 0.1 * (n % 2)])
        await book.publish(str(day), [(TTF, loud), (NBP, quiet), *([(GERMAN, prices([70.0 + n]))] if n > 20 else [])])
    await book.publish("2025-02-13", [(TTF, prices([56.0])), (NBP, prices([90.9])), (GERMAN, prices([300.0]))])
    found = await movers(book, start=ref("2025-01-30"), by=MoveMeasure.ZSCORE)
    nbp, ttf, german = found.page.items
    assert [each.curve.identity.location for each in (nbp, ttf, german)] == ["NBP", "Dutch_TTF", "German"]
    assert (nbp.spread.moves[0], nbp.spread.steps) == (29, 1)
    assert nbp.spread.z_scores(np.array([0.8]))[0] > 7
    assert german.spread.absence(0) is NoDeviation.TOO_FEW_DAYS  # 230 up, and last all the same


async def test_two_spans_of_a_curve_are_kept_apart(book: Book) -> None:
    for n in range(50):
        await book.publish(str(date(2025, 1, 1) + timedelta(days=n)), [(TTF, prices([50.0 + n % 2 + n // 30]))])
    (curve,) = (await book.metadata.by_key(DESK, ["eugp:eu/dutch_ttf/gas"])).values()
    spans = [Span(curve.id, date(2025, 1, 25), date(2025, 1, 26)), Span(curve.id, date(2025, 2, 10), date(2025, 2, 14))]
    both = await book.curves.moves.spreads(DESK, spans)
    for span, moves, steps in zip(spans, (24, 40), (1, 4), strict=True):
        alone = (await book.curves.moves.spreads(DESK, [span]))[span]
        assert (both[span].moves[0], both[span].steps) == (alone.moves[0], alone.steps) == (moves, steps)
        assert both[span].deviation[0] == alone.deviation[0]


async def test_others_see_nothing(book: Book) -> None:
    await three_curves(book)
    assert (await movers(book, RIVAL)).page.items == []
    with pytest.raises(Forbidden):
        await movers(book, Principal("desk", "nobody", frozenset()))


@pytest.mark.parametrize("position", [(1, "a", "MONTH", FIRST, FIRST), (1.0, "a"), (1.0, "a", "MONTH", NOON, FIRST)])
async def test_a_forged_position_is_an_error_of_the_client(book: Book, position: tuple[Any, ...]) -> None:
    with pytest.raises(InvalidCursor):
        await movers(book, position=position)


async def test_moves_in_one_currency_and_unit_are_sized_and_ordered_by_it(book: Book) -> None:
    """TTF moves by 2 and -3 EUR/MWh. NBP by 5 and -1 GBX/therm: 1.71 and -0.34 GBP/MWh."""
    await three_curves(book)
    dollars = common("USD", "MWh", ["1.1 USD/EUR", "0.8 GBP/USD"])
    found = await movers(book, common=dollars)
    nbp, ttf = "eugp:uk/nbp/gas", "eugp:eu/dutch_ttf/gas"
    therms = float(Decimal(3600) / Decimal("105.505585262"))
    wanted = [(ttf, "2025-04", -3.3), (ttf, "2025-03", 2.2), (nbp, "2025-03", therms * 5 / 80),
              (nbp, "2025-04", -therms / 80), ("eugp:eu/german/power/base", "2025-03", 0.0)]  # fmt: skip
    assert [(key, label) for key, label, _ in told(found)] == [each[:2] for each in wanted]
    assert [change for *_, change in told(found)] == pytest.approx([each[2] for each in wanted], rel=1e-8)
    assert {each.converted.price for each in found.page.items} == {PriceUnit("USD", "MWh")}
    rest = await movers(book, common=dollars, position=(await movers(book, common=dollars, limit=2)).page.positions[-1])
    assert told(rest) == told(found)[2:]
    percent = [told(await movers(book, by=MoveMeasure.PERCENT, common=each)) for each in (None, dollars)]
    assert [each[:2] for each in percent[0]] == [each[:2] for each in percent[1]]


async def test_a_currency_that_is_corrected_between_the_ends_converts_at_the_rates(book: Book) -> None:
    """50 EUR/MWh, as was thought then, are 55 USD/MWh; 52 are USD/MWh, as is known now: a move of -3."""
    await book.publish("2025-02-12", [(TTF, prices([50.0]))])
    await book.publish("2025-02-13", [(TTF, prices([52.0]))])
    (curve,) = (await book.metadata.by_key(DESK, ["eugp:eu/dutch_ttf/gas"])).values()
    await book.metadata.set_unit(DESK, curve.id, "USD", "MWh", "a test")
    then, now = ref("2025-02-12", "2025-02-14 00:00"), ref("2025-02-13")
    dollars = common("USD", None, ["1.1 USD/EUR"])
    (there,) = (await movers(book, start=then, end=now, common=dollars)).page.items
    assert (there.before, there.after) == pytest.approx((55.0, 52.0), rel=1e-12)
    (back,) = (await movers(book, start=now, end=then, common=dollars)).page.items
    assert (back.before, back.after) == pytest.approx((52.0, 55.0), rel=1e-12)
    with pytest.raises(NoExchangeRate, match="eugp:eu/dutch_ttf/gas: "):
        await movers(book, start=then, end=now, common=common("USD", None, []))
    assert (await movers(book, start=then, end=now)).compared == 0


async def test_a_z_score_is_the_same_in_any_currency(book: Book) -> None:
    for n in range(30):
        await book.publish(str(date(2025, 1, 1) + timedelta(days=n)), [(TTF, prices([50.0 + n % 2 + 0.1 * n]))])
    await book.publish("2025-02-13", [(TTF, prices([56.0]))])
    asked: dict[str, Any] = {"start": ref("2025-01-30"), "by": MoveMeasure.ZSCORE}
    found = [await movers(book, **asked, common=each) for each in (None, common("USD", None, ["1.25 USD/EUR"]))]
    own, dollars = (each.page.items[0].spread for each in found)
    assert dollars.mean[0] == pytest.approx(1.25 * own.mean[0], rel=1e-12)
    assert dollars.deviation[0] == pytest.approx(1.25 * own.deviation[0], rel=1e-12)
    assert found[1].page.positions[0][0] == pytest.approx(found[0].page.positions[0][0], rel=1e-12)


async def test_what_does_not_convert_is_refused_by_name(book: Book) -> None:
    await three_curves(book)
    with pytest.raises(NoExchangeRate, match="eugp:uk/nbp/gas: "):
        await movers(book, common=common("EUR", None, ["1.1 USD/EUR"]))
    with pytest.raises(UnitMismatch, match="eugp:eu/dutch_ttf/gas: "):
        await movers(book, common=common(None, "bbl", []))
    await book.publish(
        "2025-02-13", [(CurveDescription(CurveIdentity("X", "Y", "Z", "gas"), "gas", "gas"), prices([1.0]))]
    )
    with pytest.raises(UnknownUnit, match="x:y/z/gas"):
        await movers(book, common=common("EUR", None, ["1.2 EUR/GBP"]))
    with pytest.raises(InvalidInput, match="unknown currency"):
        await movers(book, common=common("DOGE", None, []))


@pytest.mark.parametrize(
    "rates", [["0 USD/EUR"], ["1.1"], ["1.1 USD/MWh"], ["1 EUX/EUR"], ["[a] / [b]"], ["-1 USD/EUR"], ["1.1 USD/EUR +"],
              ["1.1 USD/EUR", "0.9 EUR/USD"], ["1.1 USD/EUR", "110 USX/EUR"]],
)  # fmt: skip
def test_what_is_no_rate_is_refused(rates: list[str]) -> None:
    with pytest.raises(InvalidExpression, match=r"^fx: "):
        common("USD", None, rates)


def test_rates_lead_to_a_currency() -> None:
    for currency, rates in ((None, ["1.1 USD/EUR"]), ("USD", ["1.1 USD/EUR"] * 21)):
        with pytest.raises(InvalidInput) as refused:
            common(currency, "MWh", rates)
        assert refused.value.details["field"] == "fx"
