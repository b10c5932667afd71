"""Simulations of runs: what is asked for, and what the paths say of curves and of positions."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Annotated

import strawberry

from aurum.backends.paging import Page
from aurum.curves.graphql import Curve, curve_of
from aurum.errors import NotFound
from aurum.graphql.arrow.tables import parallel
from aurum.graphql.columnar.plans import batched
from aurum.graphql.columnar.records import Columns, RecordBatch
from aurum.graphql.connections import After, Before, Connection, First, Last, connection, page_request
from aurum.graphql.enums import publish_enum
from aurum.graphql.ids import row_of
from aurum.graphql.sizes import PAGED, sized, weighing
from aurum.market.periods import DeliveryPeriod, first_day, months_at
from aurum.metadata.graphql import CurveFilter, DeliveryInput, filter_of
from aurum.scenarios.graphql.arguments import Info
from aurum.scenarios.runs.simulated import Numbers, RunSimulation, SimulatedRunCurve
from aurum.scenarios.simulation import asked, risk, stress
from aurum.scenarios.simulation.asked import Per, PositionAsked, RiskPeriod, SimulationAsked
from aurum.scenarios.simulation.computing import Summary
from aurum.scenarios.simulation.moves import MoveKind
from aurum.scenarios.simulation.quantiles import LEVELS

publish_enum(
    MoveKind,
    "What the daily moves of a curve are.",
    {
        "LOG": "Of the logarithm: of curves all of whose prices were above zero.",
        "ABSOLUTE": "Amounts, in the curve's unit.",
    },
    name="SimulatedMoves",
)
publish_enum(
    Per,
    "What a volume is counted in.",
    {
        "HOUR": "In every hour of the curve's block: 10 MW are 10.",
        "MONTH": "In each delivery month altogether: for tonnes, and where nobody knows the hours.",
    },
    name="SimulationVolume",
)
publish_enum(
    RiskPeriod,
    "By which delivery periods the risk of positions is told.",
    {
        "MONTH": "Months.", "QUARTER": "Quarters.", "SEASON": "Summers and winters as the vendors have them.",
        "CALENDAR": "Calendar years.", "GAS_YEAR": "Years from October.",
    },
    name="SimulationPeriod",
)  # fmt: skip


_DEFAULTS = SimulationAsked()


@strawberry.input(description="What is held: bought (above 0) or sold (below 0), for delivery in whole months.")
class SimulationPositionInput:
    curve: str = strawberry.field(description="The key of the curve that it is priced by.")
    delivery: DeliveryInput = strawberry.field(description="From the first day of a month until before that of one.")
    volume: float = strawberry.field(description="Of what the curve's price is per, such as MWh. See `per`.")
    per: Per = strawberry.field(default=Per.HOUR, description="What the volume is counted in.")


@strawberry.input(description="What a currency is worth; it stands still on all paths.")
class SimulationRateInput:
    currency: str = strawberry.field(description="Its code.")
    rate: float = strawberry.field(description="How much of the simulation's currency one of it is.")


@strawberry.input(
    description="What the run's curves may be some trading days after their as-of date, from how they have moved, and "
    "what positions may lose."
)
class SimulationInput:
    filter: CurveFilter | None = strawberry.field(
        default=None, description="Which of the run's curves, at most 500; null: all. They are fitted together."
    )
    paths: int = strawberry.field(default=_DEFAULTS.paths, description="How many states of the curves: 100 to 20,000.")
    horizon: int = strawberry.field(
        default=_DEFAULTS.horizon, description="So many trading days (Monday to Friday) after the as-of date: 1 to 260."
    )
    window: int = strawberry.field(
        default=_DEFAULTS.window, description="The last daily moves that are looked at: 30 to 250."
    )
    share: float = strawberry.field(
        default=_DEFAULTS.share,
        description="As many factors are kept as explain this share of the variance, 20 at most.",
    )
    level: float = strawberry.field(
        default=_DEFAULTS.level, description="Of value at risk: at least 0.5, with at least 10 paths beyond it."
    )
    periods: RiskPeriod = strawberry.field(default=_DEFAULTS.periods, description="By which the risk is told.")
    stress: int = strawberry.field(
        default=_DEFAULTS.stress, description="How many of the worst days of history: 0 to 50."
    )
    absolute: list[str] | None = strawberry.field(
        default=None, description="Keys of curves whose moves are amounts, whatever their prices are."
    )
    positions: list[SimulationPositionInput] | None = strawberry.field(default=None, description="At most 500.")
    currency: str | None = strawberry.field(
        default=None, description="What the positions are told in; null: their own currency, which then is one."
    )
    rates: list[SimulationRateInput] | None = strawberry.field(
        default=None, description="Of the currencies of positions that are in other ones."
    )


@strawberry.type(description="A delivery month of a simulated curve at the horizon, in the curve's unit.")
class SimulatedPoint:
    tenor: str = strawberry.field(description="The month, as `2025-06`.")
    delivery_start: date = strawberry.field(description="The first day of delivery.")
    delivery_end: date = strawberry.field(description="The day after the last day of delivery.")
    mid: float | None = strawberry.field(description="What the run has made of it, around which it is simulated.")
    mean: float | None = strawberry.field(description="Of all paths; null where nothing was simulated.")
    p5: float | None = strawberry.field(description="5 % of the paths are below it.")
    p25: float | None = strawberry.field(description="A quarter of the paths is below it.")
    p50: float | None = strawberry.field(description="Half of the paths are below it.")
    p75: float | None = strawberry.field(description="A quarter of the paths is above it.")
    p95: float | None = strawberry.field(description="5 % of the paths are above it.")
    mean_error: float | None = strawberry.field(description="The mean's standard error, of the number of paths alone.")
    p5_error: float | None = strawberry.field(description="The standard error of `p5`, likewise.")
    p25_error: float | None = strawberry.field(description="The standard error of `p25`, likewise.")
    p50_error: float | None = strawberry.field(description="The standard error of `p50`, likewise.")
    p75_error: float | None = strawberry.field(description="The standard error of `p75`, likewise.")
    p95_error: float | None = strawberry.field(description="The standard error of `p95`, likewise.")


@strawberry.type(description="The months of a simulated curve as parallel lists: the same numbers, less to carry.")
class SimulatedColumns:
    tenor: list[str] = strawberry.field(description="See `SimulatedPoint.tenor`.")
    delivery_start: list[date] = strawberry.field(description="See `SimulatedPoint.deliveryStart`.")
    delivery_end: list[date] = strawberry.field(description="See `SimulatedPoint.deliveryEnd`.")
    mid: list[float | None] = strawberry.field(description="See `SimulatedPoint.mid`.")
    mean: list[float | None] = strawberry.field(description="See `SimulatedPoint.mean`.")
    p5: list[float | None] = strawberry.field(description="See `SimulatedPoint.p5`.")
    p25: list[float | None] = strawberry.field(description="See `SimulatedPoint.p25`.")
    p50: list[float | None] = strawberry.field(description="See `SimulatedPoint.p50`.")
    p75: list[float | None] = strawberry.field(description="See `SimulatedPoint.p75`.")
    p95: list[float | None] = strawberry.field(description="See `SimulatedPoint.p95`.")
    mean_error: list[float | None] = strawberry.field(description="See `SimulatedPoint.meanError`.")
    p5_error: list[float | None] = strawberry.field(description="See `SimulatedPoint.p5Error`.")
    p25_error: list[float | None] = strawberry.field(description="See `SimulatedPoint.p25Error`.")
    p50_error: list[float | None] = strawberry.field(description="See `SimulatedPoint.p50Error`.")
    p75_error: list[float | None] = strawberry.field(description="See `SimulatedPoint.p75Error`.")
    p95_error: list[float | None] = strawberry.field(description="See `SimulatedPoint.p95Error`.")


@strawberry.type(description="What a curve of the run may be at the horizon.")
class SimulatedCurve:
    moves: MoveKind = strawberry.field(description="What its daily moves are.")
    unmodelled: int = strawberry.field(description="Months that have a price, and too little history: not simulated.")
    found: strawberry.Private[SimulatedRunCurve]

    @strawberry.field(description="The curve.")
    async def curve(self, info: Info) -> Curve:
        found = await info.context.load(info.context.metadata.by_id, self.found.curve_id)
        if found is None:
            raise NotFound("curve not found")
        return curve_of(found)

    @strawberry.field(description="Its months, in order.", metadata=batched(), directives=[sized(120)])
    def points(self) -> Sequence[SimulatedPoint]:
        return points_of(self.found.numbers)

    @strawberry.field(
        description="Its months as parallel lists.", metadata={**batched(), **parallel()}, directives=[weighing(20)]
    )
    def columns(self) -> SimulatedColumns:
        return points_of(self.found.numbers).parallel(SimulatedColumns)


@strawberry.type(description="A page of the simulated curves of a run.")
class SimulatedCurveConnection(Connection[SimulatedCurve]):
    pass


@strawberry.type(description="A position of a simulation, with all that it was valued by.")
class SimulationPosition:
    curve_key: str = strawberry.field(description="The key of the curve that it is priced by.")
    delivery_start: date = strawberry.field(description="The first day of delivery.")
    delivery_end: date = strawberry.field(description="The day after the last day of delivery.")
    volume: float = strawberry.field(description="Bought (above 0) or sold (below 0).")
    per: Per = strawberry.field(description="What the volume is counted in.")
    hours: list[float] = strawberry.field(
        description="Of each delivery month, what the volume is multiplied with.", directives=[sized(12)]
    )
    currency: str = strawberry.field(description="The code of the curve's currency.")
    exchange_rate: float = strawberry.field(description="How much of the simulation's currency one of it is.")


@strawberry.type(description="What is at risk in the simulation's currency; a loss is positive.")
class SimulatedRisk:
    delivery_start: date | None = strawberry.field(description="The first day of delivery; null: all positions.")
    delivery_end: date | None = strawberry.field(description="The day after the last day of it; null: all positions.")
    value_at_risk: float = strawberry.field(description="The smallest loss that `level` of the paths do not exceed.")
    value_at_risk_error: float = strawberry.field(description="Its standard error, of the number of paths alone.")
    conditional_value_at_risk: float = strawberry.field(description="The mean loss of the worst 1 - `level` of paths.")
    conditional_value_at_risk_error: float = strawberry.field(description="Its standard error, likewise.")
    contribution: float = strawberry.field(
        description="The mean loss in this delivery on the paths that make the conditional value at risk of all."
    )


@strawberry.type(description="What positions may lose until the horizon.")
class SimulatedRisks:
    total: SimulatedRisk = strawberry.field(description="All positions together.")
    by_period: list[SimulatedRisk] = strawberry.field(
        description="Each delivery period by itself: these do not add up, their contributions do.",
        directives=[sized(24)],
    )


@strawberry.type(description="What positions would lose in one delivery period.")
class StressLoss:
    delivery_start: date = strawberry.field(description="The first day of delivery.")
    delivery_end: date = strawberry.field(description="The day after the last day of delivery.")
    loss: float = strawberry.field(description="In the simulation's currency; a loss is positive.")


@strawberry.type(description="A day of the window, with all that moved on it, once more.")
class StressDay:
    as_of: date = strawberry.field(description="The as-of date to which the curves moved.")
    loss: float = strawberry.field(description="Of all positions, in the simulation's currency; a loss is positive.")
    by_period: list[StressLoss] = strawberry.field(description="The same by delivery.", directives=[sized(24)])


@strawberry.type(description="The factors, and the history that they are fitted on.")
class SimulationModel:
    days: int = strawberry.field(description="The daily moves that the factors are fitted on.")
    days_found: int = strawberry.field(description="Those of the window; the others lack a price somewhere.")
    as_of_dates: int = strawberry.field(description="The as-of dates that all of the curves have, of those read.")
    first_day: date = strawberry.field(description="The as-of date of the first of the window.")
    last_day: date = strawberry.field(description="The as-of date of the last of the window.")
    partial: int = strawberry.field(description="As-of dates that some of the curves lack: not used.")
    apart: int = strawberry.field(description="Moves left out, as too many days lie between their dates.")
    explained: list[float] = strawberry.field(
        description="What share of the variance the first factor explains, the first two, and so on."
    )


@strawberry.type(
    description="What a run simulates around its curves. The terms are there at once, what has come out of it once "
    "the run has succeeded."
)
class ScenarioSimulation:
    as_of: date = strawberry.field(description="The as-of date of its curves, from which the horizon counts.")
    paths: int = strawberry.field(description="How many states of the curves.")
    horizon: int = strawberry.field(description="How many trading days, Monday to Friday.")
    window: int = strawberry.field(description="The last so many daily moves were looked at.")
    share: float = strawberry.field(description="The share of variance that the factors had to explain.")
    level: float = strawberry.field(description="Of value at risk.")
    currency: str | None = strawberry.field(description="The code of what positions are told in; null: there is none.")
    absolute: list[str] = strawberry.field(description="Keys of curves whose moves were said to be amounts.")
    positions: list[SimulationPosition] = strawberry.field(description="As asked for.", directives=[sized(10)])
    digest: str | None = strawberry.field(description="SHA-256 of every number: the same on every machine.")
    model: SimulationModel | None = strawberry.field(description="What the paths are drawn from.")
    found: strawberry.Private[RunSimulation]

    @strawberry.field(description="What positions may lose; null without positions.")
    def risk(self) -> SimulatedRisks | None:
        summary = self.found.summary
        if summary is None or not summary.risks:
            return None
        total, *periods = map(simulated_risk_of, summary.risks)
        return SimulatedRisks(total=total, by_period=periods)

    @strawberry.field(
        description="The days of the window that would hurt the positions most, the worst first.",
        directives=[sized(10)],
    )
    def stress_days(self) -> list[StressDay]:
        summary, periods = self.found.summary, self.found.terms.risk_periods
        return [] if summary is None else [_stress_day(each, periods) for each in summary.stress]

    @strawberry.field(description="Days of the window that lack a move which the positions need: not ranked.")
    def stress_days_incomplete(self) -> int | None:
        return None if self.found.summary is None else self.found.summary.incomplete

    @strawberry.field(description="Its curves, by their keys; none before the run has succeeded.", directives=[PAGED])
    async def curves(
        self, info: Info, first: First = None, after: After = None, last: Last = None, before: Before = None
    ) -> SimulatedCurveConnection:
        order, context = "simulated curves", info.context
        request = page_request(order, first, after, last, before)
        page = await context.load(context.scenario_simulations.pages, self.found.run_id, request=request)
        return connection(SimulatedCurveConnection, order, page or Page([], [], False, False), _curve_of)

    @strawberry.field(description="One of its curves; null where it does not have the curve.")
    async def curve(
        self, info: Info, id: Annotated[strawberry.ID, strawberry.argument(description="The id of the curve.")]
    ) -> SimulatedCurve | None:
        key = (self.found.run_id, row_of(id, "Curve"))
        found = await info.context.load(info.context.scenario_simulations.curves, key)
        return None if found is None else _curve_of(found)


def asked_of(given: SimulationInput | None) -> SimulationAsked | None:
    if given is None:
        return None
    return SimulationAsked(
        filter_of(given.filter), given.paths, given.horizon, given.window, given.share, given.level, given.periods,
        given.stress, tuple(given.absolute or ()), tuple(_position(each) for each in given.positions or ()),
        given.currency, tuple((each.currency, each.rate) for each in given.rates or ()),
    )  # fmt: skip


def _position(given: SimulationPositionInput) -> PositionAsked:
    return PositionAsked(given.curve, given.delivery.start, given.delivery.end, given.volume, given.per)


def simulation_of(found: RunSimulation) -> ScenarioSimulation:
    terms, summary = found.terms, found.summary
    return ScenarioSimulation(
        as_of=terms.as_of, paths=terms.paths, horizon=terms.horizon, window=terms.window, share=terms.share,
        level=terms.level, currency=terms.currency, absolute=list(terms.absolute),
        positions=[_held(each) for each in terms.positions], digest=found.digest,
        model=None if summary is None else _model(summary), found=found,
    )  # fmt: skip


def _model(summary: Summary) -> SimulationModel:
    return SimulationModel(
        days=summary.moves, days_found=summary.moves_found, as_of_dates=summary.days_found,
        first_day=summary.first_day, last_day=summary.last_day,
        partial=summary.partial, apart=summary.apart, explained=list(summary.explained),
    )  # fmt: skip


def _held(held: asked.Held) -> SimulationPosition:
    return SimulationPosition(
        curve_key=held.key, delivery_start=held.start, delivery_end=held.end, volume=held.volume, per=held.per,
        hours=list(held.hours), currency=held.currency, exchange_rate=held.exchange_rate,
    )  # fmt: skip


def simulated_risk_of(found: risk.Risk) -> SimulatedRisk:
    period = found.period
    return SimulatedRisk(
        delivery_start=None if period is None else period.start, delivery_end=None if period is None else period.end,
        value_at_risk=found.value_at_risk, value_at_risk_error=found.value_at_risk_error,
        conditional_value_at_risk=found.conditional, conditional_value_at_risk_error=found.conditional_error,
        contribution=found.contribution,
    )  # fmt: skip


def _stress_day(day: stress.StressDay, periods: Sequence[DeliveryPeriod]) -> StressDay:
    losses = [
        StressLoss(delivery_start=period.start, delivery_end=period.end, loss=loss)
        for period, loss in zip(periods, day.by_period, strict=True)
    ]
    return StressDay(as_of=day.as_of, loss=day.loss, by_period=losses)


def _curve_of(found: SimulatedRunCurve) -> SimulatedCurve:
    return SimulatedCurve(moves=found.moves, unmodelled=found.unmodelled, found=found)


def points_of(numbers: Numbers) -> RecordBatch[SimulatedPoint]:
    return RecordBatch(SimulatedPoint, len(numbers.months), lambda: _columns_of(numbers))


def _columns_of(numbers: Numbers) -> Columns:
    months: list[int] = numbers.months.tolist()
    names = [f"p{level:.0%}"[:-1] for level in LEVELS]
    return {
        "tenor": [f"{first_day(month):%Y-%m}" for month in months],
        "delivery_start": [first_day(month) for month in months],
        "delivery_end": [months_at(month).end for month in months],
        "mid": numbers.mid, "mean": numbers.mean, "mean_error": numbers.mean_error,
        **dict(zip(names, numbers.quantiles, strict=True)),
        **{f"{name}_error": error for name, error in zip(names, numbers.quantile_errors, strict=True)},
    }  # fmt: skip
