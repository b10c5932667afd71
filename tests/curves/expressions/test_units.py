"""Units of products and quotients."""

from __future__ import annotations

from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aurum.curves.expressions.units import CompoundUnit, conversion, factor_between
from aurum.errors import UnitMismatch
from aurum.market.units import CURRENCIES, UNITS

codes = st.sampled_from([*CURRENCIES, *UNITS])
compound = st.dictionaries(codes, st.integers(-2, 2), max_size=4).map(CompoundUnit.of)


def unit(**powers: int) -> CompoundUnit:
    return CompoundUnit.of(powers)


def test_they_multiply_and_cancel() -> None:
    heat_rate, gas = unit(MMBtu=1, MWh=-1), unit(USD=1, MMBtu=-1)
    assert str(heat_rate * gas) == "USD/MWh"
    assert str(unit(EUR=1, MWh=-1) / unit(EUR=1, MWh=-1)) == "1"
    assert str(unit(EUR=2, MWh=-2)) == "EUR^2/MWh^2"


@pytest.mark.parametrize(
    ("powers", "simple"),
    [
        ({"EUR": 1, "MMBtu": 1, "MWh": -2}, "EUR/MWh"),
        ({"MMBtu": 1, "MWh": -1}, "MMBtu/MWh"),
        ({"GBX": 1, "GBP": -1}, "GBX/GBP"),
        ({"MMBtu": 2, "MWh": -2}, "1"),
        ({"EUR": 1, "tCO2": 1, "tCO2e": -1, "MWh": -1}, "EUR/MWh"),
        ({"USD": 1, "MMBtu": -1, "EUR": -1, "MWh": 1}, "USD/EUR"),
        ({"USD": 1, "RIN": -1}, "USD/RIN"),
    ],
)
def test_one_unit_of_each_dimension_is_left(powers: dict[str, int], simple: str) -> None:
    assert str(CompoundUnit.of(powers).simplified) == simple


@given(compound, compound)
def test_a_product_over_one_of_its_factors_is_the_other(one: CompoundUnit, other: CompoundUnit) -> None:
    assert (one * other) / other == one


@given(compound)
def test_what_is_simplified_is_worth_the_same(one: CompoundUnit) -> None:
    simple = one.simplified
    assert simple.base == one.base
    assert simple.simplified == simple
    assert factor_between(one, simple) * factor_between(simple, one) == pytest.approx(1, rel=1e-12)


def test_a_certificate_is_worth_nothing_else() -> None:
    with pytest.raises(UnitMismatch, match="certificate"):
        conversion(unit(USD=1, RIN=-1), unit(USD=1, gal=-1))
    assert conversion(unit(USX=1, RIN=-1), unit(USD=1, RIN=-1)).factor == 0.01


def test_whatever_converts_says_by_what() -> None:
    """A price per kWh is 1,000 times as much per MWh, since 1 MWh = 1,000 kWh."""
    assert conversion(unit(EUR=1, kWh=-1), unit(EUR=1, MWh=-1)).reasons == ("SI: 1 MWh = 1,000 kWh",)
    for one, other in permutations(UNITS.values(), 2):
        if one.base == other.base and one.base is not None:
            assert conversion(CompoundUnit.of({one.code: 1}), CompoundUnit.of({other.code: 1})).reasons
