"""What becomes of a parsed file: refused whole, or loaded but for the points that must not be served."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from aurum.ingestion.checks.flags import Flag, points_of, refusal, withheld
from aurum.ingestion.checks.table import key_of
from aurum.parsers.model import Finding, ParsedCurve, ParsedWorkbook, Severity


@dataclass(frozen=True, slots=True)
class Withheld:
    """A point that is not served, with the curve it is of; or cells that no point could be made of.

    `flags` are the places of the reasons in `Verdict.flags`, the first one first.
    """

    curve: ParsedCurve | None
    point: int | None
    flags: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Verdict:
    """`refusal`: why nothing of the file is loaded; None: all but what is `withheld` is."""

    flags: tuple[Flag, ...]
    refusal: Finding | None
    withheld: tuple[Withheld, ...]

    @property
    def points(self) -> Mapping[str, tuple[int, ...]]:
        """By curve key, the points that are not served."""
        return withheld(self.flags)


def flags_of(parsed: ParsedWorkbook) -> list[Flag]:
    """What the parser found, with the points that its cells are of."""
    keys = {finding.curve_key for finding in parsed.findings if finding.cells}
    curves = {key: curve for curve in parsed.curves if (key := key_of(curve.identity)) in keys} if keys else {}
    return [_flag_of(finding, curves.get(finding.curve_key or "")) for finding in parsed.findings]


def _flag_of(finding: Finding, curve: ParsedCurve | None) -> Flag:
    points = points_of(finding, curve) if curve is not None else ()
    key = finding.curve_key
    cut = finding.code == "MORE_FINDINGS" and finding.severity is Severity.ERROR  # not all of them are known
    return Flag(finding, {key: points} if key and points else {}, whole_file=cut)


def judge(parsed: ParsedWorkbook, read: Sequence[Flag], checked: Sequence[Flag]) -> Verdict:
    """`read` are the flags of the parser's findings, `checked` those of the checks."""
    flags = tuple(sorted([*read, *checked], key=lambda flag: not flag.whole_file))
    reason = refusal(flags)
    items = () if reason else tuple(_withheld(parsed, flags))
    return Verdict(flags, reason.finding if reason else None, items)


def _withheld(parsed: ParsedWorkbook, flags: Sequence[Flag]) -> Iterable[Withheld]:
    curves = {key_of(curve.identity): curve for curve in parsed.curves}
    reasons: dict[tuple[str, int], list[int]] = {}
    for place, flag in enumerate(flags):
        if flag.finding.severity is not Severity.ERROR:
            continue
        if not flag.points:
            yield Withheld(curves.get(flag.finding.curve_key or ""), None, (place,))
        for key, points in flag.points.items():
            for point in points:
                reasons.setdefault((key, point), []).append(place)
    for (key, point), places in reasons.items():
        yield Withheld(curves[key], point, tuple(places))
