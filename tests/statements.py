"""Statements that a test's own requests execute, not what goes on behind them."""

from __future__ import annotations

from contextvars import ContextVar
from typing import Any

from aurum.backends.database import Database

_asked: ContextVar[bool] = ContextVar("asked", default=False)


def statements_from_here(database: Database) -> list[str]:
    """Fills while the calling task, and what it starts, executes statements."""
    seen: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if _asked.get():
            seen.append(statement)

    _asked.set(True)
    database.observe(note)
    return seen
