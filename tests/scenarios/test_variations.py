"""Sweeps and tornados, by hand."""

from __future__ import annotations

import pytest

from aurum.scenarios.application import apply
from aurum.scenarios.variations import sweep, tornado
from tests.scenario_curves import GAS, POWER, curve, document, drivers, mids, only, said

CURVES = [curve(GAS, [50]), curve(POWER, [100])]
STORY = drivers(document("scale", percent=20, limits=only(GAS)), document("heat_rate", reference=GAS))


def test_a_parameter_over_a_range() -> None:
    found, issues = sweep(STORY, 0, "percent", [-10, 0, 10.5])
    assert not issues
    assert [each.label for each in found] == ["percent = -10", "percent = 0", "percent = 10.5"]
    assert [mids(apply(CURVES, each.drivers), POWER) for each in found] == [[90], [100], [110.5]]
    nested = drivers(document("composite", components=[document("scale", percent=1)]))
    inside, _ = sweep(nested, 0, "components.0.payload.percent", [50])
    assert mids(apply(CURVES[:1], inside[0].drivers), GAS) == [75]
    limited, _ = sweep(STORY, 0, "limits.delivery_start", ["2025-03-01", "2025-04-01"])
    assert [mids(apply(CURVES, each.drivers), GAS) for each in limited] == [[60], [50]]


def test_a_sweep_with_a_value_that_is_refused_is_none() -> None:
    for given, expected in (
        ((0, "percent", [1, -200]), ("OUT_OF_RANGE", "drivers.0.payload.percent")),
        ((0, "percnet", [1]), ("UNKNOWN_FIELD", "drivers.0.payload.percnet")),
        ((0, "components.0.percent", [1]), ("UNKNOWN_FIELD", "parameter")),
        ((2, "percent", [1]), ("OUT_OF_RANGE", "driver")),
        ((0, "percent", []), ("OUT_OF_RANGE", "values")),
        ((0, "percent", range(101)), ("OUT_OF_RANGE", "values")),
    ):
        found, issues = sweep(STORY, *given)
        assert found == []
        assert said(issues) == [expected]


def test_every_driver_up_and_down_by_a_tenth() -> None:
    """Power has 20 of both: gas 10 % larger makes it 22, and so does the heat rate."""
    together = [mids(apply(CURVES, each.drivers), POWER)[0] for each in tornado(STORY, 0.1)]
    assert together == pytest.approx([122, 118, 122, 118])
    alone = [mids(apply(CURVES, each.drivers), GAS)[0] for each in tornado(STORY, 0.1, alone=True)]
    assert alone == pytest.approx([61, 59, 50, 50])
