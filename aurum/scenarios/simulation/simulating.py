"""A simulation: quantile curves, and what positions may lose, from the same paths."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from aurum.curves.model import pack
from aurum.errors import InvalidInput
from aurum.market.finite import finite
from aurum.market.periods import DeliveryPeriod
from aurum.scenarios.simulation.factors import FactorModel
from aurum.scenarios.simulation.histories import Line
from aurum.scenarios.simulation.paths import Driven, simulated
from aurum.scenarios.simulation.quantiles import SimulatedCurve, summary
from aurum.scenarios.simulation.risk import Ledger, Position, Risk, rank_at_risk
from aurum.scenarios.simulation.shocks import Sampling

LEVEL = 0.95


@dataclass(frozen=True, slots=True, eq=False)
class Simulation:
    """Curves in the order of their keys; `risks` of all positions, then by delivery period; empty without positions."""

    curves: Sequence[SimulatedCurve]
    risks: Sequence[Risk]

    @property
    def digest(self) -> str:
        """SHA-256 (hex) of every number: the same on every machine."""
        found = hashlib.sha256(b"aurum simulation")
        for each in self.curves:
            found.update(f"{len(each.line.key)}/{each.line.key}/{len(each.line.months)}".encode())
            for numbers in (each.line.months, each.quantiles, each.quantile_errors, each.mean, each.mean_error):
                plain = np.asarray(numbers, dtype=float)
                found.update(pack(np.where(np.isnan(plain), np.nan, plain + 0.0)))  # one NaN, one zero
        for risk in self.risks:
            found.update(repr(risk).encode())
        return found.hexdigest()


def simulate(
    model: FactorModel,
    lines: Sequence[Line],
    sampling: Sampling,
    *,
    driven: Sequence[Driven] = (),
    positions: Sequence[Position] = (),
    periods: Sequence[DeliveryPeriod] = (),
    level: float = LEVEL,
    done: Callable[[float], None] = lambda _: None,
) -> Simulation:
    """Raises InvalidInput for what cannot be simulated; see `simulated` and `Ledger`.

    `done` is told after each curve which part of them is simulated.
    """
    missing = sorted({each.key for each in positions} - {each.key for each in lines})
    if missing:
        raise InvalidInput(f"a position is in a curve that is not simulated: {missing[0]}", field="positions")
    if positions:
        rank_at_risk(sampling.paths, level)
    ledger, curves = Ledger(positions, periods, sampling.paths), []
    for paths in simulated(model, lines, sampling, driven):
        with finite(f"what is simulated of {paths.line.key}"):
            ledger.add(paths.line, paths.prices)
            curves.append(summary(paths))
        done(len(curves) / len(lines))
    return Simulation(curves, ledger.risks(level) if positions else [])
