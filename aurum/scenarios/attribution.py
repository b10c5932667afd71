"""What each driver did, whatever order they are in: the Shapley value.

For n drivers the value of a set S of them is the curve with those alone, in their order. What a driver did is the mean
of what it adds to every set of the others, each weighing |S|! (n - |S| - 1)! / n!. Together that is the total move; a
driver that adds nothing to any set has nothing; two that add the same to every set have the same. So of a curve only
those drivers count that move it, or what it follows: the others would have nothing, and change nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import factorial

import numpy as np

from aurum.curves.model import Prices
from aurum.scenarios.analytics.settling import settled
from aurum.scenarios.application import different
from aurum.scenarios.model import BaseCurve, Contribution, Issue, ScenarioCurve, Severity
from aurum.scenarios.plans.planning import Plan
from aurum.scenarios.plans.steps import Step, Values, dependencies, moved, moves_of, only
from aurum.scenarios.refusals import finite_at, refused

MOST_DRIVERS = 10  # that count for a curve
MOST_VALUES = 2**24  # of one curve, and of those it depends on, in all sets: 128 MiB
_VALUES = 2**20  # that are looked at together, in a step: 8 MiB
Checked = tuple[frozenset[int], tuple[int, ...]]  # a curve with those it depends on, and the drivers that count


@dataclass(frozen=True, slots=True, eq=False)
class Group:
    """Curves, by their places, for which the same drivers count; `kept` are they and those that they depend on."""

    drivers: tuple[int, ...]
    curves: tuple[int, ...]
    kept: frozenset[int]


class WithoutOrder:
    """The curves of a plan, attributed some at a time."""

    def __init__(self, planned: Plan) -> None:
        self._book = planned.book.curves
        self._steps = planned.steps

    def groups(self, wanted: Mapping[int, Checked]) -> list[Group]:
        """Those that drivers move, to be attributed together."""
        by_drivers: dict[tuple[int, ...], list[tuple[int, frozenset[int]]]] = {}
        for at, (kept, drivers) in wanted.items():
            if drivers:
                by_drivers.setdefault(drivers, []).append((at, kept))
        return [group for drivers, curves in by_drivers.items() for group in self._together(drivers, curves)]

    def check(self, at: int) -> Checked:
        """The curve with those that it depends on, and the drivers that count for it: none where none moves it.

        Raises InvalidScenario for more than MOST_DRIVERS or MOST_VALUES.
        """
        if at not in self._needed:
            return frozenset(), ()
        kept = self._closed(at)
        drivers = tuple(driver for driver, targets in enumerate(self._targets) if targets & kept)
        key = self._book[at].key
        if len(drivers) > MOST_DRIVERS:
            why = f"the form without order is for at most {MOST_DRIVERS} drivers, and {len(drivers)} count for {key}"
            hint = "Put some into a composite, or take the form in order."
            raise refused([Issue(Severity.ERROR, "TOO_MANY_DRIVERS", why, "drivers", hint)])
        if self._values(drivers, kept) > MOST_VALUES:
            why = f"{key} follows too many curves to be looked at with every set of {len(drivers)} drivers"
            raise refused([Issue(Severity.ERROR, "TOO_MANY_CURVES", why, "drivers", "Take the form in order.")])
        return kept, drivers

    def attributed(self, group: Group) -> Iterator[list[ScenarioCurve]]:
        """Its curves, in steps of _VALUES at most; most of them end no curve."""
        mids = {at: self._book[at].mid for at in group.kept}
        steps = [(driver, only(self._steps[driver], group.kept)) for driver in group.drivers]
        stories = {at: np.empty((1 << len(steps), len(mids[at]))) for at in group.curves}
        over = (self._values(group.drivers, group.kept) - 1) // _VALUES
        apart = min(over.bit_length(), len(steps))
        for first in range(1 << apart):
            found = _stories(mids, steps, first, apart)
            for at, each in stories.items():
                each[first :: 1 << apart] = found[at]
            yield []
        for at, each in stories.items():
            yield from _attributed(self._book[at], each, group.drivers)

    @cached_property
    def _targets(self) -> list[frozenset[int]]:
        """By driver: the curves that it moves."""
        return [frozenset(to.curve for move in moves_of(step) for to in move.targets) for step in self._steps]

    @cached_property
    def _needed(self) -> dict[int, set[int]]:
        """By curve that any driver moves: those that its moves depend on."""
        found: dict[int, set[int]] = {}
        for step in self._steps:
            for at, others in dependencies(step):
                found.setdefault(at, set()).update(others)
        return found

    def _closed(self, at: int) -> frozenset[int]:
        """With the curves that it depends on, and those that these depend on."""
        kept, ahead = set[int](), [at]
        while ahead:
            each = ahead.pop()
            if each not in kept:
                kept.add(each)
                ahead += self._needed.get(each, ())
        return frozenset(kept)

    def _values(self, drivers: Sequence[int], kept: Iterable[int]) -> int:
        points: int = sum(len(self._book[at].mid) for at in kept)
        return points << len(drivers)

    def _together(
        self, drivers: tuple[int, ...], curves: Sequence[tuple[int, frozenset[int]]]
    ) -> Iterator[Group]:  # fmt: skip
        """As many at a time as have _VALUES, one at least: what several follow is then looked at once."""
        chosen, all_kept, values = list[int](), set[int](), 0
        for at, kept in curves:
            added = self._values(drivers, kept - all_kept)
            if chosen and values + added > _VALUES:
                yield Group(drivers, tuple(chosen), frozenset(all_kept))
                chosen, all_kept, values, added = [], set(), 0, self._values(drivers, kept)
            chosen.append(at)
            all_kept |= kept
            values += added
        yield Group(drivers, tuple(chosen), frozenset(all_kept))


def _stories(mids: Mapping[int, Prices], steps: Sequence[tuple[int, Step]], first: int, apart: int) -> Values:
    """(sets, points) by curve, of the sets that have those of the first `apart` steps that the bits of `first` say.

    Bit k of a set's number says whether the k-th of the other steps is in it. Each of these doubles what there is: the
    sets of those before it are looked at once, for it goes on where they ended.
    """
    now = {at: mid[None] for at, mid in mids.items()}
    for k in range(apart):
        if first >> k & 1:
            now |= _moved(*steps[k], now, mids)
    all_ = {at: np.empty((1 << len(steps) - apart, len(mid))) for at, mid in mids.items()}
    for at, each in all_.items():
        each[0] = now[at][0]
    for k, (driver, step) in enumerate(steps[apart:]):
        before = {at: each[: 1 << k] for at, each in all_.items()}
        made = _moved(driver, step, before, mids)
        for at, each in all_.items():
            each[1 << k : 2 << k] = made.get(at, before[at])
    return all_


def _moved(driver: int, step: Step, now: Values, mids: Mapping[int, Prices]) -> dict[int, Prices]:
    involved = {each for at, others in dependencies(step) for each in (at, *others)}
    before = {at: now[at] for at in involved}
    base = {at: np.broadcast_to(mids[at], now[at].shape) for at in involved}
    with finite_at(f"drivers.{driver}"):
        return moved(step, before, before, base)


def _attributed(base: BaseCurve, stories: Prices, drivers: Sequence[int]) -> Iterator[list[ScenarioCurve]]:
    if not different(stories, base.mid).any():
        yield [ScenarioCurve(base, base.mid)]
        return
    wide, found = max(1, _VALUES >> len(drivers)), list[tuple[Prices, Prices]]()
    for start in range(0, len(base.mid), wide):
        points = slice(start, start + wide)
        with finite_at("drivers", f"what moves {base.key}"):
            means = _means(stories[:, points], len(drivers))
            found.append(settled(base.mid[points], means, stories[-1, points]))
        yield []
    amounts, mid = (np.concatenate(each, axis=-1) for each in zip(*found, strict=True))
    parts = zip(drivers, amounts, strict=True)
    yield [ScenarioCurve(base, mid, tuple(Contribution(driver, each) for driver, each in parts if each.any()))]


def _means(stories: Prices, drivers: int) -> Prices:
    """By driver: the weighted mean of what it adds to each set of the others."""
    sizes = np.array([number.bit_count() for number in range(1 << (drivers - 1))])
    weights = np.array([factorial(s) * factorial(drivers - s - 1) / factorial(drivers) for s in range(drivers)])
    by_set = weights[sizes][:, None]
    found = np.empty((drivers, stories.shape[1]))
    for k in range(drivers):
        beside = stories.reshape(-1, 2, 1 << k, stories.shape[1])  # without it, and with it
        found[k] = _total((beside[:, 1] - beside[:, 0]).reshape(len(by_set), -1) * by_set)
    return found


def _total(parts: Prices) -> Prices:
    """One half of the sets added to the other half, until there is one: an order that every machine has."""
    while len(parts) > 1:
        half = len(parts) // 2
        parts = parts[:half] + parts[half:]
    total: Prices = parts[0]
    return total
