"""Many stories of one: a driver's parameter over a range, and every driver up and down."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from aurum.scenarios.documents import read_drivers, write_driver
from aurum.scenarios.model import Composite, Driver, Issue, Severity
from aurum.scenarios.suggestions import nearest

MOST_VALUES = 100


@dataclass(frozen=True, slots=True)
class Variation:
    """The drivers of one story; `driver` is the one that varies, by its number, and `label` says how."""

    driver: int
    label: str
    drivers: tuple[Driver, ...]


def sweep(
    drivers: Sequence[Driver], driver: int, parameter: str, values: Sequence[Any]
) -> tuple[list[Variation], list[Issue]]:
    """A story for each value, as documents have it; none at all if one of them is refused.

    `parameter` is in the driver's payload; inside of others, as `components.0.payload.percent`.
    """
    documents = [write_driver(each) for each in drivers]
    issues = _unfit(documents, driver, parameter, values)
    if issues:
        return [], issues
    found = []
    for value in values:
        changed = deepcopy(documents)
        *way, last = parameter.split(".")
        _inside(changed[driver]["payload"], way)[last] = value
        read, wrong = read_drivers(changed)
        issues += wrong
        found.append(Variation(driver, f"{parameter} = {value}", read))
    return ([] if issues else found), issues


def _unfit(documents: Sequence[Any], driver: int, parameter: str, values: Sequence[Any]) -> list[Issue]:
    if not 0 <= driver < len(documents):
        return [Issue(Severity.ERROR, "OUT_OF_RANGE", f"there is no driver {driver}", "driver")]
    if not 0 < len(values) <= MOST_VALUES:
        return [Issue(Severity.ERROR, "OUT_OF_RANGE", f"a sweep has 1 to {MOST_VALUES} values", "values")]
    payload, way = documents[driver]["payload"], parameter.split(".")[:-1]
    if not isinstance(_inside(payload, way), dict):
        close = nearest(parameter, payload)
        return [Issue(Severity.ERROR, "UNKNOWN_FIELD", f"there is no {parameter[:80]!r}", "parameter", close)]
    return []


def _inside(value: Any, way: Sequence[str]) -> Any:
    """What stands at the end of the way; None: it leads nowhere."""
    for step in way:
        if isinstance(value, Mapping):
            value = value.get(step)
        elif isinstance(value, list) and step.isdecimal() and int(step) < len(value):
            value = value[int(step)]
        else:
            return None
    return value


def tornado(drivers: Sequence[Driver], share: float, *, alone: bool = False) -> list[Variation]:
    """Each driver with its moves `share` larger, then smaller (0.1: 10 %), the others as they are, or left out.

    A driver that follows others moves nothing alone.
    """
    return [
        Variation(n, label, (varied,) if alone else (*drivers[:n], varied, *drivers[n + 1 :]))
        for n, driver in enumerate(drivers)
        for label, weight in (("up", 1.0 + share), ("down", 1.0 - share))
        for varied in (Composite(components=(driver,), weights=(("0", weight),), name=driver.name),)
    ]
