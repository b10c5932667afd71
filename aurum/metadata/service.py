"""The use cases of the curve catalogue: what exists, how it is described, what it is priced in."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select

from aurum.auth import Principal, Scope
from aurum.backends.database import WriteConnection
from aurum.backends.events import EventLog
from aurum.backends.paging import Page, PageRequest
from aurum.errors import InvalidInput, NotFound
from aurum.market.identity import collapse, fold
from aurum.market.locations import LocationAliases
from aurum.market.units import parse_unit_text
from aurum.metadata import reference
from aurum.metadata.location_store import LocationStore
from aurum.metadata.locations import LocationService
from aurum.metadata.model import (
    Curve,
    CurveDescription,
    CurveFilter,
    CurveOrder,
    Dimension,
    DimensionValue,
    Review,
    Search,
    UnitAssignment,
    UnitMapping,
)
from aurum.metadata.reasons import reason_of
from aurum.metadata.review_store import ReviewStore
from aurum.metadata.series import SeriesService
from aurum.metadata.series_store import SeriesStore
from aurum.metadata.store import CatalogueStore, curve_row
from aurum.metadata.unit_store import UnitStore

CURVE_UNIT_SET = "CURVE_UNIT_SET"
MOST_REVIEWED = 1_000
_MOST_VENDORS = 1_000
MOST_VALUES = 1_000  # of a dimension
_SHIPPED = f"Aurum's catalogue {reference.CATALOGUE_VERSION}"


class MetadataService:
    def __init__(self, store: CatalogueStore, events: EventLog, clock: Callable[[], datetime]) -> None:
        self.store = store
        self.event_log = events
        self.review_store = ReviewStore(store.database)
        self.unit_store = UnitStore(store.database)
        self.locations = LocationService(LocationStore(store.database), events, clock)
        self.series = SeriesService(SeriesStore(store.database), store, clock)
        self.clock = clock

    async def register(
        self,
        transaction: WriteConnection,
        principal: Principal,
        described: Sequence[CurveDescription],
        at: datetime,
    ) -> tuple[list[int], int]:
        """The ids of the described curves, in their order, and how many of them are new to the catalogue."""
        tenant = principal.tenant
        known: dict[str, int] = {}
        for vendor in {description.identity.vendor for description in described}:
            known |= await self.store.ids(transaction, tenant, vendor)
        keys = [description.identity.key for description in described]
        missing = {key: description for key, description in zip(keys, described, strict=True) if key not in known}
        if not missing:
            return [known[key] for key in keys], 0
        mappings, links = await self._mappings(tenant), await self.locations.links(transaction, principal)
        rows = [curve_row(tenant, *_describe(key, new, mappings, links, at)) for key, new in missing.items()]
        known |= await self.store.add(transaction, rows)
        return [known[key] for key in keys], len(missing)

    async def keys(self, principal: Principal, vendor: str | None = None) -> dict[int, str]:
        """The keys of a vendor's curves, or of all, by id."""
        principal.require(Scope.CURVES_READ)
        return await self.store.keys(principal.tenant, vendor)

    def ids_matching(self, principal: Principal, wanted: CurveFilter) -> Select[Any]:
        """A sub-select of curve ids, for the stores above."""
        principal.require(Scope.CURVES_READ)
        return self.store.ids_matching(principal.tenant, wanted)

    async def search(self, principal: Principal, text: str | None) -> Search | None:
        """What a search text is read as, for a filter; None: everything."""
        principal.require(Scope.CURVES_READ)
        return None if text is None else await self.store.vocabulary.read(principal.tenant, text)

    async def curves(
        self,
        principal: Principal,
        wanted: CurveFilter,
        order: Sequence[CurveOrder],
        request: PageRequest,
        *,
        head: int | None = None,
    ) -> Page[Curve]:
        """`head`: see `CurveService.head`."""
        principal.require(Scope.CURVES_READ)
        return await self.store.page(principal.tenant, wanted, order, request, head)

    async def curves_by_legacy_key(
        self,
        principal: Principal,
        wanted: CurveFilter,
        request: PageRequest,
        *,
        having: Callable[[ColumnElement[int]], ColumnElement[bool]],
        one_per_key: bool = False,
    ) -> Page[Curve]:
        """Sorted by legacy key, then id. `having`: a condition of the stores above on a curve's id.

        `one_per_key`: of curves that share a legacy key only the first one, whatever else is asked for.
        """
        principal.require(Scope.CURVES_READ)
        return await self.store.page_by_legacy_key(principal.tenant, wanted, request, having, one_per_key)

    async def count(self, principal: Principal, wanted: CurveFilter) -> int:
        principal.require(Scope.CURVES_READ)
        return await self.store.count(principal.tenant, wanted)

    async def matching(self, principal: Principal, wanted: CurveFilter, ids: Collection[int]) -> set[int]:
        """Those of the curves that fit."""
        principal.require(Scope.CURVES_READ)
        return await self.store.matching_among(principal.tenant, wanted, ids)

    async def by_id(self, principal: Principal, ids: Collection[int]) -> dict[int, Curve]:
        principal.require(Scope.CURVES_READ)
        return await self.store.by_id(principal.tenant, ids)

    async def by_key(
        self, principal: Principal, keys: Collection[str], *, head: int | None = None
    ) -> dict[str, Curve]:  # fmt: skip
        """By key as given: a curve's key in any spelling, or its legacy SHA-256 key. `head`: as for `curves`."""
        principal.require(Scope.CURVES_READ)
        return await self.store.by_any_key(principal.tenant, keys, head)

    async def legs(self, principal: Principal, names: Collection[tuple[str, str]]) -> dict[tuple[str, str], Curve]:
        """By vendor and leg text: the gas curve that a spark spread is taken against."""
        principal.require(Scope.CURVES_READ)
        found = await self.store.legs(principal.tenant, {(vendor, fold(leg)) for vendor, leg in names})
        return {name: found[name[0], fold(name[1])] for name in names if (name[0], fold(name[1])) in found}

    async def dimensions(
        self,
        principal: Principal,
        wanted: CurveFilter,
        names: Collection[Dimension],
        prefix: str,
        limit: int,
        *,
        head: int | None = None,
    ) -> list[DimensionValue]:
        """`head`: as for `curves`."""
        principal.require(Scope.CURVES_READ)
        return await self.store.dimensions(principal.tenant, wanted, names, prefix, limit, head)

    async def vendors(self, principal: Principal) -> list[str]:
        """Those that have curves, sorted."""
        found = await self.dimensions(principal, CurveFilter(), [Dimension.VENDOR], "", _MOST_VENDORS)
        return [each.value for each in found]

    async def vendor_dimensions(
        self, principal: Principal, vendors: Collection[str]
    ) -> dict[str, tuple[int, list[DimensionValue]]]:
        """By vendor: how many curves it has, and the values of their dimensions with the number of curves."""
        principal.require(Scope.CURVES_READ)
        facets = await self.store.facets.of(principal.tenant, None)
        return {vendor: facets.of_vendor(vendor, MOST_VALUES) for vendor in vendors}

    async def unit_versions(self, principal: Principal, curve_ids: Collection[int]) -> dict[int, list[UnitAssignment]]:
        principal.require(Scope.CURVES_READ)
        return await self.unit_store.versions(principal.tenant, curve_ids)

    async def unit_mappings(self, principal: Principal, prefix: str = "") -> list[UnitMapping]:
        """What unit texts mean: the tenant's own mappings before the shipped ones, sorted by text."""
        principal.require(Scope.CURVES_READ)
        mappings, start = await self._mappings(principal.tenant), fold(prefix)
        return [mappings[text] for text in sorted(mappings) if fold(text).startswith(start)]

    async def _mappings(self, tenant: str) -> dict[str, UnitMapping]:
        shipped = {mapping.text: _shipped(mapping) for mapping in reference.unit_mappings()}
        return shipped | {own.text: own for own in await self.unit_store.mappings(tenant)}

    async def set_unit(
        self, principal: Principal, curve_id: int, currency: str | None, unit: str | None, reason: str
    ) -> Curve:
        """A new version of what a curve is priced in. Past versions stay readable."""
        principal.require(Scope.CURVES_WRITE)
        _check(currency, unit)
        note = reason_of(reason, "change")
        async with self.store.database.write() as transaction:
            await transaction.lock(f"unit {principal.tenant} {curve_id}")
            if curve_id not in await self.store.by_id(principal.tenant, [curve_id]):
                raise NotFound("curve not found")
            await self.unit_store.assign(
                transaction, principal.tenant, curve_id, currency=currency, unit=unit, confidence="confirmed",
                source=principal.name, note=note, known_from=self.clock(),
            )  # fmt: skip
            told = {"curve_id": curve_id, "currency": currency, "unit": unit}
            await self.event_log.append(transaction, principal.tenant, self.clock(), [(CURVE_UNIT_SET, told)])
        return (await self.store.by_id(principal.tenant, [curve_id]))[curve_id]

    async def reviews(self, principal: Principal, curve_ids: Collection[int]) -> dict[int, Review]:
        """By curve: who has looked at it last; absent where nobody has."""
        principal.require(Scope.CURVES_READ)
        return await self.review_store.newest(principal.tenant, curve_ids)

    async def review(self, principal: Principal, curve_ids: Collection[int], reason: str) -> list[Curve]:
        """Takes curves off the review list, all of them or none. Raises InvalidInput, NotFound."""
        principal.require(Scope.CURVES_WRITE)
        ids = sorted(set(curve_ids))
        if not 0 < len(ids) <= MOST_REVIEWED:
            raise InvalidInput(f"{len(ids)} curves; 1 to {MOST_REVIEWED:,} are reviewed at once", field="ids")
        why = reason_of(reason, "review")
        found = await self.store.by_id(principal.tenant, ids)
        if len(found) < len(ids):
            raise NotFound("curve not found", field="ids")
        async with self.store.database.write() as transaction:
            review = Review(principal.name, why, self.clock())
            await self.review_store.add(transaction, principal.tenant, ids, review)
        return [found[id_] for id_ in ids]

    async def set_mapping(self, principal: Principal, text: str, currency: str | None, unit: str | None) -> UnitMapping:
        """A new version of what a unit text means, for curves that are first seen from now on."""
        principal.require(Scope.CURVES_WRITE)
        _check(currency, unit)
        text = collapse(text)
        if not text:
            raise InvalidInput("the text of a mapping is empty", field="text")
        async with self.store.database.write() as transaction:
            await transaction.lock(f"unit mapping {principal.tenant} {text}")
            version = await self.unit_store.mapping_version(transaction, principal.tenant, text) + 1
            mapping = UnitMapping(text, currency, unit, version, principal.name, self.clock())
            await self.unit_store.add_mapping(transaction, principal.tenant, mapping)
        return mapping


def _describe(
    key: str, described: CurveDescription, mappings: dict[str, UnitMapping], links: LocationAliases, at: datetime
) -> tuple[Curve, UnitAssignment]:
    """A new curve: the shipped catalogue where it knows the key, the vendor's own texts where it does not."""
    entry = reference.curve_units().get(key)
    note: str | None
    if described.unit_text is not None:
        currency, unit, confidence, source = _from_text(described.unit_text, mappings)
        note = f"the vendor's unit text: {described.unit_text}"
    elif entry is not None:
        currency, unit, confidence, source = entry.currency, entry.unit, entry.confidence, _SHIPPED
        note = entry.note
    else:
        currency, unit, confidence, source, note = None, None, "unknown", "none", None
    identity = described.identity
    alias = links.of(identity)
    plain = " ".join(text for text in (identity.location, identity.product, identity.block) if text)
    curve = Curve(
        id=0,
        key=key,
        legacy_key=described.legacy_key,
        identity=identity,
        name=entry.name if entry else plain,
        asset_class=entry.asset_class if entry else described.asset_class,
        commodity=entry.commodity if entry else described.commodity,
        region=described.region,
        currency=currency,
        unit=unit,
        attributes=described.attributes,
        created_at=at,
        location_key=alias.location if alias else None,
    )
    return curve, UnitAssignment(0, 1, currency, unit, confidence, source, note, at)


def _from_text(text: str, mappings: dict[str, UnitMapping]) -> tuple[str | None, str | None, str, str]:
    mapping = mappings.get(collapse(text))
    if mapping is not None:
        return mapping.currency, mapping.unit, "high", mapping.source
    parsed = parse_unit_text(text)
    if parsed is not None:
        return parsed.currency, parsed.unit, "high", _SHIPPED
    return None, None, "unknown", "none"


def _shipped(mapping: reference.ShippedMapping) -> UnitMapping:
    return UnitMapping(mapping.text, mapping.currency, mapping.unit, 0, _SHIPPED, None)


def _check(currency: str | None, unit: str | None) -> None:
    if currency is not None and currency not in reference.currencies():
        raise InvalidInput(f"unknown currency: {currency}", field="currency", hint="See the field `currencies`.")
    if unit is not None and unit not in reference.units():
        raise InvalidInput(f"unknown unit: {unit}", field="unit", hint="See the field `units`.")
