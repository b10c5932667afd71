"""docs/scenarios/drivers.md: `python -m aurum.scenarios.registry.printing > docs/scenarios/drivers.md`."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator

from aurum.scenarios.fuels import FUELS
from aurum.scenarios.policies import SHIPPED
from aurum.scenarios.registry import DRIVER_TYPES, DriverType, Parameter
from aurum.scenarios.registry.curves import AS_OF, EXAMPLE_CURVES

_TOP = """# Drivers

Printed from the registry; a test compares. What is common to all of them (limits, strips, order, units, what adds up)
is in [scenarios](../scenarios.md). Every type also takes `limits`, and a `name`, which weights, correlations and
comparisons call it by.

All examples are of these curves, as of {as_of}, with deliveries from 2026-11 to 2027-02:

| curve | unit | mids |
|---|---|---|
{curves}
"""


def printed() -> str:
    curves = (
        f"| `{key}` | {base.curve.currency}/{base.curve.unit} | {_numbers(base.mid.tolist())} |"
        for key, base in EXAMPLE_CURVES.items()
    )
    top = _TOP.format(as_of=AS_OF, curves="\n".join(curves))
    return "\n".join([top, *(line for kind in DRIVER_TYPES.values() for line in _kind(kind)), *_fuels(), *_policies()])


def _kind(kind: DriverType) -> Iterator[str]:
    yield f"## `{kind.name}` (version {kind.version})\n"
    yield f"{kind.summary}\n"
    yield f"{kind.formula}.\n"
    yield "| parameter | is | default | range | unit | |\n|---|---|---|---|---|---|"
    yield from (_parameter(kind, each) for each in kind.parameters)
    drivers = json.dumps(kind.example.drivers, indent=None, default=dict)
    yield f"\n```json\n{drivers}\n```\n"
    for key, mids in kind.example.becomes.items():
        yield f"`{key}` becomes {_numbers(mids)}.\n"


def _parameter(kind: DriverType, each: Parameter) -> str:
    default = "required" if kind.required(each.name) else kind.default(each.name)
    is_ = " ".join(["one of", *(f"`{choice}`" for choice in each.choices)]) if each.choices else str(each.kind)
    cells = (f"`{each.name}`", is_, "" if default is None else default, each.range, each.unit or "", each.description)
    return f"| {' | '.join(str(cell) for cell in cells)} |"


def _fuels() -> Iterator[str]:
    yield "## Fuels\n\nWhat a MWh of power takes where a driver does not say.\n"
    yield "| fuel | consumption | | source |\n|---|---|---|---|"
    yield from (f"| `{fuel}` | {use.consumption} | {use.unit} | {use.source} |" for fuel, use in FUELS.items())


def _policies() -> Iterator[str]:
    yield "\n## Policies that are shipped\n\n| name | version | | source |\n|---|---|---|---|"
    for all_ in SHIPPED.versions.values():
        yield from (f"| {each.name} | {each.version} | {each.description} | {each.source} |" for each in all_)
    yield ""


def _numbers(values: tuple[float, ...] | list[float]) -> str:
    return ", ".join(f"{value:g}" for value in values)


if __name__ == "__main__":
    sys.stdout.write(printed())
