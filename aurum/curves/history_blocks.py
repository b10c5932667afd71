"""Versions of a curve turned by 90 degrees: what a delivery period was priced at on many days lies side by side.

A block has versions of one curve on one grid. A curve's versions are put into blocks, in the order in which they were
stored, once FEWEST of them are in none: those before the newest grid's, a month as a rule. They are read from snapshots
until then. Blocks never change.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime
from functools import cache
from itertools import groupby
from operator import attrgetter
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import (
    CTE,
    ColumnElement,
    Integer,
    Select,
    and_,
    func,
    insert,
    literal_column,
    null,
    select,
    type_coerce,
)

from aurum.backends.columns import Columns, days, instants, order_of, taken
from aurum.backends.database import Database, Id, WriteConnection
from aurum.backends.reads import Read, among, looked_up, rows_of
from aurum.curves.mid_blocks import apart, joined
from aurum.curves.statements import BY_RANK, bound, of_tenant
from aurum.curves.tables import history_blocks, snapshots

FEWEST = 28
_OTHERS = 8  # of other grids than the newest, or it does not pay to wait for the rest of that one
TURNS = 8  # a publication looks after an eighth of its curves: all at once would hold it up for seconds
MOST = 5_000  # versions at a time: 12 MB where each has 100 points
_SIDES = ("mid", "bid", "ask")
_FLOAT = 8  # bytes
_BLANK = np.array([np.nan], "<f8").tobytes()
_TOLD = ("curve_id", "grid_id", "withheld")
_VERSION = ("as_of", "version", "published_at", "revised_at")
_BLOCK = ("count", "versions", "prices")
_COLUMNS = (*_TOLD, *_VERSION, *_SIDES, *_BLOCK)
_VERSIONS = _COLUMNS.index("versions")


async def put_away(transaction: WriteConnection, tenant: str, curve_ids: Collection[int], as_of: date) -> None:
    """Looks after those of a publication's curves whose turn it is: see `put_all_away`."""
    turn, most = as_of.toordinal() % TURNS, max(MOST, 2 * len(curve_ids))
    await put_all_away(transaction, tenant, [id_ for id_ in curve_ids if id_ % TURNS == turn], most)


async def put_all_away(transaction: WriteConnection, tenant: str, curve_ids: Sequence[int], most: int) -> bool:
    """Puts versions of curves that have FEWEST in no block into blocks, `most` of them: whether there may be more.

    The caller holds the lock of the curves' vendor. Two statements.
    """
    if not curve_ids:
        return False
    columns, last = snapshots.c, _last_put_away()
    beyond = and_(columns.curve_id == last.c.curve_id, columns.id > last.c.last_id)
    waiting = (
        select(last.c.curve_id, last.c.last_id)
        .select_from(last.join(snapshots, beyond))
        .group_by(last.c.curve_id, last.c.last_id)
        .having(func.count() >= FEWEST)
        .cte("waiting")
    )
    named = (columns[name] for name in ("id", *_TOLD, *_VERSION, "points", *_SIDES))
    beyond = and_(columns.curve_id == waiting.c.curve_id, columns.id > waiting.c.last_id)
    statement = select(*named).select_from(waiting.join(snapshots, beyond)).order_by(columns.curve_id, columns.id)
    rows = await transaction.all(statement.limit(most).params(curves=curve_ids))
    blocks = [
        _block(tenant, list(alike))
        for _, of_curve in groupby(rows, attrgetter("curve_id"))
        for _, alike in groupby(
            sorted(_before_newest_grid(list(of_curve)), key=attrgetter("grid_id", "id")), attrgetter("grid_id")
        )
    ]
    if blocks:
        await transaction.execute(insert(history_blocks), blocks)
    return len(rows) == most


def _before_newest_grid(rows: Sequence[Any]) -> Sequence[Any]:
    """Of a curve's versions, in the order of storing; all of them where these are few."""
    newest = rows[-1].grid_id
    first = next(place for place, row in enumerate(rows) if row.grid_id == newest)
    return rows[:first] if first >= _OTHERS else rows


def _block(tenant: str, rows: Sequence[Any]) -> dict[str, Any]:
    """Of versions of one curve and grid."""
    as_of = days([row.as_of for row in rows]).astype(np.int64)
    known = [instants([getattr(row, name) for row in rows]).astype(np.int64) for name in _VERSION[2:]]
    versions = np.array([as_of, np.array([row.version for row in rows], np.int64), *known]).astype("<i8")
    sides = _SIDES if any(row.bid is not None or row.ask is not None for row in rows) else _SIDES[:1]
    prices = np.full((rows[0].points, len(sides), len(rows)), np.nan, "<f8")
    for side, name in enumerate(sides):
        for place, row in enumerate(rows):
            if getattr(row, name) is not None:
                prices[:, side, place] = np.frombuffer(getattr(row, name), "<f8")
    return {
        "tenant_id": tenant,
        "curve_id": rows[0].curve_id,
        "grid_id": rows[0].grid_id,
        "first_as_of": min(row.as_of for row in rows),
        "last_as_of": max(row.as_of for row in rows),
        "last_id": max(row.id for row in rows),
        "count": len(rows),
        "sides": len(sides),
        "versions": versions.tobytes(),
        "prices": prices.tobytes(),
        "withheld": joined([row.withheld for row in rows]),
    }


def _last_put_away() -> CTE:
    """Of each of `curves` the last of its snapshots that is in a block; 0: none is."""
    given, blocks = rows_of(curves=Id), history_blocks.c
    last = select(func.max(blocks.last_id)).where(blocks.curve_id == given.c.curves).scalar_subquery()
    found = select(given.c.curves.label("curve_id"), func.coalesce(last, 0).label("last_id")).cte("put_away")
    return found.prefix_with("MATERIALIZED", dialect="postgresql")


@cache
def _history(known_at: bool) -> Read:
    """Of `curves` every version of the days from `first` to `last`, and others: the prices of one point of each.

    Of the grid `grids[n]` it is the point in the place `places[n]`; of others there is none. A row for each version
    that is in no block, and for each block.
    """
    tail, blocks = _tail(known_at), _blocks()
    return Read(tail.union_all(blocks))


def _tail(known_at: bool) -> Select[Any]:
    columns, last = snapshots.c, _last_put_away()
    beyond = and_(columns.curve_id == last.c.curve_id, columns.id > last.c.last_id)
    names = (*_TOLD, *_VERSION)
    versions = (
        select(*(columns[name] for name in (*names, *_SIDES)), _place(columns.grid_id))
        .select_from(last.join(snapshots, beyond))
        .where(of_tenant(), _day(columns.as_of).between(bound("first"), bound("last")))
        .offset(literal_column("0"))  # else PostgreSQL looks for the place three times
    )
    if known_at:
        versions = versions.where(columns.published_at <= bound("known_at", "published_at"))
    found = versions.subquery("versions").c
    sides = (func.substr(found[side], found.place * _FLOAT + 1, _FLOAT, type_=found[side].type) for side in _SIDES)
    none = (type_coerce(null(), history_blocks.c[name].type) for name in _BLOCK)
    return select(*(found[name] for name in names), *sides, *none)


def _blocks() -> Select[Any]:
    columns, types = history_blocks.c, snapshots.c
    found = (
        select(*(columns[name] for name in (*_TOLD, "count", "sides", "versions", "prices")), _place(columns.grid_id))
        .where(
            among(columns.curve_id, "curves"), columns.tenant_id == bound("tenant", "tenant_id"),
            columns.first_as_of <= bound("last"), columns.last_as_of >= bound("first"),
        )
        .offset(literal_column("0"))
        .subquery("blocks")
        .c
    )  # fmt: skip
    length = found.sides * found["count"] * _FLOAT
    none = (type_coerce(null(), types[name].type) for name in (*_VERSION, *_SIDES))
    prices = func.substr(found.prices, found.place * length + 1, length, type_=found.prices.type)
    return select(*(found[name] for name in _TOLD), *none, found["count"], found.versions, prices)


def _day(as_of: ColumnElement[date]) -> ColumnElement[date]:
    """Checked, not searched by: else all days of the curve would be read rather than what is in no block."""
    return func.coalesce(as_of, as_of)


def _place(grid: ColumnElement[int]) -> ColumnElement[int]:
    return looked_up(grid, "grids", "places", Integer()).label("place")


async def read_history(
    database: Database, tenant: str, curve_ids: Collection[int], first: date, last: date, known_at: datetime | None,
    places: Mapping[int, int],
) -> Columns:  # fmt: skip
    """Every version of the days of curves from `first` to `last`, by day and rank: the prices of one point of each, of
    the one that `places` has for its grid; of other grids there is none. One statement.
    """
    given: dict[str, Any] = {} if known_at is None else {"known_at": known_at}
    having = sorted(places.items())
    rows = await database.rows(
        _history(known_at is not None), tenant=tenant, curves=list(curve_ids), first=first, last=last,
        grids=[grid for grid, _ in having], places=[place for _, place in having], **given,
    )  # fmt: skip
    found = _columns(rows)
    day = found["as_of"]
    asked = (day >= np.datetime64(first)) & (day <= np.datetime64(last))
    if known_at is not None:
        asked &= found["published_at"] <= instants([known_at])[0]
    order = order_of(found, BY_RANK)
    return taken(found, order[asked[order]])


def _columns(rows: Sequence[Sequence[Any]]) -> Columns:
    alone, blocks = (_turned([row for row in rows if (row[_VERSIONS] is None) == one]) for one in (True, False))
    curve, grid, withheld, as_of, version, published_at, revised_at, *sides, _, _, _ = alone
    curves, grids, held, *_, counts, packed, pieces = blocks
    heads = [np.frombuffer(each, "<i8").reshape(len(_VERSION), -1) for each in packed]
    versions = np.concatenate([np.empty((len(_VERSION), 0), np.int64), *heads], axis=1)
    prices = _prices(pieces, counts)
    told = {
        "curve_id": (np.array(curve, np.int64), np.array(curves, np.int64).repeat(counts)),
        "grid_id": (np.array(grid, np.int64), np.array(grids, np.int64).repeat(counts)),
        "as_of": (days(as_of), versions[0].view("M8[D]")),
        "version": (np.array(version, np.int64), versions[1]),
        "published_at": (instants(published_at), versions[2].view("M8[us]")),
        "revised_at": (instants(revised_at), versions[3].view("M8[us]")),
    }
    for place, (name, of_side) in enumerate(zip(_SIDES, sides, strict=True)):
        one = np.frombuffer(b"".join([each or _BLANK for each in of_side]), "<f8")
        told[name] = (one, prices[place])
    found: dict[str, Any] = {name: np.concatenate(parts) for name, parts in told.items()}
    return found | {"withheld": [*withheld, *apart(held, counts)]}


def _turned(rows: Sequence[Sequence[Any]]) -> list[Sequence[Any]]:
    return list(zip(*rows, strict=True)) if rows else [()] * len(_COLUMNS)


def _prices(pieces: Sequence[bytes | None], counts: Sequence[int]) -> NDArray[np.float64]:
    """Of blocks of so many versions a row for each side; NaN for those that a block has not."""
    found, end = np.full((len(_SIDES), sum(counts)), np.nan), 0
    for packed, count in zip(pieces, counts, strict=True):
        start, end = end, end + count
        if packed is not None:
            sides = np.frombuffer(packed, "<f8").reshape(-1, count)
            found[: len(sides), start:end] = sides
    return found
