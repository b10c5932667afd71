"""Locations: markets, hubs, zones and nodes, what lies within what, and how vendors write them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from aurum.market.identity import CurveIdentity, fold

ANY = "*"
_ASKED = ("vendor", "iso", "market", "product")


class LocationKind(StrEnum):
    MARKET = "MARKET"
    HUB = "HUB"
    ZONE = "ZONE"
    NODE = "NODE"


@dataclass(frozen=True, slots=True)
class Location:
    """`calendar` is the code of the one by which power or gas is delivered there, `time_zone` a name of the IANA
    database; None: not known, or not one alone. `source` is where this is from."""

    key: str
    name: str
    kind: LocationKind
    parent: str | None
    calendar: str | None
    time_zone: str | None
    source: str


class Locations:
    """A forest of them. Raises ValueError for a parent that is not there, a circle, and a root that is no market."""

    def __init__(self, locations: Iterable[Location]) -> None:
        self.by_key: Mapping[str, Location] = MappingProxyType({each.key: each for each in locations})
        children: dict[str, list[Location]] = {}
        for key in sorted(self.by_key):
            each = self.by_key[key]
            if each.parent is None and each.kind is not LocationKind.MARKET:
                raise ValueError(f"{key} is in no market")
            if each.parent is not None:
                children.setdefault(each.parent, []).append(each)
        self._children = {parent: tuple(each) for parent, each in children.items()}
        roots = [key for key, each in self.by_key.items() if each.parent is None]
        lost = self.by_key.keys() - {key for root in roots for key in self.below(root)}
        if lost:
            raise ValueError(f"not below a root: {', '.join(sorted(lost))}")

    def children(self, key: str) -> tuple[Location, ...]:
        """Sorted by key."""
        return self._children.get(key, ())

    def ancestors(self, key: str) -> Iterator[Location]:
        """The nearest first."""
        parent = self.by_key[key].parent
        while parent is not None:
            yield self.by_key[parent]
            parent = self.by_key[parent].parent

    def below(self, key: str) -> list[str]:
        """Its key and those of all within it."""
        return [key, *(found for child in self.children(key) for found in self.below(child.key))]

    def market(self, key: str) -> Location:
        """The innermost market that it is in; itself where it is one."""
        around = (self.by_key[key], *self.ancestors(key))
        return next(each for each in around if each.kind is LocationKind.MARKET)


@dataclass(frozen=True, slots=True)
class LocationAlias:
    """What a text means as a curve's location, where the curve's other texts are these; ANY: whatever they are.

    `location` is a key; None: the text means no location that is known.
    """

    vendor: str
    iso: str
    market: str
    product: str
    text: str
    location: str | None


class LocationAliases:
    """What curves' texts mean. Of the aliases that fit, the earliest of `layers` counts; within it the one that says
    most, and of two that say as much the one that says the vendor, then the operator, then the market."""

    def __init__(self, *layers: Iterable[LocationAlias]) -> None:
        self._layers = [{_texts_of(alias): alias for alias in layer} for layer in layers]

    def of(self, identity: CurveIdentity) -> LocationAlias | None:
        """None: nobody has said what its text means."""
        asked, text = [fold(getattr(identity, name)) for name in _ASKED], fold(identity.location)
        for layer in self._layers:
            for given in _PATTERNS:
                texts = (*(each if said else ANY for each, said in zip(asked, given, strict=True)), text)
                if (found := layer.get(texts)) is not None:
                    return found
        return None


def _texts_of(alias: LocationAlias) -> tuple[str, ...]:
    return tuple(fold(getattr(alias, name)) for name in (*_ASKED, "text"))


_PATTERNS = sorted(
    ([bool(n & bit) for bit in (8, 4, 2, 1)] for n in range(16)), key=lambda given: (sum(given), given), reverse=True
)
