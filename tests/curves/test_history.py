"""What one delivery period was priced at, day after day: held against the snapshots themselves."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import date
from typing import Any

import numpy as np
import pytest

from aurum.auth import Principal
from aurum.curves import history_blocks
from aurum.curves.model import CurvePrices, PriceHistory
from aurum.errors import Forbidden
from aurum.market.periods import DeliveryPeriod, Tenor, TenorGrid, TenorType, months_from
from tests.published import DESK, NBP, RIVAL, TTF, Book, instant, open_book, prices, snapshots_of_day

MAY = months_from(2025, 5, 1)


@pytest.fixture(params=[(0, 20, 8), (1_000_000, 20, 8), (0, 1, 1), (0, 3, 2)],
                ids=["nothing kept", "kept", "all in blocks", "some in blocks"])  # fmt: skip
async def book(
    migrated_url: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Book]:
    kept_bytes, fewest, turns = request.param
    monkeypatch.setattr(history_blocks, "FEWEST", fewest)
    monkeypatch.setattr(history_blocks, "TURNS", turns)
    async with open_book(migrated_url, kept_bytes) as opened:
        yield opened


async def history(
    book: Book, delivery: DeliveryPeriod = MAY, known_at: str | None = None, principal: Principal = DESK
) -> PriceHistory | None:
    ids = await book.metadata.by_key(DESK, ["eugp:eu/dutch_ttf/gas"])
    (curve,) = ids.values()
    found = await book.curves.history(
        principal, [curve.id], delivery=delivery, first=date(2025, 2, 1), last=date(2025, 3, 31),
        known_at=None if known_at is None else instant(known_at),
    )  # fmt: skip
    return found.get(curve.id)


def rows(found: PriceHistory | None) -> list[tuple[str, float | None, int]]:
    assert found is not None
    mids = [None if value != value else value for value in found.mid.tolist()]
    return list(zip(map(str, found.as_of), mids, found.versions, strict=True))


async def test_a_point_for_each_day_that_has_the_period(book: Book) -> None:
    await book.publish("2025-02-13", [(TTF, prices([50.0, 51.0, 52.0])), (NBP, prices([90.0, 91.0, 92.0]))])
    await book.publish("2025-02-14", [(TTF, prices([53.0, 54.0]))])  # March and April alone
    await book.publish("2025-02-28", [(TTF, prices([60.0, 61.0, 62.0], first=date(2025, 4, 1)))])
    found = await history(book)
    assert rows(found) == [("2025-02-13", 52.0, 1), ("2025-02-28", 61.0, 1)]
    assert found is not None
    assert found.tenors == ["2025-05", "2025-05"]
    np.testing.assert_allclose(found.bid, [51.95, 60.95])
    np.testing.assert_allclose(found.ask, [52.05, 61.05])


async def test_of_each_day_the_newest_version_that_was_known(book: Book) -> None:
    await book.publish("2025-02-13", [(TTF, prices([50.0, 51.0, 52.0]))])
    await book.publish("2025-02-14", [(TTF, prices([50.0, 51.0, 53.0]))])
    await book.publish("2025-02-13", [(TTF, prices([50.0, 51.0, 99.0]))], "2025-02-15 07:40")
    await book.publish("2025-02-14", [(TTF, prices([50.0, 51.0]))], "2025-02-16 07:40")  # May is withdrawn
    assert rows(await history(book)) == [("2025-02-13", 99.0, 2)]
    assert rows(await history(book, known_at="2025-02-15 07:40")) == [("2025-02-13", 99.0, 2), ("2025-02-14", 53.0, 1)]
    assert rows(await history(book, known_at="2025-02-15 07:39")) == [("2025-02-13", 52.0, 1), ("2025-02-14", 53.0, 1)]
    assert rows(await history(book, known_at="2025-02-13 22:14")) == []


async def test_the_newest_is_what_became_known_last_and_then_what_was_revised_last(book: Book) -> None:
    """In whatever order they arrive."""
    for mid, published, revised in ((52.0, "12:00", "13:00"), (53.0, "12:00", "12:00"), (54.0, "10:00", "15:00")):
        said = [(TTF, prices([50.0, 51.0, mid]))]
        await book.publish("2025-02-13", said, f"2025-02-14 {published}", revised_at=f"2025-02-14 {revised}")
    assert rows(await history(book)) == [("2025-02-13", 52.0, 1)]
    assert rows(await history(book, known_at="2025-02-14 11:59")) == [("2025-02-13", 54.0, 3)]


async def test_it_says_what_the_snapshots_say(book: Book) -> None:
    random = np.random.default_rng(7)
    for day in range(1, 29):
        mids = random.uniform(10, 90, random.integers(1, 9)).tolist()
        for version in range(random.integers(1, 4)):
            spread = None if random.integers(2) else 0.1 * (version + 1)
            fresh = prices([mid + version for mid in mids], date(2025, random.integers(2, 6), 1), spread)
            await book.publish(f"2025-02-{day:02}", [(TTF, fresh)], f"2025-03-{1 + version:02} 10:{day:02}")
    (curve,) = (await book.metadata.by_key(DESK, ["eugp:eu/dutch_ttf/gas"])).values()
    for month, known_at in [(month, at) for month in range(2, 13) for at in (None, "2025-03-02 10:14")]:
        instant_ = None if known_at is None else instant(known_at)
        delivery, expected = months_from(2025, month, 1), []
        for as_of in [date(2025, 2, day) for day in range(1, 29)]:
            snapshot = (await snapshots_of_day(book.curves, DESK, [curve.id], as_of, instant_)).get(curve.id)
            place = None if snapshot is None else snapshot.prices.tenors.places.get(delivery)
            if snapshot is not None and place is not None:
                expected.append((str(as_of), float(snapshot.prices.mid[place]), snapshot.version))
        found = await history(book, delivery, known_at)
        assert rows(found) == expected, (month, known_at)


async def test_a_point_in_quarantine_is_marked_and_has_no_number(book: Book) -> None:
    await book.publish("2025-02-13", [(TTF, prices([50.0, 51.0, 52.0]).without([2]))])
    found = await history(book)
    assert rows(found) == [("2025-02-13", None, 1)]
    assert found is not None
    assert found.withheld == [True]
    april = await history(book, months_from(2025, 4, 1))
    assert april is not None
    assert april.withheld == [False]


async def test_a_month_that_is_also_the_balance_of_the_year_is_answered_once(book: Book) -> None:
    december = months_from(2025, 12, 1)
    tenors = [Tenor("2025-12", TenorType.MONTH, december), Tenor("Bal 2025", TenorType.BALANCE, december)]
    await book.publish("2025-02-13", [(TTF, CurvePrices(TenorGrid(tenors), np.array([40.0, 41.0])))])
    found = await history(book, december)
    assert rows(found) == [("2025-02-13", 40.0, 1)]
    assert found is not None
    assert found.tenors == ["2025-12"]


async def test_what_another_process_restates_is_answered_at_once(book: Book, migrated_url: str) -> None:
    await book.publish("2025-02-13", [(TTF, prices([50.0, 51.0, 52.0]))])
    for _ in range(2):
        assert rows(await history(book)) == [("2025-02-13", 52.0, 1)]
    async with open_book(migrated_url) as other:
        await other.publish("2025-02-13", [(TTF, prices([50.0, 51.0, 77.0]))], "2025-02-14 07:40")
    assert rows(await history(book)) == [("2025-02-13", 77.0, 2)]
    assert rows(await history(book, known_at="2025-02-14 07:39")) == [("2025-02-13", 52.0, 1)]


async def test_grids_that_another_process_has_added_are_read(book: Book, migrated_url: str) -> None:
    await book.publish("2025-02-13", [(TTF, prices([50.0, 51.0, 52.0]))])
    assert len(rows(await history(book))) == 1
    async with open_book(migrated_url) as other:
        await other.publish("2025-02-14", [(TTF, prices([50.0, 51.0, 52.0, 53.0]))])
    assert [day for day, *_ in rows(await history(book))] == ["2025-02-13", "2025-02-14"]


async def test_grids_that_others_forget_meanwhile_are_still_at_hand(
    book: Book, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So many are kept; who reads one more forgets the others."""
    await book.publish("2025-02-12", [(TTF, prices([30.0, 31.0, 32.0]))])
    expected = rows(await history(book))
    asked = book.database.rows

    async def meanwhile(*given: Any, **named: Any) -> Any:
        found = await asked(*given, **named)
        book.curves.store.grids.clear()
        return found

    assert await history(book)
    monkeypatch.setattr(book.database, "rows", meanwhile)
    found = await book.curves.history(
        DESK, list(await book.metadata.keys(DESK)), delivery=MAY, first=date(2025, 2, 1), last=date(2025, 3, 31)
    )
    assert [rows(each) for each in found.values()] == [expected]


async def test_what_belongs_to_another_tenant_does_not_exist(book: Book) -> None:
    await book.publish("2025-02-13", [(TTF, prices([50.0, 51.0, 52.0]))])
    assert rows(await history(book, principal=RIVAL)) == []
    with pytest.raises(Forbidden):
        await history(book, principal=Principal("desk", "nobody", frozenset()))
