"""Words as they are searched for."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aurum.market.words import most_alike, similarity, words_of


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Dutch_TTF/Gas (p10.5)", ["dutch", "ttf", "gas", "p10", "5"]),
        ("eugp:eu/dutch_ttf/gas", ["eugp", "eu", "dutch", "ttf", "gas"]),
        ("Köln  KOLN Straße", ["koln", "strasse"]),
        ("\"') OR 1=1; DROP*", ["or", "1", "drop"]),
        ("🚀 -- %", []),
    ],
)
def test_case_accents_and_punctuation_do_not_count(text: str, words: list[str]) -> None:
    assert words_of(text) == words


@given(st.text())
def test_words_are_their_own_words(text: str) -> None:
    words = words_of(text)
    assert words_of(" ".join(words)) == words
    assert all(word.isalnum() and len(word) <= 64 for word in words)


def test_words_are_as_alike_as_the_trigrams_they_share() -> None:
    assert similarity("dutch", "dutch") == 1
    assert similarity("dutsch", "dutch") == 4 / 9  # "  d", " du", "dut" and "ch ", of 7 and 6
    assert most_alike("dutsch", ["dutch", "duty", "gas"], 0.3) == ("dutch",)
    assert most_alike("xyz", ["dutch", "gas"], 0.3) == ()


def test_letters_that_have_changed_places_are_the_likeliest_mistake() -> None:
    assert similarity("ducth", "dutch") < 0.3
    assert most_alike("ducth", ["duct", "dutch", "ducts"], 0.3) == ("dutch",)
    assert most_alike("gsa", ["gas", "sag"], 0.3) == ("gas",)
    assert most_alike("aab", ["aab1", "baa"], 0.3) == ("aab1",)  # the letters are the same: that is not enough
