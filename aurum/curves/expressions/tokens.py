"""The words of expressions: ASCII, but for what stands in brackets."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

from aurum.errors import InvalidExpression

_TOKEN = re.compile(
    r"""(?P<blank>[ \t\r\n]+)
      | (?P<date>[0-9]{4}-[0-9]{2}-[0-9]{2}(?![0-9A-Za-z_.]))
      | (?P<number>(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)
      | (?P<name>[A-Za-z][A-Za-z0-9_]*)
      | (?P<curve>\[[^][]*\])
      | (?P<sign>[-+*/(),])""",
    re.VERBOSE,
)


@dataclass(frozen=True, slots=True)
class Token:
    kind: str
    text: str
    position: int  # of its first character, from 1


def tokens(text: str) -> Iterator[Token]:
    at = 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise InvalidExpression(f"{_strange(text[at])} at {at + 1}", hint=_hint(text[at]), position=at + 1)
        if match.lastgroup != "blank":
            yield Token(match.lastgroup or "", match[0], at + 1)
        at = match.end()
    yield Token("end", "", len(text) + 1)


def _strange(char: str) -> str:
    if char.isascii() and char.isprintable():
        return f"{char!r} has no meaning"
    return f"U+{ord(char):04X} {unicodedata.name(char, '')} has no meaning".replace("  ", " ")


def _hint(char: str) -> str:
    if char in "[]":
        return "A curve is its key in one pair of brackets: [eugp:eu/dutch_ttf/gas]."
    return "Outside of brackets there are only numbers, names and + - * / ( ) , of ASCII."
