"""The legacy operations, a row each: the request's parameters, the GraphQL document, the shape of its answer.

To add one: parameters, variables and shape in the module of its subject, a document in `documents/`, a row here.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from starlette.responses import Response

from aurum.rest import metadata, v2
from aurum.rest.curves import (
    POINT_COLUMNS,
    CurvesParameters,
    DiffParameters,
    DimensionsParameters,
    ExportParameters,
    StripsParameters,
    curve_diff_point,
    curve_point,
    curves_variables,
    diff_variables,
    dimensions,
    dimensions_variables,
    export_variables,
)
from aurum.rest.parameters import Parameters

DOCUMENTS = Path(__file__).parent / "documents"


@dataclass(frozen=True, slots=True)
class Csv:
    """What `format=csv` answers."""

    file_name: str
    columns: tuple[str, ...]

    def response(self, rows: Iterable[Mapping[str, Any]], cursors: Mapping[str, str | None]) -> Response:
        headers = {f"x-{name.replace('_', '-')}": token for name, token in cursors.items() if token}
        headers["content-disposition"] = f'attachment; filename="{self.file_name}"'
        return Response(self.head + self.lines(rows), headers=headers, media_type="text/csv")

    @property
    def head(self) -> str:
        return ",".join(self.columns) + "\r\n"

    def lines(self, rows: Iterable[Mapping[str, Any]]) -> str:
        text = io.StringIO()
        csv.writer(text, lineterminator="\r\n").writerows(
            [_cell(row[column]) for column in self.columns] for row in rows
        )
        return text.getvalue()


def _cell(value: Any) -> Any:
    return repr(value).removesuffix(".0") if isinstance(value, float) else value


@dataclass(frozen=True, slots=True)
class Operation:
    """`parameters` that are `Paged` make a paged list: its document takes `first`, `after`, `last`, `before` and
    `offset`, and names its connection `page`. Those that are `v2.Listed` make one of v2, of rows that are all there.
    """

    method: str
    path: str
    document: str
    parameters: type[Parameters]
    variables: Callable[[Any], dict[str, Any]]  # of the document, from the parameters
    shape: Callable[[Any, dict[str, Any]], dict[str, Any]]  # without `meta`, from parameters and the document's data
    cache_control: str
    csv: Csv | None = None
    streamed: bool = False  # as CSV, page after page: see `Shim._pages`
    missing: Mapping[str, str] = field(default_factory=dict)  # what is not found where the schema refuses an argument

    @property
    def version(self) -> str:
        return self.path.split("/")[1]

    @property
    def name(self) -> str:
        return f"{self.method} {self.path}"


def listed(item: Callable[[dict[str, Any]], dict[str, Any]]) -> Callable[[Any, dict[str, Any]], dict[str, Any]]:
    """The shape of a paged list."""
    return lambda _, data: {"data": [item(node) for node in data["page"]["nodes"]]}


_PUBLIC = "public, max-age=300"

OPERATIONS = (
    Operation(
        "GET", "/v1/curves", "v1_curves",
        CurvesParameters, curves_variables, listed(curve_point),
        "private, max-age=120", Csv("curves.csv", POINT_COLUMNS),
    ),
    Operation(
        "GET", "/v1/curves/diff", "v1_curves_diff",
        DiffParameters, diff_variables, listed(curve_diff_point),
        "private, max-age=120",
    ),
    Operation(
        "GET", "/v1/curves/strips", "v1_curves",
        StripsParameters, curves_variables, listed(curve_point),
        "private, max-age=120",
    ),
    Operation(
        "GET", "/v2/curves/export", "v2_curves_export",
        ExportParameters, export_variables, listed(curve_point),
        "private, max-age=300", Csv("curve_export_{}.csv", POINT_COLUMNS), streamed=True,
    ),
    Operation(
        "GET", "/v2/curves/{curve_id}/diff", "v2_curve_diff",
        v2.CurveDiffParameters, v2.curve_diff_variables, v2.curve_diff,
        "private, max-age=120",
    ),
    Operation(
        "GET", "/v1/metadata/dimensions", "v1_dimensions",
        DimensionsParameters, dimensions_variables, dimensions,
        "private, max-age=300",
    ),
    Operation(
        "GET", "/v2/metadata/dimensions", "v1_dimensions",
        v2.DimensionListParameters, v2.dimension_list_variables, v2.dimension_list,
        "private, max-age=300",
    ),
    Operation(
        "GET", "/v1/metadata/calendars", "v1_calendars",
        Parameters, metadata.no_variables, metadata.calendars,
        _PUBLIC,
    ),
    Operation(
        "GET", "/v1/metadata/calendars/{name}/blocks", "v1_calendar_blocks",
        metadata.OfCalendar, metadata.calendar_variables, metadata.blocks,
        _PUBLIC,
    ),
    Operation(
        "GET", "/v1/metadata/calendars/{name}/hours", "v1_calendar_hours",
        metadata.HoursParameters, metadata.hours_variables, metadata.starts,
        _PUBLIC, missing={"block": "Block"},
    ),
    Operation(
        "GET", "/v1/metadata/calendars/{name}/expand", "v1_calendar_expand",
        metadata.ExpandParameters, metadata.expand_variables, metadata.starts,
        _PUBLIC, missing={"block": "Block"},
    ),
    Operation(
        "GET", "/v1/metadata/locations", "v1_locations",
        metadata.LocationsParameters, metadata.no_variables, metadata.iso_locations,
        _PUBLIC,
    ),
    Operation(
        "GET", "/v1/metadata/locations/{iso}/{location_id}", "v1_locations",
        metadata.LocationParameters, metadata.no_variables, metadata.iso_location,
        _PUBLIC,
    ),
    Operation(
        "GET", "/v1/metadata/units", "v1_units",
        metadata.Prefixed, metadata.no_variables, metadata.units,
        _PUBLIC,
    ),
    Operation(
        "GET", "/v1/metadata/units/mapping", "v1_unit_mapping",
        metadata.Prefixed, metadata.prefix_variables, metadata.unit_mapping,
        "private, max-age=300",  # a tenant has its own beside those that are shipped
    ),
    Operation(
        "GET", "/v2/metadata/locations", "v1_locations",
        v2.LocationListParameters, metadata.no_variables, v2.location_list,
        "private, max-age=300",
    ),
    Operation(
        "GET", "/v2/metadata/units", "v1_unit_mapping",
        v2.UnitListParameters, v2.every_mapping, v2.unit_list,
        "private, max-age=300",
    ),
    Operation(
        "GET", "/v2/metadata/calendars", "v2_calendars",
        v2.CalendarListParameters, metadata.no_variables, v2.calendar_list,
        "private, max-age=300",
    ),
)  # fmt: skip
