"""What the fields of ingestion need of a request, and findings."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Hashable, Mapping
from typing import Protocol, TypeVar

import strawberry

from aurum.auth import Principal
from aurum.curves.graphql import Curve
from aurum.graphql.enums import publish_enum
from aurum.ingestion import model
from aurum.ingestion.service import IngestionService
from aurum.parsers.model import Finding as FindingOf
from aurum.parsers.model import Severity

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")
WORST = (Severity.ERROR, Severity.WARNING, Severity.INFO)


class IngestionContext(Protocol):
    """What these fields need of a request."""

    @property
    def principal(self) -> Principal: ...
    @property
    def ingestion(self) -> IngestionService: ...
    async def curve(self, curve_id: int) -> Curve | None: ...
    async def dispatch(self, run: model.Run) -> None: ...
    async def withdraw(self, run: model.Run) -> None: ...
    def load(
        self, batch: Callable[..., Awaitable[Mapping[K, V]]], key: K, **arguments: Hashable
    ) -> Awaitable[V | None]: ...


Info = strawberry.Info[IngestionContext, None]
publish_enum(
    Severity,
    "How bad a finding is.",
    {
        "ERROR": "The number cannot be trusted: it is in quarantine, or its file is refused.",
        "WARNING": "Served, and marked.",
        "INFO": "Worth knowing.",
    },
)


@strawberry.type(description="Something a person should know about a file.")
class Finding:
    code: str = strawberry.field(description="Stable, for programs.")
    severity: Severity = strawberry.field(description="How bad it is.")
    message: str = strawberry.field(description="In plain words, with the numbers compared.")
    sheet: str | None = strawberry.field(description="The sheet it is on.")
    cells: list[str] = strawberry.field(description="The cells it is about, such as `D12`.")
    curve_key: str | None = strawberry.field(description="The curve it is about.")


def finding_of(finding: FindingOf) -> Finding:
    return Finding(
        code=finding.code, severity=finding.severity, message=finding.message, sheet=finding.sheet,
        cells=list(finding.cells), curve_key=finding.curve_key,
    )  # fmt: skip
