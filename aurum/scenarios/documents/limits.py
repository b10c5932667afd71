"""Limits and conditions of drivers as documents."""

from __future__ import annotations

from typing import Any

from aurum.market.periods import TenorType
from aurum.metadata.model import CurveFilter
from aurum.scenarios.documents.reading import Reader, Unreadable
from aurum.scenarios.drivers import EVERYWHERE, Comparison, Condition, Limits
from aurum.scenarios.plans.selection import FILTERS

_LIMITS = ("delivery_start", "delivery_end", "tenor_types", "blocks", "curves")
_CONDITION = ("curve", "delivery_start", "delivery_end", "comparison", "level", "unit")


def read_limits(reader: Reader, value: Any, path: str) -> Limits:
    if value is None:
        return EVERYWHERE
    given = reader.object(value, path)
    reader.only(given, path, _LIMITS)
    found: dict[str, Any] = {}
    for name in ("delivery_start", "delivery_end"):
        if given.get(name) is not None:
            found[name] = reader.day(given[name], f"{path}.{name}")
    if given.get("tenor_types") is not None:
        where = f"{path}.tenor_types"
        types = {reader.choice(each, where, TenorType) for each in reader.list(given["tenor_types"], where)}
        found["tenor_types"] = tuple(each for each in TenorType if each in types)
    if given.get("blocks") is not None:
        found["blocks"] = _texts(reader, given["blocks"], f"{path}.blocks")
    if given.get("curves") is not None:
        found["curves"] = _filter(reader, given["curves"], f"{path}.curves")
    start, end = found.get("delivery_start"), found.get("delivery_end")
    if start is not None and end is not None and end <= start:
        raise reader.refuse("EMPTY_WINDOW", f"delivery ends on {end}, before it starts", f"{path}.delivery_end")
    return Limits(**found)


def _filter(reader: Reader, value: Any, path: str) -> CurveFilter:
    given = reader.object(value, path)
    reader.only(given, path, FILTERS)
    named = [name for name in FILTERS if given.get(name) is not None]
    found: dict[str, Any] = {name: _texts(reader, given[name], f"{path}.{name}") for name in named}
    return CurveFilter(**found)


def _texts(reader: Reader, value: Any, path: str) -> tuple[str, ...]:
    return tuple(sorted({reader.text(each, path) for each in reader.list(value, path)}))


def read_condition(reader: Reader, value: Any, path: str) -> Condition:
    given = reader.object(value, path)
    reader.only(given, path, _CONDITION)
    missing = [name for name in _CONDITION[:-1] if given.get(name) is None]
    for name in missing:
        reader.refuse("MISSING_FIELD", f"{name} is not given", f"{path}.{name}")
    if missing:
        raise Unreadable
    start = reader.day(given["delivery_start"], f"{path}.delivery_start")
    end = reader.day(given["delivery_end"], f"{path}.delivery_end")
    if not (start.day == end.day == 1 and start < end):
        raise reader.refuse("EMPTY_WINDOW", "a condition reads whole months, one or more", f"{path}.delivery_end")
    unit = given.get("unit")
    return Condition(
        reader.text(given["curve"], f"{path}.curve"), start, end,
        reader.choice(given["comparison"], f"{path}.comparison", Comparison),
        reader.number(given["level"], f"{path}.level"),
        None if unit is None else reader.price_unit(unit, f"{path}.unit"),
    )  # fmt: skip
