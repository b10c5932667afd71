"""Mids once more, side by side: what is asked of many curves comes in a few pieces, not in a row for each version.

A block has the versions of one publication that share a grid, of curves whose ids are in the same part of PART. It is
written with them, and like them it never changes.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from itertools import groupby
from operator import itemgetter
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import select

from aurum.backends.columns import instants, order_of
from aurum.backends.database import Database
from aurum.backends.reads import Read, among
from aurum.curves.blocks import Ids, QuoteBlock, asked_for, held_back
from aurum.curves.statements import RANK, bound
from aurum.curves.tables import mid_blocks
from aurum.market.periods import TenorGrid

PART = 64  # ids of curves
FEWEST = 16  # curves of each part: the others come with them, and cost a quarter of what a row for each does
_LIGHT = 2**20  # bytes: what is made of them takes less time than a turn to a thread
_SHARED = ("tenant_id", "as_of", "published_at", "revised_at", "grid_id")
_VERSION = ("curve_id", "id", "version")
_READ = ("as_of", "grid_id", "part", "published_at", "revised_at", "versions", "mid", "withheld")
_AS_OF, _GRID, _, _PUBLISHED_AT, _REVISED_AT, _VERSIONS, _MID, _WITHHELD = range(len(_READ))
_DAY_GRID_PART = itemgetter(0, 1, 2)
Rows = Sequence[Sequence[Any]]  # of _READ


def blocks_of(versions: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The rows of `mid_blocks` for rows of `snapshots`, their ids among them."""
    alike = defaultdict[tuple[Any, ...], list[Mapping[str, Any]]](list)
    for row in sorted(versions, key=itemgetter("curve_id")):  # nothing is left to sort when they are read
        alike[*(row[name] for name in _SHARED), row["curve_id"] // PART].append(row)
    return [
        dict(zip((*_SHARED, "part"), key, strict=True))
        | {
            "lowest": rows[0]["curve_id"],
            "highest": rows[-1]["curve_id"],
            "versions": np.array([[row[name] for row in rows] for name in _VERSION], "<i8").tobytes(),
            "mid": b"".join([row["mid"] for row in rows]),
            "withheld": joined([row["withheld"] for row in rows]),
        }
        for key, rows in alike.items()
    ]


def joined(withheld: Sequence[bytes | None]) -> bytes | None:
    """Of each version as many bytes; None where none of them has any."""
    length = max((len(each) for each in withheld if each is not None), default=0)
    return b"".join([each or bytes(length) for each in withheld]) if length else None


@dataclass(frozen=True, slots=True)
class Parts:
    """Those that some curves are in, and the lowest and the highest id of these."""

    numbers: list[int]
    lowest: int
    highest: int

    @classmethod
    def of(cls, curve_ids: Ids) -> Parts | None:
        """Of ids in order. None where the curves' snapshots are read faster than all blocks of their parts."""
        parts = curve_ids // PART
        numbers = parts[np.append(True, parts[1:] != parts[:-1])[: len(parts)]].tolist()
        enough = len(curve_ids) >= FEWEST * len(numbers) > 0
        return cls(numbers, int(curve_ids[0]), int(curve_ids[-1])) if enough else None


async def rows_of_days(
    database: Database, tenant: str, parts: Parts, days: Sequence[date], known_at: datetime | None
) -> Rows:
    """The blocks of these days that may have curves of the parts, as known at `known_at`. One statement."""
    return await _read(database, parts, known_at, tenant=tenant, days=list(days))


async def rows_between(
    database: Database, tenant: str, parts: Parts, first: date, last: date, known_at: datetime | None
) -> Rows:
    """Likewise, of the days from `first` to `last`, both included."""
    return await _read(database, parts, known_at, tenant=tenant, first=first, last=last)


def grids_in(rows: Rows) -> set[int]:
    return {row[_GRID] for row in rows}


def are_light(rows: Rows) -> bool:
    """Whether `newest_by_day` takes less time than a turn to a thread."""
    return sum(len(row[_MID]) for row in rows) <= _LIGHT


def newest_by_day(rows: Rows, curve_ids: Ids, grids: Mapping[int, TenorGrid]) -> dict[date, list[QuoteBlock]]:
    """By as-of date, in order: the newest version of each of these curves, whose ids are in order. A block for each
    grid, the one of the lowest id first.
    """
    by_day = defaultdict[date, list[Sequence[Any]]](list)
    for row in sorted(rows, key=_DAY_GRID_PART):
        by_day[row[_AS_OF]].append(row)
    return {day: _of_day(alike, curve_ids, grids) for day, alike in by_day.items()}


def _of_day(rows: Rows, curve_ids: Ids, grids: Mapping[int, TenorGrid]) -> list[QuoteBlock]:
    heads = [np.frombuffer(row[_VERSIONS], "<i8").reshape(len(_VERSION), -1) for row in rows]
    counts, versions = [head.shape[1] for head in heads], np.concatenate(heads, axis=1)
    exact = rows[0][_GRID] == rows[-1][_GRID] and np.array_equal(versions[0], curve_ids)  # nothing is to be chosen
    newest = None if exact else _newest(rows, counts, versions, curve_ids)
    blocks, end = [], 0
    for grid_id, each in groupby(zip(rows, counts, strict=True), lambda pair: pair[0][_GRID]):
        alike, sizes = zip(*each, strict=True)
        tenors, start, end = grids[grid_id], end, end + sum(sizes)
        mid = np.frombuffer(b"".join([row[_MID] for row in alike]), "<f8").reshape(end - start, len(tenors))
        curve, id_, version = versions[:, start:end]
        withheld = apart([row[_WITHHELD] for row in alike], sizes)
        if newest is not None:
            here = newest[(newest >= start) & (newest < end)] - start
            curve, id_, version, mid = curve[here], id_[here], version[here], mid[here]
            withheld = [withheld[place] for place in here.tolist()]
        if len(curve):
            held = held_back(withheld, len(tenors))
            blocks.append(QuoteBlock(tenors, rows[0][_AS_OF], curve, id_, version, mid, None, None, held))
    return sorted(blocks, key=lambda block: int(block.curve_ids[0]))


def _newest(rows: Rows, counts: Sequence[int], versions: NDArray[np.int64], curve_ids: Ids) -> NDArray[np.intp]:
    """Where the newest version of each of these curves stands, in their order."""
    curve, _, version = versions
    newest = np.arange(len(curve))
    if (curve[1:] <= curve[:-1]).any():  # else none is there twice
        row = np.arange(len(rows)).repeat(counts)
        revised_at, published_at = (instants([each[n] for each in rows])[row] for n in (_REVISED_AT, _PUBLISHED_AT))
        told = {"curve_id": curve, "published_at": published_at, "revised_at": revised_at, "version": version}
        order = order_of(told, ("curve_id", *RANK))
        newest = order[np.append(curve[order][1:] != curve[order][:-1], True)]
    asked: NDArray[np.intp] = newest[asked_for(curve[newest], curve_ids)]
    return asked


async def _read(database: Database, parts: Parts, known_at: datetime | None, **given: Any) -> Rows:
    given |= {"parts": parts.numbers, "lowest": parts.lowest, "highest": parts.highest}
    given |= {"known_at": known_at} if known_at else {}
    return await database.rows(_statement("days" in given, known_at is not None), **given)


@cache
def _statement(days: bool, known_at: bool) -> Read:
    columns = mid_blocks.c
    when = among(columns.as_of, "days") if days else columns.as_of.between(bound("first"), bound("last"))
    statement = select(*(columns[name] for name in _READ)).where(
        columns.tenant_id == bound("tenant", "tenant_id"), when, among(columns.part, "parts"),
        columns.lowest <= bound("highest", "curve_id"), columns.highest >= bound("lowest", "curve_id"),
    )  # fmt: skip
    if known_at:
        statement = statement.where(columns.published_at <= bound("known_at", "published_at"))
    return Read(statement)


def apart(withheld: Sequence[bytes | None], counts: Sequence[int]) -> list[bytes | None]:
    """What `joined` has put together, block by block."""
    if not any(withheld):
        return [None] * sum(counts)
    found: list[bytes | None] = []
    for packed, count in zip(withheld, counts, strict=True):
        length = len(packed or b"") // count
        found += [packed and packed[at * length : (at + 1) * length] for at in range(count)]
    return found
