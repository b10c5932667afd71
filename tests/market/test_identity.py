"""Which texts make the same curve, and the key that says so."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aurum.market.identity import CurveIdentity, Measure, alike, collapse, fold, legacy_curve_key, normalize_key

TTF = CurveIdentity(vendor="EUGP", market="EU", location="Dutch_TTF", product="gas")
SPARK = CurveIdentity("EUGP", "EU", "German", "power", "BASE", Measure.SPARK_SPREAD, leg="German")

texts = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), max_size=12)


def test_keys_are_read_by_people() -> None:
    assert TTF.key == "eugp:eu/dutch_ttf/gas"
    assert SPARK.key == "eugp:eu/german/power/base~spark_spread~german"
    assert replace(TTF, product="Marine Fuel 0.5% FOB").key == "eugp:eu/dutch_ttf/marine+fuel+0.5%25+fob"


def test_case_and_blanks_do_not_matter_and_punctuation_does() -> None:
    spelled = replace(TTF, location=" DUTCH_ttf ", product="Gas")
    assert spelled.key == TTF.key
    one = replace(TTF, product="NY ULSD vs NY Harbor ULSD")
    other = replace(TTF, product="Ny Ulsd vs. Ny Harbor Ulsd")
    assert one.key != other.key


def test_names_are_alike_but_for_case_blanks_and_punctuation() -> None:
    for one, other in (
        ("Gas-up, 10 %", " gas  UP 10"), ("Coal exit", "coal_exit!"), ("Phase-2", "phase 2"), ("2025-03", "2025/03"),
        ("Größe", "GRO\u0308SSE"), ("Gas \u22125 %", "Gas -5"), ("(-5)", "-5"), ("***", " *** "),
        ("ev\u200bil", "\u202eevil"), ("Gas \u20115", "Gas -5"), ("Gas \uff0d5", "Gas -5"), ("Gas \uff0b5", "Gas +5"),
    ):  # fmt: skip
        assert alike(one) == alike(other)
    for one, other in (("Gas +5", "Gas -5"), ("Gas 5", "Gas -5"), ("Größe", "Grüße"), ("1.5", "15"), ("***", "**")):
        assert alike(one) != alike(other)


def test_the_unit_the_leg_the_block_and_the_iso_tell_curves_apart() -> None:
    curves = [
        TTF,
        replace(TTF, unit="CAD/MWh"),
        replace(TTF, unit="USD/MWh"),
        replace(TTF, leg="AECO"),
        replace(TTF, block="AECO"),
        replace(TTF, iso="AECO"),
        replace(TTF, measure=Measure.SPARK_SPREAD),
    ]
    assert len({curve.key for curve in curves}) == len(curves)


@given(texts, texts)
def test_two_texts_share_a_key_exactly_if_they_fold_alike(one: str, other: str) -> None:
    same = replace(TTF, location=one).key == replace(TTF, location=other).key
    assert same == (fold(one) == fold(other))


@given(texts, texts)
def test_a_key_says_which_text_is_which(location: str, product: str) -> None:
    swapped = replace(TTF, location=product, product=location).key
    assert (replace(TTF, location=location, product=product).key == swapped) == (fold(location) == fold(product))


@given(st.text("abcXYZ 0%/:~@+[]|-", max_size=12))
def test_a_typed_key_is_the_stored_one(location: str) -> None:
    key = replace(TTF, location=location).key
    assert normalize_key(key) == key
    assert normalize_key(f" {key.upper()} ") == key
    assert normalize_key(key.replace("+", " ")) == key


def test_texts_are_shown_collapsed_and_matched_folded() -> None:
    assert collapse("  Dutch \u00a0 TTF\n") == "Dutch TTF"
    assert fold("Straße ") == fold("STRASSE")
    assert fold(None) == ""


@pytest.mark.parametrize("product", ["gas", " GAS ", "Gas"])
def test_the_legacy_key_is_a_hash_of_eight_folded_fields(product: str) -> None:
    key = legacy_curve_key(
        asset_class="gas", iso=None, region="EU", location="Dutch_TTF", market="EU", product=product, block=None,
        spark_location=None,
    )  # fmt: skip
    assert len(key) == 64
    assert key == legacy_curve_key(
        asset_class="GAS", iso="", region="eu", location="dutch_ttf", market="eu", product="gas", block="",
        spark_location="",
    )  # fmt: skip
