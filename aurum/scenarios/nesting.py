"""Drivers inside of others: composites, conditionals and stochastic drivers are made of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from aurum.scenarios.drivers import Driver
from aurum.scenarios.registry import ParameterKind, type_of


def inside(path: str, driver: Driver) -> Iterator[tuple[str, str, Driver]]:
    """Those that it is made of itself: of which parameter, and their paths, as issues have them."""
    for parameter in type_of(driver).parameters:
        value: Any = getattr(driver, parameter.name)
        where = f"{path}.payload.{parameter.name}"
        if parameter.kind is ParameterKind.DRIVERS:
            yield from ((parameter.name, f"{where}.{n}", each) for n, each in enumerate(value))
        elif parameter.kind is ParameterKind.DRIVER and value is not None:
            yield parameter.name, where, value


def remade(path: str, driver: Driver, change: Callable[[str, Driver], Driver]) -> Driver:
    """The driver, of what becomes of those that it is made of."""
    changes: dict[str, Any] = {}
    for name, where, each in inside(path, driver):
        new = change(where, each)
        changes[name] = (*changes.get(name, ()), new) if isinstance(getattr(driver, name), tuple) else new
    return replace(driver, **changes) if changes else driver
