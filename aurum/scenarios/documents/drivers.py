"""Drivers from documents, by what the registry says of their parameters."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from aurum.scenarios.documents.fitting import check
from aurum.scenarios.documents.limits import read_condition, read_limits
from aurum.scenarios.documents.reading import Reader, Unreadable
from aurum.scenarios.drivers import Driver, Matrix, Numbers
from aurum.scenarios.model import Issue
from aurum.scenarios.registry import DRIVER_TYPES, DriverType, Parameter, ParameterKind

MOST_DRIVERS = 500  # of a scenario, those inside of others included
_DEEPEST = 8
_LONGEST_OBJECT = 10_000
_MOST_NUMBERS = 1_200  # months of a century


def read_drivers(documents: Any, path: str = "drivers") -> tuple[tuple[Driver, ...], list[Issue]]:
    """The drivers in order, and every issue that can be seen without curves; no driver where one is an ERROR."""
    reading = _Reading(Reader())
    found = reading.reader.tried(reading.drivers, documents, path, 0)
    issues = reading.reader.issues
    return (() if found is None or any(each.severity == "ERROR" for each in issues) else found), issues


class _Reading:
    def __init__(self, reader: Reader) -> None:
        self.reader = reader
        self.count = 0

    def drivers(self, value: Any, path: str, depth: int) -> tuple[Driver, ...]:
        given = self.reader.list(value, path)
        if len(given) > MOST_DRIVERS:
            raise self._too_many(path)
        found = [self.reader.tried(self.driver, each, f"{path}.{n}", depth) for n, each in enumerate(given)]
        if any(each is None for each in found):
            raise Unreadable
        return tuple(each for each in found if each is not None)

    def driver(self, value: Any, path: str, depth: int) -> Driver:
        self.count += 1
        if self.count > MOST_DRIVERS:
            raise self._too_many(path) if self.count == MOST_DRIVERS + 1 else Unreadable
        if depth > _DEEPEST:
            raise self.reader.refuse("TOO_DEEP", f"drivers are at most {_DEEPEST} deep inside of others", path)
        given = self.reader.object(value, path)
        if given.get("driver_type") is None:
            raise self.reader.refuse("MISSING_FIELD", "driver_type is not given", f"{path}.driver_type")
        where = f"{path}.driver_type"
        name = self.reader.known(self.reader.text(given["driver_type"], where), where, DRIVER_TYPES, "UNKNOWN_DRIVER")
        kind = DRIVER_TYPES[name]
        if given.get("version") not in (None, kind.version):
            self.reader.refuse(
                "UNKNOWN_VERSION", f"{name} has no version {str(given['version'])[:20]!r}", f"{path}.version",
                f"Version {kind.version!r} is the only one.",
            )  # fmt: skip
        self.reader.only(given, path, ("driver_type", "payload", "version"))
        payload = {} if given.get("payload") is None else self.reader.object(given["payload"], f"{path}.payload")
        return self._made(kind, payload, f"{path}.payload", depth)

    def _made(self, kind: DriverType, payload: Mapping[str, Any], path: str, depth: int) -> Driver:
        self.reader.only(payload, path, [*(each.name for each in kind.parameters), "name", "limits"])
        before, found = len(self.reader.issues), {}
        for parameter in kind.parameters:
            value, where = payload.get(parameter.name), f"{path}.{parameter.name}"
            if value is not None:
                found[parameter.name] = self.reader.tried(self._value, parameter, value, where, depth)
            elif kind.required(parameter.name):
                self.reader.refuse("MISSING_FIELD", f"{parameter.name} is not given: {parameter.description}", where)
        limits = self.reader.tried(read_limits, self.reader, payload.get("limits"), f"{path}.limits")
        name = payload.get("name")
        if name is not None:
            name = self.reader.tried(self.reader.text, name, f"{path}.name")
        if len(self.reader.issues) > before:
            raise Unreadable
        driver: Driver = kind.driver(**found, limits=limits, name=name)
        check(driver, self.reader, path)
        if len(self.reader.issues) > before:
            raise Unreadable
        return driver

    def _value(self, parameter: Parameter, value: Any, path: str, depth: int) -> Any:
        reader, kind = self.reader, ParameterKind
        match parameter.kind:
            case kind.NUMBER | kind.INTEGER:
                read = reader.number if parameter.kind is kind.NUMBER else reader.integer
                return self._within(parameter, read(value, path), path)
            case kind.TEXT | kind.CURVE:
                return reader.text(value, path)
            case kind.DATE:
                return reader.day(value, path)
            case kind.CHOICE if parameter.choices is not None:
                return reader.choice(value, path, parameter.choices)
            case kind.CURRENCY:
                return reader.currency(value, path)
            case kind.UNIT:
                return reader.price_unit(value, path)
            case kind.RATIO:
                return reader.ratio(value, path)
            case kind.NUMBERS:
                return self._numbers(parameter, value, path)
            case kind.MATRIX:
                return self._matrix(parameter, value, path)
            case kind.DRIVER:
                return self.driver(value, path, depth + 1)
            case kind.DRIVERS:
                return self.drivers(value, path, depth + 1)
            case kind.CONDITIONS:
                return self._conditions(value, path)
            case _:
                return self._object(value, path)

    def _within(self, parameter: Parameter, value: float, path: str) -> float:
        low, high = parameter.minimum, parameter.maximum
        beneath = low is not None and (value <= low if parameter.above else value < low)
        if beneath or (high is not None and value > high):
            unit = f" {parameter.unit}" if parameter.unit else ""
            raise self.reader.refuse(
                "OUT_OF_RANGE", f"{parameter.name} is {value:g}{unit}", path, f"Allowed is {parameter.range}."
            )
        return value

    def _numbers(self, parameter: Parameter, value: Any, path: str) -> Numbers:
        given = self.reader.object(value, path)
        if len(given) > _MOST_NUMBERS:
            raise self.reader.refuse("TOO_LONG", f"at most {_MOST_NUMBERS} numbers", path)
        read = ((each, f"{path}.{each}") for each in sorted(given))
        return tuple((each, self._within(parameter, self.reader.number(given[each], at), at)) for each, at in read)

    def _matrix(self, parameter: Parameter, value: Any, path: str) -> Matrix:
        given = self.reader.object(value, path)
        if len(given) > MOST_DRIVERS:
            raise self._too_many(path)
        return tuple((each, self._numbers(parameter, given[each], f"{path}.{each}")) for each in sorted(given))

    def _conditions(self, value: Any, path: str) -> tuple[Any, ...]:
        given: Sequence[Any] = self.reader.list(value, path)
        if len(given) > MOST_DRIVERS:
            raise self._too_many(path)
        return tuple(read_condition(self.reader, each, f"{path}.{n}") for n, each in enumerate(given))

    def _object(self, value: Any, path: str) -> str:
        try:
            text = json.dumps(self.reader.object(value, path), sort_keys=True, allow_nan=False, ensure_ascii=False)
        except (TypeError, ValueError, RecursionError):
            raise self.reader.refuse("WRONG_TYPE", "it is no JSON object", path) from None
        if len(text) > _LONGEST_OBJECT:
            raise self.reader.refuse("TOO_LONG", f"at most {_LONGEST_OBJECT} characters", path)
        return text

    def _too_many(self, path: str) -> Unreadable:
        return self.reader.refuse(
            "TOO_MANY_DRIVERS", f"a scenario has at most {MOST_DRIVERS} drivers, those inside of others included", path,
            "Drivers that say the same of many curves are one, limited to all of them.",
        )  # fmt: skip
