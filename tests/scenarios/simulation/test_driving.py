"""What stochastic drivers do to paths."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from aurum.errors import InvalidScenario
from aurum.scenarios.application import apply
from aurum.scenarios.simulation.driving import driven, stochastic
from aurum.scenarios.simulation.shocks import Sampling
from aurum.scenarios.variations import tornado, varied
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


@pytest.mark.parametrize("alone", [False, True], ids=["beside the others", "alone"])
def test_a_tornado_draws_what_the_scenario_draws(alone: bool) -> None:
    """So that what differs is what the drivers do: also of a driver without a name, and inside of another one."""
    inner = drawn(document("shift", amount=4, limits=only(CARBON)))
    story = drivers(document("composite", components=[inner]), drawn(document("scale", percent=10, limits=only(GAS))))
    asides = [each.aside for each in driven(CURVES, story, apply(CURVES, story), Sampling(100, seed=3))]
    assert not np.array_equal(asides[0], asides[1])
    for each in tornado(story, 0.1, alone=alone):
        told = varied(story, each)
        found = [path.aside for path in driven(CURVES, told, apply(CURVES, told), Sampling(100, seed=3))]
        np.testing.assert_array_equal(found, [asides[each.driver]] if alone else asides)


def test_a_tornado_keeps_correlations_with_drivers_that_have_no_name() -> None:
    pair = ("drivers.0", "drivers.1")
    matrix = {one: {other: 1.0 if one == other else 0.8 for other in pair} for one in pair}
    gas = drawn(document("scale", percent=10, limits=only(GAS)))
    gas["payload"]["correlation_matrix"] = matrix
    story = drivers(gas, drawn(document("shift", amount=4, limits=only(CARBON))))
    for told in (story, *(varied(story, each) for each in tornado(story, 0.1))):
        one, other = driven(CURVES, told, apply(CURVES, told), Sampling(1000, seed=3))
        assert np.corrcoef(one.aside, other.aside)[0, 1] == pytest.approx(0.8, abs=0.05)


def test_a_driver_of_which_nobody_can_say_what_it_moves_is_refused() -> None:
    """Its mean is 0, so that the scenario has a price; with anything else it follows a month that is not quoted."""
    parameters = {"mean": 0, "std": 1}
    curves = [curve(GAS, [30, float("nan")]), curve(POWER, [80, 90])]
    story = drivers(document("scale", percent=1, limits=only(GAS)), drawn(FOLLOWED, parameters=parameters))
    with pytest.raises(InvalidScenario) as refused:
        driven(curves, story, apply(curves, story), Sampling(100))
    (issue,) = refused.value.details["issues"]
    assert (issue["code"], issue["path"]) == ("UNKNOWN_MOVE", "drivers.1")
