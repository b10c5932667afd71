"""Histories for simulations, made of known factors."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from aurum.scenarios.simulation.histories import History, Line, months_of_days

FIRST_DAY = np.datetime64("2025-01-02")


def weekdays(count: int) -> np.ndarray[tuple[int], np.dtype[np.datetime64]]:
    days: np.ndarray[tuple[int], np.dtype[np.datetime64]] = np.busday_offset(FIRST_DAY, np.arange(count))
    return days


def history(key: str, prices: Sequence[Sequence[float]], days: Sequence[str], first_month: str = "2025-03") -> History:
    """A row of prices for each day, of months from the first on; NaN: not quoted."""
    dates = np.array(days, dtype="datetime64[D]")
    first = int(months_of_days(np.datetime64(first_month)))
    numbers = np.array(prices, dtype=float)
    return History(key, dates, first + np.arange(numbers.shape[1]), numbers)


def random_histories(
    curves: int, months: int, days: int, seed: int = 1, *, absolute: Sequence[int] = (), noise: float = 0.1
) -> list[History]:
    """Prices around 50 whose daily moves have three factors: all up, near against far, one half against the other.

    Each delivery month is quoted until it begins; a new one is listed at the far end. Volatility falls with time to
    delivery, from 2 % a day. Curves in `absolute` move by amounts, 50 times as large as the logarithms. Prices have
    three digits, so that they are the same on every machine.
    """
    chance, dates = np.random.default_rng(seed), weekdays(days)
    own = months_of_days(dates)
    numbers = own[0] + np.arange(months + own[-1] - own[0])
    ahead = numbers[None, :] - own[:, None]
    factors = chance.standard_normal((days, 3))
    found = []
    for curve in range(curves):
        side = 1.0 if curve % 2 else -1.0
        size = 0.02 * np.exp(-np.maximum(ahead, 0) / 24)
        common = factors[:, :1] + 0.5 * factors[:, 1:2] * (1 - ahead / 30) + 0.4 * side * factors[:, 2:]
        moves = size * (common + noise * chance.standard_normal(ahead.shape))
        walk = np.cumsum(moves, axis=0)
        prices = 50 + 50 * walk if curve in absolute else 50 * np.exp(walk)
        prices[(ahead < 0) | (ahead >= months)] = np.nan
        found.append(History(f"curve/{curve:03}", dates, numbers, np.round(prices, 3), curve in absolute))
    return found


def last_line(each: History) -> Line:
    quoted = np.isfinite(each.prices[-1])
    return Line(each.key, each.days[-1], each.months[quoted], each.prices[-1][quoted])
