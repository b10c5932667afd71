"""Texts by the words they share."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aurum.metadata.similarity import Texts, matches, words_of


def test_words_are_cut_where_letters_end_and_numbers_are_words() -> None:
    assert words_of("Dutch_TTF, 0.5% .1% 10ppm (DUTCH)") == ["0.1%", "0.5%", "10", "dutch", "ppm", "ttf"]


def test_a_score_by_hand() -> None:
    """Four texts: `gas` is in two of them and weighs ln 3, the others weigh ln 5."""
    texts = Texts(["ttf gas", "nbp gas", "ttf", "brent"])
    gas, rare = math.log(3), math.log(5)
    ttf = math.log(3)  # in two, too
    found = texts.scores("ttf gas month")
    asked = gas + ttf + rare
    assert found[0] == pytest.approx(0.75 * (gas + ttf) / asked + 0.25, abs=5e-5)
    assert found[1] == pytest.approx(0.75 * gas / asked + 0.25 * gas / (gas + rare), abs=5e-5)
    assert found[3] == 0
    assert [place for place, _ in texts.best("ttf gas month", 10)] == [0, 2, 1]


def test_words_of_four_letters_may_differ_a_little_and_numbers_may_not() -> None:
    (match,) = matches(["germany", "380"], ["german", "180", "power"])
    assert (match.asked, match.found) == ("germany", "german")
    assert match.similarity == pytest.approx(12 / 13)
    fuel = Texts(["fuel oil 380 cst", "fuel oil 180 cst"])
    assert [place for place, _ in fuel.best("fuel oil 180", 1)] == [1]
    assert fuel.best("gas", 5) == fuel.best("", 5) == []


def test_ties_are_in_the_order_of_the_texts() -> None:
    assert [place for place, _ in Texts(["b gas", "a gas", "c gas"]).best("gas", 2)] == [0, 1]


WORDS = st.lists(st.sampled_from(["gas", "power", "powers", "ttf", "10", "11", "brent"]), max_size=5).map(" ".join)


@given(st.lists(WORDS, max_size=6), WORDS)
def test_scores_are_shares_and_what_says_the_same_is_first(texts: list[str], asked: str) -> None:
    scores = Texts(texts).scores(asked)
    assert all(0 <= score <= 1 for score in scores)
    for text, score in zip(texts, scores, strict=True):
        if words_of(text) == words_of(asked) != []:
            assert score == 1
        assert (score > 0) == bool(matches(words_of(asked), words_of(text)))
