"""What PostgreSQL cannot hold, or holds otherwise: SQLite does as it does, so that both answer the same. And XML."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from aurum.errors import InvalidInput

UNFIT = "a value has characters or a size that cannot be searched for or stored"
_ESCAPED = re.compile(r"(?<!\\)(?:\\\\)*\\u0000")
NO_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that no XML can have, and so no workbook."""


def check_texts(values: Iterable[Any]) -> None:
    """Raises InvalidInput for U+0000."""
    if any(isinstance(each, str) and "\0" in each for each in values):
        raise InvalidInput(UNFIT)


def ordered(value: Any) -> Any:
    """A document as `jsonb` keeps it: members of an object by the length of their names, then by these."""
    if isinstance(value, dict):
        names = sorted(value, key=lambda name: (len(str(name).encode()), str(name).encode()))
        return {name: ordered(value[name]) for name in names}
    return list(map(ordered, value)) if isinstance(value, list | tuple) else value


def checked_json(text: str) -> str:
    """The same, of the texts in it. Raises InvalidInput."""
    if "\\u0000" in text and _ESCAPED.search(text):
        raise InvalidInput(UNFIT)
    return text
