"""Every driver type: its parameters with units and ranges, its formula, and an example that is computed by a test."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from aurum.scenarios.registry.legacy import LEGACY
from aurum.scenarios.registry.primitives import PRIMITIVES
from aurum.scenarios.registry.types import DriverType, Example, Parameter, ParameterKind

__all__ = ["DRIVER_TYPES", "FORMULAS", "DriverType", "Example", "Parameter", "ParameterKind", "type_of"]

DRIVER_TYPES: Mapping[str, DriverType] = MappingProxyType({each.name: each for each in (*PRIMITIVES, *LEGACY)})
FORMULAS = "1"
"""Counts up whenever the same drivers over the same curves mean other numbers: it is part of a run's digest."""

_BY_CLASS = {each.driver: each for each in DRIVER_TYPES.values()}


def type_of(driver: object) -> DriverType:
    return _BY_CLASS[type(driver)]
