"""How curves moved from day to day, by time to delivery.

A move is that of one delivery month from an as-of date to the next: where a contract rolls there is no move, because
nothing is compared with another delivery. It is put down under the months to delivery that the later day sees.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from aurum.curves.model import Prices
from aurum.errors import InvalidInput, TooLittleHistory
from aurum.scenarios.simulation.arithmetic import log
from aurum.scenarios.simulation.histories import Days, History, Line, Places, months_of_days

WINDOW, MOST_WINDOW = 120, 250  # daily moves that are looked at
_MOST_WEEKDAYS = 2  # between two days of a daily move: a holiday may lie between
NOWHERE = -1


class MoveKind(StrEnum):
    """LOG: of the logarithm; for curves all of whose prices were above zero. ABSOLUTE: amounts, in the curve's unit."""

    LOG = "LOG"
    ABSOLUTE = "ABSOLUTE"


@dataclass(frozen=True, slots=True, eq=False)
class Moves:
    """`values[n, place]`: from the as-of date before to `days[n]`; NaN where one of the two is not quoted.

    `places[curve, ahead]` says where a curve's moves of so many months to delivery are, NOWHERE where it never had one.
    Curves are in the order of their keys. `days_found` counts the as-of dates that all curves have; `partial` those
    that some lack, which are not used; `apart` the pairs of days with too many weekdays between them for a daily move.
    """

    keys: tuple[str, ...]
    kinds: tuple[MoveKind, ...]
    days: Days
    places: Places
    values: Prices
    days_found: int
    partial: int
    apart: int

    def row(self, key: str) -> int:
        return self.keys.index(key)


def daily_moves(histories: Sequence[History], window: int = WINDOW) -> Moves:
    """The last `window` daily moves of curves on the as-of dates that all of them have.

    Raises InvalidInput without any curve, and TooLittleHistory where no two days make a move.
    """
    ordered = sorted(histories, key=lambda each: each.key)
    _check(ordered, window)
    days, apart = common_days([each.days for each in ordered])
    everything = np.unique(np.concatenate([each.days for each in ordered]))
    ends = np.flatnonzero(~apart)[-window:] + 1
    if not len(ends):
        raise too_little(0, 2, "daily moves", len(days))
    kinds, found = zip(*(_moves(each, days, ends) for each in ordered), strict=True)
    width = max(each.shape[1] for each in found)
    quoted = np.array([np.pad(np.isfinite(each).any(axis=0), (0, width - each.shape[1])) for each in found])
    places = np.full(quoted.shape, NOWHERE, dtype=np.int64)
    places[quoted] = np.arange(quoted.sum())
    known = [each[:, row[: each.shape[1]]] for each, row in zip(found, quoted, strict=True)]
    keys = tuple(each.key for each in ordered)
    return Moves(
        keys, kinds, days[ends], places, np.concatenate(known, axis=1), len(days), len(everything) - len(days),
        int(apart.sum()),
    )  # fmt: skip


def common_days(each: Sequence[Days]) -> tuple[Days, NDArray[np.bool_]]:
    """The days that all have, and which of them are too far from the one before for a daily move; none of the first."""
    days = each[0]
    for others in each[1:]:
        days = np.intersect1d(days, others)
    return days, np.busday_count(days[:-1], days[1:]) > _MOST_WEEKDAYS


def refuse_logarithm(moves_by: MoveKind, line: Line) -> None:
    """Raises InvalidInput for a price that has no logarithm where one is needed."""
    if moves_by is MoveKind.LOG and (line.prices <= 0.0).any():
        raise InvalidInput(
            f"{line.key} has a price that is not above zero, and moves by its logarithm",
            hint="Say that it moves by amounts.", field="absolute",
        )  # fmt: skip


def too_little(found: int, needed: int, what: str, days: int) -> TooLittleHistory:
    return TooLittleHistory(
        f"{found} {what} were found, on {days} as-of dates that all curves have, and {needed} are needed",
        hint="Take more as-of dates, or leave out the curves that have few.",
        found=found, needed=needed, days=days,
    )  # fmt: skip


def _check(ordered: Sequence[History], window: int) -> None:
    if not ordered:
        raise InvalidInput("a simulation needs a curve", field="curves")
    if len({each.key for each in ordered}) < len(ordered):
        raise InvalidInput("a simulation has each curve once", field="curves")
    if not 2 <= window <= MOST_WINDOW:
        raise InvalidInput(f"the window is 2 to {MOST_WINDOW} daily moves", field="window")


def _moves(history: History, days: Days, ends: Places) -> tuple[MoveKind, Prices]:
    """By day and months to delivery."""
    prices = history.prices[np.searchsorted(history.days, days)]
    before, after = prices[ends - 1], prices[ends]
    used = np.concatenate([before, after])
    kind = MoveKind.ABSOLUTE if history.absolute or (used <= 0.0).any() else MoveKind.LOG
    moves = after - before if kind is MoveKind.ABSOLUTE else log(after / before)
    own = months_of_days(days[ends])
    width = int(max(history.months.max(initial=0) - own.min() + 1, 0))
    by_ahead = np.full((len(ends), width), np.nan)
    ahead = history.months[None, :] - own[:, None]
    day, month = np.nonzero(ahead >= 0)
    by_ahead[day, ahead[day, month]] = moves[day, month]
    return kind, by_ahead
