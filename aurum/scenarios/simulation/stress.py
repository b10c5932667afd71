"""Days of history once more: all that moved on one of them, applied to the curves of today."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np

from aurum.curves.model import Prices
from aurum.errors import InvalidInput
from aurum.market.periods import DeliveryPeriod
from aurum.scenarios.simulation.arithmetic import exp
from aurum.scenarios.simulation.histories import Line
from aurum.scenarios.simulation.moves import NOWHERE, MoveKind, Moves, refuse_logarithm
from aurum.scenarios.simulation.risk import Ledger, Position


@dataclass(frozen=True, slots=True)
class StressDay:
    """What positions would lose (above 0) if the moves of an as-of date came again, in all and by delivery period."""

    as_of: date
    loss: float
    by_period: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class StressDays:
    """The worst first. `incomplete` are days that lack a move which the positions need: they are not ranked."""

    worst: Sequence[StressDay]
    days: int
    incomplete: int


def replayed(moves: Moves, line: Line) -> Prices:
    """`[month, day]`: the prices of a line after the moves of each day, in its unit; NaN where there is none.

    Raises InvalidInput for a price without a logarithm where one is needed.
    """
    row = moves.row(line.key)
    refuse_logarithm(moves.kinds[row], line)
    ahead, places = line.ahead, moves.places[row]
    inside = (ahead >= 0) & (ahead < len(places))
    at = np.where(inside, places[np.where(inside, ahead, 0)], NOWHERE)
    found = np.where(at == NOWHERE, np.nan, moves.values[:, at]).T
    if moves.kinds[row] is MoveKind.ABSOLUTE:
        return np.asarray(line.prices[:, None] + found)
    return np.asarray(line.prices[:, None] * np.where(np.isnan(found), np.nan, exp(np.nan_to_num(found))))


def stress_days(
    moves: Moves, lines: Sequence[Line], positions: Sequence[Position], periods: Sequence[DeliveryPeriod] = (),
    most: int = 10,
) -> StressDays:  # fmt: skip
    """The `most` worst days for the positions. Raises InvalidInput where a position has no move on any day."""
    known = {each.key: each for each in lines if each.key in moves.keys}
    missing = sorted({each.key for each in positions} - known.keys())
    if missing or not positions:
        what = f"nothing is known of how {missing[0]} moves" if missing else "stress days are those of a position"
        raise InvalidInput(what, field="positions")
    ledger = Ledger(positions, periods, len(moves.days))
    for key in sorted({each.key for each in positions}):
        ledger.add(known[key], replayed(moves, known[key]))
    ranked = np.argsort(-ledger.total, kind="stable")  # NaN comes last
    complete = int(np.isfinite(ledger.total).sum())
    days = [
        StressDay(moves.days[at].item(), float(ledger.total[at]), tuple(ledger.losses[:, at].tolist()))
        for at in ranked[: min(most, complete)].tolist()
    ]
    return StressDays(days, complete, len(moves.days) - complete)
