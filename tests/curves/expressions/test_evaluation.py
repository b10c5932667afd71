"""Worked examples by hand, what is refused, and what holds of any expression."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aurum.curves.expressions import DerivedCurve, Gap, Source, Used
from aurum.errors import (
    AurumError,
    InvalidExpression,
    InvalidInput,
    MixedDays,
    NoExchangeRate,
    UnitMismatch,
    UnknownUnit,
)
from tests.curves.expressions.books import BOOK, DAY, derive, listed, source

MMBTU = 3600 / 1055.05585262  # in a MWh


@pytest.mark.parametrize(
    ("expression", "unit", "values"),
    [
        ("[power] - 2.0 * [gas]", "EUR/MWh", [30.0, 24.0, 18.0]),
        ("spark([power], [gas], 2)", "EUR/MWh", [30.0, 24.0, 18.0]),
        # 80 pence a therm are 8 pounds a MMBtu; of 1.5 MWh of gas for a MWh of power
        ("spark([gb], [nbp], 1.5 MWh/MWh)", "GBP/MWh", [85 - 12 * MMBTU, 81 - 11.25 * MMBTU, 79 - 10.5 * MMBTU]),
        # 90 - 2*30 - 0.4*75 = 0, 80 - 2*28 - 0.4*76 = -6.4, 70 - 2*26 - 0.4*77 = -12.8
        ("clean_spark([power], [gas], [carbon], 2, 0.4 tCO2/MWh)", "EUR/MWh", [0.0, -6.4, -12.8]),
        # 0.37 t of coal for a MWh, and 0.9 tCO2: 95 - 0.37*120 = 50.6, less 0.9*80 = -21.4
        ("dark([usp], [coal], 0.37 mt/MWh)", "USD/MWh", [50.6, 41.34, 32.08]),
        ("clean_dark([usp], [coal], [usc], 0.37 mt/MWh, 0.9 tCO2/MWh)", "USD/MWh", [-21.4, -31.56, -41.72]),
        # a basis between two places: 80 pence a therm are 8 pounds a MMBtu, 10 dollars at 1.25
        ("convert([nbp], USD/MMBtu, 1.25 USD/GBP) - [hub]", "USD/MMBtu", [6.0, 5.875, 5.75]),
        ("[power] / [gas]", "1", [3.0, 80 / 28, 70 / 26]),
        ("([nbp] / [gb]) * ([nbp] / [gb])", "1", [(b * MMBTU / a) ** 2 for a, b in ((85, 8), (81, 7.5), (79, 7))]),
        ("7 MMBtu/MWh * [hub]", "USD/MWh", [28.0, 24.5, 21.0]),
        ("[hub] / 1.25 USD/EUR", "EUR/MMBtu", [3.2, 2.8, 2.4]),
        ("[power] * quoted_in([fx], USD/EUR)", "USD/MWh", [94.5, 84.8, 74.9]),
        ("convert([hub], USD/MWh)", "USD/MWh", [4 * MMBTU, 3.5 * MMBTU, 3 * MMBTU]),
        # one therm is 100,000 Btu: 80 pence for it are 8 pounds for a MMBtu
        ("convert([nbp], GBP/MMBtu)", "GBP/MMBtu", [8.0, 7.5, 7.0]),
        ("[gb] - 0.694513017 GBP/GBX * 1 therm/MWh * [nbp]", "GBP/MWh", [29.43895864, 28.911523725, 30.38408881]),
        # 42 gallons: 210 cents a gallon are 88.20 dollars a barrel
        ("crack([gasoline], [brent])", "USD/bbl", [13.2, 13.36, 13.52]),
        ("crack([gasoil], [brent], 7 bbl/mt)", "USD/bbl", [25.0, 690 / 7 - 74, 680 / 7 - 73]),
        ("basket(0.25, [power], 0.75, [gas])", "EUR/MWh", [45.0, 41.0, 37.0]),
        ("max([power] - 85 EUR/MWh, 0 EUR/MWh)", "EUR/MWh", [5.0, 0.0, 0.0]),
        ("min([power], 3 * [gas], 75 EUR/MWh)", "EUR/MWh", [75.0, 75.0, 70.0]),
        ("-([power] + [gas]) / 2", "EUR/MWh", [-60.0, -54.0, -48.0]),
        ("shift([gas], 1, month) - [gas]", "EUR/MWh", [-2.0, -2.0, None]),
        ("shift([gas], -1, month)", "EUR/MWh", [None, 30.0, 28.0]),
        ("shift(shift([gas], 2, month), -1, month) - shift([gas], 1, month)", "EUR/MWh", [0.0, 0.0, None]),
    ],
)  # fmt: skip
def test_a_worked_example(expression: str, unit: str, values: list[float | None]) -> None:
    curve = derive(expression)
    assert str(curve.unit) == unit
    assert listed(curve) == pytest.approx(values)


# ---- units ----


@pytest.mark.parametrize(
    ("expression", "error", "says"),
    [
        ("[power] + [nbp]", NoExchangeRate, "GBX/therm"),
        ("[nbp] - [power]", NoExchangeRate, "EUR/MWh"),
        ("[power] - [hub]", NoExchangeRate, "USD/MMBtu"),
        ("[power] + 5", UnitMismatch, "a plain number"),
        ("max([power], 0)", UnitMismatch, "a plain number"),
        ("[power] - [carbon]", UnitMismatch, "emission"),
        ("[gasoil] - [brent]", UnitMismatch, "density"),
        ("crack([gasoil], [brent])", UnitMismatch, "density"),
        ("[hub] * 1.25 USD/EUR", UnitMismatch, "neither"),
        ("[power] * [gas]", UnitMismatch, "neither a price nor a ratio"),
        ("1 EUR/MWh / [power] / [power]", UnitMismatch, "neither"),
        ("[fx] * 2", UnknownUnit, "[fx]"),
        ("quoted_in([power], USD/MWh)", UnitMismatch, "is in EUR/MWh"),
        ("quoted_in([fx], USD/EUR) + quoted_in([fx], USD/GBP)", UnitMismatch, "two units"),
        ("spark(convert([power], EUR/MWh), convert([gas], EUR/MMBtu), 7)", UnitMismatch, "rate with its unit"),
        ("clean_spark([power], [gas], [carbon], 2, 0.4)", UnitMismatch, "0.4 tCO2/MWh"),
        ("convert([power], USD/MWh)", NoExchangeRate, "different currencies"),
        ("[carbon] + [nbp]", UnitMismatch, "GBX/therm and EUR/tCO2 do not convert: an emission"),
        ("convert([power], USD/MWh, 1.08)", NoExchangeRate, "a plain number is no exchange rate"),
        ("convert([power], USD/MWh, 1.08 USD/GBP)", NoExchangeRate, "does not lead"),
        ("convert([power], EUR/MMBtu, 1.08 USD/EUR)", NoExchangeRate, "does not lead"),
        ("1 + 2", InvalidExpression, "no curve"),
        ("1 EUR/MWh", InvalidExpression, "no curve"),
        ("[power] / 0", InvalidExpression, "division by zero"),
        ("[power] / (1 - 1)", InvalidExpression, "division by zero"),
        ("convert([power], USD/MWh, 0 USD/EUR)", InvalidExpression, "above 0"),
        ("convert([power], USD/MWh, -1.08 USD/EUR)", InvalidExpression, "above 0"),
        ("convert([power], USD/MWh, max(-1.08 USD/EUR, -2 USD/EUR))", InvalidExpression, "above 0"),
        ("[power] / max(0, -1)", InvalidExpression, "division by zero"),
        ("convert([power], USD/MWh, [power] / [gas])", NoExchangeRate, "a plain number is no exchange rate"),
        ("spark([power], [gas], [carbon])", UnitMismatch, "do not convert"),
        ("[power] * 1 RIN/REC - [power]", UnitMismatch, "do not convert"),
        ("[power] - convert([power], 1)", UnitMismatch, "a plain number"),
        (f"[power] * ({'*'.join(['1 GWh'] * 120)}) / ({'*'.join(['1 kWh'] * 120)})", UnitMismatch, "power of more"),
        (f"max([power], [power] * {'*'.join(['1 kWh/GWh'] * 20)})", UnitMismatch, "power of more"),
        ("/".join(["[power]"] * 200), UnitMismatch, "power of more"),
        ("at(at([power], 2025-02-11), 2025-02-12)", InvalidExpression, "within"),
    ],
)
def test_what_has_no_meaning_is_refused(expression: str, error: type[AurumError], says: str) -> None:
    with pytest.raises(error) as refused:
        derive(expression)
    assert says in refused.value.message + (refused.value.hint or "")


def test_a_refusal_names_both_units() -> None:
    with pytest.raises(NoExchangeRate) as refused:
        derive("[power] + [nbp]")
    assert refused.value.details["units"] == ["GBX/therm", "EUR/MWh"]
    assert "[power] + [nbp]" in refused.value.message


@pytest.mark.parametrize(
    ("expression", "wanted"),
    [
        ("[power] + [nbp]", "how many EUR one GBP is, such as `1.08 EUR/GBP`"),
        ("convert([power], USD/MMBtu)", "how many USD one EUR is, such as `1.08 USD/EUR`"),
        ("convert([power], USD/MWh, 1.08)", "how many USD one EUR is, such as `1.08 USD/EUR`"),
        ("convert([nbp], USD/MMBtu, 1.08 USD/EUR)", "how many USD one GBP is, such as `1.08 USD/GBP`"),
    ],
)
def test_the_hint_names_the_rate_that_is_missing(expression: str, wanted: str) -> None:
    with pytest.raises(NoExchangeRate) as refused:
        derive(expression)
    assert wanted in (refused.value.hint or "")


def test_factors_and_conversions_are_told() -> None:
    expression = "clean_spark([gb], [nbp], convert([carbon], GBP/tCO2, 0.8 GBP/EUR), 60 therm/MWh, 0.4 tCO2/MWh)"
    curve = derive(expression)
    told = [(each.function, each.name, each.value, str(each.unit)) for each in curve.factors]
    assert told == [
        ("clean_spark", "heat_rate", 60.0, "therm/MWh"), ("clean_spark", "emission_factor", 0.4, "tCO2/MWh"),
    ]  # fmt: skip
    (conversion,) = curve.conversions
    assert (str(conversion.source), str(conversion.target), conversion.factor) == ("GBX/MWh", "GBP/MWh", 0.01)
    assert conversion.reasons == ("1 GBX = 0.01 GBP",)
    # 85 - 60 * 0.80 - 0.4 * 75 * 0.8
    assert listed(curve)[0] == pytest.approx(85 - 48 - 24)


def test_the_answer_is_converted_and_says_so_in_the_expression() -> None:
    curve = derive("[hub]", currency="EUR", unit="MWh", fx="1.25 USD/EUR")
    assert curve.expression == "convert([hub], EUR/MWh, 1.25 USD/EUR)"
    assert listed(curve) == pytest.approx([4 * MMBTU / 1.25, 3.5 * MMBTU / 1.25, 3 * MMBTU / 1.25])
    assert listed(derive(curve.expression)) == listed(curve)
    assert listed(derive("[hub]", currency="EUR", fx="0.8 EUR/USD")) == pytest.approx([3.2, 2.8, 2.4])
    (conversion,) = curve.conversions
    assert (str(conversion.source), str(conversion.target)) == ("EUR/MMBtu", "EUR/MWh")
    assert conversion.factor == pytest.approx(MMBTU)
    assert "1055.05585262 J" in conversion.reasons[0]


@pytest.mark.parametrize(
    ("expression", "says"),
    [
        (f"{'-' * 32}[power]", "nested"),
        ("+".join(["[power]"] * 250), "more than 500"),
        ("+".join(["1e15*[power]/1e15"] * 83), "4,000 are the most"),
    ],
)
def test_an_answer_that_could_not_be_asked_again_is_refused(expression: str, says: str) -> None:
    with pytest.raises(InvalidExpression, match=f"as the answer would write it: .*{says}") as refused:
        derive(expression, currency="USD", fx="1.08 USD/EUR")
    assert refused.value.details == {}


@pytest.mark.parametrize(
    ("target", "error"),
    [
        ({"currency": "USD"}, NoExchangeRate),
        ({"currency": "XXX"}, InvalidInput),
        ({"unit": "mwh"}, InvalidInput),
        ({"unit": "bbl"}, UnitMismatch),
        ({"fx": "1.08 USD/EUR"}, InvalidInput),
        ({"currency": "USD", "fx": "1.08"}, NoExchangeRate),
    ],
)
def test_an_answer_is_not_converted_without_what_that_takes(target: dict[str, str], error: type[AurumError]) -> None:
    with pytest.raises(error):
        derive("[power]", None, **target)


# ---- alignment and gaps ----


def test_periods_of_both_are_answered_and_what_one_lacks_is_a_gap_that_says_which() -> None:
    curve = derive("[power] - [later]")
    assert [tenor.label for tenor in curve.tenors] == ["2025-03", "2025-04", "2025-05", "2025-06"]
    assert listed(curve) == [None, None, 65.0, None]
    assert [why.gap for why in map(curve.why, range(4))] == [Gap.NO_PERIOD, Gap.NO_PERIOD, None, Gap.NO_PERIOD]
    blamed = [why.gap_input and why.gap_input.leaf.key for why in map(curve.why, range(4))]
    assert blamed == ["later", "later", None, "power"]


def test_a_quarter_is_not_its_months() -> None:
    quarter = source("quarter", [10.0], labels=("Q2 2025",))
    curve = derive("[power] - [quarter]", {("quarter", None): quarter})
    assert listed(curve) == [None] * 4


def test_what_is_withheld_is_a_gap() -> None:
    curve = derive("2 * [holes]")
    assert listed(curve) == [2.0, None, None]
    assert [why.gap for why in map(curve.why, range(3))] == [None, Gap.NOT_QUOTED, Gap.WITHHELD]
    assert listed(derive("0 * [holes]")) == [0.0, None, None]
    assert listed(derive("max([power], [holes])")) == [90.0, None, None]
    assert listed(derive("[holes] / [holes]")) == [1.0, None, None]


def test_division_by_zero_and_overflow_are_gaps_and_never_numbers() -> None:
    curve = derive("[power] / [zero]")
    assert listed(curve) == [None, 80.0, None]
    assert curve.why(0).gap is Gap.DIVISION_BY_ZERO
    curve = derive("[power] / [gas] * " + " * ".join(["1e30"] * 11))
    assert (listed(curve), curve.why(0).gap) == ([None] * 3, Gap.OVERFLOW)
    curve = derive(f"[gas] / ([power] / [gas] * {' * '.join(['1e30'] * 11)}) * {' * '.join(['1e30'] * 11)}")
    assert listed(curve) == [None] * 3


def test_numbers_that_leave_the_range_are_refused() -> None:
    with pytest.raises(InvalidExpression, match="too large or too small"):
        derive("[power] * " + " * ".join(["1e30"] * 11))
    with pytest.raises(InvalidExpression, match="too large or too small"):
        derive("[power] * " + " * ".join(["1e-30"] * 11) + " * " + " * ".join(["1e30"] * 11))
    with pytest.raises(InvalidExpression, match="too small"):
        derive("([power] / [gas]) * " + " * ".join(["1e-30"] * 11) + " * " + " * ".join(["1e30"] * 11))


def test_a_value_that_cannot_be_explained_is_a_gap() -> None:
    """It would be 30, of slopes of 1e600."""
    small = "([power] / [gas]" + " * 1e-30" * 10 + ")"
    curve = derive(f"[power] / {small} / ({' * '.join(['1e30'] * 10)})")
    assert (listed(curve), curve.why(0).gap) == ([None] * 3, Gap.OVERFLOW)


@pytest.mark.parametrize(
    ("expression", "same"),
    [
        ("spark([power], [gas], max(1, 2))", "[power] - 2 * [gas]"),
        ("convert([power], USD/MWh, min(1.08 USD/EUR, 2 USD/EUR))", "convert([power], USD/MWh, 1.08 USD/EUR)"),
    ],
)
def test_the_largest_of_numbers_is_a_number(expression: str, same: str) -> None:
    curve = derive(expression)
    assert (listed(curve), curve.linear) == (listed(derive(same)), True)


def test_the_factor_that_is_the_larger_of_two_is_told() -> None:
    (factor,) = derive("spark([power], [gas], max(1, 2))").factors
    assert (factor.name, factor.value) == ("heat_rate", 2.0)


# ---- as-of dates ----


def test_another_day_is_named() -> None:
    before = source("power", [88.0, 81.0, 70.0], day=date(2025, 2, 11))
    curve = derive("[power] - at([power], 2025-02-11)", {("power", date(2025, 2, 11)): before})
    assert listed(curve) == [2.0, -1.0, 0.0]
    assert [each.source.snapshot.as_of for each in curve.inputs] == [DAY, date(2025, 2, 11)]
    assert curve.as_of == DAY


def test_days_are_not_mixed_silently() -> None:
    stale = source("gas", [1.0, 2.0, 3.0], day=date(2025, 2, 11))
    with pytest.raises(MixedDays) as refused:
        derive("[power] - [gas]", {("gas", None): stale})
    assert refused.value.details["days"] == ["2025-02-11", "2025-02-12"]


# ---- bid and ask ----

QUOTED: dict[Used, Source] = {
    ("p", None): source("p", [90.0, 80.0, 70.0], half=1.0),
    ("g", None): source("g", [30.0, None, 26.0], half=0.5),
    ("held", None): source("held", [5.0, 6.0, 7.0], half=0.25, withheld=(1,)),
}


@pytest.mark.parametrize(
    ("expression", "bid", "ask"),
    [
        ("spark([p], [g], 2)", [28.0, None, 16.0], [32.0, None, 20.0]),
        ("-([p] - [g]) / 2", [-30.75, None, -22.75], [-29.25, None, -21.25]),
        ("[p] - [p] + [g]", [29.5, None, 25.5], [30.5, None, 26.5]),
        ("[p] - 5 EUR/MWh", [84.0, 74.0, 64.0], [86.0, 76.0, 66.0]),
        ("convert([p], EUX/MWh)", [8900.0, 7900.0, 6900.0], [9100.0, 8100.0, 7100.0]),
        ("[p] - [held]", [83.75, None, 61.75], [86.25, None, 64.25]),
        ("shift([p], 1, month) - [p]", [79 - 91.0, 69 - 81.0, None], [81 - 89.0, 71 - 79.0, None]),
        ("[p] - [gas]", [None, None, None], [None, None, None]),  # gas has mids alone
        ("[p] - [later]", [None] * 4, [None] * 4),
        ("max([p], [g])", [None, None, None], [None, None, None]),
        ("[p] / [g]", [None, None, None], [None, None, None]),
    ],
)
def test_bid_and_ask_take_the_side_that_the_sign_of_a_weight_asks_for(
    expression: str, bid: list[float | None], ask: list[float | None]
) -> None:
    curve = derive(expression, QUOTED)
    assert [None if np.isnan(each) else each for each in curve.bid.tolist()] == pytest.approx(bid)
    assert [None if np.isnan(each) else each for each in curve.ask.tolist()] == pytest.approx(ask)


@given(st.lists(st.tuples(st.sampled_from(["p", "g", "held"]), st.floats(-9, 9)), min_size=1, max_size=6))
def test_nobody_buys_for_less_than_it_sells_for(terms: list[tuple[str, float]]) -> None:
    """And half of what is between is the size of each weight times what is between bid and ask of the curve."""
    curve = derive(" + ".join(f"{abs(w) + 1!r} * {'-' if w < 0 else ''}[{key}]" for key, w in terms), QUOTED)
    held = {"p": 1.0, "g": 0.5, "held": 0.25}
    halves = sum(abs(each.weight or 0.0) * held[each.leaf.key] for each in curve.inputs)
    quoted = np.isfinite(curve.values)
    assert (np.isfinite(curve.bid) == quoted).all()
    np.testing.assert_allclose((curve.ask - curve.bid)[quoted], 2 * halves, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(((curve.ask + curve.bid) / 2)[quoted], curve.values[quoted], rtol=1e-9, atol=1e-9)


# ---- why ----


def explained(curve: DerivedCurve, place: int) -> float:
    why = curve.why(place)
    total = 0.0
    for at, term in enumerate(why.terms):
        assert term.contribution == term.weight * term.price or np.isnan(term.price)
        total = term.contribution if at == 0 else total + term.contribution
    return total + why.constant


def test_a_point_says_what_made_it() -> None:
    why = derive("[power] - 2.0 * [gas] - 1.5 EUR/MWh").why(1)
    assert (why.tenor.label, why.value, why.constant) == ("2025-04", 22.5, -1.5)
    told = [(term.input.leaf.key, term.price, term.weight, term.contribution) for term in why.terms]
    assert told == [("power", 80.0, 1.0, 80.0), ("gas", 28.0, -2.0, -56.0)]


def test_a_shifted_input_tells_its_own_period() -> None:
    why = derive("shift([gas], 1, month)").why(0)
    assert why.terms[0].tenor is not None
    assert (why.tenor.label, why.terms[0].tenor.label, why.value) == ("2025-03", "2025-04", 28.0)


def test_of_a_quotient_the_weights_are_slopes() -> None:
    curve = derive("[power] / [gas]")
    why = curve.why(0)
    assert not curve.linear
    assert [term.weight for term in why.terms] == pytest.approx([1 / 30, -90 / 900])
    assert explained(curve, 0) == pytest.approx(3.0)


prices = st.floats(-500, 500).map(lambda price: round(price, 3))
weights = st.floats(0.001, 1000)


@settings(max_examples=200)
@given(
    st.lists(st.tuples(weights, st.lists(prices, min_size=3, max_size=3), st.booleans()), min_size=1, max_size=6),
    st.floats(0, 100), st.integers(1, 9),
)  # fmt: skip
def test_weights_times_inputs_are_the_value_to_the_last_bit(
    terms: list[tuple[float, list[float], bool]], constant: float, below: int
) -> None:
    sources: dict[Used, Source] = {(f"c{at}", None): source(f"c{at}", mids) for at, (_, mids, _) in enumerate(terms)}
    parts = " ".join(f"{'-' if minus else '+'} {weight!r} * [c{at}]" for at, (weight, _, minus) in enumerate(terms))
    curve = derive(f"({constant + 1!r} EUR/MWh {parts}) / {below}", sources)
    for place in range(3):
        assert explained(curve, place) == curve.values[place]
        plain = constant + 1 + sum((-w if minus else w) * mids[place] for w, mids, minus in terms)
        assert curve.values[place] == pytest.approx(plain / below, rel=1e-9, abs=1e-6)


keys = st.sampled_from(["power", "gas", "holes", "later", "zero"])


@given(keys, keys, weights, weights)
def test_a_sum_of_multiples_does_not_depend_on_its_order(one: str, other: str, a: float, b: float) -> None:
    whole = derive(f"{a!r} * [{one}] + {b!r} * [{other}]")
    swapped = derive(f"{b!r} * [{other}] + {a!r} * [{one}]")
    assert [tenor.period for tenor in whole.tenors] == [tenor.period for tenor in swapped.tenors]
    np.testing.assert_allclose(whole.values, swapped.values, rtol=1e-12)


@given(keys, keys)
def test_it_has_the_periods_of_both_and_values_where_both_have_one(one: str, other: str) -> None:
    curve = derive(f"[{one}] + [{other}]")
    quoted = []
    for key in (one, other):
        held = BOOK[key].snapshot.prices
        quoted.append({t.period: v for t, v in zip(held.tenors, held.mid.tolist(), strict=True)})
    assert {tenor.period for tenor in curve.tenors} == {*quoted[0], *quoted[1]}
    for tenor, value in zip(curve.tenors, listed(curve), strict=True):
        here = [each.get(tenor.period, np.nan) for each in quoted]
        assert value == (None if np.isnan(here).any() else here[0] + here[1])


codes = st.sampled_from(
    ["EUR", "GBX", "GBP", "USD", "MWh", "kWh", "therm", "MMBtu", "tCO2", "stCO2", "bbl", "mt", "RIN"]
)
atoms = st.one_of(
    st.sampled_from([f"[{key}]" for key in BOOK]),
    st.just("quoted_in([fx], USD/EUR)"),
    st.floats(1e-30, 1e30).map(repr),
    st.builds("{} {}/{}".format, st.sampled_from([0, 1, 2.5, 1e30, 1e-30]), codes, codes),
)


def composed(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    sign = st.sampled_from("+-*/")
    return st.one_of(
        st.builds("({} {} {})".format, inner, sign, inner),
        st.builds("-{}".format, inner),
        st.builds("shift({}, {}, {})".format, inner, st.integers(-1200, 1200), st.sampled_from(["month", "year"])),
        st.builds("convert({}, {}/{}, {})".format, inner, codes, codes, inner),
        st.builds("convert({}, {}/{})".format, inner, codes, codes),
        st.builds("max({}, {})".format, inner, inner),
        st.builds("clean_spark({}, {}, {}, {}, 0.4 tCO2/MWh)".format, inner, inner, inner, inner),
    )


@settings(max_examples=200)
@given(st.recursive(atoms, composed, max_leaves=12))
def test_any_expression_is_numbers_and_gaps_or_refused_with_a_code(text: str) -> None:
    """No other exception, no infinity, and whatever comes out can be written, asked again, and says why it has gaps."""
    try:
        curve = derive(text)
    except InvalidInput:
        return
    values = curve.values
    assert not np.isinf([*values, *curve.bid, *curve.ask]).any()
    assert ((curve.gaps >= 0) == np.isnan(values)).all()
    assert not (curve.bid > curve.ask).any()
    np.testing.assert_array_equal(derive(curve.expression).values, values)


def test_functions_within_functions_are_computed_once_each() -> None:
    """Their arguments are looked at twice: 2^30 times at the innermost one would not end."""
    nested = "[power]"
    for _ in range(30):
        nested = f"spark({nested}, [gas], 0)"
    assert listed(derive(nested)) == [90.0, 80.0, 70.0]
