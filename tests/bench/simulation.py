"""make bench ARGS=simulation: 1,000 paths of 100 curves of 120 months, beside plain NumPy arithmetic of the same size.

The plain arithmetic draws as many normals, multiplies as many factors, takes exponentials and quantiles, and answers
other bits on another machine. Seconds are of the processor, so that others on the machine count little.
"""

from __future__ import annotations

import statistics
import time
import tracemalloc
from collections.abc import Callable, Sequence

import numpy as np
from rich.console import Console
from rich.table import Table

from aurum.scenarios.simulation.factors import FactorModel, fitted
from aurum.scenarios.simulation.histories import Line
from aurum.scenarios.simulation.moves import daily_moves
from aurum.scenarios.simulation.quantiles import LEVELS
from aurum.scenarios.simulation.shocks import Sampling
from aurum.scenarios.simulation.simulating import simulate
from tests.simulated import last_line, random_histories

CURVES, MONTHS, PATHS, ROUNDS = 100, 120, 1000, 7


def plain(model: FactorModel, lines: Sequence[Line]) -> None:
    chance = np.random.default_rng(1)
    factors = chance.standard_normal((model.factors, PATHS))
    for line in lines:
        places = model.places[model.keys.index(line.key), : len(line.months)]
        own = chance.standard_normal((len(places), PATHS))
        moves = own * np.sqrt(model.residual[places])[:, None] + model.loadings[:, places].T @ factors
        prices = line.prices[:, None] * np.exp(model.deviations[places][:, None] * moves)
        np.quantile(prices, LEVELS, axis=1)
        prices.mean(axis=1)
        prices.std(axis=1)


def main(console: Console) -> None:
    histories = random_histories(CURVES, MONTHS, 121, noise=0.5)
    moves, lines = daily_moves(histories), [last_line(each) for each in histories]
    started = time.process_time()
    model = fitted(moves)
    console.print(f"fitted on {model.moves} days: {time.process_time() - started:.2f} s, {model.factors} factors")
    ways: dict[str, Callable[[], object]] = {
        "plain NumPy": lambda: plain(model, lines),
        "simulated": lambda: simulate(model, lines, Sampling(PATHS, 10)),
    }
    seconds: dict[str, list[float]] = {way: [] for way in ways}
    for _ in range(ROUNDS):
        for way, work in ways.items():
            started = time.process_time()
            work()
            seconds[way].append(time.process_time() - started)
    table = Table("", "seconds", "times plain", title=f"{PATHS:,} paths, {CURVES} curves, {MONTHS} months")
    for way, taken in seconds.items():
        ratios = [each / one for each, one in zip(taken, seconds["plain NumPy"], strict=True)]
        table.add_row(way, f"{statistics.median(taken):.2f}", f"{statistics.median(ratios):.2f}")
    console.print(table)
    tracemalloc.start()
    simulate(model, lines, Sampling(PATHS, 10))
    console.print(f"memory beyond what it is given: {tracemalloc.get_traced_memory()[1] / 2**20:.0f} MiB")
    tracemalloc.stop()
