"""How many curves have which value of which dimension, counted in columns that are kept."""

from __future__ import annotations

import asyncio
from bisect import bisect_left
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray
from sqlalchemy import SelectBase, bindparam, func, literal_column, select, union_all

from aurum.backends.columns import ColumnRead, Columns, read_columns
from aurum.backends.database import Database, Id
from aurum.backends.kept import KeptSince
from aurum.backends.reads import Read
from aurum.backends.sharing import Together
from aurum.market.identity import fold
from aurum.metadata.model import Dimension, DimensionValue
from aurum.metadata.tables import curve_units, curves

Numbers = NDArray[np.int64]
_KEPT_BYTES = 64 * 2**20
_CODE, _ID, _TEXT = 4, 8, 150  # bytes
_NONE = -1
_TENANT: Any = bindparam("tenant", type_=curves.c.tenant_id.type)
_COLUMNS = select(curves.c.id, *(curves.c[name] for name in Dimension)).where(curves.c.tenant_id == _TENANT)
_LAST: Any = bindparam("last", type_=Id)
_again = curve_units.c.version > literal_column("1")  # as its index says it, not a parameter
_SET_AGAIN = select(curve_units.c.curve_id).where(curve_units.c.tenant_id == _TENANT, _again)
_CHANGED = _COLUMNS.where(curves.c.id <= _LAST, curves.c.id.in_(_SET_AGAIN))


class _Piece:
    """A statement of `_COLUMNS`, whose columns come in one piece each: rows would take four times as long."""

    def __init__(self, statement: SelectBase) -> None:
        rows = statement.subquery()
        self._columns = ColumnRead(select(rows))
        self._lists = Read(select(*(func.json_group_array(column) for column in rows.c)))

    async def read(self, database: Database, **parameters: Any) -> Columns:
        if database.packs:
            return await read_columns(database, self._columns, **parameters)
        (texts,) = await database.rows(self._lists, **parameters)
        ids, *values = await asyncio.to_thread(lambda: list(map(orjson.loads, texts)))
        return {"id": np.array(ids, np.int64), **dict(zip(Dimension, values, strict=True))}


_ALL = _Piece(_COLUMNS)
_NEWEST = _Piece(union_all(_COLUMNS.where(curves.c.id > _LAST), _CHANGED))
_COUNT = Read(select(func.count()).select_from(curves).where(curves.c.tenant_id == _TENANT))


@dataclass(frozen=True)
class Values:
    """What each curve has of one dimension: the place of its text in `texts`, which are sorted; -1: none."""

    texts: Sequence[str]
    codes: NDArray[np.int32]

    @cached_property
    def folded(self) -> list[str]:
        return [fold(text) for text in self.texts]

    @cached_property
    def totals(self) -> Numbers:
        return self._counted(self.codes)

    def _counted(self, codes: NDArray[np.int32]) -> Numbers:
        return np.bincount(codes[codes >= 0], minlength=len(self.texts))

    def counts(self, places: Numbers | None, prefix: str, limit: int) -> list[tuple[str, int]]:
        """Of the curves at `places` (None: all): the first `limit` texts that begin so and the curves that have them.

        By text.
        """
        counts = self.totals if places is None else self._counted(self.codes[places])
        found = np.flatnonzero(counts).tolist()
        if prefix:
            found = [code for code in found if self.folded[code].startswith(prefix)]
        return [(self.texts[code], int(counts[code])) for code in found[:limit]]

    def with_changes(self, places: Numbers, texts: Sequence[str | None], size: int) -> Values:
        """Of `size` curves, those at `places` with other texts than before, or new."""
        known = sorted({*self.texts, *(text for text in texts if text is not None)})
        code_of = {text: code for code, text in enumerate(known)}
        moved = np.array([code_of[text] for text in self.texts] + [_NONE], np.int32)  # -1 stays where it is
        codes = np.full(size, _NONE, np.int32)
        codes[: len(self.codes)] = moved[self.codes]
        codes[places] = [_NONE if text is None else code_of[text] for text in texts]
        return Values(known, codes)


@dataclass(frozen=True)
class Facets:
    """The dimensions of a tenant's curves, by their ids in order."""

    ids: Numbers
    values: Mapping[Dimension, Values]

    def counts(
        self, names: Collection[Dimension], chosen: Sequence[int] | None, prefix: str, limit: int
    ) -> list[DimensionValue]:
        """Of the curves with these ids; None: of all."""
        return self._counts(names, None if chosen is None else self._places(chosen), fold(prefix), limit)

    def _counts(
        self, names: Collection[Dimension], places: Numbers | None, prefix: str, limit: int
    ) -> list[DimensionValue]:
        return [
            DimensionValue(name, text, count)
            for name in names
            for text, count in self.values[name].counts(places, prefix, limit)
        ]

    def of_vendor(self, vendor: str, limit: int) -> tuple[int, list[DimensionValue]]:
        """How many curves it has, and what they have of each dimension: the first `limit` values."""
        texts, codes = self.values[Dimension.VENDOR].texts, self.values[Dimension.VENDOR].codes
        code = bisect_left(texts, vendor)
        ours = code < len(texts) and texts[code] == vendor
        places = np.flatnonzero(codes == code) if ours else np.empty(0, np.int64)
        return len(places), self._counts(list(Dimension), places, "", limit)

    def _places(self, ids: Sequence[int]) -> Numbers:
        wanted = np.array(ids, np.int64)
        places = np.searchsorted(self.ids, wanted)
        known = places < len(self.ids)
        known[known] = self.ids[places[known]] == wanted[known]
        return places[known]

    def with_changes(self, columns: Columns) -> Facets:
        """With curves that are new, or have other values than before."""
        changed: Numbers = columns["id"]
        ids = np.union1d(self.ids, changed)
        places = np.searchsorted(ids, changed)
        values = {name: self.values[name].with_changes(places, columns[name], len(ids)) for name in Dimension}
        return Facets(ids, values)

    @property
    def size(self) -> int:
        texts = sum(len(values.texts) for values in self.values.values())
        return len(self.ids) * (_ID + _CODE * len(self.values)) + _TEXT * texts


_NO_CURVES = Facets(np.empty(0, np.int64), {name: Values((), np.empty(0, np.int32)) for name in Dimension})


class FacetStore:
    """Keeps the dimensions of tenants' curves. Nothing but a curve's unit changes: only what is new is read again."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._kept = KeptSince[str, Facets](_KEPT_BYTES)
        self._read = Together[None, str, Facets](self._read_again)

    async def of(self, tenant: str, head: int | None) -> Facets:
        """`head`: the tenant's (`Heads`), since which nothing has changed."""
        facets = None if head is None else self._kept.still(tenant, head)
        if facets is None:
            facets = (await self._read.ask(None, [tenant]))[tenant]
            self._kept.note(tenant, -1 if head is None else head, facets, facets.size)
        return facets

    async def _read_again(self, _: None, tenants: Sequence[str]) -> dict[str, Facets]:
        return {tenant: await self._newest(tenant) for tenant in tenants}

    async def _newest(self, tenant: str) -> Facets:
        _, known = self._kept.get(tenant) or (None, _NO_CURVES)
        if len(known.ids):
            last = int(known.ids[-1])
            facets = await self._with(known, await _NEWEST.read(self._database, tenant=tenant, last=last))
            # Counted afterwards: a curve with a smaller id may have been committed later.
            if (await self._database.rows(_COUNT, tenant=tenant))[0][0] == len(facets.ids):
                return facets
        return await self._with(_NO_CURVES, await _ALL.read(self._database, tenant=tenant))

    async def _with(self, known: Facets, columns: Columns) -> Facets:
        return await asyncio.to_thread(known.with_changes, columns) if len(columns["id"]) else known
