"""Reads and writes the curve catalogue."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import fields
from functools import lru_cache, partial
from typing import Any

import orjson
from sqlalchemy import (
    ColumnElement,
    FromClause,
    Integer,
    Select,
    and_,
    bindparam,
    case,
    exists,
    false,
    func,
    insert,
    or_,
    select,
    tuple_,
)

from aurum.backends.database import Database, Text, WriteConnection
from aurum.backends.kept import KeptSince
from aurum.backends.paging import Page, PageRequest, SortKey, check, page_of, page_statement, read_page
from aurum.backends.reads import Read, among
from aurum.backends.sharing import Together
from aurum.market.identity import CurveIdentity, Measure, fold, normalize_key
from aurum.metadata.facets import FacetStore
from aurum.metadata.model import (
    Curve,
    CurveFilter,
    CurveOrder,
    CurveOrderField,
    Dimension,
    DimensionValue,
    UnitAssignment,
)
from aurum.metadata.search import SHORTNESS, Vocabulary, fitting, rank, searched_text
from aurum.metadata.tables import curve_reviews, curve_units, curves

_FOLDED = {"isos": "iso", "markets": "market", "regions": "region", "locations": "location",
           "products": "product", "blocks": "block"}  # fmt: skip
_LOWER = {"asset_classes": "asset_class", "commodities": "commodity"}  # ASCII
_EXACT = {"measures": "measure", "currencies": "currency", "units": "unit", "located_in": "location_key"}


_CURVE = [
    curves.c[name]
    for name in (
        "id", "key", "legacy_key", "name", "asset_class", "commodity", "region", "currency", "unit", "attributes",
        "created_at", "vendor", "market", "location", "product", "block", "measure", "leg", "identity_unit", "iso",
        "location_key",
    )
]  # fmt: skip


def matching(tenant: str, wanted: CurveFilter) -> list[ColumnElement[bool]]:
    """The conditions on `curves` that a filter means."""
    given = _given(wanted).items()
    conditions = [curves.c.tenant_id == tenant, *(_SEARCHED[name].in_(values) for name, values in given)]
    if wanted.unit_known is not None:
        conditions.append(curves.c.unit.is_not(None) if wanted.unit_known else curves.c.unit.is_(None))
    if wanted.location_known is not None:
        located = curves.c.location_key
        conditions.append(located.is_not(None) if wanted.location_known else located.is_(None))
    if wanted.reviewed is not None:
        review = select(curve_reviews.c.id).where(curve_reviews.c.curve_id == curves.c.id).exists()
        conditions.append(review if wanted.reviewed else ~review)
    if wanted.search is not None:
        conditions.append(fitting(wanted.search) if wanted.search.terms else false())
    return conditions


@lru_cache(64)  # a filter may have thousands of texts
def _given(wanted: CurveFilter) -> Mapping[str, tuple[str, ...]]:
    """The lists that a filter has, as they are searched for."""
    return {
        name: tuple(map(_spelling(name), values)) for name in _SEARCHED if (values := getattr(wanted, name)) is not None
    }


def _spelling(name: str) -> Callable[[str], str]:
    if name in _EXACT:
        return str
    return _SPELLED.get(name, fold)


_SEARCHED: dict[str, ColumnElement[str]] = {
    "keys": curves.c.key,
    "legacy_keys": curves.c.legacy_key,
    "vendors": curves.c.vendor,
    **{name: curves.c[f"{column}_folded"] for name, column in _FOLDED.items()},
    **{name: func.lower(curves.c[column], type_=Text) for name, column in _LOWER.items()},
    **{name: curves.c[column] for name, column in _EXACT.items()},
}
_OTHERS = [each.name for each in fields(CurveFilter) if each.name not in _SEARCHED]
_SPELLED: dict[str, Callable[[str], str]] = {"keys": normalize_key, "vendors": lambda vendor: vendor.strip().upper()}
_OF_TENANT = curves.c.tenant_id == bindparam("tenant", type_=curves.c.tenant_id.type)
_BY_ID = Read(select(*_CURVE).where(_OF_TENANT, among(curves.c.id, "ids")))
_PAGES = 200  # of the many that there could be, the ones used last are kept compiled


@lru_cache(_PAGES)
def _page(searched: frozenset[str], order: tuple[CurveOrder, ...], cut: bool, backward: bool) -> Read:
    """The first `most` curves that fit the lists named; where it is `cut`, beyond `after_0`, `after_1`..."""
    conditions = [among(_SEARCHED[name], name) for name in sorted(searched)]
    keys = _sort_keys(order)
    position = [bindparam(f"after_{n}", type_=key.column.type) for n, key in enumerate(keys)] if cut else None
    statement = page_statement(select(*_CURVE).where(_OF_TENANT, *conditions), keys, position, backward)
    return Read(statement.limit(bindparam("most", type_=Integer())), by_values=True)


def _sort_keys(order: tuple[CurveOrder, ...]) -> list[SortKey]:
    keys = [SortKey(curves.c[item.field], item.descending) for item in order]
    if not any(item.field is CurveOrderField.KEY for item in order):
        keys.append(SortKey(curves.c.key))
    return keys


_PageAsked = tuple[str, Read, int, tuple[tuple[str, Any], ...]]  # tenant, statement, most rows, values
_TELLING = [_CURVE.index(curves.c[name]) for name in ("key", "currency", "unit", "created_at", "location_key")]
_MOST_MADE = 100_000
_KNOWN_BYTES = 16 * 2**20
_ROW_BYTES = 1500


def _size(key: str, _: Curve) -> int:
    return _ROW_BYTES + len(key)


class CatalogueStore:
    """`vendor_order`: who goes first where curves share a legacy key; the vendors not named follow by their codes."""

    def __init__(self, database: Database, vendor_order: Sequence[str] = ()) -> None:
        self.database = database
        self.facets = FacetStore(database)
        self.vocabulary = Vocabulary(database)
        self._vendor_order = {vendor: place for place, vendor in enumerate(vendor_order)}
        either = or_(among(curves.c.key, "keys"), among(curves.c.legacy_key, "keys"))
        by_key = select(*_CURVE).where(_OF_TENANT, either)
        self._by_key = Read(by_key.order_by(*self._precedence(curves)))
        self._keys_read = Together[str, str, Curve](self._read_keys)
        self._ids_read = Together[str, int, Curve](self._read_ids)
        self._pages_read = Together[_PageAsked, None, Sequence[Any]](self._read_page)
        self._made: dict[int, Curve] = {}
        self._known = KeptSince[tuple[str, str], Curve](_KNOWN_BYTES)
        self._pages_known = KeptSince[_PageAsked, Page[Curve]](_KNOWN_BYTES)

    def _curve(self, row: Sequence[Any]) -> Curve:
        """Of a row that begins with `_CURVE`. Nothing but unit and location change: the same one is made once."""
        known = self._made.get(row[0])
        telling = tuple(map(row.__getitem__, _TELLING))
        if known is None or (known.key, known.currency, known.unit, known.created_at, known.location_key) != telling:
            if len(self._made) >= _MOST_MADE:
                self._made.clear()
            known = self._made[row[0]] = curve_of(row)
        return known

    async def ids(self, transaction: WriteConnection, tenant: str, vendor: str) -> dict[str, int]:
        """Key to id of all curves of a vendor."""
        statement = select(curves.c.key, curves.c.id).where(curves.c.tenant_id == tenant, curves.c.vendor == vendor)
        return {row.key: row.id for row in await transaction.all(statement)}

    async def keys(self, tenant: str, vendor: str | None) -> dict[int, str]:
        """Id to key of all curves of a vendor; None: of all vendors."""
        statement = select(curves.c.id, curves.c.key).where(curves.c.tenant_id == tenant)
        if vendor is not None:
            statement = statement.where(curves.c.vendor == vendor)
        async with self.database.read() as connection:
            return {row.id: row.key for row in await connection.all(statement)}

    async def add(self, transaction: WriteConnection, rows: Sequence[dict[str, Any]]) -> dict[str, int]:
        """Adds new curves (see `curve_row`), each with the first version of its unit; key to id."""
        if not rows:
            return {}
        units = {row["key"]: row.pop("unit_version") for row in rows}
        added = await transaction.execute(
            insert(curves).returning(curves.c.key, curves.c.id, sort_by_parameter_order=True), rows
        )
        ids = {row.key: row.id for row in added}
        await self.vocabulary.add(transaction, rows[0]["tenant_id"], (row["search"] for row in rows))
        await transaction.execute(
            insert(curve_units), [{"curve_id": ids[key], "version": 1, **unit} for key, unit in units.items()]
        )
        return ids

    async def page(
        self,
        tenant: str,
        wanted: CurveFilter,
        order: Sequence[CurveOrder],
        request: PageRequest,
        head: int | None = None,
    ) -> Page[Curve]:
        """Without an order the best first where there is a search, and by key.

        `head`: the tenant's (`Heads`); what was kept at it is still the answer.
        """
        keys = _sort_keys(tuple(order))
        if wanted.search is not None and not order:
            keys[:0] = [SortKey(rank(wanted.search), descending=True), SortKey(SHORTNESS)]
        check(keys, request.position)
        given = _given(wanted)
        if any(getattr(wanted, name) is not None for name in _OTHERS):
            statement = select(*_CURVE).where(*matching(tenant, wanted))
            async with self.database.read() as connection:
                return (await read_page(connection, statement, keys, request)).map(self._curve)
        read = _page(frozenset(given), tuple(order), request.position is not None, request.backward)
        position = {f"after_{n}": value for n, value in enumerate(request.position or ())}
        values = {**given, **position}
        question = (tenant, read, request.limit + 1, tuple(sorted(values.items())))
        page = None if head is None else self._pages_known.still(question, head)
        if page is None:
            rows = (await self._pages_read.ask(question, [None]))[None]
            page = page_of(rows, len(keys), request).map(self._curve)
            if head is not None:
                texts = sum(80 + len(str(item)) for value in values.values() for item in _items(value))
                self._pages_known.note(question, head, page, _ROW_BYTES * (len(rows) + 1) + 2 * texts)
        return page

    async def _read_page(self, question: _PageAsked, _: list[None]) -> dict[None, Sequence[Any]]:
        tenant, read, most, values = question
        return {None: await self.database.rows(read, tenant=tenant, most=most, **dict(values))}

    async def page_by_legacy_key(
        self,
        tenant: str,
        wanted: CurveFilter,
        request: PageRequest,
        having: Callable[[ColumnElement[int]], ColumnElement[bool]],
        one_per_key: bool,
    ) -> Page[Curve]:
        """Sorted by legacy key, then id. `having` is a further condition on a curve's id."""
        statement = select(*_CURVE).where(*matching(tenant, wanted), having(curves.c.id))
        if one_per_key:
            other = curves.alias()
            same_key = and_(other.c.tenant_id == tenant, other.c.legacy_key == curves.c.legacy_key)
            first = tuple_(*self._precedence(other)) < tuple_(*self._precedence(curves))
            statement = statement.where(~exists().where(same_key, first))
        async with self.database.read() as connection:
            keys = [SortKey(curves.c.legacy_key), SortKey(curves.c.id)]
            return (await read_page(connection, statement, keys, request)).map(self._curve)

    def _precedence(self, table: FromClause) -> list[ColumnElement[Any]]:
        # A CASE even of no order: SQLite would search for curves by vendor, which nearly all of them fit.
        order = case(self._vendor_order or {"": -1}, value=table.c.vendor, else_=len(self._vendor_order))
        return [order, table.c.vendor, table.c.id]

    def ids_matching(self, tenant: str, wanted: CurveFilter) -> Select[Any]:
        return select(curves.c.id).where(*matching(tenant, wanted))

    async def count(self, tenant: str, wanted: CurveFilter) -> int:
        async with self.database.read() as connection:
            return int(
                await connection.scalar(select(func.count()).select_from(curves).where(*matching(tenant, wanted)))
            )

    async def matching_among(self, tenant: str, wanted: CurveFilter, ids: Collection[int]) -> set[int]:
        statement = select(curves.c.id).where(*matching(tenant, wanted), curves.c.id.in_(ids))
        async with self.database.read() as connection:
            return {row.id for row in await connection.all(statement)}

    async def by_id(self, tenant: str, ids: Collection[int]) -> dict[int, Curve]:
        found = await self._ids_read.ask(tenant, ids)
        return {id_: found[id_] for id_ in ids if id_ in found}

    async def _read_ids(self, tenant: str, ids: list[int]) -> dict[int, Curve]:
        rows = await self.database.rows(_BY_ID, tenant=tenant, ids=ids)
        return {curve.id: curve for curve in map(self._curve, rows)}

    async def by_any_key(self, tenant: str, keys: Collection[str], head: int | None = None) -> dict[str, Curve]:
        """By key as given, in any spelling; of curves that share a legacy key the oldest of the first vendor.

        `head`: as for `page`.
        """
        if head is None:
            return await self._read_together(tenant, keys)
        read = partial(self._read_together, tenant, keys)
        return await self._known.filled({key: (tenant, key) for key in keys}, head, read, _size)

    async def _read_together(self, tenant: str, keys: Collection[str]) -> dict[str, Curve]:
        wanted = {key: normalize_key(key) for key in keys}
        found = await self._keys_read.ask(tenant, wanted.values())
        return {key: found[normalized] for key, normalized in wanted.items() if normalized in found}

    async def _read_keys(self, tenant: str, keys: list[str]) -> dict[str, Curve]:
        found: dict[str, Curve] = {}
        for curve in map(self._curve, await self.database.rows(self._by_key, tenant=tenant, keys=keys)):
            found.setdefault(curve.legacy_key, curve)
            found[curve.key] = curve
        return found

    async def legs(self, tenant: str, names: Collection[tuple[str, str]]) -> dict[tuple[str, str], Curve]:
        """The gas price curve that a spark spread's leg names, by vendor and folded location, where there is one."""
        vendors, locations = {vendor for vendor, _ in names}, {location for _, location in names}
        found: dict[tuple[str, str], list[Curve]] = {}
        gas = and_(
            curves.c.vendor.in_(vendors),
            curves.c.location_folded.in_(locations),
            curves.c.product_folded == "gas",
            curves.c.measure == Measure.PRICE,
        )
        for curve in await self._curves(tenant, gas):
            found.setdefault((curve.identity.vendor, fold(curve.identity.location)), []).append(curve)
        return {name: fitting[0] for name, fitting in found.items() if len(fitting) == 1}

    async def _curves(self, tenant: str, condition: ColumnElement[bool]) -> list[Curve]:
        statement = select(*_CURVE).where(curves.c.tenant_id == tenant, condition)
        async with self.database.read() as connection:
            rows = await connection.all(statement)
        return list(map(self._curve, rows))

    async def dimensions(
        self,
        tenant: str,
        wanted: CurveFilter,
        names: Collection[Dimension],
        prefix: str,
        limit: int,
        head: int | None = None,
    ) -> list[DimensionValue]:
        """Values with the number of curves, sorted by value. `head`: as for `page`."""
        facets = await self.facets.of(tenant, head)
        chosen = None if wanted == CurveFilter() else await self._ids(tenant, wanted)
        return facets.counts(names, chosen, prefix, limit)

    async def _ids(self, tenant: str, wanted: CurveFilter) -> list[int]:
        """In one piece: tens of thousands of rows would take ten times as long."""
        ids = self.ids_matching(tenant, wanted).subquery().c.id
        async with self.database.read() as connection:
            if self.database.packs:
                return await connection.scalar(select(func.array_agg(ids))) or []
            found: list[int] = orjson.loads(await connection.scalar(select(func.json_group_array(ids))))
            return found


def _items(value: Any) -> Sequence[Any]:
    return value if isinstance(value, tuple) else (value,)


def curve_of(row: Sequence[Any]) -> Curve:
    """Of a row that begins with `_CURVE`."""
    (
        id_, key, legacy_key, name, asset_class, commodity, region, currency, unit, attributes, created_at,
        vendor, market, location, product, block, measure, leg, identity_unit, iso, location_key,
    ) = row[: len(_CURVE)]  # fmt: skip
    identity = CurveIdentity(vendor, market, location, product, block, Measure(measure), leg, identity_unit, iso)
    return Curve(
        id_, key, legacy_key, identity, name, asset_class, commodity, region, currency, unit,
        tuple((name, value) for name, value in attributes), created_at, location_key,
    )  # fmt: skip


def curve_row(tenant: str, curve: Curve, unit: UnitAssignment) -> dict[str, Any]:
    """The row of a new curve, with its first unit version under `unit_version`."""
    identity = curve.identity
    texts = {
        "iso": identity.iso or None,
        "market": identity.market,
        "location": identity.location,
        "product": identity.product,
        "block": identity.block,
        "region": curve.region,
    }
    return {
        "tenant_id": tenant,
        "key": curve.key,
        "legacy_key": curve.legacy_key,
        "vendor": identity.vendor,
        **texts,
        **{f"{name}_folded": None if text is None else fold(text) for name, text in texts.items()},
        "measure": identity.measure.value,
        "leg": identity.leg,
        "identity_unit": identity.unit,
        "name": curve.name,
        "asset_class": curve.asset_class,
        "commodity": curve.commodity,
        "currency": curve.currency,
        "unit": curve.unit,
        "attributes": [list(pair) for pair in curve.attributes],
        "search": searched_text(curve),
        "created_at": curve.created_at,
        "location_key": curve.location_key,
        "unit_version": {
            "tenant_id": tenant, "currency": unit.currency, "unit": unit.unit, "confidence": unit.confidence,
            "source": unit.source, "note": unit.note, "known_from": unit.known_from,
        },
    }  # fmt: skip
