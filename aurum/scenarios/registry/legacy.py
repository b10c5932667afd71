"""The eight driver types of the legacy API, by their names and required fields there, in terms of the primitives."""

from __future__ import annotations

from aurum.scenarios.drivers import (
    Composite,
    Composition,
    Conditional,
    Distribution,
    FleetChange,
    FleetChangeType,
    Fuel,
    FuelCurve,
    LoadGrowth,
    Logic,
    Policy,
    SeriesType,
    Stochastic,
    TimeSeries,
)
from aurum.scenarios.registry.curves import CARBON, GAS, POWER
from aurum.scenarios.registry.primitives import RATE
from aurum.scenarios.registry.types import DriverType, Example, Parameter, ParameterKind

K = ParameterKind
_GAS_ONLY = {"curves": {"keys": [GAS]}}
_UP_20 = {"driver_type": "scale", "payload": {"percent": 20, "limits": _GAS_ONLY}}
_UP_10 = {"driver_type": "scale", "payload": {"percent": 10, "limits": _GAS_ONLY}}
_REGION = Parameter("region", K.TEXT, "an ISO, market, region or location as curves name it; null: all")


def _year(name: str, description: str) -> Parameter:
    return Parameter(name, K.INTEGER, description, "year", 1900, 2100)


POLICY = DriverType(
    "policy", "1", Policy, "A named policy of the registry, in one of its versions.",
    "its primitives, one after another, from 1 January of `start_year` on",
    (
        Parameter("policy_name", K.TEXT, "as the registry has it, in any case; another one is refused"),
        _year("start_year", "the first year of delivery that it moves; null: all deliveries"),
        Parameter("description", K.TEXT, "kept, not acted upon"),
        Parameter("policy_version", K.INTEGER, "null: the newest", None, 1, 1_000_000),
    ),
    Example(
        ({"driver_type": "policy", "payload": {"policy_name": "Carbon price 90", "start_year": 2027}},),
        {CARBON: (70.0, 70.0, 90.0, 90.0), POWER: (80.0, 90.0, 108.08, 108.08)},
    ),
)  # fmt: skip
LOAD_GROWTH = DriverType(
    "load_growth", "1", LoadGrowth, "Prices of power in a region move with its load.",
    "new = old + elasticity x ((1 + annual_growth_pct / 100)^n - 1) x old, n = year of delivery - start_year + 1, "
    "from `start_year` on; after `end_year` as in it. With `reference_curve_key` that curve moves so, and the others "
    "by the same money. The elasticity of 1 is a convention",
    (
        Parameter("annual_growth_pct", K.NUMBER, "growth of load", "% a year", -50.0, 100.0),
        _REGION,
        _year("start_year", "the first year of growth; null: the as-of's"),
        _year("end_year", "the last year of growth; null: as far as the curves go"),
        Parameter("reference_curve_key", K.CURVE, "whose move in money the others take; null: each by its percentage"),
        Parameter("elasticity", K.NUMBER, "% of price for 1 % of load", "1", -100.0, 100.0),
    ),
    Example(
        ({"driver_type": "load_growth", "payload": {"annual_growth_pct": 2, "elasticity": 1.5}},),
        {POWER: (82.4, 92.7, 106.06, 106.06)},
    ),
)  # fmt: skip
FUEL_CURVE = DriverType(
    "fuel_curve", "1", FuelCurve, "A fuel's curve moves, and prices of power in its market follow.",
    "fuel: new = old + basis_points_adjustment / 10,000 x old; power of the same market: new = old + pass_through x "
    "consumption x the fuel's move in this driver, for the same delivery. `limits` of curves are about the power",
    (
        Parameter("fuel", K.CHOICE, "what it is", choices=Fuel),
        Parameter("reference_series", K.CURVE, "its curve"),
        Parameter("basis_points_adjustment", K.NUMBER, "1 is 0.01 % of the price", "bp", -10_000.0, 1e6),
        Parameter("consumption", K.NUMBER, "fuel or emission for one of power; null: as the table of fuels says",
                  "of `unit`", 0.0, 1000.0, above=True),
        Parameter("unit", K.RATIO, "of the consumption; null: the fuel's in the table of fuels"),
        Parameter("pass_through", K.NUMBER, "the share that reaches the price of power; 0: it does not follow", "1",
                  0.0, 1.0),
        RATE,
    ),
    Example(
        ({"driver_type": "fuel_curve", "payload": {
            "fuel": "natural_gas", "reference_series": GAS, "basis_points_adjustment": 1000}},),
        {GAS: (33.0, 33.0, 44.0, 44.0), POWER: (86.0, 96.0, 108.0, 108.0)},
    ),
)  # fmt: skip
FLEET_CHANGE = DriverType(
    "fleet_change", "1", FleetChange, "Power stations retire or are added, and prices of power rise or fall.",
    "new = old +- percent_per_gw / 100 x capacity_mw / 1000 x old, from `effective_date` on; + retire, - add. The "
    "sensitivity of 1 % is a convention: state your market's",
    (
        Parameter("fleet_id", K.TEXT, "which ones; kept, not acted upon"),
        Parameter("change_type", K.CHOICE, "what becomes of them", choices=FleetChangeType),
        Parameter("effective_date", K.DATE, "the first day of delivery that it moves"),
        Parameter("capacity_mw", K.NUMBER, "how much", "MW", 0.0, 1e6, above=True),
        Parameter("percent_per_gw", K.NUMBER, "how much the price moves for it", "% per GW", 0.0, 100.0),
        _REGION,
    ),
    Example(
        ({"driver_type": "fleet_change", "payload": {
            "fleet_id": "lignite", "change_type": "retire", "effective_date": "2027-02-01", "capacity_mw": 2000}},),
        {POWER: (80.0, 90.0, 100.0, 102.0)},
    ),
)  # fmt: skip
COMPOSITE = DriverType(
    "composite", "1", Composite, "Drivers together.",
    "additive: new = old + the sum of weight x (what a component makes of old - old); multiplicative: the components "
    "one after another, each with its weight; conditional: the first component whose conditions hold, alone (one "
    "that has no conditions, or a `false_driver`, always does)",
    (
        Parameter("components", K.DRIVERS, "what is put together"),
        Parameter("composition_type", K.CHOICE, "how", choices=Composition),
        Parameter("weights", K.NUMBERS, "by the component's name, or its position from 0; others weigh 1", "1",
                  -1e6, 1e6),
        Parameter("validation_rules", K.OBJECT, "kept, not acted upon"),
    ),
    Example(
        ({"driver_type": "composite", "payload": {
            "composition_type": "multiplicative", "components": [_UP_10, _UP_20], "weights": {"1": 0.5}}},),
        {GAS: (36.3, 36.3, 48.4, 48.4)},
    ),
)  # fmt: skip
STOCHASTIC = DriverType(
    "stochastic", "1", Stochastic, "A driver whose size is not known.",
    "new = old + z x (what the base driver makes of old - old), z drawn from the distribution by a simulation, and "
    "its mean in a run without one: normal, lognormal: mean; uniform: (low + high) / 2; triangular: (low + mode + "
    "high) / 3",
    (
        Parameter("distribution_type", K.CHOICE, "of z", choices=Distribution),
        Parameter("parameters",
                  K.NUMBERS, "normal: mean, std; lognormal: mean (of z itself), sigma (of its logarithm); "
                  "uniform: low, high; triangular: low, mode, high", "1", -1e6, 1e6),
        Parameter("base_driver", K.DRIVER, "what is multiplied"),
        Parameter("correlation_matrix", K.MATRIX, "between z of stochastic drivers, by their names", "1", -1.0, 1.0),
    ),
    Example(
        ({"driver_type": "stochastic", "payload": {
            "distribution_type": "normal", "parameters": {"mean": 0.5, "std": 0.2}, "base_driver": _UP_20}},),
        {GAS: (33.0, 33.0, 44.0, 44.0)},
    ),
)  # fmt: skip
CONDITIONAL = DriverType(
    "conditional", "1", Conditional, "One driver or another, by a price.",
    "the true driver if all (any) of the conditions hold when its turn comes, else the false one or none. A "
    "condition is `{curve, delivery_start, delivery_end, comparison: above | at_least | below | at_most, level, "
    "unit}`: the mean of the months, all weighing the same, against the level; a month without a price is refused",
    (
        Parameter("conditions", K.CONDITIONS, "on the prices that the drivers before it have made"),
        Parameter("true_driver", K.DRIVER, "if they hold"),
        Parameter("false_driver", K.DRIVER, "if they do not; null: nothing moves"),
        Parameter("evaluation_logic", K.CHOICE, "how many have to hold", choices=Logic),
    ),
    Example(
        ({"driver_type": "conditional", "payload": {
            "conditions": [{"curve": GAS, "delivery_start": "2026-12-01", "delivery_end": "2027-02-01",
                            "comparison": "at_least", "level": 35, "unit": "EUR/MWh"}],
            "true_driver": _UP_10}},),
        {GAS: (33.0, 33.0, 44.0, 44.0)},
    ),
)  # fmt: skip
TIME_SERIES = DriverType(
    "time_series", "1", TimeSeries, "Adds an amount by delivery month.",
    "new = old + (pattern + slope_per_month x m) x factor, m = months since the first of `base_values`, for "
    "`forecast_horizon` months from that one. The pattern is, trend: the last base value by then; seasonal: the last "
    "one of the same month of a year; cyclical: the one at the same place of a cycle as long as the base values; "
    "irregular: the month's own, without slope and factor. Where there is none it is 0",
    (
        Parameter("series_type", K.CHOICE, "the pattern", choices=SeriesType),
        Parameter("base_values", K.NUMBERS, "by month, as `2026-01`", "of `unit`", -1e6, 1e6),
        Parameter("trend_params", K.NUMBERS, "`slope_per_month`", "of `unit` a month", -1e6, 1e6),
        Parameter("seasonal_params", K.NUMBERS, "the factor, by month of the year `1` to `12`; others 1", "1",
                  -1e6, 1e6),
        Parameter("forecast_horizon", K.INTEGER, "how long it goes on", "months", 1, 1200),
        Parameter("unit", K.UNIT, "of what is added; null: the curves' own, which must then be one"),
    ),
    Example(
        ({"driver_type": "time_series", "payload": {
            "series_type": "trend", "base_values": {"2026-12": 1}, "trend_params": {"slope_per_month": 0.5},
            "unit": "EUR/MWh", "limits": _GAS_ONLY}},),
        {GAS: (30.0, 31.0, 41.5, 42.0)},
    ),
)  # fmt: skip

LEGACY = (POLICY, LOAD_GROWTH, FUEL_CURVE, FLEET_CHANGE, COMPOSITE, STOCHASTIC, CONDITIONAL, TIME_SERIES)
