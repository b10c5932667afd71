"""Calendars, units and locations: what the legacy endpoints ask of the schema, and how its answer looks there."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

from aurum.market.identity import fold
from aurum.rest.parameters import Day, Parameters, Text
from aurum.rest.problems import Problem

_MOST_DAYS = 3_660
_MOST_INTERVALS = 10_000  # of `Calendar.expand`
_LOCATION_TYPES = {"MARKET": "SYSTEM", "HUB": "HUB", "ZONE": "ZONE", "NODE": "NODE"}


class Prefixed(Parameters):
    prefix: str = ""


class OfCalendar(Parameters):
    name: str


class HoursParameters(OfCalendar):
    block: str
    date: Day


class ExpandParameters(OfCalendar):
    block: str
    start: Day
    end: Day


class LocationsParameters(Parameters):
    iso: Text = None
    prefix: Text = None


class LocationParameters(Parameters):
    iso: str
    location_id: str


def no_variables(_: Parameters) -> dict[str, Any]:
    return {}


def prefix_variables(asked: Prefixed) -> dict[str, Any]:
    return {"prefix": asked.prefix}


def calendar_variables(asked: OfCalendar) -> dict[str, Any]:
    return {"name": asked.name}


def hours_variables(asked: HoursParameters) -> dict[str, Any]:
    return {"name": asked.name, "block": asked.block, "date": asked.date.isoformat()}


def expand_variables(asked: ExpandParameters) -> dict[str, Any]:
    """`end` is included. What has more intervals than the schema answers at once, it refuses."""
    days = (asked.end - asked.start).days + 1
    if not 1 <= days <= _MOST_DAYS:
        raise Problem(400, f"end must not be before start, nor over {_MOST_DAYS:,} days after it")
    range_ = {"start": asked.start.isoformat(), "end": _after(asked.end).isoformat()}
    return {"name": asked.name, "block": asked.block, "range": range_, "limit": min(25 * days, _MOST_INTERVALS)}


def _after(day: date) -> date:
    return day if day == date.max else day + timedelta(1)


def calendars(_: Parameters, data: Mapping[str, Any]) -> dict[str, Any]:
    return {"data": [{"name": each["name"], "timezone": each["zone"]} for each in data["calendars"]]}


def blocks(_: Parameters, data: Mapping[str, Any]) -> dict[str, Any]:
    return {"data": sorted(block["code"] for block in _calendar(data)["blocks"])}


def starts(_: Parameters, data: Mapping[str, Any]) -> dict[str, Any]:
    """Of `hours` and of `expand`."""
    return {"data": [each["localStart"] for each in _calendar(data)["intervals"]]}


def _calendar(data: Mapping[str, Any]) -> Mapping[str, Any]:
    found: Mapping[str, Any] | None = data["calendar"]
    if found is None:
        raise Problem(404, "Calendar not found")
    return found


def units(asked: Prefixed, data: Mapping[str, Any]) -> dict[str, Any]:
    start = asked.prefix.lower()
    codes = {name: sorted(each["code"] for each in data[name]) for name in ("currencies", "units")}
    return {"data": {name: [code for code in of if code.lower().startswith(start)] for name, of in codes.items()}}


def unit_mapping(_: Parameters, data: Mapping[str, Any]) -> dict[str, Any]:
    rows = [
        {"units_raw": each["text"], "currency": _code(each["currency"]), "per_unit": _code(each["unit"])}
        for each in data["unitMappings"]
    ]
    return {"data": sorted(rows, key=lambda row: row["units_raw"])}


def _code(found: Mapping[str, str] | None) -> str | None:
    return None if found is None else found["code"]


def iso_locations(asked: LocationsParameters, data: Mapping[str, Any]) -> dict[str, Any]:
    start = asked.prefix or ""
    found = [
        each
        for each in _of_operators(data)
        if (asked.iso is None or fold(each["iso"]) == asked.iso)
        and any(fold(each[name]).startswith(start) for name in ("location_id", "location_name"))
    ]
    return {"data": sorted(found, key=lambda each: (each["iso"], each["location_id"]))}


def iso_location(asked: LocationParameters, data: Mapping[str, Any]) -> dict[str, Any]:
    wanted = fold(asked.iso), fold(asked.location_id)
    for each in _of_operators(data):
        if (fold(each["iso"]), fold(each["location_id"])) == wanted:
            return {"data": each}
    raise Problem(404, "Location not found")


def _of_operators(data: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Those of system operators: what lies in a market of North America that has a calendar of its own."""
    return [_iso_location(each) for each in data["locations"]["nodes"] if _operator(each) is not None]


def _operator(location: Mapping[str, Any]) -> str | None:
    market = location["market"]
    name: str | None = market["calendar"] and market["calendar"]["name"]
    return name if market["parent"] and market["parent"]["key"] == "north-america" else None


def _iso_location(location: Mapping[str, Any]) -> dict[str, Any]:
    kind, name = location["kind"], location["name"]
    return {
        "iso": _operator(location),
        "location_id": location["key"].removeprefix(f"{location['market']['key']}/"),
        "location_name": name,
        "location_type": _LOCATION_TYPES[kind],
        "zone": name if kind == "ZONE" else None,
        "hub": name if kind == "HUB" else None,
        "timezone": location["timeZone"],
    }
