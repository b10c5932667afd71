"""Many stories of one: a driver's parameter over a range, and every driver up and down."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import asdict, dataclass, replace
from typing import Any

from aurum.scenarios.documents import read_drivers, write_driver
from aurum.scenarios.drivers import Composite, Driver, Stochastic
from aurum.scenarios.model import Issue, Severity
from aurum.scenarios.nesting import remade
from aurum.scenarios.refusals import refuse_errors
from aurum.scenarios.suggestions import nearest

MOST_VALUES = 100
_LONGEST_PARAMETER = 200
_KEPT = ("name", "description", "fleet_id", "validation_rules")  # parameters that are not acted upon
_EXACT = 2**53  # whole numbers up to here are the same as integers and as floating point numbers


@dataclass(frozen=True, slots=True)
class Variation:
    """How drivers differ from those that a version of a scenario has: all that is pinned of it.

    `driver` is the one that varies, by its number: its `parameter` is `value`, as documents have it, or its moves are
    multiplied with `weight`. `alone`: the others are left out.
    """

    driver: int
    parameter: str | None = None
    value: str | float | bool | None = None
    weight: float = 1.0
    alone: bool = False

    @property
    def label(self) -> str:
        varied = f"x {self.weight:g}" if self.parameter is None else f"{self.parameter} = {self.value}"
        return f"drivers.{self.driver}{' alone' if self.alone else ''}: {varied}"

    @property
    def document(self) -> dict[str, Any]:
        """What `Variation(**document)` makes the same one of."""
        return asdict(self)


def varied(drivers: Sequence[Driver], variation: Variation | None) -> tuple[Driver, ...]:
    """Raises InvalidScenario where what comes out is no driver."""
    if variation is None:
        return tuple(drivers)
    n = variation.driver
    if variation.parameter is not None:
        found, issues = read_drivers(_changed([write_driver(each) for each in drivers], variation))
        refuse_errors(issues)
        return (found[n],) if variation.alone else found
    weights = (("0", variation.weight),)
    weighted = Composite(components=(_named(f"drivers.{n}", drivers[n]),), weights=weights, name=drivers[n].name)
    return (weighted,) if variation.alone else (*drivers[:n], weighted, *drivers[n + 1 :])


def _named(path: str, driver: Driver) -> Driver:
    """With what it draws called by where that stands in the scenario, unless it has a name: wherever a story puts it,
    it draws the same numbers, with the same correlations.
    """
    drawn = isinstance(driver, Stochastic) and not driver.name
    return remade(path, replace(driver, name=path) if drawn else driver, _named)


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
    found = [Variation(driver, parameter, _one_way(value)) for value in values]
    for n, each in enumerate(found):
        _, wrong = read_drivers([_changed(documents, each)[driver]])
        issues += [_of_value(n, driver, issue) for issue in wrong]
    return ([] if issues else found), issues


def _one_way(value: Any) -> Any:
    """A number as it is always written: 1 for 1.0, 0 for -0.0."""
    whole = isinstance(value, float) and value.is_integer() and abs(value) < _EXACT
    return int(value) if whole else value


def _changed(documents: Sequence[Any], variation: Variation) -> list[Any]:
    changed = list(documents)
    changed[variation.driver] = deepcopy(changed[variation.driver])
    *way, last = (variation.parameter or "").split(".")
    _holder(changed[variation.driver]["payload"], way)[last] = variation.value
    return changed


def _of_value(n: int, driver: int, issue: Issue) -> Issue:
    field = issue.path.replace("drivers.0.payload.", "", 1)
    return Issue(issue.severity, issue.code, f"{field} of driver {driver}: {issue.message}", f"values.{n}",
                 issue.suggestion)  # fmt: skip


def _unfit(documents: Sequence[Any], driver: int, parameter: str, values: Sequence[Any]) -> list[Issue]:
    if not 0 <= driver < len(documents):
        return [_error("OUT_OF_RANGE", f"there is no driver {driver}", "driver")]
    if not 0 < len(values) <= MOST_VALUES:
        return [_error("OUT_OF_RANGE", f"a sweep has 1 to {MOST_VALUES} values", "values")]
    payload, (*way, last) = documents[driver]["payload"], parameter.split(".")
    if len(parameter) > _LONGEST_PARAMETER or not isinstance(_holder(deepcopy(payload), way), dict):
        close = nearest(parameter, payload)
        return [_error("UNKNOWN_FIELD", f"there is no {parameter[:80]!r}", "parameter", close)]
    if last in _KEPT and way[-1:] in ([], ["payload"]):
        return [_error("WRONG_TYPE", f"{last!r} moves nothing: numbers, days and choices are varied", "parameter")]
    told = "a value is a number, a text or a truth"
    return [
        _error("WRONG_TYPE", told, f"values.{n}")
        for n, each in enumerate(values) if not isinstance(each, str | int | float)
    ]  # fmt: skip


def _error(code: str, message: str, path: str, suggestion: str | None = None) -> Issue:
    return Issue(Severity.ERROR, code, message, path, suggestion)


def _holder(payload: Any, way: Sequence[str]) -> Any:
    """What stands at the end of the way: limits also of a driver that had none, for which they are made."""
    outer = _inside(payload, way[:-1])
    if way[-1:] == ["limits"] and isinstance(outer, dict):
        outer.setdefault("limits", {})
    return _inside(payload, way)


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
    weights = (1.0 + share, 1.0 - share)
    return [Variation(n, weight=weight, alone=alone) for n in range(len(drivers)) for weight in weights]
