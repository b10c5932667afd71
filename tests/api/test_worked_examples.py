"""Every driver on a vendor's real day, worked out in decimals beside what GraphQL answers, on both databases."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from aurum.auth import local_principal
from aurum.ingestion.service import Submission
from aurum.scenarios.runs.execution import execute
from aurum.services import Services
from aurum.settings import Settings
from tests.api.conftest import Ask, said
from tests.api.test_scenario_runs import CREATE, claimed, queued

TTF, POWER, CARBON, NBP = "eugp:eu/dutch_ttf/gas", "eugp:eu/german/power/base", "eugp:eu/eua/carbon", "eugp:uk/nbp/gas"
Prices = Mapping[str, Mapping[str, Decimal]]  # by curve and month
Expected = Callable[[Prices, str], Decimal]
Worked = tuple[list[dict[str, Any]], Mapping[str, Expected]]
READ = """
query($key: String!, $run: ID) { curve(key: $key) { snapshot(scenarioRun: $run) {
  points(tenorTypes: [MONTH]) { deliveryStart mid } } } }
"""
PARTS = """
query($id: ID!) { scenarioRun(id: $id) { curves(moved: true) { nodes { curve { key }
  base { columns { mid } } snapshot { columns { mid } points(tenorTypes: [MONTH]) { deliveryStart } }
  contributions { amount } shapleyContributions { amount } } } } }
"""
COMPARED = """
query($runs: [ID!]!) { compareRuns(runs: $runs, bucket: QUARTER) { differences(first: 500) {
  curve { key } label spread values { base value } } } }
"""
DIGESTS = "query($id: ID!) { scenarioRun(id: $id) { outputDigest } }"
DIGEST = "b48dc05c6025a77686b865a5257c8ea5792f5015cbfb80aa18935dc52f0a16c9"


def driver(type_: str, *keys: str, since: str | None = None, **payload: Any) -> dict[str, Any]:
    limits: dict[str, Any] = {"curves": {"keys": list(keys)}} if keys else {}
    return {type_: payload | {"limits": limits | ({"deliveryStart": since} if since else {})}}


def named(**numbers: float) -> list[dict[str, Any]]:
    return [{"name": name.strip("_").replace("__", "-"), "value": value} for name, value in numbers.items()]


def year(month: str) -> int:
    return int(month[:4])


def after(month: str, first: str) -> int:
    return 12 * (year(month) - year(first)) + int(month[5:]) - int(first[5:])


def by(percent: str) -> Expected:
    """Gas, moved by a percentage."""
    return lambda base, month: base[TTF][month] * (1 + Decimal(percent) / 100)


def winter(base: Prices, month: str) -> Decimal:
    """20 % from 16 November 2025 on: half of that month's 30 days."""
    share = Decimal(0) if month < "2025-11" else Decimal("0.5") if month == "2025-11" else Decimal(1)
    return base[TTF][month] * (1 + Decimal("0.2") * share)


def retired(base: Prices, month: str) -> Decimal:
    """2 GW from 16 July 2025 on, 1 % each: 16 of the 31 days of July."""
    share = Decimal(0) if month < "2025-07" else Decimal(16) / 31 if month == "2025-07" else Decimal(1)
    return base[POWER][month] * (1 + Decimal("0.02") * share)


def grown(base: Prices, month: str) -> Decimal:
    return base[POWER][month] * (1 + Decimal("1.5") * (Decimal("1.02") ** (year(month) - 2025 + 1) - 1))


def seasonal(base: Prices, month: str) -> Decimal:
    """From July 2025 on for 24 months: 3 in Julys, 5 in Decembers, and 0.1 a month on top; twice in Decembers."""
    since = after(month, "2025-07")
    if not 0 <= since < 24:
        return base[TTF][month]
    pattern = {"07": Decimal(3), "12": Decimal(5)}.get(month[5:], Decimal(0))
    return base[TTF][month] + (pattern + Decimal("0.1") * since) * (2 if month.endswith("-12") else 1)


def at_90(base: Prices, month: str) -> Decimal:
    return Decimal(90)


def follows_carbon(base: Prices, month: str) -> Decimal:
    return base[POWER][month] + Decimal("0.404") * (90 - base[CARBON][month])


def policy(price: Expected, key: str) -> Expected:
    return lambda base, month: price(base, month) if year(month) >= 2027 else base[key][month]


UP_10, UP_20 = driver("scale", TTF, percent=10), driver("scale", TTF, percent=20)
CARBON_90 = driver("replace", CARBON, price=90, unit="EUR/tCO2")
EXAMPLES: dict[str, Worked] = {
    "shift": (
        [driver("shift", NBP, amount=5, unit="GBP/MWh")],  # a MWh has 34.12141633 therms, a pound 100 pence
        {NBP: lambda base, month: base[NBP][month] + 500 / (Decimal(3600) / Decimal("1055.05585262") * 10)},
    ),
    "scale": ([driver("scale", TTF, since="2025-11-16", percent=20)], {TTF: winter}),
    "replace": ([CARBON_90], {CARBON: at_90}),
    "basis": (
        [UP_20, driver("basis", POWER, reference=TTF, factor=-0.5)],
        {TTF: by("20"), POWER: lambda base, month: base[POWER][month] - Decimal("0.1") * base[TTF][month]},
    ),
    "heat rate": (
        [UP_20, driver("heatRate", POWER, reference=TTF, heatRate=1.9)],
        {TTF: by("20"), POWER: lambda base, month: base[POWER][month] + Decimal("0.38") * base[TTF][month]},
    ),
    "emission": ([CARBON_90, driver("emission", POWER, reference=CARBON)], {CARBON: at_90, POWER: follows_carbon}),
    "fx": ([driver("fx", TTF, base="USD", quote="EUR", percent=10, passThrough=0.5)], {TTF: by("5")}),
    "policy": (
        [driver("policy", CARBON, POWER, policyName="Carbon price 90", startYear=2027)],
        {CARBON: policy(at_90, CARBON), POWER: policy(follows_carbon, POWER)},
    ),
    "load growth": ([driver("loadGrowth", POWER, annualGrowthPct=2, elasticity=1.5, startYear=2025)], {POWER: grown}),
    "fuel curve": (
        [driver("fuelCurve", POWER, fuel="NATURAL_GAS", referenceSeries=TTF, basisPointsAdjustment=1000)],
        {TTF: by("10"), POWER: lambda base, month: base[POWER][month] + Decimal("0.2") * base[TTF][month]},
    ),
    "fleet change": (
        [driver("fleetChange", POWER, fleetId="x", changeType="RETIRE", effectiveDate="2025-07-16", capacityMw=2000)],
        {POWER: retired},
    ),
    "composite": (
        [driver("composite", components=[UP_10, UP_20], compositionType="ADDITIVE", weights=named(_0=1, _1=0.5)),
         driver("composite", components=[UP_10, UP_20], compositionType="MULTIPLICATIVE")],
        {TTF: lambda base, month: base[TTF][month] * Decimal("1.2") * Decimal("1.1") * Decimal("1.2")},
    ),
    "stochastic": (
        [driver("stochastic", distributionType="TRIANGULAR", baseDriver=UP_20,
                parameters=named(low=0, mode=0.5, high=4))],
        {TTF: by("30")},  # the mean is 1.5
    ),
    "time series": (
        [driver("timeSeries", TTF, seriesType="SEASONAL", baseValues=[{"name": "2025-07", "value": 3},
                {"name": "2025-12", "value": 5}], trendParams=named(slope_per_month=0.1), seasonalParams=named(_12=2),
                forecastHorizon=24, unit="EUR/MWh")],
        {TTF: seasonal},
    ),
}  # fmt: skip


@pytest.fixture(autouse=True)
def _no_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    """The tests are the workers."""
    monkeypatch.setenv("AURUM_SCENARIOS__PROCESSES", "0")


@pytest.fixture
async def real(services: Services, vendor_files: Path) -> Services:
    file = vendor_files / "EOD_EUGP_20250213_1430.xlsx"
    us = local_principal(Settings().auth, "test")
    await services.ingestion.ingest(us, Submission(file.read_bytes(), file.name, "test"))
    return services


async def priced(ask: Ask, run: str | None = None) -> Prices:
    found = {}
    for key in (TTF, POWER, CARBON, NBP):
        points = (await said(ask, READ, key=key, run=run))["snapshot"]["points"]
        found[key] = {each["deliveryStart"][:7]: Decimal(each["mid"]) for each in points if each["mid"] is not None}
    return found


async def ran(ask: Ask, services: Services, name: str, *drivers: dict[str, Any]) -> str:
    given = {"name": name, "drivers": list(drivers), "filter": {"keys": [TTF, POWER, CARBON, NBP]}}
    made = await said(ask, CREATE, input=given)
    assert made["problems"] == [], name
    id_ = await queued(ask, str(made["scenario"]["id"]))
    await execute(services.scenario_runs, await claimed(services))
    return id_


async def test_every_driver_does_what_it_says(real: Services, ask: Ask) -> None:
    base, digests = await priced(ask), []
    for name, (drivers, expected) in EXAMPLES.items():
        run = await ran(ask, real, name, *drivers)
        found = await priced(ask, run)
        for key, prices in base.items():
            worked = expected.get(key, lambda base, month, key=key: base[key][month])
            wanted = {month: worked(base, month) for month in prices if month in base[TTF] and month in base[CARBON]}
            assert {month: float(found[key][month]) for month in wanted} == pytest.approx(
                {month: float(price) for month, price in wanted.items()}, rel=1e-13, abs=1e-13
            ), (name, key)
        digests.append((await said(ask, DIGESTS, id=run))["outputDigest"])
    assert hashlib.sha256("".join(digests).encode()).hexdigest() == DIGEST


@pytest.mark.parametrize(("above", "percent"), [("0.999", "10"), ("1.001", "-10")])
async def test_a_condition_reads_the_mean_of_its_months(real: Services, ask: Ask, above: str, percent: str) -> None:
    base = await priced(ask)
    months = ("2025-12", "2026-01", "2026-02")
    level = float(Decimal(above) * sum((base[TTF][month] for month in months), start=Decimal(0)) / 3)
    condition = {"curve": TTF, "deliveryStart": "2025-12-01", "deliveryEnd": "2026-03-01", "comparison": "AT_LEAST",
                 "level": level, "unit": "EUR/MWh"}  # fmt: skip
    down = driver("scale", TTF, percent=-10)
    run = await ran(ask, real, "if", driver("conditional", conditions=[condition], trueDriver=UP_10, falseDriver=down))
    found = (await priced(ask, run))[TTF]
    assert [float(each) for each in found.values()] == pytest.approx(
        [float(by(percent)(base, month)) for month in found], rel=1e-13
    )


async def test_what_drivers_did_adds_up_and_buckets_are_means_of_months(real: Services, ask: Ask) -> None:
    """Gas up 20 %, power after it by 2: neither does anything to power without the other, and so each has half."""
    base = await priced(ask)
    run = await ran(ask, real, "attributed", UP_20, driver("heatRate", POWER, reference=TTF, heatRate=2), UP_10)
    for curve in (await said(ask, PARTS, id=run))["curves"]["nodes"]:
        after_, before = (curve[name]["columns"]["mid"] for name in ("snapshot", "base"))
        for form in ("contributions", "shapleyContributions"):
            parts = zip(*(each["amount"] for each in curve[form]), strict=True)
            for now, was, amounts in zip(after_, before, parts, strict=True):
                assert sum(amounts, start=0.0) == now - was
                assert abs(sum(map(Fraction, amounts)) - (Fraction(now) - Fraction(was))) <= Fraction(1, 10**13)
    (power,) = (each for each in (await said(ask, PARTS, id=run))["curves"]["nodes"] if each["curve"]["key"] == POWER)
    gas, month = base[TTF], power["snapshot"]["points"][1]["deliveryStart"][:7]
    assert [each["amount"][1] for each in power["shapleyContributions"]] == pytest.approx(
        [float(Decimal("0.2") * gas[month])] * 2
    )  # what follows later does not move power: 40 % of gas, by halves

    quarter = ("2025-07", "2025-08", "2025-09")
    found = (await said(ask, COMPARED, runs=[run]))["differences"]
    (summer,) = (each for each in found if (each["curve"]["key"], each["label"]) == (TTF, "Q3 2025"))
    mean = sum((gas[each] for each in quarter), start=Decimal(0)) / 3
    assert (summer["values"][0]["base"], summer["values"][0]["value"], summer["spread"]) == pytest.approx(
        (float(mean), float(mean * Decimal("1.32")), float(mean * Decimal("0.32"))), rel=1e-13
    )
