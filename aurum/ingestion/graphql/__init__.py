"""The GraphQL face of ingestion."""

from __future__ import annotations

import strawberry

from aurum.ingestion.graphql.data_sets import DataSetMutation, DataSetQuery
from aurum.ingestion.graphql.events import EventSubscription
from aurum.ingestion.graphql.findings import WORST, Finding, finding_of
from aurum.ingestion.graphql.lineage import Lineage, lineage_of
from aurum.ingestion.graphql.policies import PolicyMutation, PolicyQuery
from aurum.ingestion.graphql.quarantine import QuarantinedPoint, QuarantineMutation, QuarantineQuery, point_of
from aurum.ingestion.graphql.runs import (
    IngestionRun,
    RunQuery,
    RunSubscription,
    SourceFile,
    file_of,
    run_of,
)
from aurum.ingestion.graphql.sending import RunMutation

__all__ = [
    "WORST",
    "Finding",
    "IngestionMutation",
    "IngestionQuery",
    "IngestionRun",
    "IngestionSubscription",
    "Lineage",
    "QuarantinedPoint",
    "SourceFile",
    "file_of",
    "finding_of",
    "lineage_of",
    "point_of",
    "run_of",
]


@strawberry.type
class IngestionQuery(RunQuery, QuarantineQuery, PolicyQuery, DataSetQuery):
    pass


@strawberry.type
class IngestionSubscription(RunSubscription, EventSubscription):
    pass


@strawberry.type
class IngestionMutation(RunMutation, QuarantineMutation, PolicyMutation, DataSetMutation):
    pass
