"""Sweeps and tornados, by hand."""

from __future__ import annotations

from typing import Any

import pytest

from aurum.errors import InvalidScenario
from aurum.scenarios.application import apply
from aurum.scenarios.drivers import Driver
from aurum.scenarios.variations import Variation, sweep, tornado, varied
from tests.scenario_curves import GAS, POWER, curve, document, drivers, mids, only, said

CURVES = [curve(GAS, [50]), curve(POWER, [100])]
STORY = drivers(document("scale", percent=20, limits=only(GAS)), document("heat_rate", reference=GAS))


def becomes(of: tuple[Driver, ...], variations: list[Variation], key: str) -> list[Any]:
    """The one month of a curve in each story."""
    curves = CURVES[:1] if key == GAS else CURVES
    return [mids(apply(curves, varied(of, each)), key)[0] for each in variations]


def test_a_parameter_over_a_range() -> None:
    found, issues = sweep(STORY, 0, "percent", [-10, 0, 10.5])
    assert not issues
    assert [each.label for each in found][1:] == ["drivers.0: percent = 0", "drivers.0: percent = 10.5"]
    assert becomes(STORY, found, POWER) == [90, 100, 110.5]
    assert [Variation(**each.document) for each in found] == found
    nested = drivers(document("composite", components=[document("scale", percent=1)]))
    inside, _ = sweep(nested, 0, "components.0.payload.percent", [50])
    assert becomes(nested, inside, GAS) == [75]
    limited, _ = sweep(STORY[:1], 0, "limits.delivery_start", ["2025-03-01", "2025-04-01"])
    assert becomes(STORY[:1], limited, GAS) == [60, 50]
    everywhere = drivers(document("scale", percent=20))
    limited, issues = sweep(everywhere, 0, "limits.delivery_start", ["2025-03-01", "2025-04-01"])
    assert not issues
    assert becomes(everywhere, limited, GAS) == [60, 50]


def test_a_sweep_with_a_value_that_is_refused_is_none() -> None:
    for given, expected in (
        ((0, "percent", [1, -200]), ("OUT_OF_RANGE", "values.1")),
        ((0, "percnet", [1]), ("UNKNOWN_FIELD", "values.0")),
        ((0, "components.0.percent", [1]), ("UNKNOWN_FIELD", "parameter")),
        ((2, "percent", [1]), ("OUT_OF_RANGE", "driver")),
        ((0, "percent", []), ("OUT_OF_RANGE", "values")),
        ((0, "percent", range(101)), ("OUT_OF_RANGE", "values")),
        ((0, "percent", [None]), ("WRONG_TYPE", "values.0")),
        ((0, "limits", [{}]), ("WRONG_TYPE", "values.0")),
        ((0, "name", ["one", "other"]), ("WRONG_TYPE", "parameter")),
        ((0, "name", [1]), ("WRONG_TYPE", "parameter")),
    ):
        found, issues = sweep(STORY, *given)
        assert found == []
        assert said(issues) == [expected]
    with pytest.raises(InvalidScenario):
        varied(STORY, Variation(0, "percent", -200))


def test_a_number_is_one_however_it_is_written() -> None:
    found, issues = sweep(STORY, 0, "percent", [1, 1.0, 0, -0.0, 0.5])
    assert not issues
    assert [repr(each.value) for each in found] == ["1", "1", "0", "0", "0.5"]


def test_what_is_kept_and_not_acted_upon_is_not_varied() -> None:
    inside = drivers(document("composite", components=[document("scale", percent=1, name="name")], weights={"name": 2}))
    assert said(sweep(inside, 0, "components.0.payload.name", ["a"])[1]) == [("WRONG_TYPE", "parameter")]
    assert said(sweep(inside, 0, "validation_rules", ["a"])[1]) == [("WRONG_TYPE", "parameter")]
    weighted, issues = sweep(inside, 0, "weights.name", [50])
    assert (becomes(inside, weighted, GAS), issues) == ([75], [])


def test_every_driver_up_and_down_by_a_tenth() -> None:
    """Power has 20 of both: gas 10 % larger makes it 22, and so does the heat rate."""
    assert becomes(STORY, tornado(STORY, 0.1), POWER) == pytest.approx([122, 118, 122, 118])
    alone = [apply(CURVES, varied(STORY, each)) for each in tornado(STORY, 0.1, alone=True)]
    assert [mids(each, GAS)[0] for each in alone] == pytest.approx([61, 59, 50, 50])
    assert varied(STORY, None) == STORY
