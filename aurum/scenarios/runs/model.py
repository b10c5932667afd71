"""A run: one computation of a version of a scenario, with everything it depends on pinned."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from enum import Enum, StrEnum
from typing import Any

import numpy as np

from aurum.curves.model import DayPrices, Prices, pack, unpack
from aurum.scenarios.model import Contribution, Issue, ScenarioCurve, Severity
from aurum.scenarios.simulation.asked import SimulationAsked
from aurum.scenarios.variations import Variation

SCENARIO_RUN = "SCENARIO_RUN"
MOST_SECONDS = 86_400


class RunState(StrEnum):
    """QUEUED becomes RUNNING or CANCELLED, RUNNING becomes one of those that are final."""

    QUEUED = "QUEUED"
    RUNNING = "RUNNING"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"
    TIMEOUT = "TIMEOUT"

    @property
    def final(self) -> bool:
        return self not in (RunState.QUEUED, RunState.RUNNING)


class Priority(Enum):
    """Higher ones are taken first; of the same one the oldest."""

    LOW = 0
    NORMAL = 1
    HIGH = 2
    CRITICAL = 3


@dataclass(frozen=True, slots=True)
class Request:
    """What somebody asks for. None of `version`: the newest; of `as_of` and `known_at`: as the scenario says.

    `variation`: how its drivers differ from the version's.
    """

    scenario_id: int
    version: int | None = None
    as_of: date | None = None
    known_at: datetime | None = None
    seed: int = 0
    priority: Priority = Priority.NORMAL
    time_limit: int = 3_600  # seconds
    idempotency_key: str | None = None
    simulation: SimulationAsked | None = None
    variation: Variation | None = None


@dataclass(frozen=True, slots=True)
class Run:
    """`progress` is from 0 to 1. The digests are there once it has succeeded: equal inputs have equal outputs."""

    id: int
    scenario_id: int
    version: int
    variation: Variation | None
    state: RunState
    priority: Priority
    seed: int
    time_limit: int
    as_of: date
    known_at: datetime
    idempotency_key: str | None
    requested_by: str
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    attempt: int
    progress: float
    input_digest: str | None
    output_digest: str | None
    issues: Sequence[Issue]
    error_code: str | None
    error: str | None
    hint: str | None

    @property
    def key(self) -> tuple[int, int]:
        """The version of the scenario that it runs."""
        return self.scenario_id, self.version


@dataclass(frozen=True, slots=True)
class Claim:
    """A run that this worker may execute: until another one claims it, with a higher attempt."""

    tenant: str
    run_id: int
    attempt: int
    seconds: int  # that it may take


@dataclass(frozen=True, slots=True)
class Input:
    """A curve that a run starts from: a snapshot, which never changes, and what it was in."""

    curve_id: int
    snapshot_id: int
    currency: str | None
    unit: str | None


@dataclass(frozen=True, slots=True)
class RunFilter:
    """Runs that fit every given condition (None: any)."""

    scenario_id: int | None = None
    states: tuple[RunState, ...] | None = None


@dataclass(frozen=True, slots=True)
class Result:
    """A curve as a run has it: its base, and what the drivers did; without `mid` it is its base."""

    id: int
    run_id: int
    curve_id: int
    curve_key: str
    snapshot_id: int
    mid: bytes | None
    drivers: Sequence[int]
    amounts: bytes | None

    def mids(self, base: Prices) -> Prices:
        return base if self.mid is None else unpack(self.mid)

    @property
    def contributions(self) -> list[Contribution]:
        """What each driver did to each point, by its number. To the base's mids they add up to the run's."""
        if self.amounts is None:
            return []
        each = unpack(self.amounts).reshape(len(self.drivers), -1)
        return [Contribution(driver, each[n]) for n, driver in enumerate(self.drivers)]


def read_issues(documents: Sequence[Mapping[str, Any]]) -> list[Issue]:
    return [Issue(**{**each, "severity": Severity(each["severity"])}) for each in documents]


@dataclass(frozen=True, slots=True)
class ResultMids:
    """Of a result what those need who ask for no drivers; without `mid` it is its base."""

    id: int
    run_id: int
    curve_id: int
    snapshot_id: int
    mid: bytes | None

    def mids(self, base: Prices) -> Prices:
        return base if self.mid is None else unpack(self.mid)

    def told(self, base: DayPrices) -> DayPrices:
        return replace(base, prices=replace(base.prices, mid=self.mids(base.prices.mid)))


def packed(curve: ScenarioCurve) -> dict[str, object]:
    """What a result keeps of a curve."""
    if not curve.contributions:
        return {"mid": None, "drivers": [], "amounts": None}
    amounts = np.concatenate([each.amounts for each in curve.contributions])
    return {
        "mid": pack(curve.mid), "drivers": [each.driver for each in curve.contributions], "amounts": pack(amounts),
    }  # fmt: skip
