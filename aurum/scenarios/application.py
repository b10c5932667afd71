"""Drivers over curves: what each curve becomes, and what each driver did to it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np

from aurum.curves.model import Prices
from aurum.market.counts import counted
from aurum.scenarios.analytics.settling import settled
from aurum.scenarios.drivers import Driver
from aurum.scenarios.model import BaseCurve, Contribution, Issue, Outcome, ScenarioCurve, Severity
from aurum.scenarios.plans.book import CurveBook
from aurum.scenarios.plans.planning import Plan, no_effect, plan
from aurum.scenarios.plans.steps import Mask, moved
from aurum.scenarios.policies import SHIPPED, Policies
from aurum.scenarios.refusals import finite_at, refuse_errors

Raw = list[tuple[int, Prices]]  # what a driver added to each point, by the driver's number


def apply(
    curves: Iterable[BaseCurve], drivers: Sequence[Driver], policies: Policies = SHIPPED,
    applied: Callable[[int], None] = lambda _: None,
) -> Outcome:  # fmt: skip
    """The drivers in their order over the curves, whatever order these are in; see docs/scenarios.md for the formulas.

    `curves` are those that the scenario looks at, and those that its drivers refer to (`references`). Raises
    InvalidScenario, which holds the issues, where one of them is an ERROR; nothing is half done. `applied` is told
    after each driver how many are.
    """
    planned = plan(CurveBook(curves), drivers, policies)
    refuse_errors(planned.issues)
    return outcome(planned, applied)


def outcome(planned: Plan, applied: Callable[[int], None] = lambda _: None) -> Outcome:
    base = {at: each.mid[None, :] for at, each in enumerate(planned.book.curves)}
    now, raw, issues = dict(base), {at: Raw() for at in base}, list(planned.issues)
    for driver, step in enumerate(planned.steps):
        with finite_at(f"drivers.{driver}"):
            made = moved(step, now, now, base)
            changed = [at for at, new in made.items() if different(now[at], new).any()]
            for at in changed:
                raw[at].append((driver, (made[at] - now[at])[0]))
        issues += _told(planned, driver, [(at, now[at], made[at]) for at in changed])
        now |= made
        applied(driver + 1)
    curves = (_settled(each, raw[at], now[at][0]) for at, each in enumerate(planned.book.curves))
    return Outcome({each.base.key: each for each in curves}, issues)


def different(old: Prices, new: Prices) -> Mask:
    changed: Mask = (old != new) & ~(np.isnan(old) & np.isnan(new))
    return changed


def _told(planned: Plan, driver: int, changed: Sequence[tuple[int, Prices, Prices]]) -> list[Issue]:
    """That the driver moves nothing, or that nobody can say by how much."""
    path = f"drivers.{driver}"
    if not changed and not any((each.code, each.path) == ("NO_EFFECT", path) for each in planned.issues):
        return [no_effect(driver, "what it follows has not moved, or what it does comes to nothing")]
    lost = {at: int((np.isfinite(old) & np.isnan(new)).sum()) for at, old, new in changed}
    keys = [planned.book.curves[at].key for at, count in sorted(lost.items()) if count]
    if not keys:
        return []
    return [
        Issue(
            Severity.WARNING, "UNKNOWN_MOVE",
            f"no price in the scenario for {counted(sum(lost.values()), 'point')} of {counted(len(keys), 'curve')}, "
            f"such as {keys[0]}: what moves them is not quoted there", path,
            "Limit the driver to deliveries, or to tenor types, that are quoted.",
        )
    ]  # fmt: skip


def _settled(base: BaseCurve, raw: Raw, final: Prices) -> ScenarioCurve:
    if not raw:
        return ScenarioCurve(base, base.mid)
    with finite_at("drivers", f"what moves {base.key}"):
        amounts, mid = settled(base.mid, np.array([each for _, each in raw]), final)
    return ScenarioCurve(base, mid, tuple(Contribution(n, amounts[k]) for k, (n, _) in enumerate(raw)))
