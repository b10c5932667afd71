"""What the checks compare with: defaults, and what an operator sets otherwise for a vendor or a curve."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from fnmatch import fnmatchcase
from functools import lru_cache
from types import MappingProxyType
from typing import Any, NamedTuple, cast

import numpy as np

from aurum.errors import InvalidInput
from aurum.ingestion.documents import check_names, mapping_of, vendor_code
from aurum.market.identity import normalize_key
from aurum.parsers.model import Prices, Severity

OFF = "OFF"
_SEVERITIES = (*(severity.value for severity in Severity), OFF)


class Check(NamedTuple):
    """How severe a finding of this code is, unless said otherwise, and whether it refuses the file as an ERROR."""

    severity: Severity
    whole_file: bool = False


_ERROR, _WARNING, _INFO = Check(Severity.ERROR), Check(Severity.WARNING), Check(Severity.INFO)
_REFUSAL = Check(Severity.ERROR, whole_file=True)

CHECKS: Mapping[str, Check] = MappingProxyType(
    {
        "AS_OF_IN_FUTURE": _REFUSAL,
        "FIRST_MONTH_WRONG": _REFUSAL,
        "MONTHS_NOT_CONSECUTIVE": _REFUSAL,
        "MONTHS_OUT_OF_ORDER": _WARNING,
        "MID_MISSING": _WARNING,
        "QUOTE_MISSING": _INFO,
        "BID_ABOVE_ASK": _ERROR,
        "MID_OUTSIDE_QUOTE": _ERROR,
        "MID_NOT_MIDDLE": _ERROR,
        "STRIP_NOT_MEAN": _ERROR,
        "SPARK_NOT_SPREAD": _ERROR,
        "TOO_MANY_ERRORS": _REFUSAL,
        "IDENTICAL_CURVES": _WARNING,
        "STALE_CURVE": _WARNING,
        "STALE_FILE": _WARNING,
        "OUTLIER_MOVE": _WARNING,
        "OUTLIER_POINT": _WARNING,
        "CURVE_NEW": _WARNING,
        "CURVE_GONE": _WARNING,
        "CURVE_RENAMED": _WARNING,
        "COLUMN_MOVED": _INFO,
        "SHEET_NEW": _INFO,
        "SHEET_GONE": _WARNING,
        "TENOR_NEW": _WARNING,
        "TENOR_GONE": _WARNING,
    }
)


def _limit(default: float, low: float, high: float, *, file: bool = False) -> Any:
    """A number between two others. `file`: of a whole file, it cannot differ between curves."""
    return field(default=default, metadata={"low": low, "high": high, "file": file})


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The thresholds of one curve. Prices are in the curve's own unit; docs/checks.md says what each is for."""

    mid_tolerance: float = _limit(0.0005, 0, 1e6)
    strip_tolerance: float = _limit(0.0005, 0, 1e6)
    spark_tolerance: float = _limit(1e-6, 0, 1e6)
    spark_factor: float = _limit(2.0, 0, 100)
    spark_factor_gb: float = _limit(0.694513017, 0, 100)
    habit_share: float = _limit(0.5, 0, 1, file=True)
    habit_file_share: float = _limit(0.9, 0, 1, file=True)
    habit_points: int = _limit(6, 1, 10_000, file=True)
    quoted_share: float = _limit(0.5, 0, 1, file=True)
    error_share: float = _limit(0.2, 0, 1, file=True)
    error_points: int = _limit(100, 1, 10_000_000, file=True)
    identical_points: int = _limit(6, 1, 10_000)
    stale_points: int = _limit(3, 1, 10_000)
    stale_days: int = _limit(1, 1, 1_000)
    stale_file_share: float = _limit(0.5, 0, 1, file=True)
    outlier_score: float = _limit(10.0, 1, 1e6)
    outlier_point_score: float = _limit(15.0, 1, 1e6)
    outlier_days: int = _limit(2, 2, 1_000)
    outlier_spreads: float = _limit(1.0, 0, 1e6)
    outlier_level: float = _limit(0.005, 0, 1e6)
    market_factor: float = _limit(3.0, 1, 1e6, file=True)
    history_days: int = _limit(20, 1, 1_000, file=True)
    history_age: int = _limit(90, 1, 10_000, file=True)
    history_gap: int = _limit(7, 1, 1_000, file=True)
    rename_share: float = _limit(0.05, 0, 1, file=True)
    severities: Mapping[str, str] = field(default_factory=dict)


Values = Mapping[str, Any]
_FIELDS = {limit.name: limit for limit in fields(Limits)}


class Limit(NamedTuple):
    """What can be said of a threshold. `file`: it is of whole files."""

    name: str
    default: float
    low: float
    high: float
    file: bool


LIMITS = tuple(
    Limit(limit.name, float(cast(float, limit.default)), **limit.metadata) for limit in fields(Limits) if limit.metadata
)

_BY_LAYOUT: Values = {"severities": {"STRIP_NOT_MEAN": "WARNING", "SPARK_NOT_SPREAD": OFF}}

# What vendors are known for. Of PW and SIMPLE only the layout is known: not whether their strips are means of months,
# nor their heat rates. EUGP's curves move evenly: the largest score of its real files is 1.7, of a point below 4.
BUILT_IN: Mapping[str, Values] = MappingProxyType(
    {
        "EUGP": {"outlier_score": 5.0, "outlier_point_score": 10.0},
        "PW": _BY_LAYOUT,
        "SIMPLE": _BY_LAYOUT,
    }
)


@dataclass(frozen=True, slots=True)
class Thresholds:
    """What is set otherwise than by default: for all vendors, for one, for a curve or, with `*`, for several.

    The narrower wins: curve, then the longer pattern, then vendor, then `default`, then what is built in.
    """

    default: Values = field(default_factory=dict)
    vendors: Mapping[str, Values] = field(default_factory=dict)
    curves: Mapping[str, Values] = field(default_factory=dict)

    def of(self, vendor: str, curve_key: str | None = None) -> Limits:
        """The thresholds of a curve; without one, of the vendor's files."""
        layers = [BUILT_IN.get(vendor, {}), self.default, self.vendors.get(vendor, {})]
        if curve_key is not None:
            fitting = [pattern for pattern in self.curves if _fits(pattern, curve_key)]
            layers += [self.curves[pattern] for pattern in sorted(fitting, key=lambda p: (p == curve_key, len(p)))]
        limits = Limits()
        for layer in layers:
            if layer:
                severities = {**limits.severities, **layer.get("severities", {})}
                limits = replace(limits, **{**layer, "severities": MappingProxyType(severities)})
        return limits

    def effective(self, vendor: str, curve_key: str | None = None) -> dict[str, Any]:
        """The thresholds of a curve, or of the vendor's files, by name; `severities` has every check."""
        limits = self.of(vendor, None if curve_key is None else normalize_key(curve_key))
        severities = {code: limits.severities.get(code, check.severity.value) for code, check in CHECKS.items()}
        return {name: getattr(limits, name) for name in _FIELDS} | {"severities": severities}

    def idle(self, keys: Collection[str]) -> list[str]:
        """The curves and patterns that fit none of these curves."""
        return [pattern for pattern in self.curves if not any(_fits(pattern, key) for key in keys)]

    def to_dict(self) -> dict[str, Any]:
        """Plain dicts, numbers and texts, for JSON; `from_dict` reads it back."""
        return {
            "default": _plain(self.default),
            "vendors": {vendor: _plain(values) for vendor, values in self.vendors.items()},
            "curves": {key: _plain(values) for key, values in self.curves.items()},
        }

    @classmethod
    def from_dict(cls, document: object) -> Thresholds:
        """Raises InvalidInput, with the path, for an unknown name or a value out of bounds."""
        parts = mapping_of(document, "thresholds")
        check_names(parts, ("default", "vendors", "curves"), "thresholds")
        of_vendors, of_curves = (mapping_of(parts.get(name, {}), name) for name in ("vendors", "curves"))
        vendors = {vendor_code(name): _values(values, f"vendors.{name}") for name, values in of_vendors.items()}
        curves = {
            normalize_key(key): _values(values, f"curves.{key}", of_curve=True) for key, values in of_curves.items()
        }
        if len(vendors) < len(of_vendors):
            raise InvalidInput("vendors: the same vendor is named twice", path="vendors")
        if len(curves) < len(of_curves):
            raise InvalidInput("curves: the same curve is named twice", path="curves")
        return cls(_values(parts.get("default", {}), "default"), vendors, curves)


class VendorLimits:
    """The thresholds of the curves of one file, as numbers and as columns of numbers."""

    def __init__(self, thresholds: Thresholds, vendor: str, keys: Sequence[str]) -> None:
        self.file = thresholds.of(vendor)
        patterns = list(thresholds.curves)
        own = [key for key in keys if any(_fits(pattern, key) for pattern in patterns)] if patterns else []
        self._own = {key: thresholds.of(vendor, key) for key in own}
        self._keys = keys

    def of(self, key: str | None) -> Limits:
        return self.file if key is None else self._own.get(key, self.file)

    def each(self, name: str) -> Prices:
        """A threshold for every curve, as a column."""
        values = np.full((len(self._keys), 1), float(getattr(self.file, name)))
        if self._own:
            for row, key in enumerate(self._keys):
                values[row] = getattr(self.of(key), name)
        return values

    def severity(self, code: str, key: str | None = None) -> Severity | None:
        """None where the check is off."""
        said = self.of(key).severities.get(code, CHECKS[code].severity.value)
        return None if said == OFF else Severity(said)

    def refuses(self, code: str) -> bool:
        return CHECKS[code].whole_file


@lru_cache(maxsize=65_536)
def _fits(pattern: str, key: str) -> bool:
    """`*` stands for any text; nothing else is special."""
    return pattern == key or ("*" in pattern and fnmatchcase(key, pattern.replace("[", "[[]").replace("?", "[?]")))


# ------------------------------------------------------------------------------------------------- documents


def _plain(values: Values) -> dict[str, Any]:
    return {name: dict(value) if isinstance(value, Mapping) else value for name, value in values.items()}


def _values(values: object, path: str, *, of_curve: bool = False) -> Values:
    given = mapping_of(values, path)
    check_names(given, list(_FIELDS), path)
    return {
        name: _severities(value, f"{path}.{name}")
        if name == "severities"
        else _number(name, value, f"{path}.{name}", of_curve)
        for name, value in given.items()
    }


def _number(name: str, value: object, path: str, of_curve: bool) -> float:
    limit = _FIELDS[name]
    low, high, file = (limit.metadata[key] for key in ("low", "high", "file"))
    if of_curve and file:
        raise InvalidInput(f"{path} is about whole files: it cannot be set for a curve", path=path)
    whole = isinstance(limit.default, int)
    if isinstance(value, bool) or not isinstance(value, int if whole else int | float):
        raise InvalidInput(f"{path}: a {'whole ' if whole else ''}number is due, not {str(value)[:60]!r}", path=path)
    if not low <= value <= high:  # NaN is not, nor is infinity
        raise InvalidInput(f"{path}: {str(value)[:60]} is not between {low:g} and {high:g}", path=path)
    return value if whole else float(value)


def _severities(value: object, path: str) -> Mapping[str, str]:
    given = mapping_of(value, path)
    check_names(given, list(CHECKS), path)
    for code, severity in given.items():
        if severity not in _SEVERITIES:
            raise InvalidInput(
                f"{path}.{code}: {severity!r} is no severity", hint=f"Known are {', '.join(_SEVERITIES)}.", path=path
            )
    return {code: str(severity) for code, severity in given.items()}
