"""Where a data set's curves come from: a graph of files, runs and curves, with the spark spreads taken against them."""

from __future__ import annotations

from enum import Enum

import strawberry

from aurum.graphql.enums import publish_enum
from aurum.graphql.ids import node_id
from aurum.graphql.sizes import sized
from aurum.ingestion import data_sets


class LineageKind(Enum):
    FILE = "FILE"
    RUN = "RUN"
    CURVE = "CURVE"


class LineageStep(Enum):
    READ = "READ"
    PUBLISHED = "PUBLISHED"
    LEG = "LEG"


publish_enum(
    LineageKind, "What a node of a lineage is.",
    {"FILE": "A vendor's file.", "RUN": "A load of one.", "CURVE": "A curve."},
)  # fmt: skip
publish_enum(
    LineageStep, "How one node of a lineage follows from another.",
    {
        "READ": "The run has read the file.",
        "PUBLISHED": "The run, or where none is known the file, has the curve's snapshot.",
        "LEG": "The spark spread is taken against the curve.",
    },
)  # fmt: skip


@strawberry.type(description="A file, a run or a curve.")
class LineageNode:
    id: strawberry.ID = strawberry.field(description="For the field `node`.")
    kind: LineageKind = strawberry.field(description="What it is.")
    label: str = strawberry.field(description="A file's name, a run's number, a curve's key.")


@strawberry.type(description="One node follows from another.")
class LineageEdge:
    source: strawberry.ID = strawberry.field(description="The node that was there before.")
    target: strawberry.ID = strawberry.field(description="The node that follows from it.")
    step: LineageStep = strawberry.field(description="How.")


@strawberry.type(description="A graph without circles.")
class Lineage:
    nodes: list[LineageNode] = strawberry.field(description="Each once.", directives=[sized(60)])
    edges: list[LineageEdge] = strawberry.field(description="Between nodes of the graph alone.", directives=[sized(60)])
    complete: bool = strawberry.field(description="Whether all curves that it is of are in it.")


def lineage_of(found: data_sets.Lineage) -> Lineage:
    nodes: dict[strawberry.ID, LineageNode] = {}
    edges: dict[tuple[strawberry.ID, strawberry.ID], LineageEdge] = {}

    def node(kind: LineageKind, type_name: str, row: int, label: str) -> strawberry.ID:
        id_ = node_id(type_name, row)
        nodes[id_] = LineageNode(id=id_, kind=kind, label=label)
        return id_

    def edge(source: strawberry.ID, target: strawberry.ID, step: LineageStep) -> None:
        edges[source, target] = LineageEdge(source=source, target=target, step=step)

    places = {curve.id: node(LineageKind.CURVE, "Curve", curve.id, curve.key) for curve in found.curves}
    for snapshot in found.snapshots:
        if snapshot.file_id is None:
            continue
        file = found.files[snapshot.file_id]
        source = node(LineageKind.FILE, "SourceFile", file.id, file.name)
        if snapshot.run_id is not None:
            run = node(LineageKind.RUN, "IngestionRun", snapshot.run_id, f"run {snapshot.run_id}")
            edge(source, run, LineageStep.READ)
            source = run
        edge(source, places[snapshot.curve_id], LineageStep.PUBLISHED)
    for curve_id, leg in found.legs.items():
        edge(node(LineageKind.CURVE, "Curve", leg.id, leg.key), places[curve_id], LineageStep.LEG)
    return Lineage(nodes=list(nodes.values()), edges=list(edges.values()), complete=found.complete)
