"""Reads and writes what texts mean as locations, and which curves are where."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import asdict
from typing import Any

from sqlalchemy import Select, bindparam, func, insert, literal_column, select, update

from aurum.backends.database import Database, ReadConnection, Text, WriteConnection
from aurum.backends.paging import Page, PageRequest, SortKey, read_page
from aurum.market.identity import CurveIdentity, fold
from aurum.market.locations import LocationAlias, LocationAliases
from aurum.metadata.model import AliasVersion, CurveFilter, UnlinkedText
from aurum.metadata.store import matching
from aurum.metadata.tables import curves, location_aliases

_SAID = ("vendor", "iso", "market", "product")
_ALIAS = [location_aliases.c[name] for name in (*_SAID, "text", "location")]
_VERSION = [location_aliases.c[name] for name in ("version", "author", "reason", "known_from")]
_TEXTS = [curves.c[name] for name in ("vendor", "market", "location", "product", "iso")]


class LocationStore:
    def __init__(self, database: Database) -> None:
        self.database = database

    async def versions(self, tenant: str) -> list[AliasVersion]:
        """All of the tenant's own, oldest first."""
        async with self.database.read() as connection:
            return await self.versions_within(connection, tenant)

    async def versions_within(self, connection: ReadConnection, tenant: str) -> list[AliasVersion]:
        statement = select(*_ALIAS, *_VERSION).where(location_aliases.c.tenant_id == tenant)
        rows = await connection.all(statement.order_by(location_aliases.c.version))
        return [AliasVersion(LocationAlias(*row[: len(_ALIAS)]), *row[len(_ALIAS) :]) for row in rows]

    async def add(self, transaction: WriteConnection, tenant: str, said: AliasVersion) -> None:
        row = {"tenant_id": tenant, **asdict(said.alias), "text_folded": fold(said.alias.text), "version": said.version,
               "author": said.author, "reason": said.reason, "known_from": said.known_from}  # fmt: skip
        await transaction.execute(insert(location_aliases), [row])

    async def link(
        self, transaction: WriteConnection, tenant: str, vendor: str, text: str, aliases: LocationAliases
    ) -> int:
        """Links the curves of a vendor that have a text as the aliases say; how many are elsewhere now."""
        having = (curves.c.tenant_id == tenant, curves.c.vendor == vendor, curves.c.location_folded == fold(text))
        rows = await transaction.all(select(curves.c.id, curves.c.location_key, *_TEXTS).where(*having))
        moved = []
        for id_, now, vendor_, market, location, product, iso in rows:
            alias = aliases.of(CurveIdentity(vendor_, market, location, product, iso=iso))
            linked = None if alias is None else alias.location
            if linked != now:
                moved.append({"row": id_, "linked": linked})
        if moved:
            statement = update(curves).where(curves.c.id == bindparam("row"), curves.c.tenant_id == tenant)
            await transaction.execute(statement.values(location_key=bindparam("linked")), moved)
        return len(moved)

    async def counts(self, tenant: str, keys: Collection[str]) -> Mapping[str, int]:
        """How many curves are at exactly these locations, by key; absent where there are none."""
        key = curves.c.location_key
        statement = select(key, func.count()).where(curves.c.tenant_id == tenant, key.in_(keys)).group_by(key)
        async with self.database.read() as connection:
            return {row[0]: row[1] for row in await connection.all(statement)}

    async def unlinked(self, tenant: str, wanted: CurveFilter, request: PageRequest) -> Page[UnlinkedText]:
        """Sorted by vendor, system operator, market and text."""
        found = _unlinked(tenant, wanted).subquery()
        order = [SortKey(found.c[name]) for name in ("vendor", "iso", "market", "text_folded")]
        async with self.database.read() as connection:
            page = await read_page(connection, select(found), order, request)
        return page.map(lambda row: UnlinkedText(row.vendor, row.iso_text, row.market_text, row.text, row.curve_count))


def _unlinked(tenant: str, wanted: CurveFilter) -> Select[Any]:
    columns = curves.c
    # No parameter: PostgreSQL would take two of them for two groupings.
    iso = func.coalesce(columns.iso_folded, literal_column("''"), type_=Text).label("iso")
    folded = [columns.market_folded.label("market"), columns.location_folded.label("text_folded")]
    texts = [columns.vendor, iso, *folded]
    spelled = [
        func.coalesce(func.min(columns.iso), literal_column("''")).label("iso_text"),
        func.min(columns.market).label("market_text"),
        func.min(columns.location).label("text"),
    ]
    statement = select(*texts, *spelled, func.count().label("curve_count"))
    return statement.where(*matching(tenant, wanted), curves.c.location_key.is_(None)).group_by(*texts)
