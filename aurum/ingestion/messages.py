"""What people are told about files, in plain words. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from aurum.backends.events import Event
from aurum.graphql.ids import node_id
from aurum.ingestion.completeness import FILE_MISSING
from aurum.ingestion.loading import INGESTION_RUN, QUARANTINED
from aurum.ingestion.model import Run, RunState
from aurum.market.counts import counted

_LISTED = 50
_MANY = {"FAILED": "not loaded", QUARANTINED: "in quarantine", FILE_MISSING: "missing"}
_FINDINGS = "code severity message sheet cells"


@dataclass(frozen=True, slots=True)
class Message:
    """`kind`: FAILED, QUARANTINED, FILE_MISSING or, for many, DIGEST."""

    kind: str
    subject: str
    body: str


def kind_of(event: Event) -> str | None:
    """None for what nobody is told."""
    if event.type == INGESTION_RUN:
        return "FAILED" if event.payload["state"] == RunState.FAILED else None
    return event.type if event.type in _MANY else None


def message_of(event: Event, run: Run | None, public_url: str | None = None) -> Message | None:
    """None for what nobody is told. `run`: the one that the event is about, where there is one."""
    kind = kind_of(event)
    if kind == FILE_MISSING:
        return _missing(event)
    if kind == QUARANTINED:
        return _quarantined(event, run, public_url)
    return None if kind is None else _failed(event, run, public_url)


def _failed(event: Event, run: Run | None, public_url: str | None) -> Message:
    name = _name(event, run)
    lines = [f"Nothing of {name} was loaded.", ""]
    if run is not None:
        lines += [f"Reason: {run.error} ({run.error_code})"]
        lines += [f"What to do: {run.hint}"] if run.hint else []
        lines += _facts(run)
    return _message("FAILED", f"Not loaded: {name}", [*lines, *_link(event, public_url)])


def _quarantined(event: Event, run: Run | None, public_url: str | None) -> Message:
    points, file = event.payload["points"], f"{event.payload['vendor']} of {event.payload['as_of']}"
    what = counted(points, "point")
    lines = [f"Withheld until somebody has decided: {what} of {_name(event, run)}.", ""]
    lines += [f"Points in the file: {run.counts.points:,}", *_facts(run)] if run is not None else []
    return _message(QUARANTINED, f"In quarantine: {what} of {file}", [*lines, *_link(event, public_url)])


def _missing(event: Event) -> Message:
    vendor, as_of, due_at = (event.payload[name] for name in ("vendor", "as_of", "due_at"))
    line = f"The file of {vendor} for {as_of} has not come."
    if due_at is not None:
        line += f" It was due at {datetime.fromisoformat(due_at).astimezone(UTC):%Y-%m-%d %H:%M} UTC."
    return _message(FILE_MISSING, f"Missing: {vendor} of {as_of}", [line])


def digest_of(messages: Sequence[Message]) -> Message:
    """One message for many."""
    counts = Counter(message.kind for message in messages)
    subject = "Files: " + ", ".join(f"{counts[kind]:,} {what}" for kind, what in _MANY.items() if counts[kind])
    lines = [message.subject for message in messages[:_LISTED]]
    if len(messages) > _LISTED:
        lines.append(f"and {len(messages) - _LISTED:,} more")
    return _message("DIGEST", subject, lines)


def _name(event: Event, run: Run | None) -> str:
    return f"run {event.payload['run_id']}" if run is None else run.file_name


def _facts(run: Run) -> list[str]:
    facts = {
        "Vendor": run.vendor, "As-of": run.as_of, "Findings": run.counts.findings or None,
        "Sent by": f"{run.requested_by} ({run.trigger})",
    }  # fmt: skip
    return [f"{name}: {fact}" for name, fact in facts.items() if fact is not None]


def _link(event: Event, public_url: str | None) -> list[str]:
    """GraphiQL, and the query to paste into it: it takes none from its address."""
    lines = [f"Run: {event.payload['run_id']}"]
    if public_url is not None:
        run = node_id("IngestionRun", event.payload["run_id"])
        query = f'{{ ingestionRun(id: "{run}") {{ fileName state error hint findings {{ {_FINDINGS} }} }} }}'
        lines += ["", f"Every finding: run this at {public_url.rstrip('/')}/graphiql/", query]
    return lines


def _message(kind: str, subject: str, lines: Sequence[str]) -> Message:
    return Message(kind, _printable(subject), "\n".join(_printable(line) for line in lines))


def _printable(text: str) -> str:
    """On one line: names of files and what stands in them may hold anything."""
    return " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())
