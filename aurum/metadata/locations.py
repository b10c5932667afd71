"""The use cases of locations: where curves are, as Aurum ships it and as a tenant says."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import fields, replace
from datetime import datetime
from functools import cache

from aurum.auth import Principal, Scope
from aurum.backends.database import WriteConnection
from aurum.backends.events import EventLog
from aurum.backends.paging import Page, PageRequest
from aurum.errors import InvalidInput
from aurum.market.identity import collapse, fold
from aurum.market.locations import ANY, LocationAlias, LocationAliases
from aurum.metadata import reference
from aurum.metadata.location_store import LocationStore
from aurum.metadata.model import AliasVersion, CurveFilter, UnlinkedText
from aurum.metadata.reasons import reason_of
from aurum.metadata.reference.locations import location, location_aliases, locations

LOCATION_ALIAS_SET = "LOCATION_ALIAS_SET"
LONGEST_TEXT = 200


class LocationService:
    def __init__(self, store: LocationStore, events: EventLog, clock: Callable[[], datetime]) -> None:
        self.store = store
        self.event_log = events
        self.clock = clock

    async def links(self, transaction: WriteConnection, principal: Principal) -> LocationAliases:
        """What texts mean, for curves that this transaction adds: until its end nobody says otherwise."""
        await transaction.lock(f"locations {principal.tenant}")
        return _in_layers(await self.store.versions_within(transaction, principal.tenant))

    async def aliases(self, principal: Principal, *, known_at: datetime | None = None) -> list[AliasVersion]:
        """In force at `known_at` (None: now): the tenant's own, and those shipped about whose texts it says nothing.

        Sorted by text and what else they go by.
        """
        principal.require(Scope.CURVES_READ)
        own = [
            each for each in await self.store.versions(principal.tenant)
            if known_at is None or each.known_from is None or each.known_from <= known_at
        ]  # fmt: skip
        found = {place(each.alias): each for each in (*_shipped(), *own)}
        return [found[texts] for texts in sorted(found)]

    async def aliases_of(self, principal: Principal, keys: Collection[str]) -> Mapping[str, Sequence[AliasVersion]]:
        """By location: what is written for it, as in force now."""
        found: dict[str, list[AliasVersion]] = {key: [] for key in keys}
        for each in await self.aliases(principal):
            if each.alias.location in found:
                found[each.alias.location].append(each)
        return found

    async def set_alias(self, principal: Principal, alias: LocationAlias, reason: str) -> tuple[AliasVersion, int]:
        """A new version of what a text means, from now on for new curves and for those that are there.

        Answers it, and how many curves are elsewhere now. Raises InvalidInput.
        """
        principal.require(Scope.CURVES_WRITE)
        alias, reason = _checked(alias), reason_of(reason, "alias")
        async with self.store.database.write() as transaction:
            await transaction.lock(f"locations {principal.tenant}")
            known = await self.store.versions_within(transaction, principal.tenant)
            version = 1 + max((each.version for each in known if place(each.alias) == place(alias)), default=0)
            said = AliasVersion(alias, version, principal.name, reason, self.clock())
            await self.store.add(transaction, principal.tenant, said)
            links = _in_layers([*known, said])
            moved = await self.store.link(transaction, principal.tenant, alias.vendor, alias.text, links)
            told = {"vendor": alias.vendor, "text": alias.text, "location": alias.location}
            await self.event_log.append(transaction, principal.tenant, self.clock(), [(LOCATION_ALIAS_SET, told)])
        return said, moved

    async def counts(self, principal: Principal, keys: Collection[str]) -> dict[str, int]:
        """By location: how many curves are there or anywhere within."""
        principal.require(Scope.CURVES_READ)
        below = {key: locations().below(key) for key in keys}
        found = await self.store.counts(principal.tenant, {each for keys in below.values() for each in keys})
        return {key: sum(found.get(each, 0) for each in within) for key, within in below.items()}

    async def unlinked(self, principal: Principal, wanted: CurveFilter, request: PageRequest) -> Page[UnlinkedText]:
        """Vendors' texts of curves whose location is not known."""
        principal.require(Scope.CURVES_READ)
        return await self.store.unlinked(principal.tenant, wanted, request)


def place(alias: LocationAlias) -> tuple[str, ...]:
    """What an alias goes by, and is sorted by."""
    return tuple(fold(each) for each in (alias.text, alias.vendor, alias.iso, alias.market, alias.product))


@cache
def _shipped() -> tuple[AliasVersion, ...]:
    source = f"Aurum's catalogue {reference.CATALOGUE_VERSION}"
    return tuple(AliasVersion(alias, 0, source, None, None) for alias in location_aliases())


def _in_layers(own: Sequence[AliasVersion]) -> LocationAliases:
    """`own`, oldest first: the newest of a text is in force."""
    return LocationAliases((each.alias for each in own), location_aliases())


def _checked(alias: LocationAlias) -> LocationAlias:
    texts = {each.name: collapse(getattr(alias, each.name)) for each in fields(alias) if each.name != "location"}
    for name, text in texts.items():
        if not text or len(text) > LONGEST_TEXT or (text == ANY and name in ("vendor", "text")):
            raise InvalidInput(f"a text of 1 to {LONGEST_TEXT} characters is needed", field=name)
    found = None if alias.location is None else location(alias.location).key
    said = {name: fold(texts[name]) for name in ("iso", "market", "product")}
    return replace(alias, **said, vendor=texts["vendor"].upper(), text=texts["text"], location=found)
