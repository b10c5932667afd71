"""The one schema: the domains' queries, mutations and subscriptions joined, and printed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Annotated, Any

import strawberry
from strawberry.schema.config import StrawberryConfig

from aurum.context import Context
from aurum.curves.graphql import (
    AggregateQuery,
    Curve,
    CurveMutation,
    CurveQuery,
    CurveSnapshot,
    CurveSubscription,
    DerivedQuery,
    LocationMutation,
    LocationQuery,
    MoverQuery,
    QuoteQuery,
    ReviewMutation,
    SeriesMutation,
    SeriesQuery,
    curve_of,
    snapshot_of,
)
from aurum.errors import InvalidInput
from aurum.exports.graphql import Export, ExportMutation, ExportQuery, ExportSubscription, export_of
from aurum.graphql.allowed import Limits, limits_of
from aurum.graphql.dates import DATES
from aurum.graphql.errors import Errors
from aurum.graphql.execution import Schema
from aurum.graphql.ids import parse_node_id
from aurum.graphql.limits import limits
from aurum.graphql.nodes import Node
from aurum.graphql.printing import sorted_sdl
from aurum.graphql.sizes import sized
from aurum.ingestion.graphql import (
    IngestionMutation,
    IngestionQuery,
    IngestionRun,
    IngestionSubscription,
    QuarantinedPoint,
    SourceFile,
    file_of,
    point_of,
    run_of,
)
from aurum.metadata.graphql import CalendarQuery, MetadataMutation, MetadataQuery
from aurum.operations.graphql import OperationsMutation, OperationsQuery
from aurum.scenarios.graphql import (
    Scenario,
    ScenarioBatch,
    ScenarioRun,
    ScenariosMutation,
    ScenariosQuery,
    ScenariosSubscription,
    batch_of,
    scenario_of,
)
from aurum.scenarios.graphql import (
    run_of as scenario_run_of,
)
from aurum.settings import GraphQLSettings

Info = strawberry.Info[Context, None]
_MOST_NODES = 500


@strawberry.type(description="Who asks.")
class Viewer:
    tenant: str = strawberry.field(description="The tenant whose data is seen.")
    name: str = strawberry.field(description="The person or program.")
    scopes: list[str] = strawberry.field(description="What it may do, sorted.")

    @strawberry.field(description="What one operation, and the caller over time, may ask for.")
    async def limits(self, info: Info) -> Limits:
        return await limits_of(info.context.charges, info.context.payer, info.context.seconds)


@strawberry.type
class NodeQuery:
    @strawberry.field(description="Anything by its id; null where there is none.")
    async def node(
        self, info: Info, id: Annotated[strawberry.ID, strawberry.argument(description="Its id.")]
    ) -> Node | None:  # fmt: skip
        return await _node(info.context, id)

    @strawberry.field(
        description="Several by their ids, in the same order; null where there is none.",
        directives=[sized(_MOST_NODES, "ids")],
    )
    async def nodes(
        self, info: Info, ids: Annotated[list[strawberry.ID], strawberry.argument(description="Their ids.")]
    ) -> list[Node | None]:  # fmt: skip
        if len(ids) > _MOST_NODES:
            raise InvalidInput(f"at most {_MOST_NODES} ids", field="ids")
        return list(await asyncio.gather(*(_node(info.context, id_) for id_ in ids)))

    @strawberry.field(description="Who asks, and what they may do.")
    def viewer(self, info: Info) -> Viewer:
        principal = info.context.principal
        return Viewer(tenant=principal.tenant, name=principal.name, scopes=sorted(map(str, principal.scopes)))

    @strawberry.field(
        description="The cursor of the newest event. What is read once it is answered stands there or later: to be "
        "followed with it as `after`."
    )
    async def event_head(self, info: Info) -> str:
        return str(await info.context.services.events.head(info.context.principal.tenant))


async def _node(context: Context, id_: str) -> Node | None:
    type_name, row = parse_node_id(id_)
    kinds: dict[str, tuple[Callable[..., Any], Callable[[Any], Node]]] = {
        "Curve": (context.metadata.by_id, curve_of),
        "CurveSnapshot": (context.curves.snapshots_by_id, snapshot_of),
        "Export": (context.exports.by_id, export_of),
        "IngestionRun": (context.ingestion.runs, run_of),
        "Scenario": (context.scenarios.scenarios, scenario_of),
        "ScenarioBatch": (context.scenario_batches.batches, batch_of),
        "ScenarioRun": (context.scenario_runs.runs, scenario_run_of),
        "ScenarioSnapshot": (context.scenario_results.snapshots_by_id, snapshot_of),
        "QuarantinedPoint": (context.ingestion.quarantine.by_id, point_of),
        "SourceFile": (context.ingestion.files, file_of),
    }
    if type_name not in kinds:
        raise InvalidInput(f"ids of {type_name[:50]!r} are not known here", field="id")
    batch, wrap = kinds[type_name]
    found = await context.load(batch, row)
    return None if found is None else wrap(found)


@strawberry.type(description="Everything that can be read.")
class Query(
    CurveQuery, QuoteQuery, DerivedQuery, MoverQuery, AggregateQuery, LocationQuery, SeriesQuery, MetadataQuery,
    CalendarQuery, ExportQuery, IngestionQuery, OperationsQuery, ScenariosQuery, NodeQuery,
):  # fmt: skip
    pass


@strawberry.type(description="Everything that can be changed. Each mutation is one transaction.")
class Mutation(
    CurveMutation, ReviewMutation, LocationMutation, SeriesMutation, MetadataMutation, ExportMutation,
    IngestionMutation, OperationsMutation, ScenariosMutation,
):  # fmt: skip
    pass


@strawberry.type(description="Everything that can be followed live, each event once and in order.")
class Subscription(CurveSubscription, ExportSubscription, IngestionSubscription, ScenariosSubscription):
    pass


def create_schema(settings: GraphQLSettings) -> Schema:
    return Schema(
        query=Query,
        mutation=Mutation,
        subscription=Subscription,
        types=[
            Curve,
            CurveSnapshot,
            Export,
            IngestionRun,
            QuarantinedPoint,
            Scenario,
            ScenarioBatch,
            ScenarioRun,
            SourceFile,
        ],
        extensions=[Errors, *limits(settings)],
        kept_bytes=settings.kept_mib * 2**20,
        config=StrawberryConfig(disable_field_suggestions=not settings.suggestions, scalar_map=DATES),
    )


def printed() -> str:
    """The schema as `schema.graphql` has it: sorted, with what its directives say of fields."""
    # Not StrawberryConfig.sort_schema: in 0.341 it loses the enums' Python values.
    return sorted_sdl(create_schema(GraphQLSettings()).as_str())
