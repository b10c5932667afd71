"""The GraphQL face of the catalogue: dimensions, units, currencies, and how curves are chosen and sorted."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from enum import Enum
from hashlib import blake2b
from typing import Annotated, Any, Protocol

import strawberry
from strawberry import argument

from aurum.auth import Principal
from aurum.errors import AurumError, InvalidInput
from aurum.graphql.enums import publish_enum
from aurum.graphql.sizes import sized, sizing
from aurum.market.identity import Measure
from aurum.metadata import model, reference
from aurum.metadata.model import CurveOrderField, Dimension
from aurum.metadata.reference.locations import within
from aurum.metadata.service import MetadataService


class MetadataContext(Protocol):
    """What these fields need of a request."""

    @property
    def principal(self) -> Principal: ...
    @property
    def metadata(self) -> MetadataService: ...
    async def head(self) -> int | None: ...


Info = strawberry.Info[MetadataContext, None]
AS_SPELT = "As the vendor spells it; measures are those of `Measure`."


class OrderDirection(Enum):
    ASC = "ASC"
    DESC = "DESC"


_TEXTS = {
    "VENDOR": "The vendor's code.",
    "ASSET_CLASS": "Such as gas or power.",
    "COMMODITY": "Such as diesel/gasoil.",
    "ISO": "The system operator.",
    "MARKET": "The vendor's market.",
    "REGION": "The vendor's region.",
    "LOCATION": "Hub, zone or country.",
    "PRODUCT": "The vendor's product.",
    "BLOCK": "Which hours.",
    "MEASURE": "Prices or spark spreads.",
    "CURRENCY": "What prices are in.",
    "UNIT": "What prices are per.",
    "KEY": "The curve's key.",
    "LEGACY_KEY": "The SHA-256 key of the legacy API.",
    "NAME": "The curve's name.",
}
publish_enum(Dimension, "What curves are told apart and grouped by.", _TEXTS, name="CurveDimension")
publish_enum(CurveOrderField, "What curves can be sorted by; texts by code point.", _TEXTS)
publish_enum(
    Measure, "What the numbers of a curve are.",
    {"PRICE": "Prices.", "SPARK_SPREAD": "Power less the gas that makes it, by the vendor's efficiency."},
)  # fmt: skip
publish_enum(OrderDirection, "Which way a list is sorted.", {"ASC": "Smallest first.", "DESC": "Largest first."})


def _any_of(what: str) -> list[str] | None:
    field: list[str] | None = strawberry.field(default=None, description=f"Any of these {what}; null: all.")
    return field


@strawberry.input(description="Chooses curves that fit every given condition. Texts match in any case and spacing.")
class CurveFilter:
    keys: list[str] | None = _any_of("keys, such as `eugp:eu/dutch_ttf/gas`")
    legacy_keys: list[str] | None = _any_of("legacy SHA-256 keys")
    vendors: list[str] | None = _any_of("vendors, such as `EUGP`")
    isos: list[str] | None = _any_of("system operators, such as `PJM`")
    markets: list[str] | None = _any_of("markets")
    regions: list[str] | None = _any_of("regions")
    locations: list[str] | None = _any_of("locations: hubs, zones or countries, as the vendor names them")
    products: list[str] | None = _any_of("products")
    blocks: list[str] | None = _any_of("blocks of hours, as the vendor names them")
    measures: list[Measure] | None = strawberry.field(default=None, description="Any of these measures; null: all.")
    asset_classes: list[str] | None = _any_of("asset classes, such as `gas`")
    commodities: list[str] | None = _any_of("commodities, such as `diesel/gasoil`")
    currencies: list[str] | None = _any_of("currencies by code")
    units: list[str] | None = _any_of("units of measure by code")
    located_in: list[str] | None = strawberry.field(
        default=None,
        description="In any of these locations, by key, such as `pjm`, with all that is within them; null: anywhere.",
    )
    location_known: bool | None = strawberry.field(
        default=None,
        description="True: only curves whose location is known; false: only those whose location is not.",
    )
    unit_known: bool | None = strawberry.field(
        default=None,
        description="True: only curves whose unit is known; false: only those whose unit is not.",
    )
    reviewed: bool | None = strawberry.field(
        default=None,
        description="True: only curves that somebody has looked at; false: only those that wait for it.",
    )


Search = Annotated[
    str | None,
    argument(
        description="Words that all occur in a curve's key, name, location, product, commodity, vendor or attributes; "
        "case, accents and punctuation do not count. The last may be the beginning of one. For a word that no curve "
        "has, the most similar ones are taken (`searchTerms` of `curves` says so). Null or blank: all."
    ),
]


@strawberry.type(description="A word of a search text, and what was looked for in its place.")
class SearchTerm:
    word: str = strawberry.field(description="As it is searched for: in lower case, without accents.")
    found: list[str] = strawberry.field(
        description="Any of these words fits: the word itself, or those most similar to it where no curve has it; "
        "empty where there are none: then no curve fits.",
        directives=[sized(3)],
    )
    begun: bool = strawberry.field(description="Whether words that begin so fit too.")
    similar: bool = strawberry.field(description="Whether no curve has the word, and similar ones stand in for it.")


def search_terms_of(search: model.Search | None) -> list[SearchTerm]:
    return [
        SearchTerm(
            word=term.word, found=[] if term.missing else list(term.found), begun=term.begun, similar=term.similar
        )
        for term in (search.terms if search else ())
    ]


@strawberry.input(description="One term of a sort order.")
class CurveOrder:
    field: CurveOrderField = strawberry.field(description="What to sort by.")
    direction: OrderDirection = strawberry.field(default=OrderDirection.ASC, description="Which way.")


def filter_of(wanted: CurveFilter | None, search: model.Search | None = None) -> model.CurveFilter:
    given: dict[str, Any] = (
        {} if wanted is None else {name: value for name, value in vars(wanted).items() if value is not None}
    )
    lists: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in given.items()}
    if "located_in" in lists:
        lists["located_in"] = tuple(within(lists["located_in"]))
    return model.CurveFilter(**lists, search=search)


def order_of(order: list[CurveOrder] | None, search: model.Search | None = None) -> list[model.CurveOrder]:
    """Without one by key; of what is searched for none: the best first."""
    if order and len({item.field for item in order}) < len(order):
        raise InvalidInput("a field is sorted by twice", field="orderBy")
    chosen = order or ([] if search else [CurveOrder(field=CurveOrderField.KEY)])
    return [model.CurveOrder(item.field, item.direction is OrderDirection.DESC) for item in chosen]


def name_of(order: list[model.CurveOrder], search: model.Search | None) -> str:
    """Of a list of curves in this order, for its cursors: those of the best first hold for that search alone."""
    if not order:
        return f"curves best of {blake2b(repr(search).encode(), digest_size=8).hexdigest()}"
    return "curves " + ",".join(f"{'-' if term.descending else ''}{term.field}" for term in order)


@strawberry.type(description="A currency. Sub-units such as pence are scaled by conversion, never read as the whole.")
class Currency:
    code: str = strawberry.field(
        description="ISO 4217, such as `EUR`; sub-units as the field writes them, such as `GBX`."
    )
    name: str = strawberry.field(description="In English.")
    base: str = strawberry.field(description="The currency it is a part of; itself where it is none's.")
    factor: float = strawberry.field(description="How many of `base` one of it is: 0.01 for pence.")


@strawberry.type(description="A unit of measure that prices are quoted per.")
class Unit:
    code: str = strawberry.field(description="Such as `MWh`.")
    name: str = strawberry.field(description="In English.")
    dimension: str = strawberry.field(description="Energy, volume, mass ...: units of one dimension convert.")
    factor: float | None = strawberry.field(description="How many of `base` one of it is; null where nothing converts.")
    base: str | None = strawberry.field(description="The unit that `factor` counts in.")
    source: str = strawberry.field(description="Where the factor is from.")


@strawberry.type(description="What a vendor's unit text means.")
class UnitMapping:
    text: str = strawberry.field(description="The vendor's text; case counts: `p` is not `P`.")
    currency: Currency | None = strawberry.field(description="Null: not known.")
    unit: Unit | None = strawberry.field(description="Null: not known.")
    version: int = strawberry.field(description="0 is the one that Aurum ships; each change counts one up.")
    source: str = strawberry.field(description="Who said so.")
    known_from: datetime | None = strawberry.field(description="Since when it is in force (UTC); null: shipped.")


@strawberry.type(description="One version of what a curve is priced in.")
class UnitVersion:
    version: int = strawberry.field(description="Counts from 1.")
    currency: Currency | None = strawberry.field(description="Null: not known.")
    unit: Unit | None = strawberry.field(description="Null: not known.")
    confidence: str = strawberry.field(
        description="How sure that is: confirmed (by a person), high, medium, low or unknown."
    )
    source: str = strawberry.field(description="Who said so.")
    note: str | None = strawberry.field(description="Why.")
    known_from: datetime = strawberry.field(description="Since when (UTC).")


@strawberry.type(description="Somebody has looked at a curve.")
class CurveReview:
    author: str = strawberry.field(description="Who.")
    reason: str = strawberry.field(description="What they found.")
    reviewed_at: datetime = strawberry.field(description="When (UTC).")


@strawberry.type(description="A further attribute of a curve.")
class Attribute:
    name: str = strawberry.field(description="Such as `vintage`.")
    value: str = strawberry.field(description="In the vendor's spelling.")


@strawberry.type(description="A value of a dimension.")
class DimensionValue:
    value: str = strawberry.field(description=AS_SPELT)
    count: int = strawberry.field(description="How many of the chosen curves have it.")


@strawberry.type(description="A dimension with the values that the chosen curves have.")
class DimensionValues:
    dimension: Dimension = strawberry.field(description="Which one.")
    values: list[DimensionValue] = strawberry.field(
        description="Sorted by value, at most `limit`.", directives=[sized(1000)]
    )


@strawberry.type(description="What a person can mend about a mutation's input. Nothing was changed.")
class Problem:
    code: str = strawberry.field(description="Stable, for programs.")
    message: str = strawberry.field(description="In plain words.")
    field: str | None = strawberry.field(description="The input field it is about.")
    hint: str | None = strawberry.field(description="How to mend it.")


@strawberry.input(description="What a vendor's unit text means from now on.")
class UpsertUnitMappingInput:
    text: str = strawberry.field(description="The vendor's text, such as `CAD - MWh`.")
    currency: str | None = strawberry.field(default=None, description="A code of `currencies`; null: not known.")
    unit: str | None = strawberry.field(default=None, description="A code of `units`; null: not known.")


@strawberry.type(description="The changed mapping, or what was wrong.")
class UpsertUnitMappingPayload:
    mapping: UnitMapping | None = strawberry.field(description="Null where there are problems.")
    problems: list[Problem] = strawberry.field(description="Empty where it worked.", directives=[sized(1)])


def currency_of(code: str | None) -> Currency | None:
    known = reference.currencies().get(code) if code else None
    if known is None:
        return None
    return Currency(code=known.code, name=known.name, base=known.base, factor=known.factor)


def unit_of(code: str | None) -> Unit | None:
    known = reference.units().get(code) if code else None
    if known is None:
        return None
    return Unit(
        code=known.code, name=known.name, dimension=known.dimension, factor=known.factor, base=known.base,
        source=known.source,
    )  # fmt: skip


def chosen_dimensions(names: Sequence[Dimension] | None, limit: int, most: int = 5_000) -> list[Dimension]:
    """Those named, each once; None: all. Raises InvalidInput for a `limit` that is not 0 to `most`."""
    if not 0 <= limit <= most:
        raise InvalidInput(f"at most {most} values a dimension", field="limit")
    return list(Dimension) if names is None else list(dict.fromkeys(names))


def dimension_text(dimension: Dimension, text: str) -> str:
    """As `CurveFilter` takes it."""
    return Measure(text).name if dimension is Dimension.MEASURE else text


def dimension_values_of(names: Sequence[Dimension], found: Sequence[model.DimensionValue]) -> list[DimensionValues]:
    return [
        DimensionValues(
            dimension=name,
            values=[
                DimensionValue(value=dimension_text(name, each.value), count=each.count)
                for each in found
                if each.dimension == name
            ],
        )
        for name in names
    ]


def unit_version_of(version: model.UnitAssignment) -> UnitVersion:
    return UnitVersion(
        version=version.version, currency=currency_of(version.currency), unit=unit_of(version.unit),
        confidence=version.confidence, source=version.source, note=version.note, known_from=version.known_from,
    )  # fmt: skip


def review_of(review: model.Review) -> CurveReview:
    return CurveReview(author=review.author, reason=review.reason, reviewed_at=review.reviewed_at)


def _mapping_of(mapping: model.UnitMapping) -> UnitMapping:
    return UnitMapping(
        text=mapping.text, currency=currency_of(mapping.currency), unit=unit_of(mapping.unit), version=mapping.version,
        source=mapping.source, known_from=mapping.known_from,
    )  # fmt: skip


def problem_of(error: AurumError, field: str | None = None) -> Problem:
    """`field`: which one it is about, where the error does not say."""
    return Problem(code=error.code, message=error.message, field=error.details.get("field", field), hint=error.hint)


@strawberry.type
class MetadataQuery:
    @strawberry.field(
        description="Values of each dimension with the number of curves, for pickers, and as facets of a search.",
        directives=[sizing(12, ["limit"], "values")],
    )
    async def dimensions(
        self,
        info: Info,
        names: Annotated[list[Dimension] | None, argument(description="Which dimensions; null: all.")] = None,
        filter: Annotated[CurveFilter | None, argument(description="Of which curves; null: all.")] = None,
        prefix: Annotated[str, argument(description="Only values that begin so, in any case.")] = "",
        limit: Annotated[int, argument(description="At most so many values of each, 0 to 5000.")] = 1000,
        search: Search = None,
    ) -> list[DimensionValues]:
        chosen = chosen_dimensions(names, limit)
        context = info.context
        wanted = filter_of(filter, await context.metadata.search(context.principal, search))
        found = await context.metadata.dimensions(
            context.principal, wanted, chosen, prefix, limit, head=await context.head()
        )
        return dimension_values_of(chosen, found)

    @strawberry.field(description="Units of measure that Aurum knows, sorted by code.", directives=[sized(20)])
    async def units(self) -> list[Unit]:
        return [unit for code in sorted(reference.units()) if (unit := unit_of(code)) is not None]

    @strawberry.field(description="Currencies that Aurum knows, sorted by code.", directives=[sized(25)])
    async def currencies(self) -> list[Currency]:
        return [currency for code in sorted(reference.currencies()) if (currency := currency_of(code)) is not None]

    @strawberry.field(description="What vendors' unit texts mean, sorted by text.", directives=[sized(100)])
    async def unit_mappings(
        self, info: Info,
        prefix: Annotated[str, argument(description="Only texts that begin so, in any case.")] = "",
    ) -> list[UnitMapping]:  # fmt: skip
        return [
            _mapping_of(mapping)
            for mapping in await info.context.metadata.unit_mappings(info.context.principal, prefix)
        ]


@strawberry.type
class MetadataMutation:
    @strawberry.mutation(description="Says what a vendor's unit text means, for curves first seen from now on.")
    async def upsert_unit_mapping(
        self, info: Info, input: Annotated[UpsertUnitMappingInput, argument(description="The mapping.")]
    ) -> UpsertUnitMappingPayload:
        context = info.context
        try:
            mapping = await context.metadata.set_mapping(context.principal, input.text, input.currency, input.unit)
        except InvalidInput as error:
            return UpsertUnitMappingPayload(mapping=None, problems=[problem_of(error)])
        return UpsertUnitMappingPayload(mapping=_mapping_of(mapping), problems=[])
