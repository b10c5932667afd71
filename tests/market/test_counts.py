from __future__ import annotations

import pytest

from aurum.market.counts import counted


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0 days"), (1, "1 day"), (1.0, "1 day"), (0.5, "0.5 days"), (1_204_567, "1,204,567 days")],
)
def test_one_is_told_as_one(count: float, text: str) -> None:
    assert counted(count, "day") == text
