"""How documents that operators edit are read: nothing unknown passes, and what is wrong is said with its path."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any

from aurum.errors import InvalidInput

_VENDOR = re.compile(r"[A-Z0-9_]{1,32}")


def mapping_of(value: object, path: str) -> Mapping[str, Any]:
    """Raises InvalidInput for what is no object of JSON."""
    if not isinstance(value, Mapping) or not all(isinstance(name, str) for name in value):
        raise InvalidInput(f"{path}: an object is due", path=path)
    return value


def check_names(values: Mapping[str, Any], names: Collection[str], path: str) -> None:
    """Raises InvalidInput for a name that is not among those known."""
    unknown = sorted(set(values) - set(names))
    if unknown:
        told = ", ".join(name[:60] for name in unknown[:10])
        raise InvalidInput(f"{path}: unknown {told}", hint=f"Known are {', '.join(names)}.", path=path)


def vendor_code(name: str) -> str:
    """In capitals; raises InvalidInput for what can be no vendor's."""
    if not _VENDOR.fullmatch(name.upper()):
        raise InvalidInput(f"vendors: {name[:60]!r} is no name of a vendor", path="vendors")
    return name.upper()
