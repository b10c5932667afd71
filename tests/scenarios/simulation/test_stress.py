"""Days of history applied to the curves of today."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from aurum.errors import InvalidInput
from aurum.market.periods import months_from
from aurum.scenarios.simulation.histories import Line
from aurum.scenarios.simulation.moves import Moves, daily_moves
from aurum.scenarios.simulation.risk import Position
from aurum.scenarios.simulation.stress import replayed, stress_days
from tests.simulated import history

DAYS = ["2025-02-10", "2025-02-11", "2025-02-12", "2025-02-13"]
TODAY = np.datetime64("2025-09-12")
OCTOBER = 2025 * 12 + 9


def moved() -> Moves:
    """Gas by +10 %, -20 %, 0 in the month ahead; in the one after by 0, then not known. The spread by 1, 2, 3."""
    gas = history("gas", [[10, 30], [11, 30], [8.8, math.nan], [8.8, 30]], DAYS)
    spread = replace(history("spread", [[0.0, 0.0], [1.0, 0.0], [3.0, 0.0], [6.0, 0.0]], DAYS), absolute=True)
    return daily_moves([gas, spread])


def line(key: str) -> Line:
    return Line(key, TODAY, OCTOBER + np.arange(2), np.array([50.0, 40.0]))


def test_the_moves_of_a_day_by_time_to_delivery() -> None:
    np.testing.assert_allclose(replayed(moved(), line("gas")), [[55.0, 40.0, 50.0], [40.0, math.nan, math.nan]])
    np.testing.assert_allclose(replayed(moved(), line("spread")), [[51.0, 52.0, 53.0], [40.0, 40.0, 40.0]])


def test_the_worst_days_of_a_position() -> None:
    """Two bought of gas and one sold of the spread lose -10 + 1, 20 + 2 and 0 + 3."""
    held = [
        Position("gas", np.array([OCTOBER]), np.array([2.0]), np.ones(1), "EUR"),
        Position("spread", np.array([OCTOBER]), np.array([-1.0]), np.ones(1), "EUR"),
    ]
    found = stress_days(moved(), [line("gas"), line("spread")], held, [months_from(2025, 10, 1)], most=2)
    assert [str(each.as_of) for each in found.worst] == ["2025-02-12", "2025-02-13"]
    assert [each.by_period[0] for each in found.worst] == pytest.approx([22.0, 3.0])
    assert (found.days, found.incomplete) == (3, 0)
    assert [each.loss for each in found.worst] == pytest.approx([22.0, 3.0])


def test_a_day_without_a_move_that_is_needed_is_counted_and_not_ranked() -> None:
    held = [Position("gas", np.array([OCTOBER + 1]), np.ones(1), np.ones(1), "EUR")]
    found = stress_days(moved(), [line("gas")], held)
    assert (len(found.worst), found.days, found.incomplete) == (1, 1, 2)


def test_what_no_day_of_history_can_move_is_refused() -> None:
    far = Position("gas", np.array([OCTOBER + 5]), np.ones(1), np.ones(1), "EUR")
    unknown = Position("other", np.array([OCTOBER]), np.ones(1), np.ones(1), "EUR")
    for positions in ([], [far], [unknown]):
        with pytest.raises(InvalidInput):
            stress_days(moved(), [line("gas"), line("other")], positions)
    with pytest.raises(InvalidInput):
        replayed(moved(), replace(line("gas"), prices=np.array([-1.0, 40.0])))
