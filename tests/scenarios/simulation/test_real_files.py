"""Eleven days of a vendor, in February 2025: too few to be of use, enough to see that what comes out went in."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from aurum.curves.model import CurvePrices, DayPrices
from aurum.errors import InvalidScenario, TooLittleHistory
from aurum.metadata.model import CurveDescription
from aurum.scenarios.bases import Bases
from aurum.scenarios.drivers import EVERY_CURVE
from aurum.scenarios.model import BaseCurve
from aurum.scenarios.runs.pinning import pin
from aurum.scenarios.simulation.asked import SimulationAsked
from aurum.scenarios.simulation.factors import fitted
from aurum.scenarios.simulation.histories import history_of, line_of
from aurum.scenarios.simulation.moves import MoveKind, Moves, daily_moves
from aurum.scenarios.simulation.risk import Position
from aurum.scenarios.simulation.shocks import Sampling
from aurum.scenarios.simulation.simulating import simulate
from aurum.scenarios.simulation.stress import stress_days
from tests.published import DESK, open_book
from tests.scenario_curves import GAS, base_curves

KNOWN = datetime(2025, 3, 1, tzinfo=UTC)
Book = dict[str, list[BaseCurve]]


@pytest.fixture(scope="module")
def book(vendor_files: Path) -> Book:
    found: Book = {}
    for file in sorted(vendor_files.glob("EOD_EUGP_202502*.xlsx")):
        for each in base_curves(file):
            found.setdefault(each.key, []).append(each)
    return found


@pytest.fixture(scope="module")
def moves(book: Book) -> Moves:
    days = [
        (each[0].curve, [DayPrices(day.as_of, 1, KNOWN, CurvePrices(day.tenors, day.mid)) for day in each])
        for each in book.values()
    ]
    return daily_moves([history_of(curve, its_days) for curve, its_days in days])


def test_ten_moves_of_83_curves(moves: Moves) -> None:
    """Spark spreads move by amounts; every price is above zero, and moves by its logarithm."""
    assert (len(moves.keys), len(moves.days), moves.partial, moves.apart) == (83, 10, 0, 0)
    spreads = {key for key in moves.keys if "~spark_spread~" in key}
    assert {key for key, kind in zip(moves.keys, moves.kinds, strict=True) if kind is MoveKind.ABSOLUTE} == spreads
    with pytest.raises(TooLittleHistory):
        fitted(moves)


def test_a_year_of_gas_varies_as_it_did(book: Book, moves: Moves) -> None:
    """The model keeps each point's variance, and nearly all of that of twelve months together."""
    model, line = fitted(moves, least=8), line_of(book[GAS][-1])
    months = line.months[1:13]
    held = Position(GAS, months, np.full(12, 10.0), np.full(12, 730.0), "EUR")
    found = simulate(model, [line], Sampling(20_000, 1), positions=[held])
    own = moves.values[:, moves.places[moves.row(GAS), 1:13]]
    loss = (own * line.prices[1:13]).sum(axis=1).std(ddof=1) * 7300
    assert found.risks[0].value_at_risk == pytest.approx(1.645 * loss, rel=0.04)
    np.testing.assert_allclose(found.curves[0].mean[1:13], line.prices[1:13], rtol=0.002)
    days = stress_days(moves, [line], [held], most=10)
    assert days.worst[0].loss > 0 > days.worst[-1].loss
    expected = -(line.prices[1:13] * np.expm1(own)).sum(axis=1) * 7300
    assert [each.loss for each in days.worst] == pytest.approx(sorted(expected.tolist(), reverse=True))


async def test_eleven_days_are_refused_with_what_is_found_and_needed(book: Book, migrated_sqlite_url: str) -> None:
    async with open_book(migrated_sqlite_url) as desk:
        for curves in zip(*book.values(), strict=True):
            given = [(_described(each), CurvePrices(each.tenors, each.mid)) for each in curves]
            await desk.publish(curves[0].as_of.isoformat(), given)
        bases = Bases(desk.curves, desk.metadata)
        chosen = await bases.chosen(DESK, EVERY_CURVE, [], None, KNOWN)
        with pytest.raises(InvalidScenario) as refused:
            await pin(bases, DESK, SimulationAsked(), chosen, [], KNOWN)
    (issue,) = refused.value.details["issues"]
    assert (issue["code"], issue["path"]) == ("TOO_LITTLE_HISTORY", "simulation.filter")
    assert issue["message"].startswith(
        "10 daily moves were found, on 11 as-of dates that all curves have, and 30 are needed"
    )


def _described(base: BaseCurve) -> CurveDescription:
    curve = base.curve
    return CurveDescription(curve.identity, curve.asset_class, curve.commodity, curve.region)
