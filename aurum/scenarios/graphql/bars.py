"""A sweep or a tornado as it is read: with the bars of a tornado."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import strawberry

from aurum.scenarios.batches import model
from aurum.scenarios.batches.model import BatchKind
from aurum.scenarios.batches.summary import Bar, Line, bars
from aurum.scenarios.graphql.arguments import ScenarioDriver, driver_of


@strawberry.type(description="How a tornado's measure moves with one driver.")
class TornadoBar:
    position: int = strawberry.field(description="Which driver of the scenario's version, from 0.")
    driver: ScenarioDriver = strawberry.field(description="The driver.")
    up: float = strawberry.field(description="With its moves larger, less the middle: the scenario as it is, or the "
                                 "base where drivers vary alone.")  # fmt: skip
    down: float = strawberry.field(description="With its moves smaller, less the middle.")
    range: float = strawberry.field(description="From the lowest of them and the middle to the highest.")


class BatchRead:
    """A batch with its runs, and the documents of the drivers that vary."""

    def __init__(self, kind: BatchKind, runs: Sequence[model.BatchRun], drivers: Sequence[Any]) -> None:
        self.kind = kind
        self.runs = runs
        self.drivers = drivers

    def told(self, line: Line) -> dict[str, Any]:
        found = self.bars(line.base, line.values)
        return {"base": line.base, "values": list(line.values), "changes": line.changes, "bars": found}

    def bars(self, base: float | None, values: Sequence[float | None]) -> list[TornadoBar]:
        """Of a measure that is this at what the runs start from (None: nobody has measured it), and in each run."""
        if self.kind is not BatchKind.TORNADO:
            return []
        return [self._bar_of(each) for each in bars(base, values, [each.run.variation for each in self.runs])]

    def _bar_of(self, bar: Bar) -> TornadoBar:
        driver = driver_of(self.drivers[bar.driver])
        return TornadoBar(position=bar.driver, driver=driver, up=bar.up, down=bar.down, range=bar.range)
