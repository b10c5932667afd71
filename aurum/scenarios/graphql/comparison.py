"""Runs beside each other."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Annotated, TypeVar

import strawberry

from aurum.curves.analytics import comparisons
from aurum.curves.analytics.comparisons import Bucket, By, Difference
from aurum.curves.graphql import Curve, curve_of
from aurum.errors import InvalidInput
from aurum.graphql.ids import row_of
from aurum.graphql.sizes import sized, weighing
from aurum.metadata import model as catalogue
from aurum.metadata.graphql import CurveFilter, filter_of
from aurum.scenarios.graphql.arguments import Info
from aurum.scenarios.graphql.runs import ScenarioRun, run_of
from aurum.scenarios.runs.model import Run

T = TypeVar("T")
_MOST = 1_000


@strawberry.type(description="What one driver did in a bucket, in the curve's unit.")
class BucketContribution:
    position: int = strawberry.field(description="Which of the run's drivers, from 0.")
    amount: float = strawberry.field(description="What it added.")


@strawberry.type(description="A bucket of a curve in one run, in the curve's unit.")
class RunValue:
    base: float = strawberry.field(description="What the run has started from.")
    value: float = strawberry.field(description="What it has made of it.")
    move: float = strawberry.field(description="`value` less `base`.")
    contributions: list[BucketContribution] = strawberry.field(
        description="By driver; those that did nothing are left out.", directives=[sized(5)]
    )


@strawberry.type(description="Where runs differ from a base or from each other.")
class RunDifference:
    curve: Curve = strawberry.field(description="The curve.")
    label: str = strawberry.field(description="The bucket.")
    delivery_start: date = strawberry.field(description="The first day of delivery.")
    delivery_end: date = strawberry.field(description="The day after the last day of delivery.")
    point_count: int = strawberry.field(description="How many of its points are compared: those that all runs have.")
    spread: float = strawberry.field(description="The largest less the smallest of all values and bases.")
    size: float | None = strawberry.field(
        description="What differences are sorted by; null where it is a percentage of nothing."
    )
    values: list[RunValue | None] = strawberry.field(
        description="Parallel to the runs; null where one does not have it.", directives=[sized(5)]
    )


HowMany = Annotated[int, strawberry.argument(description=f"How many: at most {_MOST:,}.")]


@strawberry.type(description="Runs beside each other and their bases, by curve, delivery and driver.")
class RunComparison:
    runs: list[ScenarioRun] = strawberry.field(description="In the order they were asked for.", directives=[sized(5)])
    total_count: int = strawberry.field(description="How many differences there are.")
    found: strawberry.Private[Sequence[Difference]]
    by_key: strawberry.Private[Mapping[str, catalogue.Curve]]

    @strawberry.field(description="The largest differences first.", directives=[sized(50, "first")])
    async def differences(self, first: HowMany = 50) -> list[RunDifference]:
        return await asyncio.to_thread(differences_of, self.found, self.by_key, first)


@strawberry.type
class RunComparisonQuery:
    @strawberry.field(
        description="Where runs that have succeeded differ from their bases and from each other.",
        directives=[weighing(200)],
    )
    async def compare_runs(
        self, info: Info,
        runs: Annotated[list[strawberry.ID], strawberry.argument(description="1 to 20 runs, each once.")],
        filter: Annotated[CurveFilter | None, strawberry.argument(description="Which curves; null: all.")] = None,
        bucket: Annotated[Bucket, strawberry.argument(description="By which deliveries.")] = Bucket.MONTH,
        by: Annotated[By, strawberry.argument(description="How large a difference is.")] = By.ABSOLUTE,
    ) -> RunComparison:  # fmt: skip
        rows, context = [row_of(each, "ScenarioRun", f"runs.{n}") for n, each in enumerate(runs)], info.context
        found = await context.scenario_results.compared(context.principal, rows, filter_of(filter), bucket, by)
        return _comparison_of(*found)


def _comparison_of(
    runs: Sequence[Run], found: Sequence[Difference], curves: Mapping[str, catalogue.Curve]
) -> RunComparison:  # fmt: skip
    return RunComparison(runs=[run_of(each) for each in runs], total_count=len(found), found=found, by_key=curves)


def differences_of(
    found: Sequence[Difference], curves: Mapping[str, catalogue.Curve], first: int
) -> list[RunDifference]:
    return [_difference_of(each, curves[each.key]) for each in first_of(found, first)]


def first_of(found: Sequence[T], first: int) -> Sequence[T]:
    if not 0 <= first <= _MOST:
        raise InvalidInput(f"0 to {_MOST:,} at once", field="first")
    return found[:first]


def _difference_of(found: Difference, curve: catalogue.Curve) -> RunDifference:
    return RunDifference(
        curve=curve_of(curve), label=found.label, delivery_start=found.delivery.start, delivery_end=found.delivery.end,
        point_count=found.points, spread=found.spread, size=found.size if math.isfinite(found.size) else None,
        values=[None if each is None else _value_of(each) for each in found.runs],
    )  # fmt: skip


def _value_of(value: comparisons.RunValue) -> RunValue:
    added = [BucketContribution(position=driver, amount=amount) for driver, amount in value.contributions]
    return RunValue(base=value.base, value=value.value, move=value.move, contributions=added)
