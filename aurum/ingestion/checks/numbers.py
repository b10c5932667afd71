"""Numbers of one file that contradict each other: quotes, strips against months, spreads against their legs.

A contradiction says that one of several numbers is wrong. Which one is told by the others: a month that is not in
the middle of its bid and ask is blamed for the strip that it spoils, and the strip is left alone.
"""

from __future__ import annotations

from aurum.ingestion.checks.flags import Flags, withheld
from aurum.ingestion.checks.quotes import check_quotes
from aurum.ingestion.checks.sparks import check_sparks
from aurum.ingestion.checks.strips import check_strips
from aurum.ingestion.checks.table import Table
from aurum.ingestion.checks.thresholds import VendorLimits
from aurum.ingestion.checks.verdict import flags_of
from aurum.market.counts import counted
from aurum.parsers.model import Severity


def check_numbers(table: Table, limits: VendorLimits, flags: Flags) -> None:
    doubt = check_quotes(table, limits, flags)
    vouched = check_strips(table, limits, doubt, flags)
    check_sparks(table, limits, doubt, vouched, flags)
    check_share(table, limits, flags)


def check_share(table: Table, limits: VendorLimits, flags: Flags) -> None:
    """So many points that are wrong are no slips: columns or rows of a sheet are shifted. Nor is one without any."""
    read = flags_of(table.parsed)
    points = table.parsed.points
    wrong = sum(map(len, withheld([*read, *flags.raised]).values()))
    lost = wrong + sum(flag.finding.severity is Severity.ERROR and not flag.points for flag in read)
    share = lost / max(1, points)
    if not points:
        flags.add("TOO_MANY_ERRORS", "no number of the file can be loaded")
    elif wrong >= points or (lost >= limits.file.error_points and share > limits.file.error_share):
        flags.add(
            "TOO_MANY_ERRORS",
            f"{counted(lost, 'point')} of {points:,} ({share:.0%}) cannot be read or contradict each other; "
            f"{limits.file.error_share:.0%} are accepted: a sheet seems to be shifted, mixed up or retyped",
        )
