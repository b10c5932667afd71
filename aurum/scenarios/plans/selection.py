"""Which curves, and which of their points, a driver is limited to."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields
from datetime import date
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from aurum.curves.model import Prices
from aurum.market.blocks import BLOCK_BY_SPELLING, spelled
from aurum.market.identity import fold, normalize_key
from aurum.market.periods import TenorGrid
from aurum.metadata.model import Curve, CurveFilter
from aurum.scenarios.analytics.months import Months, shares
from aurum.scenarios.drivers import Limits

_BLOCK = "kind of block"
_TEXTS: dict[str, Callable[[Curve], str | None]] = {
    "keys": lambda curve: curve.key,
    "legacy_keys": lambda curve: curve.legacy_key,
    "vendors": lambda curve: curve.identity.vendor,
    "isos": lambda curve: curve.identity.iso,
    "markets": lambda curve: curve.identity.market,
    "regions": lambda curve: curve.region,
    "locations": lambda curve: curve.identity.location,
    "products": lambda curve: curve.identity.product,
    "blocks": lambda curve: curve.identity.block,
    "measures": lambda curve: curve.identity.measure,
    "asset_classes": lambda curve: curve.asset_class,
    "commodities": lambda curve: curve.commodity,
    "currencies": lambda curve: curve.currency,
    "units": lambda curve: curve.unit,
}
FILTERS = tuple(_TEXTS)
"""The conditions of a filter that a driver may have: what is said of a curve, not what people did with it."""


def unusable(wanted: CurveFilter) -> list[str]:
    """The conditions given that a driver cannot have."""
    return [each.name for each in fields(wanted) if each.name not in _TEXTS and getattr(wanted, each.name) is not None]


def described(curve: Curve) -> Mapping[str, str]:
    """What a curve says to each condition, as texts are matched."""
    return {_BLOCK: _block(curve.identity.block or "")} | {
        name: _spelled(name, say(curve)) for name, say in _TEXTS.items()
    }


@lru_cache(maxsize=4096)
def _conditions(limits: Limits) -> tuple[tuple[str, frozenset[str]], ...]:
    """What a curve has to say to be within the limits."""
    given = {name: getattr(limits.curves, name) for name in FILTERS if getattr(limits.curves, name) is not None}
    found = {name: frozenset(_spelled(name, text) for text in texts) for name, texts in given.items()}
    if limits.blocks is not None:
        found[_BLOCK] = frozenset(map(_block, limits.blocks))
    return tuple(found.items())


def _spelled(name: str, text: str | None) -> str:
    return normalize_key(text or "") if name == "keys" else fold(text)


@dataclass(frozen=True, slots=True)
class Within:
    """The limits of a driver and of all that it is part of: what fits every one of them."""

    limits: tuple[Limits, ...] = ()

    def also(self, limits: Limits) -> Within:
        return Within((*self.limits, limits))

    def fitting(self, curves: Iterable[Mapping[str, str]]) -> list[int]:
        """The places of curves, as they are `described`, that are within all of them."""
        conditions = [condition for each in self.limits for condition in _conditions(each)]
        return [at for at, said in enumerate(curves) if all(said[name] in texts for name, texts in conditions)]

    @property
    def window(self) -> tuple[date | None, date | None]:
        starts = [each.delivery_start for each in self.limits if each.delivery_start is not None]
        ends = [each.delivery_end for each in self.limits if each.delivery_end is not None]
        return max(starts, default=None), min(ends, default=None)

    def shares(self, months: Months) -> Prices:
        """How much of each month it covers."""
        return shares(months, *self.window)

    def points(self, grid: TenorGrid) -> NDArray[np.bool_]:
        """Which points have a tenor type that may move."""
        types = [set(each.tenor_types) for each in self.limits if each.tenor_types is not None]
        return np.array([all(tenor.type in each for each in types) for tenor in grid], dtype=bool)


def _block(text: str) -> str:
    """`BASE` and `baseload` are one; what is no known block is compared as it is spelled."""
    known = BLOCK_BY_SPELLING.get(spelled(text))
    return spelled(text) if known is None else known.code
