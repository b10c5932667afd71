"""Mids once more, side by side: what is asked of many curves comes in a few pieces, not in a row for each version.

A block has the versions of one publication that share a grid, of curves whose ids are in the same part of PART. It is
written with them, and like them it never changes.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from operator import itemgetter
from typing import Any

import numpy as np
from sqlalchemy import select

from aurum.backends.columns import Columns, Vectors, instants, taken
from aurum.backends.database import Database
from aurum.backends.reads import Read, among
from aurum.curves.statements import bound, newest_versions
from aurum.curves.tables import mid_blocks

PART = 64  # ids of curves
FEWEST = 16  # curves of each part: the others come with them, and cost a quarter of what a row for each does
_LIGHT = 2**20  # bytes: what is made of them takes less time than a turn to a thread
_SHARED = ("tenant_id", "as_of", "published_at", "revised_at", "grid_id")
_VERSION = ("curve_id", "id", "version")
_READ = ("as_of", "part", "published_at", "revised_at", "grid_id", "versions", "mid", "withheld")


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
    def of(cls, curve_ids: Sequence[int]) -> Parts | None:
        """None where the curves' snapshots are read faster than all blocks of their parts."""
        numbers = sorted({id_ // PART for id_ in curve_ids})
        enough = len(curve_ids) >= FEWEST * len(numbers) > 0
        return cls(numbers, min(curve_ids), max(curve_ids)) if enough else None


async def mids_of_days(
    database: Database, tenant: str, parts: Parts, days: Sequence[date], known_at: datetime | None
) -> Columns:
    """Of each of these days the newest version of all curves of the parts that have it, by day and curve: what
    `day_vectors` has of it but for the rank. One statement.
    """
    return await _read(database, parts, known_at, tenant=tenant, days=list(days))


async def mids_between(
    database: Database, tenant: str, parts: Parts, first: date, last: date, known_at: datetime | None
) -> Columns:
    """Likewise, of the days from `first` to `last`, both included."""
    return await _read(database, parts, known_at, tenant=tenant, first=first, last=last)


async def _read(database: Database, parts: Parts, known_at: datetime | None, **given: Any) -> Columns:
    given |= {"parts": parts.numbers, "lowest": parts.lowest, "highest": parts.highest}
    given |= {"known_at": known_at} if known_at else {}
    rows = await database.rows(_statement("days" in given, known_at is not None), **given)
    light = sum(len(row[-2]) for row in rows) <= _LIGHT
    return _newest(rows) if light else await asyncio.to_thread(_newest, rows)


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


def _newest(rows: Sequence[Sequence[Any]]) -> Columns:
    rows = sorted(rows, key=itemgetter(0, 1))
    as_of, _, published_at, revised_at, grids, versions, mids, withheld = zip(*rows, strict=True) if rows else [()] * 8
    heads = [np.frombuffer(each, "<i8").reshape(len(_VERSION), -1) for each in versions]
    counts = [head.shape[1] for head in heads]
    curve, id_, version = np.concatenate([np.empty((len(_VERSION), 0), np.int64), *heads], axis=1)
    row = np.arange(len(rows)).repeat(counts)
    lengths = np.array([len(each) // count for each, count in zip(mids, counts, strict=True)], np.int64)
    day = np.array(as_of, "M8[D]")[row]
    found = {
        "curve_id": curve, "id": id_, "version": version, "as_of": day, "grid_id": np.array(grids, np.int64)[row],
        "mid": Vectors.of(b"".join(mids), lengths[row]),
        "withheld": apart(withheld, counts),
    }  # fmt: skip
    if ((day[1:] > day[:-1]) | (curve[1:] > curve[:-1])).all():
        return found  # no day of a curve is there twice
    order = np.lexsort((version, instants(revised_at)[row], instants(published_at)[row], curve, day))
    return newest_versions(taken(found, order))


def apart(withheld: Sequence[bytes | None], counts: Sequence[int]) -> list[bytes | None]:
    """What `joined` has put together, block by block."""
    if not any(withheld):
        return [None] * sum(counts)
    found: list[bytes | None] = []
    for packed, count in zip(withheld, counts, strict=True):
        length = len(packed or b"") // count
        found += [packed and packed[at * length : (at + 1) * length] for at in range(count)]
    return found
