"""Writes versions of snapshots: each is added once and never changed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from functools import partial
from typing import Any

import numpy as np
from sqlalchemy import Table, and_, insert, select, update

from aurum.backends.database import ReadConnection, WriteConnection
from aurum.curves.history_blocks import put_away
from aurum.curves.mid_blocks import blocks_of
from aurum.curves.model import Change, CurvePrices, Publication, Rank, Version, pack, place, same_numbers
from aurum.curves.store import SnapshotStore
from aurum.curves.tables import confirmations, mid_blocks, point_rows, snapshots, tenor_grids, vendor_days
from aurum.market.cells import Cells


class VersionStore:
    def __init__(self, reads: SnapshotStore) -> None:
        self._reads = reads

    async def add(
        self, transaction: WriteConnection, tenant: str, publication: Publication, curve_ids: Sequence[int]
    ) -> list[Change]:
        """Adds a version for each curve that says something new. `curve_ids` is parallel to the prices."""
        as_of, rank = publication.as_of, (publication.published_at, publication.revised_at)
        known = await self._versions(transaction, tenant, as_of, curve_ids)
        confirmed = await self._confirmed(transaction, tenant, as_of, list(known))
        digests = {id_: prices.digest for id_, prices in zip(curve_ids, publication.prices, strict=True)}
        differing = [v.id for id_, versions in known.items() for v in versions if v.digest != digests[id_]]
        stored = await self._reads.prices(transaction, differing)
        grids = await _shared(transaction, tenor_grids, "tenors", _grids(publication))
        places = await _shared(transaction, point_rows, "rows", _rows(publication))
        again = None if publication.restates_at is None else (publication.restates_at, publication.restates_at)
        rows: list[dict[str, Any]] = []
        confirming: list[int] = []
        for curve_id, prices in zip(curve_ids, publication.prices, strict=True):
            versions = known.get(curve_id, [])
            digest = digests[curve_id]
            placement = place(
                versions,
                confirmed.get(curve_id, ()),
                rank,
                partial(_same, digest, prices, stored, publication.file_id),
                again,
            )
            if not placement.adds:
                confirming.append(curve_id)
                continue
            version = len(versions) + 1
            row = _row(tenant, publication, curve_id, version, digest)
            row |= {"grid_id": grids[prices.tenors.digest], "points": len(prices.tenors), **_vectors(prices)}
            row |= {"quoted": np.packbits(prices.quoted).tobytes(), **_withheld(prices)}
            rows.append(row | _cells("mid", prices.mid_cells, places) | _cells("quote", prices.quote_cells, places))
            for number, (old, there) in enumerate(placement.restores, version + 1):
                rows.append(await self._restored(transaction, old, there, number, publication))
        if rows:
            await transaction.execute(insert(snapshots), rows)
            await self._put_beside(transaction, tenant, as_of, rows)
            await put_away(transaction, tenant, curve_ids, as_of)
            await self._revise(transaction, tenant, publication)
        if publication.author is None:  # a person who says the same again holds up nothing that a vendor says
            await self._confirm(transaction, tenant, publication, confirming)
        return [Change(row["curve_id"], as_of, row["version"], row["points"]) for row in rows]

    async def _put_beside(
        self, transaction: WriteConnection, tenant: str, as_of: date, rows: Sequence[dict[str, Any]]
    ) -> None:
        """Blocks of the snapshots that have just been added."""
        added = await self._versions(transaction, tenant, as_of, list({row["curve_id"] for row in rows}))
        ids = {(curve_id, each.version): each.id for curve_id, versions in added.items() for each in versions}
        blocks = blocks_of([row | {"id": ids[row["curve_id"], row["version"]]} for row in rows])
        await transaction.execute(insert(mid_blocks), blocks)

    async def _revise(self, transaction: WriteConnection, tenant: str, publication: Publication) -> None:
        day = {"tenant_id": tenant, "vendor": publication.vendor, "as_of": publication.as_of}
        await transaction.insert_missing(vendor_days, [day | {"revision": 0}])
        same = and_(*(vendor_days.c[name] == value for name, value in day.items()))
        await transaction.execute(update(vendor_days).where(same).values(revision=vendor_days.c.revision + 1))

    async def _restored(
        self, transaction: WriteConnection, old: Version, rank: Rank, version: int, publication: Publication
    ) -> dict[str, Any]:
        """The row of a version stated again: with the cells of the file that it was read from."""
        row = await transaction.first(select(snapshots).where(snapshots.c.id == old.id))
        assert row is not None  # noqa: S101  read in this transaction
        content = {name: value for name, value in row._mapping.items() if name != "id"}
        published_at, revised_at = rank
        return content | {
            "version": version,
            "published_at": published_at,
            "revised_at": revised_at,
            "recorded_at": publication.recorded_at,
        }

    async def _confirm(
        self, transaction: WriteConnection, tenant: str, publication: Publication, curve_ids: Sequence[int]
    ) -> None:
        rows = [
            {
                "curve_id": curve_id,
                "as_of": publication.as_of,
                "published_at": publication.published_at,
                "revised_at": publication.revised_at,
                "tenant_id": tenant,
                "file_id": publication.file_id,
            }
            for curve_id in curve_ids
        ]
        if rows:
            await transaction.insert_missing(confirmations, rows)

    async def _confirmed(
        self, connection: ReadConnection, tenant: str, as_of: date, curve_ids: Sequence[int]
    ) -> dict[int, list[Rank]]:
        found: dict[int, list[Rank]] = {}
        if curve_ids:
            columns = confirmations.c
            statement = select(columns.curve_id, columns.published_at, columns.revised_at).where(
                columns.tenant_id == tenant, columns.as_of == as_of, columns.curve_id.in_(curve_ids)
            )
            for row in await connection.all(statement):
                found.setdefault(row.curve_id, []).append((row.published_at, row.revised_at))
        return found

    async def _versions(
        self, connection: ReadConnection, tenant: str, as_of: date, curve_ids: Sequence[int]
    ) -> dict[int, list[Version]]:
        columns = snapshots.c
        statement = select(
            columns.id, columns.curve_id, columns.version, columns.published_at, columns.revised_at, columns.digest,
            columns.file_id,
        ).where(columns.tenant_id == tenant, columns.as_of == as_of, columns.curve_id.in_(curve_ids))  # fmt: skip
        found: dict[int, list[Version]] = {}
        for row in await connection.all(statement):
            version = Version(row.id, row.version, (row.published_at, row.revised_at), row.digest, row.file_id)
            found.setdefault(row.curve_id, []).append(version)
        return found


def _same(
    digest: str, prices: CurvePrices, stored: Mapping[int, CurvePrices], file_id: int | None, version: Version
) -> bool:
    """Points in quarantine are one file's: another file's cells may hold other numbers there."""
    if prices.withheld and version.file_id != file_id:
        return False
    return version.digest == digest or same_numbers(prices, stored[version.id])


def _row(tenant: str, publication: Publication, curve_id: int, version: int, digest: str) -> dict[str, Any]:
    return {
        "tenant_id": tenant,
        "curve_id": curve_id,
        "as_of": publication.as_of,
        "version": version,
        "published_at": publication.published_at,
        "revised_at": publication.revised_at,
        "recorded_at": publication.recorded_at,
        "file_id": publication.file_id,
        "run_id": publication.run_id,
        "author": publication.author,
        "reason": publication.reason,
        "digest": digest,
    }


def _vectors(prices: CurvePrices) -> dict[str, bytes | None]:
    sides = {"mid": prices.mid, "bid": prices.bid, "ask": prices.ask}
    return {name: None if side is None else pack(side) for name, side in sides.items()}


def _withheld(prices: CurvePrices) -> dict[str, Any]:
    if not prices.withheld:
        return {"withheld_points": 0, "withheld": None}
    held = np.zeros(len(prices.tenors), dtype=bool)
    held[list(prices.withheld)] = True
    return {"withheld_points": len(prices.withheld), "withheld": np.packbits(held).tobytes()}


def _cells(side: str, cells: Cells | None, places: Mapping[str, int]) -> dict[str, Any]:
    if cells is None:
        return {f"{side}_rows_id": None, f"{side}_columns": None}
    return {f"{side}_rows_id": places[cells.rows.digest], f"{side}_columns": list(cells.columns)}


def _grids(publication: Publication) -> dict[str, Any]:
    grids = {id(prices.tenors): prices.tenors for prices in publication.prices}
    return {
        grid.digest: [
            [tenor.label, tenor.type.value, tenor.period.start.isoformat(), tenor.period.end.isoformat()]
            for tenor in grid
        ]
        for grid in grids.values()
    }


def _rows(publication: Publication) -> dict[str, Any]:
    used = (cells for prices in publication.prices for cells in (prices.mid_cells, prices.quote_cells))
    shared = {id(cells.rows): cells.rows for cells in used if cells is not None}
    return {
        rows.digest: {"sheets": list(rows.sheets), "sheet": list(rows.sheet), "row": list(rows.row)}
        for rows in shared.values()
    }


async def _shared(
    transaction: WriteConnection, table: Table, column: str, contents: Mapping[str, Any]
) -> dict[str, int]:
    """Digest to id of shared content, adding what is not there yet."""
    known = await _ids(transaction, table, contents)
    missing = sorted(digest for digest in contents if digest not in known)  # one order: writers cannot deadlock
    if missing:
        rows = [{"digest": digest, column: contents[digest]} for digest in missing]
        await transaction.insert_missing(table, rows)
        known = await _ids(transaction, table, contents)
    return known


async def _ids(connection: ReadConnection, table: Table, digests: Iterable[str]) -> dict[str, int]:
    statement = select(table.c.digest, table.c.id).where(table.c.digest.in_(list(digests)))
    return {row.digest: row.id for row in await connection.all(statement)}
