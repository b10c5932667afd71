"""What is promised of a data set, and whether a file keeps it. Pure: a document, a file's facts, and what follows."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from aurum.errors import InvalidInput
from aurum.ingestion.documents import check_names, mapping_of
from aurum.market.counts import counted
from aurum.market.identity import normalize_key

_TEXTS = {"owner": 200, "description": 4_000, "licence": 1_000}  # characters at most
_MOST_KEYS = 1_000
_MOST_TOLD = 10


@dataclass(frozen=True, slots=True)
class Facts:
    """Of a file that was read and checked. Points that are withheld are not `served`; a refused file serves none.

    `months` is how many months after its as-of date the last delivery begins; `in_time`: None where nothing is due.
    """

    keys: Collection[str]
    points: int
    served: int
    errors: int
    months: int
    in_time: bool | None


@dataclass(frozen=True, slots=True)
class Checked:
    """A promise, and what a file made of it. `kept` is None where there was nothing to compare with."""

    promise: str
    promised: str
    found: str
    kept: bool | None


@dataclass(frozen=True, slots=True)
class Contract:
    """Who answers for a data set, and what is promised of each of its files. What is not said is not promised."""

    owner: str | None = None
    description: str | None = None
    licence: str | None = None
    promises: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def from_dict(cls, document: object) -> Contract:
        """Raises InvalidInput, with the path, for an unknown name or a value that is none."""
        given = mapping_of(document, "contract")
        check_names(given, (*_TEXTS, "promises"), "contract")
        texts = {name: _text(given.get(name), name, most) for name, most in _TEXTS.items()}
        promises = mapping_of(given.get("promises", {}), "promises")
        check_names(promises, tuple(_PROMISES), "promises")
        read = {name: _PROMISES[name][0](value, f"promises.{name}") for name, value in promises.items()}
        return cls(**texts, promises=read)

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON; `from_dict` reads it back."""
        texts = {name: text for name in _TEXTS if (text := getattr(self, name)) is not None}
        return {**texts, **({"promises": dict(self.promises)} if self.promises else {})}

    def checked(self, facts: Facts) -> list[Checked]:
        """Each promise, in the order of their names."""
        return [_PROMISES[name][1](name, self.promises[name], facts) for name in sorted(self.promises)]


def _text(value: object, name: str, most: int) -> str | None:
    if value is None:
        return None
    if not isinstance(value, str) or not value.strip() or len(value) > most:
        raise InvalidInput(f"{name}: a text of 1 to {most:,} characters is due", path=name)
    return value.strip()


def _count(value: object, path: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= 10**9:
        raise InvalidInput(f"{path}: a whole number from 0 to 1,000,000,000 is due, not {str(value)[:60]!r}", path=path)
    return value


def _share(value: object, path: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        raise InvalidInput(f"{path}: a number from 0 to 1 is due, not {str(value)[:60]!r}", path=path)
    return float(value)


def _keys(value: object, path: str) -> list[str]:
    if not isinstance(value, list) or not all(isinstance(key, str) for key in value) or len(value) > _MOST_KEYS:
        raise InvalidInput(f"{path}: a list of at most {_MOST_KEYS:,} keys of curves is due", path=path)
    return list(dict.fromkeys(normalize_key(key) for key in value))


def _true(value: object, path: str) -> bool:
    if value is not True:
        raise InvalidInput(f"{path}: true is due; what is not promised is left out", path=path)
    return True


def _at_least(number: Callable[[Facts], float | None]) -> Callable[[str, Any, Facts], Checked]:
    def check(name: str, least: Any, facts: Facts) -> Checked:
        found = number(facts)
        told = "nothing to tell it by" if found is None else f"{found:.10g}"
        return Checked(name, f"at least {least:.10g}", told, None if found is None else found >= least)

    return check


def _errors(name: str, most: Any, facts: Facts) -> Checked:
    return Checked(name, f"at most {most}", f"{facts.errors}", facts.errors <= most)


def _has(name: str, keys: Any, facts: Facts) -> Checked:
    missing = list(_missing(keys, facts.keys))
    more = f" and {len(missing) - _MOST_TOLD} more" if len(missing) > _MOST_TOLD else ""
    told = f"missing: {', '.join(missing[:_MOST_TOLD])}{more}" if missing else "all of them"
    return Checked(name, counted(len(keys), "curve"), told, not missing)


def _missing(wanted: Collection[str], keys: Collection[str]) -> Iterator[str]:
    return (key for key in wanted if key not in keys)


def _in_time(name: str, _: Any, facts: Facts) -> Checked:
    told = {None: "no file was due here", True: "in time", False: "late"}[facts.in_time]
    return Checked(name, "before the grace has passed", told, facts.in_time)


_Promise = tuple[Callable[[object, str], Any], Callable[[str, Any, Facts], Checked]]
_PROMISES: Mapping[str, _Promise] = {
    "curves": (_count, _at_least(lambda facts: len(facts.keys))),
    "points": (_count, _at_least(lambda facts: facts.points)),
    "served_share": (_share, _at_least(lambda facts: facts.served / facts.points if facts.points else None)),
    "months": (_count, _at_least(lambda facts: facts.months if facts.keys else None)),
    "errors": (_count, _errors),
    "keys": (_keys, _has),
    "in_time": (_true, _in_time),
}
