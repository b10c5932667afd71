"""Moves worked out in decimals: what a restatement is of them, and how big one is beside those of the days before."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from aurum.auth import local_principal
from aurum.ingestion.service import Submission
from aurum.services import Services
from aurum.settings import Settings
from tests.api.conftest import Ask, said
from tests.api.test_worked_analytics import Prices, book_of, close
from tests.published import TTF, Book, prices

US = local_principal(Settings().auth, "test")
KEY = "eugp:eu/dutch_ttf/gas"

# ---- a restatement between two real days ----

FEBRUARY, SEPTEMBER = date(2025, 2, 12), date(2025, 9, 10)
BEFORE, AFTER = "2025-02-18T12:00:00Z", "2025-09-30T12:00:00Z"
DIFF = """query($from: SnapshotRef!, $to: SnapshotRef!) { curve(key: "eugp:eu/dutch_ttf/gas") {
    diff(from: $from, to: $to) {
    points(tenorTypes: [MONTH]) { deliveryStart market restatement rollOff listing change }
    move { total market restatement rollOff listing unitMove fxMove } } } }"""
PARTS = ("market", "restatement", "rollOff", "listing")


def restated(was: Prices) -> Prices:
    """Every third month by a fifth of a euro, up and down in turn."""
    return {
        month: price + (Decimal("0.2") if n % 6 else Decimal("-0.2")) * (n % 3 == 0)
        for n, (month, price) in enumerate(sorted(was.items()))
    }


@pytest.fixture
async def known(services: Services, vendor_files: Path) -> tuple[Prices, Prices, Prices]:
    """February as it came and as it was restated a week later, and September."""
    files = [vendor_files / f"EOD_EUGP_{day:%Y%m%d}_1430.xlsx" for day in (FEBRUARY, SEPTEMBER)]
    for file in files:
        await services.ingestion.ingest(US, Submission(file.read_bytes(), file.name, "test"))
    first, last = (book_of(file)[KEY] for file in files)
    better = restated(first)
    mids = prices([float(better[month]) for month in sorted(better)], min(better))
    await Book(services.database).publish(str(FEBRUARY), [(TTF, mids)], "2025-02-19 08:00", US)
    return first, better, last


def worked(first: Prices, better: Prices, last: Prices) -> dict[date, dict[str, Decimal]]:
    parts = {month: dict.fromkeys(PARTS, Decimal(0)) for month in {*first, *last}}
    for month, of in parts.items():
        if month in first:
            of["restatement"] = better[month] - first[month]
        if month in first and month in last:
            of["market"] = last[month] - better[month]
        elif month in first:
            of["rollOff" if month <= SEPTEMBER else "listing"] = -better[month]
        else:
            of["listing"] = last[month]
    return parts


async def test_what_was_restated_is_no_move_of_the_market(known: tuple[Prices, Prices, Prices], ask: Ask) -> None:
    ends = {"asOf": str(FEBRUARY), "knownAt": BEFORE}, {"asOf": str(SEPTEMBER), "knownAt": AFTER}
    found = (await said(ask, DIFF, **{"from": ends[0], "to": ends[1]}))["diff"]
    parts = worked(*known)
    assert {name for of in parts.values() for name in PARTS if of[name]} == set(PARTS)
    assert len(found["points"]) == len(parts)
    for point in found["points"]:
        of = parts[date.fromisoformat(point["deliveryStart"])]
        assert {name: point[name] for name in PARTS} == {name: close(of[name]) for name in PARTS}
    sums = {name: sum((of[name] for of in parts.values()), Decimal(0)) for name in PARTS}
    total = sum(known[2].values(), Decimal(0)) - sum(known[0].values(), Decimal(0))
    assert total == sum(sums.values())
    zero = {"unitMove": 0.0, "fxMove": 0.0}
    wanted = {"total": total} | sums
    assert found["move"] == zero | {name: pytest.approx(float(each), abs=1e-9) for name, each in wanted.items()}
    back = (await said(ask, DIFF, **{"from": ends[1], "to": ends[0]}))["diff"]["move"]
    assert back == {name: pytest.approx(-each, abs=1e-9) for name, each in found["move"].items()}


# ---- z-scores ----

MOVERS = """query($from: SnapshotRef!, $to: SnapshotRef!) { movers(from: $from, to: $to, by: %s, first: 1,
    filter: {keys: ["eugp:eu/dutch_ttf/gas"]}) { nodes { change
      deviation { zScore mean standardDeviation moves window steps absence } } } }"""
START = date(2025, 1, 1)


def day_of(step: int) -> str:
    return str(START + timedelta(step))


async def publish(services: Services, mids: Sequence[Decimal]) -> None:
    """A day each, known on its evening, for one month of delivery."""
    book = Book(services.database)
    for step, mid in enumerate(mids):
        await book.publish(day_of(step), [(TTF, prices([float(mid)], date(2026, 3, 1)))], principal=US)


async def mover(ask: Ask, start: int, end: int, known_at: str | None = None) -> Any:
    """The same whatever the moves are sized by."""
    ends = {name: {"asOf": day_of(step), "knownAt": known_at} for name, step in (("from", start), ("to", end))}
    (node,), (other,) = [(await said(ask, MOVERS % by, **ends))["nodes"] for by in ("ZSCORE", "ABSOLUTE")]
    assert node == other
    return node


def running(moves: Sequence[str]) -> list[Decimal]:
    mids = [Decimal(50)]
    for move in moves:
        mids.append(mids[-1] + Decimal(move))
    return mids


async def test_a_z_score_of_three_days_by_hand(services: Services, ask: Ask) -> None:
    """Ten days up by 1 and ten by 3: a mean of 2, squares of 1 each, a sample deviation of √(20/19). Three days later
    it is up by 12, where three means are 6: 6 / √(20/19 × 3) = 3.3764."""
    await publish(services, running(["1", "3"] * 10 + ["5", "-1", "8"]))
    found = await mover(ask, 20, 23)
    assert found["change"] == 12.0
    deviation = found["deviation"]
    assert deviation["zScore"] == pytest.approx(3.3764, abs=5e-5)
    assert deviation["zScore"] == close(6 / (Decimal(60) / 19).sqrt())
    assert (deviation["mean"], deviation["standardDeviation"]) == (2.0, close((Decimal(20) / 19).sqrt()))
    assert (deviation["moves"], deviation["window"], deviation["steps"]) == (20, 60, 3)
    back = await mover(ask, 23, 20)
    assert (back["change"], back["deviation"]["zScore"]) == (-12.0, -deviation["zScore"])
    assert (back["deviation"]["mean"], back["deviation"]["steps"]) == (-2.0, 3)


def z_score(mids: Sequence[Decimal], start: int, end: int) -> Decimal:
    """The sixty daily moves up to the older end, the deviation of a sample, the square root of the days."""
    before = mids[max(0, start - 60) : start + 1]
    moves = [later - earlier for earlier, later in pairwise(before)]
    mean = sum(moves, Decimal(0)) / len(moves)
    variance = sum(((move - mean) ** 2 for move in moves), Decimal(0)) / (len(moves) - 1)
    return (mids[end] - mids[start] - (end - start) * mean) / (variance * (end - start)).sqrt()


async def test_sixty_days_count_as_they_are_known(services: Services, ask: Ask) -> None:
    """Seventy moves, of which the first ten are wild; a day among the last sixty is restated later."""
    moves = ["9", "-8"] * 5 + [f"{(37 * n) % 101 - 50}e-2" for n in range(60)] + ["0.7", "0.4"]
    mids = running(moves)
    await publish(services, mids)
    found = await mover(ask, 70, 72)
    assert found["deviation"]["zScore"] == close(z_score(mids, 70, 72))
    assert found["deviation"]["moves"] == 60
    wrong = [*mids[:40], mids[40] + Decimal("2.5"), *mids[41:]]
    restatement = prices([float(wrong[40])], date(2026, 3, 1))
    await Book(services.database).publish(day_of(40), [(TTF, restatement)], "2025-04-01 09:00", US)
    assert (await mover(ask, 70, 72))["deviation"]["zScore"] == close(z_score(wrong, 70, 72))
    assert (await mover(ask, 70, 72, "2025-04-01T08:00:00Z"))["deviation"] == found["deviation"]


async def test_days_that_all_move_alike_have_no_z_score(services: Services, ask: Ask) -> None:
    """A tenth each day: that 50.1 - 50 is not quite 50.2 - 50.1 in binary is no variation."""
    await publish(services, running(["0.1"] * 30))
    deviation = (await mover(ask, 28, 30))["deviation"]
    assert (deviation["zScore"], deviation["absence"], deviation["moves"]) == (None, "NO_VARIATION", 28)
    assert deviation["mean"] == pytest.approx(0.1, rel=1e-12)
