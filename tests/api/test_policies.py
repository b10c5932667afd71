"""What operators configure, through GraphQL: thresholds and expected files, in versions; and how files stand."""

from __future__ import annotations

import asyncio
from datetime import date
from typing import Any

import pytest

from aurum.auth import Principal, Scope, local_principal
from aurum.errors import Conflict
from aurum.ingestion.policies import THRESHOLDS
from aurum.services import Services
from aurum.settings import Settings
from tests.api.conftest import Ask, data
from tests.withheld import EUA, RIVAL, eugp, submission

WORKER = local_principal(Settings().auth, "worker")
SET = """mutation($input: SetPolicyInput!) { %s(input: $input) {
    policy { version document author reason knownFrom } problems { code message hint } } }"""
DELIVERIES = """query($asOf: DateRange, $vendors: [String!]) { fileDeliveries(asOf: $asOf, vendors: $vendors) {
    vendor asOf state dueAt arrivedAt lateBySeconds files { name } } }"""
DATES = """query($range: DateRange, $knownAt: DateTime, $filter: CurveFilter) {
    asOfDates(range: $range, knownAt: $knownAt, filter: $filter) {
        asOf curveCount knownCurveCount completeness lastPublishedAt missingVendors } }"""


async def thresholds(ask: Ask, document: object, **given: Any) -> dict[str, Any]:
    values = {"document": document, "reason": "too many findings", **given}
    payload: dict[str, Any] = (await data(ask, SET % "setCheckThresholds", input=values))["setCheckThresholds"]
    return payload


async def expectations(ask: Ask, document: object, **given: Any) -> dict[str, Any]:
    values = {"document": document, "reason": "they told us", **given}
    payload: dict[str, Any] = (await data(ask, SET % "setFileExpectations", input=values))["setFileExpectations"]
    return payload


# ------------------------------------------------------------------------------------------------- thresholds


async def test_checks_and_their_limits_are_listed(ask: Ask) -> None:
    found = await data(ask, "{ checks { code severity refusesFile } checkLimits { name default least most ofFiles } }")
    checks = {check["code"]: check for check in found["checks"]}
    assert checks["MID_OUTSIDE_QUOTE"] == {"code": "MID_OUTSIDE_QUOTE", "severity": "ERROR", "refusesFile": False}
    assert checks["TOO_MANY_ERRORS"]["refusesFile"] is True
    limits = {limit["name"]: limit for limit in found["checkLimits"]}
    assert limits["mid_tolerance"] == {
        "name": "mid_tolerance", "default": 0.0005, "least": 0, "most": 1e6, "ofFiles": False,
    }  # fmt: skip
    assert limits["history_days"]["ofFiles"] is True
    assert all(limit["least"] <= limit["default"] <= limit["most"] for limit in limits.values())


async def test_thresholds_that_fit_no_curve_are_set_with_a_warning(ask: Ask, services: Services) -> None:
    """They may be for a curve that comes later, or a slip."""
    await services.ingestion.ingest(WORKER, submission(eugp()))
    document = {
        "curves": {key: {"mid_tolerance": 0.01} for key in (EUA, "eugp:*", "*/carbon", "eugp:eu/eua/gas", "pw:*")}
    }
    query = SET.replace("problems {", "warnings { code message field hint } problems {")
    given = {"document": document, "reason": "tighter"}
    payload = (await data(ask, query % "setCheckThresholds", input=given))["setCheckThresholds"]
    assert (payload["policy"]["version"], payload["problems"]) == (1, [])
    assert [(each["code"], each["message"], each["field"]) for each in payload["warnings"]] == [
        ("FITS_NO_CURVE", f"curves.{key} fits no curve that there is", "document")
        for key in ("eugp:eu/eua/gas", "pw:*")
    ]
    refused = {"document": {"curves": {"pw:*": {"no": 1}}}, "reason": "a slip"}
    payload = (await data(ask, query % "setCheckThresholds", input=refused))["setCheckThresholds"]
    assert (len(payload["problems"]), payload["warnings"]) == (1, [])
    expected = {"document": {}, "reason": "none"}
    payload = (await data(ask, query % "setFileExpectations", input=expected))["setFileExpectations"]
    assert (payload["problems"], payload["warnings"]) == ([], [])


async def test_thresholds_are_changed_in_versions_that_are_kept(ask: Ask) -> None:
    shipped = (await data(ask, "{ checkThresholds { version document author knownFrom } }"))["checkThresholds"]
    assert shipped == [{"version": 0, "document": {}, "author": "Aurum", "knownFrom": None}]
    document = {"default": {"outlier_score": 12}, "vendors": {"pw": {"severities": {"STRIP_NOT_MEAN": "ERROR"}}},
                "curves": {"EUGP:EU/EUA/*": {"mid_tolerance": 0.01}}}  # fmt: skip
    payload = await thresholds(ask, document, replaces=0)
    assert payload["problems"] == []
    policy = payload["policy"]
    assert (policy["version"], policy["author"], policy["reason"]) == (1, "developer", "too many findings")
    assert policy["document"]["default"] == {"outlier_score": 12.0}
    assert list(policy["document"]["vendors"]) == ["PW"]
    assert (await thresholds(ask, policy["document"], replaces=1))["policy"]["document"] == policy["document"]
    assert (await thresholds(ask, {}))["policy"]["version"] == 3
    kept = (await data(ask, "{ checkThresholds { version document } }"))["checkThresholds"]
    assert [each["version"] for each in kept] == [3, 2, 1, 0]
    assert kept[2]["document"] == policy["document"]


async def test_who_edits_an_old_version_is_told_what_has_come_since(ask: Ask) -> None:
    await thresholds(ask, {"default": {"outlier_score": 12}}, replaces=0)
    payload = await thresholds(ask, {"default": {"outlier_score": 14}}, replaces=0)
    assert payload["policy"] is None
    (problem,) = payload["problems"]
    assert (problem["code"], problem["message"]) == ("CONFLICT", "version 1 has come since version 0, from developer")
    assert (await thresholds(ask, {}, replaces=7))["problems"][0]["code"] == "CONFLICT"
    assert len((await data(ask, "{ checkThresholds { version } }"))["checkThresholds"]) == 2


async def test_of_two_who_edit_the_same_version_at_once_one_wins(services: Services) -> None:
    policies = services.ingestion.policies
    answers = await asyncio.gather(
        *(policies.set_thresholds(WORKER, {}, "at once", replaces=0) for _ in range(4)), return_exceptions=True
    )
    assert sorted(type(answer).__name__ for answer in answers) == ["Conflict", "Conflict", "Conflict", "Policy"]
    assert all(isinstance(answer, Conflict) for answer in answers if isinstance(answer, Exception))
    await asyncio.gather(*(policies.set_thresholds(WORKER, {}, "one after the other") for _ in range(4)))
    versions = [policy.version for policy in await policies.versions(WORKER, THRESHOLDS)]
    assert versions == [5, 4, 3, 2, 1, 0]


NO_THRESHOLDS: list[tuple[object, str]] = [
    ([], "thresholds: an object is due"),
    ("{}", "thresholds: an object is due"),
    ({"defaults": {}}, "thresholds: unknown defaults"),
    ({"default": {"outlier": 1}}, "default: unknown outlier"),
    ({"default": {"outlier_score": "12"}}, "default.outlier_score: a number is due"),
    ({"default": {"outlier_score": True}}, "default.outlier_score: a number is due"),
    ({"default": {"outlier_score": 0.5}}, "default.outlier_score: 0.5 is not between 1 and 1e+06"),
    ({"default": {"history_days": 1.5}}, "default.history_days: a whole number is due"),
    ({"vendors": {"E/U": {}}}, "no name of a vendor"),
    ({"vendors": {"eugp": {}, "EUGP": {}}}, "named twice"),
    ({"vendors": {"EUGP": {"severities": {"NOPE": "OFF"}}}}, "vendors.EUGP.severities: unknown NOPE"),
    ({"vendors": {"EUGP": {"severities": {"STALE_CURVE": "off"}}}}, "'off' is no severity"),
    ({"curves": {EUA: {"history_days": 3}}}, f"curves.{EUA}.history_days is about whole files"),
    ({"curves": {EUA: {}, EUA.upper(): {}}}, "named twice"),
    ({"curves": {EUA: 3}}, f"curves.{EUA}: an object is due"),
]


async def test_thresholds_that_are_none_are_refused_with_their_path(ask: Ask) -> None:
    for document, said in NO_THRESHOLDS:
        payload = await thresholds(ask, document)
        assert payload["policy"] is None
        (problem,) = payload["problems"]
        assert problem["code"] == "BAD_USER_INPUT"
        assert said in problem["message"]
    assert len((await data(ask, "{ checkThresholds { version } }"))["checkThresholds"]) == 1


async def test_a_reason_is_due_for_every_change(ask: Ask) -> None:
    for change in (thresholds, expectations):
        for reason in ("", "   ", "x" * 2001):
            payload = await change(ask, {}, reason=reason)
            assert (payload["policy"], payload["problems"][0]["code"]) == (None, "BAD_USER_INPUT")


async def test_the_limits_in_force_are_those_of_the_narrowest_rule(ask: Ask) -> None:
    await thresholds(
        ask,
        {"default": {"outlier_score": 12}, "vendors": {"EUGP": {"stale_days": 3}},
         "curves": {"eugp:eu/*": {"stale_days": 4}, EUA: {"severities": {"STALE_CURVE": "OFF"}}}},
    )  # fmt: skip
    query = 'query($key: String) { effectiveLimits(vendor: " eugp ", curveKey: $key) }'
    for key, days, stale in [(None, 3, "WARNING"), ("eugp:eu/dutch_ttf/gas", 4, "WARNING"), (EUA.upper(), 4, "OFF")]:
        limits = (await data(ask, query, key=key))["effectiveLimits"]
        assert (limits["outlier_score"], limits["stale_days"], limits["severities"]["STALE_CURVE"]) == (12, days, stale)
        assert limits["mid_tolerance"] == 0.0005


async def test_thresholds_are_the_tenants_own(ask: Ask, services: Services) -> None:
    await services.ingestion.policies.set_thresholds(RIVAL, {"default": {"outlier_score": 99}}, "theirs")
    limits = await data(ask, '{ effectiveLimits(vendor: "RP") checkThresholds { version } }')
    assert (limits["effectiveLimits"]["outlier_score"], len(limits["checkThresholds"])) == (10, 1)
    assert (await thresholds(ask, {}, replaces=0))["policy"]["version"] == 1


# ------------------------------------------------------------------------------------------------- expected files


async def test_expected_files_are_changed_in_versions_and_refused_with_their_path(ask: Ask) -> None:
    payload = await expectations(ask, {"vendors": {"pw": {"time_zone": "Europe/London", "due": "18:00"}}}, replaces=0)
    assert payload["policy"]["document"] == {"vendors": {"PW": {"time_zone": "Europe/London", "due": "18:00"}}}
    for document, said in [
        ({"vendors": {"SIMPLE": {}}}, "vendors.SIMPLE: time_zone and due is missing"),
        ({"vendors": {"EUGP": {"due": "24:00"}}}, "vendors.EUGP.due: a time like 18:00 is due"),
        ({"vendors": {"EUGP": {"closed": ["2025-02-30"]}}}, "vendors.EUGP.closed[0]: a date like"),
        ({"vendors": {"EUGP": {"calendar": "MOON"}}}, "no known calendar"),
        ({"vendors": {"eugp": {}, "EUGP": {}}}, "named twice"),
        ({"vendor": {}}, "unknown vendor"),
    ]:
        (problem,) = (await expectations(ask, document))["problems"]
        assert said in problem["message"], problem
    assert (await expectations(ask, {}, replaces=0))["problems"][0]["code"] == "CONFLICT"
    versions = (await data(ask, "{ fileExpectations { version document } }"))["fileExpectations"]
    assert [each["version"] for each in versions] == [1, 0]


@pytest.fixture
async def week(services: Services) -> Services:
    """EUGP's files of Monday, Tuesday, Wednesday (with a correction) and Friday long past, loaded today."""
    for day in (10, 11, 12, 14):
        await services.ingestion.ingest(WORKER, submission(eugp(date(2025, 2, day))))
    await services.ingestion.ingest(WORKER, submission(eugp(published="2025-02-13 07:40", AW13=999.0)))
    return services


@pytest.mark.usefixtures("week")
async def test_deliveries_say_what_is_filled_in_and_what_lacks(ask: Ask) -> None:
    days = {"first": "2025-02-10", "last": "2025-02-17"}
    found = (await data(ask, DELIVERIES, asOf=days, vendors=["eugp", "NOBODY"]))["fileDeliveries"]
    assert [(each["asOf"], each["state"], len(each["files"])) for each in found] == [
        ("2025-02-10", "BACKFILLED", 1), ("2025-02-11", "BACKFILLED", 1), ("2025-02-12", "BACKFILLED", 2),
        ("2025-02-13", "MISSING", 0), ("2025-02-14", "BACKFILLED", 1),
    ]  # fmt: skip
    assert found[3]["dueAt"] == "2025-02-13T23:00:00+00:00"
    assert found[3]["lateBySeconds"] > 0
    assert found[2]["files"][0]["name"] == "EOD_EUGP_20250212_2215.xlsx"
    assert (await data(ask, DELIVERIES, asOf=days, vendors=[]))["fileDeliveries"] == []
    await every_range_is_answered(ask)


async def every_range_is_answered(ask: Ask) -> None:
    """Or refused with a code."""
    for days in (
        None, {}, {"last": "0001-01-05"}, {"first": "0001-01-01", "last": "0001-02-01"}, {"first": "9999-12-01"},
        {"last": "9999-12-31"}, {"first": "9999-12-01", "last": "9999-12-31"},
        {"first": "2025-02-14", "last": "2025-02-10"}, {"first": "2101-01-01", "last": "2101-02-01"},
    ):  # fmt: skip
        for query, variables in ((DELIVERIES, {"asOf": days}), (DATES, {"range": days})):
            answer = await ask(query, **variables)
            assert {error["extensions"]["code"] for error in answer.get("errors", ())} <= {"BAD_USER_INPUT"}, answer
    answer = await ask(DELIVERIES, asOf={"first": "2015-01-01", "last": "2025-01-01"})
    assert answer["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"


@pytest.mark.usefixtures("week")
async def test_dates_tell_whoever_reads_curves_of_days_that_lack_a_file(
    ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    days = (await data(ask, DATES))["asOfDates"]
    until = [day for day in days if day["asOf"] <= "2025-02-14"]
    assert [(day["asOf"], day["curveCount"], day["completeness"], day["missingVendors"]) for day in until] == [
        ("2025-02-10", 83, 1, []), ("2025-02-11", 83, 1, []), ("2025-02-12", 83, 1, []),
        ("2025-02-13", 0, 0, ["EUGP"]), ("2025-02-14", 83, 1, []),
    ]  # fmt: skip
    assert until[3]["lastPublishedAt"] is None
    assert until[3]["knownCurveCount"] == 83
    assert (await data(ask, DATES, filter={"vendors": ["RP"]}))["asOfDates"] == []
    await dates_as_they_were_known_contradict_nothing(ask)
    trader = Principal(WORKER.tenant, "trader", frozenset({Scope.CURVES_READ}))
    monkeypatch.setattr("aurum.app.authenticate", lambda *_: trader)
    assert (await data(ask, DATES))["asOfDates"] == days


async def dates_as_they_were_known_contradict_nothing(ask: Ask) -> None:
    """What the vendor had published by then is known, and its file is not missing; what was not due is not missing."""
    for known_at, expected in [
        ("2025-02-11T12:00:00Z", [("2025-02-10", [])]),
        (
            "2025-02-14T12:00:00Z",
            [("2025-02-10", []), ("2025-02-11", []), ("2025-02-12", []), ("2025-02-13", ["EUGP"])],
        ),
    ]:
        days = (await data(ask, DATES, knownAt=known_at))["asOfDates"]
        assert [(day["asOf"], day["missingVendors"]) for day in days] == expected
    now = (await data(ask, DATES))["asOfDates"]
    for known_at in ("2199-01-01T00:00:00Z", "9999-12-31T23:59:59Z"):
        assert (await data(ask, DATES, knownAt=known_at))["asOfDates"] == now
    assert (await data(ask, DATES, knownAt="0001-01-01T00:00:00Z"))["asOfDates"] == []
