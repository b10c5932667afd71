"""The locations that Aurum ships, and where the vendors' curves are."""

from __future__ import annotations

from pathlib import Path
from zoneinfo import ZoneInfo

from aurum.market.calendars import CALENDARS
from aurum.market.locations import LocationAliases, LocationKind
from aurum.metadata.reference.calendars import calendar_of
from aurum.metadata.reference.locations import location_aliases, locations
from aurum.parsers import parse

ALIASES, TREE = LocationAliases(location_aliases()), locations()


def test_all_that_is_shipped_fits_together() -> None:
    for key, each in TREE.by_key.items():
        assert each.parent is None or TREE.by_key[each.parent].kind is LocationKind.MARKET
        assert each.calendar is None or each.calendar in CALENDARS
        assert each.time_zone is None or ZoneInfo(each.time_zone)
        assert each.source
        assert key == key.casefold()
    assert {each.location for each in location_aliases()} - {None} <= TREE.by_key.keys()
    texts = [(each.vendor, each.iso, each.market, each.product, each.text.casefold()) for each in location_aliases()]
    assert len(set(texts)) == len(texts)


def test_all_curves_of_the_real_files_have_a_location_but_those_that_are_of_no_place(vendor_files: Path) -> None:
    nowhere = set()
    for name in ("EOD_EUGP_20250912_1430.xlsx", "EOD_RP_20250912_1430.xlsx"):
        for curve in parse((vendor_files / name).read_bytes(), name).curves:
            identity = curve.identity
            alias = ALIASES.of(identity)
            if alias is None or alias.location is None:
                nowhere.add((identity.location, identity.product if identity.vendor == "RP" else ""))
            elif (calendar := calendar_of(identity)) is not None:
                assert TREE.by_key[alias.location].calendar in (calendar.code, None), identity
    allowances, registry = {("EUA", ""), ("UKA", "")}, {text for text in nowhere if text[0] == "NAR"}
    gasoline, biodiesel = "D6 Gasoline ({})", "D4 Biodiesel ({})"
    rins = {("New York", text) for text in ("D3 RIN (Current)", "D5 RIN (Current)", "RVO Current", "RVO Current (1)")}
    rins |= {("Gulf Coast", text.format(year)) for text in (gasoline, biodiesel) for year in ("Current", "Previous")}
    assert nowhere == allowances | registry | rins
    assert len(registry) == 2
