"""The statements about snapshots that are read often."""

from __future__ import annotations

from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, Integer, Select, and_, bindparam, func, not_, select

from aurum.backends.database import Id
from aurum.backends.reads import Read, among, rows_of
from aurum.curves.tables import snapshots

RANK = ("published_at", "revised_at", "version")
SNAPSHOT = [
    snapshots.c[name]
    for name in (
        "id", "curve_id", "as_of", "version", "published_at", "recorded_at", "file_id", "grid_id", "mid", "bid", "ask",
        "mid_rows_id", "mid_columns", "quote_rows_id", "quote_columns", "withheld", "run_id", "author", "reason",
    )
]  # fmt: skip
_FLOAT = 8  # bytes


@cache
def newest(as_of: bool, known_at: bool, ids_alone: bool) -> Read:
    """Of each of `curves` its place and the id of its newest snapshot; unless `ids_alone` with SNAPSHOT behind it:
    nulls where the id is one of `kept`.

    Whether there are the parameters `days`, for each curve the last as-of date to look at, and `known_at`. Each is one
    step into the index on (curve, as-of, rank), on both databases.
    """
    days = {"days": snapshots.c.as_of.type} if as_of else {}
    given, other = rows_of(curves=Id, places=Integer(), **days), snapshots.alias("other")
    statement = select(other.c.id).where(other.c.curve_id == given.c.curves)
    if as_of:
        statement = statement.where(other.c.as_of <= given.c.days)
    if known_at:
        statement = statement.where(other.c.published_at <= _bound("known_at", "published_at"))
    best_first = [other.c.as_of.desc(), *(other.c[name].desc() for name in RANK)]
    found = statement.order_by(*best_first).limit(1).scalar_subquery()
    both = select(given.c.places.label("place"), found.label("id"))
    if ids_alone:
        return Read(both)
    ids = both.cte("newest")
    ids = ids.prefix_with("MATERIALIZED", dialect="postgresql")  # else it looks twice
    missing = and_(snapshots.c.id == ids.c.id, not_(among(ids.c.id, "kept")), of_tenant())
    return Read(select(ids, *SNAPSHOT).select_from(ids.outerjoin(snapshots, missing)))


@cache
def history(known_at: bool) -> Read:
    """Every version of the days of `curves` from `first` to `last`, by day and rank: the prices of one point of each.

    Of the grid `grids[n]` it is the point `places[n]`; negative: it has none. Of other grids the place is null.
    """
    given, columns = rows_of(grids=Id, places=Integer()), snapshots.c
    sides = (func.substr(columns[side], given.c.places * _FLOAT + 1, _FLOAT) for side in ("mid", "bid", "ask"))
    names = ("curve_id", "as_of", "version", "published_at", "grid_id", "withheld")
    statement = (
        select(*(columns[name] for name in names), given.c.places, *sides)
        .select_from(snapshots.outerjoin(given, given.c.grids == columns.grid_id))
        .where(among(columns.curve_id, "curves"), of_tenant())
        .where(columns.as_of >= _bound("first", "as_of"), columns.as_of <= _bound("last", "as_of"))
    )
    if known_at:
        statement = statement.where(columns.published_at <= _bound("known_at", "published_at"))
    return Read(_in_order(statement))


def _in_order(statement: Select[Any]) -> Select[Any]:
    columns = snapshots.c
    return statement.order_by(columns.curve_id, columns.as_of, *(columns[name] for name in RANK))


def of_tenant() -> ColumnElement[bool]:
    # Checked, not searched by: SQLite would walk all snapshots of the tenant rather than those of a few curves.
    same: ColumnElement[bool] = snapshots.c.tenant_id.concat("") == _bound("tenant", "tenant_id")
    return same


def _bound(name: str, column: str = "as_of") -> Any:
    return bindparam(name, type_=snapshots.c[column].type)
