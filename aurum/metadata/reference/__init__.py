"""What Aurum ships: units, currencies, how vendors write them, and the catalogue of known curves.

The catalogue was inferred from price levels and market conventions; each entry says how sure it is. It is where a
curve that is seen for the first time gets its name and unit from; what a person says later goes before it.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from types import MappingProxyType

from aurum.market.units import Currency, Dimension, PriceUnit, UnitOfMeasure

CATALOGUE_VERSION = "2025.1"


@dataclass(frozen=True, slots=True)
class ShippedMapping:
    """What a vendor's unit text means. None of the texts means something else in another case."""

    text: str
    currency: str
    unit: str


@dataclass(frozen=True, slots=True)
class ShippedCurve:
    """A curve that is known before it is seen. `currency` and `unit` are None where they are not known.

    `confidence` is how sure the currency and unit are: high, medium or low; `note` holds the doubts.
    """

    key: str
    name: str
    asset_class: str
    commodity: str
    kind: str
    currency: str | None
    unit: str | None
    confidence: str
    note: str | None

    @property
    def price_unit(self) -> PriceUnit | None:
        """None unless both the currency and the unit are known."""
        return PriceUnit(self.currency, self.unit) if self.currency and self.unit else None


@cache
def units() -> Mapping[str, UnitOfMeasure]:
    """By code."""
    return MappingProxyType(
        {
            row["code"]: UnitOfMeasure(
                code=row["code"],
                name=row["name"],
                dimension=Dimension(row["dimension"]),
                factor=float(row["factor"]) if row["factor"] else None,
                base=row["base"] or None,
                source=row["source"],
            )
            for row in _rows("units.csv")
        }
    )


@cache
def currencies() -> Mapping[str, Currency]:
    """By code."""
    return MappingProxyType(
        {
            row["code"]: Currency(row["code"], row["name"], row["base"], float(row["factor"]))
            for row in _rows("currencies.csv")
        }
    )


@cache
def unit_mappings() -> tuple[ShippedMapping, ...]:
    return tuple(ShippedMapping(**row) for row in _rows("unit_mappings.csv"))


@cache
def curve_units() -> Mapping[str, ShippedCurve]:
    """By the curve's key (`market.identity.CurveIdentity.key`)."""
    return MappingProxyType({row["key"]: _curve(row) for row in _rows("curve_units.csv")})


def _curve(row: dict[str, str]) -> ShippedCurve:
    return ShippedCurve(
        key=row["key"],
        name=row["name"],
        asset_class=row["asset_class"],
        commodity=row["commodity"],
        kind=row["kind"],
        currency=row["currency"] or None,
        unit=row["unit"] or None,
        confidence=row["confidence"],
        note=row["note"] or None,
    )


def _rows(name: str) -> list[dict[str, str]]:
    text = files(__name__).joinpath(name).read_text(encoding="utf-8")
    return list(csv.DictReader(text.splitlines()))
