"""The GraphQL face of scenarios."""

from __future__ import annotations

import strawberry

from aurum.scenarios.graphql.batches import BatchMutation, BatchQuery, ScenarioBatch, batch_of
from aurum.scenarios.graphql.comparison import RunComparisonQuery
from aurum.scenarios.graphql.merging import MergeMutation, MergeQuery
from aurum.scenarios.graphql.policies import PolicyMutation, PolicyQuery
from aurum.scenarios.graphql.rebasing import RebaseMutation, RebaseQuery
from aurum.scenarios.graphql.running import ScenarioRunMutation, ScenarioRunQuery, ScenarioRunSubscription
from aurum.scenarios.graphql.runs import ScenarioRun, run_of
from aurum.scenarios.graphql.scenarios import Scenario, ScenarioMutation, ScenarioQuery, scenario_of

__all__ = [
    "Scenario",
    "ScenarioBatch",
    "ScenarioRun",
    "ScenariosMutation",
    "ScenariosQuery",
    "ScenariosSubscription",
    "batch_of",
    "run_of",
    "scenario_of",
]


@strawberry.type
class ScenariosQuery(
    ScenarioQuery, MergeQuery, RebaseQuery, PolicyQuery, ScenarioRunQuery, BatchQuery, RunComparisonQuery
):  # fmt: skip
    pass


@strawberry.type
class ScenariosMutation(
    ScenarioMutation, MergeMutation, RebaseMutation, PolicyMutation, ScenarioRunMutation, BatchMutation
):  # fmt: skip
    pass


@strawberry.type
class ScenariosSubscription(ScenarioRunSubscription):
    pass
