"""Reads many curves at once, or one over many days: their numbers, and little else."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Collection, Hashable, Mapping, Sequence
from datetime import date, datetime
from functools import cache, partial
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import ColumnElement, Select, and_, bindparam, func, select

from aurum.backends.columns import Columns, read_columns
from aurum.backends.database import Id
from aurum.backends.kept import KeptSince
from aurum.backends.reads import Read, among, rows_of
from aurum.curves import statements
from aurum.curves.blocks import DayBlock, Ids, QuoteBlock, Quoted, asked_for, held_back
from aurum.curves.mid_blocks import Parts, Rows, are_light, grids_in, newest_by_day, rows_between, rows_of_days
from aurum.curves.model import CurvePrices, DayPrices, Listed, Prices, Side, Span, unpack
from aurum.curves.statements import RANK, newest_versions, of_tenant
from aurum.curves.store import SnapshotStore, bits
from aurum.curves.tables import snapshots
from aurum.market.periods import TenorGrid

_SIDES = ("mid", "bid", "ask")
_MID = ("curve_id", "as_of", "version", "published_at", "grid_id", "withheld", "mid")
_ALL = (*_MID, "bid", "ask")
_LISTED = ("curve_id", "as_of", "version", "published_at", "grid_id", "id")
_CURVE, _AS_OF, _VERSION, _PUBLISHED_AT, _GRID, _WITHHELD, _MIDS, _BID, _ = range(len(_ALL))
_ID = _LISTED.index("id")
_MOST_BETWEEN = 2  # times as many curves as are asked for are read in one go: each alone costs more
_LIGHT = 1_000  # versions: what is made of them takes less time than a turn to a thread


class BookStore:
    """Keeps `kept_bytes` of what was asked for last, with the head (`Heads`) before it was read: until that moves, it
    is the answer. Reads take the tenant's head where the caller has just asked for it.
    """

    def __init__(self, snapshots: SnapshotStore, kept_bytes: int) -> None:
        self._snapshots = snapshots
        self.kept = KeptSince[Hashable, Quoted](kept_bytes)

    async def newest(
        self, tenant: str, days: Mapping[int, date | None], known_at: datetime | None, *, quotes: bool = False,
        head: int | None = None,
    ) -> Quoted:  # fmt: skip
        """Of each curve of `days` the newest as-of date on or before its own (None: any), as known at `known_at`.

        Mids alone, unless `quotes` asks for bid and ask too. Either all curves have a day or none has. One statement.
        """

        async def read() -> list[Quoted]:
            bounded = None not in days.values()
            read = statements.newest_vectors(_sides(quotes), bounded, known_at is not None)
            given = _newest_given(list(days), list(days.values()) if bounded else None, known_at)
            found = await read_columns(self._snapshots.database, read, tenant=tenant, **given)
            return await self._quoted(found, [np.arange(len(found["id"]))])

        key = (tuple(sorted(days.items())), known_at, quotes)
        (newest,) = await self._still(tenant, [key], head, read)
        return newest

    async def ends(
        self, tenant: str, curve_ids: Sequence[int], days: Sequence[date | None], known_at: datetime | None,
        *, quotes: bool = False, head: int | None = None,
    ) -> list[Quoted]:  # fmt: skip
        """For each of `days` what `newest` answers of all curves.

        One statement where curves have just these days, which costs half as much; one more for a day that some lack.
        """
        exact = [day for day in days if day is not None]
        newest = partial(self.newest, tenant, known_at=known_at, quotes=quotes, head=head)
        if len(exact) < len(days):
            return [await newest(dict.fromkeys(curve_ids, day)) for day in days]
        ends = []
        ids = np.array(sorted(set(curve_ids)), np.int64)
        there = await self._on(tenant, ids, exact, known_at, _sides(quotes), head)
        for day, found in zip(exact, there, strict=True):
            others = found.without(curve_ids)
            rest = (await newest(dict.fromkeys(others, day))).blocks if others else ()
            ends.append(Quoted.of([*found.blocks, *rest]) if rest else found)
        return ends

    async def listed(
        self, tenant: str, curve_ids: Sequence[int], as_of: date | None, known_at: datetime | None
    ) -> dict[int, list[Listed]]:
        """By curve: the snapshot that `newest` answers. One statement."""
        read = statements.newest_columns(_LISTED, as_of is not None, known_at is not None)
        given = _newest_given(curve_ids, [as_of] * len(curve_ids) if as_of else None, known_at)
        return await self._listed(await self._snapshots.database.rows(read, tenant=tenant, **given))

    async def listed_days(
        self, tenant: str, spans: Sequence[Span], known_at: datetime | None
    ) -> dict[int, list[Listed]]:  # fmt: skip
        """By curve: the snapshots that `days` answers. One statement."""
        read = _days(known_at is not None, _LISTED)
        return await self._listed(await self._snapshots.database.rows(read, tenant=tenant, **_given(spans, known_at)))

    async def _listed(self, rows: Sequence[Sequence[Any]]) -> dict[int, list[Listed]]:
        return await asyncio.to_thread(_listed, rows, await self._grids(rows))

    async def of_ids(self, tenant: str, ids: Sequence[int]) -> list[DayPrices]:
        """The mids of snapshots, parallel to their ids, all of which are there. One statement."""
        rows = await self._snapshots.database.rows(_BY_ID, tenant=tenant, ids=list(ids))
        found = await asyncio.to_thread(_by_id, rows, await self._grids(rows))
        return [found[id_] for id_ in ids]

    async def as_of_dates(self, tenant: str, ids: Collection[int]) -> dict[int, date]:
        """By snapshot. One statement."""
        rows = await self._snapshots.database.rows(_AS_OF_BY_ID, tenant=tenant, ids=list(ids))
        return {row[0]: row[1] for row in rows}

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
        self, tenant: str, curve_ids: Ids, first: date, last: date, known_at: datetime | None
    ) -> dict[date, int]:
        """How many versions the curves have of each day, oldest first. One statement."""
        given = _between(curve_ids, first, last, known_at)
        rows = await self._snapshots.database.rows(
            statements.counts_by_day(known_at is not None), tenant=tenant, **given
        )
        return {row[0]: row[1] for row in rows}

    async def blocks(
        self, tenant: str, curve_ids: Ids, first: date, last: date, known_at: datetime | None, side: Side,
        head: int | None = None,
    ) -> Callable[[], list[DayBlock]]:  # fmt: skip
        """One side of curves, whose ids are in order, on the days from `first` to `last`, both included, as known at
        `known_at`: a block for each grid, made by whoever calls for them, on a thread. One statement. A single day is
        kept.
        """
        if first == last:
            (day,) = await self._on(tenant, curve_ids, [first], known_at, (side,), head)
            return partial(_day_blocks, day, side)
        parts = Parts.of(curve_ids) if side is Side.MID else None
        if parts is not None:
            rows = await rows_between(self._snapshots.database, tenant, parts, first, last, known_at)
            return partial(_joined, rows, curve_ids, await self._snapshots.grids_of(grids_in(rows)))
        read, given = statements.vectors(side, known_at is not None), _between(curve_ids, first, last, known_at)
        found = newest_versions(await read_columns(self._snapshots.database, read, tenant=tenant, **given))
        return partial(_blocks, found, await self._snapshots.grids_of(set(found["grid_id"].tolist())), side)

    async def _on(
        self, tenant: str, curve_ids: Ids, days: Sequence[date], known_at: datetime | None,
        sides: tuple[str, ...], head: int | None,
    ) -> list[Quoted]:  # fmt: skip
        """Of exactly these days those curves, whose ids are in order, that have them. One statement."""

        async def read() -> list[Quoted]:
            parts = Parts.of(curve_ids) if sides == _SIDES[:1] else None
            if parts is not None:
                return await self._beside(tenant, curve_ids, parts, days, known_at)
            found = await self._of_days(tenant, curve_ids.tolist(), list(set(days)), known_at, sides)
            asked = asked_for(found["curve_id"], curve_ids)
            rows = [np.flatnonzero(asked & (found["as_of"] == np.datetime64(day))) for day in days]
            return await self._quoted(found, rows)

        ids = curve_ids.tobytes()  # which, unlike a tuple, knows its hash
        return await self._still(tenant, [(ids, day, known_at, sides) for day in days], head, read)

    async def _beside(
        self, tenant: str, curve_ids: Ids, parts: Parts, days: Sequence[date], known_at: datetime | None
    ) -> list[Quoted]:
        """What `_on` reads where mids lie side by side."""
        rows = await rows_of_days(self._snapshots.database, tenant, parts, list(set(days)), known_at)
        made = partial(newest_by_day, rows, curve_ids, await self._snapshots.grids_of(grids_in(rows)))
        by_day = made() if are_light(rows) else await asyncio.to_thread(made)
        return [Quoted.of(by_day.get(day, ())) for day in days]

    async def _still(
        self, tenant: str, keys: Sequence[Hashable], head: int | None, read: Callable[[], Awaitable[list[Quoted]]]
    ) -> list[Quoted]:
        """In the order of their keys. See `KeptSince.filled`."""
        if not self.kept.most_bytes:
            return await read()
        head = await self._snapshots.heads.of(tenant) if head is None else head

        async def placed() -> dict[int, Quoted]:
            return dict(enumerate(await read()))

        places = {place: (tenant, key) for place, key in enumerate(keys)}
        found = await self.kept.filled(places, head, placed, lambda _, quoted: quoted.size)
        return [found[place] for place in places]

    async def _quoted(self, found: Columns, parts: Sequence[NDArray[np.intp]]) -> list[Quoted]:
        """Each of these rows."""
        grids = await self._snapshots.grids_of(set(found["grid_id"].tolist()))

        def made() -> list[Quoted]:
            return [Quoted.of(_quote_blocks(found, rows, grids)) for rows in parts]

        return made() if len(found["id"]) <= _LIGHT else await asyncio.to_thread(made)

    async def _of_days(
        self, tenant: str, curve_ids: Sequence[int], days: Sequence[date], known_at: datetime | None,
        sides: tuple[str, ...],
    ) -> Columns:  # fmt: skip
        """The newest version of each of these days, and of few other curves whose ids are between. One statement."""
        lowest, highest = min(curve_ids, default=0), max(curve_ids, default=0)
        between = highest - lowest < _MOST_BETWEEN * len(curve_ids)
        given: dict[str, Any] = {"lowest": lowest, "highest": highest} if between else {"curves": list(curve_ids)}
        given |= {"known_at": known_at} if known_at else {}
        read = statements.day_vectors(sides, known_at is not None, between)
        return newest_versions(
            await read_columns(self._snapshots.database, read, tenant=tenant, days=list(days), **given)
        )

    async def _grids(self, rows: Sequence[Sequence[Any]]) -> Mapping[int, TenorGrid]:
        return await self._snapshots.grids_of({row[_GRID] for row in rows})


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


def _sides(quotes: bool) -> tuple[str, ...]:
    return _SIDES if quotes else _SIDES[:1]


def _newest_given(
    curve_ids: Sequence[int], days: Sequence[date | None] | None, known_at: datetime | None
) -> dict[str, Any]:  # fmt: skip
    given: dict[str, Any] = {"curves": list(curve_ids), "places": list(range(len(curve_ids)))}
    given |= {"days": list(days)} if days is not None else {}
    return given | ({"known_at": known_at} if known_at else {})


def _given(spans: Sequence[Span], known_at: datetime | None) -> dict[str, Any]:
    given: dict[str, Any] = {} if known_at is None else {"known_at": known_at}
    return given | {
        "curves": [span.curve_id for span in spans],
        "firsts": [span.first for span in spans],
        "lasts": [span.last for span in spans],
    }


def _between(curve_ids: Ids, first: date, last: date, known_at: datetime | None) -> dict[str, Any]:
    given: dict[str, Any] = {} if known_at is None else {"known_at": known_at}
    return given | {"curves": curve_ids.tolist(), "first": first, "last": last}


_BY_ID = Read(select(*(snapshots.c[name] for name in (*_MID, "id"))).where(among(snapshots.c.id, "ids"), of_tenant()))
_AS_OF_BY_ID = Read(select(snapshots.c.id, snapshots.c.as_of).where(among(snapshots.c.id, "ids"), of_tenant()))
_KNOWN_AT: Any = bindparam("known_at", type_=snapshots.c.published_at.type)


def _by_id(rows: Sequence[Sequence[Any]], grids: Mapping[int, TenorGrid]) -> dict[int, DayPrices]:
    return {row[-1]: _day(row[:-1], grids) for row in rows}


def _by_curve(rows: Sequence[Sequence[Any]], grids: Mapping[int, TenorGrid]) -> dict[int, list[DayPrices]]:
    found: dict[int, dict[date, Sequence[Any]]] = {}
    for row in rows:  # of a day the newest version comes last
        found.setdefault(row[_CURVE], {})[row[_AS_OF]] = row
    return {curve_id: [_day(row, grids) for row in days.values()] for curve_id, days in found.items()}


def _blocks(found: Columns, grids: Mapping[int, TenorGrid], side: Side) -> list[DayBlock]:
    """The grid that comes first goes first, as in `_joined`: a mean shows by its last bit how it was added up."""
    curve, as_of, grid = found["curve_id"], found["as_of"], found["grid_id"]
    blocks = []
    for id_ in dict.fromkeys(grid.tolist()):
        rows = np.flatnonzero(grid == id_)
        blocks.append(DayBlock(grids[id_], curve[rows], as_of[rows], found[side].matrix(rows, len(grids[id_]))))
    return blocks


def _joined(rows: Rows, curve_ids: Ids, grids: Mapping[int, TenorGrid]) -> list[DayBlock]:
    """The mids of all days, a block for each grid."""
    by_grid = defaultdict[TenorGrid, list[QuoteBlock]](list)
    for blocks in newest_by_day(rows, curve_ids, grids).values():
        for block in blocks:
            by_grid[block.tenors].append(block)
    return [
        DayBlock(
            tenors, np.concatenate([block.curve_ids for block in blocks]),
            np.array([block.as_of for block in blocks], "M8[D]").repeat([len(block.curve_ids) for block in blocks]),
            np.concatenate([block.mid for block in blocks]),
        )
        for tenors, blocks in by_grid.items()
    ]  # fmt: skip


def _day_blocks(day: Quoted, side: Side) -> list[DayBlock]:
    return [
        DayBlock(
            block.tenors, block.curve_ids, np.full(len(block.curve_ids), block.as_of, "M8[D]"), getattr(block, side)
        )
        for block in day.blocks
    ]


def _quote_blocks(
    found: Columns, chosen: NDArray[np.intp], grids: Mapping[int, TenorGrid]
) -> list[QuoteBlock]:  # fmt: skip
    grid, as_of = found["grid_id"][chosen], found["as_of"][chosen]
    blocks = []
    for rows in _alike(chosen, grid, as_of):
        tenors, day = grids[int(found["grid_id"][rows[0]])], found["as_of"][rows[0]].astype(date)
        mid, bid, ask = (found[side].matrix(rows, len(tenors)) if side in found else None for side in _SIDES)
        held = held_back([found["withheld"][row] for row in rows.tolist()], len(tenors))
        curve, id_, version = (found[name][rows] for name in ("curve_id", "id", "version"))
        blocks.append(QuoteBlock(tenors, day, curve, id_, version, cast("Prices", mid), bid, ask, held))
    return blocks


def _alike(
    rows: NDArray[np.intp], grid: NDArray[np.int64], as_of: NDArray[np.datetime64]
) -> list[NDArray[np.intp]]:  # fmt: skip
    """Those of the same grid and day together."""
    if not len(rows):
        return []
    if (grid == grid[0]).all() and (as_of == as_of[0]).all():
        return [rows]
    order = np.lexsort((as_of, grid))
    cuts = np.flatnonzero((np.diff(grid[order]) != 0) | (np.diff(as_of[order]) != np.timedelta64(0))) + 1
    return sorted(np.split(rows[order], cuts), key=lambda each: int(each[0]))


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
