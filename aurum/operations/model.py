"""A registered operation of a tenant."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Operation:
    """`digest` is the SHA-256 of its document. Once retired it is not executed any more, and its id stays taken."""

    id: str
    document: str
    digest: str
    registered_at: datetime
    registered_by: str
    retired_at: datetime | None = None
    retired_by: str | None = None
