"""Curves: what the legacy endpoints ask of the schema, and how its answer looks there."""

from __future__ import annotations

from datetime import UTC, datetime
from math import isfinite
from operator import itemgetter
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field
from pydantic_core import PydanticCustomError

from aurum.errors import Overflow
from aurum.market.identity import fold
from aurum.rest.parameters import Day, Paged, PagedBothWays, Parameters, Text

_TENOR_TYPES = {
    "MONTH": "MONTHLY",
    "QUARTER": "QUARTER",
    "SEASON": "SEASON",
    "CALENDAR": "CALENDAR",
    "BALANCE": "STRIP",
}
_FROM_LEGACY = {legacy: type_ for type_, legacy in _TENOR_TYPES.items()}
_FILTERS = {
    "curve_key": "legacyKeys",
    "asset_class": "assetClasses",
    "iso": "isos",
    "location": "locations",
    "market": "markets",
    "product": "products",
    "block": "blocks",
}
Limit = Annotated[int, Field(ge=1, le=1000)]


def _refused(told: str) -> BeforeValidator:
    def refuse(_: Any) -> Any:
        raise PydanticCustomError("extra_forbidden", told)

    return BeforeValidator(refuse)


Refused = Annotated[None, _refused("This operation cannot answer that: ask /exports.csv")]
RefusedOfTwo = Annotated[None, _refused("The as-of dates of this operation are asof_a and asof_b")]
RefusedDay = Annotated[None, _refused("The as-of date of this operation is asof; /exports.csv has more of them")]
POINT_COLUMNS = (
    *("curve_key", "tenor_label", "tenor_type", "contract_month", "asof_date"),
    *("mid", "bid", "ask", "price_type"),
)


class OfPublished(Parameters):
    """Prices as they were published, as they are known now. What `/exports.csv` takes to answer other numbers is
    refused, and so are other spellings of `asof`, although unknown parameters are ignored: to ignore them were to
    answer something else.
    """

    scenario_run: Refused = None
    compare_run: Refused = None
    known_at: Refused = None
    known_at_of_graphql: Refused = Field(None, alias="knownAt")
    as_of: RefusedDay = None
    as_of_of_graphql: RefusedDay = Field(None, alias="asOf")
    as_of_from: RefusedDay = None
    as_of_to: RefusedDay = None
    asof_date: RefusedDay = None
    currency: Refused = None
    unit: Refused = None


class DimensionFilters(OfPublished):
    asset_class: Text = None
    iso: Text = None
    location: Text = None
    market: Text = None
    product: Text = None
    block: Text = None


class CurveFilters(DimensionFilters):
    curve_key: Text = None
    asof: Day | None = None


TenorTypeName = Literal["MONTHLY", "CALENDAR", "SEASON", "QUARTER"]


class CurvesParameters(CurveFilters, PagedBothWays):
    tenor_type: TenorTypeName | None = None
    limit: Limit = 200
    format: Literal["json", "csv"] = "json"


class StripsParameters(CurveFilters, Paged):
    """Strips are those that a vendor delivers."""

    type: Literal["CALENDAR", "SEASON", "QUARTER"]
    limit: Limit = 200

    @property
    def tenor_type(self) -> str:
        return self.type


class DiffParameters(DimensionFilters, Paged):
    curve_key: Text = None
    asof: RefusedOfTwo = None
    asof_a: Day
    asof_b: Day
    tenor_type: TenorTypeName | None = None
    limit: Limit = 200


class DimensionsParameters(DimensionFilters):
    asof: Day | None = None
    tenor_type: TenorTypeName | None = None
    per_dim_limit: Annotated[int, Field(ge=1, le=5000)] = 1000
    prefix: str = ""
    include_counts: bool = False


class ExportParameters(OfPublished):
    """`chunk_size` are the rows that are sent at a time, as many as a page of the schema at most."""

    iso: Text = None
    market: Text = None
    location: Text = None
    product: Text = None
    block: Text = None
    asof: Day | None = None
    chunk_size: Annotated[int, Field(ge=100, le=5000)] = 1000


def curves_variables(asked: CurvesParameters | StripsParameters) -> dict[str, Any]:
    return {
        "filter": _filter(asked),
        "asOf": None if asked.asof is None else asked.asof.isoformat(),
        "tenorTypes": _tenor_types(asked.tenor_type),
    }


def diff_variables(asked: DiffParameters) -> dict[str, Any]:
    return {
        "filter": _filter(asked),
        "asOfA": asked.asof_a.isoformat(),
        "asOfB": asked.asof_b.isoformat(),
        "tenorTypes": _tenor_types(asked.tenor_type),
    }


def dimensions_variables(asked: DimensionsParameters) -> dict[str, Any]:
    return {
        "filter": _filter(asked),
        "asOf": None if asked.asof is None else asked.asof.isoformat(),
        "tenorTypes": _tenor_types(asked.tenor_type),
        "prefix": asked.prefix,
        "limit": asked.per_dim_limit,
    }


def export_variables(asked: ExportParameters) -> dict[str, Any]:
    """As it is known when it is asked for: what comes while it is sent is not in it."""
    return {
        "filter": _filter(asked),
        "asOf": None if asked.asof is None else asked.asof.isoformat(),
        "knownAt": datetime.now(UTC).isoformat(),
        "first": min(asked.chunk_size, Paged.largest_page),
        "days": False,
    }


def _filter(asked: Parameters) -> dict[str, list[str]]:
    return {field: [value] for name, field in _FILTERS.items() if (value := getattr(asked, name, None)) is not None}


def _tenor_types(legacy: str | None) -> list[str] | None:
    return None if legacy is None else [_FROM_LEGACY[legacy]]


def _mid(quote: dict[str, Any]) -> float:
    """As delivered, else that of bid and ask: the schema lists nothing without any price."""
    if quote["mid"] is not None:
        return float(quote["mid"])
    sides = [side for side in (quote["bid"], quote["ask"]) if side is not None]
    return float(sum(side / len(sides) for side in sides))


def curve_diff_point(quote: dict[str, Any]) -> dict[str, Any]:
    """Raises Overflow for a change that is no number."""
    other = quote["comparedWith"]
    mid_a, mid_b = _mid(quote), _mid(other)
    change = mid_b - mid_a
    fraction = change / mid_a if mid_a else None
    if not (isfinite(change) and (fraction is None or isfinite(fraction))):
        raise Overflow("a change is too large for a number")
    return {
        "curve_key": quote["curve"]["legacyKey"],
        "tenor_label": quote["label"],
        "tenor_type": _TENOR_TYPES[quote["tenorType"]],
        "contract_month": quote["deliveryStart"][:8] + "01",
        "asof_a": quote["asOf"],
        "mid_a": mid_a,
        "asof_b": other["asOf"],
        "mid_b": mid_b,
        "diff_abs": change,
        "diff_pct": fraction,
    }


def dimensions(asked: DimensionsParameters, data: dict[str, Any]) -> dict[str, Any]:
    facets = data["quoteFacets"]
    found = {each["dimension"].lower(): each["values"] for each in facets["dimensions"]}
    types = [{"value": _TENOR_TYPES[each["tenorType"]], "count": each["count"]} for each in facets["tenorTypes"]]
    begun = [each for each in types if fold(each["value"]).startswith(fold(asked.prefix))]
    found["tenor_type"] = sorted(begun, key=itemgetter("value"))[: asked.per_dim_limit]
    values = {name: [each["value"] for each in of] for name, of in found.items()}
    return {"data": values, "counts": found if asked.include_counts else None}


def curve_point(quote: dict[str, Any]) -> dict[str, Any]:
    return {
        "curve_key": quote["curve"]["legacyKey"],
        "tenor_label": quote["label"],
        "tenor_type": _TENOR_TYPES[quote["tenorType"]],
        "contract_month": quote["deliveryStart"][:8] + "01",
        "asof_date": quote["asOf"],
        "mid": _mid(quote),
        "bid": quote["bid"],
        "ask": quote["ask"],
        "price_type": "MID",
    }
