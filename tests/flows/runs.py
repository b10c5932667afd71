"""A run, for tests that need none in a database."""

from __future__ import annotations

from datetime import UTC, date, datetime

from aurum.ingestion.model import Counts, Run, RunState

LOADED = Run(
    7, 3, "EOD_EUGP_20250212_2215.xlsx", "upload", "ann", RunState.SUCCEEDED, date(2025, 2, 12), "EUGP", 1,
    datetime(2025, 2, 12, tzinfo=UTC), None, None, "2", Counts(sheets=5, curves=83, points=11_483, loaded=11_483),
    None, None, None, None,
)  # fmt: skip
