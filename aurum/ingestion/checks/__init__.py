"""The checks on what arrives: pure functions of a parsed file, its history and the vendor's last file.

No database, no clock, no framework: numbers in arrays, and out come flags, each a finding with its points. What is
checked, and with which thresholds, stands in docs/checks.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import numpy as np

from aurum.ingestion.checks.drift import PreviousFile, check_drift
from aurum.ingestion.checks.flags import Flag, Flags, located, points_of, refusal, withheld
from aurum.ingestion.checks.history import Day, History, check_stale, history_of
from aurum.ingestion.checks.identical import check_identical
from aurum.ingestion.checks.numbers import check_numbers, check_share
from aurum.ingestion.checks.outliers import check_outliers
from aurum.ingestion.checks.structure import check_as_of, check_months, check_sides
from aurum.ingestion.checks.table import Block, Table, key_of, tabulate
from aurum.ingestion.checks.thresholds import CHECKS, LIMITS, OFF, Limits, Thresholds, VendorLimits
from aurum.ingestion.checks.verdict import Verdict, Withheld, flags_of, judge
from aurum.parsers.model import ParsedWorkbook

__all__ = [
    "CHECKS",
    "LIMITS",
    "OFF",
    "Block",
    "Day",
    "Flag",
    "Limits",
    "PreviousFile",
    "Thresholds",
    "Verdict",
    "Withheld",
    "check",
    "key_of",
    "located",
    "points_of",
    "refusal",
    "verdict",
    "withheld",
]

DEFAULTS = Thresholds()


def check(
    parsed: ParsedWorkbook,
    history: Sequence[Day] = (),
    previous: PreviousFile | None = None,
    thresholds: Thresholds = DEFAULTS,
    today: date | None = None,
) -> list[Flag]:
    """Everything that is odd about a file, the reasons to refuse it first.

    `history`: earlier days of the vendor in any order; later ones, and the file's own, are left out. A file whose
    months are not what they should be is not looked into further: its numbers stand beside the wrong labels.
    `today`: when it is loaded; None: its as-of date may be any.
    """
    table = tabulate(parsed)
    limits = VendorLimits(thresholds, parsed.vendor, table.keys)
    flags = Flags(limits)
    with np.errstate(all="ignore"):  # huge numbers overflow and compare as what they are: wrong
        if today is not None:
            check_as_of(table, today, flags)
        check_months(table, flags)
        if not parsed.curves:
            check_share(table, limits, flags)
        elif refusal(flags.raised) is None:
            _check_values(table, history_of(table, history, limits), limits, flags)
        if previous is not None:
            check_drift(table, previous, limits, flags)
    return sorted(flags.raised, key=lambda flag: not flag.whole_file)


def verdict(
    parsed: ParsedWorkbook,
    history: Sequence[Day] = (),
    previous: PreviousFile | None = None,
    thresholds: Thresholds = DEFAULTS,
    today: date | None = None,
) -> Verdict:
    """What becomes of a file, by what the parser found and what the checks find."""
    return judge(parsed, flags_of(parsed), check(parsed, history, previous, thresholds, today))


def _check_values(table: Table, history: History, limits: VendorLimits, flags: Flags) -> None:
    check_sides(table, limits, flags)
    check_numbers(table, limits, flags)
    check_identical(table, history, limits, flags)
    check_stale(history, limits, flags)
    check_outliers(history, limits, flags)
