"""What each driver did, whatever order they are in: the Shapley value.

For n drivers the value of a set S of them is the curve with those alone, in their order. What a driver did is the mean
of what it adds to every set of the others, each weighing |S|! (n - |S| - 1)! / n!. Together that is the total move; a
driver that adds nothing to any set has nothing; two that add the same to every set have the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from math import factorial

import numpy as np
from numpy.typing import NDArray

from aurum.curves.model import Prices
from aurum.scenarios.analytics.settling import settled
from aurum.scenarios.application import different, finite
from aurum.scenarios.model import BaseCurve, Contribution, Driver, Issue, Outcome, ScenarioCurve, Severity
from aurum.scenarios.plans.book import CurveBook
from aurum.scenarios.plans.planning import plan
from aurum.scenarios.plans.steps import Step, Values, dependencies, moved, only
from aurum.scenarios.policies import SHIPPED, Policies
from aurum.scenarios.refusals import refuse_errors, refused

MOST_DRIVERS = 10
_AT_ONCE = 16  # curves: with all sets of ten drivers and 150 points 20 MB


def shapley(curves: Iterable[BaseCurve], drivers: Sequence[Driver], policies: Policies = SHIPPED) -> Outcome:
    """As `application.apply`, to the same prices, with contributions that do not depend on the order of drivers."""
    if len(drivers) > MOST_DRIVERS:
        why = f"the form without order is for at most {MOST_DRIVERS} drivers, and there are {len(drivers)}"
        raise refused([Issue(Severity.ERROR, "TOO_MANY_DRIVERS", why, "drivers", "Put some into a composite.")])
    planned = plan(CurveBook(curves), drivers, policies)
    refuse_errors(planned.issues)
    book, needed = planned.book, _needed(planned.steps)
    found, moving = {each.key: ScenarioCurve(each, each.mid) for each in book.curves}, sorted(needed)
    for first in range(0, len(moving), _AT_ONCE):
        wanted = moving[first : first + _AT_ONCE]
        kept = _closed(wanted, needed)
        stories = _stories({at: book.curves[at].mid for at in kept}, [only(step, kept) for step in planned.steps])
        found |= {book.curves[at].key: _attributed(book.curves[at], stories[at], len(drivers)) for at in wanted}
    return Outcome(found, planned.issues)


def _needed(steps: Iterable[Step]) -> dict[int, set[int]]:
    found: dict[int, set[int]] = {}
    for step in steps:
        for at, others in dependencies(step):
            found.setdefault(at, set()).update(others)
    return found


def _closed(wanted: Iterable[int], needed: dict[int, set[int]]) -> frozenset[int]:
    """With the curves that they depend on, and those that these depend on."""
    kept, ahead = set[int](), list(wanted)
    while ahead:
        at = ahead.pop()
        if at not in kept:
            kept.add(at)
            ahead += needed.get(at, ())
    return frozenset(kept)


def _stories(mids: dict[int, Prices], steps: Sequence[Step]) -> Values:
    """(sets, points) by curve; bit k of a set's number says whether driver k is in it."""
    numbers = np.arange(2 ** len(steps))
    now = {at: np.tile(mid, (len(numbers), 1)) for at, mid in mids.items()}
    for driver, step in enumerate(steps):
        rows = (numbers >> driver & 1) == 1
        involved = {each for at, others in dependencies(step) for each in (at, *others)}
        mine = {at: now[at][rows] for at in involved}
        base = {at: np.broadcast_to(mids[at], mine[at].shape) for at in involved}
        with np.errstate(over="ignore", invalid="ignore"):
            made = finite(moved(step, mine, mine, base), driver)
        for at, new in made.items():
            now[at][rows] = new
    return now


def _attributed(base: BaseCurve, stories: Prices, drivers: int) -> ScenarioCurve:
    if not different(stories, base.mid).any():
        return ScenarioCurve(base, base.mid)
    raw = np.array([_mean(stories[with_it] - stories[without], by) for with_it, without, by in _pairs(drivers)])
    amounts, mid = settled(base.mid, raw, stories[-1])
    return ScenarioCurve(base, mid, tuple(Contribution(n, each) for n, each in enumerate(amounts) if each.any()))


def _pairs(drivers: int) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64], Prices]]:
    """For each driver the sets with it, the same ones without it, and how much each weighs."""
    numbers = np.arange(2**drivers)
    sizes = np.array([int(number).bit_count() for number in numbers])
    weights = np.array([factorial(s) * factorial(drivers - s - 1) / factorial(drivers) for s in range(drivers)])
    for driver in range(drivers):
        without = numbers[(numbers >> driver & 1) == 0]
        yield without | 1 << driver, without, weights[sizes[without]]


def _mean(added: Prices, weights: Prices) -> Prices:
    """One half of the sets added to the other half, until there is one: an order that every machine has."""
    parts = added * weights[:, None]
    while len(parts) > 1:
        half = len(parts) // 2
        parts = parts[:half] + parts[half:]
    total: Prices = parts[0]
    return total
