"""From drivers to steps over the curves at hand; what does not fit is an issue, and nothing is half done."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import cache, singledispatchmethod
from math import isfinite

from aurum.errors import AurumError, Overflow
from aurum.market.periods import first_day
from aurum.market.units import CURRENCIES
from aurum.metadata.model import Curve
from aurum.scenarios.distributions import mean_of
from aurum.scenarios.drivers import (
    Basis,
    Composite,
    Composition,
    Conditional,
    Driver,
    Emission,
    FleetChange,
    FleetChangeType,
    FuelCurve,
    Fx,
    HeatRate,
    Limits,
    LoadGrowth,
    Logic,
    Policy,
    Replace,
    Scale,
    Shift,
    Stochastic,
    TimeSeries,
)
from aurum.scenarios.fuels import FUELS
from aurum.scenarios.model import Issue, Severity
from aurum.scenarios.plans.book import CurveBook, is_in, is_power
from aurum.scenarios.plans.conditions import reading_of
from aurum.scenarios.plans.making import ByMonth, Maker
from aurum.scenarios.plans.order import out_of_order
from aurum.scenarios.plans.selection import Within
from aurum.scenarios.plans.series import additions
from aurum.scenarios.plans.steps import NOTHING, Branch, Chain, Kind, Move, Step, Together, Weighted, moves_of
from aurum.scenarios.policies import Policies
from aurum.scenarios.suggestions import nearest


@dataclass(frozen=True, slots=True)
class Plan:
    """A step for each driver, in order; none of use if there is an ERROR among the issues."""

    book: CurveBook
    steps: Sequence[Step]
    issues: Sequence[Issue]


def plan(book: CurveBook, drivers: Sequence[Driver], policies: Policies) -> Plan:
    planner = Planner(book, policies)
    steps = [planner.first(driver, f"drivers.{n}") for n, driver in enumerate(drivers)]
    told = [f"{each.path}." for each in planner.issues if each.severity is Severity.ERROR]
    for n, step in enumerate(steps):
        moves = any(move.targets for move in moves_of(step))
        if not moves and not any(path.startswith(f"drivers.{n}.") for path in told):
            planner.issues.append(no_effect(n, "it fits none of the scenario's curves and deliveries"))
    return Plan(book, steps, [*planner.issues, *out_of_order(steps, book.keys)])


def no_effect(driver: int, why: str) -> Issue:
    return Issue(
        Severity.WARNING, "NO_EFFECT", f"the driver moves nothing: {why}", f"drivers.{driver}",
        "Widen its limits, or the curves that the scenario looks at.",
    )  # fmt: skip


class Planner(Maker):
    """Drivers by their types, in terms of what its `Maker` makes."""

    def __init__(self, book: CurveBook, policies: Policies) -> None:
        super().__init__(book)
        self.policies = policies

    def first(self, driver: Driver, path: str) -> Step:
        """Of a driver that stands in no other one."""
        try:
            return self.step(driver, Within(), path)
        except Overflow as error:
            self.refuse(error.code, error.message, path, "Make it smaller.")
            return NOTHING

    def step(self, driver: Driver, within: Within, path: str) -> Step:
        self.look_up(driver.limits.curves.keys or (), f"{path}.payload.limits.curves.keys")
        return self._step(driver, within.also(driver.limits), path)

    @singledispatchmethod
    def _step(self, driver: Driver, within: Within, path: str) -> Step:
        raise TypeError(driver)

    # ---- primitives ----

    @_step.register
    def _(self, driver: Shift, within: Within, path: str) -> Step:
        amount = driver.amount
        return Move(Kind.SHIFT, self.priced(within, path, driver.unit, lambda month: amount))

    @_step.register
    def _(self, driver: Scale, within: Within, path: str) -> Step:
        return self.scaled(within, driver.percent)

    @_step.register
    def _(self, driver: Replace, within: Within, path: str) -> Step:
        return Move(Kind.REPLACE, self.priced(within, path, driver.unit), level=driver.price)

    @_step.register
    def _(self, driver: Basis, within: Within, path: str) -> Step:
        return self.following(within, path, driver.reference, driver.factor, None, driver.exchange_rate)

    @_step.register
    def _(self, driver: HeatRate, within: Within, path: str) -> Step:
        return self.following(
            within, path, driver.reference, driver.heat_rate, driver.unit, driver.exchange_rate, is_power
        )

    @_step.register
    def _(self, driver: Emission, within: Within, path: str) -> Step:
        return self.following(
            within, path, driver.reference, driver.emission_factor, driver.unit, driver.exchange_rate, is_power
        )

    @_step.register
    def _(self, driver: Fx, within: Within, path: str) -> Step:
        quote = CURRENCIES[driver.quote].base if driver.quote in CURRENCIES else driver.quote

        def priced_in_it(curve: Curve) -> bool:
            return curve.currency is not None and CURRENCIES[curve.currency].base == quote

        return self.scaled(within, driver.percent * driver.pass_through, priced_in_it)

    # ---- the legacy's eight ----

    @_step.register
    def _(self, driver: Policy, within: Within, path: str) -> Step:
        found = self.policies.find(driver.policy_name, driver.policy_version)
        if found is None:
            named = f"{driver.policy_name[:80]!r}, version {driver.policy_version or 'any'}"
            close = nearest(driver.policy_name, self.policies.names)
            self.refuse("UNKNOWN_POLICY", f"there is no policy {named}", f"{path}.payload.policy_name", close)
            return NOTHING
        if driver.start_year is not None:
            within = within.also(Limits(delivery_start=date(driver.start_year, 1, 1)))
        where = f"{path}.payload.policy_name.effects"
        return Chain(tuple(self.step(effect, within, f"{where}.{n}") for n, effect in enumerate(found.effects)))

    @_step.register
    def _(self, driver: LoadGrowth, within: Within, path: str) -> Step:
        def chosen(curve: Curve) -> bool:
            return is_power(curve) and is_in(curve, driver.region)

        growth = self._growth(driver)
        if driver.reference_curve_key is None:
            return self.scaled(within, growth, chosen)
        at = self.reference(driver.reference_curve_key, f"{path}.payload.reference_curve_key")
        if at is None:
            return NOTHING
        first = self.one(at, within, growth)
        follow = self.following(within, path, driver.reference_curve_key, 1.0, None, None, chosen, own=True)
        return Chain((first, follow), begins=True)

    def _growth(self, driver: LoadGrowth) -> ByMonth:
        """In per cent, by delivery month. Powers are products, which are the same on every machine."""
        start = driver.start_year or min((each.as_of.year for each in self.book.curves), default=0)

        @cache
        def percent(month: int) -> float:
            year = first_day(month).year if driver.end_year is None else min(first_day(month).year, driver.end_year)
            grown = 1.0
            for _ in range(start, year + 1):
                grown *= 1.0 + driver.annual_growth_pct / 100.0
            return 100.0 * driver.elasticity * (grown - 1.0)

        return percent

    @_step.register
    def _(self, driver: FuelCurve, within: Within, path: str) -> Step:
        at = self.reference(driver.reference_series, f"{path}.payload.reference_series")
        if at is None:
            return NOTHING
        fuel, market = FUELS[driver.fuel], self.book.curves[at].curve.identity.market
        amount = fuel.consumption if driver.consumption is None else driver.consumption
        first = self.one(at, within, driver.basis_points_adjustment / 100.0)
        if driver.pass_through == 0.0:
            return first
        follow = self.following(
            within, path, driver.reference_series, amount * driver.pass_through, driver.unit or fuel.unit,
            driver.exchange_rate, lambda curve: is_power(curve) and is_in(curve, market), own=True,
        )  # fmt: skip
        return Chain((first, follow), begins=True)

    @_step.register
    def _(self, driver: FleetChange, within: Within, path: str) -> Step:
        sign = 1.0 if driver.change_type is FleetChangeType.RETIRE else -1.0
        percent = sign * driver.percent_per_gw * driver.capacity_mw / 1000.0
        since = within.also(Limits(delivery_start=driver.effective_date))
        return self.scaled(since, percent, lambda curve: is_power(curve) and is_in(curve, driver.region))

    @_step.register
    def _(self, driver: Composite, within: Within, path: str) -> Step:
        weights = dict(driver.weights)

        def weight(n: int, each: Driver) -> float:
            return weights.get(each.name or "", weights.get(str(n), 1.0))

        parts = [
            (each, self.step(each, within, f"{path}.payload.components.{n}"), weight(n, each))
            for n, each in enumerate(driver.components)
        ]
        if driver.composition_type is Composition.CONDITIONAL:
            return _first_that_holds(parts)
        steps = tuple(_weighted(step, by) for _, step, by in parts)
        return Together(steps) if driver.composition_type is Composition.ADDITIVE else Chain(steps)

    @_step.register
    def _(self, driver: Stochastic, within: Within, path: str) -> Step:
        base = self.step(driver.base_driver, within, f"{path}.payload.base_driver")
        mean = mean_of(driver.distribution_type, dict(driver.parameters))
        if not isfinite(mean):
            raise Overflow("the mean of its distribution is too large for a number")
        return _weighted(base, mean)

    @_step.register
    def _(self, driver: Conditional, within: Within, path: str) -> Step:
        readings = []
        for n, condition in enumerate(driver.conditions):
            where = f"{path}.payload.conditions.{n}"
            at = self.reference(condition.curve, f"{where}.curve")
            if at is None:
                return NOTHING
            try:
                readings.append(reading_of(condition, at, self.book, where))
            except AurumError as error:
                self.refuse(error.code, error.message, where, error.hint)
                return NOTHING
        other = driver.false_driver
        return Branch(
            tuple(readings), driver.evaluation_logic is Logic.ALL,
            self.step(driver.true_driver, within, f"{path}.payload.true_driver"),
            NOTHING if other is None else self.step(other, within, f"{path}.payload.false_driver"),
        )  # fmt: skip

    @_step.register
    def _(self, driver: TimeSeries, within: Within, path: str) -> Step:
        return Move(Kind.SHIFT, self.priced(within, path, driver.unit, additions(driver)))


def _weighted(step: Step, weight: float) -> Step:
    if weight == 0.0:
        return NOTHING
    return step if weight == 1.0 else Weighted(step, weight)


def _first_that_holds(parts: Sequence[tuple[Driver, Step, float]]) -> Step:
    """What is no conditional always holds, and so does one that says what to do otherwise."""
    found: Step = NOTHING
    for driver, step, weight in reversed(parts):
        if isinstance(driver, Conditional) and isinstance(step, Branch) and driver.false_driver is None:
            found = replace(step, then=_weighted(step.then, weight), otherwise=found)
        else:
            found = _weighted(step, weight)
    return found
