"""Which curve a column of a vendor's workbook belongs to."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

_BLANKS = re.compile(r"\s+")
# What has a meaning in a key, or in an expression that quotes one, is percent-encoded inside a segment.
_RESERVED = {char: f"%{ord(char):02x}" for char in "%/:~@+[]|"}
_ENCODE = str.maketrans({**_RESERVED, " ": "+"})

_LONGEST_KEPT = 200
_NAMING = re.compile(r"(?:(?<![^\W_])[+-](?=\d))?[^\W_]+")  # words and numbers, these with their signs
_SIGNS = str.maketrans(dict.fromkeys("\u2010\u2011\u2012\u2013\u2212\ufe63\uff0d", "-") | {"\uff0b": "+"})


class Measure(StrEnum):
    """What the numbers of a curve are."""

    PRICE = "price"
    SPARK_SPREAD = "spark_spread"


def collapse(text: str) -> str:
    """Trimmed, inner blanks collapsed to one: how a vendor's text is shown."""
    return _BLANKS.sub(" ", unicodedata.normalize("NFC", text)).strip()


def fold(text: str | None) -> str:
    """How texts are matched: collapsed and case-folded. Punctuation stays: it tells products apart."""
    return collapse(text).casefold() if text else ""


def seen(text: str) -> str:
    """Without what nobody sees, such as a blank of no width; other blanks stay."""
    if text.isprintable():
        return text
    return "".join(each for each in text if each.isspace() or unicodedata.category(each) not in ("Cc", "Cf"))


def alike(name: str) -> str:
    """The same for names that a reader takes for one: signs of numbers count; case, blanks, punctuation, and what
    nobody sees, do not.

    `Gas-up, 10 %` is `gas up 10`, and not `Gas up -10 %`.
    """
    folded = fold(seen(name)).translate(_SIGNS)
    return "-".join(_NAMING.findall(folded)) or folded


@dataclass(frozen=True, slots=True)
class CurveIdentity:
    """The texts that make a curve one curve, in the vendor's own spelling.

    Two identities are the same curve exactly if their keys are equal. `unit` is the vendor's unit text and only
    set where the unit is part of the identity (PW and SIMPLE); `iso` only where the vendor names one.
    """

    vendor: str
    market: str
    location: str
    product: str
    block: str | None = None
    measure: Measure = Measure.PRICE
    leg: str | None = None
    unit: str | None = None
    iso: str | None = None

    @property
    def key(self) -> str:
        """`vendor:[iso/]market/location/product[/block][~measure][~leg][@unit]`, folded and percent-encoded.

        The gas at TTF is `eugp:eu/dutch_ttf/gas`, a spark spread `eugp:eu/german/power/base~spark_spread~german`.
        """
        segments = [self.iso] if self.iso is not None else []
        segments += [self.market, self.location, self.product]
        if self.block:
            segments.append(self.block)
        key = f"{_segment(self.vendor)}:" + "/".join(map(_segment, segments))
        if self.measure is not Measure.PRICE or self.leg:
            key += f"~{self.measure}"
        if self.leg:
            key += f"~{_segment(self.leg)}"
        if self.unit:
            key += f"@{_segment(self.unit)}"
        return key


def _segment(text: str | None) -> str:
    folded = fold(text)
    return "%2d" if folded == "-" else folded.translate(_ENCODE) or "-"


def normalize_key(text: str) -> str:
    """The key as stored, from what a person typed: any case, blanks instead of `+`."""
    return _normalized(text) if len(text) <= _LONGEST_KEPT else fold(text).replace(" ", "+")


@lru_cache(maxsize=2**14)  # the same keys are asked for again and again
def _normalized(text: str) -> str:
    return fold(text).replace(" ", "+")


def legacy_curve_key(
    *,
    asset_class: str | None,
    iso: str | None,
    region: str | None,
    location: str | None,
    market: str | None,
    product: str | None,
    block: str | None,
    spark_location: str | None,
) -> str:
    """The SHA-256 key of the legacy REST contract (rest-contract section 11): 64 lower-case hex characters."""
    fields = (asset_class, iso, region, location, market, product, block, spark_location)
    text = "|".join(collapse(field).lower() if field else "" for field in fields)
    return hashlib.sha256(text.encode()).hexdigest()
