"""What a run has simulated, as it is kept and told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from aurum.curves.model import Prices, pack, unpack
from aurum.scenarios.simulation.asked import Terms
from aurum.scenarios.simulation.computing import Computed, Summary
from aurum.scenarios.simulation.histories import Places
from aurum.scenarios.simulation.moves import MoveKind
from aurum.scenarios.simulation.quantiles import LEVELS, SimulatedCurve

_COUNT = len(LEVELS)


@dataclass(frozen=True, slots=True)
class RunSimulation:
    """`digest` and `summary` are there once the run has succeeded."""

    run_id: int
    terms: Terms
    digest: str | None
    summary: Summary | None


@dataclass(frozen=True, slots=True)
class Simulated:
    """What a worker has computed; `ids` of its curves by their keys."""

    computed: Computed
    ids: Mapping[str, int]


@dataclass(frozen=True, slots=True, eq=False)
class Numbers:
    """By delivery month: the scenario's mid, then what the paths say of it; see `SimulatedCurve`."""

    months: Places
    mid: Prices
    quantiles: Prices
    quantile_errors: Prices
    mean: Prices
    mean_error: Prices


@dataclass(frozen=True, slots=True)
class SimulatedRunCurve:
    run_id: int
    curve_id: int
    moves: MoveKind
    unmodelled: int
    numbers: Numbers


def packed(curve: SimulatedCurve) -> bytes:
    rows = [curve.line.months.astype(float), curve.line.prices, *curve.quantiles, *curve.quantile_errors]
    return pack(np.concatenate([*rows, curve.mean, curve.mean_error]))


def unpacked(data: bytes) -> Numbers:
    months, mid, *rows = unpack(data).reshape(2 * _COUNT + 4, -1)
    quantiles, errors = np.array(rows[:_COUNT]), np.array(rows[_COUNT:-2])
    return Numbers(months.astype(np.int64), mid, quantiles, errors, *rows[-2:])
