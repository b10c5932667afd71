"""What one delivery period was priced at, day after day."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aurum.backends.columns import Columns, read_columns
from aurum.curves import statements
from aurum.curves.model import PriceHistory
from aurum.curves.statements import NO_POINT
from aurum.curves.store import SnapshotStore, bits
from aurum.market.periods import DeliveryPeriod, TenorGrid


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
        """By curve: the days from `first` to `last` whose newest version known at `known_at` has the period.

        Asks again where it meets grids that have never been read: it cannot know their points before.
        """
        given: dict[str, Any] = {"tenant": tenant, "curves": list(curve_ids), "first": first, "last": last}
        given |= {} if known_at is None else {"known_at": known_at}
        read = statements.history(known_at is not None)
        while True:
            grids = dict(self._snapshots.grids)  # others may forget them meanwhile
            places = {id_: grid.places[delivery] for id_, grid in grids.items() if delivery in grid.places}
            found = await read_columns(
                self._snapshots.database, read, grids=list(places), places=list(places.values()), **given
            )
            unknown = set(found["grid_id"].tolist()) - grids.keys()
            if not unknown:
                return _histories(delivery, found, grids)
            await self._snapshots.read_grids(unknown)


def _histories(
    delivery: DeliveryPeriod, found: Columns, grids: Mapping[int, TenorGrid]
) -> dict[int, PriceHistory]:  # fmt: skip
    """Of versions by curve, day and rank: of a day the newest comes last."""
    curve, as_of, place = found["curve_id"], found["as_of"], found["place"]
    newest = np.append((curve[1:] != curve[:-1]) | (as_of[1:] != as_of[:-1]), True)[: len(curve)]
    there = np.flatnonzero(newest & (place != NO_POINT))
    starts = np.flatnonzero(np.append(True, curve[there][1:] != curve[there][:-1])[: len(there)])
    parts = np.split(there, starts[1:]) if len(there) else []
    return {int(curve[part[0]]): _history(delivery, found, part, grids) for part in parts}


def _history(
    delivery: DeliveryPeriod, found: Columns, rows: NDArray[np.intp], grids: Mapping[int, TenorGrid]
) -> PriceHistory:  # fmt: skip
    mid, bid, ask = (found[side][rows] for side in ("mid", "bid", "ask"))
    grid, place = found["grid_id"][rows], found["place"][rows]
    return PriceHistory(
        delivery, found["as_of"][rows], _labels(grid, place, grids), mid, bid, ask, found["version"][rows],
        found["published_at"][rows], _held(found["withheld"], rows, place),
    )  # fmt: skip


def _labels(grid: NDArray[Any], place: NDArray[Any], grids: Mapping[int, TenorGrid]) -> Sequence[str]:
    points = list(zip(grid.tolist(), place.tolist(), strict=True))
    labels = {(id_, at): grids[id_][at].label for id_, at in set(points)}
    return [labels[each] for each in points]


def _held(withheld: Sequence[bytes | None], rows: NDArray[np.intp], place: NDArray[Any]) -> NDArray[np.bool_]:
    held = np.zeros(len(rows), dtype=bool)
    for at, row in enumerate(rows.tolist()) if any(withheld) else ():
        packed = withheld[row]
        held[at] = packed is not None and place[at] in bits(packed)
    return held
