"""Three-way merges, by hand."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aurum.metadata.model import CurveFilter
from aurum.scenarios.documents import write_driver
from aurum.scenarios.repository.merging import Merge, Origin, Side, common_version, merged
from aurum.scenarios.repository.model import Definition
from tests.scenario_curves import CARBON, GAS, document, drivers, only

UP = document("scale", percent=20.0, limits=only(GAS))
HIGHER = document("scale", percent=30.0, limits=only(GAS))
FOLLOW = document("heat_rate", reference=GAS)
CARBON_UP = document("shift", amount=5.0, unit="EUR/tCO2", limits=only(CARBON))
LATER = document("scale", percent=20.0, limits=only(GAS, delivery_start="2026-01-01"))


def says(*documents: dict[str, Any], **more: Any) -> Definition:
    return Definition("Gas up", drivers=tuple(write_driver(each) for each in drivers(*documents)), **more)


def merge(base: Definition, ours: Definition, theirs: Definition, **decided: str) -> Merge:
    return merged(base, ours, theirs, {path.replace("_", "."): Side(side) for path, side in decided.items()})


def paths(found: Merge) -> list[str]:
    return [each.path for each in found.conflicts]


def told(found: Merge) -> list[str]:
    return [each.path for each in found.changes]


BASE = says(UP, FOLLOW)


def test_what_only_one_has_changed_is_taken() -> None:
    found = merge(BASE, says(UP, FOLLOW, tags=("winter",)), says(HIGHER, FOLLOW, as_of=date(2025, 2, 12)))
    assert found.conflicts == []
    assert found.definition == says(HIGHER, FOLLOW, tags=("winter",), as_of=date(2025, 2, 12))
    assert told(found) == ["as_of", "drivers.0.payload.percent"]
    found = merge(BASE, says(HIGHER, FOLLOW), says(UP, document("heat_rate", reference=GAS, heat_rate=2.5)))
    assert [each["payload"].get("heat_rate", each["payload"].get("percent")) for each in found.definition.drivers] == [
        30.0, 2.5]  # fmt: skip


def test_what_both_have_changed_is_a_conflict_until_it_is_decided() -> None:
    ours, theirs = says(HIGHER, FOLLOW), says(document("scale", percent=10.0, limits=only(GAS)), FOLLOW)
    found = merge(BASE, ours, theirs)
    (about,) = found.conflicts
    assert (about.path, about.base, about.ours, about.theirs) == ("drivers.0.payload.percent", 20.0, 30.0, 10.0)
    assert found.definition == ours
    for path in ("drivers", "drivers_0", "drivers_0_payload_percent"):
        assert merge(BASE, ours, theirs, **{path: "THEIRS"}).definition == theirs
        kept = merge(BASE, ours, theirs, **{path: "OURS"})
        assert (kept.definition, kept.conflicts, kept.changes) == (ours, [], [])
    assert merge(BASE, ours, theirs, drivers="THEIRS", drivers_0="OURS").definition == ours  # the longer one


def test_a_decision_about_nothing_is_told() -> None:
    assert merge(BASE, says(HIGHER, FOLLOW), BASE, drivers_1="OURS", tags="OURS").unused == ["drivers.1", "tags"]


def test_an_amount_is_never_mixed_with_the_unit_of_the_other_side() -> None:
    base = says(CARBON_UP)
    ours = says(document("shift", amount=6.0, unit="EUR/tCO2", limits=only(CARBON)))
    theirs = says(document("shift", amount=4.0, unit="GBP/tCO2", limits=only(CARBON)))
    found = merge(base, ours, theirs)
    assert paths(found) == ["drivers.0.payload.amount", "drivers.0.payload.unit"]
    assert merge(base, ours, theirs, drivers_0="THEIRS").definition == theirs
    # The unit alone is theirs' change, but the driver is not what either has said: so both are asked about.
    only_unit = says(document("shift", amount=5.0, unit="GBP/tCO2", limits=only(CARBON)))
    assert paths(merge(base, ours, only_unit)) == ["drivers.0.payload.amount", "drivers.0.payload.unit"]


def test_what_a_driver_does_and_what_it_moves_are_merged_apart() -> None:
    found = merge(BASE, says(HIGHER, FOLLOW), says(LATER, FOLLOW))
    assert found.conflicts == []
    (first, _) = found.definition.drivers
    assert first["payload"] == {"percent": 30.0, "limits": only(GAS, delivery_start="2026-01-01")}
    both = merge(BASE, says(LATER, FOLLOW), says(document("scale", percent=20.0, limits=only(GAS, blocks=["base"]))))
    assert paths(both) == ["drivers.0.payload.limits.blocks", "drivers.0.payload.limits.delivery_start"]


def test_a_driver_that_one_removes_and_the_other_changes_is_a_conflict() -> None:
    found = merge(BASE, says(FOLLOW), says(HIGHER, FOLLOW))
    (about,) = found.conflicts
    assert (about.path, about.ours, about.theirs) == ("drivers.0", None, write_driver(drivers(HIGHER)[0]))
    assert merge(BASE, says(FOLLOW), says(HIGHER, FOLLOW), drivers_0="THEIRS").definition == says(HIGHER, FOLLOW)
    assert merge(BASE, says(FOLLOW), BASE).definition == says(FOLLOW)
    assert merge(BASE, BASE, says(FOLLOW)).definition == says(FOLLOW)


def test_a_driver_over_other_curves_is_another_driver() -> None:
    """Else 30 % for gas could become 30 % for carbon."""
    instead = document("scale", percent=20.0, limits=only(CARBON))
    found = merge(BASE, says(HIGHER, FOLLOW), says(instead, FOLLOW))
    assert paths(found) == ["drivers.0", "drivers.order"]
    assert found.definition == says(HIGHER, instead, FOLLOW)
    taken = merge(BASE, says(HIGHER, FOLLOW), says(instead, FOLLOW), drivers_0="THEIRS", drivers_order="THEIRS")
    assert (taken.definition, taken.conflicts, taken.unused) == (says(instead, FOLLOW), [], [])
    named = document("scale", percent=20.0, limits=only(CARBON), name="cold")
    base = says(document("scale", percent=20.0, limits=only(GAS), name="cold"))
    assert (
        merge(base, says(document("scale", percent=30.0, limits=only(GAS), name="cold")), says(named)).conflicts == []
    )


def test_drivers_added_in_one_place_are_a_conflict_of_order() -> None:
    ours, theirs = says(UP, FOLLOW, CARBON_UP), says(UP, FOLLOW, LATER)
    found = merge(BASE, ours, theirs)
    assert paths(found) == ["drivers.order"]
    assert merge(BASE, ours, theirs, drivers="OURS").definition == says(UP, FOLLOW, CARBON_UP, LATER)
    assert merge(BASE, ours, theirs, drivers="THEIRS").definition == says(UP, FOLLOW, LATER, CARBON_UP)
    elsewhere = merge(BASE, says(CARBON_UP, UP, FOLLOW), theirs)
    assert (elsewhere.conflicts, elsewhere.definition) == ([], says(CARBON_UP, UP, FOLLOW, LATER))
    assert merge(BASE, ours, ours).definition == ours  # the same is added once


def test_an_order_that_one_has_changed_is_taken() -> None:
    base, turned = says(UP, FOLLOW, CARBON_UP), says(FOLLOW, UP, CARBON_UP)
    found = merge(base, base, turned)
    assert (found.definition, told(found)) == (turned, ["drivers.order"])
    assert merge(base, turned, says(HIGHER, FOLLOW, CARBON_UP)).definition == says(FOLLOW, HIGHER, CARBON_UP)
    other = says(CARBON_UP, UP, FOLLOW)
    assert paths(merge(base, turned, other)) == ["drivers.order"]
    assert merge(base, turned, other, drivers_order="THEIRS").definition == other


def test_a_start_is_never_half_of_each_side() -> None:
    """Else it could be the newer date as it was not known yet."""
    base, known = says(UP, as_of=date(2025, 2, 12)), datetime(2025, 2, 13, tzinfo=UTC)
    ours, theirs = replace(base, as_of=date(2025, 2, 14)), replace(base, known_at=known)
    assert paths(merge(base, ours, theirs)) == ["as_of", "known_at"]
    assert merged(base, ours, theirs, {"as_of": Side.THEIRS, "known_at": Side.THEIRS}).definition == theirs
    assert merge(base, base, theirs).definition == theirs


def test_filters_and_tags_and_texts() -> None:
    base = says(UP, tags=("a", "b"), curves=CurveFilter(markets=("EU",)), description="old")
    ours = replace(base, name="Ours", tags=("a", "c"), curves=CurveFilter(markets=("EU",), vendors=("EUGP",)))
    theirs = replace(base, name="Theirs", tags=("b", "d"), curves=CurveFilter(markets=("UK",)), description="new")
    found = merge(base, ours, theirs)
    assert found.conflicts == []
    assert found.definition == replace(
        ours, tags=("c", "d"), curves=CurveFilter(markets=("UK",), vendors=("EUGP",)), description="new"
    )
    assert told(found) == ["description", "filter.markets", "tags"]
    assert paths(merge(base, replace(base, description="other"), theirs)) == ["description"]


SOME = st.lists(st.sampled_from([UP, HIGHER, LATER, FOLLOW, CARBON_UP, document("scale", percent=1.0)]), max_size=5)
ANY = st.builds(lambda found: says(*found) if found else Definition("Gas up"), SOME)


@given(base=ANY, one=ANY)
def test_a_side_that_changed_nothing_loses_nothing(base: Definition, one: Definition) -> None:
    for ours, theirs in ((one, base), (base, one), (one, one)):
        found = merge(base, ours, theirs)
        assert (found.definition, found.conflicts) == (one, [])


@given(base=ANY, ours=ANY, theirs=ANY)
def test_who_takes_one_side_of_every_conflict_has_none_left(
    base: Definition, ours: Definition, theirs: Definition
) -> None:
    open_ = merged(base, ours, theirs, {})
    for side in Side:
        found = merged(base, ours, theirs, {each.path: side for each in open_.conflicts})
        assert [each.path for each in found.conflicts] in ([], ["drivers.order"])


AT = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [((2, 2), (1, 3), (1, 1)), ((2, 3), (1, 4), (2, 2)), ((2, 2), (3, 1), (1, 1)), ((4, 1), (1, 3), None)],
)
def test_the_common_version_is_the_newest_that_both_come_from(one: Any, other: Any, expected: Any) -> None:
    """Scenario 2 branches from 1 in version 1, and was merged back as version 2 into version 4; 3 branches too."""
    of: dict[Any, list[Any]] = {
        (1, 1): [], (1, 2): [(1, 1)], (1, 3): [(1, 2)], (1, 4): [(1, 3), (2, 2)], (2, 1): [(1, 1)], (2, 2): [(2, 1)],
        (2, 3): [(2, 2)], (3, 1): [(1, 1)], (4, 1): [],
    }  # fmt: skip
    origins = {key: Origin(AT, all_) for key, all_ in of.items()}
    assert common_version(origins, one, other) == common_version(origins, other, one) == expected
