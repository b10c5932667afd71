"""Drivers as typed inputs, made of the registry: what a type takes is said there, once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from enum import Enum
from typing import Annotated, Any, Optional

import strawberry
from strawberry.scalars import JSON
from strawberry.types.unset import UNSET
from strawberry.utils.str_converters import to_camel_case

from aurum.errors import InvalidInput
from aurum.graphql.enums import publish_enum
from aurum.graphql.sizes import sized
from aurum.market.periods import TenorType
from aurum.metadata.graphql import CurveFilter
from aurum.scenarios.drivers import Comparison
from aurum.scenarios.registry import DRIVER_TYPES, DriverType, Parameter, ParameterKind

publish_enum(
    Comparison,
    "How a strip's price stands to a level.",
    {
        "ABOVE": "It is more.",
        "AT_LEAST": "It is more, or the same.",
        "BELOW": "It is less.",
        "AT_MOST": "It is less, or the same.",
    },
    name="LevelComparison",
)


@strawberry.input(description="What a driver moves of the curves: all that fits every condition given.")
class DriverLimitsInput:
    delivery_start: date | None = strawberry.field(default=None, description="The first day of delivery.")
    delivery_end: date | None = strawberry.field(
        default=None, description="The day after the last one; a month that is partly inside moves by its share."
    )
    tenor_types: list[TenorType] | None = strawberry.field(
        default=None, description="Any of these kinds; null: strips move with their months."
    )
    blocks: list[str] | None = strawberry.field(default=None, description="Any of these blocks, in any spelling.")
    curves: CurveFilter | None = strawberry.field(default=None, description="Which curves; null: all of the scenario.")


@strawberry.input(description="A number with a name.")
class NamedNumberInput:
    name: str = strawberry.field(description="Whose number it is.")
    value: float = strawberry.field(description="The number.")


@strawberry.input(description="Numbers with names, under a name.")
class NamedNumbersInput:
    name: str = strawberry.field(description="Whose numbers they are.")
    values: list[NamedNumberInput] = strawberry.field(description="The numbers.")


@strawberry.input(description="Whether the strip of a curve, as the scenario has it so far, stands so to a level.")
class ConditionInput:
    curve: str = strawberry.field(description="The key of the curve.")
    delivery_start: date = strawberry.field(description="The first day of delivery: of whole months.")
    delivery_end: date = strawberry.field(description="The day after the last day of delivery.")
    comparison: Comparison = strawberry.field(description="How it has to stand.")
    level: float = strawberry.field(description="To which level, of `unit`.")
    unit: str | None = strawberry.field(default=None, description="Such as `EUR/MWh`; null: the curve's own.")


_Inner: Any = Annotated["DriverInput", strawberry.lazy("aurum.scenarios.graphql.drivers")]
_KINDS: Mapping[ParameterKind, Any] = {
    ParameterKind.NUMBER: float, ParameterKind.INTEGER: int, ParameterKind.DATE: date,
    ParameterKind.NUMBERS: list[NamedNumberInput], ParameterKind.MATRIX: list[NamedNumbersInput],
    ParameterKind.OBJECT: JSON, ParameterKind.DRIVER: _Inner, ParameterKind.DRIVERS: list[_Inner],
    ParameterKind.CONDITIONS: list[ConditionInput],
}  # fmt: skip


def _pascal(name: str) -> str:
    return "".join(word.capitalize() for word in name.split("_"))


def _kind(kind: DriverType, parameter: Parameter) -> Any:
    if parameter.choices is None:
        return _KINDS.get(parameter.kind, str)
    values = {each.name: f"`{each}` in documents." for each in parameter.choices}
    described = f"Of `{kind.name}`: {parameter.description}."
    publish_enum(parameter.choices, described, values, name=_pascal(f"{kind.name}_{parameter.name}"))
    return parameter.choices


def _described(parameter: Parameter, default: Any) -> str:
    unit = "" if parameter.unit in (None, "1") else f" Unit: {parameter.unit.removeprefix('of ')}."
    within = f" Range: {parameter.range}." if parameter.range else ""
    otherwise = "" if default is None else f" Default: {default}."
    return f"{parameter.description[0].upper()}{parameter.description[1:]}.{unit}{within}{otherwise}"


def _input(kind: DriverType) -> Any:
    """The input type of a driver type: its parameters, and what every driver has."""
    annotations: dict[str, Any] = {}
    fields: dict[str, Any] = {}
    for each in kind.parameters:
        type_, required = _kind(kind, each), kind.required(each.name)
        annotations[each.name] = type_ if required else Optional[type_]  # noqa: UP045  a lazy one is no type yet
        optional: dict[str, Any] = {} if required else {"default": None}
        fields[each.name] = strawberry.field(description=_described(each, kind.default(each.name)), **optional)
    annotations |= {"name": str | None, "limits": DriverLimitsInput | None}
    fields["name"] = strawberry.field(default=None, description="What weights, correlations and comparisons call it.")
    fields["limits"] = strawberry.field(default=None, description="What it moves; null: all that the scenario has.")
    made = type(f"{_pascal(kind.name)}DriverInput", (), {"__annotations__": annotations, **fields})
    return strawberry.input(made, description=f"{kind.summary} {kind.formula}.")


def _driver_input() -> Any:
    inputs = {name: _input(kind) for name, kind in DRIVER_TYPES.items()}
    annotations = {name: Optional[each] for name, each in inputs.items()}  # noqa: UP045  made while this runs
    fields = {name: strawberry.field(default=UNSET, description=kind.summary) for name, kind in DRIVER_TYPES.items()}
    made = type("DriverInput", (), {"__annotations__": annotations, **fields})
    return strawberry.input(made, one_of=True, description="A driver: exactly one of these types.")


DriverInput = _driver_input()


@strawberry.type(description="What a driver type takes.")
class DriverParameter:
    name: str = strawberry.field(description="Its name in documents and over REST; in GraphQL in camel case.")
    kind: str = strawberry.field(description="What it is: a number, the key of a curve, a list of drivers ...")
    description: str = strawberry.field(description="What it means.")
    unit: str | None = strawberry.field(description="What the number is in.")
    range: str | None = strawberry.field(description="What the number may be.")
    required: bool = strawberry.field(description="Whether it has to be given.")
    default: str | None = strawberry.field(description="What it is otherwise; null: nothing.")
    choices: list[str] | None = strawberry.field(description="What it may be, where that is one of a few.")


@strawberry.type(description="A way to move curves, with its formula. See docs/scenarios/drivers.md.")
class DriverKind:
    name: str = strawberry.field(description="Such as `heat_rate`.")
    version: str = strawberry.field(description="Counts up when the same driver means another number.")
    summary: str = strawberry.field(description="What it does.")
    formula: str = strawberry.field(description="By which formula.")
    parameters: list[DriverParameter] = strawberry.field(description="What it takes.", directives=[sized(6)])
    example: JSON = strawberry.field(
        description="Drivers as documents, and what the curves of docs/scenarios/drivers.md become."
    )


def driver_kinds() -> list[DriverKind]:
    return [
        DriverKind(
            name=kind.name, version=kind.version, summary=kind.summary, formula=kind.formula,
            parameters=[_parameter(kind, each) for each in kind.parameters],
            example=JSON({"drivers": list(kind.example.drivers), "becomes": dict(kind.example.becomes)}),
        )
        for kind in DRIVER_TYPES.values()
    ]  # fmt: skip


def _parameter(kind: DriverType, each: Parameter) -> DriverParameter:
    default = kind.default(each.name)
    return DriverParameter(
        name=each.name, kind=str(each.kind), description=each.description, unit=each.unit, range=each.range or None,
        required=kind.required(each.name), default=None if default is None else str(default),
        choices=None if each.choices is None else [str(choice) for choice in each.choices],
    )  # fmt: skip


def documents_of(given: Sequence[Any]) -> tuple[dict[str, Any], ...]:
    """The documents of driver inputs."""
    return tuple(_document(each) for each in given)


def _document(given: Any) -> dict[str, Any]:
    ((name, payload),) = ((name, each) for name, each in vars(given).items() if each is not UNSET and each is not None)
    return {"driver_type": name, "payload": _members(payload)}


def _members(given: Any) -> dict[str, Any]:
    return {name: _plain(each) for name, each in vars(given).items() if each is not None}


def _plain(value: Any) -> Any:
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, DriverInput):
        return _document(value)
    if isinstance(value, list):
        return _named(value) if value and isinstance(value[0], _NAMED) else [_plain(each) for each in value]
    return _members(value) if hasattr(type(value), "__strawberry_definition__") else value


_NAMED = (NamedNumberInput, NamedNumbersInput)


def _named(values: Sequence[Any]) -> dict[str, Any]:
    found = {each.name: each.value if isinstance(each, NamedNumberInput) else _named(each.values) for each in values}
    if len(found) < len(values):
        raise InvalidInput("a name is given twice", field="drivers")
    return found


def graphql_path(path: str, documents: Sequence[Any], field: str = "drivers") -> str:
    """A path in the documents as a path in the inputs: `drivers.0.payload.percent` is `drivers.0.scale.percent`."""
    return ".".join(_steps(path.split("."), {field: documents}))


def _steps(path: Sequence[str], at: Any) -> Iterator[str]:
    for step in path:
        if step == "payload" and isinstance(at, Mapping):
            yield to_camel_case(str(at.get("driver_type", step)))
        elif step != "driver_type":
            yield to_camel_case(step)
        at = at.get(step) if isinstance(at, Mapping) else _item(at, step)


def _item(at: Any, step: str) -> Any:
    listed = isinstance(at, list | tuple) and step.isdecimal() and int(step) < len(at)
    return at[int(step)] if listed else None
