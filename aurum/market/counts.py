"""How many there are of something, as texts say it."""

from __future__ import annotations


def counted(count: float, noun: str) -> str:
    """`1 point`, `1,204 points`, `0.5 seconds`."""
    number = f"{count:,.0f}" if count == int(count) else f"{count:g}"
    return f"{number} {noun}" + ("" if count == 1 else "s")
