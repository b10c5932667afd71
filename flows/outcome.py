"""What became of files: in a word, in a line, and as the state of the flow that loaded them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from prefect.client.schemas.objects import State
from prefect.states import Cancelled, Completed, Failed

from aurum.errors import AurumError
from aurum.ingestion.model import Run, RunState

QUARANTINED, REFUSED, CANCELLED = "quarantined", "refused", "cancelled"
_RANKED = (REFUSED, CANCELLED, QUARANTINED, "loaded", "known")  # what needs somebody first
_FEW = 10
_MOST_LINES = 50


@dataclass(frozen=True, slots=True)
class Outcome:
    """Of a file: the run that it got, or the error for which it got none."""

    file: str
    run: Run | None = None
    error: AurumError | None = None

    @property
    def word(self) -> str:
        if self.run is None or self.run.state is RunState.FAILED:
            return REFUSED
        if self.run.state is RunState.SUCCEEDED:
            return QUARANTINED if self.run.counts.withheld else "loaded"
        return "known" if self.run.state is RunState.UNCHANGED else CANCELLED

    @property
    def rank(self) -> int:
        return _RANKED.index(self.word)

    @property
    def why(self) -> str:
        """Why not all of the file is loaded now; empty where all is."""
        run = self.run
        if run is None:
            return f"{self.error.code}: {self.error.message}" if self.error else ""
        if run.state is RunState.UNCHANGED:
            return f"run {run.repeats} has loaded the same bytes"
        if run.state is RunState.SUCCEEDED:
            return f"{_points(run)} in quarantine" if run.counts.withheld else ""
        return f"{run.error_code}: {run.error}" if run.error else ""

    @property
    def line(self) -> str:
        run = self.run
        if run is None or run.state is not RunState.SUCCEEDED:
            return f"{self.file} is {self.word}: {self.why}"
        counts = run.counts
        held = f", {_points(run)} in quarantine" if counts.withheld else ""
        return (
            f"{self.file} is loaded, {run.vendor} as of {run.as_of}: {counts.loaded:,} of {counts.points:,} points{held}; "
            f"{counts.curves} curves, {counts.new_curves} new, {counts.new_versions} new versions, "
            f"{counts.unchanged} unchanged; {counts.findings} findings"
        )


def _points(run: Run) -> str:
    return f"{run.counts.withheld:,} point{'' if run.counts.withheld == 1 else 's'}"


def name_of(run: Run) -> str:
    """`EUGP 2025-02-12 EOD_EUGP_20250212_1430.xlsx (#12)`."""
    known = [run.vendor, run.as_of, run.file_name, f"(#{run.id})"]
    return " ".join(str(part) for part in known if part is not None)


def tags_of(outcomes: Sequence[Outcome]) -> set[str]:
    """To find the flow run by. Of many files: the vendors, and whether something is refused or in quarantine."""
    runs = [outcome.run for outcome in outcomes if outcome.run is not None]
    tags = {run.vendor for run in runs} | {outcome.word for outcome in outcomes} & {QUARANTINED, REFUSED}
    if len(runs) <= _FEW:
        tags |= {str(run.as_of) for run in runs if run.as_of} | {f"run-{run.id}" for run in runs}
    return {tag for tag in tags if tag}


def state_of(outcomes: Sequence[Outcome]) -> State[Any]:
    """FAILED where a file is refused; `Quarantined`, which is COMPLETED, where points are."""
    words = Counter(outcome.word for outcome in outcomes)
    message = message_of(outcomes)
    if words[REFUSED]:
        return Failed(message=message)
    if words[CANCELLED] == len(outcomes):
        return Cancelled(message=message)
    return Completed(message=message, **({"name": QUARANTINED.capitalize()} if words[QUARANTINED] else {}))


def message_of(outcomes: Sequence[Outcome]) -> str:
    """A line for each file, what needs somebody first, below one that counts them."""
    ranked = sorted(outcomes, key=lambda outcome: outcome.rank)
    if len(ranked) == 1:
        return ranked[0].line
    lines = [outcome.line for outcome in ranked[:_MOST_LINES]]
    left = len(ranked) - len(lines)
    return "\n".join([counted(outcomes), *lines, *([f"and {left:,} more"] if left else [])])


def counted(outcomes: Sequence[Outcome]) -> str:
    """`132 files: 1 refused, 3 quarantined, 128 loaded`."""
    words = Counter(outcome.word for outcome in sorted(outcomes, key=lambda outcome: outcome.rank))
    files = f"{len(outcomes):,} file{'' if len(outcomes) == 1 else 's'}"
    return f"{files}: {', '.join(f'{count:,} {word}' for word, count in words.items())}" if words else files
