"""Gas up 20 % on a vendor's real day: power follows, and so do the vendor's own spark spreads."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from aurum.market.identity import Measure
from aurum.scenarios.application import apply
from aurum.scenarios.model import BaseCurve
from aurum.scenarios.policies import SHIPPED
from tests.scenario_curves import GAS, base_curves, document, drivers, only, shapley

HEAT_RATE = 2.0  # of the vendor's spark spreads on the continent
GERMAN, SPARK = "eugp:eu/german/power/base", "eugp:eu/german/power/base~spark_spread~german"
GERMAN_GAS = "eugp:eu/german/gas"
WINTER = {"delivery_start": "2025-11-01"}
STORY = drivers(
    document("scale", percent=20, limits={**WINTER, "curves": {"asset_classes": ["gas"], "currencies": ["EUR"]}}),
    document("replace", price=90, unit="EUR/tCO2", limits=only("eugp:eu/eua/carbon")),
    document("heat_rate", reference=GERMAN_GAS, limits=only(GERMAN)),
    document("emission", reference="eugp:eu/eua/carbon", limits=only(GERMAN)),
    document("basis", reference=GERMAN, limits=only(SPARK)),
    document("basis", reference=GERMAN_GAS, factor=-HEAT_RATE, limits=only(SPARK)),
)


@pytest.fixture(scope="module")
def eugp(vendor_files: Path) -> list[BaseCurve]:
    return base_curves(vendor_files / "EOD_EUGP_20250213_1430.xlsx")


def test_the_spark_spread_is_still_power_less_gas_and_moves_by_carbon_alone(eugp: list[BaseCurve]) -> None:
    found = apply(eugp, STORY).curves
    power, gas, spark, carbon = (found[key] for key in (GERMAN, GERMAN_GAS, SPARK, "eugp:eu/eua/carbon"))
    months = slice(0, 121)  # all that the vendor has of a spread
    np.testing.assert_allclose(spark.mid, (power.mid - HEAT_RATE * gas.mid)[months], rtol=0, atol=1e-9)
    np.testing.assert_allclose(spark.move, 0.404 * carbon.move[months], rtol=0, atol=1e-9)
    assert (carbon.mid == 90).all()


def test_the_policies_that_are_shipped_move_what_they_say(eugp: list[BaseCurve], vendor_files: Path) -> None:
    both = [*eugp, *base_curves(vendor_files / "EOD_RP_20250213_1430.xlsx")]
    moved = {
        name: {each.base.curve.commodity for each in apply(both, by).curves.values() if each.contributions}
        for name, by in ((name, drivers(document("policy", policy_name=name))) for name in SHIPPED.names)
    }
    assert moved == {
        "Carbon price 90": {"carbon", "power"}, "Emissions cap": {"carbon"},
        "Renewable portfolio standard": {"power", "REC"},
    }  # fmt: skip


def test_winter_gas_moves_and_a_strip_as_the_mean_of_its_months(eugp: list[BaseCurve]) -> None:
    ttf = apply(eugp, STORY).curves[GAS]
    starts = np.array([tenor.period.start.isoformat() for tenor in ttf.base.tenors])
    labels = [tenor.label for tenor in ttf.base.tenors]
    moved = np.isin(np.arange(121), np.flatnonzero(starts[:121] >= "2025-11-01"))
    np.testing.assert_allclose(ttf.mid[:121] / ttf.base.mid[:121], np.where(moved, 1.2, 1.0), rtol=1e-12)
    of_2025 = (starts[:121] >= "2025-02-01") & (starts[:121] < "2026-01-01")
    assert ttf.move[labels.index("Calendar 2025")] == pytest.approx(ttf.move[:121][of_2025].mean(), rel=1e-12)
    assert ttf.move[labels.index("Calendar 2026")] == pytest.approx(0.2 * ttf.base.mid[labels.index("Calendar 2026")])


def test_every_point_adds_up_to_the_bit_in_order_and_without(eugp: list[BaseCurve]) -> None:
    in_order, without = apply(eugp, STORY).curves, shapley(eugp, STORY).curves
    for key, curve in in_order.items():
        for each in (curve, without[key]):
            np.testing.assert_array_equal(each.mid, curve.mid)
            np.testing.assert_array_equal(each.base.mid + each.move, each.mid)
            np.testing.assert_array_equal(each.mid - each.base.mid, each.move)
    assert {base.key for base in eugp if base.curve.identity.measure is Measure.SPARK_SPREAD} <= set(in_order)
