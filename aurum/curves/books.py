"""Reads many curves at once, or one over many days: their numbers, and little else."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from functools import cache
from typing import Any

import numpy as np
from sqlalchemy import ColumnElement, Select, and_, bindparam, func, select

from aurum.backends.columns import Columns, read_columns
from aurum.backends.database import Id
from aurum.backends.reads import Read, among, rows_of
from aurum.curves import statements
from aurum.curves.model import CurvePrices, DayBlock, DayPrices, Listed, Side, Span, unpack
from aurum.curves.statements import RANK, of_tenant
from aurum.curves.store import SnapshotStore, bits
from aurum.curves.tables import snapshots
from aurum.market.periods import TenorGrid

_MID = ("curve_id", "as_of", "version", "published_at", "grid_id", "withheld", "mid")
_ALL = (*_MID, "bid", "ask")
_LISTED = ("curve_id", "as_of", "version", "published_at", "grid_id", "id")
_CURVE, _AS_OF, _VERSION, _PUBLISHED_AT, _GRID, _WITHHELD, _MIDS, _BID, _ = range(len(_ALL))
_ID = _LISTED.index("id")


class BookStore:
    def __init__(self, snapshots: SnapshotStore) -> None:
        self._snapshots = snapshots

    async def newest(
        self, tenant: str, curve_ids: Sequence[int], as_of: date | None, known_at: datetime | None
    ) -> dict[int, DayPrices]:
        """By curve: its mids on the newest as-of date on or before `as_of`, as known at `known_at`. One statement."""
        rows = await self._newest(_MID, tenant, curve_ids, as_of, known_at)
        grids = await self._grids(rows)
        return {row[_CURVE]: _day(row, grids) for row in rows}

    async def listed(
        self, tenant: str, curve_ids: Sequence[int], as_of: date | None, known_at: datetime | None
    ) -> dict[int, list[Listed]]:
        """By curve: the snapshot that `newest` answers. One statement."""
        return await self._listed(await self._newest(_LISTED, tenant, curve_ids, as_of, known_at))

    async def listed_days(
        self, tenant: str, spans: Sequence[Span], known_at: datetime | None
    ) -> dict[int, list[Listed]]:  # fmt: skip
        """By curve: the snapshots that `days` answers. One statement."""
        read = _days(known_at is not None, _LISTED)
        return await self._listed(await self._snapshots.database.rows(read, tenant=tenant, **_given(spans, known_at)))

    async def _newest(
        self, columns: tuple[str, ...], tenant: str, curve_ids: Sequence[int], as_of: date | None,
        known_at: datetime | None,
    ) -> Sequence[Sequence[Any]]:  # fmt: skip
        read = statements.newest_columns(columns, as_of is not None, known_at is not None)
        given: dict[str, Any] = {"curves": list(curve_ids), "places": list(range(len(curve_ids)))}
        given |= {"days": [as_of] * len(curve_ids)} if as_of else {}
        given |= {"known_at": known_at} if known_at else {}
        return await self._snapshots.database.rows(read, tenant=tenant, **given)

    async def _listed(self, rows: Sequence[Sequence[Any]]) -> dict[int, list[Listed]]:
        return await asyncio.to_thread(_listed, rows, await self._grids(rows))

    async def of_ids(self, tenant: str, ids: Sequence[int]) -> list[DayPrices]:
        """The mids of snapshots, parallel to their ids, all of which are there. One statement."""
        rows = await self._snapshots.database.rows(_BY_ID, tenant=tenant, ids=list(ids))
        grids = await self._grids(rows)
        found = {row[-1]: _day(row[:-1], grids) for row in rows}
        return [found[id_] for id_ in ids]

    async def days(
        self, tenant: str, spans: Sequence[Span], known_at: datetime | None, *, quotes: bool = False
    ) -> dict[int, list[DayPrices]]:
        """By curve: the as-of dates of its span, oldest first, each as known at `known_at`. One statement.

        Mids alone, unless `quotes` asks for bid and ask too.
        """
        rows = await self._snapshots.database.rows(
            _days(known_at is not None, _ALL if quotes else _MID), tenant=tenant, **_given(spans, known_at)
        )
        return await asyncio.to_thread(_by_curve, rows, await self._grids(rows))

    async def day_counts(self, tenant: str, spans: Sequence[Span], known_at: datetime | None) -> dict[int, int]:
        """By curve: how many as-of dates its span has, where it has any. One statement, which reads an index."""
        rows = await self._snapshots.database.rows(
            _day_counts(known_at is not None), tenant=tenant, **_given(spans, known_at)
        )
        return {row[0]: row[1] for row in rows}

    async def counts_by_day(
        self, tenant: str, curve_ids: Sequence[int], first: date, last: date, known_at: datetime | None
    ) -> dict[date, int]:
        """How many versions the curves have of each day, oldest first. One statement."""
        given = _between(curve_ids, first, last, known_at)
        rows = await self._snapshots.database.rows(
            statements.counts_by_day(known_at is not None), tenant=tenant, **given
        )
        return {row[0]: row[1] for row in rows}

    async def blocks(
        self, tenant: str, curve_ids: Sequence[int], first: date, last: date, known_at: datetime | None, side: Side
    ) -> list[DayBlock]:
        """One side of curves on the days from `first` to `last`, both included, as known at `known_at`: a block for
        each grid. One statement.
        """
        read, given = statements.vectors(side, known_at is not None), _between(curve_ids, first, last, known_at)
        found = await read_columns(self._snapshots.database, read, tenant=tenant, **given)
        grids = await self._grids_of(set(found["grid_id"].tolist()))
        return await asyncio.to_thread(_blocks, found, grids)

    async def _grids(self, rows: Sequence[Sequence[Any]]) -> Mapping[int, TenorGrid]:
        return await self._grids_of({row[_GRID] for row in rows})

    async def _grids_of(self, wanted: set[int]) -> Mapping[int, TenorGrid]:
        """Held here, for others may forget them meanwhile."""
        while True:
            grids = dict(self._snapshots.grids)
            if wanted <= grids.keys():
                return grids
            await self._snapshots.read_grids(wanted)


@cache
def _days(known_at: bool, names: tuple[str, ...]) -> Read:
    columns = snapshots.c
    statement = _within([columns[name] for name in names], known_at)
    return Read(statement.order_by(columns.curve_id, columns.as_of, *(columns[name] for name in RANK)))


@cache
def _day_counts(known_at: bool) -> Read:
    columns = snapshots.c
    counted = [columns.curve_id, func.count(columns.as_of.distinct())]
    return Read(_within(counted, known_at).group_by(columns.curve_id))


def _within(selected: Sequence[ColumnElement[Any]], known_at: bool) -> Select[Any]:
    """Snapshots of each of `curves` from its own one of `firsts` to its own one of `lasts`."""
    columns, day = snapshots.c, snapshots.c.as_of.type
    given = rows_of(curves=Id, firsts=day, lasts=day)
    fits = and_(columns.curve_id == given.c.curves, columns.as_of.between(given.c.firsts, given.c.lasts))
    statement = select(*selected).select_from(given.join(snapshots, fits)).where(of_tenant())
    return statement.where(columns.published_at <= _KNOWN_AT) if known_at else statement


def _given(spans: Sequence[Span], known_at: datetime | None) -> dict[str, Any]:
    given: dict[str, Any] = {} if known_at is None else {"known_at": known_at}
    return given | {
        "curves": [span.curve_id for span in spans],
        "firsts": [span.first for span in spans],
        "lasts": [span.last for span in spans],
    }


def _between(curve_ids: Sequence[int], first: date, last: date, known_at: datetime | None) -> dict[str, Any]:
    given: dict[str, Any] = {} if known_at is None else {"known_at": known_at}
    return given | {"curves": list(curve_ids), "first": first, "last": last}


_BY_ID = Read(select(*(snapshots.c[name] for name in (*_MID, "id"))).where(among(snapshots.c.id, "ids"), of_tenant()))
_KNOWN_AT: Any = bindparam("known_at", type_=snapshots.c.published_at.type)


def _by_curve(rows: Sequence[Sequence[Any]], grids: Mapping[int, TenorGrid]) -> dict[int, list[DayPrices]]:
    found: dict[int, dict[date, Sequence[Any]]] = {}
    for row in rows:  # of a day the newest version comes last
        found.setdefault(row[_CURVE], {})[row[_AS_OF]] = row
    return {curve_id: [_day(row, grids) for row in days.values()] for curve_id, days in found.items()}


def _blocks(found: Columns, grids: Mapping[int, TenorGrid]) -> list[DayBlock]:
    """Of versions by curve, day and rank: of a day the newest comes last."""
    curve, as_of, grid = found["curve_id"], found["as_of"], found["grid_id"]
    newest = np.append((curve[1:] != curve[:-1]) | (as_of[1:] != as_of[:-1]), True)[: len(curve)]
    sizes = found["bytes"] // found["vector"].itemsize
    starts = np.cumsum(sizes) - sizes
    blocks = []
    for id_ in np.unique(grid[newest]).tolist():
        rows, points = np.flatnonzero(newest & (grid == id_)), len(grids[id_])
        values = np.full((len(rows), points), np.nan)
        quoted = sizes[rows] == points
        values[quoted] = found["vector"][starts[rows[quoted], None] + np.arange(points)]
        blocks.append(DayBlock(grids[id_], curve[rows], as_of[rows], values))
    return blocks


def _listed(rows: Sequence[Sequence[Any]], grids: Mapping[int, TenorGrid]) -> dict[int, list[Listed]]:
    newest = {(row[_CURVE], row[_AS_OF]): row for row in rows}  # of a day the newest version comes last
    found: dict[int, list[Listed]] = {}
    for (curve_id, as_of), row in newest.items():
        found.setdefault(curve_id, []).append(Listed(row[_ID], as_of, grids[row[_GRID]]))
    return found


def _day(row: Sequence[Any], grids: Mapping[int, TenorGrid]) -> DayPrices:
    bid, ask = (None if side is None else unpack(side) for side in row[_BID:]) if len(row) > _BID else (None, None)
    held = () if row[_WITHHELD] is None else bits(row[_WITHHELD])
    prices = CurvePrices(grids[row[_GRID]], unpack(row[_MIDS]), bid, ask, withheld=held)
    return DayPrices(row[_AS_OF], row[_VERSION], row[_PUBLISHED_AT], prices)
