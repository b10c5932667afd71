"""What exists: curves and how they are described."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from aurum.market.identity import CurveIdentity, legacy_curve_key
from aurum.market.locations import LocationAlias


@dataclass(frozen=True, slots=True)
class CurveDescription:
    """What a vendor's file says about a curve, apart from its prices."""

    identity: CurveIdentity
    asset_class: str
    commodity: str
    region: str | None = None
    unit_text: str | None = None
    attributes: tuple[tuple[str, str], ...] = ()

    @property
    def legacy_key(self) -> str:
        return legacy_curve_key(
            asset_class=self.asset_class,
            iso=self.identity.iso,
            region=self.region,
            location=self.identity.location,
            market=self.identity.market,
            product=self.identity.product,
            block=self.identity.block,
            spark_location=self.identity.leg,
        )


@dataclass(frozen=True, slots=True)
class Curve:
    """A curve of the catalogue. `currency`, `unit`, `location_key` are None while unknown: they are never guessed."""

    id: int
    key: str
    legacy_key: str
    identity: CurveIdentity
    name: str
    asset_class: str
    commodity: str
    region: str | None
    currency: str | None
    unit: str | None
    attributes: tuple[tuple[str, str], ...]
    created_at: datetime
    location_key: str | None = None

    def __hash__(self) -> int:
        return self.id  # of all fields it costs as much as to serve it


@dataclass(frozen=True, slots=True)
class SearchTerm:
    """A word that is searched for and the words that are looked for in its place: any of `found` will do.

    `begun`: what begins so will do too. `similar`: nothing has the word, and these are the most alike. `missing`:
    nothing has the word, nor one like it.
    """

    word: str
    found: tuple[str, ...]
    begun: bool = False
    similar: bool = False
    missing: bool = False


@dataclass(frozen=True, slots=True)
class Search:
    """What a search text is read as: a curve fits that has a word for every term. Without terms none fits."""

    terms: tuple[SearchTerm, ...]


@dataclass(frozen=True, slots=True)
class CurveFilter:
    """Curves that fit every given list (None: any). Texts are matched folded."""

    keys: tuple[str, ...] | None = None
    legacy_keys: tuple[str, ...] | None = None
    vendors: tuple[str, ...] | None = None
    isos: tuple[str, ...] | None = None
    markets: tuple[str, ...] | None = None
    regions: tuple[str, ...] | None = None
    locations: tuple[str, ...] | None = None
    products: tuple[str, ...] | None = None
    blocks: tuple[str, ...] | None = None
    measures: tuple[str, ...] | None = None
    asset_classes: tuple[str, ...] | None = None
    commodities: tuple[str, ...] | None = None
    currencies: tuple[str, ...] | None = None
    units: tuple[str, ...] | None = None
    located_in: tuple[str, ...] | None = None  # keys, of all within a location too
    unit_known: bool | None = None
    location_known: bool | None = None
    reviewed: bool | None = None
    search: Search | None = None


class CurveOrderField(StrEnum):
    KEY = "key"
    LEGACY_KEY = "legacy_key"
    NAME = "name"
    VENDOR = "vendor"
    MARKET = "market"
    LOCATION = "location"
    PRODUCT = "product"
    ASSET_CLASS = "asset_class"


@dataclass(frozen=True, slots=True)
class CurveOrder:
    field: CurveOrderField
    descending: bool = False


class Dimension(StrEnum):
    """What curves are told apart and grouped by."""

    VENDOR = "vendor"
    ASSET_CLASS = "asset_class"
    COMMODITY = "commodity"
    ISO = "iso"
    MARKET = "market"
    REGION = "region"
    LOCATION = "location"
    PRODUCT = "product"
    BLOCK = "block"
    MEASURE = "measure"
    CURRENCY = "currency"
    UNIT = "unit"


@dataclass(frozen=True, slots=True)
class DimensionValue:
    dimension: Dimension
    value: str
    count: int


@dataclass(frozen=True, slots=True)
class UnitAssignment:
    """One version of what a curve is priced in, who said so and why. The newest one known is in force."""

    curve_id: int
    version: int
    currency: str | None
    unit: str | None
    confidence: str
    source: str
    note: str | None
    known_from: datetime


def unit_known_at(versions: Sequence[UnitAssignment], known_at: datetime | None) -> UnitAssignment:
    """Of a curve's versions, oldest first, the one in force. The first one holds from the beginning of time."""
    known = [version for version in versions if known_at is None or version.known_from <= known_at]
    return known[-1] if known else versions[0]


@dataclass(frozen=True, slots=True)
class Review:
    """Somebody has looked at a curve."""

    author: str
    reason: str
    reviewed_at: datetime


@dataclass(frozen=True, slots=True)
class UnitMapping:
    """What a vendor's unit text means. `version` 0 is the one that Aurum ships."""

    text: str
    currency: str | None
    unit: str | None
    version: int
    source: str
    known_from: datetime | None


@dataclass(frozen=True, slots=True)
class AliasVersion:
    """What a text means as a location, who said so and why. `version` 0 is what Aurum ships."""

    alias: LocationAlias
    version: int
    author: str
    reason: str | None
    known_from: datetime | None


@dataclass(frozen=True, slots=True)
class UnlinkedText:
    """A vendor's text for a location that is not known, and how many curves have it."""

    vendor: str
    iso: str
    market: str
    text: str
    curves: int


class MappingMethod(StrEnum):
    """How a series found its curve."""

    MANUAL = "manual"
    AUTOMATED = "automated"
    HEURISTIC = "heuristic"


@dataclass(frozen=True, slots=True)
class SeriesRef:
    """A series of another system, by the text that it has there; as it was mapped at `known_at` (None: now)."""

    source: str
    series: str
    known_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class SeriesMapping:
    """Which curve a series of another system is, who said so and why; the newest version known is in force.

    `curve_key` is None where the mapping was removed; of a curve that does not exist yet it may be the key.
    `confidence` is how sure that is, 0 to 1.
    """

    source: str
    series: str
    version: int
    curve_key: str | None
    confidence: float
    method: MappingMethod
    author: str
    reason: str
    known_from: datetime
