"""Files as they came, and the runs that loaded or refused them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from pathlib import PurePath
from typing import Any

from aurum.ingestion.contracts import Checked
from aurum.market.periods import Tenor
from aurum.parsers.model import Finding


class RunState(StrEnum):
    """QUEUED -> RUNNING -> one of the others, which are final. A run that waits can be cancelled too."""

    QUEUED = "QUEUED"
    RUNNING = "RUNNING"
    SUCCEEDED = "SUCCEEDED"
    UNCHANGED = "UNCHANGED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"

    @property
    def final(self) -> bool:
        return self not in (RunState.QUEUED, RunState.RUNNING)


@dataclass(frozen=True, slots=True)
class SourceFile:
    """Bytes that were sent, under the name they came with. The same bytes are one file.

    What a reading tells (`vendor`, `as_of` and the times) is None until a run has read it. `created_at` and
    `modified_at` are the document's own; `published_at` is when its prices became known.
    """

    id: int
    content_hash: str
    name: str
    size: int
    received_at: datetime
    vendor: str | None
    as_of: date | None
    created_at: datetime | None
    modified_at: datetime | None
    published_at: datetime | None


@dataclass(frozen=True, slots=True)
class Counts:
    """What a run found and did. `loaded` and `withheld` points add up to `points` where the file is loaded."""

    sheets: int = 0
    curves: int = 0
    points: int = 0
    loaded: int = 0
    withheld: int = 0
    new_curves: int = 0
    new_versions: int = 0
    unchanged: int = 0
    findings: int = 0
    errors: int = 0
    warnings: int = 0


class Stage(StrEnum):
    """What a worker is doing with a RUNNING run."""

    READING = "READING"
    CHECKING = "CHECKING"
    LOADING = "LOADING"


@dataclass(frozen=True, slots=True)
class Run:
    """One attempt to load a file. `error_code` and `error` say why it failed, in words for the sender."""

    id: int
    file_id: int
    file_name: str
    trigger: str
    requested_by: str
    state: RunState
    as_of: date | None
    vendor: str | None
    attempt: int
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    parser_version: str
    counts: Counts
    error_code: str | None
    error: str | None
    hint: str | None
    repeats: int | None
    retries: int | None = None
    stage: Stage | None = None
    thresholds_version: int | None = None
    drift_from: int | None = None


def annotated_name(file_name: str) -> str:
    """`EOD_RP_20250212_1430 findings.xlsx`."""
    return f"{PurePath(file_name).stem} findings.xlsx"


@dataclass(frozen=True, slots=True)
class Noted:
    """A finding of a run, with the points it is about: by curve key, places in the curve's tenors."""

    finding: Finding
    points: Mapping[str, Sequence[int]]


@dataclass(frozen=True, slots=True)
class PointPrices:
    """Of a point; None: not quoted."""

    mid: float | None
    bid: float | None = None
    ask: float | None = None


class QuarantineState(StrEnum):
    """OPEN -> (PROPOSED ->) ACCEPTED, CORRECTED or REJECTED; SUPERSEDED where a newer file of the day came first."""

    OPEN = "OPEN"
    PROPOSED = "PROPOSED"
    ACCEPTED = "ACCEPTED"
    CORRECTED = "CORRECTED"
    REJECTED = "REJECTED"
    SUPERSEDED = "SUPERSEDED"


class Decision(StrEnum):
    """What a person says of a point in quarantine."""

    ACCEPT = "ACCEPT"
    CORRECT = "CORRECT"
    REJECT = "REJECT"
    RELEASE = "RELEASE"


@dataclass(frozen=True, slots=True)
class Quarantined:
    """A point that is not served, or cells of which no point could be made (`tenor` and its period are None then).

    `prices` are what the file says; None where it holds no number there. `findings` are the places of the reasons in
    the run's findings.
    """

    id: int
    run_id: int
    file_id: int
    vendor: str
    as_of: date
    curve_id: int | None
    curve_key: str | None
    tenor: Tenor | None
    code: str
    message: str
    sheet: str | None
    cells: tuple[str, ...]
    prices: PointPrices
    state: QuarantineState
    findings: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Resolution:
    """One decision about one point. `version`: of the curve's day that it made."""

    quarantine_id: int
    decision: Decision
    prices: PointPrices
    author: str
    reason: str
    decided_at: datetime
    version: int | None


@dataclass(frozen=True, slots=True)
class QuarantineFilter:
    """Points that fit every given condition. `first` and `last` bound the as-of date, both included."""

    states: tuple[QuarantineState, ...] | None = None
    vendors: tuple[str, ...] | None = None
    codes: tuple[str, ...] | None = None
    curve_keys: tuple[str, ...] | None = None
    run_ids: tuple[int, ...] | None = None
    first: date | None = None
    last: date | None = None


@dataclass(frozen=True, slots=True)
class Policy:
    """A version of a document that operators edit. Version 0 is what Aurum ships: nothing set."""

    name: str
    version: int
    document: Mapping[str, Any]
    author: str
    reason: str
    known_from: datetime | None


@dataclass(frozen=True, slots=True)
class ContractCheck:
    """What a load made of one promise of its data set, as version `contract_version` has it."""

    run_id: int
    as_of: date
    contract_version: int
    checked: Checked
    checked_at: datetime


@dataclass(frozen=True, slots=True)
class Times:
    """The times of a loaded file of the same vendor and as-of date. `published_at` is the document's own."""

    created_at: datetime | None
    modified_at: datetime | None
    published_at: datetime


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a file stands in the history of its day: ranked by `published_at`, then `revised_at`.

    `restates_at`: what stood there before this file came was a correction of it, and holds again from this instant.
    """

    published_at: datetime
    revised_at: datetime
    restates_at: datetime | None = None


def standing(
    created_at: datetime | None, modified_at: datetime | None, loaded_at: datetime, others: Sequence[Times]
) -> Standing:
    """When the prices of a file became known: when the vendor created the document.

    A document that kept the `created` time of another one is a correction saved over it, known from when it was
    modified; where that tells nothing either, from when it is loaded. Nothing is known later than it is loaded. The
    history that results does not depend on the order in which files arrive: the original that comes after its
    correction goes before it, from the creation on, and the correction is stated again from its own modification.
    """
    if created_at is None or created_at > loaded_at:
        return Standing(loaded_at, loaded_at)
    modified_at = None if modified_at is None else min(max(modified_at, created_at), loaded_at)
    same = [other for other in others if other.created_at == created_at]
    if same and (modified_at is None or any(other.modified_at in (None, modified_at) for other in same)):
        return Standing(loaded_at, loaded_at)
    if modified_at is None:
        return Standing(created_at, created_at)
    if any(other.modified_at is not None and other.modified_at < modified_at for other in same):
        return Standing(modified_at, modified_at)
    later = [other.modified_at for other in same if other.modified_at is not None and other.published_at == created_at]
    return Standing(created_at, max([modified_at, *later]), min(later, default=None))


def is_last(file: Times, others: Sequence[Times]) -> bool:
    """Whether no other file of the day is newer. What was saved over another file is as new as its modification."""
    files = [file, *others]
    return all(_stated_at(other, files) <= _stated_at(file, files) for other in others)


def _stated_at(file: Times, files: Sequence[Times]) -> datetime:
    if file.created_at is None or file.modified_at is None:
        return file.published_at
    same = [each.modified_at for each in files if each.created_at == file.created_at]
    over = any(modified_at is not None and modified_at < file.modified_at for modified_at in same)
    return max(file.published_at, file.modified_at) if over else file.published_at


@dataclass(frozen=True, slots=True)
class RunFilter:
    """Runs, or files, that fit every given condition. `first` and `last` bound the as-of date, both included."""

    states: tuple[RunState, ...] | None = None
    vendors: tuple[str, ...] | None = None
    file_ids: tuple[int, ...] | None = None
    first: date | None = None
    last: date | None = None
    search: str | None = None
