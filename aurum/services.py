"""The use cases over the configured backends, for whoever opens a door to them: server, commands, flows."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

from aurum.backends.blobs import FolderBlobs
from aurum.backends.budgets import Budgets, MemoryBudgets, RedisBudgets
from aurum.backends.buses import open_bus
from aurum.backends.cache import Cache, MemoryCache, RedisCache
from aurum.backends.database import Database
from aurum.backends.events import EventLog
from aurum.backends.redis import open_redis
from aurum.curves.service import CurveService
from aurum.curves.store import SnapshotStore
from aurum.exports.plans import Source
from aurum.exports.service import ExportService
from aurum.exports.store import ExportStore
from aurum.graphql.charges import Charges
from aurum.ingestion.dispatch import LocalDispatcher, PrefectDispatcher
from aurum.ingestion.service import Dispatcher, IngestionService
from aurum.metadata.service import MetadataService
from aurum.metadata.store import CatalogueStore
from aurum.operations.service import OperationService
from aurum.operations.store import OperationStore
from aurum.scenarios.bases import Bases
from aurum.scenarios.batches.service import BatchService
from aurum.scenarios.batches.store import BatchStore
from aurum.scenarios.repository.merges import MergeService
from aurum.scenarios.repository.policies import PolicyService
from aurum.scenarios.repository.policy_store import PolicyStore
from aurum.scenarios.repository.rebasing import RebaseService
from aurum.scenarios.repository.service import ScenarioService
from aurum.scenarios.repository.store import ScenarioStore
from aurum.scenarios.runs.attributing import AttributionService
from aurum.scenarios.runs.results import ResultService
from aurum.scenarios.runs.service import RunService
from aurum.scenarios.runs.simulations import SimulationService
from aurum.scenarios.runs.store import RunStore
from aurum.settings import Settings


@dataclass(frozen=True, slots=True)
class Services:
    database: Database
    events: EventLog
    metadata: MetadataService
    curves: CurveService
    ingestion: IngestionService
    dispatcher: Dispatcher
    operations: OperationService
    exports: ExportService
    scenarios: ScenarioService
    scenario_merges: MergeService
    scenario_rebases: RebaseService
    scenario_runs: RunService
    scenario_batches: BatchService
    scenario_results: ResultService
    scenario_simulations: SimulationService
    scenario_attribution: AttributionService
    persisted: Cache
    charges: Charges


def now() -> datetime:
    return datetime.now(UTC)


@asynccontextmanager
async def open_services(settings: Settings, *, prefect: bool = False) -> AsyncIterator[Services]:
    """Opens them, and closes what they hold. `prefect`: queued runs go to Prefect where one is configured."""
    database = Database(
        settings.database_url,
        pool_size=settings.database.pool_size,
        statement_timeout_seconds=settings.database.statement_timeout_seconds,
    )
    async with AsyncExitStack() as stack:
        stack.push_async_callback(database.close)
        bus = open_bus(settings, database)
        stack.push_async_callback(bus.close)
        events = EventLog(database, bus)
        metadata = MetadataService(CatalogueStore(database, settings.rest.vendor_order), events, now)
        curves = CurveService(SnapshotStore(database, settings.graphql.kept_mib * 2**20), metadata, events)
        ingestion = IngestionService(
            database, FolderBlobs(settings.blob_folder), curves, events, now, settings.ingestion, settings.drop_folder
        )
        dispatcher = (
            PrefectDispatcher(ingestion, settings.prefect.api_url, settings.prefect.deployment)
            if prefect and settings.prefect.api_url
            else LocalDispatcher(ingestion)
        )
        stack.push_async_callback(dispatcher.close)
        operations = OperationService(OperationStore(database), now)
        stack.push_async_callback(operations.close)
        persisted, budgets = _shared(settings, stack)
        bases = Bases(curves, metadata)
        policies = PolicyService(PolicyStore(database), bases, now)
        scenarios = ScenarioService(ScenarioStore(database), bases, policies, now)
        scenario_runs = RunService(RunStore(database), scenarios, bases, events, now, settings.scenarios)
        results = ResultService(scenario_runs.store, scenarios, bases)
        exports = ExportService(
            ExportStore(database), Source(curves, results), events, FolderBlobs(settings.export_folder), now,
            settings.exports,
        )  # fmt: skip
        charges = Charges(settings.graphql, budgets)
        yield Services(
            database, events, metadata, curves, ingestion, dispatcher, operations, exports, scenarios,
            MergeService(scenarios), RebaseService(scenarios), scenario_runs,
            BatchService(BatchStore(database), scenario_runs, now), results,
            SimulationService(scenario_runs.simulations), AttributionService(results), persisted, charges,
        )  # fmt: skip


def _shared(settings: Settings, stack: AsyncExitStack) -> tuple[Cache, Budgets | None]:
    """What processes share through Redis, where there is one: persisted queries, and budgets if callers have any."""
    seconds, per_second = settings.graphql.persisted_hours * 3600, settings.graphql.cost_per_second
    capacity = settings.graphql.cost_budget
    if settings.redis.url is None:
        return MemoryCache(seconds), None if capacity is None else MemoryBudgets(capacity, per_second)
    redis = open_redis(settings.redis.url.get_secret_value())
    stack.push_async_callback(redis.aclose)
    return RedisCache(redis, seconds), None if capacity is None else RedisBudgets(redis, capacity, per_second)
