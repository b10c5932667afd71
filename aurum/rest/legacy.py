"""The legacy operations, a row each: the request's parameters, the GraphQL document, the shape of its answer.

To add one: parameters, variables and shape in the module of its subject, a document in `documents/`, a row here.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from starlette.responses import Response

from aurum.rest.curves import POINT_COLUMNS, CurvesParameters, curve_point, curves_variables
from aurum.rest.parameters import Parameters

DOCUMENTS = Path(__file__).parent / "documents"


@dataclass(frozen=True, slots=True)
class Csv:
    """What `format=csv` answers."""

    file_name: str
    columns: tuple[str, ...]

    def response(self, rows: Iterable[Mapping[str, Any]], cursors: Mapping[str, str | None]) -> Response:
        text = io.StringIO()
        lines = csv.writer(text, lineterminator="\r\n")
        lines.writerow(self.columns)
        lines.writerows([_cell(row[column]) for column in self.columns] for row in rows)
        headers = {f"x-{name.replace('_', '-')}": token for name, token in cursors.items() if token}
        headers["content-disposition"] = f'attachment; filename="{self.file_name}"'
        return Response(text.getvalue(), headers=headers, media_type="text/csv")


def _cell(value: Any) -> Any:
    return repr(value).removesuffix(".0") if isinstance(value, float) else value


@dataclass(frozen=True, slots=True)
class Operation:
    """`parameters` that are `Paged` make a paged list: its document takes `first`, `after`, `last`, `before` and
    `offset`, and names its connection `page`.
    """

    method: str
    path: str
    document: str
    parameters: type[Parameters]
    variables: Callable[[Any], dict[str, Any]]  # of the document, from the parameters
    shape: Callable[[dict[str, Any]], dict[str, Any]]  # the answer without `meta`, from the document's data
    cache_control: str
    csv: Csv | None = None

    @property
    def version(self) -> str:
        return self.path.split("/")[1]

    @property
    def name(self) -> str:
        return f"{self.method} {self.path}"


def listed(item: Callable[[dict[str, Any]], dict[str, Any]]) -> Callable[[dict[str, Any]], dict[str, Any]]:
    """The shape of a paged list."""
    return lambda data: {"data": [item(node) for node in data["page"]["nodes"]]}


OPERATIONS = (
    Operation(
        "GET", "/v1/curves", "v1_curves",
        CurvesParameters, curves_variables, listed(curve_point),
        "private, max-age=120", Csv("curves.csv", POINT_COLUMNS),
    ),
)  # fmt: skip
