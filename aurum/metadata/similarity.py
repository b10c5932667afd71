"""Which texts of a catalogue are like a given one: by the words they share, those that are rare counting most."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aurum.market.identity import fold

# A number is a word of its own: 180 and 380 are no misspellings of each other.
_WORD = re.compile(r"\d*\.?\d+%?|[^\W\d_]+")
_ALIKE = 75  # per cent of letters in common, in order, for two words to be taken for one
_SHORTEST = 4  # letters, for a word to be misspelled or inflected
_FOUND, _COVERED = 0.75, 0.25


@dataclass(frozen=True, slots=True)
class Match:
    """A word that was asked for and the one that was found for it; `similarity` is 1 where they are the same."""

    asked: str
    found: str
    similarity: float


def words_of(text: str) -> list[str]:
    """Its words, sorted, each once: `Dutch_TTF 0.5%` has `0.5%`, `dutch` and `ttf`."""
    found = {f"0{word}" if word.startswith(".") else word for word in _WORD.findall(fold(text))}
    return sorted(found)


def matches(asked: Sequence[str], words: Collection[str]) -> list[Match]:
    """For each word that was asked for the most similar one of a text, where there is any."""
    found = []
    for word in asked:
        similar = _similar(word, words)
        if similar:
            best = min(similar, key=lambda each: (-similar[each], each))
            found.append(Match(word, best, similar[best]))
    return found


class Texts:
    """Texts by the words they have. A word weighs ln(1 + texts / texts that have it)."""

    def __init__(self, texts: Iterable[str]) -> None:
        self._vocabulary: dict[str, int] = {}
        numbers, lengths = [], []
        for text in texts:
            words = words_of(text)
            lengths.append(len(words))
            numbers += [self._vocabulary.setdefault(word, len(self._vocabulary)) for word in words]
        self._count = len(lengths)
        having = np.array(numbers, dtype=np.int64)
        places = np.repeat(np.arange(self._count), lengths)
        counts = np.bincount(having, minlength=len(self._vocabulary))
        self._weights = np.log1p(self._count / np.maximum(counts, 1))
        self._totals = np.bincount(places, weights=self._weights[having], minlength=self._count)
        self._places = places[np.argsort(having, kind="stable")]  # of the texts that have a word, word by word
        self._ends = np.cumsum(counts)

    def scores(self, text: str) -> NDArray[np.float64]:
        """For each text 0 to 1: three quarters for the words asked for that it has, a quarter for those of its words
        that were asked for, all by weight. 1 where the words are the same."""
        found, covered, total = np.zeros(self._count), np.zeros(self._count), 0.0
        best = np.zeros(len(self._vocabulary))
        for word in words_of(text):
            number = self._vocabulary.get(word)
            weight = np.log1p(self._count) if number is None else self._weights[number]
            total += weight
            alike = np.zeros(self._count)
            for other, similarity in _similar(word, self._vocabulary).items():
                having = self._having(self._vocabulary[other])
                alike[having] = np.maximum(alike[having], similarity)
                best[self._vocabulary[other]] = max(best[self._vocabulary[other]], similarity)
            found += weight * alike
        for like in np.flatnonzero(best).tolist():
            covered[self._having(like)] += best[like] * self._weights[like]
        shares = _FOUND * found / (total or 1.0) + _COVERED * covered / np.maximum(self._totals, 1e-300)
        return np.round(shares, 4)  # what differs by less is a tie

    def best(self, text: str, count: int) -> list[tuple[int, float]]:
        """Places and scores of the texts most like it, best first, ties by place; none that shares no word."""
        scores = self.scores(text)
        order = np.argsort(-scores, kind="stable")[:count]
        return [(int(place), float(scores[place])) for place in order if scores[place] > 0]

    def _having(self, number: int) -> NDArray[np.int64]:
        return self._places[self._ends[number - 1] if number else 0 : self._ends[number]]


def _similar(word: str, words: Collection[str]) -> dict[str, float]:
    """Those of `words` that are taken for it, with how similar they are: 1 where they are the same."""
    from rapidfuzz import fuzz, process

    found = {word: 1.0} if word in words else {}
    if len(word) < _SHORTEST or not word.isalpha():
        return found
    others = [other for other in words if len(other) >= _SHORTEST and other.isalpha() and other != word]
    near = process.extract(word, others, scorer=fuzz.ratio, score_cutoff=_ALIKE, limit=None)
    return found | {other: score / 100 for other, score, _ in near}
