"""What runs of scenarios have made of curves, for those who read curves: they are handed whoever has the runs."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Protocol

from aurum.auth import Principal
from aurum.curves.analytics.comparisons import Bucket, By, Difference
from aurum.curves.model import DayPrices, Listed, Snapshot
from aurum.metadata.model import Curve, CurveFilter


@dataclass(frozen=True, slots=True)
class NamedRun:
    """What a run that has succeeded is, for whoever says where numbers are from.

    `as_of` and `known_at` are what it has taken of curves; `drivers` the types of its drivers, in their order;
    `variation` how these differ from the version's.
    """

    run_id: int
    scenario: str
    version: int
    variation: str | None
    as_of: date
    known_at: datetime
    drivers: tuple[str, ...]
    input_digest: str | None
    output_digest: str | None


def teller(stories: Stories | None) -> Stories:
    """Raises ValueError where there is none: published prices are no answer to who asks for a scenario's."""
    if stories is None:
        raise ValueError("a run of a scenario is asked for, and nobody tells of runs")
    return stories


class Stories(Protocol):
    """Everything asks for `scenarios:read`, and raises NotFound, and Conflict for a run that has not succeeded.

    Curves that a run does not have are absent.
    """

    async def told(self, principal: Principal, run_ids: Collection[int]) -> dict[int, NamedRun]:
        """By id."""

    async def days(self, principal: Principal, run_id: int, curve_ids: Collection[int]) -> dict[int, DayPrices]:
        """By curve: its mids as the run has them, with the as-of date and version of what it has started from."""

    async def listed(self, principal: Principal, run_id: int, curve_ids: Collection[int]) -> dict[int, list[Listed]]:
        """By curve: the one snapshot that the run has of it, to be read with `snapshots_by_id`."""

    async def compared(
        self, principal: Principal, run_ids: Sequence[int], wanted: CurveFilter, bucket: Bucket, by: By
    ) -> tuple[Sequence[object], Sequence[Difference], Mapping[str, Curve]]:
        """The runs, where they differ from their bases and from each other, the largest first; and curves by key.

        Raises InvalidInput for no run, too many of them, or too many curves.
        """

    async def snapshots_by_id(self, principal: Principal, ids: Collection[int]) -> dict[int, Snapshot]:
        """Those that `listed` has named."""
