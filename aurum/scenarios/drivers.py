"""Drivers of scenarios, and what they are limited to.

A percentage is 2.5 for 2.5 %, up is positive. A delivery is half-open. A unit is written `EUR/MWh`. Curves are named by
their key; the legacy SHA-256 key is accepted too. What a driver does is in `registry`, and in docs/scenarios.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from aurum.market.periods import TenorType
from aurum.metadata.model import CurveFilter

Numbers = tuple[tuple[str, float], ...]  # by name, sorted
Matrix = tuple[tuple[str, Numbers], ...]
EVERY_CURVE = CurveFilter()


@dataclass(frozen=True, slots=True)
class Limits:
    """What of the curves a driver moves: everything that fits all of them. None: no limit.

    Delivery is half-open, and a month that is partly inside moves by its share of days. `blocks` are in any spelling.
    Without `tenor_types` the strips of a curve move with its months.
    """

    delivery_start: date | None = None
    delivery_end: date | None = None
    tenor_types: tuple[TenorType, ...] | None = None
    blocks: tuple[str, ...] | None = None
    curves: CurveFilter = EVERY_CURVE


EVERYWHERE = Limits()

# ------------------------------------------------------------------------------------------------- primitives


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """`name` is what weights, correlations and comparisons call the driver."""

    name: str | None = None
    limits: Limits = EVERYWHERE


@dataclass(frozen=True, slots=True, kw_only=True)
class Shift(Named):
    """Adds `amount` of `unit`; without a unit it is the curves' own, which must then be one."""

    amount: float
    unit: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale(Named):
    """Moves by a percentage of the price."""

    percent: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Replace(Named):
    """Puts `price` in place of what is quoted. What is not quoted stays so."""

    price: float
    unit: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Basis(Named):
    """Follows what another curve has moved in the scenario so far, times `factor`.

    `exchange_rate` is how much of the curve's currency one of the reference's is; needed only where they differ.
    """

    reference: str
    factor: float = 1.0
    exchange_rate: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HeatRate(Named):
    """Power follows a fuel by `heat_rate`, in units of the fuel for one of power, such as `MWh/MWh`, `MMBtu/MWh`."""

    reference: str
    heat_rate: float = 2.0
    unit: str = "MWh/MWh"
    exchange_rate: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Emission(Named):
    """Power follows carbon by `emission_factor`, in `unit`."""

    reference: str
    emission_factor: float = 0.404
    unit: str = "tCO2/MWh"
    exchange_rate: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Fx(Named):
    """`base` gains `percent` against `quote`; prices in `quote` rise by `pass_through` of it."""

    base: str
    quote: str
    percent: float
    pass_through: float = 1.0


# ------------------------------------------------------------------------------------------- the legacy's eight


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy(Named):
    """A policy of the registry, from `start_year` on. `policy_version` None: the newest."""

    policy_name: str
    start_year: int | None = None
    description: str | None = None
    policy_version: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadGrowth(Named):
    """Prices of power move by growth times `elasticity`, compounding by delivery year.

    With a reference all curves move by its amount of money, without one each by its own percentage.
    """

    annual_growth_pct: float
    region: str | None = None
    start_year: int | None = None
    end_year: int | None = None
    reference_curve_key: str | None = None
    elasticity: float = 1.0


class Fuel(StrEnum):
    NATURAL_GAS = "natural_gas"
    COAL = "coal"
    CO2 = "co2"
    OIL = "oil"


@dataclass(frozen=True, slots=True, kw_only=True)
class FuelCurve(Named):
    """The fuel's curve moves by basis points of its price; power of its market follows by what making it takes.

    `consumption` is fuel, or emission, for one MWh of power in `unit`; None: the fuel's default. `pass_through` is the
    share of it that reaches the price of power.
    """

    fuel: Fuel
    reference_series: str
    basis_points_adjustment: float = 0.0
    consumption: float | None = None
    unit: str | None = None
    pass_through: float = 1.0
    exchange_rate: float | None = None


class FleetChangeType(StrEnum):
    RETIRE = "retire"
    ADD = "add"


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetChange(Named):
    """Power rises by `percent_per_gw` for each GW that retires and falls by it for each that is added."""

    fleet_id: str
    change_type: FleetChangeType
    effective_date: date
    capacity_mw: float
    percent_per_gw: float = 1.0
    region: str | None = None


class Composition(StrEnum):
    """ADDITIVE: all move what was there before. MULTIPLICATIVE: one after another. CONDITIONAL: the first to hold."""

    ADDITIVE = "additive"
    MULTIPLICATIVE = "multiplicative"
    CONDITIONAL = "conditional"


@dataclass(frozen=True, slots=True, kw_only=True)
class Composite(Named):
    """Drivers together. `weights` multiply what a component moves, by its name or its position from 0."""

    components: tuple[Driver, ...]
    composition_type: Composition = Composition.ADDITIVE
    weights: Numbers = ()
    validation_rules: str | None = None  # a JSON object, kept and not acted upon


class Distribution(StrEnum):
    NORMAL = "normal"
    LOGNORMAL = "lognormal"
    UNIFORM = "uniform"
    TRIANGULAR = "triangular"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stochastic(Named):
    """The base driver's move times a number that is drawn; a run without simulation takes the distribution's mean.

    `correlation_matrix` is between stochastic drivers, by their names.
    """

    distribution_type: Distribution
    parameters: Numbers
    base_driver: Driver
    correlation_matrix: Matrix = ()


class Comparison(StrEnum):
    ABOVE = "above"
    AT_LEAST = "at_least"
    BELOW = "below"
    AT_MOST = "at_most"


@dataclass(frozen=True, slots=True)
class Condition:
    """Whether the strip of a curve over these whole months, all weighing the same, stands so to a level."""

    curve: str
    delivery_start: date
    delivery_end: date
    comparison: Comparison
    level: float
    unit: str | None = None


class Logic(StrEnum):
    ALL = "all"
    ANY = "any"


@dataclass(frozen=True, slots=True, kw_only=True)
class Conditional(Named):
    """One driver or another, by what the scenario has made of curves when its turn comes."""

    conditions: tuple[Condition, ...]
    true_driver: Driver
    false_driver: Driver | None = None
    evaluation_logic: Logic = Logic.ALL


class SeriesType(StrEnum):
    """What is added in months beyond those of `base_values`; see docs/scenarios.md."""

    TREND = "trend"
    SEASONAL = "seasonal"
    CYCLICAL = "cyclical"
    IRREGULAR = "irregular"


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeSeries(Named):
    """Adds an amount by delivery month; `base_values` by month as `2026-01`."""

    series_type: SeriesType
    base_values: Numbers
    trend_params: Numbers = ()
    seasonal_params: Numbers = ()
    forecast_horizon: int = 24
    unit: str | None = None


Driver = (
    Shift | Scale | Replace | Basis | HeatRate | Emission | Fx
    | Policy | LoadGrowth | FuelCurve | FleetChange | Composite | Stochastic | Conditional | TimeSeries
)  # fmt: skip
