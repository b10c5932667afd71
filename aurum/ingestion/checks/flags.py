"""What a check says: a finding, the points it is about, and what follows from it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

from aurum.ingestion.checks.thresholds import VendorLimits
from aurum.parsers.model import Finding, ParsedCurve, Severity

Points = Mapping[str, tuple[int, ...]]
_NO_POINTS: Points = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Flag:
    """A finding of a check, with the points it is about: by curve key, indices into the curve's tenors.

    `whole_file`: the file cannot be trusted, nothing of it is to be loaded. Otherwise the points of an ERROR are
    not to be served; those of a WARNING are served, and marked. `reasons` are the finding's words point by point,
    parallel to the points of `finding.curve_key`; empty where one sentence is about all of them.
    """

    finding: Finding
    points: Points = field(default_factory=dict)
    reasons: tuple[str, ...] = ()
    whole_file: bool = False

    @property
    def withholds(self) -> bool:
        """Whether its points are not to be served."""
        return self.finding.severity is Severity.ERROR and bool(self.points)


def refusal(flags: Iterable[Flag]) -> Flag | None:
    """The first reason to load nothing of the file."""
    return next((flag for flag in flags if flag.whole_file), None)


def withheld(flags: Iterable[Flag]) -> dict[str, tuple[int, ...]]:
    """By curve key, the points that must not be served: what quarantine takes."""
    points: dict[str, set[int]] = {}
    for flag in flags:
        if flag.withholds:
            for key, of_curve in flag.points.items():
                points.setdefault(key, set()).update(of_curve)
    return {key: tuple(sorted(of_curve)) for key, of_curve in points.items()}


def points_of(finding: Finding, curve: ParsedCurve) -> tuple[int, ...]:
    """The points of a curve whose cells a finding names, such as one of the parser's."""
    named = {cell if "!" in cell else f"{finding.sheet}!{cell}" for cell in finding.cells}
    sides = [cells for cells in (curve.mid_cells, curve.quote_cells) if cells is not None]
    return tuple(at for at in range(len(curve.tenors)) if any(cells.address(at) in named for cells in sides))


class Flags:
    """Collects what checks say, each as severe as the vendor's and the curve's thresholds have it."""

    def __init__(self, limits: VendorLimits) -> None:
        self._limits = limits
        self.raised: list[Flag] = []

    def add(
        self,
        code: str,
        message: str,
        *,
        addresses: Iterable[str | None] = (),
        sheet: str | None = None,
        curve_key: str | None = None,
        points: Mapping[str, Sequence[int]] = _NO_POINTS,
        reasons: Sequence[str] = (),
        at_most: Severity = Severity.ERROR,
    ) -> None:
        """`addresses`: cells, None for one that is not known. `points`, by curve key, and `reasons`: see `Flag`.

        Nothing where the thresholds say that this check does not speak; never more severe than `at_most`.
        """
        severity = self._limits.severity(code, curve_key)
        if severity is None:
            return
        if at_most is Severity.INFO:
            severity = Severity.INFO
        elif at_most is Severity.WARNING and severity is Severity.ERROR:
            severity = Severity.WARNING
        found_sheet, cells = located(addresses)
        self.raised.append(
            Flag(
                Finding(code, severity, message, sheet or found_sheet, cells, curve_key),
                {key: tuple(of_curve) for key, of_curve in points.items()},
                tuple(reasons),
                whole_file=self._limits.refuses(code) and severity is Severity.ERROR,
            )
        )


def located(addresses: Iterable[str | None]) -> tuple[str | None, tuple[str, ...]]:
    """The sheet of the first address, and all of them: without the sheet's name where it is that one."""
    found = [address for address in addresses if address is not None]
    if not found:
        return None, ()
    sheet = found[0].rpartition("!")[0]
    return sheet or None, tuple(address.removeprefix(f"{sheet}!") for address in found)


def shown(value: float) -> str:
    """A number as a person reads it: seven digits at most."""
    return f"{value:.7g}"


def exact(value: float) -> str:
    """A number with the digits that tell it from its neighbour: ten at most."""
    return f"{value:.10g}"
