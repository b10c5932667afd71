"""Relay's global identification: an id names a type and a row of it."""

from __future__ import annotations

import base64
import binascii
from functools import lru_cache
from typing import TYPE_CHECKING, cast

from aurum.errors import InvalidInput

if TYPE_CHECKING:
    from strawberry import ID


@lru_cache(maxsize=20_000)
def node_id(type_name: str, row: int) -> ID:
    return cast("ID", base64.urlsafe_b64encode(f"{type_name}:{row}".encode()).decode().rstrip("="))


def parse_node_id(id_: str, field: str = "id") -> tuple[str, int]:
    """Raises InvalidInput, with the input's field, for what is not an id of this server."""
    try:
        padded = id_ + "=" * (-len(id_) % 4)
        type_name, row = base64.b64decode(padded.encode("ascii"), b"-_", validate=True).decode("ascii").split(":")
        number = int(row)
        if not row.isdigit() or number >= 2**63:
            raise ValueError(row)
    except (ValueError, UnicodeError, binascii.Error):
        raise InvalidInput(f"not an id: {id_[:100]!r}", field=field) from None
    return type_name, number


def row_of(id_: str, type_name: str, field: str = "id") -> int:
    """The row of an id that must name `type_name`."""
    found, row = parse_node_id(id_, field)
    if found != type_name:
        raise InvalidInput(f"the id names a {found}, not a {type_name}", field=field)
    return row
