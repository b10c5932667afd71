"""Snapshots that are kept never stand for a newer one, nor are they anybody else's."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import date, datetime

import pytest

from aurum.auth import Principal
from aurum.curves.histories import HistoryAsked
from aurum.curves.model import Publication
from aurum.errors import Forbidden
from tests.published import DESK, NBP, RIVAL, TTF, Book, instant, months, open_book, prices


@pytest.fixture
async def book(migrated_url: str) -> AsyncIterator[Book]:
    async with open_book(migrated_url, 20_000) as opened:
        yield opened


async def test_a_restatement_in_between_is_answered_at_once(book: Book, migrated_url: str) -> None:
    """Snapshots are kept; which of them is the newest is asked every time."""
    await book.publish("2025-02-13", [(TTF, prices([50.0, 51.0]))])
    (curve,) = (await book.metadata.by_key(DESK, ["eugp:eu/dutch_ttf/gas"])).values()

    async def newest(principal: Principal = DESK, known_at: datetime | None = None) -> list[tuple[int, float]]:
        found = await book.curves.snapshots(principal, [curve.id], known_at=known_at)
        return [(each.version, float(each.prices.mid[0])) for each in found.values()]

    assert await newest() == [(1, 50.0)]
    assert await newest() == [(1, 50.0)]
    async with open_book(migrated_url) as other:
        await other.publish("2025-02-13", [(TTF, prices([77.0, 51.0]))], "2025-02-14 07:40")
    assert await newest() == [(2, 77.0)]
    assert await newest(known_at=instant("2025-02-14 07:39")) == [(1, 50.0)]
    assert await newest(RIVAL) == []
    with pytest.raises(Forbidden):
        await newest(Principal("desk", "nobody", frozenset()))


async def test_what_is_answered_together_is_of_one_moment(migrated_url: str) -> None:
    """A file is published after the head was asked for, and one of its two curves had been kept before."""
    async with open_book(migrated_url, 100_000) as book:
        await book.publish("2025-02-13", [(TTF, prices([50.0])), (NBP, prices([90.0]))])
        known = await book.metadata.by_key(DESK, ["eugp:eu/dutch_ttf/gas", "eugp:uk/nbp/gas"])
        ids = [curve.id for curve in known.values()]
        march = HistoryAsked(months(date(2025, 3, 1), 1)[0].period, date(2025, 2, 1), date(2025, 2, 28), None)
        head = await book.curves.head(DESK)

        async def seen(curve_ids: list[int]) -> tuple[list[float], list[float]]:
            snapshots = await book.curves.snapshots(DESK, curve_ids, head=head)
            histories = await book.curves.histories.of(DESK.tenant, curve_ids, march, head)
            return [snapshots[id_].prices.mid[0] for id_ in curve_ids], [histories[id_].mid[-1] for id_ in curve_ids]

        assert await seen(ids[:1]) == ([50.0], [50.0])
        corrected = [(TTF, prices([51.0])), (NBP, prices([91.0]))]
        await book.publish("2025-02-13", corrected, "2025-02-14 07:40")
        assert await seen(ids) == ([51.0, 91.0], [51.0, 91.0])


async def test_what_is_kept_is_bounded_and_comes_without_its_prices(book: Book) -> None:
    for day in range(1, 29):
        await book.publish(f"2025-02-{day:02}", [(TTF, prices([50.0 + day] * 40))])
    (curve,) = (await book.metadata.by_key(DESK, ["eugp:eu/dutch_ttf/gas"])).values()
    kept = book.curves.store.kept
    for day in [*range(1, 29), 28]:
        found = await book.curves.snapshots(DESK, [curve.id], as_of=date(2025, 2, day))
        assert float(found[curve.id].prices.mid[0]) == 50.0 + day
        assert kept.size <= 20_000
    assert 5 < len(kept) < 15
    again = await book.curves.snapshots(DESK, [curve.id], as_of=date(2025, 2, 28))
    assert again[curve.id] is found[curve.id]


async def test_what_a_transaction_has_read_and_lost_is_not_kept(book: Book, migrated_url: str) -> None:
    """SQLite gives the ids of what was rolled back to what comes next, and that is another tenor grid."""
    await book.publish("2025-02-12", [(TTF, prices([49.0, 50.0]))])
    (curve,) = (await book.metadata.by_key(DESK, ["eugp:eu/dutch_ttf/gas"])).values()
    day, lost = date(2025, 2, 13), prices([50.0, 51.0, 52.0], date(2026, 1, 1))
    publication = Publication("EUGP", day, book.now(), book.time, book.now(), None, [lost])
    with pytest.raises(RuntimeError):
        async with book.database.write() as transaction:
            await book.curves.publish(transaction, DESK, publication, [TTF])
            assert await book.curves.newest_of_day(transaction, DESK, day, [curve.id])
            raise RuntimeError("the load fails")
    async with open_book(migrated_url) as other:
        await other.publish("2025-02-13", [(TTF, prices([60.0, 61.0, 62.0], date(2025, 6, 1)))])
    found = (await book.curves.snapshots(DESK, [curve.id]))[curve.id]
    assert [tenor.label for tenor in found.prices.tenors] == ["2025-06", "2025-07", "2025-08"]
