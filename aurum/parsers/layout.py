"""How a vendor's workbook is described: which sheets, which labels, and what curve a column's texts make."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from aurum.market.identity import CurveIdentity, Measure


class Role(StrEnum):
    """What the cells of a sheet hold."""

    MID = "mid"
    BIDASK = "bidask"
    REGIONAL = "regional"  # mids that the first sheet has too


class Presence(StrEnum):
    """What a missing sheet means: the file is refused, a person is told, or nothing."""

    REQUIRED = "required"
    EXPECTED = "expected"
    OPTIONAL = "optional"


@dataclass(frozen=True, slots=True)
class SheetRule:
    name: str
    role: Role = Role.MID
    measure: Measure = Measure.PRICE
    presence: Presence = Presence.REQUIRED


class Header(NamedTuple):
    """The texts above a column, by what they mean; "" where there is none."""

    iso: str = ""
    market: str = ""
    block: str = ""
    location: str = ""
    product: str = ""
    leg: str = ""
    unit: str = ""


@dataclass(frozen=True, slots=True)
class Described:
    """What a column's texts say of its curve."""

    identity: CurveIdentity
    asset_class: str
    commodity: str
    region: str | None = None
    unit_text: str | None = None
    attributes: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, eq=False)
class Layout:
    """One way in which a vendor lays out a workbook.

    `labels` says which field of a header stands in the row that a text in A or B labels; `above` gives a field
    whose row bears no label: the one above another's. `carried` fields hold to the right until the next text.
    `needed` are fields whose row must be there. `told_by` is the label that only this layout has. `foreign` are labels
    that only other vendors' files have. Where the row of `market` has texts, one of `markets` is among them.
    """

    vendor: str
    sheets: tuple[SheetRule, ...]
    labels: Mapping[str, str]
    describe: Callable[[Header, Measure], Described | None]
    needed: tuple[str, ...] = ()
    carried: frozenset[str] = frozenset()
    above: Mapping[str, str] = field(default_factory=dict)
    told_by: str | None = None
    foreign: frozenset[str] = frozenset()
    markets: frozenset[str] = frozenset()
