"""Reads and writes what curves are priced in, version by version, and what units' texts mean to a tenant."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import fields
from typing import Any

from sqlalchemy import Select, bindparam, func, insert, select, update

from aurum.backends.database import AnyRow, Database, WriteConnection
from aurum.backends.reads import Read, among
from aurum.metadata.model import UnitAssignment, UnitMapping
from aurum.metadata.tables import curve_units, curves, unit_mappings

_UNIT = [curve_units.c[each.name] for each in fields(UnitAssignment)]
_UNITS = Read(
    select(*_UNIT)
    .where(curve_units.c.tenant_id == bindparam("tenant", type_=curve_units.c.tenant_id.type))
    .where(among(curve_units.c.curve_id, "ids"))
    .order_by(curve_units.c.curve_id, curve_units.c.version)
)


class UnitStore:
    def __init__(self, database: Database) -> None:
        self.database = database

    async def versions(self, tenant: str, curve_ids: Collection[int]) -> dict[int, list[UnitAssignment]]:
        """Every version, oldest first."""
        found: dict[int, list[UnitAssignment]] = {}
        for row in await self.database.rows(_UNITS, tenant=tenant, ids=list(curve_ids)):
            found.setdefault(row[0], []).append(UnitAssignment(*row))
        return found

    async def assign(self, transaction: WriteConnection, tenant: str, curve_id: int, **unit: Any) -> None:
        """A new version of a curve's unit; the catalogue shows it from now on."""
        newest = select(func.coalesce(func.max(curve_units.c.version), 0)).where(curve_units.c.curve_id == curve_id)
        version = await transaction.scalar(newest) + 1
        row = {"curve_id": curve_id, "tenant_id": tenant, "version": version, **unit}
        await transaction.execute(insert(curve_units), [row])
        await transaction.execute(
            update(curves)
            .where(curves.c.id == curve_id, curves.c.tenant_id == tenant)
            .values(currency=unit["currency"], unit=unit["unit"])
        )

    async def mappings(self, tenant: str) -> list[UnitMapping]:
        """The tenant's own mappings, the newest version of each."""
        async with self.database.read() as connection:
            return [_mapping(row) for row in await connection.all(_newest_mappings(tenant))]

    async def mapping_version(self, transaction: WriteConnection, tenant: str, text: str) -> int:
        """The newest one's; 0 where there is none."""
        statement = select(func.coalesce(func.max(unit_mappings.c.version), 0)).where(
            unit_mappings.c.tenant_id == tenant, unit_mappings.c.text == text
        )
        return int(await transaction.scalar(statement))

    async def add_mapping(self, transaction: WriteConnection, tenant: str, mapping: UnitMapping) -> None:
        row = {
            "tenant_id": tenant, "version": mapping.version, "text": mapping.text,
            "currency": mapping.currency, "unit": mapping.unit, "source": mapping.source,
            "known_from": mapping.known_from,
        }  # fmt: skip
        await transaction.execute(insert(unit_mappings), [row])


def _newest_mappings(tenant: str) -> Select[Any]:
    other = unit_mappings.alias()
    newest = select(func.max(other.c.version)).where(
        other.c.tenant_id == unit_mappings.c.tenant_id, other.c.text == unit_mappings.c.text
    )
    return select(unit_mappings).where(
        unit_mappings.c.tenant_id == tenant, unit_mappings.c.version == newest.scalar_subquery()
    )


def _mapping(row: AnyRow) -> UnitMapping:
    return UnitMapping(row.text, row.currency, row.unit, row.version, row.source, row.known_from)
