"""Locations: what lies within what, how vendors write them, and the curves that are there."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache
from typing import Annotated

import strawberry

from aurum.backends.paging import page_among
from aurum.curves.graphql.arguments import Filter, Info, KnownAt, instant_of
from aurum.curves.graphql.roots import CurveConnection, curves_page
from aurum.errors import InvalidInput
from aurum.graphql.columnar.plans import batched
from aurum.graphql.connections import After, Connection, First, connection, page_request
from aurum.graphql.enums import publish_enum
from aurum.graphql.sizes import DEFAULT_PAGE, sized, sizing, weighing
from aurum.market import locations as market
from aurum.market.calendars import CALENDARS
from aurum.market.identity import fold
from aurum.market.locations import ANY, LocationKind
from aurum.metadata import model
from aurum.metadata.graphql import Calendar, Problem, calendar_face, filter_of, problem_of
from aurum.metadata.locations import place
from aurum.metadata.reference.locations import location, location_aliases, locations

_PAGED = sizing(DEFAULT_PAGE, ["first"], "nodes", "edges")

publish_enum(
    LocationKind,
    "What kind of place a location is.",
    {
        "MARKET": "A market: what is within it trades by one calendar, or by several markets within.",
        "HUB": "Where things are traded: a point, or the mean of several.",
        "ZONE": "An area with one price, or a region that products are grouped by.",
        "NODE": "A single point of a network.",
    },
)


@strawberry.type(description="What a text means as a curve's location. A text that no alias fits stays unlinked.")
class LocationAlias:
    text: str = strawberry.field(description="As the vendor spells it; it is matched in any case and spacing.")
    vendor: str | None = strawberry.field(description="Of curves of this vendor only; null: of any.")
    iso: str | None = strawberry.field(description="Of curves of this system operator only; null: of any.")
    market: str | None = strawberry.field(description="Of curves of this market only; null: of any.")
    product: str | None = strawberry.field(description="Of curves of this product only; null: of any.")
    version: int = strawberry.field(description="0 is the one that Aurum ships; each change counts one up.")
    author: str = strawberry.field(description="Who said so.")
    reason: str | None = strawberry.field(description="Why; null: shipped.")
    known_from: datetime | None = strawberry.field(description="Since when it is in force (UTC); null: shipped.")
    location_key: strawberry.Private[str | None]

    @strawberry.field(description="What it means; null: no location that is known.", metadata=batched())
    def location(self) -> Location | None:
        return None if self.location_key is None else location_face(self.location_key)


@strawberry.type(description="A place that curves belong to, within others.")
class Location:
    key: str = strawberry.field(description="Such as `pjm/western-hub`. Never changes.")
    name: str = strawberry.field(description="In English.")
    kind: LocationKind = strawberry.field(description="What kind of place it is.")
    calendar: Calendar | None = strawberry.field(
        description="By which power or gas is delivered there as a rule; a curve's own is `Curve.calendar`. Null: not "
        "known, or nothing is delivered by the hour."
    )
    time_zone: str | None = strawberry.field(
        description="Of its clocks, by its name in the IANA database; null: not known, or not one alone."
    )
    source: str = strawberry.field(description="Where this is from.")

    @strawberry.field(description="What it lies in; null: it is at the top.", metadata=batched())
    def parent(self) -> Location | None:
        parent = locations().by_key[self.key].parent
        return None if parent is None else location_face(parent)

    @strawberry.field(description="What lies directly in it, by key.", metadata=batched(), directives=[sized(15)])
    def children(self) -> list[Location]:
        return [location_of(child) for child in locations().children(self.key)]

    @strawberry.field(description="All that it lies in, the nearest first.", metadata=batched(), directives=[sized(3)])
    def ancestors(self) -> list[Location]:
        return [location_of(each) for each in locations().ancestors(self.key)]

    @strawberry.field(description="The innermost market that it is in; itself where it is one.", metadata=batched())
    def market(self) -> Location:
        return location_of(locations().market(self.key))

    @strawberry.field(
        description="What is written for it, sorted by text: the tenant's own aliases, and those shipped.",
        metadata=batched(), directives=[sized(5)],
    )  # fmt: skip
    async def aliases(self, info: Info) -> list[LocationAlias]:
        found = await info.context.load(info.context.metadata.locations.aliases_of, self.key)
        return [alias_of(each) for each in found or ()]

    @strawberry.field(description="How many curves are there or anywhere within.", metadata=batched())
    async def curve_count(self, info: Info) -> int:
        return await info.context.load(info.context.metadata.locations.counts, self.key) or 0

    @strawberry.field(
        description="Curves that are there, sorted by key. Each location is read by itself: of many, ask for "
        "`curves(filter: {locatedIn: ...})`.",
        directives=[_PAGED, weighing(20)],
    )
    async def curves(
        self, info: Info,
        below: Annotated[bool, strawberry.argument(
            description="Whether to count those anywhere within it.")] = True,
        first: First = None, after: After = None,
    ) -> CurveConnection:  # fmt: skip
        keys = tuple(locations().below(self.key)) if below else (self.key,)
        return await curves_page(info, model.CurveFilter(located_in=keys), None, first, after)


@strawberry.type(description="A page of locations.")
class LocationConnection(Connection[Location]):
    pass


@strawberry.type(description="A page of aliases.")
class LocationAliasConnection(Connection[LocationAlias]):
    pass


@strawberry.type(description="A vendor's text of curves whose location is not known, or that are of no place.")
class UnlinkedLocation:
    vendor: str = strawberry.field(description="The vendor's code.")
    iso: str | None = strawberry.field(description="The system operator, where the vendor names one.")
    market: str = strawberry.field(description="The vendor's market.")
    text: str = strawberry.field(description="As the vendor spells it.")
    curve_count: int = strawberry.field(description="How many curves without a location have it.")


@strawberry.type(description="A page of texts without a location.")
class UnlinkedLocationConnection(Connection[UnlinkedLocation]):
    pass


@strawberry.input(description="What a vendor's text means as a location from now on, for new curves and known ones.")
class SetLocationAliasInput:
    text: str = strawberry.field(description="The text, as `Curve.locationName` has it.")
    vendor: str = strawberry.field(description="Whose text it is, such as `EUGP`.")
    iso: str | None = strawberry.field(default=None, description="Only with this system operator; null: with any.")
    market: str | None = strawberry.field(default=None, description="Only with this market; null: with any.")
    product: str | None = strawberry.field(default=None, description="Only with this product; null: with any.")
    location: str | None = strawberry.field(default=None, description="The location's key; null: none that is known.")
    reason: str = strawberry.field(description="Why; kept with the alias.")


@strawberry.type(description="The alias and what it did, or what was wrong.")
class SetLocationAliasPayload:
    alias: LocationAlias | None = strawberry.field(description="Null where there are problems.")
    moved_count: int = strawberry.field(description="How many curves are at another location now.")
    problems: list[Problem] = strawberry.field(description="Empty where it worked.", directives=[sized(1)])


@strawberry.type
class LocationQuery:
    @strawberry.field(description="A location by its key; null: there is none.")
    def location(
        self, info: Info, key: Annotated[str, strawberry.argument(description="Such as `pjm/western-hub`.")]
    ) -> Location | None:
        return location_face(fold(key))

    @strawberry.field(description="The locations that Aurum knows, sorted by key.", directives=[_PAGED])
    def locations(
        self, info: Info,
        market: Annotated[str | None, strawberry.argument(
            description="Only within this one, by its key, itself included; null: all.")] = None,
        kind: Annotated[LocationKind | None, strawberry.argument(description="Only of this kind; null: all.")] = None,
        prefix: Annotated[str, strawberry.argument(
            description="Only those whose key, name or shipped alias begins so, in any case.")] = "",
        first: First = None, after: After = None,
    ) -> LocationConnection:  # fmt: skip
        request = page_request("locations", first, after)
        chosen = _chosen(market, kind, prefix)
        page = page_among(chosen, lambda each: (each.key,), request)
        return connection(LocationConnection, "locations", page, location_of)

    @strawberry.field(
        description="What texts mean as locations: the tenant's own aliases before the shipped ones, sorted by text.",
        directives=[_PAGED],
    )
    async def location_aliases(
        self, info: Info,
        prefix: Annotated[str, strawberry.argument(description="Only texts that begin so, in any case.")] = "",
        known_at: KnownAt = None, first: First = None, after: After = None,
    ) -> LocationAliasConnection:  # fmt: skip
        context, request = info.context, page_request("locationAliases", first, after)
        found = await context.metadata.locations.aliases(context.principal, known_at=instant_of(known_at))
        start = fold(prefix)
        chosen = [each for each in found if fold(each.alias.text).startswith(start)]
        page = page_among(chosen, lambda each: place(each.alias), request)
        return connection(LocationAliasConnection, "locationAliases", page, alias_of)

    @strawberry.field(
        description="Vendors' texts of curves whose location is not known, or that are of no place: by vendor, system "
        "operator, market and text. `setLocationAlias` says what one means.",
        directives=[_PAGED],
    )
    async def unlinked_locations(
        self, info: Info, filter: Filter = None, first: First = None, after: After = None
    ) -> UnlinkedLocationConnection:
        context, request = info.context, page_request("unlinkedLocations", first, after)
        page = await context.metadata.locations.unlinked(context.principal, filter_of(filter), request)
        return connection(UnlinkedLocationConnection, "unlinkedLocations", page, _unlinked_of)


@strawberry.type
class LocationMutation:
    @strawberry.mutation(description="Says what a vendor's text means as a location: a new version, with who and why.")
    async def set_location_alias(
        self, info: Info, input: Annotated[SetLocationAliasInput, strawberry.argument(description="Text and location.")]
    ) -> SetLocationAliasPayload:
        context = info.context
        iso, of_market, product = (ANY if text is None else text for text in (input.iso, input.market, input.product))
        alias = market.LocationAlias(input.vendor, iso, of_market, product, input.text, input.location)
        try:
            said, moved = await context.metadata.locations.set_alias(context.principal, alias, input.reason)
        except InvalidInput as error:
            return SetLocationAliasPayload(alias=None, moved_count=0, problems=[problem_of(error)])
        return SetLocationAliasPayload(alias=alias_of(said), moved_count=moved, problems=[])


def location_face(key: str) -> Location | None:
    found = locations().by_key.get(key)
    return None if found is None else location_of(found)


@lru_cache(maxsize=4096)
def location_of(found: market.Location) -> Location:
    return Location(
        key=found.key, name=found.name, kind=found.kind, time_zone=found.time_zone, source=found.source,
        calendar=calendar_face(CALENDARS[found.calendar]) if found.calendar else None,
    )  # fmt: skip


def alias_of(said: model.AliasVersion) -> LocationAlias:
    alias = said.alias
    vendor, iso, of_market, product = (
        None if text == ANY else text for text in (alias.vendor, alias.iso, alias.market, alias.product)
    )
    return LocationAlias(
        text=alias.text, vendor=vendor, iso=iso, market=of_market, product=product, location_key=alias.location,
        version=said.version, author=said.author, reason=said.reason, known_from=said.known_from,
    )  # fmt: skip


def _unlinked_of(found: model.UnlinkedText) -> UnlinkedLocation:
    return UnlinkedLocation(
        vendor=found.vendor, iso=found.iso or None, market=found.market, text=found.text, curve_count=found.curves
    )


def _chosen(market: str | None, kind: LocationKind | None, prefix: str) -> Sequence[market.Location]:
    start, tree = fold(prefix), locations()
    keys = sorted(tree.by_key if market is None else tree.below(location(market, "market").key))
    written = {each.location for each in location_aliases() if fold(each.text).startswith(start)}
    return [
        each for each in map(tree.by_key.__getitem__, keys)
        if (kind is None or each.kind is kind)
        and (each.key in written or any(fold(text).startswith(start) for text in (each.key, each.name)))
    ]  # fmt: skip
