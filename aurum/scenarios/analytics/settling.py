"""Contributions that add up to what moved, to the last bit."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from aurum.curves.model import Prices

_BITS = 52
_LEAST = -1074  # the exponent of the smallest number above 0


def settled(base: Prices, raw: Prices, final: Prices) -> tuple[Prices, Prices]:
    """The contributions (drivers, points) and the prices that they lead to: `raw` and `final` but for last bits.

    Formulas round, so that what they say does not add up in the last bits. All contributions of a point but the last
    that is not 0 are therefore taken to a grid of powers of two, as fine as floating point has it at the size of the
    largest number there, on which sums are exact; the last one is what remains. Then, added in this order,

        c1 + c2 + ... == price - base, and the price is `final`; but where moves much larger than both cancel, so that
        no double can say that, base + (c1 + c2 + ...) == price, and the price is `final` but for the last bits.

    Both hold, in exact arithmetic too, where no part and no sum of parts is larger than base or price.
    """
    if not len(raw):
        return raw, base
    size = np.abs(base) + _in_order(np.abs(raw)) + np.abs(final)
    known = np.isfinite(size)
    _, exponent = np.frexp(np.where(known, size, 1.0))
    grid = np.ldexp(1.0, np.maximum(exponent - _BITS, _LEAST))
    found = np.where(known, np.rint(raw / grid) * grid, raw)
    last, points = _last_moving(raw), np.arange(raw.shape[1])
    found[last, points] = 0.0
    rest = (final - base) - _in_order(found)
    found[last, points] = np.where(known & (raw != 0.0).any(axis=0), rest, raw[last, points])
    total = _in_order(found)
    return found + 0.0, np.where(total == final - base, final, base + total) + 0.0  # of the two zeros the positive one


def _last_moving(raw: Prices) -> NDArray[np.int64]:
    """For each point the last driver that moves it."""
    found: NDArray[np.int64] = len(raw) - 1 - np.argmax(raw[::-1] != 0.0, axis=0)
    return found


def _in_order(contributions: Prices) -> Prices:
    """As `added` does it."""
    total = np.zeros(contributions.shape[1:])
    for each in contributions:
        total = total + each
    return total
