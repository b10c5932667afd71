"""Reads snapshots. What writes them is in versions.py."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import date, datetime
from functools import partial
from typing import Any, TypeVar

import numpy as np
from sqlalchemy import (
    Column,
    ColumnElement,
    ScalarSelect,
    Select,
    and_,
    func,
    literal,
    select,
    tuple_,
)

from aurum.backends.database import Database, ReadConnection, WriteConnection
from aurum.backends.events import Heads, head_of
from aurum.backends.kept import KeptSince
from aurum.backends.sharing import Together
from aurum.curves import statements
from aurum.curves.model import (
    CurvePrices,
    DayMids,
    Snapshot,
    Standing,
    Step,
    unpack,
)
from aurum.curves.statements import RANK, SNAPSHOT, belongs_to, known_by
from aurum.curves.tables import point_rows, snapshots, tenor_grids
from aurum.market.cells import Cells, PointRows
from aurum.market.periods import DeliveryPeriod, Tenor, TenorGrid, TenorType

T = TypeVar("T")
Day = tuple[int, date]
DayVersion = tuple[date, int]
_Asked = tuple[int, date | None]  # curve, as_of
_Group = tuple[str, bool, datetime | None]  # tenant, whether there is an as_of, known_at
_Question = tuple[str, int, date | None, datetime | None]  # tenant, curve, as_of, known_at
_KEPT = 4096  # shared grids and rows kept decoded; a vendor's file brings two or three
_STANDING = ("id", "as_of", "version")


class SnapshotStore:
    """Reads snapshots. The ones asked for last are kept, `kept_bytes` of them, each with the head (`Heads`) before
    it was read: until that moves, it is the answer; else it is asked which is, but not for its prices.
    """

    def __init__(self, database: Database, kept_bytes: int = 0) -> None:
        self.database = database
        self.kept = KeptSince[_Question, Snapshot](kept_bytes)
        self.heads = Heads(database)
        self._newest = Together[_Group, _Asked, Snapshot](self._read_newest)
        self.grids: dict[int, TenorGrid] = {}
        self._rows: dict[int, PointRows] = {}

    async def prices(self, connection: ReadConnection, ids: Sequence[int]) -> dict[int, CurvePrices]:
        """The prices of snapshots, on a connection that the caller holds."""
        if not ids:
            return {}
        rows = await connection.all(select(*SNAPSHOT).where(snapshots.c.id.in_(ids)))
        grids, places = await self._shared_content(connection, rows)
        return {row[0]: _snapshot(row, grids, places).prices for row in rows}

    async def newest(
        self,
        tenant: str,
        curve_ids: Collection[int],
        as_of: date | None,
        known_at: datetime | None,
        head: int | None = None,
    ) -> dict[int, Snapshot]:
        """By curve: the newest as-of date on or before `as_of`, in the newest version known at `known_at`.

        `head`: the tenant's (`Heads`), where the caller has just asked for it.
        """
        read = partial(self._read_together, tenant, curve_ids, as_of, known_at)
        if not self.kept.most_bytes:
            return await read()
        head = await self.heads.of(tenant) if head is None else head
        keys = {id_: (tenant, id_, as_of, known_at) for id_ in curve_ids}
        return await self.kept.filled(keys, head, read, _size)

    async def _read_together(
        self, tenant: str, curve_ids: Collection[int], as_of: date | None, known_at: datetime | None
    ) -> dict[int, Snapshot]:
        found = await self._newest.ask((tenant, as_of is not None, known_at), [(id_, as_of) for id_ in curve_ids])
        return {id_: found[id_, as_of] for id_ in curve_ids if (id_, as_of) in found}

    async def _read_newest(self, group: _Group, asked: list[_Asked]) -> dict[_Asked, Snapshot]:
        tenant, bounded, known_at = group
        entries = (self.kept.get((tenant, *one, known_at)) for one in asked)
        kept = {snapshot.id: snapshot for _, snapshot in filter(None, entries)}
        given: dict[str, Any] = {"curves": [id_ for id_, _ in asked], "places": list(range(len(asked)))}
        given |= {"days": [day for _, day in asked]} if bounded else {}
        given |= {"known_at": known_at} if known_at else {}
        rows = await self.database.rows(
            statements.newest(bounded, known_at is not None), tenant=tenant, kept=list(kept), **given
        )
        read = {each.id: each for each in await self._snapshots([row[2:] for row in rows if row[2] is not None])}
        found = {asked[place]: kept.get(newest) or read.get(newest) for place, newest, *_ in rows}
        return {one: snapshot for one, snapshot in found.items() if snapshot is not None}

    async def versions(self, tenant: str, days: Collection[Day]) -> dict[Day, list[Snapshot]]:
        """Every version of a day, the newest known first."""
        found: dict[Day, list[Snapshot]] = {}
        for snapshot in await self.those(tenant, select(*SNAPSHOT).where(_on(days))):
            found.setdefault((snapshot.curve_id, snapshot.as_of), []).append(snapshot)
        return found

    async def newest_of_day(
        self, connection: ReadConnection, tenant: str, as_of: date, curve_ids: Collection[int]
    ) -> dict[int, Snapshot]:
        """By curve: the newest version of exactly this day, on a connection that the caller holds."""
        columns = snapshots.c
        statement = select(*SNAPSHOT).where(
            columns.tenant_id == tenant, columns.as_of == as_of, columns.curve_id.in_(curve_ids)
        )
        rows = await connection.all(statement.order_by(*(columns[name] for name in RANK)))
        grids, places = await self._shared_content(connection, rows)
        return {row[1]: _snapshot(row, grids, places) for row in rows}  # the newest comes last

    async def by_id(self, tenant: str, ids: Collection[int]) -> dict[int, Snapshot]:
        found = await self.those(tenant, select(*SNAPSHOT).where(snapshots.c.id.in_(ids)))
        return {snapshot.id: snapshot for snapshot in found}

    async def standing(self, tenant: str, curve_id: int) -> tuple[int, Standing | None]:
        """The cursor of the newest event, quiet or not, and a curve's newest snapshot: of one moment, as one statement
        reads them.
        """
        newest = select(head_of(tenant).label("cursor"), _newest(literal(curve_id), None, None).label("id")).subquery()
        ours = and_(snapshots.c.id == newest.c.id, belongs_to(tenant))
        columns = (snapshots.c[name] for name in _STANDING)
        statement = select(newest.c.cursor, *columns).select_from(newest.join(snapshots, ours, isouter=True))
        async with self.database.read() as connection:
            row = await connection.first(statement)
        assert row is not None  # noqa: S101  sub-selects answer a row, with nulls
        return row.cursor or 0, None if row.id is None else Standing(row.id, row.as_of, row.version)

    async def steps(self, tenant: str, curve_id: int, versions: Collection[DayVersion]) -> dict[DayVersion, Step]:
        """By as-of date and version: those that became the newest snapshot of the curve, when they were stored.

        Publications of a curve wait for each other, so that its snapshots' ids are in the order of their events.
        """
        columns, then = snapshots.c, snapshots.alias("before")
        newest = _newest(columns.curve_id, lambda other: other.id <= columns.id, None)
        before = _newest(columns.curve_id, lambda other: other.id < columns.id, None)
        statement = (
            select(
                *(columns[name] for name in _STANDING),
                *(then.c[name].label(f"then_{name}") for name in _STANDING),
            )
            .select_from(snapshots.join(then, then.c.id == before, isouter=True))
            .where(
                belongs_to(tenant), columns.curve_id == curve_id, columns.id == newest,
                tuple_(columns.as_of, columns.version).in_(list(versions)),
            )
        )  # fmt: skip
        async with self.database.read() as connection:
            rows = await connection.all(statement)
        return {
            (row.as_of, row.version): Step(
                None if row.then_id is None else Standing(row.then_id, row.then_as_of, row.then_version),
                Standing(row.id, row.as_of, row.version),
            )
            for row in rows
        }

    async def series(
        self,
        tenant: str,
        curve_ids: Collection[int],
        first: date,
        last: date,
        known_at: datetime | None,
        limit: int,
        descending: bool,
    ) -> dict[int, list[Snapshot]]:
        """By curve: up to `limit` as-of dates from `first` to `last`, both included, each as known at `known_at`."""
        as_of = snapshots.c.as_of
        days = (
            select(
                snapshots.c.curve_id,
                as_of,
                func.row_number()
                .over(partition_by=snapshots.c.curve_id, order_by=as_of.desc() if descending else as_of)
                .label("place"),
            )
            .where(
                snapshots.c.tenant_id == tenant,
                snapshots.c.curve_id.in_(curve_ids),
                as_of.between(first, last),
                known_by(known_at),
            )
            .group_by(snapshots.c.curve_id, as_of)
            .subquery()
        )
        newest = _newest(days.c.curve_id, lambda c: c.as_of == days.c.as_of, known_at)
        statement = select(*SNAPSHOT).join(days, and_(days.c.place <= limit, snapshots.c.id == newest))
        found: dict[int, list[Snapshot]] = {}
        for snapshot in await self.those(tenant, statement):
            found.setdefault(snapshot.curve_id, []).append(snapshot)
        for row in found.values():
            row.sort(key=lambda snapshot: snapshot.as_of, reverse=descending)
        return found

    async def superseded_at(self, tenant: str, ids: Collection[int]) -> dict[int, datetime]:
        """By snapshot: when the next version of its day became known; absent where it is the newest."""
        other = snapshots.alias()
        same_day = and_(other.c.curve_id == snapshots.c.curve_id, other.c.as_of == snapshots.c.as_of)
        above = tuple_(*(other.c[name] for name in RANK)) > tuple_(*(snapshots.c[name] for name in RANK))
        statement = (
            select(snapshots.c.id, func.min(other.c.published_at).label("at"))
            .join(other, and_(same_day, above))
            .where(snapshots.c.tenant_id == tenant, snapshots.c.id.in_(ids))
            .group_by(snapshots.c.id)
        )
        async with self.database.read() as connection:
            return {row.id: row.at for row in await connection.all(statement)}

    async def mids(self, tenant: str, curve_ids: Select[Any], days: Collection[date]) -> dict[date, dict[int, DayMids]]:
        """By day and curve: the mids as they are known now."""
        columns = snapshots.c
        statement = select(columns.as_of, columns.curve_id, columns.grid_id, columns.mid).where(
            columns.tenant_id == tenant, columns.as_of.in_(days), columns.curve_id.in_(curve_ids)
        )
        found: dict[date, dict[int, DayMids]] = {}
        async with self.database.read() as connection:
            rows = await connection.all(statement.order_by(*(columns[name] for name in RANK)))
            grids = await _content(connection, tenor_grids.c.tenors, {row.grid_id for row in rows}, self.grids, _grid)
        for as_of, curve_id, grid_id, mid in rows:  # the newest version comes last
            found.setdefault(as_of, {})[curve_id] = DayMids(grids[grid_id], unpack(mid))
        return found

    async def grids_of(self, ids: set[int]) -> dict[int, TenorGrid]:
        """By id. A connection is opened only for those that are not at hand."""
        if ids <= self.grids.keys():
            return {id_: self.grids[id_] for id_ in ids}
        async with self.database.read() as connection:
            return await _content(connection, tenor_grids.c.tenors, ids, self.grids, _grid)

    async def every_grid(self) -> dict[int, TenorGrid]:
        """By id."""
        async with self.database.read() as connection:
            ids = {row.id for row in await connection.all(select(tenor_grids.c.id))}
        return await self.grids_of(ids)

    async def those(self, tenant: str, statement: Select[Any]) -> list[Snapshot]:
        """Of a select of SNAPSHOT: by as-of date, of each the newest version first."""
        best_first = [snapshots.c.as_of, *(snapshots.c[name].desc() for name in RANK)]
        async with self.database.read() as connection:
            rows = await connection.all(statement.where(belongs_to(tenant)).order_by(*best_first))
            grids, places = await self._shared_content(connection, rows)
        return [_snapshot(row, grids, places) for row in rows]

    async def _snapshots(self, rows: Sequence[Sequence[Any]]) -> list[Snapshot]:
        """Of rows of SNAPSHOT. A connection is opened only for what they share and is not at hand."""
        if _shared(rows, _GRID) <= self.grids.keys() and _shared(rows, *_PLACES) <= self._rows.keys():
            return [_snapshot(row, self.grids, self._rows) for row in rows]
        async with self.database.read() as connection:
            grids, places = await self._shared_content(connection, rows)
        return [_snapshot(row, grids, places) for row in rows]

    async def _shared_content(
        self, connection: ReadConnection, rows: Sequence[Sequence[Any]]
    ) -> tuple[dict[int, TenorGrid], dict[int, PointRows]]:
        return (
            await _content(connection, tenor_grids.c.tenors, _shared(rows, _GRID), self.grids, _grid),
            await _content(connection, point_rows.c.rows, _shared(rows, *_PLACES), self._rows, _point_rows),
        )


_GRID, *_PLACES = (SNAPSHOT.index(snapshots.c[name]) for name in ("grid_id", "mid_rows_id", "quote_rows_id"))


def _shared(rows: Sequence[Sequence[Any]], *places: int) -> set[int]:
    return {row[place] for row in rows for place in places} - {None}


def _size(_: int, snapshot: Snapshot) -> int:
    prices = snapshot.prices
    return 1500 + sum(side.nbytes for side in (prices.mid, prices.bid, prices.ask) if side is not None)


async def _content(
    connection: ReadConnection,
    column: Column[Any],
    ids: set[int],
    kept: dict[int, T],
    decode: Callable[[Any], T],
) -> dict[int, T]:
    """Shared content by id: what was decoded before is kept, the rest is read in one statement.

    Within a transaction nothing is kept.
    """
    found = {id_: kept[id_] for id_ in ids if id_ in kept}
    missing = ids - found.keys()
    if missing:
        table = column.table
        rows = await connection.all(select(table.c.id, column).where(table.c.id.in_(missing)))
        new = {row[0]: decode(row[1]) for row in rows}
        found.update(new)
        if not isinstance(connection, WriteConnection):  # after a rollback SQLite gives the same id to other content
            if len(kept) > _KEPT:
                kept.clear()
            kept.update(new)
    return found


def _snapshot(
    row: Sequence[Any], grids: Mapping[int, TenorGrid], places: Mapping[int, PointRows]
) -> Snapshot:  # fmt: skip
    (
        id_, curve_id, as_of, version, published_at, recorded_at, file_id, grid_id, mid, bid, ask,
        mid_rows_id, mid_columns, quote_rows_id, quote_columns, withheld, run_id, author, reason,
    ) = row  # fmt: skip
    prices = CurvePrices(
        grids[grid_id],
        unpack(mid),
        None if bid is None else unpack(bid),
        None if ask is None else unpack(ask),
        None if mid_rows_id is None else Cells(places[mid_rows_id], tuple(mid_columns)),
        None if quote_rows_id is None else Cells(places[quote_rows_id], tuple(quote_columns)),
        () if withheld is None else bits(withheld),
    )
    return Snapshot(
        id_, curve_id, as_of, version, published_at, recorded_at, file_id, prices, run_id, author, reason
    )  # fmt: skip


def bits(packed: bytes) -> tuple[int, ...]:
    return tuple(np.flatnonzero(np.unpackbits(np.frombuffer(packed, dtype=np.uint8))).tolist())


def _newest(curve_id: ColumnElement[int], on: Any, known_at: datetime | None) -> ScalarSelect[int]:
    """The id of a curve's newest snapshot: one step into the index on (curve, as-of, rank), on both databases."""
    other = snapshots.alias("newest")
    statement = select(other.c.id).where(other.c.curve_id == curve_id)
    if on is not None:
        statement = statement.where(on(other.c))
    if known_at is not None:
        statement = statement.where(other.c.published_at <= known_at)
    best_first = [other.c.as_of.desc(), *(other.c[name].desc() for name in RANK)]
    return statement.order_by(*best_first).limit(1).scalar_subquery()


def _on(days: Collection[Day]) -> ColumnElement[bool]:
    return tuple_(snapshots.c.curve_id, snapshots.c.as_of).in_(list(days))


def _grid(tenors: list[list[str]]) -> TenorGrid:
    return TenorGrid(
        [
            Tenor(label, TenorType(type_), DeliveryPeriod(date.fromisoformat(start), date.fromisoformat(end)))
            for label, type_, start, end in tenors
        ]
    )


def _point_rows(rows: dict[str, Any]) -> PointRows:
    return PointRows(tuple(rows["sheets"]), tuple(rows["sheet"]), tuple(rows["row"]))
