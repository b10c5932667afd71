"""What stochastic drivers do to paths."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from aurum.errors import InvalidScenario
from aurum.scenarios.application import apply
from aurum.scenarios.simulation.driving import driven, stochastic
from aurum.scenarios.simulation.shocks import Sampling
from tests.scenario_curves import CARBON, GAS, POWER, curve, document, drivers, only

CURVES = [curve(GAS, [30, 40], {"Q2-25": 35}), curve(POWER, [80, 90]), curve(CARBON, [70, 70])]
FOLLOWED = document("heat_rate", reference=GAS, heat_rate=2, limits=only(POWER))


def drawn(base: dict[str, Any], **more: Any) -> dict[str, Any]:
    given = {"distribution_type": "normal", "parameters": {"mean": 0.5, "std": 0.2}, "base_driver": base} | more
    return document("stochastic", **given)


def test_what_follows_a_driver_follows_what_it_draws() -> None:
    """Gas moves by 10 % times the number, and power by twice as much money: 3 and 4, 6 and 8 for each 1 of it."""
    story = drivers(drawn(document("scale", percent=10, limits=only(GAS))), FOLLOWED)
    (found,) = driven(CURVES, story, apply(CURVES, story), Sampling(100, seed=3))
    assert found.amounts.keys() == {GAS, POWER}
    np.testing.assert_allclose([found.amounts[GAS], found.amounts[POWER]], [[3, 4], [6, 8]], rtol=1e-12)
    assert found.aside.shape == (100,)
    assert found.aside.mean() == pytest.approx(0, abs=4 * 0.2 / 10)


def test_those_inside_of_others_are_drawn_too_with_their_weights() -> None:
    inner = drawn(document("shift", amount=4, limits=only(CARBON)), name="carbon")
    story = drivers(document("composite", components=[FOLLOWED, inner], weights={"carbon": 0.5}))
    assert list(stochastic(story)) == ["drivers.0.payload.components.1"]
    (found,) = driven(CURVES, story, apply(CURVES, story), Sampling(100))
    assert list(found.amounts) == [CARBON]
    np.testing.assert_allclose(found.amounts[CARBON], [2, 2], rtol=1e-12)
    assert driven(CURVES, drivers(FOLLOWED), apply(CURVES, drivers(FOLLOWED)), Sampling(100)) == []


def test_a_driver_of_which_nobody_can_say_what_it_moves_is_refused() -> None:
    """Its mean is 0, so that the scenario has a price; with anything else it follows a month that is not quoted."""
    parameters = {"mean": 0, "std": 1}
    curves = [curve(GAS, [30, float("nan")]), curve(POWER, [80, 90])]
    story = drivers(document("scale", percent=1, limits=only(GAS)), drawn(FOLLOWED, parameters=parameters))
    with pytest.raises(InvalidScenario) as refused:
        driven(curves, story, apply(curves, story), Sampling(100))
    (issue,) = refused.value.details["issues"]
    assert (issue["code"], issue["path"]) == ("UNKNOWN_MOVE", "drivers.1")
