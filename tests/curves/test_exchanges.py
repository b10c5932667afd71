"""Differences in another currency over stored histories: rates are curves, of the day and as known at each end."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

import numpy as np
import pytest

from aurum.curves.exchanges import KnownRates, Wanted, exchanged_diff
from aurum.curves.model import Snapshot
from aurum.curves.moves import Explained, SnapshotRef
from aurum.errors import InvalidInput, MixedDays, UnknownUnit
from aurum.market.identity import CurveIdentity
from aurum.metadata.model import Curve, CurveDescription, UnitAssignment
from tests.published import DESK, GERMAN, TTF, Book, instant, open_book, prices

DOLLARS = CurveDescription(CurveIdentity("SIMPLE", "FX", "EURUSD", "forward"), "fx", "fx", None)
RATE = f"quoted_in([{DOLLARS.identity.key}], USD/EUR)"
APRIL = date(2025, 4, 1)


@dataclass
class Reads:
    book: Book
    known_at: datetime | None

    async def curves(self, keys: Sequence[str]) -> Sequence[Curve | None]:
        found = await self.book.metadata.by_key(DESK, keys)
        return [found.get(key) for key in keys]

    async def units(self, curve_ids: Sequence[int]) -> Sequence[Sequence[UnitAssignment] | None]:
        found = await self.book.metadata.unit_versions(DESK, curve_ids)
        return [found.get(id_) for id_ in curve_ids]

    async def snapshots(self, curve_ids: Sequence[int], as_of: date | None) -> Sequence[Snapshot | None]:
        found = await self.book.curves.snapshots(DESK, curve_ids, as_of=as_of, known_at=self.known_at)
        return [found.get(id_) for id_ in curve_ids]


@pytest.fixture
async def book(migrated_sqlite_url: str) -> AsyncIterator[Book]:
    async with open_book(migrated_sqlite_url) as opened:
        yield opened


async def diff(
    book: Book, start: SnapshotRef, end: SnapshotRef, wanted: Wanted, key: str = TTF.identity.key,
    rates: KnownRates | None = None,
) -> Explained:  # fmt: skip
    (curve,) = (await book.metadata.by_key(DESK, [key])).values()
    found = (await book.curves.moves.diffs(DESK, [curve.id], start=start, end=end, as_they_are=True))[curve.id]
    assert not isinstance(found, InvalidInput)
    units = (await book.metadata.unit_versions(DESK, [curve.id]))[curve.id]
    known = KnownRates() if rates is None else rates
    return await exchanged_diff(found, units, (start, end), wanted, lambda known_at: Reads(book, known_at), known)


async def publish(book: Book, day: str, mids: list[float], rates: list[float], at: str | None = None) -> None:
    first = date(int(day[:4]), int(day[5:7]), 1)
    await book.publish(day, [(TTF, prices(mids, first))], at)
    await book.publish(day, [(DOLLARS, prices(rates, first, None))], at, vendor="SIMPLE")


async def test_a_forward_rate_of_each_month_and_day_by_hand(book: Book) -> None:
    """Rates of April go from 1.2 to 1.3 while gas goes from 50 to 53; there is no rate of June on the second day."""
    await publish(book, "2025-04-01", [50.0, 40.0, 30.0], [1.2, 1.25, 1.3])
    await publish(book, "2025-04-02", [53.0, 40.0, 31.0], [1.3, 1.25])
    ends = SnapshotRef(date(2025, 4, 1)), SnapshotRef(date(2025, 4, 2))
    found = await diff(book, *ends, Wanted("USD", None, RATE))
    assert (found.currency, found.unit, found.unconverted) == ("USD", "MWh", ("2025-06",))
    np.testing.assert_allclose(found.diff.before.mid, [60.0, 50.0])
    np.testing.assert_allclose(found.diff.after.mid, [53 * 1.3, 50.0])
    np.testing.assert_allclose(found.diff.move.market, [3 * 1.25, 0.0])
    np.testing.assert_allclose(found.diff.move.fx, [0.1 * 51.5, 0.0])
    np.testing.assert_allclose(found.diff.after.sides[2] - found.diff.after.mid, [0.05 * 1.3, 0.05 * 1.25])


async def test_curves_of_the_same_days_share_their_rates(book: Book) -> None:
    """One of each day for two curves of the same months; a third has one month more."""
    await publish(book, "2025-04-01", [50.0, 40.0], [1.2, 1.25, 1.3])
    await publish(book, "2025-04-02", [53.0, 40.0], [1.3, 1.25, 1.3])
    powers = [replace(GERMAN, identity=replace(GERMAN.identity, location=name)) for name in ("German", "French")]
    longer = [(powers[0], prices([70.0, 71.0], APRIL)), (powers[1], prices([60.0, 61.0, 62.0], APRIL))]
    for day in ("2025-04-01", "2025-04-02"):
        await book.publish(day, longer, f"{day} 23:00")
    ends = SnapshotRef(date(2025, 4, 1)), SnapshotRef(date(2025, 4, 2))
    wanted, rates, sizes = Wanted("USD", None, RATE), KnownRates(), []
    for each in (TTF, *powers):
        found = await diff(book, *ends, wanted, each.identity.key, rates)
        alone = await diff(book, *ends, wanted, each.identity.key)
        assert found.diff.after.mid.tolist() == alone.diff.after.mid.tolist()
        sizes.append(len(rates))
    assert sizes == [2, 2, 4]


async def test_a_rate_of_another_day_is_refused_and_one_that_says_its_day_is_not(book: Book) -> None:
    await publish(book, "2025-04-01", [50.0], [1.2])
    await book.publish("2025-04-02", [(TTF, prices([53.0], APRIL))])
    ends = SnapshotRef(date(2025, 4, 1)), SnapshotRef(date(2025, 4, 2))
    with pytest.raises(MixedDays) as refused:
        await diff(book, *ends, Wanted("USD", None, RATE))
    assert refused.value.details["days"] == ["2025-04-01", "2025-04-02"]
    found = await diff(book, *ends, Wanted("USD", None, f"at({RATE}, 2025-04-01)"))
    assert found.diff.move.market.tolist() == pytest.approx([3.6])
    with pytest.raises(UnknownUnit):
        await diff(book, *ends, Wanted("EUR"), DOLLARS.identity.key)


async def test_parts_add_up_over_random_histories_of_prices_and_rates(book: Book) -> None:
    """Both are restated, roll and have gaps; from any day as known at any instant to any other, and back."""
    random = np.random.default_rng(5)
    published: list[tuple[str, str]] = []
    for n, day in enumerate(["2025-02-27", "2025-02-28", "2025-03-03", "2025-03-04"]):
        for version in range(2):
            at = f"2025-03-{5 + 2 * version:02} 10:{n:02}"
            mids, rates = random.uniform(-50, 90, random.integers(1, 6)), random.uniform(0.5, 2, random.integers(1, 6))
            mids[random.random(len(mids)) < 0.2] = np.nan
            await publish(book, day, mids.tolist(), rates.tolist(), at)
            published.append((day, at))
    refs = [SnapshotRef(date.fromisoformat(day), instant(at) + timedelta(seconds=1)) for day, at in published]
    kept = moved = 0
    for _ in range(30):
        start, end = (refs[int(n)] for n in random.integers(0, len(refs), 2))
        wanted = Wanted("USD", "MMBtu", RATE)
        found, back = await diff(book, start, end, wanted), await diff(book, end, start, wanted)
        parts = np.array(found.diff.move.parts)
        totals = np.nan_to_num(found.diff.after.mid) - np.nan_to_num(found.diff.before.mid)
        np.testing.assert_allclose(parts.sum(axis=0), totals, rtol=0, atol=1e-9)
        np.testing.assert_allclose(back.diff.move.parts, -parts, rtol=0, atol=1e-9)
        assert back.unconverted == found.unconverted
        kept, moved = kept + len(totals), moved + int(np.count_nonzero(found.diff.move.fx))
    assert kept > 20
    assert moved > 5
