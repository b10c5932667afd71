"""What a price is in: a currency and a unit of measure, with factors between those that have one.

Refused, never guessed: another currency (it needs an exchange rate), another dimension (it needs a density or
a heat content), and certificates, which convert into nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from aurum.errors import InvalidInput, NoExchangeRate, UnitMismatch
from aurum.market.identity import collapse, fold


class Dimension(StrEnum):
    """What a unit measures."""

    ENERGY = "energy"
    VOLUME = "volume"
    MASS = "mass"
    EMISSION = "emission"
    CERTIFICATE = "certificate"


@dataclass(frozen=True, slots=True)
class Currency:
    """One of it is `factor` of `base`: 1 of itself, or 0.01 for pence and cents (whose codes ISO lacks)."""

    code: str
    name: str
    base: str
    factor: float = 1.0


@dataclass(frozen=True, slots=True)
class UnitOfMeasure:
    """One of it is `factor` of `base`; both are None where nothing converts."""

    code: str
    name: str
    dimension: Dimension
    factor: float | None
    base: str | None
    source: str


@dataclass(frozen=True, slots=True)
class PriceUnit:
    """The codes of what a price is in, such as `EUR` and `MWh`."""

    currency: str
    unit: str

    def __str__(self) -> str:
        return f"{self.currency}/{self.unit}"


def parse_unit_text(text: str) -> PriceUnit | None:
    """What a vendor's text such as `CAD - MWh`, `$/MWh` or `GBp/therm` stands for; None if that is not known.

    Case tells pence (`GBp`) from pounds (`GBP`) and is respected in currencies; in units it is not.
    """
    parts = _SEPARATOR.split(collapse(text), maxsplit=1)
    if len(parts) != 2:
        return None
    currency, unit = _CURRENCY_BY_TEXT.get(parts[0]), _UNIT_BY_TEXT.get(fold(parts[1]))
    return PriceUnit(currency, unit) if currency and unit else None


def conversion_factor(source: PriceUnit, target: PriceUnit) -> float:
    """What a price in `source` is multiplied with to be in `target`: 100 from GBP/MWh to GBX/MWh."""
    money_in, money_out = _currency(source.currency), _currency(target.currency)
    if money_in.base != money_out.base:
        raise NoExchangeRate(
            f"a price in {source} is not one in {target} without an exchange rate",
            hint=f"It takes {exchange_wanted(money_in.base, money_out.base)}; or stay in {target.currency}.",
            units=[str(source), str(target)],
        )
    return money_in.factor / money_out.factor * _quantity_factor(source.unit, target.unit)


def _quantity_factor(source: str, target: str) -> float:
    """How many of the source unit make one of the target's."""
    unit_in, unit_out = _unit(source), _unit(target)
    if unit_in == unit_out:
        return 1.0
    if unit_in.base != unit_out.base or unit_in.factor is None or unit_out.factor is None:
        raise UnitMismatch(
            f"{unit_in.name} and {unit_out.name} do not convert: {obstacle(unit_in, unit_out)}",
            units=[source, target],
        )
    return unit_out.factor / unit_in.factor


def obstacle(one: UnitOfMeasure, other: UnitOfMeasure) -> str:
    """Why two units that do not convert do not."""
    if Dimension.CERTIFICATE in (one.dimension, other.dimension):
        return "a certificate is not a quantity of anything"
    if Dimension.EMISSION in (one.dimension, other.dimension):
        return "an emission is not a quantity of fuel"
    return f"from {one.dimension} to {other.dimension} takes the product's density or heat content"


def check_codes(currency: str | None, unit: str | None) -> None:
    """Raises InvalidInput for what is asked for by other codes than there are."""
    for name, code, known in (("currency", currency, CURRENCIES), ("unit", unit, UNITS)):
        if code is not None and code not in known:
            raise InvalidInput(f"unknown {name}: {code[:40]}", field=name, hint="See `currencies` and `units`.")


def exchange_wanted(one: str, other: str) -> str:
    """An exchange rate between two currencies that is missing, and how it is written."""
    return f"how many {other} one {one} is, such as `1.08 {other}/{one}`"


def _currency(code: str) -> Currency:
    if code not in CURRENCIES:
        raise InvalidInput(f"unknown currency: {code}")
    return CURRENCIES[code]


def _unit(code: str) -> UnitOfMeasure:
    if code not in UNITS:
        raise InvalidInput(f"unknown unit: {code}")
    return UNITS[code]


# ---- currencies ----

CURRENCIES: Mapping[str, Currency] = MappingProxyType(
    {
        currency.code: currency
        for currency in (
            Currency("AUD", "Australian dollar", "AUD"),
            Currency("BGN", "Bulgarian lev", "BGN"),
            Currency("CAD", "Canadian dollar", "CAD"),
            Currency("CHF", "Swiss franc", "CHF"),
            Currency("CNY", "Chinese yuan", "CNY"),
            Currency("CZK", "Czech koruna", "CZK"),
            Currency("DKK", "Danish krone", "DKK"),
            Currency("EUR", "Euro", "EUR"),
            Currency("EUX", "Euro cent", "EUR", 0.01),
            Currency("GBP", "Pound sterling", "GBP"),
            Currency("GBX", "Penny sterling", "GBP", 0.01),
            Currency("HUF", "Hungarian forint", "HUF"),
            Currency("INR", "Indian rupee", "INR"),
            Currency("JPY", "Japanese yen", "JPY"),
            Currency("NOK", "Norwegian krone", "NOK"),
            Currency("PLN", "Polish zloty", "PLN"),
            Currency("RON", "Romanian leu", "RON"),
            Currency("RSD", "Serbian dinar", "RSD"),
            Currency("SEK", "Swedish krona", "SEK"),
            Currency("SGD", "Singapore dollar", "SGD"),
            Currency("TRY", "Turkish lira", "TRY"),
            Currency("USD", "US dollar", "USD"),
            Currency("USX", "US cent", "USD", 0.01),
        )
    }
)

# ---- units of measure ----

_BTU = "1 Btu (International Table, 1956) = 1055.05585262 J exactly: 1 MWh = 3.412141633 MMBtu"
_GALLON = "1 US gallon = 231 cubic inches of 2.54 cm = 3.785411784 L exactly (NIST Handbook 44)"
_POUND = "1 pound = 0.45359237 kg exactly (international yard and pound agreement, 1959)"
_SI = "SI"
_MMBTU_IN_MWH = 1055.05585262 / 3600
_LITRES_IN_GALLON = 3.785411784

_ENERGY, _VOLUME, _MASS = Dimension.ENERGY, Dimension.VOLUME, Dimension.MASS
_EMISSION, _CERTIFICATE = Dimension.EMISSION, Dimension.CERTIFICATE

UNITS: Mapping[str, UnitOfMeasure] = MappingProxyType(
    {
        unit.code: unit
        for unit in (
            UnitOfMeasure("MWh", "megawatt-hour", _ENERGY, 1.0, "MWh", _SI),
            UnitOfMeasure("kWh", "kilowatt-hour", _ENERGY, 1 / 1000, "MWh", _SI + ": 1 MWh = 1,000 kWh"),
            UnitOfMeasure("GWh", "gigawatt-hour", _ENERGY, 1000.0, "MWh", _SI + ": 1 GWh = 1,000 MWh"),
            UnitOfMeasure("GJ", "gigajoule", _ENERGY, 1 / 3.6, "MWh", _SI + ": 1 MWh = 3.6 GJ"),
            UnitOfMeasure("MMBtu", "million Btu", _ENERGY, _MMBTU_IN_MWH, "MWh", _BTU),
            UnitOfMeasure("therm", "therm", _ENERGY, _MMBTU_IN_MWH / 10, "MWh", "100,000 Btu; " + _BTU),
            UnitOfMeasure("gal", "US gallon", _VOLUME, 1.0, "gal", _GALLON),
            UnitOfMeasure("bbl", "barrel", _VOLUME, 42.0, "gal", "1 barrel of oil = 42 US gallons exactly"),
            UnitOfMeasure("L", "litre", _VOLUME, 1 / _LITRES_IN_GALLON, "gal", _GALLON),
            UnitOfMeasure("m3", "cubic metre", _VOLUME, 1000 / _LITRES_IN_GALLON, "gal", _GALLON),
            UnitOfMeasure("mt", "metric tonne", _MASS, 1.0, "mt", _SI),
            UnitOfMeasure("kg", "kilogram", _MASS, 1 / 1000, "mt", _SI + ": 1 t = 1,000 kg"),
            UnitOfMeasure("lb", "pound", _MASS, 0.00045359237, "mt", _POUND),
            UnitOfMeasure("st", "short ton", _MASS, 0.90718474, "mt", "2000 lb; " + _POUND),
            UnitOfMeasure("tCO2", "tonne of CO2", _EMISSION, 1.0, "tCO2", _SI),
            UnitOfMeasure(
                "tCO2e",
                "tonne of CO2 equivalent",
                _EMISSION,
                1.0,
                "tCO2",
                "the warming potential of CO2 is 1 by definition (IPCC)",
            ),
            UnitOfMeasure("stCO2", "short ton of CO2", _EMISSION, 0.90718474, "tCO2", "2000 lb; " + _POUND),
            UnitOfMeasure(
                "RIN",
                "renewable identification number",
                _CERTIFICATE,
                None,
                None,
                "one per gallon of ethanol equivalent (40 CFR 80.1415)",
            ),
            UnitOfMeasure(
                "REC",
                "renewable energy certificate",
                _CERTIFICATE,
                None,
                None,
                "one per MWh generated; the attribute of the energy, not the energy",
            ),
        )
    }
)

# ---- how vendors write them ----

_SEPARATOR = re.compile(r" ?[/-] ?| per ")

# As written: `gbp` could be either, `c` and `kr` and `¥` belong to several currencies: they are not here.
CURRENCY_TEXTS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "AUD": ("AUD", "A$"),
        "BGN": ("BGN",),
        "CAD": ("CAD", "cad", "C$", "CA$", "CDN$"),
        "CHF": ("CHF", "chf"),
        "CNY": ("CNY", "RMB"),
        "CZK": ("CZK", "Kč"),
        "DKK": ("DKK",),
        "EUR": ("EUR", "eur", "Eur", "€", "Euro", "euro", "EURO"),
        "EUX": ("EUX", "EURc", "€c", "euro cents"),
        "GBP": ("GBP", "£"),
        "GBX": ("GBX", "GBp", "p", "pence", "Pence"),
        "HUF": ("HUF",),
        "INR": ("INR", "₹"),
        "JPY": ("JPY",),
        "NOK": ("NOK",),
        "PLN": ("PLN", "zł"),
        "RON": ("RON",),
        "RSD": ("RSD",),
        "SEK": ("SEK",),
        "SGD": ("SGD", "S$"),
        "TRY": ("TRY", "₺"),
        "USD": ("USD", "usd", "Usd", "$", "US$"),
        "USX": ("USX", "USc", "¢", "US¢", "US cents"),
    }
)

# Case-folded: a `ton` may be short, long or metric, and is not here.
UNIT_TEXTS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "MWh": ("mwh", "megawatt-hour", "megawatthour"),
        "kWh": ("kwh", "kilowatt-hour", "kilowatthour"),
        "GWh": ("gwh",),
        "GJ": ("gj", "gigajoule"),
        "MMBtu": ("mmbtu", "mmbtus", "million btu", "dth", "dekatherm"),
        "therm": ("therm", "therms", "thm", "th"),
        "gal": ("gal", "gals", "gallon", "gallons", "us gal", "usg"),
        "bbl": ("bbl", "bbls", "barrel", "barrels"),
        "L": ("l", "litre", "liter", "litres", "liters"),
        "m3": ("m3", "m³", "cbm", "cubic metre", "cubic meter"),
        "mt": ("mt", "t", "tonne", "tonnes", "metric ton", "metric tonne", "metric tons"),
        "kg": ("kg", "kilogram"),
        "lb": ("lb", "lbs", "pound", "pounds"),
        "st": ("st", "short ton", "short tons"),
        "tCO2": ("tco2", "tco₂", "t co2", "tonne co2"),
        "tCO2e": ("tco2e", "tco₂e", "t co2e", "mtco2e", "tonne co2e"),
        "stCO2": ("stco2", "short ton co2"),
        "RIN": ("rin", "rins"),
        "REC": ("rec", "recs"),
    }
)


def _inverted(texts: Mapping[str, Iterable[str]]) -> Mapping[str, str]:
    return MappingProxyType({text: code for code, aliases in texts.items() for text in aliases})


_CURRENCY_BY_TEXT = _inverted(CURRENCY_TEXTS)
_UNIT_BY_TEXT = _inverted(UNIT_TEXTS)
