"""What operations cost their callers over time, where the settings give each a budget; and what each may do."""

from __future__ import annotations

import logging
import math
from collections import Counter
from typing import Protocol

import strawberry

from aurum.backends.budgets import Budgets
from aurum.graphql.media import DocumentRefused
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

    async def settle(self, context: Paying, estimated: int, actual: int) -> None:
        """After `charge`, once the answer is known."""
        if self.budgets is not None and actual != estimated:
            await self.budgets.spend(context.payer, max(1, actual) - max(1, estimated), always=True)


def _exhausted(cost: int, wait: float) -> BudgetExhausted:
    seconds = math.ceil(wait)
    return BudgetExhausted(
        f"the operation costs {cost:,}, more than is left of the budget",
        hint=f"Wait {seconds} seconds, or ask for smaller pages. `viewer.limits.budget` says what is left.",
        retryAfter=seconds,
    )


@strawberry.type(description="What a caller may spend over time.")
class CostBudget:
    capacity: int = strawberry.field(description="At most, and at the start: the cost of so many objects.")
    per_second: float = strawberry.field(description="How much of it comes back in a second.")
    left: int = strawberry.field(description="What is left now; below 0 where an answer cost more than estimated.")


@strawberry.type(description="What one operation, and what a caller, may ask for.")
class Limits:
    max_cost: int = strawberry.field(description="Of an operation, as `extensions.cost.estimated` has it.")
    max_depth: int = strawberry.field(description="Levels of fields.")
    max_aliases: int = strawberry.field(description="Of an operation.")
    max_root_fields: int = strawberry.field(description="Fields of the first level.")
    max_directives: int = strawberry.field(description="Of a document.")
    max_tokens: int = strawberry.field(description="Of a document.")
    max_list_items: int = strawberry.field(description="Of a list in the document or the variables.")
    max_body_kib: int = strawberry.field(description="Of a request without files, in KiB.")
    deadline_seconds: float = strawberry.field(description="How long this operation may take.")
    costs_enforced: bool = strawberry.field(description="False: what costs too much is executed, and counted.")
    overrun_count: int = strawberry.field(description="How many of the caller's operations this process so counted.")
    budget: CostBudget | None = strawberry.field(description="Null: there is none.")


async def limits_of(charges: Charges, payer: str, seconds: float) -> Limits:
    given = charges.settings
    return Limits(
        max_cost=given.max_cost, max_depth=given.max_depth, max_aliases=given.max_aliases,
        max_root_fields=given.max_root_fields, max_directives=given.max_directives, max_tokens=given.max_tokens,
        max_list_items=given.max_list_items, max_body_kib=given.max_body_kib, deadline_seconds=seconds,
        costs_enforced=given.enforce_cost, overrun_count=charges.overruns[payer],
        budget=None if charges.budgets is None else await _budget_of(charges.budgets, payer),
    )  # fmt: skip


async def _budget_of(budgets: Budgets, payer: str) -> CostBudget:
    spent = await budgets.spend(payer, 0, always=True)
    return CostBudget(capacity=budgets.capacity, per_second=budgets.per_second, left=math.floor(spent.left))
