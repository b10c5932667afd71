"""What the pages show."""

from __future__ import annotations

import re
from pathlib import Path

_GRAPHQL = re.compile(r"^```graphql\n(.*?)^```", re.DOTALL | re.MULTILINE)


def operations_of(page: Path) -> list[str]:
    """In GraphQL."""
    return _GRAPHQL.findall(page.read_text())
