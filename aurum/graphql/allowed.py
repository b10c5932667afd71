"""What a caller may ask for, as the schema says it."""

from __future__ import annotations

import math

import strawberry

from aurum.backends.budgets import Budgets
from aurum.graphql.charges import Charges


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
