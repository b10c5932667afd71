"""The curves that a scenario starts from: which versions of them, and their prices."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime

from aurum.auth import Principal
from aurum.backends.paging import PageRequest
from aurum.curves.model import Listed
from aurum.curves.service import CurveService
from aurum.metadata.model import Curve, CurveFilter, UnitAssignment, unit_known_at
from aurum.metadata.service import MetadataService
from aurum.scenarios.model import BaseCurve, Issue, Severity
from aurum.scenarios.refusals import refused

MOST_CURVES = 5_000


@dataclass(frozen=True, slots=True)
class Base:
    """A version of a curve's day, which never changes, and the curve with the currency and unit it had then."""

    curve: Curve
    snapshot_id: int
    as_of: date


@dataclass(frozen=True, slots=True)
class Bases:
    """What scenarios read of curves."""

    curves: CurveService
    metadata: MetadataService

    async def chosen(
        self,
        principal: Principal,
        wanted: CurveFilter,
        named: Collection[str],
        as_of: date | None,
        known_at: datetime | None,
    ) -> list[Base]:
        """The curves that fit, and those that are named by their keys, where they have prices; by key.

        Four statements. Raises InvalidScenario where none fits, or too many.
        """
        fitting = (await self.metadata.curves(principal, wanted, [], PageRequest(MOST_CURVES + 1))).items
        if len(fitting) > MOST_CURVES:
            why = f"a scenario looks at no more than {MOST_CURVES:,} curves"
            raise refused([Issue(Severity.ERROR, "TOO_MANY_CURVES", why, "filter", "Narrow its filter.")])
        referred = await self.metadata.by_key(principal, named)
        curves = {curve.id: curve for curve in (*fitting, *referred.values())}
        listed = await self.curves.listed(principal, list(curves), as_of=as_of, known_at=known_at)
        if not any(curve.id in listed for curve in fitting):
            why, suggestion = "the scenario looks at no curve that has prices", "Widen it, or take another as-of date."
            raise refused([Issue(Severity.ERROR, "EMPTY_SELECTION", why, "filter", suggestion)])
        units = await self.metadata.unit_versions(principal, list(listed))
        return await asyncio.to_thread(_bases, listed, curves, units, known_at)

    async def read(self, principal: Principal, bases: Sequence[Base]) -> list[BaseCurve]:
        """Their prices. One statement."""
        days = await self.curves.mids_of(principal, [base.snapshot_id for base in bases])
        return [
            BaseCurve(base.curve, day.as_of, day.version, day.prices.tenors, day.prices.mid)
            for base, day in zip(bases, days, strict=True)
        ]


def _bases(
    listed: Mapping[int, Sequence[Listed]], curves: Mapping[int, Curve],
    units: Mapping[int, Sequence[UnitAssignment]], known_at: datetime | None,
) -> list[Base]:  # fmt: skip
    found = []
    for id_, (snapshot,) in listed.items():
        unit = unit_known_at(units[id_], known_at)
        curve = replace(curves[id_], currency=unit.currency, unit=unit.unit)
        found.append(Base(curve, snapshot.id, snapshot.as_of))
    return sorted(found, key=lambda base: base.curve.key)
