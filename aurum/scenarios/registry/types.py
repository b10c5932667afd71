"""How a driver type is described: for the schema, the documentation, and the reading of documents."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields
from enum import StrEnum
from typing import Any

Document = Mapping[str, Any]


class ParameterKind(StrEnum):
    """How a parameter is written in a document."""

    NUMBER = "number"
    INTEGER = "integer"
    TEXT = "text"
    DATE = "date"
    CHOICE = "one of"
    CURVE = "key of a curve"
    CURRENCY = "code of a currency"
    UNIT = "unit of a price"
    RATIO = "unit per unit"
    NUMBERS = "numbers by name"
    MATRIX = "numbers by name, by name"
    OBJECT = "object"
    DRIVER = "driver"
    DRIVERS = "list of drivers"
    CONDITIONS = "list of conditions"


@dataclass(frozen=True, slots=True)
class Parameter:
    """`minimum` and `maximum` are allowed themselves, unless it is `above` the minimum. `unit`: of the number."""

    name: str
    kind: ParameterKind
    description: str
    unit: str | None = None
    minimum: float | None = None
    maximum: float | None = None
    above: bool = False
    choices: type[StrEnum] | None = None

    @property
    def range(self) -> str:
        """Such as `> 0`, `1900 to 2100`."""
        low, high = (None if each is None else f"{each:.12g}" for each in (self.minimum, self.maximum))
        if low is None or high is None:
            return "" if low is None else f"{'>' if self.above else '>='} {low}"
        return f"{'above ' if self.above else ''}{low} to {high}"


@dataclass(frozen=True, slots=True)
class Example:
    """Drivers over the curves of `EXAMPLE_CURVES`, and what the mids become. Curves that are not named stay."""

    drivers: tuple[Document, ...]
    becomes: Mapping[str, tuple[float, ...]]


@dataclass(frozen=True, slots=True)
class DriverType:
    """`formula` in the words of docs/scenarios.md. `version` counts up when the same document means another number."""

    name: str
    version: str
    driver: type
    summary: str
    formula: str
    parameters: tuple[Parameter, ...]
    example: Example

    def default(self, parameter: str) -> Any:
        """None where there is none, or nothing is the default."""
        found = next(each.default for each in fields(self.driver) if each.name == parameter)
        return None if found is MISSING or found == () else found

    def required(self, parameter: str) -> bool:
        return any(each.name == parameter and each.default is MISSING for each in fields(self.driver))
