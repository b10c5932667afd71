"""Rolling contracts: by hand, and against the snapshots themselves."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aurum.auth import Principal
from aurum.curves.analytics.deliveries import Seasons
from aurum.curves.analytics.rolling import Contract, RollRule, rolling_history
from aurum.curves.analytics.strips import Absence
from aurum.curves.model import CurvePrices, DayPrices
from aurum.errors import Forbidden
from aurum.market.periods import DeliveryPeriod, Tenor, TenorGrid, TenorType, months_from
from tests.published import DESK, RIVAL, TTF, Book, instant, months, open_book, prices

NOON = datetime(2025, 2, 13, 12, tzinfo=UTC)


def day(as_of: str, curve: CurvePrices) -> DayPrices:
    return DayPrices(date.fromisoformat(as_of), 1, NOON, curve)


@pytest.mark.parametrize(
    ("rule", "as_of", "start", "count"),
    [
        (RollRule(Contract.MONTH_AHEAD), "2025-02-28", (2025, 3), 1),
        (RollRule(Contract.MONTH_AHEAD), "2025-03-03", (2025, 4), 1),
        (RollRule(Contract.MONTH_AHEAD, nth=0), "2025-12-31", (2025, 12), 1),
        (RollRule(Contract.MONTH_AHEAD, nth=3), "2025-11-15", (2026, 2), 1),
        (RollRule(Contract.MONTH_AHEAD, days_before=2), "2025-02-26", (2025, 3), 1),
        (RollRule(Contract.MONTH_AHEAD, days_before=2), "2025-02-27", (2025, 4), 1),
        (RollRule(Contract.QUARTER_AHEAD), "2025-02-13", (2025, 4), 3),
        (RollRule(Contract.QUARTER_AHEAD, nth=4), "2025-10-01", (2026, 10), 3),
        (RollRule(Contract.CALENDAR_AHEAD), "2025-12-31", (2026, 1), 12),
        (RollRule(Contract.CALENDAR_AHEAD, nth=2), "2026-01-02", (2028, 1), 12),
        (RollRule(Contract.SEASON_AHEAD), "2025-02-13", (2025, 4), 7),
        (RollRule(Contract.SEASON_AHEAD), "2025-10-31", (2025, 11), 5),
        (RollRule(Contract.SEASON_AHEAD), "2025-11-03", (2026, 4), 7),
        (RollRule(Contract.SEASON_AHEAD, nth=2, seasons=Seasons.GAS), "2025-02-13", (2025, 10), 6),
        (RollRule(Contract.SEASON_AHEAD, nth=0, seasons=Seasons.GAS), "2025-02-13", (2024, 10), 6),
    ],
)
def test_what_an_as_of_date_looks_at(rule: RollRule, as_of: str, start: tuple[int, int], count: int) -> None:
    assert rule.delivery(date.fromisoformat(as_of)) == months_from(*start, count)


def test_a_front_month_rolls_on_the_first_day_of_a_new_month() -> None:
    found = rolling_history(
        RollRule(Contract.MONTH_AHEAD),
        [
            day("2025-02-27", prices([50.0, 51.0], date(2025, 2, 1))),
            day("2025-02-28", prices([50.0, 52.0], date(2025, 2, 1))),
            day("2025-03-03", prices([53.0, 60.0], date(2025, 3, 1))),
            day("2025-03-04", prices([53.0], date(2025, 3, 1))),
            day("2025-03-05", prices([53.0, 61.0], date(2025, 3, 1)).without([1])),
            day("2025-03-06", prices([53.0, np.nan], date(2025, 3, 1))),
        ],
    )
    np.testing.assert_array_equal(found.mid, [51.0, 52.0, 60.0, np.nan, np.nan, np.nan])
    assert found.rolled == [False, False, True, False, False, False]
    assert found.gaps == [None, None, None, Absence.NOT_LISTED, Absence.WITHHELD, Absence.NOT_QUOTED]


def test_a_calendar_ahead_is_the_vendors_own_point_and_never_made_of_months() -> None:
    year = Tenor("Calendar 2026", TenorType.CALENDAR, months_from(2026, 1, 12))
    with_year = CurvePrices(TenorGrid([*months(date(2025, 2, 1), 36), year]), np.array([40.0] * 36 + [41.0]))
    without = prices([40.0] * 36, date(2025, 2, 1))
    days = [day("2025-02-13", with_year), day("2025-02-14", without)]
    found = rolling_history(RollRule(Contract.CALENDAR_AHEAD), days)
    np.testing.assert_array_equal(found.mid, [41.0, np.nan])
    assert found.gaps[1] is Absence.NOT_LISTED


def test_a_constant_time_to_delivery_by_hand() -> None:
    """The middles of March, April and May 2025 are 16.5 days into March, 46.5 and 77: noon of the 16th is 15.5 after
    the first. 30 days after 1 March is 31 March: 14.5 days past the middle of March, of 30.5 to the middle of April."""
    rule = RollRule(Contract.CONSTANT_TIME, days_ahead=30)
    curve = prices([50.0, 56.1, 60.0], date(2025, 3, 1), spread=None)
    found = rolling_history(rule, [day("2025-03-01", curve), day("2025-03-20", curve), day("2025-05-20", curve)])
    near = (30.5 - 14.5) / 30.5
    assert found.weights[0] == pytest.approx(near, rel=1e-15)
    assert found.mid[0] == pytest.approx(near * 50.0 + (1 - near) * 56.1, rel=1e-15)
    assert found.periods[1] == DeliveryPeriod(date(2025, 4, 1), date(2025, 6, 1))
    assert found.rolled == [False, True, False]
    assert (found.gaps[2], found.periods[2]) == (Absence.NOT_LISTED, None)  # beyond the middle of the last month
    assert np.isnan(found.bid).all()


def test_nothing_is_interpolated_over_a_month_that_is_missing() -> None:
    gap = TenorGrid([*months(date(2025, 3, 1), 1), *months(date(2025, 5, 1), 1)])
    found = rolling_history(
        RollRule(Contract.CONSTANT_TIME), [day("2025-03-10", CurvePrices(gap, np.array([1.0, 2.0])))]
    )
    assert (found.gaps, np.isnan(found.mid[0])) == ([Absence.NOT_LISTED], True)


@given(st.integers(0, 400), st.lists(st.floats(-100, 100), min_size=2, max_size=12), st.integers(0, 330))
def test_an_interpolated_price_lies_between_its_two_months(ahead: int, mids: list[float], later: int) -> None:
    as_of = date(2025, 3, 1) + timedelta(days=later)
    found = rolling_history(
        RollRule(Contract.CONSTANT_TIME, days_ahead=ahead), [DayPrices(as_of, 1, NOON, prices(mids, date(2025, 3, 1)))]
    )
    period = found.periods[0]
    if period is None:
        assert found.gaps == [Absence.NOT_LISTED]
        return
    at = (period.start.year - 2025) * 12 + period.start.month - 3
    assert 0.0 <= found.weights[0] <= 1.0
    assert min(mids[at : at + 2]) - 1e-9 <= found.mid[0] <= max(mids[at : at + 2]) + 1e-9


@pytest.fixture
async def book(migrated_url: str) -> AsyncIterator[Book]:
    async with open_book(migrated_url) as opened:
        yield opened


async def test_each_day_is_answered_in_the_version_that_was_known(book: Book) -> None:
    await book.publish("2025-02-13", [(TTF, prices([50.0, 51.0]))])
    await book.publish("2025-02-14", [(TTF, prices([52.0, 53.0]))])
    await book.publish("2025-02-13", [(TTF, prices([99.0, 51.0]))], "2025-02-15 07:40")
    (curve,) = (await book.metadata.by_key(DESK, ["eugp:eu/dutch_ttf/gas"])).values()

    async def asked(known_at: str | None, principal: Principal = DESK) -> list[tuple[float, int]]:
        found = await book.curves.moves.rolling(
            principal, [curve.id], rule=RollRule(Contract.MONTH_AHEAD), first=date(2025, 2, 1), last=date(2025, 2, 28),
            known_at=None if known_at is None else instant(known_at),
        )  # fmt: skip
        if curve.id not in found:
            return []
        history = found[curve.id]
        return list(zip(history.mid.tolist(), history.versions, strict=True))

    assert await asked(None) == [(99.0, 2), (52.0, 1)]
    assert await asked("2025-02-15 07:39") == [(50.0, 1), (52.0, 1)]
    assert await asked("2025-02-13 23:00") == [(50.0, 1)]
    assert await asked(None, RIVAL) == []
    with pytest.raises(Forbidden):
        await asked(None, Principal("desk", "nobody", frozenset()))
