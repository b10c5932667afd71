"""The use cases of series of other systems: which curve each is, and which it could be."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from aurum.auth import Principal, Scope
from aurum.backends.paging import Page, PageRequest
from aurum.errors import InvalidInput, NotFound
from aurum.market.identity import normalize_key
from aurum.metadata.model import Curve, MappingMethod, SeriesMapping, SeriesRef
from aurum.metadata.reasons import reason_of
from aurum.metadata.series_store import SeriesStore
from aurum.metadata.similarity import Match, Texts, matches, words_of
from aurum.metadata.store import CatalogueStore

LONGEST_TEXT = 255
MOST_SUGGESTED = 50
_LONGEST_ASKED = 1_000
_TENANTS_KEPT = 8


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A curve that a text could mean: `score` is 0 to 1, `matches` says which of its words were found."""

    curve: Curve
    score: float
    matches: Sequence[Match]


class SeriesService:
    def __init__(self, store: SeriesStore, catalogue: CatalogueStore, clock: Callable[[], datetime]) -> None:
        self.store = store
        self.catalogue = catalogue
        self.clock = clock
        self._indexes: OrderedDict[str, tuple[tuple[int, int], list[int], Texts]] = OrderedDict()

    async def curves(self, principal: Principal, refs: Collection[SeriesRef]) -> dict[SeriesRef, Curve]:
        """The curve that each series is; absent where it is not mapped, or the curve does not exist yet."""
        principal.require(Scope.CURVES_READ)
        keys: dict[SeriesRef, str] = {}
        for known_at in {ref.known_at for ref in refs}:
            series = {(ref.source, ref.series): ref for ref in refs if ref.known_at == known_at}
            found = await self.store.in_force(principal.tenant, series, known_at)
            keys |= {series[of]: mapping.curve_key for of, mapping in found.items() if mapping.curve_key is not None}
        known = await self.catalogue.by_any_key(principal.tenant, set(keys.values())) if keys else {}
        return {ref: known[key] for ref, key in keys.items() if key in known}

    async def mappings(
        self, principal: Principal, wanted: dict[str, str], request: PageRequest, *, known_at: datetime | None = None
    ) -> Page[SeriesMapping]:
        """Those in force at `known_at` (None: now), sorted by source and series. `wanted`: `source`, `series`,
        `curve_key`, which have exactly these texts."""
        principal.require(Scope.CURVES_READ)
        return await self.store.page(principal.tenant, wanted, known_at, request)

    async def versions(self, principal: Principal, ref: SeriesRef) -> list[SeriesMapping]:
        """All that was ever said of a series, the newest first; a removal has no curve."""
        principal.require(Scope.CURVES_READ)
        return await self.store.versions(principal.tenant, ref)

    async def set(
        self, principal: Principal, ref: SeriesRef, curve_key: str, confidence: float, method: MappingMethod,
        reason: str,
    ) -> SeriesMapping:  # fmt: skip
        """A new version of which curve a series is. Raises InvalidInput. The curve need not exist yet."""
        principal.require(Scope.CURVES_WRITE)
        key = normalize_key(curve_key)
        if ":" not in key or len(key) > LONGEST_TEXT:
            raise InvalidInput("not the key of a curve", field="curveKey", hint="Such as `eugp:eu/dutch_ttf/gas`.")
        if not 0 <= confidence <= 1:
            raise InvalidInput("a confidence is 0 to 1", field="confidence")
        return await self._add(principal, ref, key, confidence, method, reason)

    async def remove(self, principal: Principal, ref: SeriesRef, reason: str) -> SeriesMapping:
        """A new version that says that a series is no curve. Raises InvalidInput, NotFound."""
        principal.require(Scope.CURVES_WRITE)
        return await self._add(principal, ref, None, 1.0, MappingMethod.MANUAL, reason)

    async def _add(
        self, principal: Principal, ref: SeriesRef, key: str | None, confidence: float, method: MappingMethod,
        reason: str,
    ) -> SeriesMapping:  # fmt: skip
        ref = SeriesRef(_text(ref.source, "source"), _text(ref.series, "id"))
        why = reason_of(reason, "mapping")
        async with self.store.database.write() as transaction:
            await transaction.lock(f"series {principal.tenant}")
            known = await self.store.newest_within(transaction, principal.tenant, ref)
            if key is None and (known is None or known.curve_key is None):
                raise NotFound("the series is not mapped", field="id")
            mapping = SeriesMapping(
                ref.source, ref.series, 1 if known is None else known.version + 1, key, confidence, method,
                principal.name, why, self.clock(),
            )  # fmt: skip
            await self.store.add(transaction, principal.tenant, mapping)
        return mapping

    async def suggestions(self, principal: Principal, text: str, count: int) -> list[Suggestion]:
        """Curves that a text could mean, the likeliest first, ties by key. Raises InvalidInput."""
        principal.require(Scope.CURVES_READ)
        if not 0 <= count <= MOST_SUGGESTED:
            raise InvalidInput(f"at most {MOST_SUGGESTED} curves", field="first")
        if len(text) > _LONGEST_ASKED:
            raise InvalidInput(f"a text of at most {_LONGEST_ASKED} characters", field="text")
        ids, texts = await self._index(principal.tenant)
        found = {ids[place]: score for place, score in await asyncio.to_thread(texts.best, text, count)}
        known, asked = await self.catalogue.by_id(principal.tenant, found), words_of(text)
        return [Suggestion(known[id_], score, _matched(asked, known[id_])) for id_, score in found.items()]

    async def _index(self, tenant: str) -> tuple[list[int], Texts]:
        mark = await self.store.catalogue_mark(tenant)
        if tenant not in self._indexes or self._indexes[tenant][0] != mark:
            rows = await self.store.texts(tenant)
            ids, texts = await asyncio.to_thread(_indexed, rows)
            self._indexes[tenant] = (mark, ids, texts)
        self._indexes.move_to_end(tenant)
        while len(self._indexes) > _TENANTS_KEPT:
            self._indexes.popitem(last=False)
        return self._indexes[tenant][1:]


def _indexed(rows: Sequence[Sequence[Any]]) -> tuple[list[int], Texts]:
    return [row[0] for row in rows], Texts(_written(*row[1:]) for row in rows)


def _matched(asked: Sequence[str], curve: Curve) -> list[Match]:
    is_ = curve.identity
    text = _written(is_.vendor, is_.iso, is_.market, is_.location, is_.product, is_.block, is_.leg, curve.name)
    return matches(asked, words_of(text))


def _written(*texts: str | None) -> str:
    return " ".join(text for text in texts if text)


def _text(text: str, field: str) -> str:
    """As it is matched: exactly, but for blanks around it."""
    found = text.strip()
    if not 0 < len(found) <= LONGEST_TEXT:
        raise InvalidInput(f"a text of 1 to {LONGEST_TEXT} characters is needed", field=field)
    return found
