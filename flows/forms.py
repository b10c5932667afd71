"""What people fill in to start a flow: types with the names that Prefect's form shows, and what it lets them choose.

A form has no "None": what is optional is left empty there, so the schemas leave it out.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Annotated, Any

from pydantic import Field, WithJsonSchema

from aurum.parsers.reader import VENDORS

_VENDOR: dict[str, Any] = {"type": "string", "enum": sorted(VENDORS)}


def _titled(title: str) -> Any:
    return Field(json_schema_extra={"title": title})


Tenant = Annotated[str, _titled("Tenant")]
RunNumber = Annotated[int, _titled("Run"), Field(ge=1)]
Files = Annotated[list[str], _titled("Files"), Field(min_length=1)]
Folder = Annotated[str, _titled("Folder")]
AsOf = Annotated[date | None, WithJsonSchema({"type": "string", "format": "date"}), _titled("As-of date")]
First = Annotated[date | None, WithJsonSchema({"type": "string", "format": "date"}), _titled("First as-of date")]
Last = Annotated[date | None, WithJsonSchema({"type": "string", "format": "date"}), _titled("Last as-of date")]
Vendor = Annotated[str | None, WithJsonSchema(_VENDOR), _titled("Vendor")]
Vendors = Annotated[
    Sequence[str], WithJsonSchema({"type": "array", "items": _VENDOR, "uniqueItems": True}), _titled("Vendors")
]
