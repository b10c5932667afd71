"""Units convert by factors that have a source, and what has no factor is refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aurum.errors import InvalidInput
from aurum.market.units import (
    CURRENCIES,
    CURRENCY_TEXTS,
    UNIT_TEXTS,
    UNITS,
    Dimension,
    PriceUnit,
    conversion_factor,
    parse_unit_text,
)


def price_unit(text: str) -> PriceUnit:
    currency, unit = text.split("/")
    return PriceUnit(currency, unit)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("USD/MWh", "USD/MWh"),
        ("CAD - MWh", "CAD/MWh"),
        ("CAD/MWh", "CAD/MWh"),
        ("$/MWh", "USD/MWh"),
        ("€/MWh", "EUR/MWh"),
        ("EUR per MWh", "EUR/MWh"),
        ("GBP/MWh", "GBP/MWh"),
        ("£/MWh", "GBP/MWh"),
        ("GBp/therm", "GBX/therm"),
        ("p/th", "GBX/therm"),
        ("USc/gal", "USX/gal"),
        ("¢/gal", "USX/gal"),
        ("US cents per gallon", "USX/gal"),
        ("USD/MMBTU", "USD/MMBtu"),
        ("  usd  /  mmbtu ", "USD/MMBtu"),
        ("USD/Bbl", "USD/bbl"),
        ("$/mt", "USD/mt"),
        ("EUR/tCO2", "EUR/tCO2"),
        ("USD/RIN", "USD/RIN"),
        ("USD/short ton", "USD/st"),
    ],
)
def test_texts_that_are_known(text: str, expected: str) -> None:
    parsed = parse_unit_text(text)
    assert parsed == price_unit(expected)
    assert str(parsed) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "/",
        "MWh",
        "USD",
        "USD/",
        "/MWh",
        "gbp/therm",
        "Gbp/therm",
        "P/therm",
        "USC/gal",
        "c/gal",
        "cents/gal",
        "¥/kWh",
        "kr/MWh",
        "USD/ton",
        "USD/MWh/h",
        "USD/MW",
        "USD MWh",
        "XXX/MWh",
        "n/a",
        "%",
    ],
)
def test_texts_that_are_not_known_stay_unknown(text: str) -> None:
    assert parse_unit_text(text) is None


def test_pence_are_not_pounds() -> None:
    assert parse_unit_text("GBp/therm") != parse_unit_text("GBP/therm")
    assert conversion_factor(price_unit("GBX/therm"), price_unit("GBP/therm")) == 0.01
    assert conversion_factor(price_unit("USD/gal"), price_unit("USX/gal")) == 100


@pytest.mark.parametrize(
    ("source", "target", "factor"),
    [
        ("EUR/MWh", "EUR/MWh", 1),
        ("USD/MMBtu", "USD/MWh", 3.412141633),
        ("GBP/therm", "GBP/MWh", 34.12141633),
        ("GBX/therm", "GBP/MWh", 0.3412141633),
        ("GBX/therm", "GBP/MMBtu", 0.1),
        ("EUR/GJ", "EUR/MWh", 3.6),
        ("USD/MWh", "USD/kWh", 0.001),
        ("USD/gal", "USD/bbl", 42),
        ("USX/gal", "USD/bbl", 0.42),
        ("EUR/m3", "EUR/L", 0.001),
        ("USD/gal", "USD/L", 0.2641720524),
        ("USD/mt", "USD/st", 0.90718474),
        ("USD/lb", "USD/mt", 2204.62262185),
        ("USD/stCO2", "USD/tCO2", 1.10231131),
        ("USD/tCO2", "USD/tCO2e", 1),
    ],
)
def test_a_price_is_converted_there_and_back(source: str, target: str, factor: float) -> None:
    there = conversion_factor(price_unit(source), price_unit(target))
    assert there == pytest.approx(factor, rel=1e-9)
    assert conversion_factor(price_unit(target), price_unit(source)) * there == pytest.approx(1, rel=1e-15)


def test_a_barrel_is_42_gallons_exactly() -> None:
    assert conversion_factor(price_unit("USD/gal"), price_unit("USD/bbl")) == 42.0


@pytest.mark.parametrize(
    ("source", "target", "why"),
    [
        ("EUR/MWh", "USD/MWh", "exchange rate"),
        ("GBX/therm", "USD/therm", "exchange rate"),
        ("USD/bbl", "USD/mt", "density"),
        ("USD/bbl", "USD/MMBtu", "heat content"),
        ("USD/mt", "USD/tCO2", "emission"),
        ("USD/st", "USD/stCO2", "emission"),
        ("USD/REC", "USD/MWh", "certificate"),
        ("USD/RIN", "USD/gal", "certificate"),
        ("USD/RIN", "USD/REC", "certificate"),
        ("XXX/MWh", "USD/MWh", "unknown currency"),
        ("USD/MWh", "USD/cord", "unknown unit"),
    ],
)
def test_what_has_no_factor_is_refused(source: str, target: str, why: str) -> None:
    with pytest.raises(InvalidInput, match=why):
        conversion_factor(price_unit(source), price_unit(target))


def test_a_certificate_is_itself() -> None:
    assert conversion_factor(price_unit("USX/RIN"), price_unit("USD/RIN")) == 0.01


@given(*[st.sampled_from(sorted(UNITS))] * 3)
def test_factors_chain(one: str, two: str, three: str) -> None:
    units = [PriceUnit("USD", code) for code in (one, two, three)]
    try:
        direct = conversion_factor(units[0], units[2])
        by_way = conversion_factor(units[0], units[1]) * conversion_factor(units[1], units[2])
    except InvalidInput:
        return
    assert by_way == pytest.approx(direct, rel=1e-14)


def test_tables_are_whole() -> None:
    for unit in UNITS.values():
        assert unit.source
        assert (unit.base is None) == (unit.factor is None) == (unit.dimension is Dimension.CERTIFICATE)
        if unit.base is not None:
            assert UNITS[unit.base].factor == 1
            assert UNITS[unit.base].dimension is unit.dimension
    for currency in CURRENCIES.values():
        assert CURRENCIES[currency.base].factor == 1
    assert CURRENCY_TEXTS.keys() == CURRENCIES.keys()
    assert UNIT_TEXTS.keys() == UNITS.keys()


@pytest.mark.parametrize("texts", [CURRENCY_TEXTS, UNIT_TEXTS])
def test_no_text_stands_for_two_things(texts: dict[str, tuple[str, ...]]) -> None:
    everything = [text for aliases in texts.values() for text in aliases]
    assert len(set(everything)) == len(everything)


@given(st.sampled_from(sorted(CURRENCIES)), st.sampled_from(sorted(UNITS)))
def test_what_is_printed_is_read_back(currency: str, unit: str) -> None:
    assert parse_unit_text(str(PriceUnit(currency, unit))) == PriceUnit(currency, unit)
