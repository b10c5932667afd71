"""What operations cost their callers over time, where the settings give each a budget."""

from __future__ import annotations

import logging
import math
from collections import Counter
from typing import Protocol

from aurum.backends.budgets import Budgets
from aurum.graphql.refused import DocumentRefused
from aurum.market.counts import counted
from aurum.settings import GraphQLSettings

_log = logging.getLogger(__name__)


class BudgetExhausted(DocumentRefused):
    """`retryAfter` in seconds."""

    code = "COST_BUDGET_EXHAUSTED"
    status = 429


class Paying(Protocol):
    """What an operation's context says: who pays for it."""

    @property
    def payer(self) -> str: ...
    @property
    def request_id(self) -> str: ...


class Charges:
    """An operation is charged its estimated cost before, and what it really cost once that is known.

    `overruns` counts, by payer, the operations that were executed although they cost too much, because the settings
    only measure.
    """

    def __init__(self, settings: GraphQLSettings, budgets: Budgets | None) -> None:
        self.settings = settings
        self.budgets = budgets
        self.overruns = Counter[str]()

    async def charge(self, context: Paying, estimated: int) -> None:
        """Raises BudgetExhausted."""
        if estimated > self.settings.max_cost:
            self.overruns[context.payer] += 1  # the admission has let it through
        if self.budgets is None:
            return
        cost = max(1, estimated)
        wait = (await self.budgets.spend(context.payer, cost)).wait
        if wait and self.settings.enforce_cost:
            raise _exhausted(cost, wait)
        if wait:
            self.overruns[context.payer] += 1
            _log.warning("request %s costs %d, more than %s has left", context.request_id, cost, context.payer)

    async def owe(self, context: Paying, cost: int) -> None:
        """Of what has been charged the beginning of: it is carried on even where too little is left."""
        if self.budgets is not None:
            await self.budgets.spend(context.payer, max(1, cost), always=True)

    async def settle(self, context: Paying, estimated: int, actual: int) -> None:
        """After `charge`, once the answer is known."""
        if self.budgets is not None and actual != estimated:
            await self.budgets.spend(context.payer, max(1, actual) - max(1, estimated), always=True)


def _exhausted(cost: int, wait: float) -> BudgetExhausted:
    seconds = math.ceil(wait)
    return BudgetExhausted(
        f"the operation costs {cost:,}, more than is left of the budget",
        hint=f"Wait {counted(seconds, 'second')}, or ask for smaller pages. `viewer.limits.budget` says what is left.",
        retryAfter=seconds,
    )
