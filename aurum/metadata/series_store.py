"""Reads and writes which curve a series of another system is: versions are only added."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlalchemy import func, insert, select, tuple_

from aurum.backends.database import Database, WriteConnection
from aurum.backends.paging import Page, PageRequest, SortKey, read_page
from aurum.metadata.model import MappingMethod, SeriesMapping, SeriesRef
from aurum.metadata.tables import curves, series_mappings

_COLUMNS = series_mappings.c
_MAPPING = [
    _COLUMNS[name]
    for name in (
        "source", "series", "version", "curve_key", "confidence", "method", "author", "reason", "known_from",
    )
]  # fmt: skip
_TEXTS = ("vendor", "iso", "market", "location", "product", "block", "leg", "name")


class SeriesStore:
    def __init__(self, database: Database) -> None:
        self.database = database

    async def in_force(
        self, tenant: str, series: Collection[tuple[str, str]], known_at: datetime | None
    ) -> dict[tuple[str, str], SeriesMapping]:
        """By source and series: the newest version known at `known_at` (None: now), removals included."""
        statement = select(*_MAPPING).where(
            _COLUMNS.tenant_id == tenant, tuple_(_COLUMNS.source, _COLUMNS.series).in_(list(series))
        )
        if known_at is not None:
            statement = statement.where(_COLUMNS.known_from <= known_at)
        async with self.database.read() as connection:
            rows = await connection.all(statement.order_by(_COLUMNS.version))
        return {(row.source, row.series): _mapping(row) for row in rows}  # the newest comes last

    async def versions(self, tenant: str, ref: SeriesRef) -> list[SeriesMapping]:
        """The newest first."""
        of = (_COLUMNS.tenant_id == tenant, _COLUMNS.source == ref.source, _COLUMNS.series == ref.series)
        async with self.database.read() as connection:
            rows = await connection.all(select(*_MAPPING).where(*of).order_by(_COLUMNS.version.desc()))
        return list(map(_mapping, rows))

    async def page(
        self, tenant: str, wanted: dict[str, str], known_at: datetime | None, request: PageRequest
    ) -> Page[SeriesMapping]:
        """Mappings in force, by source and series. `wanted`: columns that have exactly these texts."""
        other = series_mappings.alias()
        same = [other.c[name] == _COLUMNS[name] for name in ("tenant_id", "source", "series")]
        newest = select(func.max(other.c.version)).where(*same)
        if known_at is not None:
            newest = newest.where(other.c.known_from <= known_at)
        statement = select(*_MAPPING).where(
            _COLUMNS.tenant_id == tenant, *(_COLUMNS[name] == text for name, text in wanted.items()),
            _COLUMNS.curve_key.is_not(None), _COLUMNS.version == newest.scalar_subquery(),
        )  # fmt: skip
        order = [SortKey(_COLUMNS.source), SortKey(_COLUMNS.series)]
        async with self.database.read() as connection:
            return (await read_page(connection, statement, order, request)).map(_mapping)

    async def add(self, transaction: WriteConnection, tenant: str, mapping: SeriesMapping) -> None:
        row = {"tenant_id": tenant, **asdict(mapping), "method": mapping.method.value}
        await transaction.execute(insert(series_mappings), [row])

    async def newest_within(self, transaction: WriteConnection, tenant: str, ref: SeriesRef) -> SeriesMapping | None:
        of = (_COLUMNS.tenant_id == tenant, _COLUMNS.source == ref.source, _COLUMNS.series == ref.series)
        row = await transaction.first(select(*_MAPPING).where(*of).order_by(_COLUMNS.version.desc()).limit(1))
        return None if row is None else _mapping(row)

    async def catalogue_mark(self, tenant: str) -> tuple[int, int]:
        """How many curves there are, and their last id: curves are only added, and their texts never change."""
        statement = select(func.count(), func.coalesce(func.max(curves.c.id), 0)).where(curves.c.tenant_id == tenant)
        async with self.database.read() as connection:
            ((count, last),) = await connection.all(statement)
        return count, last

    async def texts(self, tenant: str) -> Sequence[Sequence[Any]]:
        """The id of every curve and what is written about it, sorted by key."""
        columns = [curves.c[name] for name in ("id", *_TEXTS)]
        statement = select(*columns).where(curves.c.tenant_id == tenant).order_by(curves.c.key)
        async with self.database.read() as connection:
            return await connection.all(statement)


def _mapping(row: Any) -> SeriesMapping:
    return SeriesMapping(
        row.source, row.series, row.version, row.curve_key, row.confidence, MappingMethod(row.method), row.author,
        row.reason, row.known_from,
    )  # fmt: skip
