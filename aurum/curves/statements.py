"""The statements about snapshots that are read often."""

from __future__ import annotations

from datetime import datetime
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import (
    CTE,
    ColumnElement,
    Integer,
    and_,
    bindparam,
    func,
    not_,
    select,
    type_coerce,
)

from aurum.backends.columns import ColumnRead, Columns, Vector, taken
from aurum.backends.database import Id
from aurum.backends.reads import Read, among, rows_of
from aurum.curves.model import Side
from aurum.curves.tables import snapshots

RANK = ("published_at", "revised_at", "version")
SNAPSHOT = [
    snapshots.c[name]
    for name in (
        "id", "curve_id", "as_of", "version", "published_at", "recorded_at", "file_id", "grid_id", "mid", "bid", "ask",
        "mid_rows_id", "mid_columns", "quote_rows_id", "quote_columns", "withheld", "run_id", "author", "reason",
    )
]  # fmt: skip
BY_RANK = ("curve_id", "as_of", *RANK)


@cache
def newest(as_of: bool, known_at: bool) -> Read:
    """Of each of `curves` its place, the id of its newest snapshot, and SNAPSHOT: nulls where the id is one of `kept`.

    See `_newest_ids` for the other parameters.
    """
    ids = _newest_ids(as_of, known_at)
    missing = and_(snapshots.c.id == ids.c.id, not_(among(ids.c.id, "kept")), of_tenant())
    return Read(select(ids, *SNAPSHOT).select_from(ids.outerjoin(snapshots, missing)))


@cache
def newest_vectors(sides: tuple[str, ...], as_of: bool, known_at: bool) -> ColumnRead:
    """Of the newest snapshot of each of `curves`, where it has one. See `_with_vectors` and `_newest_ids`."""
    ids = _newest_ids(as_of, known_at)
    found = ids.join(snapshots, and_(snapshots.c.id == ids.c.id, of_tenant()))
    return ColumnRead(select(*_with_vectors(sides)).select_from(found))


@cache
def day_vectors(sides: tuple[str, ...], known_at: bool, between: bool) -> ColumnRead:
    """Every version of `days` of `curves`, by curve, day and rank: see `_with_vectors`.

    `between`: of all curves from `lowest` to `highest`, which is one range of an index for each day.
    """
    columns = snapshots.c
    chosen: list[ColumnElement[bool]] = [among(columns.curve_id, "curves"), of_tenant()]
    if between:
        within = columns.curve_id.between(bound("lowest", "curve_id"), bound("highest", "curve_id"))
        chosen = [within, columns.tenant_id == bound("tenant", "tenant_id")]
    statement = select(*_with_vectors(sides)).where(*chosen, among(columns.as_of, "days"))
    if known_at:
        statement = statement.where(columns.published_at <= bound("known_at", "published_at"))
    return ColumnRead(statement, BY_RANK)


def _with_vectors(sides: tuple[str, ...]) -> list[ColumnElement[Any]]:
    """Which snapshot it is, and the vectors of these sides, under their names."""
    named = [snapshots.c[name] for name in ("id", "curve_id", "as_of", *RANK, "grid_id", "withheld")]
    return named + [_vector(side) for side in sides]


@cache
def newest_columns(names: tuple[str, ...], as_of: bool, known_at: bool) -> Read:
    """Of each of `curves` these columns of its newest snapshot, where it has one. See `_newest_ids` for parameters."""
    ids = _newest_ids(as_of, known_at)
    found = ids.join(snapshots, and_(snapshots.c.id == ids.c.id, of_tenant()))
    return Read(select(*(snapshots.c[name] for name in names)).select_from(found))


def _newest_ids(as_of: bool, known_at: bool) -> CTE:
    """Of each of `curves` its place, of `places`, and the id of its newest snapshot.

    Whether there are the parameters `days`, for each curve the last as-of date to look at, and `known_at`. Each is one
    step into the index on (curve, as-of, rank), on both databases.
    """
    days = {"days": snapshots.c.as_of.type} if as_of else {}
    given, other = rows_of(curves=Id, places=Integer(), **days), snapshots.alias("other")
    statement = select(other.c.id).where(other.c.curve_id == given.c.curves)
    if as_of:
        statement = statement.where(other.c.as_of <= given.c.days)
    if known_at:
        statement = statement.where(other.c.published_at <= bound("known_at", "published_at"))
    best_first = [other.c.as_of.desc(), *(other.c[name].desc() for name in RANK)]
    found = statement.order_by(*best_first).limit(1).scalar_subquery()
    ids = select(given.c.places.label("place"), found.label("id")).cte("newest")
    return ids.prefix_with("MATERIALIZED", dialect="postgresql")  # else it looks twice


@cache
def vectors(side: Side, known_at: bool) -> ColumnRead:
    """Every version of the days of `curves` from `first` to `last`, by day, curve and rank: the vector of a side, as
    `_with_vectors` has it. The order is that of `mids_between`: a mean shows by its last bit how it was added up.
    """
    columns = snapshots.c
    named = [columns[name] for name in ("curve_id", "as_of", *RANK, "grid_id")]
    return ColumnRead(select(*named, _vector(side)).where(*_of_days(known_at)), ("as_of", "curve_id", *RANK))


def _vector(side: str) -> ColumnElement[Any]:
    return type_coerce(snapshots.c[side], Vector()).label(side)


@cache
def counts_by_day(known_at: bool) -> Read:
    """How many versions each day of `curves` from `first` to `last` has, oldest first."""
    as_of = snapshots.c.as_of
    return Read(select(as_of, func.count()).where(*_of_days(known_at)).group_by(as_of).order_by(as_of))


def _of_days(known_at: bool) -> list[ColumnElement[bool]]:
    columns = snapshots.c
    found = [among(columns.curve_id, "curves"), of_tenant(), columns.as_of >= bound("first")]
    found.append(columns.as_of <= bound("last"))
    return [*found, columns.published_at <= bound("known_at", "published_at")] if known_at else found


def newest_of_days(found: Columns) -> NDArray[np.bool_]:
    """Of versions by curve and day (or day and curve) and rank the newest of each day: it comes last."""
    curve, as_of = found["curve_id"], found["as_of"]
    newest: NDArray[np.bool_] = np.append((curve[1:] != curve[:-1]) | (as_of[1:] != as_of[:-1]), True)[: len(curve)]
    return newest


def newest_versions(found: Columns) -> Columns:
    """Those that `newest_of_days` tells, alone."""
    newest = newest_of_days(found)
    return found if newest.all() else taken(found, np.flatnonzero(newest))


def of_tenant() -> ColumnElement[bool]:
    """Of the one that is the parameter `tenant`."""
    return belongs_to(bound("tenant", "tenant_id"))


def belongs_to(tenant: Any) -> ColumnElement[bool]:
    # Checked, not searched by: SQLite would walk all snapshots of the tenant rather than those of a few curves.
    same: ColumnElement[bool] = snapshots.c.tenant_id.concat("") == tenant
    return same


def known_by(known_at: datetime | None) -> ColumnElement[bool]:
    """None: now."""
    return snapshots.c.id.is_not(None) if known_at is None else snapshots.c.published_at <= known_at


def bound(name: str, column: str = "as_of") -> Any:
    """A parameter of the type of a column of snapshots."""
    return bindparam(name, type_=snapshots.c[column].type)
