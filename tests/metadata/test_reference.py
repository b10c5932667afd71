"""The shipped data agrees with the words it is made of, and with the vendors' files."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from python_calamine import CalamineWorkbook

from aurum.errors import InvalidInput
from aurum.market import units as words
from aurum.market.identity import CurveIdentity, Measure
from aurum.market.units import PriceUnit, conversion_factor, parse_unit_text
from aurum.metadata import reference


def test_units_and_currencies_are_those_of_the_code() -> None:
    assert dict(reference.units()) == dict(words.UNITS)
    assert dict(reference.currencies()) == dict(words.CURRENCIES)


def test_mappings_say_what_the_reader_of_texts_says() -> None:
    for mapping in reference.unit_mappings():
        assert parse_unit_text(mapping.text) == PriceUnit(mapping.currency, mapping.unit)


def test_mappings_mean_the_same_in_any_case() -> None:
    """They are looked up without regard to case: a text like `GBp/therm` would make pence of pounds."""
    folded = [{text.casefold() for text in texts} for texts in words.CURRENCY_TEXTS.values()]
    ambiguous = {text for texts in folded for text in texts if sum(text in other for other in folded) > 1}
    assert ambiguous == {"gbp"}
    texts = [mapping.text.casefold() for mapping in reference.unit_mappings()]
    assert len(set(texts)) == len(texts)
    assert not [text for text in texts if text.startswith(tuple(ambiguous))]


def test_mappings_hold_the_texts_of_the_design() -> None:
    texts = {mapping.text for mapping in reference.unit_mappings()}
    assert {"USD/MWh", "CAD - MWh", "$/MWh", "€/MWh", "p/therm"} <= texts


def test_curves_use_known_codes_and_unknown_units_stay_unknown() -> None:
    curves = reference.curve_units()
    assert len(curves) == 449
    for key, curve in curves.items():
        assert key == curve.key
        assert curve.name
        assert curve.confidence in ("high", "medium", "low")
        assert curve.currency in reference.currencies()
        assert curve.unit is None or curve.unit in reference.units()
        assert (curve.price_unit is None) == (curve.unit is None)
        if curve.unit is None:
            assert curve.confidence == "low"


@pytest.mark.parametrize(
    ("identity", "unit"),
    [
        (CurveIdentity("EUGP", "EU", "Dutch_TTF", "gas"), PriceUnit("EUR", "MWh")),
        (CurveIdentity("EUGP", "UK", "NBP", "gas"), PriceUnit("GBX", "therm")),
        (CurveIdentity("EUGP", "EU", "Dutch_TTF_USDMMBTU", "gas"), PriceUnit("USD", "MMBtu")),
        (CurveIdentity("EUGP", "UK", "Great_Britian", "power", "Peak"), PriceUnit("GBP", "MWh")),
        (CurveIdentity("EUGP", "UK", "UKA", "carbon"), PriceUnit("GBP", "tCO2")),
        (
            CurveIdentity("EUGP", "EE", "Czech", "power", "BASE", Measure.SPARK_SPREAD, "Czech"),
            PriceUnit("EUR", "MWh"),
        ),
        (CurveIdentity("RP", "US", "Gulf Coast", "ULSD"), PriceUnit("USD", "gal")),
        (CurveIdentity("RP", "US", "New York", "D3 RIN (Current)"), PriceUnit("USD", "RIN")),
        (
            CurveIdentity("RP", "US", "East Coast", "Regional Greenhouse Gas Initiative 2022"),
            PriceUnit("USD", "stCO2"),
        ),
        (CurveIdentity("RP", "AP", "Singapore", "Bitumen AB1"), None),
    ],
)
def test_what_curves_are_priced_in(identity: CurveIdentity, unit: PriceUnit | None) -> None:
    assert reference.curve_units()[identity.key].price_unit == unit


def test_a_renewable_certificate_is_not_energy() -> None:
    certificates = [curve for curve in reference.curve_units().values() if curve.commodity == "REC"]
    assert len(certificates) == 27
    for curve in certificates:
        assert curve.price_unit == PriceUnit("USD", "REC")
        with pytest.raises(InvalidInput, match="certificate"):
            conversion_factor(curve.price_unit, PriceUnit("USD", "MWh"))


def test_the_vendors_twin_columns_are_one_entry() -> None:
    product = "Marine Fuel 0.5% FOB Singapore vs Brent 1st Line"
    curve = reference.curve_units()[CurveIdentity("RP", "AP", "Singapore", product).key]
    assert curve.note is not None
    assert "two columns" in curve.note


def test_reference_data_is_read_once() -> None:
    assert reference.curve_units() is reference.curve_units()
    assert reference.units() is reference.units()


def test_every_curve_of_the_vendors_files_is_in_the_catalogue(vendor_files: Path) -> None:
    files = sorted(vendor_files.glob("EOD_*.xlsx"))
    assert files
    seen: set[str] = set()
    for file in files:
        keys = {identity.key for identity in _identities(file)}
        assert keys <= reference.curve_units().keys(), file.name
        seen |= keys
    assert seen == set(reference.curve_units())


def _identities(file: Path) -> Iterator[CurveIdentity]:
    workbook = CalamineWorkbook.from_path(file)
    for sheet in {"Fixed Prices - Mid", "Spark Spread"} & set(workbook.sheet_names):
        rows = workbook.get_sheet_by_name(sheet).to_python(skip_empty_area=False)
        columns = zip(*([str(text) for text in row[2:]] for row in rows[5:9]), strict=True)
        for market, location, text, leg in columns:
            if "_RP_" in file.name:
                yield CurveIdentity("RP", market, location, text)
            elif sheet == "Spark Spread":
                yield CurveIdentity("EUGP", market, location, "power", text, Measure.SPARK_SPREAD, leg)
            else:
                product = {"NA": "gas", "EMISSIONS": "carbon"}.get(text, "power")
                block = text if product == "power" else None
                yield CurveIdentity("EUGP", market, location, product, block)
