"""What a position may lose: value at risk and conditional value at risk. A loss is positive."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from aurum.curves.model import Prices
from aurum.errors import InvalidInput, NoExchangeRate
from aurum.market.periods import DeliveryPeriod, month_number
from aurum.scenarios.simulation.arithmetic import Numbers
from aurum.scenarios.simulation.histories import Line, Places
from aurum.scenarios.simulation.quantiles import quantile_error

_LEAST_TAIL = 10  # paths beyond the value at risk


@dataclass(frozen=True, slots=True, eq=False)
class Position:
    """Bought (above 0) or sold `volumes`, by month, of the curve's quantity an hour, for `hours` of that month.

    Of a quantity that is not by the hour, such as tonnes, the hours are 1. `exchange_rate` is how much of `currency`
    one of the curve's is.
    """

    key: str
    months: Places
    volumes: Prices
    hours: Prices
    currency: str
    exchange_rate: float = 1.0


@dataclass(frozen=True, slots=True)
class Risk:
    """At `level`, in the positions' currency; a loss is positive. Errors are standard errors of the number of paths.

    `contribution`: what a delivery period loses on average in the paths that make the total's CVaR.
    """

    period: DeliveryPeriod | None  # None: all of it
    value_at_risk: float
    value_at_risk_error: float
    conditional: float
    conditional_error: float
    contribution: float


class Ledger:
    """What positions lose on each path, by delivery period, added up curve by curve in the order of keys."""

    def __init__(self, positions: Sequence[Position], periods: Sequence[DeliveryPeriod], paths: int) -> None:
        currencies = sorted({each.currency for each in positions})
        if len(currencies) > 1:
            raise NoExchangeRate(f"positions are in {' and '.join(currencies)}", units=currencies)
        self.positions = positions
        self.periods = periods
        self.spans = [(month_number(each.start), month_number(each.end)) for each in periods]
        self.total = np.zeros(paths)
        self.losses = np.zeros((len(periods), paths))

    def add(self, line: Line, prices: Numbers) -> None:
        """`prices[month, path]` of a line. Raises InvalidInput where a position is in a month without a price."""
        for position in self.positions:
            if position.key == line.key:
                self._add(position, line, prices)

    def _add(self, position: Position, line: Line, prices: Numbers) -> None:
        at = {int(month): place for place, month in enumerate(line.months)}
        amounts = position.volumes * position.hours * position.exchange_rate
        if not np.isfinite(amounts).all():
            raise InvalidInput(f"the position in {line.key} is not a number", field="positions")
        for month, amount in zip(position.months.tolist(), amounts.tolist(), strict=True):
            place = at.get(month)
            if place is None or not np.isfinite(prices[place]).any():
                label = f"{month // 12}-{month % 12 + 1:02}"
                raise InvalidInput(f"{line.key} has no simulated price for {label}", field="positions", tenor=label)
            loss = amount * (line.prices[place] - prices[place])
            self.total += loss
            for period, (first, end) in enumerate(self.spans):
                if first <= month < end:
                    self.losses[period] += loss

    def risks(self, level: float = 0.95) -> list[Risk]:
        """Of all of it, then of each period by itself; these do not add up, their contributions do if periods do."""
        tail = _tail(self.total, level)
        found = [_risk(None, self.total, level, float((self.total * tail).sum()))]
        for period, losses in zip(self.periods, self.losses, strict=True):
            found.append(_risk(period, losses, level, float((losses * tail).sum())))
        return found


def rank_at_risk(count: int, level: float) -> tuple[int, float]:
    """Which of the sorted losses is the value at risk, from 1, and how many paths are at or below it.

    Raises InvalidInput where too few are beyond it.
    """
    below = round(level * count, 9)
    if not 0.5 <= level < 1.0 or count - below < _LEAST_TAIL:
        raise InvalidInput(
            f"the level is at least 0.5 and leaves at least {_LEAST_TAIL} of {count} paths beyond it",
            hint="Take more paths, or a lower level.", field="level",
        )  # fmt: skip
    return math.ceil(below), below


def _tail(losses: Numbers, level: float) -> Numbers:
    """What each path weighs in the conditional value at risk; together 1.

    The worst n x (1 - level) paths; where that is no whole number the path at the value at risk has the rest (Acerbi
    and Tasche 2002). Equal losses in the order of paths.
    """
    rank, below = rank_at_risk(len(losses), level)
    weights = np.zeros(len(losses))
    order = np.argsort(losses, kind="stable")
    weights[order[rank:]] = 1.0
    weights[order[rank - 1]] = rank - below
    found: Numbers = weights / (len(losses) - below)
    return found


def _risk(period: DeliveryPeriod | None, losses: Numbers, level: float, contribution: float) -> Risk:
    """The error of a CVaR is of Manistre and Hancock 2005: sqrt((variance beyond + level (CVaR - VaR)^2) / paths)."""
    rank, below = rank_at_risk(len(losses), level)
    ordered = np.sort(losses)
    at_risk, beyond = float(ordered[rank - 1]), ordered[rank:]
    share = len(losses) - below
    excess = (beyond - at_risk).sum() / share  # never below 0: no loss beyond is smaller
    variance = ((beyond - beyond.sum() / len(beyond)) ** 2).sum() / (len(beyond) - 1)
    error = math.sqrt((variance + level * excess**2) / share)
    return Risk(
        period, at_risk, float(quantile_error(ordered, level)), float(at_risk + excess), error, contribution
    )  # fmt: skip
