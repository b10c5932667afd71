"""What an operator reads about a run in Prefect."""

from __future__ import annotations

import re
from collections.abc import Sequence

from aurum.ingestion.model import Run, RunState
from aurum.parsers.model import Finding

Row = dict[str, str]

_MOST_FINDINGS = 200
_MOST_CELLS = 20


def name_of(run: Run) -> str:
    """`EUGP 2025-02-12 EOD_EUGP_20250212_1430.xlsx (#12)`."""
    known = [run.vendor, run.as_of, run.file_name, f"(#{run.id})"]
    return " ".join(str(part) for part in known if part is not None)


def key_of(tenant: str, run: Run) -> str:
    """One per vendor, so that the artifact's page shows the vendor's history."""
    return re.sub(r"[^a-z0-9]+", "-", f"{tenant}-{run.vendor or 'not-read'}".lower())


def summary_of(run: Run) -> str:
    counts = run.counts
    if run.state is RunState.FAILED:
        return f"{run.file_name} is refused: {run.error_code}: {run.error}"
    if run.state is RunState.UNCHANGED:
        return f"{run.file_name} is known: run {run.repeats} has loaded the same bytes"
    return (
        f"{run.file_name} is loaded, {run.vendor} as of {run.as_of}: {counts.curves} curves, {counts.points:,} points; "
        f"{counts.new_curves} new curves, {counts.new_versions} new versions, {counts.unchanged} unchanged, "
        f"{counts.findings} findings"
    )


def description_of(run: Run) -> str:
    """Markdown."""
    hint = f"\n\n{run.hint}" if run.hint else ""
    return f"**{name_of(run)}**, sent by {run.requested_by} ({run.trigger}): {run.state.value.lower()}{hint}"


def table_of(run: Run, findings: Sequence[Finding]) -> list[Row]:
    """First what became of the file, then what is to be known about it, down to the cell."""
    rows = [_row("file", run.file_name), *_result(run)]
    rows += [_finding(finding) for finding in findings[:_MOST_FINDINGS]]
    if len(findings) > _MOST_FINDINGS:
        rows.append(_row("findings", f"and {len(findings) - _MOST_FINDINGS} more: Aurum's run has all of them"))
    return rows


def _result(run: Run) -> list[Row]:
    if run.state is RunState.FAILED:
        return [_row("refused", f"{run.error_code}: {run.error}")]
    if run.state is RunState.UNCHANGED:
        return [_row("known", f"run {run.repeats} has loaded the same bytes")]
    counts = run.counts
    figures = {
        "loaded": f"{run.vendor} as of {run.as_of}", "sheets": counts.sheets, "curves": counts.curves,
        "points": counts.points, "new curves": counts.new_curves, "new versions": counts.new_versions,
        "unchanged": counts.unchanged, "findings": counts.findings,
    }  # fmt: skip
    return [_row(what, found if isinstance(found, str) else f"{found:,}") for what, found in figures.items()]


def _finding(finding: Finding) -> Row:
    cells = ", ".join(finding.cells[:_MOST_CELLS])
    if len(finding.cells) > _MOST_CELLS:
        cells += f" and {len(finding.cells) - _MOST_CELLS} more"
    return _row(f"{finding.severity.value.lower()} {finding.code}", finding.message, finding.sheet or "", cells)


def _row(what: str, found: str, sheet: str = "", cells: str = "") -> Row:
    return {"what": what, "found": found, "sheet": sheet, "cells": cells}
