"""What became of files: in a word, in a line, and as the state of the flow that loaded them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from prefect.client.schemas.objects import State
from prefect.states import Cancelled, Completed, Failed

from aurum.errors import AurumError, NotFound, Unavailable
from aurum.ingestion.model import Run, RunState


class Word(StrEnum):
    """What needs somebody first. PUT_OFF: not tried, because the database is away. KNOWN: the same bytes are loaded."""

    REFUSED = "refused"
    MISSING = "missing"
    PUT_OFF = "put off"
    CANCELLED = "cancelled"
    QUARANTINED = "quarantined"
    LOADED = "loaded"
    KNOWN = "known"


_ENDED = {RunState.FAILED: Word.REFUSED, RunState.CANCELLED: Word.CANCELLED, RunState.UNCHANGED: Word.KNOWN}
_FAILURES = (Word.REFUSED, Word.MISSING, Word.PUT_OFF)
_TAGS = (*_FAILURES, Word.QUARANTINED)
_ORDER = list(Word)
_FEW = 10
_MOST_LINES = 50


@dataclass(frozen=True, slots=True)
class Outcome:
    """Of a file: the run that it got, or the error for which it got none."""

    file: str
    run: Run | None = None
    error: AurumError | None = None

    @property
    def word(self) -> Word:
        if self.run is None:
            kinds = {NotFound: Word.MISSING, Unavailable: Word.PUT_OFF}
            return next((word for kind, word in kinds.items() if isinstance(self.error, kind)), Word.REFUSED)
        return _ENDED.get(self.run.state) or (Word.QUARANTINED if self.run.counts.withheld else Word.LOADED)

    @property
    def why(self) -> str:
        """Why it is so; of a file that is loaded, which points are not."""
        run = self.run
        if run is None:
            return f"{self.error.code}: {self.error.message}" if self.error else ""
        if run.state is RunState.SUCCEEDED:
            return f"{run.counts.withheld:,} of {run.counts.points:,} points" if run.counts.withheld else ""
        return f"run {run.repeats} has loaded the same bytes" if run.repeats else f"{run.error_code}: {run.error}"

    @property
    def line(self) -> str:
        run = self.run
        if run is None or run.state is not RunState.SUCCEEDED:
            return f"{self.file}: {self.word}: {self.why}"
        counts = run.counts
        held = f" ({counts.withheld:,} in quarantine)" if counts.withheld else ""
        return (
            f"{self.file}: loaded, {run.vendor} as of {run.as_of}: "
            f"{counts.loaded:,} of {counts.points:,} points{held}, {counts.curves} curves ({counts.new_curves} new, "
            f"{counts.new_versions} new versions, {counts.unchanged} unchanged), {counts.findings} findings"
        )


def name_of(run: Run) -> str:
    """`EUGP 2025-02-12 EOD_EUGP_20250212_1430.xlsx (#12)`."""
    known = [run.vendor, run.as_of, run.file_name, f"(#{run.id})"]
    return " ".join(str(part) for part in known if part is not None)


def worst_first(outcomes: Sequence[Outcome]) -> list[Outcome]:
    return sorted(outcomes, key=lambda outcome: _ORDER.index(outcome.word))


def tags_of(outcomes: Sequence[Outcome]) -> set[str]:
    """To find a flow run by: the vendors, and what needs somebody. Of a few files also their runs and as-of dates."""
    runs = [outcome.run for outcome in outcomes if outcome.run is not None]
    tags = {run.vendor for run in runs} | {outcome.word.value for outcome in outcomes if outcome.word in _TAGS}
    if len(runs) <= _FEW:
        tags |= {str(run.as_of) for run in runs if run.as_of} | {f"run-{run.id}" for run in runs}
    return {tag for tag in tags if tag}


def state_of(outcomes: Sequence[Outcome]) -> State[Any]:
    """FAILED where a file is not loaded; COMPLETED under the name `Quarantined` where points are not."""
    words, message = Counter(outcome.word for outcome in outcomes), message_of(outcomes)
    if any(words[failure] for failure in _FAILURES):
        return Failed(message=message)
    if words[Word.CANCELLED] == len(outcomes):
        return Cancelled(message=message)
    return Completed(message=message, name=Word.QUARANTINED.capitalize() if words[Word.QUARANTINED] else "Completed")


def message_of(outcomes: Sequence[Outcome]) -> str:
    """A line for each file, the worst first; of many, below one that counts them."""
    lines = [outcome.line for outcome in worst_first(outcomes)]
    if len(lines) == 1:
        return lines[0]
    left = [f"and {len(lines) - _MOST_LINES:,} more"] if len(lines) > _MOST_LINES else []
    return "\n".join([counted(outcomes), *lines[:_MOST_LINES], *left])


def counted(outcomes: Sequence[Outcome]) -> str:
    """`132 files: 1 refused, 3 quarantined, 128 loaded`."""
    words = Counter(outcome.word for outcome in worst_first(outcomes))
    files = f"{len(outcomes):,} file{'' if len(outcomes) == 1 else 's'}"
    return f"{files}: {', '.join(f'{count:,} {word}' for word, count in words.items())}"
