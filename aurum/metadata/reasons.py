"""Why somebody says something of the catalogue."""

from __future__ import annotations

from aurum.errors import InvalidInput
from aurum.market.identity import collapse


def reason_of(text: str, kept_with: str) -> str:
    """As it is kept with the change, the alias or whatever it is of. Raises InvalidInput where there is none."""
    if not text.strip():
        raise InvalidInput(f"a reason is needed: it is kept with the {kept_with}", field="reason")
    return collapse(text)
