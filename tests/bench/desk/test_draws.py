"""Each question is of days that no other one has asked for: what a server has read of a day it keeps."""

from __future__ import annotations

import random
from itertools import islice

import pytest

from tests.bench.desk.__main__ import FULL, Draw, most_rounds
from tests.bench.desk.data import OF_VENDOR


@pytest.mark.parametrize(("curves", "in_a_row", "rounds"), [(FULL, 3, 61), (OF_VENDOR, 1, 19)])
def test_no_days_of_a_vendor_are_asked_for_twice(curves: int, in_a_row: int, rounds: int) -> None:
    assert most_rounds(curves, in_a_row) == rounds
    draws = islice(Draw.rounds(curves, random.Random(7)), 1 + (rounds + 5) * in_a_row)
    asked = [(draw.vendor, days) for draw in draws for days in draw.pairs.values()]
    assert len(asked) == len({*asked})
