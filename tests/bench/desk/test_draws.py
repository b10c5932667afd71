"""Each question is of days that no other one has asked for: what a server has read of a day it keeps."""

from __future__ import annotations

import random

import pytest

from tests.bench.desk.__main__ import FULL, Draw
from tests.bench.desk.data import OF_VENDOR


@pytest.mark.parametrize(("curves", "draws"), [(FULL, 120), (OF_VENDOR, 15)])
def test_no_days_of_a_vendor_are_asked_for_twice(curves: int, draws: int) -> None:
    drawn = Draw.all(curves, random.Random(7))
    assert len(drawn) == draws
    asked = [(draw.vendor, days) for both in drawn for draw in both for days in draw.pairs.values()]
    assert len(asked) == len({*asked})
