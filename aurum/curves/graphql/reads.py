"""What derived curves and rates are made of, through the loaders of an operation."""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from aurum.curves import model
from aurum.curves.graphql.arguments import CurveContext
from aurum.metadata import model as catalogue


@dataclass(frozen=True, slots=True)
class LoadedReads:
    """What several fields of an operation derive from is read once."""

    context: CurveContext
    known_at: datetime | None
    run: int | None = None  # of a scenario, whose as-of date is `day`
    day: date | None = None

    def curves(self, keys: Sequence[str]) -> Awaitable[Sequence[catalogue.Curve | None]]:
        return self.context.load_many(self.context.metadata.by_key, keys)

    def units(self, curve_ids: Sequence[int]) -> Awaitable[Sequence[Sequence[catalogue.UnitAssignment] | None]]:
        return self.context.load_many(self.context.metadata.unit_versions, curve_ids)

    def snapshots(self, curve_ids: Sequence[int], as_of: date | None) -> Awaitable[Sequence[model.Snapshot | None]]:
        return self._told(curve_ids, self.run) if self.run and as_of == self.day else self._known(curve_ids, as_of)

    async def _told(self, curve_ids: Sequence[int], run: int) -> Sequence[model.Snapshot | None]:
        """Curves that the run does not have are what they are on its day."""
        told = await self.context.scenario_snapshots([(run, id_) for id_ in curve_ids])
        missing = [id_ for id_, each in zip(curve_ids, told, strict=True) if each is None]
        known = dict(zip(missing, await self._known(missing, self.day), strict=True)) if missing else {}
        return [each or known[id_] for id_, each in zip(curve_ids, told, strict=True)]

    def _known(self, curve_ids: Sequence[int], as_of: date | None) -> Awaitable[Sequence[model.Snapshot | None]]:
        return self.context.load_many(self.context.curves.snapshots, curve_ids, as_of=as_of, known_at=self.known_at)
