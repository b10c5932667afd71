"""What somebody may have meant."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

_FEW = 20
_LONGEST = 80


def nearest(text: str, names: Iterable[str]) -> str | None:
    """Which of the names may be meant, as a suggestion; a few of them where none is close."""
    all_ = list(names)
    folded = {each.casefold(): each for each in all_}
    close = get_close_matches(text[:_LONGEST].casefold(), folded, 1, 0.6)
    if close:
        return f"Is it {folded[close[0]]!r}?"
    return f"One of {', '.join(all_)}." if 0 < len(all_) <= _FEW else None
