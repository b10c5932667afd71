"""Locations: the tree, and which alias of several counts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aurum.market.identity import CurveIdentity
from aurum.market.locations import Location, LocationAlias, LocationAliases, LocationKind, Locations


def at(key: str, parent: str | None = None, kind: LocationKind = LocationKind.MARKET) -> Location:
    return Location(key, key.title(), kind, parent, None, None, "a test")


TREE = Locations([at("us"), at("pjm", "us"), at("hub", "pjm", LocationKind.HUB), at("node", "hub", LocationKind.NODE)])


def test_what_lies_within_what() -> None:
    assert TREE.below("us") == ["us", "pjm", "hub", "node"]
    assert [each.key for each in TREE.ancestors("node")] == ["hub", "pjm", "us"]
    assert [each.key for each in TREE.children("us")] == ["pjm"]
    assert (TREE.market("node").key, TREE.market("pjm").key) == ("pjm", "pjm")


@pytest.mark.parametrize(
    "wrong",
    [
        [at("hub", None, LocationKind.HUB)],
        [at("hub", "nowhere")],
        [at("root"), at("one", "other"), at("other", "one")],
    ],
)
def test_what_is_no_forest_of_markets_is_refused(wrong: list[Location]) -> None:
    with pytest.raises(ValueError):
        Locations(wrong)


def alias(
    location: str | None, vendor: str = "*", iso: str = "*", market: str = "*", product: str = "*"
) -> LocationAlias:
    return LocationAlias(vendor, iso, market, product, "West Hub", location)


CURVE = CurveIdentity("PW", "DA", "WEST  hub", "power", iso="PJM")


@pytest.mark.parametrize(
    ("aliases", "found"),
    [
        ([alias("a")], "a"),
        ([alias("a"), alias("b", vendor="pw")], "b"),
        ([alias("a", market="da", product="power"), alias("b", vendor="PW", iso="PJM")], "b"),
        ([alias("a", iso="ERCOT"), alias("b", vendor="RP")], None),
        ([alias("a", vendor="PW"), alias(None, vendor="PW", product="POWER")], None),
    ],
)
def test_the_alias_that_says_most_counts(aliases: list[LocationAlias], found: str | None) -> None:
    fitting = LocationAliases(aliases).of(CURVE)
    assert (fitting and fitting.location) == found


def test_earlier_layers_go_before_what_says_more() -> None:
    exact = alias("shipped", "PW", "PJM", "DA", "power")
    fitting = LocationAliases([alias("own")], [exact]).of(CURVE)
    assert fitting is not None
    assert fitting.location == "own"


TEXTS = st.sampled_from(["*", "pw", "pjm", "da", "power", "other"])
ALIASES = st.lists(st.builds(alias, st.text("abc", min_size=1), TEXTS, TEXTS, TEXTS, TEXTS), max_size=12)


@given(ALIASES)
def test_as_many_others_there_are_one_that_fits_is_found_and_none_says_more(aliases: list[LocationAlias]) -> None:
    def says(each: LocationAlias) -> list[bool] | None:
        """Which texts it gives; None: it does not fit."""
        pairs = zip((each.vendor, each.iso, each.market, each.product), ("pw", "pjm", "da", "power"), strict=True)
        fits = [(given != "*", given in ("*", text)) for given, text in pairs]
        return [said for said, _ in fits] if all(fit for _, fit in fits) else None

    fitting = [said for each in aliases if (said := says(each)) is not None]
    found = LocationAliases(aliases).of(CURVE)
    assert (found is None) == (not fitting)
    if found is not None:
        said = says(found)
        assert said is not None
        assert (sum(said), said) == max((sum(each), each) for each in fitting)
