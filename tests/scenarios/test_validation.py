"""What is said before a run, and which curves a run needs."""

from __future__ import annotations

from aurum.scenarios.model import Severity
from aurum.scenarios.references import references
from aurum.scenarios.validation import DEEPEST_PARENT, parent_issues, validate
from tests.scenario_curves import CARBON, GAS, POWER, curve, document, drivers, only, said

UP = document("scale", percent=20, limits=only(GAS))


def test_a_scenario_without_curves_or_drivers() -> None:
    assert said(validate(drivers(UP), [])) == [("EMPTY_SELECTION", "curves")]
    assert said(validate((), [curve(GAS, [50])])) == [("NO_DRIVERS", "drivers")]


def test_errors_of_all_drivers_are_told_together_with_what_may_be_meant() -> None:
    found = validate(
        drivers(
            document("basis", reference="eugp:eu/dutch_tff/gas", limits=only(POWER)),
            document("policy", policy_name="carbon prise 90"),
            document("composite", components=[UP, document("shift", amount=1, unit="USD/MWh")]),
        ),
        [curve(GAS, [50]), curve(POWER, [100])],
    )
    assert said(found) == [
        ("UNKNOWN_CURVE", "drivers.0.payload.reference"),
        ("UNKNOWN_POLICY", "drivers.1.payload.policy_name"),
        ("NO_EXCHANGE_RATE", "drivers.2.payload.components.1.payload.unit"),
    ]
    assert [each.suggestion for each in found[:2]] == [f"Is it '{GAS}'?", "Is it 'Carbon price 90'?"]


def test_what_moves_nothing_is_a_warning() -> None:
    found = validate(drivers(UP, document("emission", reference=GAS, unit="MWh/MWh")), [curve(GAS, [50])])
    assert [(each.severity, *where) for each, where in zip(found, said(found), strict=True)] == [
        (Severity.WARNING, "NO_EFFECT", "drivers.1")
    ]


def test_a_condition_that_cannot_be_read_is_seen_before_the_run() -> None:
    reads = {
        "curve": GAS,
        "delivery_start": "2031-01-01",
        "delivery_end": "2031-02-01",
        "comparison": "below",
        "level": 1,
    }
    found = validate(drivers(document("conditional", conditions=[reads], true_driver=UP)), [curve(GAS, [50])])
    assert said(found) == [("UNREADABLE_CONDITION", "drivers.0.payload.conditions.0")]


def test_parents_do_not_go_in_circles() -> None:
    parents = {"a": None, "b": "a", "c": "b"}
    assert parent_issues("d", "c", parents) == []
    assert said(parent_issues("a", "c", parents)) == [("CYCLE", "parent")]
    assert said(parent_issues("a", "a", parents)) == [("CYCLE", "parent")]
    assert said(parent_issues("d", "x", parents)) == [("UNKNOWN_PARENT", "parent")]
    line = {str(n): str(n - 1) if n else None for n in range(100)}
    assert said(parent_issues("new", str(DEEPEST_PARENT), line)) == [("TOO_DEEP", "parent")]


def test_references_are_found_wherever_they_are() -> None:
    condition = {"curve": CARBON, "delivery_start": "2025-03-01", "delivery_end": "2025-04-01", "comparison": "below",
                 "level": 1}  # fmt: skip
    inside = document("composite", components=[document("heat_rate", reference=GAS)])
    whole = document("conditional", conditions=[condition], true_driver=inside)
    assert references(drivers(whole, UP)) == {GAS, CARBON}
    assert references(drivers(document("policy", policy_name="Carbon price 90"))) == {CARBON}
    assert references(drivers(document("load_growth", annual_growth_pct=1))) == frozenset()
