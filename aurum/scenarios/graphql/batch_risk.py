"""What positions may lose in the runs of a sweep or a tornado, as one table."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

import strawberry

from aurum.graphql.sizes import sized
from aurum.scenarios.graphql.bars import BatchRead, TornadoBar
from aurum.scenarios.graphql.simulation import SimulatedRisk, simulated_risk_of
from aurum.scenarios.runs.simulated import RunSimulation


@strawberry.type(description="What is at risk in one delivery period, or in all of them together.")
class BatchRiskRow:
    delivery_start: date | None = strawberry.field(description="The first day of delivery; null: all positions.")
    delivery_end: date | None = strawberry.field(description="The day after the last day of it; null: all positions.")
    values: list[SimulatedRisk | None] = strawberry.field(
        description="In each run, parallel to `runs`; null: it has not succeeded.", directives=[sized(10)]
    )
    bars: list[TornadoBar] = strawberry.field(
        description="Of a tornado, by how much a driver makes the value at risk larger, the longest first; none where "
        "drivers vary alone: the base is not simulated.",
        directives=[sized(5)],
    )


@strawberry.type(description="What positions may lose in each run of a batch.")
class BatchRisk:
    currency: str | None = strawberry.field(description="The code of what it is told in.")
    level: float = strawberry.field(description="Of value at risk.")
    rows: list[BatchRiskRow] = strawberry.field(
        description="All positions together, then by delivery period.", directives=[sized(25)]
    )


def batch_risk_of(batch: BatchRead, found: Mapping[int, RunSimulation]) -> BatchRisk | None:
    """Of runs that have one simulation's terms; None where they simulate no positions."""
    told = [found.get(each.run.id) for each in batch.runs]
    terms = next((each.terms for each in told if each is not None), None)
    if terms is None or not terms.positions:
        return None
    risks = [None if each is None or each.summary is None else each.summary.risks for each in told]
    count = max((len(each) for each in risks if each is not None), default=0)
    rows = [[None if each is None else simulated_risk_of(each[n]) for each in risks] for n in range(count)]
    return BatchRisk(currency=terms.currency, level=terms.level, rows=[_row_of(each, batch) for each in rows])


def _row_of(values: list[SimulatedRisk | None], batch: BatchRead) -> BatchRiskRow:
    first = next(each for each in values if each is not None)
    bars = batch.bars(None, [None if each is None else each.value_at_risk for each in values])
    return BatchRiskRow(delivery_start=first.delivery_start, delivery_end=first.delivery_end, values=values, bars=bars)
