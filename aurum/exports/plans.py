"""What an export consists of, found before anything is written: its snapshots, their units, how many rows they are."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime

import numpy as np
from numpy.typing import NDArray

from aurum.auth import Principal
from aurum.backends.paging import PageRequest
from aurum.curves.expressions import conversion_to, unit_of_codes
from aurum.curves.model import Listed, Snapshot
from aurum.curves.service import CurveService
from aurum.curves.stories import NamedRun, Stories
from aurum.errors import ExportTooLarge, NotFound, UnitMismatch, UnknownUnit
from aurum.exports.model import Selection
from aurum.exports.selections import written
from aurum.market.periods import TenorGrid
from aurum.metadata.model import Curve, CurveFilter, CurveOrder, CurveOrderField, UnitAssignment, unit_known_at

_BY_KEY = [CurveOrder(CurveOrderField.KEY)]
_CURVES = 1000  # looked at together, of one as-of date each
_CURVES_RANGED = 50  # of many
_ROWS = 65_536  # of a batch, and of a row group in Parquet
_SNAPSHOTS = 1000
_FIRST_DAY, _LAST_DAY = date(1900, 1, 1), date(2200, 1, 1)


@dataclass(frozen=True, slots=True)
class Priced:
    """A curve, and what its exported prices are in: the vendor's times `factor`. None: nobody has said."""

    curve: Curve
    currency: str | None
    unit: str | None
    factor: float


@dataclass(frozen=True, slots=True)
class Plan:
    """Snapshots sorted by curve key and as-of date. `curve_of` and `rows_of` are parallel to their ids.

    `told`: the run of a scenario that has made them.
    """

    selection: Selection
    known_at: datetime
    curves: Sequence[Priced]
    ids: NDArray[np.int64]
    curve_of: NDArray[np.int64]
    rows_of: NDArray[np.int64]
    told: NamedRun | None = None

    @property
    def rows(self) -> int:
        return int(self.rows_of.sum())

    @property
    def snapshots(self) -> int:
        """That are read."""
        return len(self.ids)

    @property
    def curve_count(self) -> int:
        return len(self.curves)

    @property
    def digest(self) -> str:
        """The same plan is the same rows: snapshots never change."""
        units = [(each.curve.key, each.currency, each.unit, each.factor) for each in self.curves]
        told = hashlib.sha256(repr((written(self.selection), units)).encode())
        told.update(np.ascontiguousarray(self.ids).tobytes())
        return told.hexdigest()

    def parts(self) -> list[slice]:
        """Of the snapshots: those of a batch."""
        found, start, rows = list[slice](), 0, 0
        for place, count in enumerate(self.rows_of.tolist()):
            if place > start and (rows + count > _ROWS or place - start >= _SNAPSHOTS):
                found.append(slice(start, place))
                start, rows = place, 0
            rows += count
        return found + ([slice(start, len(self.ids))] if start < len(self.ids) else [])


@dataclass(frozen=True, slots=True)
class Source:
    """Where prices are read: as they were published, and as runs of scenarios have them."""

    curves: CurveService
    stories: Stories


async def planned(
    source: Source, principal: Principal, selection: Selection, told: NamedRun | None, most: int, hint: str
) -> Plan:
    """Of a selection that is pinned; `told` is its run.

    Raises ExportTooLarge for more than `most` rows, with `hint`; NotFound for a key of no curve; where a unit is asked
    for UnknownUnit, UnitMismatch, NoExchangeRate.
    """
    known_at = selection.known_at
    if known_at is None:
        raise ValueError("the selection is not pinned")
    curves = source.curves
    wanted = await chosen(curves, principal, selection)
    found = _Found(selection, known_at)
    async for page in _pages(curves, principal, wanted, _CURVES_RANGED if selection.ranged else _CURVES):
        listed = await _listed(source, principal, selection, [curve.id for curve in page])
        units = await curves.metadata.unit_versions(principal, list(listed))
        await asyncio.to_thread(found.add, [curve for curve in page if curve.id in listed], listed, units)
        if found.total > most:
            raise ExportTooLarge(f"more than {most:,} points are selected", hint=hint, most=most)
    return found.plan(told)


class _Found:
    """A plan that grows."""

    def __init__(self, selection: Selection, known_at: datetime) -> None:
        self._selection, self._known_at = selection, known_at
        self._counts: dict[TenorGrid, int] = {}
        self._curves: list[Priced] = []
        self._snapshots: list[tuple[int, int, int]] = []  # id, place of the curve, rows
        self.total = 0

    def add(
        self, curves: Sequence[Curve], listed: Mapping[int, Sequence[Listed]],
        units: Mapping[int, Sequence[UnitAssignment]],
    ) -> None:  # fmt: skip
        for curve in curves:
            self._add(curve, listed[curve.id], units[curve.id])

    def _add(self, curve: Curve, listed: Sequence[Listed], units: Sequence[UnitAssignment]) -> None:
        counted = [(each.id, self._count(each.tenors)) for each in listed]
        rows = [(id_, len(self._curves), count) for id_, count in counted if count]
        if rows:
            self._curves.append(_priced(curve, unit_known_at(units, self._known_at), self._selection))
            self._snapshots += rows
            self.total += sum(count for _, _, count in rows)

    def _count(self, tenors: TenorGrid) -> int:
        if tenors not in self._counts:
            self._counts[tenors] = len(self._selection.places(tenors))
        return self._counts[tenors]

    def plan(self, told: NamedRun | None) -> Plan:
        ids, curve_of, rows_of = np.array(self._snapshots, np.int64).reshape(-1, 3).T
        return Plan(self._selection, self._known_at, self._curves, ids, curve_of, rows_of, told)


async def batches(
    source: Source, principal: Principal, plan: Plan
) -> AsyncIterator[list[tuple[Priced, Snapshot]]]:  # fmt: skip
    """The snapshots of a plan in its order, some at a time."""
    read = source.curves.snapshots_by_id if plan.told is None else source.stories.snapshots_by_id
    for part in plan.parts():
        ids = plan.ids[part].tolist()
        found = await read(principal, ids)
        yield [(plan.curves[at], found[id_]) for at, id_ in zip(plan.curve_of[part].tolist(), ids, strict=True)]


async def chosen(curves: CurveService, principal: Principal, selection: Selection) -> CurveFilter:
    """Its curves, with the keys of the catalogue in place of those given. Raises NotFound for one that no curve has."""
    wanted = replace(selection.curves, search=await curves.metadata.search(principal, selection.search))
    if wanted.keys is None:
        return wanted
    found = await curves.metadata.by_key(principal, wanted.keys)
    missing = next((key for key in wanted.keys if key not in found), None)
    if missing is not None:
        hint = "See `curves(search:)` for what there is. In an address % of a key is %25, & is %26."
        raise NotFound(f"there is no curve {missing[:200]!r}", hint=hint, field="curve")
    return replace(wanted, keys=tuple(found[key].key for key in wanted.keys))


async def _pages(
    curves: CurveService, principal: Principal, wanted: CurveFilter, size: int
) -> AsyncIterator[Sequence[Curve]]:
    """By key."""
    request, more = PageRequest(size), True
    while more:
        page = await curves.metadata.curves(principal, wanted, _BY_KEY, request)
        yield page.items
        more = page.has_next
        request = replace(request, position=page.positions[-1] if more else None)


async def _listed(
    source: Source, principal: Principal, selection: Selection, ids: Collection[int]
) -> dict[int, list[Listed]]:  # fmt: skip
    curves = source.curves
    if not ids:
        return {}
    if selection.scenario_run is not None:
        return await source.stories.listed(principal, selection.scenario_run, ids)
    if selection.ranged:
        first, last = selection.first or _FIRST_DAY, selection.last or _LAST_DAY
        return await curves.listed_days(principal, ids, first=first, last=last, known_at=selection.known_at)
    return await curves.listed(principal, ids, as_of=selection.as_of, known_at=selection.known_at)


def _priced(curve: Curve, known: UnitAssignment, selection: Selection) -> Priced:
    if selection.currency is None and selection.unit is None:
        return Priced(curve, known.currency, known.unit, 1.0)
    source = unit_of_codes(known.currency, known.unit)
    if source is None:
        raise UnknownUnit(f"nobody has said what {curve.key} is priced in", hint="Say it with `setUnit`.")
    try:
        conversion = conversion_to(source, selection.currency, selection.unit)
    except UnitMismatch as error:
        hint = "Leave `currency` and `unit` out, or narrow the selection to curves that convert."
        raise type(error)(f"{curve.key}: {error.message}", hint=hint, **error.details) from error
    target = conversion.target.price
    return Priced(
        curve, target.currency if target else None, target.unit if target else None, conversion.factor
    )  # fmt: skip
