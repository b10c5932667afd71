"""What one delivery period was priced at, day after day."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any

import numpy as np

from aurum.curves import statements
from aurum.curves.model import PriceHistory, unpack
from aurum.curves.store import SnapshotStore, bits
from aurum.market.periods import DeliveryPeriod, TenorGrid

_NONE = -1
_CURVE, _AS_OF, _VERSION, _PUBLISHED_AT, _GRID, _WITHHELD, _PLACE = range(7)
_SIDES = (7, 8, 9)
_BLANK = np.array([np.nan], dtype="<f8").tobytes()


class HistoryStore:
    def __init__(self, snapshots: SnapshotStore) -> None:
        self._snapshots = snapshots

    async def of(
        self,
        tenant: str,
        curve_ids: Collection[int],
        delivery: DeliveryPeriod,
        first: date,
        last: date,
        known_at: datetime | None,
    ) -> dict[int, PriceHistory]:
        """By curve: the days from `first` to `last` whose newest version known at `known_at` has the period."""
        rows, grids = await self._rows(tenant, curve_ids, delivery, first, last, known_at)
        by_curve: dict[int, dict[date, Sequence[Any]]] = {}
        for row in rows:  # of a day the newest version comes last
            by_curve.setdefault(row[_CURVE], {})[row[_AS_OF]] = row
        return {curve_id: _history(delivery, days.values(), grids) for curve_id, days in by_curve.items()}

    async def _rows(
        self,
        tenant: str,
        curve_ids: Collection[int],
        delivery: DeliveryPeriod,
        first: date,
        last: date,
        known_at: datetime | None,
    ) -> tuple[Sequence[Sequence[Any]], Mapping[int, TenorGrid]]:
        """With the grids that they are of, which others may forget meanwhile.

        Asks again where it meets grids that have never been read: it cannot know their points before.
        """
        given: dict[str, Any] = {} if known_at is None else {"known_at": known_at}
        while True:
            grids = dict(self._snapshots.grids)
            places = {id_: grid.places.get(delivery, _NONE) for id_, grid in grids.items()}
            rows = await self._snapshots.database.rows(
                statements.history(known_at is not None), tenant=tenant, curves=list(curve_ids),
                grids=list(places), places=list(places.values()), first=first, last=last, **given,
            )  # fmt: skip
            unknown = {row[_GRID] for row in rows if row[_PLACE] is None}
            if not unknown:
                return rows, grids
            await self._snapshots.read_grids(unknown)


def _history(
    delivery: DeliveryPeriod, days: Iterable[Sequence[Any]], grids: Mapping[int, TenorGrid]
) -> PriceHistory:  # fmt: skip
    rows = [row for row in days if row[_PLACE] != _NONE]
    points = {(row[_GRID], row[_PLACE]) for row in rows}
    labels = {(grid, place): grids[grid][place].label for grid, place in points}
    mid, bid, ask = (unpack(b"".join([row[side] or _BLANK for row in rows])) for side in _SIDES)
    return PriceHistory(
        delivery, [row[_AS_OF] for row in rows], [labels[row[_GRID], row[_PLACE]] for row in rows], mid, bid, ask,
        [row[_VERSION] for row in rows], [row[_PUBLISHED_AT] for row in rows],
        [row[_WITHHELD] is not None and row[_PLACE] in bits(row[_WITHHELD]) for row in rows],
    )  # fmt: skip
