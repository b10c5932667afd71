"""What an export of a comparison consists of: the differences of runs, found before anything is written."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from aurum.auth import Principal
from aurum.curves.analytics.comparisons import Bucket, By, Difference
from aurum.curves.stories import NamedRun
from aurum.errors import ExportTooLarge
from aurum.exports.model import Selection
from aurum.exports.plans import Source, chosen
from aurum.exports.selections import written
from aurum.metadata.model import Curve

_DIFFERENCES = 4_000  # of a batch: with 20 runs 80,000 rows


@dataclass(frozen=True, slots=True)
class ComparisonPlan:
    """Differences, the largest first: a row for each run that has the curve.

    `told` are the runs, in the order they were asked for; `curves` are in the units that these have pinned.
    """

    selection: Selection
    known_at: datetime
    told: Sequence[NamedRun]
    differences: Sequence[Difference]
    curves: Mapping[str, Curve]
    rows: int
    digest: str

    @property
    def curve_count(self) -> int:
        return len({each.key for each in self.differences})

    @property
    def snapshots(self) -> int:
        """That were read."""
        return len(self.curves) * len(self.told)

    @property
    def drivers(self) -> int:
        """The most that a run has."""
        return max(len(each.drivers) for each in self.told)

    async def batches(self) -> AsyncIterator[Sequence[Difference]]:
        for start in range(0, len(self.differences), _DIFFERENCES):
            yield self.differences[start : start + _DIFFERENCES]


async def compared(
    source: Source, principal: Principal, selection: Selection, told: Mapping[int, NamedRun], most: int, hint: str
) -> ComparisonPlan:
    """Of a selection that is pinned, whose runs are `told`. Raises ExportTooLarge for more than `most` rows."""
    asked, wanted = selection.compared or (), await chosen(source.curves, principal, selection)
    bucket, by = selection.bucket or Bucket.MONTH, selection.by or By.ABSOLUTE
    _, found, curves = await source.stories.compared(principal, asked, wanted, bucket, by)
    rows, digest = await asyncio.to_thread(_measured, selection, found)
    if rows > most:
        raise ExportTooLarge(f"more than {most:,} rows are selected", hint=hint, most=most)
    runs = [told[id_] for id_ in asked]
    known_at = max(each.known_at for each in runs)
    return ComparisonPlan(selection, known_at, runs, found, curves, rows, digest)


def _measured(selection: Selection, found: Sequence[Difference]) -> tuple[int, str]:
    """How many rows there are, and the digest of all that is in them."""
    told, rows = hashlib.sha256(written(selection).encode()), 0
    for each in found:
        told.update(repr(each).encode())
        rows += sum(value is not None for value in each.runs)
    return rows, told.hexdigest()
