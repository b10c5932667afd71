"""The catalogue as a product: data sets, one for each vendor's files, and how it stands with each of them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from aurum.auth import Principal, Scope
from aurum.backends.paging import Page, PageRequest, page_among
from aurum.curves.model import Snapshot
from aurum.curves.service import CurveService
from aurum.ingestion.completeness import Completeness, FileDelivery
from aurum.ingestion.contract_store import ContractStore, Load
from aurum.ingestion.contracts import Contract
from aurum.ingestion.expectations import DeliveryState
from aurum.ingestion.model import ContractCheck, Policy, RunState, SourceFile
from aurum.ingestion.policies import Policies
from aurum.metadata.model import Curve, CurveFilter, CurveOrder, CurveOrderField, DimensionValue

LOOKED_BACK = timedelta(days=30)
JUDGED = 20  # files that a quality score is of
_CHECKED = 5  # loads whose checks are answered


@dataclass(frozen=True, slots=True)
class DataSet:
    """The curves of a vendor's files. `policy` is its contract in force; None: nobody has set one."""

    key: str
    policy: Policy | None

    @property
    def contract(self) -> Contract:
        return Contract() if self.policy is None else Contract.from_dict(self.policy.document)


@dataclass(frozen=True, slots=True)
class Freshness:
    """`newest`: the file of the last day that is loaded. `expected`: how it stands with the last file that was due.

    `missing`: the expected files after the newest one that are late now; None where nothing is expected of the vendor.
    """

    newest: SourceFile | None
    expected: FileDelivery | None
    missing: tuple[FileDelivery, ...] | None


@dataclass(frozen=True, slots=True)
class Completed:
    """Of the files that were due within 30 days, how many have come, in time or not."""

    expected: int
    came: int

    @property
    def share(self) -> float | None:
        return self.came / self.expected if self.expected else None


@dataclass(frozen=True, slots=True)
class Quality:
    """`score` is from 0 to 1, of so many files; None where none was checked."""

    score: float | None
    files: int


@dataclass(frozen=True, slots=True)
class Lineage:
    """Curves, snapshots of them, by their ids the files of these, and by curve the legs of spark spreads."""

    curves: Sequence[Curve]
    snapshots: Collection[Snapshot]
    files: Mapping[int, SourceFile]
    legs: Mapping[int, Curve]
    complete: bool


def quality_of(loads: Collection[Load]) -> Quality:
    """The mean of the files' scores: 0 for one that was refused, else the share of its points that are served, less
    up to a half of it for warnings, as many as the file has curves or more."""
    scores = [_score(load) for load in loads]
    return Quality(sum(scores) / len(scores) if scores else None, len(scores))


def _score(load: Load) -> float:
    counts = load.counts
    if load.state is RunState.FAILED or not counts.points:
        return 0.0
    return counts.loaded / counts.points * (1 - min(1.0, counts.warnings / counts.curves) / 2)


class DataSets:
    def __init__(
        self, store: ContractStore, completeness: Completeness, policies: Policies, curves: CurveService,
        files: Callable[[str, Collection[int]], Awaitable[dict[int, SourceFile]]], clock: Callable[[], datetime],
    ) -> None:  # fmt: skip
        self.store = store
        self.files = files
        self.completeness = completeness
        self.policies = policies
        self.curves = curves
        self.clock = clock

    async def all(self, principal: Principal) -> list[DataSet]:
        """Of the vendors that have curves, a loaded file or a contract; by key."""
        principal.require(Scope.CURVES_READ)
        contracts = await self.policies.contracts(principal)
        loaded = await self.completeness.store.vendors(principal.tenant)
        known = await self.curves.metadata.vendors(principal)
        return [DataSet(key, contracts.get(key)) for key in sorted({*contracts, *loaded, *known})]

    async def one(self, principal: Principal, key: str) -> DataSet | None:
        wanted = key.strip().upper()
        return next((each for each in await self.all(principal) if each.key == wanted), None)

    async def page(self, principal: Principal, request: PageRequest) -> Page[DataSet]:
        """By key. They are few: all are looked through."""
        return page_among(await self.all(principal), lambda each: (each.key,), request)

    async def deliveries(
        self, principal: Principal, keys: Collection[str], stood_at: datetime | None = None
    ) -> dict[str, list[FileDelivery]]:
        """By data set: those of the last 30 days, the oldest first."""
        today = (stood_at or self.clock()).date()
        first = max(today, date.min + LOOKED_BACK) - LOOKED_BACK
        found: dict[str, list[FileDelivery]] = {}
        for each in await self.completeness.deliveries(principal, first, today, keys, stood_at):
            found.setdefault(each.delivery.vendor, []).append(each)
        return found

    def _then(self, known_at: datetime | None) -> datetime | None:
        """What has not happened yet is not known."""
        return None if known_at is None or known_at >= self.clock() else known_at

    async def freshness(
        self, principal: Principal, keys: Collection[str], *, known_at: datetime | None = None
    ) -> dict[str, Freshness]:
        """`known_at`: how it stood then, with what had been received and was expected."""
        then = self._then(known_at)
        deliveries = await self.deliveries(principal, keys, then)
        newest = await self.store.newest_files(principal.tenant, keys, then)
        expectations = await self.policies.expectations_in_force(principal, then)
        begun = {key: file.as_of for key, file in newest.items()}
        expects = {key: expectations.starts(key, begun.get(key)) is not None for key in keys}
        return {key: _freshness(newest.get(key), deliveries.get(key, []), expects[key]) for key in keys}

    async def completed(
        self, principal: Principal, keys: Collection[str], *, known_at: datetime | None = None
    ) -> dict[str, Completed]:
        deliveries = await self.deliveries(principal, keys, self._then(known_at))
        return {key: _completed(deliveries.get(key, [])) for key in keys}

    async def quality(
        self, principal: Principal, keys: Collection[str], *, known_at: datetime | None = None
    ) -> dict[str, Quality]:
        """`known_at`: of the loads that had finished by then."""
        principal.require(Scope.INGESTION_READ)
        loads = await self.store.loads(principal.tenant, keys, JUDGED, self._then(known_at))
        return {key: quality_of(loads.get(key, [])) for key in keys}

    async def contract_checks(self, principal: Principal, keys: Collection[str]) -> dict[str, list[ContractCheck]]:
        """What the last five loads made of the promises, the newest first."""
        principal.require(Scope.INGESTION_READ)
        return await self.store.newest(principal.tenant, keys, _CHECKED)

    async def holds(self, principal: Principal, keys: Collection[str]) -> dict[str, tuple[int, list[DimensionValue]]]:
        """How many curves a data set has, and the values of their dimensions."""
        return await self.curves.metadata.vendor_dimensions(principal, keys)

    async def lineage(self, principal: Principal, key: str, most: int, known_at: datetime | None) -> Lineage:
        """Of the first `most` curves by key."""
        principal.require(Scope.INGESTION_READ)
        wanted, order = CurveFilter(vendors=(key,)), [CurveOrder(CurveOrderField.KEY)]
        page = await self.curves.metadata.curves(principal, wanted, order, PageRequest(most))
        found = await self.curves.snapshots(principal, [curve.id for curve in page.items], known_at=known_at)
        snapshots = [found[curve.id] for curve in page.items if curve.id in found]  # else what is kept comes first
        files = {each.file_id for each in snapshots if each.file_id is not None}
        names = {curve.id: (key, curve.identity.leg) for curve in page.items if curve.identity.leg}
        legs = await self.curves.metadata.legs(principal, set(names.values())) if names else {}
        return Lineage(
            page.items,
            snapshots,
            await self.files(principal.tenant, files),
            {id_: legs[name] for id_, name in names.items() if name in legs},
            not page.has_next,
        )


def _freshness(newest: SourceFile | None, deliveries: list[FileDelivery], expects: bool) -> Freshness:
    due = [each for each in deliveries if each.delivery.due_at is not None]
    past = [each for each in due if each.delivery.state is not DeliveryState.DUE]
    missing = tuple(
        each for each in past
        if each.delivery.state is DeliveryState.MISSING
        and (newest is None or newest.as_of is None or each.delivery.as_of > newest.as_of)
    )  # fmt: skip
    return Freshness(newest, due[-1] if due else None, missing if expects else None)


def _completed(deliveries: list[FileDelivery]) -> Completed:
    came = (DeliveryState.IN, DeliveryState.LATE, DeliveryState.BACKFILLED)
    states = [each.delivery.state for each in deliveries]
    return Completed(sum(state in (*came, DeliveryState.MISSING) for state in states), sum(s in came for s in states))
