"""Drivers as documents: the same there and back, and what is wrong named by its field."""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest

from aurum.errors import InvalidInput
from aurum.metadata.model import CurveFilter, Search
from aurum.scenarios.documents import MOST_DRIVERS, canonical, read_drivers, read_policy, write_driver, write_policy
from aurum.scenarios.drivers import Limits, Scale
from aurum.scenarios.policies import SHIPPED
from aurum.scenarios.registry import DRIVER_TYPES
from aurum.scenarios.registry.printing import printed
from tests.scenario_curves import GAS, document, drivers, said

UP = document("scale", percent=1)


def test_every_driver_is_the_same_there_and_back() -> None:
    for kind in DRIVER_TYPES.values():
        for driver in drivers(*kind.example.drivers):
            written = write_driver(driver)
            assert drivers(written) == (driver,)
            assert canonical(written) == canonical(write_driver(*drivers(written)))


def test_limits_are_the_same_there_and_back_in_one_order() -> None:
    given = {
        "delivery_start": "2026-10-01", "delivery_end": "2027-04-01", "tenor_types": ["SEASON", "MONTH"],
        "blocks": ["peak", "base"], "curves": {"keys": [GAS], "asset_classes": ["power", "gas"]},
    }  # fmt: skip
    (driver,) = drivers(document("scale", percent=1, limits=given, name="winter"))
    assert write_driver(driver)["payload"] == {
        "name": "winter", "percent": 1.0, "limits": {
            "delivery_start": "2026-10-01", "delivery_end": "2027-04-01", "tenor_types": ["MONTH", "SEASON"],
            "blocks": ["base", "peak"], "curves": {"keys": [GAS], "asset_classes": ["gas", "power"]},
        },
    }  # fmt: skip


def test_what_a_limit_cannot_say_is_not_lost() -> None:
    with pytest.raises(InvalidInput, match="search"):
        write_driver(Scale(percent=1, limits=Limits(curves=CurveFilter(search=Search(())))))


@pytest.mark.parametrize(
    ("wrong", "code", "field", "suggestion"),
    [
        (document("shfit", amount=1), "UNKNOWN_DRIVER", "driver_type", "Is it 'shift'?"),
        ({"payload": {}}, "MISSING_FIELD", "driver_type", None),
        ({**UP, "version": "9"}, "UNKNOWN_VERSION", "version", "Version '1' is the only one."),
        (document("scale"), "MISSING_FIELD", "payload.percent", None),
        (document("scale", percent=1, percnet=2), "UNKNOWN_FIELD", "payload.percnet", "Is it 'percent'?"),
        (document("scale", percent="1"), "WRONG_TYPE", "payload.percent", None),
        (document("scale", percent=True), "WRONG_TYPE", "payload.percent", None),
        (document("scale", percent=-101), "OUT_OF_RANGE", "payload.percent", "Allowed is -100 to 1000000."),
        (document("scale", percent=float("nan")), "OUT_OF_RANGE", "payload.percent", None),
        (document("scale", percent=10**400), "OUT_OF_RANGE", "payload.percent", None),
        (document("shift", amount=1, unit="EUR"), "UNKNOWN_UNIT", "payload.unit", "Such as EUR/MWh."),
        (document("heat_rate", reference=GAS, unit="MWh"), "UNKNOWN_UNIT", "payload.unit", "Such as MMBtu/MWh."),
        (document("fx", base="USD", quote="USD", percent=1), "OUT_OF_RANGE", "payload.quote", None),
        (document("fx", base="USX", quote="EURO", percent=1), "UNKNOWN_CURRENCY", "payload.quote", "Is it 'EUR'?"),
        (document("fuel_curve", fuel="gas", reference_series=GAS), "UNKNOWN_VALUE", "payload.fuel",
         "One of natural_gas, coal, co2, oil."),
        (document("load_growth", annual_growth_pct=1, start_year=2030, end_year=2029), "OUT_OF_RANGE",
         "payload.end_year", None),
        (document("policy", policy_name="x", start_year=1850), "OUT_OF_RANGE", "payload.start_year",
         "Allowed is 1900 to 2100."),
        (document("fleet_change", fleet_id="x", change_type="add", effective_date="2027-13-01", capacity_mw=1),
         "WRONG_TYPE", "payload.effective_date", "Such as 2027-01-01."),
        (document("scale", percent=1, limits={"delivery_start": "2026-01-01", "delivery_end": "2026-01-01"}),
         "EMPTY_WINDOW", "payload.limits.delivery_end", None),
        (document("scale", percent=1, limits={"tenor_types": ["WEEK"]}), "UNKNOWN_VALUE",
         "payload.limits.tenor_types", "One of MONTH, QUARTER, SEASON, CALENDAR, BALANCE."),
        (document("scale", percent=1, limits={"curves": {"key": [GAS]}}), "UNKNOWN_FIELD",
         "payload.limits.curves.key", "Is it 'keys'?"),
        (document("composite", components=[]), "EMPTY", "payload.components", None),
        (document("composite", components=[UP], weights={"1": 2}), "UNKNOWN_FIELD", "payload.weights.1", "One of 0."),
        (document("composite", components=[UP, document("scale")]), "MISSING_FIELD",
         "payload.components.1.payload.percent", None),
        (document("conditional", conditions=[{"curve": GAS}], true_driver=UP), "MISSING_FIELD",
         "payload.conditions.0.delivery_start", None),
        (document("conditional", conditions=[], true_driver=UP), "EMPTY", "payload.conditions", None),
        (document("stochastic", distribution_type="normal", parameters={"mean": 1}, base_driver=UP), "MISSING_FIELD",
         "payload.parameters.std", None),
        (document("stochastic", distribution_type="uniform", parameters={"low": 2, "high": 1}, base_driver=UP),
         "OUT_OF_RANGE", "payload.parameters.high", None),
        (document("time_series", series_type="trend", base_values={"2026-13": 1}), "WRONG_TYPE",
         "payload.base_values.2026-13", "As 2026-01."),
        (document("time_series", series_type="trend", base_values={"2026-01": 1}, seasonal_params={"13": 1}),
         "UNKNOWN_FIELD", "payload.seasonal_params.13", None),
        ("scale", "WRONG_TYPE", "", None),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named_by_its_field(wrong: Any, code: str, field: str, suggestion: str | None) -> None:
    found, issues = read_drivers([UP, wrong])
    assert found == ()
    assert said(issues)[0] == (code, f"drivers.1.{field}".removesuffix("."))
    assert suggestion is None or issues[0].suggestion == suggestion


@pytest.mark.parametrize(
    ("matrix", "why"),
    [
        ({"a": {"a": 1, "b": 0.5}, "b": {"a": 0.4, "b": 1}}, "not symmetric"),
        ({"a": {"a": 0.9}}, "with itself"),
        ({"a": {"a": 1, "b": 0}}, "for every name"),
        ({"a": {"a": 1, "b": 0.9, "c": -0.9}, "b": {"a": 0.9, "b": 1, "c": 0.9}, "c": {"a": -0.9, "b": 0.9, "c": 1}},
         "positive semi-definite: its smallest eigenvalue is -0.8"),
    ],
)  # fmt: skip
def test_what_cannot_be_correlations_is_refused(matrix: dict[str, Any], why: str) -> None:
    given = {"distribution_type": "normal", "parameters": {"mean": 1, "std": 0.1}, "base_driver": UP}
    _, issues = read_drivers([document("stochastic", correlation_matrix=matrix, **given)])
    assert said(issues) == [("NOT_A_CORRELATION", "drivers.0.payload.correlation_matrix")]
    assert why in issues[0].message
    assert drivers(document("stochastic", correlation_matrix={"a": {"a": 1, "b": 1}, "b": {"a": 1, "b": 1}}, **given))


def test_ten_thousand_drivers_are_one_issue_wherever_they_are() -> None:
    inside = document("composite", components=[UP] * MOST_DRIVERS)
    deep = UP
    for _ in range(50):
        deep = document("composite", components=[deep])
    circle: dict[str, Any] = document("composite", components=[])
    circle["payload"]["components"].append(circle)
    for many, code in (
        ([UP] * 10_000, "TOO_MANY_DRIVERS"), ([inside, UP], "TOO_MANY_DRIVERS"), ([inside] * 400, "TOO_MANY_DRIVERS"),
        ([deep], "TOO_DEEP"), ([circle], "TOO_DEEP"),
    ):  # fmt: skip
        found, issues = read_drivers(many)
        assert found == ()
        assert [each.code for each in issues] == [code]


def test_policies_are_made_of_primitives_and_have_versions() -> None:
    shipped = SHIPPED.find("carbon PRICE 90")
    assert shipped is not None
    ours, issues = read_policy({**write_policy(shipped), "version": 2, "effects": [UP]})
    assert ours is not None
    assert not issues
    first = replace(ours, version=1)
    known = SHIPPED.with_own([ours, first])
    assert known.find("Carbon price 90") == ours
    assert known.find("Carbon price 90", 1) == first  # of a name that both have, the tenant's own alone
    assert known.find("Carbon price 90", 3) is None
    assert known.find("Emissions cap") == SHIPPED.find("Emissions cap")
    with pytest.raises(ValueError, match="two versions 2"):
        known.with_own([ours, ours])
    for wrong, code, path in (
        ({"effects": [document("policy", policy_name="x")]}, "NOT_A_PRIMITIVE", "policy.effects"),
        ({"effects": [document("scale")]}, "MISSING_FIELD", "policy.effects.0.payload.percent"),
        ({"effects": []}, "EMPTY", "policy.effects"),
        ({"version": 0}, "OUT_OF_RANGE", "policy.version"),
        ({"name": " "}, "WRONG_TYPE", "policy.name"),
    ):
        found, issues = read_policy({**write_policy(shipped), **wrong})
        assert found is None
        assert said(issues)[0] == (code, path)


def test_the_page_of_drivers_is_printed_from_the_registry() -> None:
    page = Path(__file__).parents[2] / "docs" / "scenarios" / "drivers.md"
    assert page.read_text() == printed(), "python -m aurum.scenarios.registry.printing > docs/scenarios/drivers.md"


def test_parameters_are_those_of_the_driver() -> None:
    for kind in DRIVER_TYPES.values():
        own = {each.name for each in fields(kind.driver)}
        assert own == {each.name for each in kind.parameters} | {"name", "limits"}
