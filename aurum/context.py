"""What an operation has at hand: who asks, the services, and loaders of its own."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import TypeVar

from aurum.auth import Principal
from aurum.backends.cache import Cache
from aurum.curves.graphql import Curve, Location, curve_of, location_face
from aurum.curves.model import Snapshot
from aurum.curves.service import CurveService
from aurum.curves.stories import Stories
from aurum.exports.service import ExportService
from aurum.graphql.charges import Charges
from aurum.graphql.loaders import Loaders
from aurum.ingestion import data_sets
from aurum.ingestion.graphql import (
    WORST,
    Finding,
    IngestionRun,
    Lineage,
    SourceFile,
    file_of,
    finding_of,
    lineage_of,
    run_of,
)
from aurum.ingestion.model import Run
from aurum.ingestion.service import IngestionService
from aurum.metadata import model as catalogue
from aurum.metadata.service import MetadataService
from aurum.operations.service import OperationService
from aurum.scenarios.batches.service import BatchService
from aurum.scenarios.repository.merges import MergeService
from aurum.scenarios.repository.rebasing import RebaseService
from aurum.scenarios.repository.service import ScenarioService
from aurum.scenarios.runs.attributing import AttributionService
from aurum.scenarios.runs.results import ResultService, there
from aurum.scenarios.runs.service import RunService
from aurum.scenarios.runs.simulations import SimulationService
from aurum.services import Services

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


@dataclass(slots=True)
class Context:
    """One per request, and with fresh loaders one per operation."""

    principal: Principal
    services: Services
    request_id: str
    seconds: float  # that an operation may take
    show_cost: bool = False
    loaders: Loaders = field(default_factory=Loaders)
    _heads: list[int | None] = field(default_factory=list)  # one at most, since the last mutation

    @property
    def payer(self) -> str:
        return f"{self.principal.tenant}/{self.principal.name}"

    @property
    def charges(self) -> Charges:
        return self.services.charges

    @property
    def metadata(self) -> MetadataService:
        return self.services.metadata

    @property
    def curves(self) -> CurveService:
        return self.services.curves

    @property
    def ingestion(self) -> IngestionService:
        return self.services.ingestion

    @property
    def operations(self) -> OperationService:
        return self.services.operations

    @property
    def exports(self) -> ExportService:
        return self.services.exports

    @property
    def scenarios(self) -> ScenarioService:
        return self.services.scenarios

    @property
    def scenario_merges(self) -> MergeService:
        return self.services.scenario_merges

    @property
    def scenario_rebases(self) -> RebaseService:
        return self.services.scenario_rebases

    @property
    def scenario_runs(self) -> RunService:
        return self.services.scenario_runs

    @property
    def scenario_batches(self) -> BatchService:
        return self.services.scenario_batches

    @property
    def scenario_results(self) -> ResultService:
        return self.services.scenario_results

    @property
    def scenario_simulations(self) -> SimulationService:
        return self.services.scenario_simulations

    @property
    def scenario_attribution(self) -> AttributionService:
        return self.services.scenario_attribution

    @property
    def stories(self) -> Stories:
        return self.services.scenario_results

    async def scenario_snapshots(self, keys: Sequence[tuple[int, int]]) -> list[Snapshot | None]:
        return [there(each) for each in await self.load_many(self.scenario_results.snapshots, keys)]

    async def scenario_snapshot(self, run: int, curve_id: int) -> Snapshot | None:
        return there(await self.load(self.scenario_results.snapshots, (run, curve_id)))

    async def scenario_start(self, run: int) -> tuple[date, datetime]:
        return await self.scenario_results.start(self.principal, run)

    @property
    def persisted(self) -> Cache:
        return self.services.persisted

    def for_operation(self) -> Context:
        return Context(self.principal, self.services, self.request_id, self.seconds)

    def cancel(self) -> None:
        """Ends what is read for the operation."""
        self.loaders.cancel()

    def renew(self) -> None:
        """What was read before a mutation does not hold after it."""
        self.loaders, self._heads = Loaders(), []

    async def head(self) -> int | None:
        """See `CurveService.head`: when it was first asked for. Who asks meanwhile asks as well: that is shared."""
        heads = self._heads
        if not heads:
            heads.append(await self.curves.head(self.principal))
        return heads[0]

    def load(
        self, batch: Callable[..., Awaitable[Mapping[K, V]]], key: K, **arguments: Hashable
    ) -> Awaitable[V | None]:
        """One value of a service's batch, read together with those that sibling fields ask for."""
        return self.loaders.load(batch, self.principal, key, **arguments)

    def load_many(
        self, batch: Callable[..., Awaitable[Mapping[K, V]]], keys: Sequence[K], **arguments: Hashable
    ) -> Awaitable[list[V | None]]:
        """Many values of a service's batch, in the order of their keys: for fields that are `batched`."""
        return self.loaders.load_many(batch, self.principal, keys, **arguments)

    async def source_file(self, file_id: int) -> SourceFile | None:
        found = await self.load(self.ingestion.files, file_id)
        return None if found is None else file_of(found)

    async def lineage(self, curves: Sequence[catalogue.Curve], snapshots: Sequence[Snapshot]) -> Lineage:
        ids = {each.file_id for each in snapshots if each.file_id is not None}
        files = await self.load_many(self.ingestion.files, list(ids))
        known = {file.id: file for file in files if file is not None}
        return lineage_of(data_sets.Lineage(curves, snapshots, known, {}, complete=True))

    async def ingestion_run(self, run_id: int) -> IngestionRun | None:
        found = await self.load(self.ingestion.runs, run_id)
        return None if found is None else run_of(found)

    async def findings_about(self, run_id: int | None, curve_key: str) -> list[Finding]:
        """What a run found about a curve, the worst first."""
        noted = None if run_id is None else await self.load(self.ingestion.findings, run_id)
        about = [
            each.finding for each in noted or () if curve_key == each.finding.curve_key or curve_key in each.points
        ]
        return [finding_of(finding) for finding in sorted(about, key=lambda finding: WORST.index(finding.severity))]

    async def missing_days(
        self, vendors: list[str], first: date, last: date, at: datetime | None
    ) -> dict[date, list[str]]:
        return await self.ingestion.completeness.missing_days(self.principal, first, last, vendors, at)

    async def curve(self, curve_id: int) -> Curve | None:
        found = await self.load(self.metadata.by_id, curve_id)
        return None if found is None else curve_of(found)

    def location(self, key: str) -> Location | None:
        return location_face(key)

    async def dispatch(self, run: Run) -> None:
        await self.services.dispatcher.dispatch(self.principal.tenant, run)

    async def withdraw(self, run: Run) -> None:
        """From whoever executes it."""
        await self.services.dispatcher.cancel(self.principal.tenant, run)
