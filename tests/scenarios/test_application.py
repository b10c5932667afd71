"""What drivers do to curves, by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from aurum.errors import InvalidScenario
from aurum.scenarios.application import apply
from aurum.scenarios.documents import read_drivers
from aurum.scenarios.registry import DRIVER_TYPES, DriverType
from aurum.scenarios.registry.curves import EXAMPLE_CURVES
from tests.scenario_curves import (
    CARBON,
    FRENCH,
    GAS,
    NBP,
    POWER,
    SPARK,
    USD_GAS,
    curve,
    document,
    drivers,
    mids,
    only,
    outcome,
    said,
)

NAN = float("nan")
TYPES = list(DRIVER_TYPES.values())
GAS_UP = document("scale", percent=20, limits=only(GAS))


@pytest.mark.parametrize("kind", TYPES, ids=[kind.name for kind in TYPES])
def test_the_worked_example_of_every_driver_type(kind: DriverType) -> None:
    found, issues = read_drivers(kind.example.drivers)
    assert not issues
    result = apply(EXAMPLE_CURVES.values(), found)
    assert not result.issues
    for key, base in EXAMPLE_CURVES.items():
        assert mids(result, key) == pytest.approx(kind.example.becomes.get(key, tuple(base.mid)), rel=1e-15)


def test_gas_up_20_percent_from_april_and_power_and_its_spark_spread_follow() -> None:
    """Power takes 2 x 8 and 2 x 6. The spread, power less 2 x gas, takes what power does less 2 x what gas does."""
    gas, power, spark = curve(GAS, [50, 40, 30]), curve(POWER, [100, 90, 80]), curve(SPARK, [0, 10, 20])
    found = outcome(
        [spark, power, gas],
        document("scale", percent=20, limits=only(GAS, delivery_start="2025-04-01")),
        document("heat_rate", reference=GAS),
        document("basis", reference=POWER, limits=only(SPARK)),
        document("basis", reference=GAS, factor=-2, limits=only(SPARK)),
    )
    assert (mids(found, GAS), mids(found, POWER)) == ([50, 48, 36], [100, 106, 92])
    assert mids(found, SPARK) == [0, 10, 20]
    assert [(each.driver, each.amounts.tolist()) for each in found.curves[SPARK].contributions] == [
        (2, [0, 16, 12]), (3, [0, -16, -12]),
    ]  # fmt: skip
    assert [each.driver for each in found.curves[POWER].contributions] == [1]


def test_a_month_that_is_partly_inside_moves_by_its_days() -> None:
    found = outcome([curve(GAS, [31, 30, 31])], document("shift", amount=31, unit="EUR/MWh", limits={
        "delivery_start": "2025-03-22", "delivery_end": "2025-05-02"}))  # fmt: skip
    assert mids(found, GAS) == pytest.approx([31 + 10, 30 + 31, 31 + 1], rel=1e-15)


def test_strips_move_with_their_months() -> None:
    """Q2 wholly, by its own price; the summer has three of its seven months inside; the calendar, a balance from the
    as-of's February on, three of eleven. Only the months that move need a price."""
    gas = curve(GAS, [10, 20, 30, 40, 50, 60, 70, 80], {"Q2 2025": 31, "Summer 2025": 50, "Calendar 2025": 45})
    window = {"delivery_start": "2025-04-01", "delivery_end": "2025-07-01"}
    shifted = outcome([gas], document("shift", amount=7, limits=window))
    assert mids(shifted, GAS) == pytest.approx([10, 27, 37, 47, 50, 60, 70, 80, 38, 53, 45 + 7 * 3 / 11], rel=1e-15)
    scaled = outcome([gas], document("scale", percent=10, limits=window))
    assert mids(scaled, GAS)[-3:] == pytest.approx([31 * 1.1, 50 + (2 + 3 + 4) / 7, 45 + (2 + 3 + 4) / 11], rel=1e-15)
    replaced = outcome([gas], document("replace", price=25.3, limits=window))
    assert mids(replaced, GAS)[1:4] + mids(replaced, GAS)[8:9] == [25.3] * 4
    assert mids(replaced, GAS)[-2] == pytest.approx(50 + (5.3 - 4.7 - 14.7) / 7, rel=1e-15)
    months_alone = outcome([gas], document("scale", percent=10, limits={"tenor_types": ["MONTH"]}))
    assert mids(months_alone, GAS)[-3:] == [31, 50, 45]


def test_a_strip_whose_moving_month_has_no_price_has_none_either_and_it_is_said() -> None:
    found = outcome(
        [curve(GAS, [10, NAN, 30], {"Q2 2025": 25})],
        document("scale", percent=10, limits={"delivery_end": "2025-05-01"}),
    )
    np.testing.assert_array_equal(mids(found, GAS), [11, NAN, 30, NAN])
    assert said(found.issues) == [("UNKNOWN_MOVE", "drivers.0")]


def test_what_is_not_quoted_stays_so() -> None:
    gas, power = curve(GAS, [50, NAN]), curve(POWER, [100, 90, NAN])
    found = outcome([gas, power], document("replace", price=60, limits=only(GAS)), document("heat_rate", reference=GAS))
    np.testing.assert_array_equal(mids(found, GAS), [60, NAN])
    np.testing.assert_array_equal(mids(found, POWER), [120, NAN, NAN])  # nobody knows what gas does in April
    assert said(found.issues) == [("UNKNOWN_MOVE", "drivers.1")]


def test_units_convert_and_currencies_do_only_by_a_rate() -> None:
    """1 EUR/MWh is 1.1 / 3.412141633 USD/MMBtu at 1.1 dollars; 1 GBP/MWh is 100 / 34.12141633 pence a therm."""
    curves = [curve(GAS, [50]), curve(USD_GAS, [15]), curve(NBP, [120])]
    follow = {"reference": GAS, "limits": only(USD_GAS)}
    up = document("shift", amount=10, unit="EUR/MWh", limits=only(GAS))
    found = outcome(curves, up, document("basis", exchange_rate=1.1, **follow))
    assert mids(found, USD_GAS)[0] == pytest.approx(15 + 11 / 3.412141633, rel=1e-9)
    pence = outcome(curves, document("shift", amount=1, unit="GBP/MWh", limits=only(NBP)))
    assert mids(pence, NBP)[0] == pytest.approx(120 + 100 / 34.12141633, rel=1e-9)
    for wrong, code in (
        (document("basis", **follow), "NO_EXCHANGE_RATE"),
        (document("shift", amount=1, unit="EUR/MWh"), "NO_EXCHANGE_RATE"),
        (document("shift", amount=1, unit="EUR/tCO2", limits=only(GAS)), "UNIT_MISMATCH"),
        (document("shift", amount=1), "MIXED_UNITS"),
    ):
        with pytest.raises(InvalidScenario) as refusal:
            outcome(curves, up, wrong)
        assert [each["code"] for each in refusal.value.details["issues"]] == [code]


def test_curves_whose_unit_nobody_has_said_are_scaled_and_no_amount_is_added_to_several() -> None:
    said_of = [curve(GAS, [50]), curve(NBP, [60])]
    unsaid = [replace(each, curve=replace(each.curve, currency=None, unit=None)) for each in said_of]
    assert mids(outcome(unsaid, document("scale", percent=10)), NBP) == pytest.approx([66])
    assert mids(outcome(unsaid, document("shift", amount=1, limits=only(GAS))), GAS) == [51]
    for unit, code in ((None, "MIXED_UNITS"), ("EUR/MWh", "UNKNOWN_UNIT")):
        with pytest.raises(InvalidScenario) as refusal:
            outcome(unsaid, document("shift", amount=1, unit=unit))
        assert refusal.value.details["issues"][0]["code"] == code


def test_load_growth_stops_after_its_end_and_is_for_prices_of_power() -> None:
    curves = [curve(POWER, [100.0] * 24), curve(SPARK, [1] * 24)]
    found = outcome(curves, document("load_growth", annual_growth_pct=10, start_year=2026, end_year=2026))
    assert mids(found, POWER) == pytest.approx([100] * 10 + [110] * 14, rel=1e-15)
    assert mids(found, SPARK) == [1] * 24


def test_load_growth_by_a_reference_is_the_same_money_for_all() -> None:
    curves = [curve(POWER, [100.0]), curve(FRENCH, [60.0])]
    growth = document("load_growth", annual_growth_pct=10, start_year=2025, reference_curve_key=POWER, region="eu")
    found = outcome(curves, document("shift", amount=10, limits=only(POWER)), growth)
    assert [*mids(found, POWER), *mids(found, FRENCH)] == pytest.approx([121, 71], rel=1e-15)


def test_a_fuel_curve_moves_power_by_its_own_move_alone() -> None:
    """Gas is up by 10 before it, and by 10 % of 60 in it: power takes 2 x 6."""
    found = outcome(
        [curve(GAS, [50]), curve(POWER, [100])],
        document("shift", amount=10, unit="EUR/MWh", limits=only(GAS)),
        document("fuel_curve", fuel="natural_gas", reference_series=GAS, basis_points_adjustment=1000),
    )
    assert (mids(found, GAS), mids(found, POWER)) == ([66], [112])


def test_additive_components_see_the_same_prices_multiplicative_ones_each_others() -> None:
    both = [document("scale", percent=10), document("scale", percent=50, name="big")]
    for how, weights, becomes in (
        ("additive", {}, 100 + 10 + 50), ("multiplicative", {}, 165), ("additive", {"big": 0.5}, 135),
        ("multiplicative", {"0": 2, "big": -1}, 60),
    ):  # fmt: skip
        found = outcome(
            [curve(GAS, [100])], document("composite", components=both, composition_type=how, weights=weights)
        )
        assert mids(found, GAS) == pytest.approx([becomes], rel=1e-14)


def test_the_first_component_that_holds() -> None:
    def above(level: float, percent: float) -> dict[str, object]:
        condition = {"curve": GAS, "delivery_start": "2025-03-01", "delivery_end": "2025-05-01", "comparison": "above",
                     "level": level, "unit": "EUR/MWh"}  # fmt: skip
        return document("conditional", conditions=[condition], true_driver=document("scale", percent=percent))

    parts = [above(60, 1), above(45, 2), document("scale", percent=3)]
    whole = document("composite", composition_type="conditional", components=parts)
    assert mids(outcome([curve(GAS, [60, 62])], whole), GAS) == pytest.approx([60.6, 62.62])
    assert mids(outcome([curve(GAS, [40, 52])], whole), GAS) == pytest.approx([40.8, 53.04])
    assert mids(outcome([curve(GAS, [40, 42])], whole), GAS) == pytest.approx([41.2, 43.26])
    with pytest.raises(InvalidScenario) as refusal:
        outcome([curve(GAS, [40])], above(60, 1))
    assert refusal.value.details["issues"][0]["code"] == "UNREADABLE_CONDITION"


def test_a_driver_without_effect_is_reported() -> None:
    gas, power = curve(GAS, [50]), curve(POWER, [100])
    nowhere = outcome([gas], document("scale", percent=5, limits=only(CARBON)), document("emission", reference=GAS))
    assert said(nowhere.issues) == [
        ("UNKNOWN_CURVE", "drivers.0.payload.limits.curves.keys"),
        ("NO_EFFECT", "drivers.0"),
        ("NO_EFFECT", "drivers.1"),
    ]
    late = outcome([gas], document("scale", percent=5, limits={"delivery_start": "2031-01-01"}))
    assert said(late.issues) == [("NO_EFFECT", "drivers.0")]
    still = outcome([gas, power], document("heat_rate", reference=GAS))
    assert said(still.issues) == [("NO_EFFECT", "drivers.0")]


def test_what_is_too_large_to_be_a_number_is_refused() -> None:
    with pytest.raises(InvalidScenario) as refusal:
        outcome([curve(GAS, [50])], *[document("scale", percent=1e6)] * 80)
    assert [each["code"] for each in refusal.value.details["issues"]] == ["OVERFLOW"]


def test_followers_in_a_circle_are_refused_and_what_is_followed_too_early_is_said() -> None:
    curves = [curve(GAS, [50]), curve(POWER, [100])]
    early = outcome(curves, GAS_UP, document("heat_rate", reference=GAS), GAS_UP)
    assert said(early.issues) == [("FOLLOWED_TOO_EARLY", "drivers.1")]
    with pytest.raises(InvalidScenario) as refusal:
        outcome(curves, document("heat_rate", reference=GAS), document("basis", reference=POWER, limits=only(GAS)))
    assert [(each["code"], each["path"]) for each in refusal.value.details["issues"]] == [("CYCLE", "drivers.1")]


def test_the_order_of_curves_does_not_matter_nor_do_legacy_keys() -> None:
    gas, power = curve(GAS, [50]), curve(POWER, [100])
    known = drivers(GAS_UP, document("heat_rate", reference=gas.curve.legacy_key.upper()))
    one, other = apply([gas, power], known), apply([power, gas], known)
    assert mids(one, POWER) == mids(other, POWER) == [120]
