"""Two versions of a scenario that come from a common one, made one: what only one has changed is taken, and what both
have changed, and not to the same, is a conflict that somebody has to decide.

OURS is the scenario that is merged into, THEIRS the one that is merged. The name of ours stays.

Two drivers are the same one where they have the same name; else where they say the same; else where neither is named
otherwise, and they are of the same type, with the same required names (curves, fuels, policies ...) and the same
`limits.curves`: those that have most in common, then in order. All else is a driver removed and another one added.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple

from aurum.scenarios.documents import canonical
from aurum.scenarios.registry import DRIVER_TYPES, ParameterKind
from aurum.scenarios.repository.model import Definition, Key, read_filter, write_filter

Document = Mapping[str, Any]
_NAMES = (ParameterKind.TEXT, ParameterKind.CURVE, ParameterKind.CHOICE, ParameterKind.CURRENCY)


class Side(StrEnum):
    OURS = "OURS"
    THEIRS = "THEIRS"


@dataclass(frozen=True, slots=True)
class MergeField:
    """What the three say of a field; None: nothing. Paths are those of documents, as `drivers.0.payload.percent`.

    Drivers count from 0: those of the common version, then those that ours has added, then those that theirs has.
    `drivers.order` is all of them, in order.
    """

    path: str
    base: Any
    ours: Any
    theirs: Any


@dataclass(frozen=True, slots=True)
class Merge:
    """`changes`: what ours takes of theirs. `definition` has ours where a conflict is open.

    `unused` are paths that were decided and that no conflict stands at or below.
    """

    definition: Definition
    conflicts: Sequence[MergeField]
    changes: Sequence[MergeField]
    unused: Collection[str]


def merged(base: Definition, ours: Definition, theirs: Definition, decided: Mapping[str, Side]) -> Merge:
    """A path that is decided holds for all below it; of two the longer one."""
    merging, undecided = _Merging(decided), _Merging({})
    definition = merging.definition(base, ours, theirs)
    if decided:
        undecided.definition(base, ours, theirs)
    met = [f"{each}." for each in (*merging.met, *undecided.met)]
    unused = [path for path in decided if not any(each.startswith(f"{path}.") for each in met)]
    return Merge(definition, merging.conflicts, merging.changes, unused)


class _Merging:
    def __init__(self, decided: Mapping[str, Side]) -> None:
        self.decided = decided
        self.met: list[str] = []  # paths of all conflicts, decided or not
        self.conflicts: list[MergeField] = []
        self.changes: list[MergeField] = []

    def definition(self, base: Definition, ours: Definition, theirs: Definition) -> Definition:
        all_ = (base, ours, theirs)
        description = self.field("description", *(each.description for each in all_))
        starts = ({"as_of": each.as_of, "known_at": each.known_at} for each in all_)
        start = {"as_of": None, "known_at": None} | self.members("", *starts, whole=True)
        curves = read_filter(self.members("filter.", *(write_filter(each.curves) for each in all_)))
        tags = self.tags(*(frozenset(each.tags) for each in all_))
        drivers = self.drivers(base.drivers, ours.drivers, theirs.drivers)
        return replace(ours, description=description, curves=curves, tags=tags, drivers=drivers, **start)

    def field(self, path: str, base: Any, ours: Any, theirs: Any) -> Any:
        if theirs in (ours, base):
            return ours
        if ours == base:
            self.changes.append(MergeField(path, base, ours, theirs))
            return theirs
        return self.conflict(path, base, ours, theirs)

    def conflict(self, path: str, base: Any, ours: Any, theirs: Any) -> Any:
        about = MergeField(path, base, ours, theirs)
        self.met.append(path)
        above = [path[:end] for end, each in enumerate(f"{path}.") if each == "." and path[:end] in self.decided]
        if not above:
            self.conflicts.append(about)
            return ours
        if self.decided[above[-1]] is Side.OURS:
            return ours
        self.changes.append(about)
        return theirs

    def members(
        self, above: str, base: Document, ours: Document, theirs: Document, *, whole: bool = False
    ) -> dict[str, Any]:
        """Of an object; `above` is what its paths begin with.

        `whole`: where both have changed it, nothing that one of them alone has said is taken.
        """
        merge = self.conflict if whole and base not in (ours, theirs) else self.field
        found = {}
        for name in sorted({*base, *ours, *theirs}):
            values = [each.get(name) for each in (base, ours, theirs)]
            found[name] = values[1] if values[1] == values[2] else merge(f"{above}{name}", *values)
        return {name: value for name, value in found.items() if value is not None}

    def tags(self, base: frozenset[str], ours: frozenset[str], theirs: frozenset[str]) -> tuple[str, ...]:
        found = (ours | theirs) - (base - ours) - (base - theirs)
        if found != ours:
            self.changes.append(MergeField("tags", sorted(base), sorted(ours), sorted(theirs)))
        return tuple(sorted(found))

    def drivers(
        self, base: Sequence[Document], ours: Sequence[Document], theirs: Sequence[Document]
    ) -> tuple[Document, ...]:
        """By number: what the three have of each, and what becomes of it."""
        our_numbers = _numbers(_matched(base, ours), len(base))
        of_base = _matched(base, theirs)
        added = [n for n, each in enumerate(ours) if our_numbers[n] >= len(base)]
        new = [n for n, at in enumerate(of_base) if at is None]
        alike = _matched([ours[n] for n in added], [theirs[n] for n in new], sure=True)
        for n, at in zip(new, alike, strict=True):
            of_base[n] = None if at is None else our_numbers[added[at]]
        their_numbers = _numbers(of_base, len(base) + len(added))
        of_ours, of_theirs = dict(zip(our_numbers, ours, strict=True)), dict(zip(their_numbers, theirs, strict=True))
        found = {
            n: self.driver(f"drivers.{n}", base[n] if n < len(base) else None, of_ours.get(n), of_theirs.get(n))
            for n in sorted({*range(len(base)), *our_numbers, *their_numbers})
        }
        kept = [n for n in range(len(base)) if found[n] is not None]
        our_kept, their_kept = ([n for n in each if found[n] is not None] for each in (our_numbers, their_numbers))
        return tuple(found[n] for n in self.order(kept, our_kept, their_kept, found))

    def driver(self, path: str, base: Document | None, ours: Document | None, theirs: Document | None) -> Any:
        if base is None or ours is None or theirs is None:
            return self.field(path, base, ours, theirs)
        if not base["driver_type"] == ours["driver_type"] == theirs["driver_type"]:
            return self.field(path, base, ours, theirs)
        payloads = [dict(each["payload"]) for each in (base, ours, theirs)]
        name = self.field(f"{path}.payload.name", *(each.pop("name", None) for each in payloads))
        limits = self.members(f"{path}.payload.limits.", *(each.pop("limits", {}) for each in payloads), whole=True)
        payload = self.members(f"{path}.payload.", *payloads, whole=True)
        rest = ({"name": name} if name else {}) | ({"limits": limits} if limits else {})
        return {**ours, "payload": payload | rest}

    def order(self, base: list[int], ours: list[int], theirs: list[int], found: Mapping[int, Any]) -> list[int]:
        """What both have is in the order of who has changed it; what one has added stands behind what it stood behind.

        Where both have changed the order, or added in the same place, it is a conflict: drivers build on each other.
        """
        common = {*base} & {*ours} & {*theirs}
        was, our_way, their_way = ([n for n in each if n in common] for each in (base, ours, theirs))
        if our_way == was != their_way:
            first, second = _joined(theirs, ours, before=True), _joined(theirs, ours, before=False)
        elif their_way in (was, our_way):
            first, second = _joined(ours, theirs, before=False), _joined(ours, theirs, before=True)
        else:
            first, second = _joined(ours, theirs, before=False), _joined(theirs, ours, before=False)
        told = [[found[n] for n in each] for each in (base, first, second)]
        if told[1] != told[2]:
            return first if self.conflict("drivers.order", *told) == told[1] else second
        if our_way == was != their_way:
            self.changes.append(MergeField("drivers.order", *told))
        return first


def _joined(main: Sequence[int], other: Sequence[int], *, before: bool) -> list[int]:
    """`main`, and what only `other` has behind what it stands behind there: before, or behind, what only main has."""
    found, alone, last = list(main), {*main} - {*other}, None
    for each in other:
        if each not in found:
            place = 0 if last is None else found.index(last) + 1
            while not before and place < len(found) and found[place] in alone:
                place += 1
            found.insert(place, each)
        last = each
    return found


def _numbers(matched: Sequence[int | None], next_: int) -> list[int]:
    """Those that match nothing get the next numbers."""
    new = iter(range(next_, next_ + len(matched)))
    return [next(new) if each is None else each for each in matched]


class _Traits(NamedTuple):
    """What a driver is known by."""

    name: str | None
    said: bytes
    subject: bytes
    fields: frozenset[bytes]


def _matched(base: Sequence[Document], side: Sequence[Document], *, sure: bool = False) -> list[int | None]:
    """For each driver of a side the place of the one that it is in the base. `sure`: by name, or by all it says."""
    known, asked = [_traits(each) for each in base], [_traits(each) for each in side]
    found: list[int | None] = [None] * len(side)
    for trait in ("name", "said") if sure else ("name", "said", "subject"):
        free = dict[Any, list[int]]()
        for n in sorted({*range(len(base))} - {*found}):
            free.setdefault(getattr(known[n], trait), []).append(n)
        pairs = [
            (-len(known[n].fields & each.fields), n, m)
            for m, each in enumerate(asked) if found[m] is None and getattr(each, trait) is not None
            for n in free.get(getattr(each, trait), ()) if trait != "subject" or None in (known[n].name, each.name)
        ]  # fmt: skip
        taken = set[int]()
        for _, n, m in sorted(pairs):
            if found[m] is None and n not in taken:
                found[m] = n
                taken.add(n)
    return found


def _traits(document: Document) -> _Traits:
    kind, payload = DRIVER_TYPES[document["driver_type"]], document["payload"]
    limits = payload.get("limits", {})
    named = [payload[each.name] for each in kind.parameters if each.kind in _NAMES and kind.required(each.name)]
    fields = [*payload.items(), *limits.items()]
    subject = canonical([kind.name, named, limits.get("curves")])
    return _Traits(payload.get("name"), canonical(document), subject, frozenset(canonical(each) for each in fields))


@dataclass(frozen=True, slots=True)
class Origin:
    """Which versions one was made of: the one before it, or the one it branches from, and what was merged."""

    created_at: datetime
    of: Sequence[Key]


def common_version(origins: Mapping[Key, Origin], one: Key, other: Key) -> Key | None:
    """The newest version that both come from; of several that none of the others comes from, the one made last."""
    shared = {*_line(origins, one)} & {*_line(origins, other)}
    behind = {each for key in shared for each in origins[key].of}
    return max(shared - behind, key=lambda key: (origins[key].created_at, key), default=None)


def _line(origins: Mapping[Key, Origin], start: Key) -> Iterator[Key]:
    seen, ahead = {start}, [start]
    while ahead:
        key = ahead.pop()
        yield key
        new = [each for each in origins[key].of if each not in seen]
        seen.update(new)
        ahead += new
