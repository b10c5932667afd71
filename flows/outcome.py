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
from aurum.ingestion.selection import Dropped, named


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
_FEW = 5
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
    def about(self) -> Dropped:
        """The vendor and the as-of date: as read, or as the file's name says them."""
        said, run = named(self.file), self.run
        return said if run is None else Dropped(self.file, run.vendor or said.vendor, run.as_of or said.as_of)

    @property
    def name(self) -> str:
        """`EUGP 2025-02-12 EOD_EUGP_20250212_1430.xlsx (#12)`."""
        parts = [self.about.vendor, self.about.as_of, self.file, f"(#{self.run.id})" if self.run else None]
        return " ".join(str(part) for part in parts if part is not None)

    @property
    def why(self) -> str:
        """Why it is so; of a file that is loaded, which points are not."""
        run = self.run
        if run is None:
            assert self.error is not None  # noqa: S101  there is one or the other
            return f"{self.error.code}: {self.error.message}" if self.word is Word.REFUSED else self.error.message
        if run.state is RunState.SUCCEEDED:
            return f"{run.counts.withheld:,} of {run.counts.points:,} points" if run.counts.withheld else ""
        return f"run {run.repeats} has loaded the same bytes" if run.repeats else f"{run.error_code}: {run.error}"

    @property
    def line(self) -> str:
        run = self.run
        name = f"run {run.id}: {self.file}" if run else self.file
        if run is None or run.state is not RunState.SUCCEEDED:
            return f"{name}: {self.word}: {self.why}"
        counts = run.counts
        held = f" ({counts.withheld:,} in quarantine)" if counts.withheld else ""
        return (
            f"{name}: loaded, {run.vendor} as of {run.as_of}: {counts.loaded:,} of {counts.points:,} points{held}, "
            f"{counts.curves} curves ({counts.new_curves} new, {counts.new_versions} new versions, "
            f"{counts.unchanged} unchanged), {counts.findings} findings"
        )


def worst_first(outcomes: Sequence[Outcome]) -> list[Outcome]:
    return sorted(outcomes, key=lambda outcome: _ORDER.index(outcome.word))


def tags_of(outcomes: Sequence[Outcome]) -> set[str]:
    """To find a flow run by: the vendors, and what needs somebody. Of a few files also their as-of dates and runs."""
    tags = {outcome.about.vendor or "" for outcome in outcomes}
    tags |= {outcome.word.value for outcome in outcomes if outcome.word in _TAGS}
    if len(outcomes) <= _FEW:
        tags |= {str(outcome.about.as_of or "") for outcome in outcomes}
        tags |= {f"run-{outcome.run.id}" for outcome in outcomes if outcome.run is not None}
    return tags - {""}


def state_of(outcomes: Sequence[Outcome], data: Any = None) -> State[Any]:
    """FAILED where a file is not loaded; COMPLETED under the name `Quarantined` where points are not."""
    words = {outcome.word for outcome in outcomes}
    told: dict[str, Any] = {"message": message_of(outcomes), "data": data}
    if words & set(_FAILURES):
        return Failed(**told)
    if words == {Word.CANCELLED}:
        return Cancelled(**told)
    return Completed(**told, name=Word.QUARANTINED.capitalize() if Word.QUARANTINED in words else "Completed")


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
