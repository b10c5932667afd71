"""Searching the catalogue: words, beginnings, misspelt words, the best first; and facets that go with it."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import SecretStr
from sqlalchemy import text

from aurum.app import create_app
from aurum.backends.paging import PageRequest
from aurum.errors import Forbidden
from aurum.market.identity import CurveIdentity, Measure
from aurum.market.words import words_of
from aurum.metadata.model import CurveDescription, CurveFilter, Dimension
from aurum.settings import DatabaseSettings, Settings
from tests.api.conftest import Ask
from tests.published import DESK, GERMAN, NBP, RIVAL, TTF, Book, open_book, prices

ITALIAN = CurveDescription(
    CurveIdentity("EUGP", "EU", "Italian", "power", "PEAK", Measure.SPARK_SPREAD, leg="Dutch_TTF"),
    "power",
    "power",
    "EU",
)
KOELN = CurveDescription(
    CurveIdentity("RP", "EU", "Köln", "diesel/gasoil"), "oil", "diesel/gasoil", attributes=(("vintage", "V2027"),)
)
ALL = (TTF, NBP, GERMAN, ITALIAN, KOELN)


@pytest.fixture
async def book(migrated_url: str) -> AsyncIterator[Book]:
    async with open_book(migrated_url) as opened:
        await opened.publish("2025-02-12", [(each, prices([40.0])) for each in ALL])
        yield opened


async def found(book: Book, searched: str, most: int = 50) -> list[str]:
    wanted = CurveFilter(search=await book.metadata.search(DESK, searched))
    page = await book.metadata.curves(DESK, wanted, [], PageRequest(most))
    assert await book.metadata.count(DESK, wanted) == len(page.items)
    return [curve.identity.location for curve in page.items]


async def test_every_word_has_to_be_there_and_the_last_may_be_begun(book: Book) -> None:
    for searched, locations in {
        "ttf": ["Dutch_TTF", "Italian"],  # in its name before in another's leg
        "GAS dutch": ["Dutch_TTF"],
        "ger": ["German"],
        "power gas": [],
        "koln v2027": ["Köln"],
        "KÖLN": ["Köln"],
        "rp:eu/köln/diesel%2fgasoil": ["Köln"],
        "rp": ["Köln"],
        "spark": ["Italian"],
        "gas": ["NBP", "Dutch_TTF", "Köln"],  # whole before begun
        "gas ": ["NBP", "Dutch_TTF"],
        "  ": [each.identity.location for each in sorted(ALL, key=lambda each: each.identity.key)],
    }.items():
        assert await found(book, searched) == locations, searched


async def test_a_word_that_nothing_has_is_read_as_the_most_similar_ones(book: Book) -> None:
    for searched, words, locations in [
        ("dutsch gas", {"dutsch": ("dutch",)}, ["Dutch_TTF"]),
        ("ger power", {"ger": ("german",)}, ["German"]),
        ("gaz germann", {"gaz": ("gas",), "germann": ("german",)}, []),
        ("zzzzz", {}, []),
    ]:
        read = await book.metadata.search(DESK, searched)
        assert read is not None
        assert {term.word: term.found for term in read.terms if term.similar} == words
        assert await found(book, searched) == locations


async def test_letters_that_have_changed_places_are_found_in_any_crowd(book: Book) -> None:
    hubs = " ".join(f"72{number}" for number in range(60))  # each has more trigrams of `72x4` than `7x24` has
    crowd = CurveDescription(CurveIdentity("PW", "PJM", "West", "power", "7x24"), "power", "power", region=hubs)
    await book.publish("2025-02-13", [(crowd, prices([40.0]))])
    for searched, words in {"72x4 ": ("7x24",), "pr ": ("rp",)}.items():  # `pr` has no trigram of `rp`
        read = await book.metadata.search(DESK, searched)
        assert read is not None
        assert [term.found for term in read.terms] == [words]
    assert await found(book, "72x4") == ["West"]
    assert await found(book, "pr koln") == ["Köln"]


async def test_whatever_is_searched_for_is_text(book: Book) -> None:
    texts = [
        "'",
        '"',
        '"ttf',
        "ttf' & !gas",
        "ttf:*",
        "a:b | c <-> d",
        "NEAR(ttf gas)",
        "search : ttf",
        "NOT ttf",
        "ttf*",
    ]
    texts += ["^ttf", "%", "_", "\\", "\0ttf", "🚀", "--", "OR", "((((", "ttf " * 100, "x" * 1000, "\udc80ttf"]
    for searched in [*texts, " ".join(f"w{n}" for n in range(100))]:
        words = " ".join(words_of(searched))
        assert await found(book, searched) == (await found(book, words) if words else []), searched
    assert await found(book, "ttf' & !gas;") == ["Dutch_TTF"]


async def test_others_do_not_find_a_tenants_words_not_even_as_similar_ones(book: Book) -> None:
    read = await book.metadata.search(RIVAL, "dutsch ttf")
    assert read is not None
    assert [term.found for term in read.terms] == [("dutsch",), ("ttf",)]
    page = await book.metadata.curves(
        RIVAL, CurveFilter(search=await book.metadata.search(DESK, "ttf")), [], PageRequest(9)
    )
    assert page.items == []
    assert await book.metadata.dimensions(RIVAL, CurveFilter(), list(Dimension), "", 10) == []


async def test_the_index_follows_the_row(book: Book) -> None:
    async with book.database.write() as transaction:
        await transaction.execute(text("UPDATE curves SET search = 'zuider zee | gas' WHERE location = 'NBP'"))
    assert await found(book, "zuid") == ["NBP"]
    assert await found(book, "nbp") == []


async def test_facets_are_those_of_the_curves_that_are_found(book: Book) -> None:
    async def facets(
        searched: str | None, prefix: str = "", limit: int = 10, **wanted: Any
    ) -> dict[str, dict[str, int]]:
        chosen = CurveFilter(search=await book.metadata.search(DESK, searched), **wanted)
        counted = await book.metadata.dimensions(DESK, chosen, list(Dimension), prefix, limit)
        assert counted == sorted(counted, key=lambda each: (list(Dimension).index(each.dimension), each.value))
        return {name: {each.value: each.count for each in counted if each.dimension == name} for name in Dimension}

    everything = await facets(None)
    assert everything["location"] == dict(Counter(each.identity.location for each in ALL))
    assert everything["vendor"] == {"EUGP": 4, "RP": 1}
    assert everything["block"] == {"BASE": 1, "PEAK": 1}
    assert (await facets("ttf"))["product"] == {"gas": 1, "power": 1}
    assert (await facets(None, vendors=("RP",)))["location"] == {"Köln": 1}
    assert (await facets("nowhere"))["vendor"] == {}
    assert (await facets(None, "ko"))["location"] == {}
    assert (await facets(None, "KÖ"))["location"] == {"Köln": 1}
    assert (await facets(None, limit=2))["location"] == {"Dutch_TTF": 1, "German": 1}


async def test_what_is_kept_of_facets_follows_new_curves_and_units(book: Book) -> None:
    async def units() -> dict[str, int]:
        counted = await book.metadata.dimensions(
            DESK, CurveFilter(), [Dimension.UNIT, Dimension.MARKET], "", 10, head=await book.events.head(DESK.tenant)
        )
        return {each.value: each.count for each in counted}

    before = await units()
    (curve,) = (await book.metadata.by_key(DESK, ["rp:eu/köln/diesel%2fgasoil"])).values()
    await book.metadata.set_unit(DESK, curve.id, "USD", "gal", "the vendor said so")
    assert await units() == before | {"gal": 1}
    new = CurveDescription(CurveIdentity("EUGP", "AT", "VTP", "gas"), "gas", "gas")
    await book.publish("2025-02-13", [(new, prices([40.0]))])
    assert await units() == before | {"gal": 1, "AT": 1}


async def test_facets_that_are_kept_take_no_statement(book: Book) -> None:
    statements: list[str] = []
    head = await book.events.head(DESK.tenant)
    await book.metadata.dimensions(DESK, CurveFilter(), list(Dimension), "", 10, head=head)
    book.database.observe(lambda *event: statements.append(event[2]))
    await book.metadata.dimensions(DESK, CurveFilter(), list(Dimension), "d", 10, head=head)
    assert [each for each in statements if each.startswith("SELECT")] == []
    await book.metadata.dimensions(DESK, CurveFilter(vendors=("RP",)), list(Dimension), "", 10, head=head)
    assert len([each for each in statements if each.startswith("SELECT")]) == 1


@pytest.fixture
async def ask(book: Book, migrated_url: str, tmp_path: Path) -> AsyncIterator[Ask]:
    settings = Settings(home=tmp_path, database=DatabaseSettings(url=SecretStr(migrated_url)), auth={"tenant": "desk"})
    application = create_app(settings)
    transport = httpx.ASGITransport(application, client=("127.0.0.1", 50000))
    async with (
        application.router.lifespan_context(application),
        httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8000") as client,
    ):

        async def post(query: str, **variables: Any) -> dict[str, Any]:
            answer: dict[str, Any] = (
                await client.post("/graphql", json={"query": query, "variables": variables})
            ).json()
            return answer

        yield post


SEARCH = """query($search: String, $first: Int, $after: String, $last: Int, $before: String) {
  curves(search: $search, first: $first, after: $after, last: $last, before: $before) {
    totalCount searchTerms { word found begun similar } nodes { key }
    pageInfo { startCursor endCursor hasNextPage hasPreviousPage } } }"""


async def test_pages_of_a_search_hold_while_curves_come(ask: Ask, book: Book) -> None:
    first = (await ask(SEARCH, search="gas", first=1))["data"]["curves"]
    assert [node["key"] for node in first["nodes"]] == ["eugp:uk/nbp/gas"]
    better = CurveDescription(CurveIdentity("EUGP", "AT", "VTP", "gas"), "gas", "gas")
    await book.publish("2025-02-13", [(better, prices([40.0]))])
    after = first["pageInfo"]["endCursor"]
    rest = (await ask(SEARCH, search="gas", first=5, after=after))["data"]["curves"]
    assert [node["key"] for node in rest["nodes"]] == ["eugp:eu/dutch_ttf/gas", "rp:eu/köln/diesel%2fgasoil"]
    back = (await ask(SEARCH, search="gas", last=1, before=after))["data"]["curves"]
    assert [node["key"] for node in back["nodes"]] == ["eugp:at/vtp/gas"]
    refused = await ask(SEARCH, search="power", first=5, after=after)
    assert refused["errors"][0]["extensions"]["code"] == "INVALID_CURSOR"


async def test_the_answer_says_what_was_searched_for(ask: Ask) -> None:
    answer = (await ask(SEARCH, search="Dutsch ga"))["data"]["curves"]
    assert answer["searchTerms"] == [
        {"word": "dutsch", "found": ["dutch"], "begun": False, "similar": True},
        {"word": "ga", "found": ["ga"], "begun": True, "similar": False},
    ]
    assert answer["totalCount"] == 1
    facets = (await ask('{ dimensions(search: "Dutsch ga", names: [LOCATION]) { values { value count } } }'))["data"]
    assert facets["dimensions"] == [{"values": [{"value": "Dutch_TTF", "count": 1}]}]


async def test_a_word_that_no_curve_has_nor_one_like_it_is_told_with_none(ask: Ask) -> None:
    words = [f"w{number}" for number in range(30)]
    for searched in ("ttf zzzzz ", " ".join(["ttf", *words, "zzzzz "])):
        answer = (await ask(SEARCH, search=searched))["data"]["curves"]
        first, *_, last = answer["searchTerms"]
        assert first == {"word": "ttf", "found": ["ttf"], "begun": False, "similar": False}
        assert last == {"word": "zzzzz", "found": [], "begun": False, "similar": False}
        assert answer["totalCount"] == 0


async def test_nobody_searches_without_the_scope(book: Book) -> None:
    stranger = type(DESK)("desk", "nobody", frozenset())
    with pytest.raises(Forbidden):
        await book.metadata.search(stranger, "ttf")
