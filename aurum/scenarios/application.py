"""Drivers over curves: what each curve becomes, and what each driver did to it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from aurum.curves.model import Prices
from aurum.scenarios.analytics.settling import settled
from aurum.scenarios.model import BaseCurve, Contribution, Driver, Issue, Outcome, ScenarioCurve, Severity
from aurum.scenarios.plans.book import CurveBook
from aurum.scenarios.plans.planning import Plan, no_effect, plan
from aurum.scenarios.plans.steps import Mask, moved
from aurum.scenarios.policies import SHIPPED, Policies
from aurum.scenarios.refusals import refuse_errors

Raw = list[tuple[int, Prices]]  # what a driver added to each point, by the driver's number


def apply(curves: Iterable[BaseCurve], drivers: Sequence[Driver], policies: Policies = SHIPPED) -> Outcome:
    """The drivers in their order over the curves, whatever order these are in; see docs/scenarios.md for the formulas.

    `curves` are those that the scenario looks at, and those that its drivers refer to (`references`). Raises
    InvalidScenario, which holds the issues, where one of them is an ERROR; nothing is half done.
    """
    planned = plan(CurveBook(curves), drivers, policies)
    refuse_errors(planned.issues)
    return outcome(planned)


def outcome(planned: Plan) -> Outcome:
    base = {at: each.mid[None, :] for at, each in enumerate(planned.book.curves)}
    now, raw, issues = dict(base), {at: Raw() for at in base}, list(planned.issues)
    for driver, step in enumerate(planned.steps):
        changed = 0
        for at, new in moved(step, now, now, base).items():
            if different(now[at], new).any():
                changed += 1
                raw[at].append((driver, (new - now[at])[0]))
                issues += _unknown(planned.book.curves[at], driver, now[at], new)
            now[at] = new
        if not changed and not any(each.path == f"drivers.{driver}" for each in planned.issues):
            issues.append(no_effect(driver, "what it follows has not moved, or what it does comes to nothing"))
    curves = (_settled(each, raw[at], now[at][0]) for at, each in enumerate(planned.book.curves))
    return Outcome({each.base.key: each for each in curves}, issues)


def different(old: Prices, new: Prices) -> Mask:
    changed: Mask = (old != new) & ~(np.isnan(old) & np.isnan(new))
    return changed


def _unknown(base: BaseCurve, driver: int, old: Prices, new: Prices) -> list[Issue]:
    lost = int((np.isfinite(old) & np.isnan(new)).sum())
    if not lost:
        return []
    return [
        Issue(
            Severity.WARNING, "UNKNOWN_MOVE",
            f"{lost} points of {base.key} have no price in the scenario: what moves them is not quoted there",
            f"drivers.{driver}", "Limit the driver to deliveries, or to tenor types, that are quoted.",
        )
    ]  # fmt: skip


def _settled(base: BaseCurve, raw: Raw, final: Prices) -> ScenarioCurve:
    if not raw:
        return ScenarioCurve(base, base.mid)
    amounts, mid = settled(base.mid, np.array([each for _, each in raw]), final)
    return ScenarioCurve(base, mid, tuple(Contribution(n, amounts[k]) for k, (n, _) in enumerate(raw)))
