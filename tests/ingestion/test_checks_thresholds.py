"""Thresholds: which one a curve has, and what is refused."""

from __future__ import annotations

import json
from dataclasses import fields
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aurum.errors import InvalidInput
from aurum.ingestion.checks import CHECKS, Limits, Thresholds, check, withheld
from aurum.parsers.model import Severity
from tests.ingestion.test_checks_samples import FRIDAY, TTF, codes, eugp, moved, only, row_of, rp

NBP = "eugp:uk/nbp/gas"


def test_the_narrower_wins() -> None:
    thresholds = Thresholds.from_dict(
        {
            "default": {"outlier_score": 11, "mid_tolerance": 0.1},
            "vendors": {"eugp": {"outlier_score": 12}},
            "curves": {
                "eugp:*": {"outlier_score": 13, "stale_days": 2},
                "EUGP:EU/*": {"outlier_score": 14},
                TTF: {"outlier_score": 15},
            },
        }
    )
    assert thresholds.of("PW").outlier_score == 11
    assert thresholds.of("EUGP").outlier_score == 12
    assert thresholds.of("EUGP", NBP).outlier_score == 13
    assert thresholds.of("EUGP", "eugp:eu/german/gas").outlier_score == 14
    assert thresholds.of("EUGP", TTF).outlier_score == 15
    assert (thresholds.of("EUGP", TTF).stale_days, thresholds.of("EUGP", TTF).mid_tolerance) == (2, 0.1)
    assert thresholds.of("RP", "rp:us/x/y") == thresholds.of("RP")


def test_severities_are_set_one_by_one() -> None:
    thresholds = Thresholds.from_dict(
        {
            "default": {"severities": {"STALE_CURVE": "INFO", "CURVE_NEW": "INFO"}},
            "vendors": {"RP": {"severities": {"STALE_CURVE": "OFF"}}},
        }
    )
    assert thresholds.of("RP").severities == {"STALE_CURVE": "OFF", "CURVE_NEW": "INFO"}
    assert thresholds.of("PW").severities["STRIP_NOT_MEAN"] == "WARNING"
    assert thresholds.of("PW").severities["STALE_CURVE"] == "INFO"


def test_a_check_can_be_off_or_more_or_less_severe_for_a_curve() -> None:
    parsed = moved(moved(eugp(), row_of(eugp(), TTF), 4, 500.0), row_of(eugp(), NBP), 4, 500.0)
    off = Thresholds.from_dict({"curves": {TTF: {"severities": {"MID_OUTSIDE_QUOTE": "OFF"}}}})
    assert set(withheld(check(parsed))) == {TTF, NBP}
    assert set(withheld(check(parsed, thresholds=off))) == {NBP}
    tolerant = Thresholds.from_dict({"curves": {"eugp:uk/*": {"mid_tolerance": 1000}}})
    gone = withheld(check(parsed, thresholds=tolerant))
    assert gone[NBP] != (4,), "strips and spreads contradict it still, and nothing tells which number is wrong"
    assert gone[TTF] == (4,)
    milder = Thresholds.from_dict({"default": {"severities": {"MID_OUTSIDE_QUOTE": "WARNING"}}})
    flags = check(parsed, thresholds=milder)
    assert withheld(flags) == {}
    assert {flag.finding.severity for flag in flags} == {Severity.WARNING}
    stricter = Thresholds.from_dict({"vendors": {"RP": {"severities": {"IDENTICAL_CURVES": "ERROR"}}}})
    assert len(withheld(check(rp(), thresholds=stricter))) == 2


def test_a_vendor_whose_months_begin_elsewhere_is_not_refused_for_it() -> None:
    later = type(eugp())(**{**_fields(eugp()), "as_of": FRIDAY.replace(month=1)})
    assert check(later)[0].whole_file
    thresholds = Thresholds.from_dict({"vendors": {"EUGP": {"severities": {"FIRST_MONTH_WRONG": "OFF"}}}})
    assert not any(flag.whole_file for flag in check(later, thresholds=thresholds))


def _fields(value: Any) -> dict[str, Any]:
    return {field.name: getattr(value, field.name) for field in fields(value)}


def test_a_share_of_wrong_points_refuses_the_file() -> None:
    parsed = moved(eugp(), row_of(eugp(), TTF), 4, 500.0)
    thresholds = Thresholds.from_dict({"default": {"error_share": 0, "error_points": 1}})
    assert codes(check(parsed, thresholds=thresholds)) == ["TOO_MANY_ERRORS", "MID_OUTSIDE_QUOTE"]
    assert only(check(parsed, thresholds=thresholds), "TOO_MANY_ERRORS").whole_file


@pytest.mark.parametrize(
    ("document", "path"),
    [
        ([], "thresholds"),
        ({"vendor": {}}, "thresholds"),
        ({"default": {"outlier": 3}}, "default"),
        ({"default": {"outlier_score": "3"}}, "default.outlier_score"),
        ({"default": {"outlier_score": True}}, "default.outlier_score"),
        ({"default": {"outlier_score": float("nan")}}, "default.outlier_score"),
        ({"default": {"outlier_score": float("inf")}}, "default.outlier_score"),
        ({"default": {"outlier_score": 0}}, "default.outlier_score"),
        ({"default": {"stale_days": 1.5}}, "default.stale_days"),
        ({"default": {"error_share": 1.1}}, "default.error_share"),
        ({"default": None}, "default"),
        ({"vendors": {"R P": {}}}, "vendors"),
        ({"vendors": {"RP": {"mid_tolerance": -1}}}, "vendors.RP.mid_tolerance"),
        ({"curves": {TTF: {"history_days": 3}}}, f"curves.{TTF}.history_days"),
        ({"default": {"severities": {"STALE": "INFO"}}}, "default.severities"),
        ({"default": {"severities": {"STALE_CURVE": "FATAL"}}}, "default.severities"),
        ({"default": {"severities": {"STALE_CURVE": 3}}}, "default.severities"),
        ({"curves": {3: {}}}, "curves"),
    ],
)
def test_what_is_no_threshold_is_refused_with_its_place(document: object, path: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        Thresholds.from_dict(document)
    assert refused.value.details["path"] == path
    assert refused.value.message.startswith(path)


NUMBERS = {field.name: field.metadata for field in fields(Limits) if field.name != "severities"}
WHOLE = {field.name for field in fields(Limits) if isinstance(field.default, int)}
ANYWHERE = [name for name, metadata in NUMBERS.items() if not metadata["file"]]


@st.composite
def values(draw: st.DrawFn, names: list[str]) -> dict[str, Any]:
    chosen = draw(st.lists(st.sampled_from(names), unique=True, max_size=4))
    given_: dict[str, Any] = {}
    for name in chosen:
        low, high = NUMBERS[name]["low"], NUMBERS[name]["high"]
        given_[name] = draw(st.integers(int(low), int(high)) if name in WHOLE else st.floats(low, high))
    severities = st.dictionaries(st.sampled_from(list(CHECKS)), st.sampled_from(["OFF", "INFO", "WARNING", "ERROR"]))
    return given_ | ({"severities": draw(severities)} if draw(st.booleans()) else {})


@given(
    values(list(NUMBERS)),
    st.dictionaries(st.sampled_from(["RP", "EUGP", "ACME"]), values(list(NUMBERS))),
    st.dictionaries(st.sampled_from([TTF, NBP, "rp:*", "*gas"]), values(ANYWHERE)),
)
def test_thresholds_survive_a_journey_through_json(
    default: dict[str, Any], vendors: dict[str, Any], curves: dict[str, Any]
) -> None:
    thresholds = Thresholds.from_dict({"default": default, "vendors": vendors, "curves": curves})
    again = Thresholds.from_dict(json.loads(json.dumps(thresholds.to_dict())))
    assert again == thresholds
    assert again.of("RP", TTF) == thresholds.of("RP", TTF)
    assert again.to_dict() == thresholds.to_dict()


def test_nothing_set_is_the_defaults() -> None:
    assert Thresholds.from_dict({}).of("RP", "rp:x") == Limits()
    assert Thresholds.from_dict({}).of("EUGP").outlier_score == 5, "built in"
    assert Thresholds.from_dict({}) == Thresholds()
