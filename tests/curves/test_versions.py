"""Nothing is overwritten: every question can be asked again as of any instant. On SQLite and on PostgreSQL."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from datetime import date, datetime

import numpy as np
import pytest

from tests.published import DESK, GERMAN, NBP, RIVAL, TTF, Book, instant, open_book, prices


@pytest.fixture
async def book(migrated_url: str) -> AsyncIterator[Book]:
    async with open_book(migrated_url) as opened:
        yield opened


async def mids(book: Book, as_of: str | None = None, known_at: str | None = None) -> list[float] | None:
    """TTF's mids."""
    curve = (await book.metadata.by_key(DESK, ["eugp:eu/dutch_ttf/gas"]))["eugp:eu/dutch_ttf/gas"]
    found = await book.curves.snapshots(
        DESK,
        [curve.id],
        as_of=date.fromisoformat(as_of) if as_of else None,
        known_at=instant(known_at) if known_at else None,
    )
    return found[curve.id].prices.mid.tolist() if found else None


async def test_a_curve_comes_back_as_it_was_published(book: Book) -> None:
    await book.publish("2025-02-12", [(TTF, prices([55.1, float("nan"), 53.9]))])
    curve = (await book.metadata.by_key(DESK, ["EUGP:EU/Dutch_TTF/gas"]))["EUGP:EU/Dutch_TTF/gas"]
    snapshot = (await book.curves.snapshots(DESK, [curve.id]))[curve.id]
    np.testing.assert_array_equal(snapshot.prices.mid, [55.1, np.nan, 53.9])
    assert snapshot.prices.tenors == prices([1, 2, 3]).tenors
    assert snapshot.prices.mid_cells is not None
    assert snapshot.prices.mid_cells.address(2) == "Fixed Prices - Mid!D14"
    assert (curve.name, curve.currency, curve.unit) == ("TTF (Dutch) gas", "EUR", "MWh")


async def test_the_newest_as_of_on_or_before_answers(book: Book) -> None:
    await book.publish("2025-02-12", [(TTF, prices([50.0]))])
    await book.publish("2025-02-14", [(TTF, prices([52.0]))])
    assert await mids(book) == [52.0]
    assert await mids(book, "2025-02-14") == [52.0]
    assert await mids(book, "2025-02-13") == [50.0]
    assert await mids(book, "2025-02-11") is None


async def test_a_correction_is_a_new_version_and_the_old_answer_stays(book: Book) -> None:
    await book.publish("2025-02-12", [(TTF, prices([50.0])), (NBP, prices([120.0]))])
    corrected = [(TTF, prices([50.5])), (NBP, prices([120.0]))]
    outcome = await book.publish("2025-02-12", corrected, published_at="2025-02-13 09:00")
    assert [(change.version, change.points) for change in outcome.changes] == [(2, 1)]
    assert outcome.unchanged == 1
    assert await mids(book, "2025-02-12") == [50.5]
    assert await mids(book, "2025-02-12", known_at="2025-02-13 08:59") == [50.0]
    assert await mids(book, "2025-02-12", known_at="2025-02-13 09:00") == [50.5]
    assert await mids(book, "2025-02-12", known_at="2025-02-12 22:14") is None


async def test_an_original_that_arrives_after_its_correction_does_not_become_current(book: Book) -> None:
    await book.publish("2025-02-12", [(TTF, prices([50.5]))], published_at="2025-02-13 09:00")
    await book.publish("2025-02-12", [(TTF, prices([50.0]))], published_at="2025-02-12 22:15")
    assert await mids(book, "2025-02-12") == [50.5]
    assert await mids(book, "2025-02-12", known_at="2025-02-12 23:00") == [50.0]
    curve = (await book.metadata.by_key(DESK, ["eugp:eu/dutch_ttf/gas"]))["eugp:eu/dutch_ttf/gas"]
    versions = (await book.curves.versions(DESK, [(curve.id, date(2025, 2, 12))]))[curve.id, date(2025, 2, 12)]
    assert [version.version for version in versions] == [1, 2]
    superseded = await book.curves.superseded_at(DESK, [version.id for version in versions])
    assert superseded == {versions[1].id: instant("2025-02-13 09:00")}


@pytest.mark.parametrize("seed", range(5))
async def test_corrections_in_random_order_answer_every_question(book: Book, seed: int) -> None:
    """Against the obvious answer: of the files that are there, the last published one not after the question."""
    chance = random.Random(seed)
    days = ["2025-02-12", "2025-02-13", "2025-02-14"]
    files = [
        (day, f"{day} {hour:02}:{chance.randrange(60):02}", chance.choice([50.0, 51.0, 52.0]))
        for day in days
        for hour in chance.sample(range(15, 24), 4)
    ]
    chance.shuffle(files)
    questions = [(day, f"{known} {hour:02}:30") for day in days for known in days for hour in range(15, 24)]
    for count, (day, published_at, mid) in enumerate(files, 1):
        await book.publish(day, [(TTF, prices([mid]))], published_at=published_at)
        for as_of, known_at in chance.sample(questions, 12) if count < len(files) else questions:
            known = [
                (file_day, published, value)
                for file_day, published, value in files[:count]
                if file_day <= as_of and instant(published) <= instant(known_at)
            ]
            expected = [max(known)[2]] if known else None
            assert await mids(book, as_of, known_at) == expected, (as_of, known_at, sorted(known))


async def test_series_coverage_and_days(book: Book) -> None:
    for day, mid in (("2025-02-12", 50.0), ("2025-02-13", 51.0), ("2025-02-14", 52.0)):
        await book.publish(day, [(TTF, prices([mid])), *([(GERMAN, prices([80.0]))] if day != "2025-02-13" else [])])
    await book.publish("2025-02-13", [(TTF, prices([51.5]))], published_at="2025-02-14 07:00")
    found = await book.metadata.by_key(DESK, ["eugp:eu/dutch_ttf/gas", "eugp:eu/german/power/base"])
    ttf, german = found["eugp:eu/dutch_ttf/gas"].id, found["eugp:eu/german/power/base"].id
    first, last = date(2025, 2, 12), date(2025, 2, 13)

    async def series(known_at: datetime | None, limit: int = 10) -> list[float]:
        rows = await book.curves.series(DESK, [ttf, german], first=first, last=last, known_at=known_at, limit=limit)
        return [float(snapshot.prices.mid[0]) for snapshot in rows[ttf]]

    assert await series(None) == [50.0, 51.5]
    assert await series(instant("2025-02-14 06:00")) == [50.0, 51.0]
    assert await series(None, limit=1) == [50.0]
    coverage = await book.curves.coverage(DESK, [ttf, german])
    assert (coverage[ttf].first_as_of, coverage[ttf].last_as_of, coverage[ttf].count) == (first, date(2025, 2, 14), 3)
    assert coverage[german].count == 2


async def test_a_day_whose_newest_version_is_withheld_whole_has_no_prices(book: Book) -> None:
    """The first day loses them, and the second gets them."""
    held = prices([50.0]).without([0])
    await book.publish("2025-02-12", [(TTF, prices([50.0])), (NBP, held)])
    await book.publish("2025-02-13", [(TTF, held)])
    await book.publish("2025-02-12", [(TTF, held)], published_at="2025-02-14 07:00")
    await book.publish("2025-02-13", [(TTF, prices([51.0]))], published_at="2025-02-14 08:00")
    found = await book.metadata.by_key(DESK, ["eugp:eu/dutch_ttf/gas", "eugp:uk/nbp/gas"])
    ttf, others = found["eugp:eu/dutch_ttf/gas"].id, [curve.id for curve in found.values()]

    async def coverage(known_at: str | None = None) -> tuple[date, date, int] | None:
        at = None if known_at is None else instant(known_at)
        known = await book.curves.coverage(DESK, others, known_at=at)
        assert set(known) <= {ttf}
        return (known[ttf].first_as_of, known[ttf].last_as_of, known[ttf].count) if known else None

    first, second = date(2025, 2, 12), date(2025, 2, 13)
    assert await coverage("2025-02-14 06:00") == (first, first, 1)
    assert await coverage("2025-02-14 07:30") is None
    assert await coverage() == (second, second, 1)


async def test_another_tenant_sees_nothing(book: Book) -> None:
    await book.publish("2025-02-12", [(TTF, prices([50.0]))])
    curve = (await book.metadata.by_key(DESK, ["eugp:eu/dutch_ttf/gas"]))["eugp:eu/dutch_ttf/gas"]
    day = (curve.id, date(2025, 2, 12))
    assert await book.metadata.by_key(RIVAL, ["eugp:eu/dutch_ttf/gas"]) == {}
    assert await book.metadata.by_id(RIVAL, [curve.id]) == {}
    assert await book.curves.snapshots(RIVAL, [curve.id]) == {}
    assert await book.curves.versions(RIVAL, [day]) == {}
    assert await book.curves.coverage(RIVAL, [curve.id]) == {}
    snapshot = (await book.curves.snapshots(DESK, [curve.id]))[curve.id]
    assert await book.curves.snapshots_by_id(RIVAL, [snapshot.id]) == {}
    await book.publish("2025-02-12", [(TTF, prices([99.0]))], principal=RIVAL)
    assert await mids(book) == [50.0]
