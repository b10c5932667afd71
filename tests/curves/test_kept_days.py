"""Days of many curves that are kept: differences, movers and aggregates answer from them until anything happens."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from datetime import date, datetime

import pytest

from aurum.auth import Principal
from aurum.backends.paging import PageRequest
from aurum.curves import mid_blocks
from aurum.curves.aggregates import AggregateAsked
from aurum.curves.analytics.buckets import DeliveryBucket
from aurum.curves.analytics.movers import MoveMeasure
from aurum.curves.analytics.pools import Grouping
from aurum.curves.model import Side
from aurum.curves.movers import MoversAsked
from aurum.curves.moves import SnapshotRef
from aurum.errors import Forbidden, InvalidInput
from aurum.metadata.model import CurveFilter
from tests.published import DESK, NBP, RIVAL, TTF, Book, instant, open_book, prices
from tests.statements import statements_from_here

FIRST, SECOND = date(2025, 2, 13), date(2025, 2, 14)
EUGP = CurveFilter(vendors=("EUGP",))
LATER = "2025-02-17 07:40"
Mids = list[float | None]
Found = dict[str, Mids]


@pytest.fixture(params=[(0, 16), (1_000_000, 16), (1_000_000, 1)], ids=["nothing kept", "kept", "read side by side"])
async def book(
    migrated_url: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Book]:
    kept_bytes, fewest = request.param
    monkeypatch.setattr(mid_blocks, "FEWEST", fewest)
    async with open_book(migrated_url, kept_bytes) as opened:
        await opened.publish(str(FIRST), [(TTF, prices([50.0, 51.0])), (NBP, prices([90.0, 91.0]))])
        await opened.publish(str(SECOND), [(TTF, prices([52.0, 54.0])), (NBP, prices([90.5, 91.0]))])
        yield opened


def plain(values: Iterable[float]) -> Mids:
    return [None if value != value else value for value in values]


async def changes(
    book: Book, principal: Principal = DESK, known_at: datetime | None = None, *, end: date = SECOND
) -> Mids:
    """Of each curve's points from day to day."""
    found = await book.metadata.by_key(DESK, ["eugp:eu/dutch_ttf/gas", "eugp:uk/nbp/gas"])
    ids = [curve.id for _, curve in sorted(found.items())]
    refs = SnapshotRef(FIRST, known_at), SnapshotRef(end, known_at)
    diffs = await book.curves.moves.diffs(principal, ids, start=refs[0], end=refs[1], quotes=False)
    return plain(x for diff in diffs.values() if not isinstance(diff, InvalidInput) for x in diff.change.tolist())


async def biggest(book: Book, principal: Principal = DESK, known_at: datetime | None = None) -> Mids:
    start, end = SnapshotRef(FIRST, known_at), SnapshotRef(SECOND, known_at)
    asked = MoversAsked(start, end, MoveMeasure.ABSOLUTE, one_per_curve=True)
    page = await book.curves.movers.page(principal, EUGP, asked, PageRequest(10))
    return plain(mover.after - mover.before for mover in page.page.items)


async def means(
    book: Book, principal: Principal = DESK, known_at: datetime | None = None, *, day: date = SECOND,
    by: DeliveryBucket = DeliveryBucket.MONTH, side: Side = Side.MID,
) -> Mids:  # fmt: skip
    asked = AggregateAsked(day, day, Grouping(by), known_at, side=side)
    page = await book.curves.aggregates.aggregate(principal, EUGP, asked, PageRequest(10))
    return plain(row.mean for row in page.page.items)


async def everything(book: Book, principal: Principal = DESK, known_at: datetime | None = None) -> Found:
    """Asked twice, and from the second time on by what is kept."""
    ways = {"changes": changes, "biggest": biggest, "means": means}
    found = {name: await way(book, principal, known_at) for name, way in ways.items()}
    assert {name: await way(book, principal, known_at) for name, way in ways.items()} == found
    return found


BEFORE = {"changes": [2.0, 3.0, 0.5, 0.0], "biggest": [3.0, 0.5], "means": [52.0, 54.0, 90.5, 91.0]}


async def test_a_correction_by_another_process_is_answered_at_once(book: Book, migrated_url: str) -> None:
    assert await everything(book) == BEFORE
    async with open_book(migrated_url) as other:
        await other.publish(str(SECOND), [(TTF, prices([52.0, 81.0])), (NBP, prices([90.5, 91.0]))], LATER)
    assert await everything(book) == {
        "changes": [2.0, 30.0, 0.5, 0.0], "biggest": [30.0, 0.5], "means": [52.0, 81.0, 90.5, 91.0],
    }  # fmt: skip
    assert await everything(book, known_at=instant("2025-02-17 07:39")) == BEFORE


async def test_so_is_what_arrives_late_and_was_known_before(book: Book, migrated_url: str) -> None:
    """A file that was published between two that are loaded already."""
    known_at = instant("2025-02-14 23:00")
    assert await everything(book, known_at=known_at) == BEFORE
    async with open_book(migrated_url) as other:
        await other.publish(str(SECOND), [(TTF, prices([53.0, 54.0]))], "2025-02-14 22:30")
    assert (await everything(book, known_at=known_at))["changes"] == [3.0, 3.0, 0.5, 0.0]
    assert (await everything(book, known_at=instant("2025-02-14 22:29")))["changes"] == BEFORE["changes"]


async def test_what_comes_into_quarantine_is_no_longer_answered(book: Book, migrated_url: str) -> None:
    assert await everything(book) == BEFORE
    async with open_book(migrated_url) as other:
        held = prices([52.0, 54.0]).without([1])
        await other.publish(str(SECOND), [(TTF, held), (NBP, prices([90.5, 91.0]))], LATER)
    assert await everything(book) == {
        "changes": [2.0, None, 0.5, 0.0], "biggest": [2.0, 0.5], "means": [52.0, None, 90.5, 91.0],
    }  # fmt: skip


async def test_it_is_nobody_elses(book: Book) -> None:
    assert await everything(book) == BEFORE
    assert await everything(book, RIVAL) == {"changes": [], "biggest": [], "means": []}
    nobody = Principal("desk", "nobody", frozenset())
    for way in (changes, biggest, means):
        with pytest.raises(Forbidden):
            await way(book, nobody)


async def test_a_curve_without_the_day_has_its_newest_before(book: Book, migrated_url: str) -> None:
    """And the day itself as soon as it comes."""
    later = date(2025, 2, 17)

    async def moved() -> Mids:
        return sorted(await changes(book, end=later), key=lambda change: change or 0.0)

    assert await moved() == await moved() == [0.0, 0.5, 2.0, 3.0]
    async with open_book(migrated_url) as other:
        await other.publish(str(later), [(NBP, prices([92.0, 92.0]))])
        assert await moved() == await moved() == [1.0, 2.0, 2.0, 3.0]
        await other.publish(str(later), [(TTF, prices([60.0, 60.0]))])
    assert await moved() == [1.0, 2.0, 9.0, 10.0]


async def test_another_side_day_or_bucket_is_not_taken_for_it(book: Book) -> None:
    assert await means(book) == BEFORE["means"]
    assert await means(book, by=DeliveryBucket.CALENDAR) == [53.0, 90.75]
    assert await means(book, by=DeliveryBucket.CALENDAR, side=Side.BID) == pytest.approx([52.95, 90.70])
    assert await means(book, by=DeliveryBucket.CALENDAR, side=Side.ASK) == pytest.approx([53.05, 90.80])
    assert await means(book, day=FIRST) == [50.0, 51.0, 90.0, 91.0]


async def test_what_is_kept_takes_no_more_than_it_may(migrated_url: str) -> None:
    async with open_book(migrated_url, 8_000) as book:
        for day in range(1, 29):
            await book.publish(f"2025-02-{day:02}", [(TTF, prices([50.0 + day] * 40))])
        for day in range(1, 29):
            found = await means(book, day=date(2025, 2, day), by=DeliveryBucket.CALENDAR)
            assert set(found) == {50.0 + day}
        kept = book.curves.books.kept
        assert (3 < len(kept) < 28, kept.size <= 8_000) == (True, True)


async def test_a_day_that_is_kept_is_not_read_again(migrated_url: str) -> None:
    """By whoever asks for it: only the head, and the catalogue."""
    async with open_book(migrated_url, 1_000_000) as book:
        await book.publish(str(FIRST), [(TTF, prices([50.0, 51.0]))])
        await book.publish(str(SECOND), [(TTF, prices([52.0, 54.0]))])
        assert await changes(book) == [2.0, 3.0]
        statements = statements_from_here(book.database)
        assert await changes(book) == [2.0, 3.0]
        assert await biggest(book) == [3.0]
        assert await means(book, by=DeliveryBucket.CALENDAR) == [53.0]
        assert not [each for each in statements if "snapshots" in each]
