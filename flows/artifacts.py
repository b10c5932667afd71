"""What an operator reads in Prefect: about a run on a page of its own, about many files in one table."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import PurePosixPath
from textwrap import wrap

from aurum.graphql.ids import node_id
from aurum.ingestion.model import Noted, Quarantined, Run, RunState
from aurum.parsers.model import Severity
from aurum.scenarios.repository.model import Definition
from aurum.scenarios.runs.model import Run as ScenarioRun
from aurum.settings import ServerSettings
from aurum.up import in_url
from flows.outcome import Outcome, worst_first

Row = dict[str, str]

_MOST_ROWS = 200
_MOST_FILES = 1_000
_MOST_CELLS = 6
_WIDTH = 44
_BREAK = "<br>"
_WORST = list(Severity)
_SPECIAL = re.compile(r"[\\`*\[\]|~]|(?<!\w)_|_(?!\w)|^[#+-]")


def key_of(tenant: str, subject: str) -> str:
    """An artifact's: the page of a key shows its history. The subject is a vendor, or a flow of many files."""
    return re.sub(r"[^a-z0-9]+", "-", f"{tenant}-{subject}".lower())


# ------------------------------------------------------------------------------------------------- links to Aurum


def url_of(server: ServerSettings, path: str = "") -> str:
    """Where people reach the server from their browser."""
    base = server.public_url or f"http://{in_url(server.host)}:{server.port}"
    return f"{base.rstrip('/')}/{path}"


def annotated_of(server: ServerSettings, run: Run) -> str | None:
    """The workbook with the findings in its cells. None where nothing of it was read."""
    if run.vendor is None or run.state not in (RunState.SUCCEEDED, RunState.UNCHANGED, RunState.FAILED):
        return None
    return url_of(server, f"runs/{node_id('IngestionRun', run.repeats or run.id)}/annotated.xlsx")


def links_of(server: ServerSettings, run: Run) -> str:
    found = {
        "Annotated workbook": annotated_of(server, run),
        "Workbook as it came": url_of(server, f"files/{node_id('SourceFile', run.file_id)}"),
    }
    return " · ".join(f"[{text}]({url})" for text, url in found.items() if url is not None)


# ------------------------------------------------------------------------------------------------- one run


def report_of(run: Run, noted: Sequence[Noted], held: Sequence[Quarantined], server: ServerSettings) -> str:
    """Markdown. `held` are the first points in quarantine: `run.counts` says how many there are."""
    parts = [
        f"# {_text(_headline(run))}",
        f"{_code(run.file_name)}, run {run.id}, sent by {_text(run.requested_by)}{_through(run)}",
        *([f"**{_text(run.error_code or '')}**: {_text(run.error)}"] if run.error else []),
        *([_text(run.hint)] if run.hint else []),
        links_of(server, run),
        *_counts(run),
        *_quarantine(run, held),
        *_findings(noted),
        f"The run in Aurum, for [GraphiQL]({url_of(server, 'graphiql/')}):",
        f'```graphql\n{{ ingestionRun(id: "{node_id("IngestionRun", run.id)}") {{ state error hint '
        f"findings {{ code severity message sheet cells }} }} }}\n```",
    ]
    return "\n\n".join(parts)


def _headline(run: Run) -> str:
    what = f"{run.vendor} as of {run.as_of}" if run.vendor else run.file_name
    held = run.counts.withheld if run.state is RunState.SUCCEEDED else 0
    return f"{what}: {f'loaded, {held:,} in quarantine' if held else Outcome(run.file_name, run).word}"


def _through(run: Run) -> str:
    return "" if run.trigger == run.requested_by else f" ({_text(run.trigger)})"


def _counts(run: Run) -> list[str]:
    counts = run.counts
    figures = {
        "sheets": counts.sheets, "curves": counts.curves, "points": counts.points, "loaded": counts.loaded,
        "in quarantine": counts.withheld, "new curves": counts.new_curves, "new versions": counts.new_versions,
        "unchanged": counts.unchanged, "errors": counts.errors, "warnings": counts.warnings,
    }  # fmt: skip
    return _table([{name: f"{figure:,}" for name, figure in figures.items()}]) if counts.curves else []


def _quarantine(run: Run, held: Sequence[Quarantined]) -> list[str]:
    if not held:
        return []
    rows = [
        {
            "reason": _wrapped(point.message), "cells": _cells(point.sheet, point.cells),
            "curve": _text(point.curve_key or ""), "tenor": _text(point.tenor.label if point.tenor else ""),
            "mid": _number(point.prices.mid), "bid": _number(point.prices.bid), "ask": _number(point.prices.ask),
        }
        for point in held
    ]  # fmt: skip
    return [f"## In quarantine: {run.counts.withheld:,}", *_table(rows), *_more(run.counts.withheld - len(held))]


def _findings(noted: Sequence[Noted]) -> list[str]:
    """The worst first."""
    if not noted:
        return []
    found = sorted((each.finding for each in noted), key=lambda finding: _WORST.index(finding.severity))
    rows = [
        {
            "severity": each.severity.lower(), "finding": _wrapped(each.message),
            "cells": _cells(each.sheet, each.cells), "code": _code(each.code),
        }
        for each in found[:_MOST_ROWS]
    ]  # fmt: skip
    return [f"## Findings: {len(found):,}", *_table(rows), *_more(len(found) - len(rows))]


def _more(count: int) -> list[str]:
    return [f"and {count:,} more: the annotated workbook and Aurum have all of them"] if count > 0 else []


# ------------------------------------------------------------------------------------------------- a scenario


def story_of(run: ScenarioRun, said: Definition, counts: tuple[int, int], server: ServerSettings) -> str:
    """Markdown: what a run of a scenario came to. `counts`: its curves, and those that were moved."""
    rows = [
        {
            "as of": str(run.as_of), "known at": f"{run.known_at:%Y-%m-%d %H:%M} UTC", "curves": f"{counts[0]:,}",
            "moved": f"{counts[1]:,}", "drivers": f"{len(said.drivers):,}", "seed": str(run.seed),
            "attempt": str(run.attempt),
        }
    ]  # fmt: skip
    issues = [{"severity": each.severity.lower(), "issue": _wrapped(each.message), "code": _code(each.code)}
              for each in run.issues[:_MOST_ROWS]]  # fmt: skip
    parts = [
        f"# {_text(said.name)}: {run.state.lower()}",
        f"Version {run.version}, run {run.id}, asked for by {_text(run.requested_by)}",
        *([f"**{_text(run.error_code or '')}**: {_text(run.error)}"] if run.error else []),
        *([_text(run.hint)] if run.hint else []),
        *_table(rows),
        *([f"## Issues: {len(run.issues):,}", *_table(issues)] if issues else []),
        *_more(len(run.issues) - len(issues)),
        f"The run in Aurum, for [GraphiQL]({url_of(server, 'graphiql/')}):",
        f'```graphql\n{{ scenarioRun(id: "{node_id("ScenarioRun", run.id)}") {{ state error hint outputDigest '
        f"curves(moved: true) {{ nodes {{ curve {{ key }} snapshot {{ columns {{ tenor mid }} }} }} }} }} }}\n```",
    ]
    return "\n\n".join(parts)


# ------------------------------------------------------------------------------------------------- many files


def rows_of(outcomes: Sequence[Outcome], server: ServerSettings) -> list[Row]:
    """What needs somebody first."""
    ranked = worst_first(outcomes)
    rows = [_row(outcome, server) for outcome in ranked[:_MOST_FILES]]
    left = len(ranked) - len(rows)
    return [*rows, {"result": f"and {left:,} more", **dict.fromkeys(list(rows[0])[1:], "")}] if left else rows


def _row(outcome: Outcome, server: ServerSettings) -> Row:
    run, about = outcome.run, outcome.about
    url = None if run is None else annotated_of(server, run)
    return {
        "result": f"[{outcome.word}]({url})" if url else outcome.word,
        "vendor": about.vendor or "", "as of": str(about.as_of or ""), "file": _text(PurePosixPath(outcome.file).name),
        "points": f"{run.counts.points:,}" if run and run.counts.points else "",
        "findings": f"{run.counts.findings:,}" if run and run.counts.findings else "",
        "run": str(run.id) if run else "", "why": _wrapped(outcome.why),
    }  # fmt: skip


# ------------------------------------------------------------------------------------------------- markdown


def _table(rows: Sequence[Row]) -> list[str]:
    names = list(rows[0])
    lines = [names, ["---"] * len(names), *(list(row.values()) for row in rows)]
    return ["\n".join(f"| {' | '.join(line)} |" for line in lines)]


def _cells(sheet: str | None, cells: Sequence[str]) -> str:
    """Below each other: the pages do not break the lines of a table."""
    listed = [*cells[:_MOST_CELLS], *([f"and {len(cells) - _MOST_CELLS} more"] if len(cells) > _MOST_CELLS else [])]
    first = "!".join(part for part in (sheet, *listed[:1]) if part)
    return _BREAK.join(_text(part) for part in (first, *listed[1:]) if part)


def _wrapped(text: str) -> str:
    return _BREAK.join(_text(line) for line in wrap(_printable(text), _WIDTH))


def _number(value: float | None) -> str:
    return "" if value is None else _text(repr(value))


def _text(text: str) -> str:
    """As it is, on one line: names of files and what stands in cells may hold anything."""
    line = _SPECIAL.sub(r"\\\g<0>", _printable(text).replace("&", "&amp;"))
    return line.replace("<", "&lt;")


def _code(text: str) -> str:
    return f"`{_printable(text).replace('`', chr(39))}`"


def _printable(text: str) -> str:
    return " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())
