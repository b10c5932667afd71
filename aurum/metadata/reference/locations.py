"""The locations that Aurum ships, and how vendors and operators write them."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from functools import cache
from importlib.resources import files

from aurum.errors import InvalidInput
from aurum.market.calendars import CALENDARS
from aurum.market.identity import fold
from aurum.market.locations import Location, LocationAlias, LocationKind, Locations


@cache
def locations() -> Locations:
    return Locations(
        Location(
            row["key"], row["name"], LocationKind(row["kind"]), row["parent"] or None,
            CALENDARS[row["calendar"]].code if row["calendar"] else None, row["time_zone"] or None, row["source"],
        )
        for row in _rows("locations.csv")
    )  # fmt: skip


@cache
def location_aliases() -> tuple[LocationAlias, ...]:
    return tuple(
        LocationAlias(row["vendor"], row["iso"], row["market"], row["product"], row["text"], row["location"] or None)
        for row in _rows("location_aliases.csv")
    )


def location(key: str, field: str = "location") -> Location:
    """By its key, in any case. Raises InvalidInput where there is none."""
    found = locations().by_key.get(fold(key))
    if found is None:
        raise InvalidInput(f"unknown location: {key[:100]}", field=field, hint="See the field `locations`.")
    return found


def within(keys: Iterable[str]) -> list[str]:
    """The keys of these locations and of all within them. Raises InvalidInput where one is not known."""
    found = [below for key in keys for below in locations().below(location(key, "locatedIn").key)]
    return list(dict.fromkeys(found))


def _rows(name: str) -> list[dict[str, str]]:
    text = files(__package__ or "").joinpath(name).read_text(encoding="utf-8")
    return list(csv.DictReader(text.splitlines()))
