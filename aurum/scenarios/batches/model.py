"""A batch: runs that were queued together, or none of them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from aurum.scenarios.runs.model import Run

MOST_SCENARIOS = 100
MOST_TORNADO = 100  # drivers
MOST_SIMULATIONS = 10
MOST_CURVES = 100_000  # of all runs together


class BatchKind(StrEnum):
    """RUNS: of any scenarios. The others begin with the scenario as it is, then vary its drivers."""

    RUNS = "RUNS"
    SWEEP = "SWEEP"
    TORNADO = "TORNADO"


@dataclass(frozen=True, slots=True)
class Batch:
    """`scenario_id`: whose drivers vary; None: runs of any scenarios."""

    id: int
    kind: BatchKind
    scenario_id: int | None
    idempotency_key: str | None
    requested_by: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class BatchRun:
    """`queued`: by this batch; else the same had been asked for before."""

    position: int
    queued: bool
    run: Run


@dataclass(frozen=True, slots=True)
class Holding:
    """A quantity, bought (above 0) or sold, in the curve's unit, over whole months that all weigh the same."""

    curve: str
    delivery_start: date
    delivery_end: date
    quantity: float


@dataclass(frozen=True, slots=True)
class BatchFilter:
    """Batches that fit every given condition (None: any)."""

    scenario_id: int | None = None
