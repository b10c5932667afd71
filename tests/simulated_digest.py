"""python -m tests.simulated_digest prints the digest of a simulation, and that of a plain matrix product and exp."""

from __future__ import annotations

import hashlib

import numpy as np

from aurum.market.periods import months_from
from aurum.scenarios.simulation.factors import fitted
from aurum.scenarios.simulation.moves import daily_moves
from aurum.scenarios.simulation.risk import Position
from aurum.scenarios.simulation.shocks import Sampling
from aurum.scenarios.simulation.simulating import simulate
from tests.simulated import last_line, random_histories


def digest() -> str:
    """Of curves with logarithms and amounts, over a horizon of two months, with a position."""
    histories = random_histories(6, 24, 60, absolute=(1, 4))
    lines = [last_line(each) for each in histories]
    months = lines[0].months[2:14]
    position = Position(lines[0].key, months, np.full(12, 10.0), np.full(12, 720.0), "EUR")
    period = months_from(int(months[0]) // 12, int(months[0]) % 12 + 1, 12)
    model = fitted(daily_moves(histories))
    return simulate(model, lines, Sampling(500, 25, 42), positions=[position], periods=[period]).digest


def plain() -> str:
    """What depends on the machine."""
    chance = np.random.default_rng(1)
    one, other = chance.random((300, 300)), chance.random((300, 300))
    return hashlib.sha256((one @ other).tobytes() + np.exp(one).tobytes()).hexdigest()


if __name__ == "__main__":
    print(digest(), plain())  # noqa: T201
