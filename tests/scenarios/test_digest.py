"""The same inputs have the same digest on every machine; anything that changes an answer changes it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from aurum.scenarios.application import apply
from aurum.scenarios.digest import input_digest, output_digest
from aurum.scenarios.documents import read_policy, write_policy
from aurum.scenarios.policies import SHIPPED
from tests.scenario_curves import GAS, POWER, curve, document, drivers, only

NAN = float("nan")
CURVES = [curve(GAS, [50.1, NAN, 0.0]), curve(POWER, [100.7, 90.3, -5.0])]
DRIVERS = drivers(
    document("scale", percent=12.3, limits=only(GAS, delivery_start="2025-03-05")),
    document("heat_rate", reference=GAS),
    document("load_growth", annual_growth_pct=1.7, start_year=2020),
)  # fmt: skip


def test_digests_are_these_on_every_machine() -> None:
    assert input_digest(CURVES, DRIVERS, seed=7) == "da1f51a6b91361bd2d31b912f00a6af75b68688fa1c82773e2989c9f1d10d9e8"
    assert output_digest(apply(CURVES, DRIVERS)) == "ba151e6dcf404835cc313acf9e9e2ac935d10ffb2a7256398a8b0610ac20f995"


def test_neither_the_order_of_curves_nor_the_kind_of_nan_or_zero_counts() -> None:
    other_nan = np.frombuffer(b"\x01\x00\x00\x00\x00\x00\xf8\xff", dtype="<f8")[0]
    same = replace(CURVES[0], mid=np.array([50.1, other_nan, -0.0]))
    assert input_digest([CURVES[1], same], DRIVERS, seed=7) == input_digest(CURVES, DRIVERS, seed=7)


def test_everything_else_counts() -> None:
    gas, power = CURVES
    shipped = SHIPPED.find("Emissions cap")
    assert shipped is not None
    changed, _ = read_policy({**write_policy(shipped), "version": 2, "source": "our desk"})
    policy = drivers(document("policy", policy_name="Emissions cap"))
    assert changed is not None
    dollars = replace(gas, curve=replace(gas.curve, currency="USD"))
    digests = [
        input_digest(CURVES, DRIVERS, seed=7),
        input_digest(CURVES, DRIVERS),
        input_digest(CURVES, DRIVERS[::-1], seed=7),
        input_digest([replace(gas, version=2), power], DRIVERS, seed=7),
        input_digest([dollars, power], DRIVERS, seed=7),
        input_digest([replace(gas, mid=np.nextafter(gas.mid, 99)), power], DRIVERS, seed=7),
        input_digest([curve(GAS, [50.1, NAN, 0.0], {"Q2 2025": NAN}), power], DRIVERS, seed=7),
        input_digest(CURVES, policy),
        input_digest(CURVES, policy, policies=SHIPPED.with_own([changed])),
    ]
    assert len(set(digests)) == len(digests)
