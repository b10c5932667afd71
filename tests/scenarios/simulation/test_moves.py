"""Daily moves by time to delivery."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from aurum.errors import InvalidInput, TooLittleHistory
from aurum.scenarios.simulation.moves import NOWHERE, MoveKind, daily_moves
from tests.simulated import history

NAN = math.nan


def test_a_roll_is_no_move() -> None:
    """On 3 March the front month is 30 dearer than on 28 February, because it is another month: it moved by 1 %."""
    found = daily_moves([history("gas", [[20, 50, 60], [NAN, 50.5, 60]], ["2025-02-28", "2025-03-03"], "2025-02")])
    assert found.days.tolist() == [np.datetime64("2025-03-03").item()]
    np.testing.assert_allclose(found.values[0, found.places[0]], [math.log(1.01), 0.0], atol=1e-15)


def test_logarithms_only_where_every_price_is_above_zero() -> None:
    days = ["2025-02-12", "2025-02-13"]
    told = replace(history("c", [[2.0], [3.0]], days), absolute=True)
    found = daily_moves([told, history("b", [[2.0], [-1.0]], days), history("a", [[2.0], [4.0]], days)])
    assert found.keys == ("a", "b", "c")
    assert found.kinds == (MoveKind.LOG, MoveKind.ABSOLUTE, MoveKind.ABSOLUTE)
    np.testing.assert_allclose(found.values[0], [math.log(2), -3.0, 1.0])


def test_a_gap_is_no_daily_move_and_neither_is_a_day_that_a_curve_lacks() -> None:
    """Friday to Tuesday is a holiday; from the 18th to the 24th days are missing. The 25th is one curve's alone."""
    days = ["2025-02-14", "2025-02-18", "2025-02-24", "2025-02-25", "2025-02-26"]
    one = history("one", [[1.0], [2.0], [3.0], [4.0], [5.0]], days)
    other = history("other", [[1.0], [2.0], [3.0], [5.0]], [*days[:3], days[4]])
    found = daily_moves([one, other])
    assert [str(day) for day in found.days] == ["2025-02-18", "2025-02-26"]
    assert (found.days_found, found.partial, found.apart) == (4, 1, 1)
    np.testing.assert_allclose(found.values[:, 0], [math.log(2), math.log(5 / 3)])


def test_what_is_not_quoted_makes_no_move_and_what_never_was_has_no_place() -> None:
    days = ["2025-02-12", "2025-02-13", "2025-02-14"]
    found = daily_moves([history("gas", [[1, NAN, NAN], [1, 2, NAN], [NAN, 2, NAN]], days)])
    assert found.places.tolist() == [[NOWHERE, 0, 1, NOWHERE]]  # the first month is one ahead
    np.testing.assert_array_equal(found.values, [[0.0, NAN], [NAN, 0.0]])


def test_without_two_days_there_is_nothing_to_learn() -> None:
    with pytest.raises(TooLittleHistory) as refused:
        daily_moves([history("gas", [[1.0]], ["2025-02-12"])])
    assert (refused.value.code, refused.value.details["found"]) == ("TOO_LITTLE_HISTORY", 0)
    twice = history("gas", [[1.0], [2.0]], ["2025-02-12", "2025-02-13"])
    for histories, window in (([], 10), ([twice, twice], 10), ([twice], 1), ([twice], 251)):
        with pytest.raises(InvalidInput):
            daily_moves(histories, window)
