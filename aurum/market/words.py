"""Words as they are searched for: case, accents and punctuation do not count; and how alike two of them are."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

from aurum.errors import InvalidInput

_WORD = re.compile(r"[^\W_]+")
_LONGEST = 64  # what a word has beyond does not count
_MOST_SOUGHT = 1000  # characters of a text that is searched for
_MOST_WORDS = 100  # between its blanks


def words_of(text: str) -> list[str]:
    """In their order, each once: `Dutch_TTF/Gas (p10.5)` is dutch, ttf, gas, p10 and 5."""
    plain = text if text.isascii() else _without_accents(text)
    return list(dict.fromkeys(word[:_LONGEST] for word in _WORD.findall(plain.casefold())))


def check_sought(text: str) -> None:
    """Raises InvalidInput for a text that is longer than any that is searched for."""
    if len(text) > _MOST_SOUGHT or len(text.split()) > _MOST_WORDS:
        raise InvalidInput(f"`search` has at most {_MOST_SOUGHT:,} characters and {_MOST_WORDS} words", field="search")


def _without_accents(text: str) -> str:
    return "".join(each for each in unicodedata.normalize("NFKD", text) if not unicodedata.combining(each))


def trigrams_of(word: str) -> frozenset[str]:
    """Its runs of three characters, with two blanks before it and one behind, as PostgreSQL's pg_trgm has them."""
    padded = f"  {word} "
    return frozenset(padded[n : n + 3] for n in range(len(padded) - 2))


def swaps_of(word: str) -> list[str]:
    """It with two neighbouring letters changed, in order of their place: `da` of `ad`."""
    return [word[:n] + word[n : n + 2][::-1] + word[n + 2 :] for n in range(len(word) - 1)]


def similarity(one: str, other: str) -> float:
    """Of their trigrams, the share that they have in common: 1 for the same word, 0 for nothing alike."""
    ours, theirs = trigrams_of(one), trigrams_of(other)
    return len(ours & theirs) / len(ours | theirs)


def most_alike(word: str, others: Iterable[str], least: float) -> tuple[str, ...]:
    """Those of the others that are most alike, where it is at least so much; in order.

    Words of which two neighbouring letters have changed places come first: of a short word they share few trigrams.
    """
    others = set(others)
    if found := others & set(swaps_of(word)):
        return tuple(sorted(found))
    alike = {other: similarity(word, other) for other in others}
    best = max(alike.values(), default=0.0)
    return tuple(sorted(other for other, share in alike.items() if share == best)) if best >= least else ()
