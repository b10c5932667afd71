"""What one delivery period was priced at, day after day."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from itertools import count
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aurum.backends.columns import Columns
from aurum.backends.kept import KeptSince
from aurum.curves.history_blocks import read_history
from aurum.curves.model import PriceHistory
from aurum.curves.statements import newest_of_days
from aurum.curves.store import SnapshotStore, bits
from aurum.market.periods import DeliveryPeriod, TenorGrid


@dataclass(frozen=True, slots=True)
class HistoryAsked:
    """The prices of one delivery period on the days from `first` to `last`, both included, as known at `known_at`."""

    delivery: DeliveryPeriod
    first: date
    last: date
    known_at: datetime | None


_NO_POINT = -1
_identities = count()  # of what was read: two reads after the same event may differ, if another came in between


class HistoryStore:
    """Keeps `kept_bytes` of the histories asked for last."""

    def __init__(self, snapshots: SnapshotStore, kept_bytes: int) -> None:
        self._snapshots = snapshots
        self._kept = KeptSince[Hashable, PriceHistory](kept_bytes)

    async def of(
        self, tenant: str, curve_ids: Collection[int], asked: HistoryAsked, head: int | None = None
    ) -> dict[int, PriceHistory]:
        """By curve: the days of the range whose newest version known at `known_at` has the period.

        Those asked for last are kept, and are the answer until the head moves. `head`: the tenant's (`Heads`), where
        the caller has just asked for it.
        """
        if not self._kept.most_bytes:
            return await self._read(tenant, curve_ids, asked)
        head = await self._snapshots.heads.of(tenant) if head is None else head

        async def read() -> dict[int, PriceHistory]:
            found = await self._read(tenant, curve_ids, asked)
            return {id_: replace(history, identity=next(_identities)) for id_, history in found.items()}

        keys = {id_: (tenant, id_, asked) for id_ in curve_ids}
        return await self._kept.filled(keys, head, read, lambda _, history: history.size)

    async def _read(self, tenant: str, curve_ids: Collection[int], asked: HistoryAsked) -> dict[int, PriceHistory]:
        """Asks again where it meets grids that have never been read: it cannot know their points before."""
        delivery = asked.delivery
        while True:
            grids = dict(self._snapshots.grids)  # others may forget them meanwhile
            places = {id_: grid.places.get(delivery) for id_, grid in grids.items()}
            having = {id_: place for id_, place in places.items() if place is not None}
            found = await read_history(
                self._snapshots.database, tenant, curve_ids, asked.first, asked.last, asked.known_at, having
            )
            unknown = set(found["grid_id"].tolist()) - grids.keys()
            if not unknown:
                blank = dict.fromkeys(curve_ids, PriceHistory.blank(delivery))
                return blank | _histories(delivery, found, grids, having)
            await self._snapshots.grids_of(unknown)


def _histories(
    delivery: DeliveryPeriod, found: Columns, grids: Mapping[int, TenorGrid], places: Mapping[int, int]
) -> dict[int, PriceHistory]:  # fmt: skip
    """Of versions as `newest_of_days` takes them. `places` are those of the grids that have the period."""
    curve, used = found["curve_id"], found["grid_id"].tolist()
    labels = {id_: grids[id_][places[id_]].label for id_ in places.keys() & set(used)}
    place = np.array([places.get(id_, _NO_POINT) for id_ in used], np.int64)
    label = np.array([labels.get(id_, "") for id_ in used], object)
    there = np.flatnonzero(newest_of_days(found) & (place != _NO_POINT))
    starts = np.flatnonzero(np.append(True, curve[there][1:] != curve[there][:-1])[: len(there)])
    parts = np.split(there, starts[1:]) if len(there) else []
    return {int(curve[part[0]]): _history(delivery, found, part, place[part], label[part]) for part in parts}


def _history(
    delivery: DeliveryPeriod, found: Columns, rows: NDArray[np.intp], place: NDArray[np.int64], label: NDArray[Any]
) -> PriceHistory:  # fmt: skip
    mid, bid, ask = (found[side][rows] for side in ("mid", "bid", "ask"))
    return PriceHistory(
        delivery, found["as_of"][rows], label.tolist(), mid, bid, ask, found["version"][rows],
        found["published_at"][rows], _held(found["withheld"], rows, place),
    )  # fmt: skip


def _held(withheld: Sequence[bytes | None], rows: NDArray[np.intp], place: NDArray[Any]) -> NDArray[np.bool_]:
    held = np.zeros(len(rows), dtype=bool)
    for at, row in enumerate(rows.tolist() if any(withheld) else ()):
        packed = withheld[row]
        held[at] = packed is not None and place[at] in bits(packed)
    return held
