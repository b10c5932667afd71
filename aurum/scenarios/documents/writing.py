"""Drivers to documents, the same ones whoever writes them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields
from datetime import date
from typing import Any

from aurum.errors import InvalidInput
from aurum.metadata.model import CurveFilter
from aurum.scenarios.drivers import Condition, Driver, Limits
from aurum.scenarios.plans.selection import FILTERS, unusable
from aurum.scenarios.registry import DriverType, Parameter, ParameterKind, type_of


def write_driver(driver: Driver) -> dict[str, Any]:
    """What `read_drivers` makes the same driver of. What is not given, or is the default, is left out."""
    kind = type_of(driver)
    payload = {
        each.name: _written(each, getattr(driver, each.name)) for each in kind.parameters if _said(kind, each, driver)
    }
    if driver.name is not None:
        payload["name"] = driver.name
    limits = _limits(driver.limits)
    if limits:
        payload["limits"] = limits
    return {"driver_type": kind.name, "version": kind.version, "payload": payload}


def canonical(document: Any) -> bytes:
    """The one way to write a document: sorted, without blanks, numbers with the fewest digits that mean them."""
    return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()


def _said(kind: DriverType, parameter: Parameter, driver: Driver) -> bool:
    value = getattr(driver, parameter.name)
    return kind.required(parameter.name) or (value not in (None, ()) and value != kind.default(parameter.name))


def _written(parameter: Parameter, value: Any) -> Any:
    kind = ParameterKind
    match parameter.kind:
        case kind.DATE:
            return value.isoformat()
        case kind.CHOICE:
            return str(value)
        case kind.NUMBER:
            return float(value)
        case kind.NUMBERS:
            return dict(value)
        case kind.MATRIX:
            return {name: dict(row) for name, row in value}
        case kind.OBJECT:
            return json.loads(value)
        case kind.DRIVER:
            return write_driver(value)
        case kind.DRIVERS:
            return [write_driver(each) for each in value]
        case kind.CONDITIONS:
            return [_fields(each) for each in value]
    return value


def _limits(limits: Limits) -> dict[str, Any]:
    found = _fields(limits)
    curves = _filter(found.pop("curves"))
    return {**found, "curves": curves} if curves else found


def _filter(curves: CurveFilter) -> Mapping[str, Any]:
    """Raises InvalidInput for a condition that a driver cannot have: it would be lost."""
    lost = unusable(curves)
    if lost:
        raise InvalidInput(f"a driver cannot be limited by {', '.join(lost)}", field="limits.curves")
    return {name: list(getattr(curves, name)) for name in FILTERS if getattr(curves, name) is not None}


def _fields(value: Limits | Condition) -> dict[str, Any]:
    given = {each.name: getattr(value, each.name) for each in fields(value)}
    return {name: _plain(each) for name, each in given.items() if each is not None}


def _plain(value: Any) -> Any:
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, tuple):
        return [str(each) for each in value]
    return str(value) if isinstance(value, str) else value
