"""Curves: what the legacy endpoints ask of the schema, and how its answer looks there."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field
from pydantic_core import PydanticCustomError

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
    as_of: RefusedDay = None
    as_of_from: RefusedDay = None
    as_of_to: RefusedDay = None
    asof_date: RefusedDay = None
    currency: Refused = None
    unit: Refused = None


class CurveFilters(OfPublished):
    curve_key: Text = None
    asset_class: Text = None
    iso: Text = None
    location: Text = None
    market: Text = None
    product: Text = None
    block: Text = None
    asof: Day | None = None


class CurvesParameters(CurveFilters, PagedBothWays):
    tenor_type: Literal["MONTHLY", "CALENDAR", "SEASON", "QUARTER"] | None = None
    limit: Limit = 200
    format: Literal["json", "csv"] = "json"


class StripsParameters(CurveFilters, Paged):
    """Strips are those that a vendor delivers."""

    type: Literal["CALENDAR", "SEASON", "QUARTER"]
    limit: Limit = 200

    @property
    def tenor_type(self) -> str:
        return self.type


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
        "tenorTypes": None if asked.tenor_type is None else [_FROM_LEGACY[asked.tenor_type]],
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


def curve_point(quote: dict[str, Any]) -> dict[str, Any]:
    mid, bid, ask = quote["mid"], quote["bid"], quote["ask"]
    if mid is None:
        sides = [side for side in (bid, ask) if side is not None]
        mid = sum(side / len(sides) for side in sides)  # the schema lists nothing without any price
    return {
        "curve_key": quote["curve"]["legacyKey"],
        "tenor_label": quote["label"],
        "tenor_type": _TENOR_TYPES[quote["tenorType"]],
        "contract_month": quote["deliveryStart"][:8] + "01",
        "asof_date": quote["asOf"],
        "mid": mid,
        "bid": bid,
        "ask": ask,
        "price_type": "MID",
    }
