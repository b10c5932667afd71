"""The drivers of a run: those of its scenario's version, varied as the run says."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from aurum.scenarios.documents import write_driver
from aurum.scenarios.drivers import Driver
from aurum.scenarios.refusals import refuse_errors
from aurum.scenarios.repository.model import Version
from aurum.scenarios.runs.model import Run
from aurum.scenarios.variations import varied


def drivers_of(run: Run, version: Version) -> tuple[Driver, ...]:
    drivers, issues = version.definition.read()
    refuse_errors(issues)
    return varied(drivers, run.variation)


def documents_of(run: Run, version: Version) -> Sequence[Any]:
    if run.variation is None:
        return version.definition.drivers
    return [write_driver(each) for each in drivers_of(run, version)]
