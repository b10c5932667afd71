"""Values of documents: each is read, or is an issue that names its field."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import Any, TypeVar

from aurum.market.units import CURRENCIES, UNITS, parse_unit_text
from aurum.scenarios.model import Issue, Severity
from aurum.scenarios.suggestions import nearest

T = TypeVar("T")
E = TypeVar("E", bound=StrEnum)
LONGEST_TEXT = 1000
MOST_TOLD = 10  # unknown fields of one object


class Unreadable(Exception):
    """A value that is not what its field takes. It has an issue already."""


@dataclass(frozen=True, slots=True)
class Reader:
    """Collects issues. What raises Unreadable has put its issue there before."""

    issues: list[Issue] = field(default_factory=list)

    def refuse(self, code: str, message: str, path: str, suggestion: str | None = None) -> Unreadable:
        self.issues.append(Issue(Severity.ERROR, code, message, path, suggestion))
        return Unreadable()

    def tried(self, read: Callable[..., T], *given: Any) -> T | None:
        """What it reads, or None; the others of a document are read all the same."""
        try:
            return read(*given)
        except Unreadable:
            return None

    def number(self, value: Any, path: str) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise self.refuse("WRONG_TYPE", f"a number is wanted, not {_kind(value)}", path)
        try:
            found = float(value) + 0.0  # of the two zeros the positive one
        except OverflowError:
            found = math.inf
        if not math.isfinite(found):
            raise self.refuse("OUT_OF_RANGE", "the number is not finite", path)
        return found

    def integer(self, value: Any, path: str) -> int:
        found = self.number(value, path)
        if not found.is_integer():
            raise self.refuse("WRONG_TYPE", f"a whole number is wanted, not {value}", path)
        return int(found)

    def text(self, value: Any, path: str) -> str:
        if not isinstance(value, str) or not value.strip():
            raise self.refuse("WRONG_TYPE", f"a text is wanted, not {_kind(value)}", path)
        if len(value) > LONGEST_TEXT:
            raise self.refuse("TOO_LONG", f"a text has at most {LONGEST_TEXT} characters", path)
        return value.strip()

    def day(self, value: Any, path: str) -> date:
        text = self.text(value, path)
        try:
            return date.fromisoformat(text)
        except ValueError:
            raise self.refuse("WRONG_TYPE", f"{text[:40]!r} is not a date", path, "Such as 2027-01-01.") from None

    def choice(self, value: Any, path: str, choices: type[E]) -> E:
        found: E = choices(self.known(self.text(value, path), path, [each.value for each in choices]))
        return found

    def known(self, text: str, path: str, names: Iterable[str], code: str = "UNKNOWN_VALUE") -> str:
        """One of the names, as it is or in another case."""
        all_ = list(names)
        for each in all_:
            if each.casefold() == text.casefold():
                return each
        raise self.refuse(code, f"{text[:40]!r} is not known here", path, nearest(text, all_))

    def price_unit(self, value: Any, path: str) -> str:
        text = self.text(value, path)
        found = parse_unit_text(text)
        if found is None:
            raise self.refuse("UNKNOWN_UNIT", f"{text[:40]!r} is not the unit of a price", path, "Such as EUR/MWh.")
        return str(found)

    def ratio(self, value: Any, path: str) -> str:
        parts = [part.strip() for part in self.text(value, path).split("/")]
        if len(parts) != 2:
            raise self.refuse("UNKNOWN_UNIT", "a unit per unit is wanted", path, "Such as MMBtu/MWh.")
        return "/".join(self.known(part, path, UNITS, "UNKNOWN_UNIT") for part in parts)

    def currency(self, value: Any, path: str) -> str:
        return self.known(self.text(value, path), path, CURRENCIES, "UNKNOWN_CURRENCY")

    def object(self, value: Any, path: str) -> Mapping[str, Any]:
        if not isinstance(value, Mapping) or not all(isinstance(key, str) for key in value):
            raise self.refuse("WRONG_TYPE", f"an object is wanted, not {_kind(value)}", path)
        return value

    def list(self, value: Any, path: str) -> Sequence[Any]:
        if isinstance(value, str | bytes) or not isinstance(value, Sequence):
            raise self.refuse("WRONG_TYPE", f"a list is wanted, not {_kind(value)}", path)
        if not value:
            raise self.refuse("EMPTY", "the list has nothing in it", path)
        return value

    def only(self, value: Mapping[str, Any], path: str, names: Iterable[str]) -> None:
        """That there are no other fields."""
        all_ = list(names)
        for each in sorted(set(value) - set(all_))[:MOST_TOLD]:
            where = f"{path}.{each[:40]}"
            self.refuse("UNKNOWN_FIELD", f"there is no field {each[:40]!r} here", where, nearest(each, all_))


def _kind(value: Any) -> str:
    return "nothing" if value is None else f"{type(value).__name__} {str(value)[:40]!r}"
