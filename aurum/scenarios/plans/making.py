"""Moves of chosen curves in their own units; what does not fit is an issue."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np

from aurum.curves.model import Prices
from aurum.errors import AurumError
from aurum.metadata.model import Curve
from aurum.scenarios.drivers import Limits
from aurum.scenarios.model import Issue, Severity
from aurum.scenarios.plans.book import CurveBook
from aurum.scenarios.plans.following import factor_following, factor_into, stated_unit
from aurum.scenarios.plans.selection import Within
from aurum.scenarios.plans.steps import NOTHING, Kind, Move, Step, Target
from aurum.scenarios.suggestions import nearest

ByMonth = Callable[[int], float]  # of a month's number
Chosen = Callable[[Curve], bool]
_MOST_SUGGESTED = 10  # each is looked for among all keys


class Maker:
    def __init__(self, book: CurveBook) -> None:
        self.book = book
        self.issues: list[Issue] = []

    def scaled(self, within: Within, percent: float | ByMonth, chosen: Chosen | None = None) -> Move:
        return Move(Kind.SCALE, tuple(self._share(at, within, percent) for at in self._chosen(within, chosen)))

    def one(self, at: int, within: Within, percent: float | ByMonth) -> Move:
        """A reference moves whatever the limits say of curves, which are about those that follow."""
        start, end = within.window
        deliveries = Within((Limits(delivery_start=start, delivery_end=end),))
        return Move(Kind.SCALE, (self._share(at, deliveries, percent),))

    def _share(self, at: int, within: Within, percent: float | ByMonth) -> Target:
        if callable(percent):
            return self.book.target(at, within, self._monthly(at, percent), 0.01)
        return self.book.target(at, within, None, percent / 100.0)

    def _monthly(self, at: int, by_month: ByMonth) -> Prices:
        return np.array([by_month(int(month)) for month in self.book.lines[at].months.numbers], dtype=float)

    def priced(
        self, within: Within, path: str, unit: str | None, by_month: ByMonth | None = None
    ) -> tuple[Target, ...]:
        """What has an amount in a unit: the curves' own if none is stated, which then must be one."""
        chosen = self._chosen(within)
        curves = [self.book.curves[at].curve for at in chosen]
        if unit is None and len(curves) > 1 and not _of_one_unit(curves):
            why = "the curves that it moves are in several units, or in one that nobody has said"
            self.refuse("MIXED_UNITS", why, f"{path}.payload.unit", "State a unit.")
            return ()
        try:
            stated = None if unit is None else stated_unit(unit)
            factors = [factor_into(curve, stated) for curve in curves]
        except AurumError as error:
            self.refuse(error.code, error.message, f"{path}.payload.unit", error.hint)
            return ()
        months = [None if by_month is None else self._monthly(at, by_month) for at in chosen]
        return tuple(
            self.book.target(at, within, amounts, factor)
            for at, factor, amounts in zip(chosen, factors, months, strict=True)
        )

    def following(
        self, within: Within, path: str, reference: str, amount: float, ratio: str | None, rate: float | None,
        chosen: Chosen | None = None, *, own: bool = False,
    ) -> Step:  # fmt: skip
        at = self.reference(reference, f"{path}.payload.reference")
        if at is None:
            return NOTHING
        followed, targets = self.book.curves[at].curve, []
        for each in self._chosen(within, chosen):
            if each == at:
                continue
            try:
                factor = amount * factor_following(self.book.curves[each].curve, followed, ratio, rate)
            except AurumError as error:
                key = self.book.curves[each].key
                self.refuse(error.code, f"{key} cannot follow: {error.message}", f"{path}.payload", error.hint)
                return NOTHING
            targets.append(self.book.target(each, within, None, factor))
        return Move(Kind.FOLLOW, tuple(targets), reference=(at, self.book.lines[at]), own=own)

    def _chosen(self, within: Within, chosen: Chosen | None = None) -> list[int]:
        return [at for at in self.book.within(within) if chosen is None or chosen(self.book.curves[at].curve)]

    def reference(self, key: str, path: str) -> int | None:
        at = self.book.find(key)
        if at is None:
            self.unknown(key, path, Severity.ERROR)
        return at

    def look_up(self, keys: Iterable[str], path: str) -> None:
        """Curves that a limit names and that are not there may be meant otherwise."""
        for key in keys:
            if self.book.find(key) is None:
                self.unknown(key, path, Severity.WARNING)

    def unknown(self, key: str, path: str, severity: Severity) -> None:
        close = nearest(key, self.book.keys) if len(self.issues) < _MOST_SUGGESTED else None
        self.issues.append(Issue(severity, "UNKNOWN_CURVE", f"the run has no curve {key[:80]!r}", path, close))

    def refuse(self, code: str, message: str, path: str, suggestion: str | None = None) -> None:
        self.issues.append(Issue(Severity.ERROR, code, message, path, suggestion))


def _of_one_unit(curves: Sequence[Curve]) -> bool:
    units = {(each.currency, each.unit) for each in curves}
    return len(units) == 1 and None not in units.pop()
