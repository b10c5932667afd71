"""What moved between two snapshots and why: by hand, and parts that add up on random histories."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aurum.auth import Principal
from aurum.curves.analytics.alignment import aligned
from aurum.curves.analytics.diffs import CurveDiff, Ends, PointStatus, difference, differences
from aurum.curves.analytics.exchanges import Rates, exchanged
from aurum.curves.analytics.moves import percent
from aurum.curves.blocks import QuoteBlock, Quoted
from aurum.curves.model import CurvePrices, Prices, Snapshot, Standing
from aurum.curves.moves import SnapshotRef
from aurum.errors import Forbidden, InvalidInput
from aurum.market.periods import Tenor, TenorGrid, TenorType, months_from
from tests.published import DESK, GERMAN, NBP, RIVAL, TTF, Book, instant, months, open_book, prices

PARTS = ("market", "restatement", "roll_off", "listing", "unit")
NOON = datetime(2025, 2, 13, 12, tzinfo=UTC)


def snapshot(as_of: str, curve: CurvePrices, version: int = 1) -> Snapshot:
    return Snapshot(version, 1, date.fromisoformat(as_of), version, NOON, NOON, None, curve)


def move(diff: CurveDiff, part: str) -> list[float]:
    found: list[float] = getattr(diff.move, part).tolist()
    return found


def test_a_move_over_the_end_of_a_month_by_hand() -> None:
    """On 28 February: February 50, March 51, April 52, of which March is later restated to 51.5. On 3 March: March 53,
    April 52, and May 54 for the first time."""
    start = snapshot("2025-02-28", prices([50.0, 51.0, 52.0], date(2025, 2, 1)))
    restated = snapshot("2025-02-28", prices([50.0, 51.5, 52.0], date(2025, 2, 1)), 2)
    end = snapshot("2025-03-03", prices([53.0, 52.0, 54.0], date(2025, 3, 1)))
    diff = difference(Ends(start, restated, end))
    assert [tenor.label for tenor in diff.tenors] == ["2025-02", "2025-03", "2025-04", "2025-05"]
    assert diff.status == [PointStatus.REMOVED, PointStatus.CHANGED, PointStatus.UNCHANGED, PointStatus.ADDED]
    np.testing.assert_array_equal(diff.change, [np.nan, 2.0, 0.0, np.nan])
    assert move(diff, "market") == [0.0, 1.5, 0.0, 0.0]
    assert move(diff, "restatement") == [0.0, 0.5, 0.0, 0.0]
    assert move(diff, "roll_off") == [-50.0, 0.0, 0.0, 0.0]
    assert move(diff, "listing") == [0.0, 0.0, 0.0, 54.0]
    assert diff.percent[1] == pytest.approx(100 * 2 / 51)


def test_what_is_withheld_or_withdrawn_is_no_move_of_the_market() -> None:
    start = snapshot("2025-02-13", prices([50.0, 51.0]))
    end = snapshot("2025-02-14", prices([50.0, 51.0]).without([1]))
    diff = difference(Ends(start, start, end))
    assert diff.status == [PointStatus.UNCHANGED, PointStatus.REMOVED]
    assert diff.after.withheld.tolist() == [False, True]
    assert move(diff, "listing") == [0.0, -51.0]
    assert move(diff, "market") == [0.0, 0.0]


def test_a_balance_that_shrinks_has_rolled_off() -> None:
    """PW's `Bal 2025` is another delivery each month."""

    def balance(month: int, mid: float) -> CurvePrices:
        tenor = Tenor("Bal 2025", TenorType.BALANCE, months_from(2025, month, 13 - month))
        return CurvePrices(TenorGrid([tenor]), np.array([mid]))

    start = snapshot("2025-02-28", balance(2, 40.0))
    diff = difference(Ends(start, start, snapshot("2025-03-03", balance(3, 41.0))))
    assert (move(diff, "roll_off"), move(diff, "listing")) == ([-40.0, 0.0], [0.0, 41.0])


def test_a_percentage_shows_the_direction_also_of_negative_prices() -> None:
    found = percent(np.array([50.0, -50.0, 0.0, -1.0]), np.array([55.0, -45.0, 5.0, -3.0]))
    np.testing.assert_allclose(found, [10.0, 10.0, np.nan, -200.0])


def test_a_label_that_is_spelled_in_another_way_is_the_same_delivery() -> None:
    one = Tenor("Cal-26", TenorType.CALENDAR, months_from(2026, 1, 12))
    other = Tenor("Calendar 2026", TenorType.CALENDAR, months_from(2026, 1, 12))
    joined = aligned(TenorGrid([one]), TenorGrid([other]))
    assert [tenor.label for tenor in joined.tenors] == ["Calendar 2026"]
    assert joined.places.tolist() == [[0], [0]]


mids = st.lists(st.floats(-1e3, 1e3, allow_nan=False) | st.just(np.nan), max_size=6)
firsts = st.sampled_from([date(2025, 2, 1), date(2025, 3, 1), date(2025, 4, 1)])


def curve_of(first: date, numbers: list[float]) -> CurvePrices:
    return CurvePrices(TenorGrid(months(first, len(numbers))), np.array(numbers, dtype=float))


curves = st.builds(curve_of, firsts, mids)
days = st.sampled_from(["2025-02-27", "2025-02-28", "2025-03-03", "2025-04-01"])
snapshots = st.none() | st.builds(snapshot, days, curves)
factors = st.sampled_from([(1.0, 1.0), (0.01, 1.0), (1.0, 3.412141633)])


@given(snapshots, snapshots, snapshots, st.booleans(), factors)
def test_the_parts_of_every_point_add_up(
    start: Snapshot | None, end: Snapshot | None, between: Snapshot | None, last: bool, given_: tuple[float, float]
) -> None:
    diff = difference(Ends(start, between, end, given_), start_known_last=last)
    totals = np.nan_to_num(diff.after.mid) - np.nan_to_num(diff.before.mid)
    np.testing.assert_allclose(np.sum(diff.move.parts, axis=0), totals, rtol=0, atol=1e-9)
    both = np.isfinite(diff.change)
    np.testing.assert_allclose(diff.change[both], totals[both], rtol=0, atol=1e-9)
    back = difference(Ends(end, between, start, given_[::-1]), start_known_last=not last)
    np.testing.assert_allclose(back.move.parts, [-part for part in diff.move.parts], rtol=0, atol=1e-9)


def quoted(snapshots: list[Snapshot | None]) -> Quoted:
    """Of curves with the ids 0, 1, 2 ...: a block for each grid and day."""
    alike: dict[tuple[TenorGrid, date], dict[int, Snapshot]] = {}
    for n, each in enumerate(snapshots):
        if each is not None:
            alike.setdefault((each.prices.tenors, each.as_of), {})[n] = each
    blocks = [
        QuoteBlock(
            tenors, as_of, np.array(list(rows)), np.array([each.id for each in rows.values()]),
            np.array([each.version for each in rows.values()]), np.array([each.prices.mid for each in rows.values()]),
            blank := np.full((len(rows), len(tenors)), np.nan), blank, None,
        )
        for (tenors, as_of), rows in alike.items()
    ]  # fmt: skip
    return Quoted(lambda: blocks)


@given(st.lists(st.builds(Ends, snapshots, snapshots, snapshots, factors), max_size=6), st.booleans())
def test_many_curves_are_compared_as_each_is_alone(many: list[Ends], last: bool) -> None:
    given_ = np.array([ends.factors for ends in many]).reshape(-1, 2).T
    books = [quoted([getattr(ends, name) for ends in many]) for name in ("start", "between", "end")]
    compared = differences(range(len(many)), books[0], books[1], books[2], given_, start_known_last=last)
    for n, ends in enumerate(many):
        if ends.start is ends.end is None:
            assert n not in compared
            continue
        found, alone = compared[n], difference(ends, start_known_last=last)
        versions = [
            None if each is None else Standing(each.id, each.as_of, each.version) for each in (ends.start, ends.end)
        ]
        assert [found.start, found.end, found.tenors, found.status] == [*versions, alone.tenors, alone.status]
        np.testing.assert_array_equal(found.change, alone.change)
        np.testing.assert_array_equal(found.move.parts, alone.move.parts)


rates = st.lists(st.floats(0.5, 2.0) | st.just(np.nan), min_size=16, max_size=16).map(np.array)


@given(snapshots, snapshots, snapshots, st.booleans(), rates, rates, rates, rates)
def test_the_parts_add_up_in_another_currency(
    start: Snapshot | None, end: Snapshot | None, between: Snapshot | None, last: bool,
    own: Prices, common: Prices, last_own: Prices, last_common: Prices,
) -> None:  # fmt: skip
    raw = difference(Ends(start, between, end), start_known_last=last)
    count = len(raw.tenors)
    one, other = Rates(own[:count], common[:count]), Rates(last_own[:count], last_common[:count])
    diff, without = exchanged(raw, one, other)
    totals = np.nan_to_num(diff.after.mid) - np.nan_to_num(diff.before.mid)
    np.testing.assert_allclose(np.sum(diff.move.parts, axis=0), totals, rtol=0, atol=1e-9)
    assert sorted([*(tenor.label for tenor in diff.tenors), *without]) == sorted(tenor.label for tenor in raw.tenors)
    kept = [tenor.label not in without for tenor in raw.tenors]
    np.testing.assert_array_equal(diff.before.mid, (raw.before.mid * one.own)[kept])
    np.testing.assert_array_equal(diff.after.quoted, raw.after.quoted[kept])
    back, _ = exchanged(difference(Ends(end, between, start), start_known_last=not last), other, one)
    np.testing.assert_allclose(back.move.parts, [-part for part in diff.move.parts], rtol=0, atol=1e-9)


def test_a_move_in_another_currency_by_hand() -> None:
    """EUR 50 to 53 while a euro goes from 1.10 to 1.20 dollars; February rolls off at 1.10; there is no rate of May."""
    start = snapshot("2025-02-28", prices([48.0, 50.0], date(2025, 2, 1)))
    end = snapshot("2025-03-03", prices([53.0, 52.0, 54.0], date(2025, 3, 1)))
    before, after = np.array([1.1, 1.1, 1.1, 1.1]), np.array([np.nan, 1.2, 1.2, np.nan])
    diff, without = exchanged(difference(Ends(start, start, end)), Rates(before, before), Rates(after, after))
    assert [tenor.label for tenor in diff.tenors] == ["2025-02", "2025-03", "2025-04"]
    assert without == ["2025-05"]
    np.testing.assert_allclose(diff.change, [np.nan, 53 * 1.2 - 50 * 1.1, np.nan], rtol=1e-15)
    assert move(diff, "market") == pytest.approx([0.0, 3 * 1.15, 0.0])
    assert move(diff, "fx") == pytest.approx([0.0, 0.1 * 51.5, 0.0])
    assert move(diff, "roll_off") == pytest.approx([-48 * 1.1, 0.0, 0.0])
    assert move(diff, "listing") == pytest.approx([0.0, 0.0, 52 * 1.2])


@given(snapshots.filter(lambda each: each is not None))
def test_nothing_moves_from_a_snapshot_to_itself(one: Snapshot) -> None:
    diff = difference(Ends(one, one, one))
    assert set(diff.status) <= {PointStatus.UNCHANGED}
    assert not np.any(diff.move.parts)


@pytest.fixture
async def book(migrated_url: str) -> AsyncIterator[Book]:
    async with open_book(migrated_url) as opened:
        yield opened


async def explained(book: Book, start: SnapshotRef, end: SnapshotRef, principal: Principal = DESK) -> CurveDiff | None:
    (curve,) = (await book.metadata.by_key(DESK, ["eugp:eu/dutch_ttf/gas"])).values()
    found = (await book.curves.moves.diffs(principal, [curve.id], start=start, end=end)).get(curve.id)
    if isinstance(found, InvalidInput):
        raise found
    return found


async def test_parts_add_up_over_random_histories_with_restatements(book: Book) -> None:
    """From any day as known at any instant to any other, and the other way round."""
    random = np.random.default_rng(11)
    published: list[tuple[str, str]] = []
    for n, day in enumerate(["2025-02-26", "2025-02-27", "2025-02-28", "2025-03-03", "2025-03-04"]):
        first = date(2025, int(day[5:7]), 1)
        for version in range(int(random.integers(1, 4))):
            at = f"2025-03-{5 + 2 * version:02} 10:{n:02}"
            await book.publish(day, [(TTF, prices(random.uniform(-50, 90, random.integers(1, 8)).tolist(), first))], at)
            published.append((day, at))
    refs = [SnapshotRef(date.fromisoformat(day), instant(at) + timedelta(seconds=1)) for day, at in published]
    refs += [SnapshotRef(date.fromisoformat(day), None) for day, _ in published]
    for _ in range(60):
        start, end = (refs[int(n)] for n in random.integers(0, len(refs), 2))
        found, back = await explained(book, start, end), await explained(book, end, start)
        assert found is not None
        assert back is not None
        before, after = found.before.mid, found.after.mid
        totals = np.nan_to_num(after) - np.nan_to_num(before)
        np.testing.assert_allclose(np.sum(found.move.parts, axis=0), totals, rtol=0, atol=1e-9)
        np.testing.assert_allclose(back.move.parts, [-part for part in found.move.parts], rtol=0, atol=1e-9)
        if start.as_of == end.as_of:
            assert not found.move.market.any()
        if start.known_at == end.known_at:
            assert not found.move.restatement.any()


async def test_a_restatement_of_the_day_before_is_told_apart(book: Book) -> None:
    await book.publish("2025-02-13", [(TTF, prices([50.0, 51.0]))])
    await book.publish("2025-02-14", [(TTF, prices([53.0, 54.0]))])
    await book.publish("2025-02-13", [(TTF, prices([52.0, 51.0]))], "2025-02-15 07:40")
    evening = instant("2025-02-13 23:00")
    found = await explained(book, SnapshotRef(date(2025, 2, 13), evening), SnapshotRef(date(2025, 2, 14), None))
    assert found is not None
    assert move(found, "restatement") == [2.0, 0.0]
    assert move(found, "market") == [1.0, 3.0]
    then = SnapshotRef(date(2025, 2, 14), instant("2025-02-15 07:39"))
    found = await explained(book, SnapshotRef(date(2025, 2, 13), then.known_at), then)
    assert found is not None
    assert (move(found, "restatement"), move(found, "market")) == ([0.0, 0.0], [3.0, 3.0])


async def test_of_many_curves_each_has_its_own_newest_day_on_or_before_the_one_asked_for(book: Book) -> None:
    """TTF is quoted and restated on the second day, NBP is not, and German power never is before the third."""
    await book.publish("2025-02-13", [(TTF, prices([50.0, 51.0])), (NBP, prices([90.0]))])
    await book.publish("2025-02-14", [(TTF, prices([53.0, 54.0]))])
    await book.publish("2025-02-14", [(TTF, prices([52.0, 54.0]))], "2025-02-15 07:40")
    await book.publish("2025-02-17", [(GERMAN, prices([70.0])), (NBP, prices([91.0]))])
    by_key = await book.metadata.by_key(DESK, [each.identity.key for each in (TTF, NBP, GERMAN)])
    ids = [curve.id for curve in by_key.values()]

    async def found(start: int, end: int, known_at: datetime | None = None) -> list[Any]:
        refs = [SnapshotRef(date(2025, 2, day), known_at) for day in (start, end)]
        diffs = await book.curves.moves.diffs(DESK, ids, start=refs[0], end=refs[1])
        told = []
        for id_, each in diffs.items():
            assert isinstance(each, CurveDiff)
            days = [None if end is None else (end.as_of.day, end.version) for end in (each.start, each.end)]
            told.append((ids.index(id_), *days, each.change.tolist()))
        return sorted(told)

    assert await found(13, 14) == [(0, (13, 1), (14, 2), [2.0, 3.0]), (1, (13, 1), (13, 1), [0.0])]
    assert await found(13, 16) == await found(13, 14)
    assert await found(14, 13) == [(0, (14, 2), (13, 1), [-2.0, -3.0]), (1, (13, 1), (13, 1), [0.0])]
    assert await found(13, 14, instant("2025-02-15 07:00")) == [
        (0, (13, 1), (14, 1), [3.0, 3.0]), (1, (13, 1), (13, 1), [0.0]),
    ]  # fmt: skip
    assert await found(13, 14, instant("2025-02-14 07:00")) == [
        (0, (13, 1), (13, 1), [0.0, 0.0]), (1, (13, 1), (13, 1), [0.0]),
    ]  # fmt: skip
    refs = [SnapshotRef(date(2025, 2, 14), instant(f"2025-02-{day} 07:00")) for day in (14, 16)]
    both = await book.curves.moves.diffs(DESK, ids, start=refs[0], end=refs[1])
    assert [ids.index(id_) for id_ in both] == [0, 1]  # German power has neither
    *others, (curve, start, end, change) = await found(14, 17)
    assert [each[:3] for each in others] == [(0, (14, 2), (14, 2)), (1, (13, 1), (17, 1))]
    assert (curve, start, end, np.isnan(change).all()) == (2, None, (17, 1), True)


async def test_what_belongs_to_another_tenant_does_not_exist(book: Book) -> None:
    await book.publish("2025-02-13", [(TTF, prices([50.0]))])
    assert await explained(book, SnapshotRef(), SnapshotRef(), RIVAL) is None
    with pytest.raises(Forbidden):
        await explained(book, SnapshotRef(), SnapshotRef(), Principal("desk", "nobody", frozenset()))
