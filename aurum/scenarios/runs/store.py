"""Reads and writes runs and their results. A state changes in a statement that says which one it was."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, case, delete, func, insert, or_, select, tuple_, update

from aurum.backends.database import AnyRow, Database, ReadConnection, WriteConnection
from aurum.backends.paging import Page, PageRequest, SortKey, read_page, read_pages
from aurum.market.counts import counted
from aurum.scenarios.model import Issue
from aurum.scenarios.runs.model import (
    Claim,
    Input,
    Priority,
    Result,
    ResultMids,
    Run,
    RunFilter,
    RunState,
    read_issues,
)
from aurum.scenarios.tables import results, run_keys, runs
from aurum.scenarios.variations import Variation

_COLUMNS = [each for each in runs.c if each.name not in ("inputs", "request_digest")]
_ALIVE = (RunState.QUEUED, RunState.RUNNING)
_WORTH = (*_ALIVE, RunState.SUCCEEDED)
_WANTED = (RunState.RUNNING, RunState.SUCCEEDED, RunState.FAILED)
_ORDER = [SortKey(runs.c.created_at, descending=True), SortKey(runs.c.id, descending=True)]
_AT_ONCE = 500  # results in a statement
RunKey = tuple[str, int]  # tenant, run
Known = tuple[Run, dict[str, Any]]  # a run, and how it was asked for


class RunStore:
    def __init__(self, database: Database) -> None:
        self.database = database

    async def known(self, tenant: str, keys: Collection[str]) -> dict[str, Known]:
        """By key: the run that it has asked for, and how. One statement, none without keys."""
        if not keys:
            return {}
        async with self.database.read() as connection:
            return await _of_keys(connection, tenant, keys)

    async def of_keys(self, transaction: WriteConnection, tenant: str, keys: Collection[str]) -> dict[str, Known]:
        """The same; nobody else uses the keys until the transaction ends. One statement, and one to lock each."""
        for key in sorted(keys):  # in one order everywhere: nobody waits for who waits for them
            await transaction.lock(f"scenario run key {tenant} {key}")
        return await _of_keys(transaction, tenant, keys) if keys else {}

    async def keep_keys(
        self, transaction: WriteConnection, tenant: str, found: Mapping[str, tuple[int, dict[str, Any]]]
    ) -> None:
        """By key: the run that answers it for ever, and how it was asked for."""
        rows = [
            {"tenant_id": tenant, "idempotency_key": key, "run_id": run_id, "asked": asked}
            for key, (run_id, asked) in found.items()
        ]
        if rows:
            await transaction.execute(insert(run_keys), rows)

    async def of_digests(self, transaction: WriteConnection, tenant: str, digests: Collection[str]) -> dict[str, Run]:
        """By digest: the first run of such a request that waits, is under way or has succeeded; nobody else adds one
        meanwhile. One statement, and one to lock each.
        """
        for digest in sorted(digests):  # in one order everywhere: nobody waits for who waits for them
            await transaction.lock(f"scenario run {tenant} {digest}")
        columns = runs.c
        same = and_(columns.tenant_id == tenant, columns.request_digest.in_(digests), columns.state.in_(_WORTH))
        statement = select(*_COLUMNS, columns.request_digest).where(same).order_by(columns.id.desc())
        return {row.request_digest: run_of(row) for row in await transaction.all(statement)}

    async def add(
        self, transaction: WriteConnection, tenant: str, inputs: Sequence[Input], issues: Sequence[Issue], **values: Any
    ) -> Run:  # fmt: skip
        given = {
            "tenant_id": tenant, "state": RunState.QUEUED, "attempt": 0, "lost": 0, "progress": 0.0,
            "issues": [asdict(each) for each in issues],
            "inputs": [[each.curve_id, each.snapshot_id, each.currency, each.unit] for each in inputs],
        }  # fmt: skip
        row = await transaction.first(insert(runs).values(**given, **values).returning(*_COLUMNS))
        assert row is not None  # noqa: S101  INSERT ... RETURNING answers the row
        return run_of(row)

    async def free(self, now: datetime, most: int) -> list[tuple[str, Run]]:
        """What may be claimed, with its tenant: the next ones first."""
        statement = select(*_COLUMNS).where(_free(now)).order_by(runs.c.priority.desc(), runs.c.id).limit(most)
        async with self.database.read() as connection:
            return [(row.tenant_id, run_of(row)) for row in await connection.all(statement)]

    async def waiting(self, now: datetime, only: RunKey | None = None) -> bool:
        """Whether there is something to claim, or to give up; of `only` this run."""
        return await self._any(_free(now), *_only(only))

    async def hopeless(self, now: datetime, max_attempts: int) -> bool:
        """Whether there is something to give up."""
        return await self._any(_lost(now, max_attempts))

    async def _any(self, *fits: ColumnElement[bool]) -> bool:
        async with self.database.read() as connection:
            return await connection.first(select(runs.c.id).where(*fits).limit(1)) is not None

    async def _locked(self, transaction: WriteConnection, *fits: ColumnElement[bool]) -> list[int]:
        """Ids of runs that nobody else changes until the transaction ends. Locked in one order everywhere: those who
        change several do not wait for each other.
        """
        statement = select(runs.c.id).where(*fits).order_by(runs.c.id).with_for_update()
        return [row.id for row in await transaction.all(statement)]

    async def give_up(self, transaction: WriteConnection, now: datetime, max_attempts: int) -> list[tuple[str, int]]:
        """Fails the runs that lost too many workers; tenant and id of each."""
        ids = await self._locked(transaction, _lost(now, max_attempts))
        if not ids:
            return []
        statement = (
            update(runs)
            .where(runs.c.id.in_(ids))
            .values(
                state=RunState.FAILED, finished_at=now, error_code="WORKER_LOST",
                error=f"the process that computed it ended {counted(max_attempts, 'time')} before it was done",
                hint="Nothing of it is kept. Look into the server's log, then run it again.",
            )
            .returning(runs.c.tenant_id, runs.c.id)
        )  # fmt: skip
        found = [(row.tenant_id, row.id) for row in await transaction.all(statement)]
        await self.forget(transaction, ids)
        return found

    async def claim(
        self, transaction: WriteConnection, now: datetime, lease: timedelta, only: RunKey | None = None
    ) -> Claim | None:
        """The next run (or `only` this one), now RUNNING and ours: one that is queued, or whose worker is silent.

        No two claim the same.
        """
        other = runs.alias("other").c
        fits = (_free(now, other), *_only(only, other))
        first = select(other.id).where(*fits).order_by(other.priority.desc(), other.id).limit(1)
        statement = (
            update(runs)
            .where(runs.c.id == first.with_for_update(skip_locked=True).scalar_subquery(), _free(now))
            .values(
                state=RunState.RUNNING, attempt=runs.c.attempt + 1, progress=0.0, lease_expires_at=now + lease,
                lost=runs.c.lost + case((runs.c.state == RunState.RUNNING, 1), else_=0), started_at=now,
            )
            .returning(runs.c.tenant_id, runs.c.id, runs.c.attempt, runs.c.time_limit)
        )  # fmt: skip
        row = await transaction.first(statement)
        if row is None:
            return None
        if row.attempt > 1:
            await self.forget(transaction, [row.id])
        return Claim(row.tenant_id, row.id, row.attempt, row.time_limit)

    async def wanted(self, claims: Collection[Claim]) -> set[int]:
        """Which of them nobody has cancelled or taken over. Those that have just ended are among them."""
        statement = select(runs.c.id).where(_claimed(claims), runs.c.state.in_(_WANTED))
        async with self.database.read() as connection:
            return {row.id for row in await connection.all(statement)}

    async def extend(self, transaction: WriteConnection, claims: Collection[Claim], until: datetime) -> None:
        ids = await self._locked(transaction, _held(claims))
        await transaction.execute(update(runs).where(runs.c.id.in_(ids)).values(lease_expires_at=until))

    async def release(self, transaction: WriteConnection, claim: Claim, expired: datetime, lost: bool) -> None:
        """Whoever claims it next counts its worker as lost: without `lost` that is made up for."""
        before = runs.c.lost - (0 if lost else 1)
        await transaction.execute(update(runs).where(_held([claim])).values(lease_expires_at=expired, lost=before))

    async def change(self, transaction: WriteConnection, claim: Claim, **values: Any) -> bool:
        """How far a run is, or how it ended. False: it is not ours any more, and nothing may be kept."""
        if "issues" in values:
            values["issues"] = [asdict(each) for each in values["issues"]]
        return (await transaction.execute(update(runs).where(_held([claim])).values(**values))).rowcount == 1

    async def cancel(
        self, transaction: WriteConnection, tenant: str, run_ids: Collection[int], now: datetime, by: str
    ) -> list[Run]:
        """The runs, cancelled, but for those that have ended or are not there; by id. A worker that is at one of them
        cannot finish it.
        """
        alive = (runs.c.tenant_id == tenant, runs.c.id.in_(run_ids), runs.c.state.in_(_ALIVE))
        ids = await self._locked(transaction, *alive)
        statement = (
            update(runs)
            .where(runs.c.id.in_(ids))
            .values(
                state=RunState.CANCELLED, finished_at=now, error_code="CANCELLED", error=f"cancelled by {by}",
                hint="Nothing of it is kept. It may be run again.",
            )
            .returning(*_COLUMNS)
        )  # fmt: skip
        found = [run_of(row) for row in await transaction.all(statement)]
        await self.forget(transaction, ids)
        return sorted(found, key=lambda run: run.id)

    async def forget(self, transaction: WriteConnection, run_ids: Collection[int]) -> None:
        """What is partial of them."""
        if run_ids:
            await transaction.execute(delete(results).where(results.c.run_id.in_(run_ids)))

    async def inputs(self, tenant: str, run_ids: Collection[int]) -> dict[int, list[Input]]:
        """By run: its curves, by their keys."""
        statement = select(runs.c.id, runs.c.inputs).where(runs.c.tenant_id == tenant, runs.c.id.in_(run_ids))
        async with self.database.read() as connection:
            return {row.id: [Input(*each) for each in row.inputs] for row in await connection.all(statement)}

    async def runs(self, tenant: str, ids: Collection[int]) -> dict[int, Run]:
        statement = select(*_COLUMNS).where(runs.c.tenant_id == tenant, runs.c.id.in_(ids))
        async with self.database.read() as connection:
            return {row.id: run_of(row) for row in await connection.all(statement)}

    async def page(self, tenant: str, wanted: RunFilter, request: PageRequest) -> Page[Run]:
        """Newest first."""
        statement = select(*_COLUMNS).where(*_conditions(tenant, wanted))
        async with self.database.read() as connection:
            return (await read_page(connection, statement, _ORDER, request)).map(run_of)

    async def count(self, tenant: str, wanted: RunFilter) -> int:
        statement = select(func.count()).select_from(runs).where(*_conditions(tenant, wanted))
        async with self.database.read() as connection:
            return int(await connection.scalar(statement))

    async def keep(self, transaction: WriteConnection, tenant: str, rows: Sequence[dict[str, Any]]) -> None:
        """Results of a run that has just succeeded, or is under way."""
        for start in range(0, len(rows), _AT_ONCE):
            part = [{"tenant_id": tenant, **row} for row in rows[start : start + _AT_ONCE]]
            await transaction.execute(insert(results), part)

    async def results(self, tenant: str, keys: Collection[tuple[int, int]]) -> dict[tuple[int, int], Result]:
        """By run and curve."""
        fits = tuple_(results.c.run_id, results.c.curve_id).in_(list(keys))
        found = await self._results(tenant, fits)
        return {(each.run_id, each.curve_id): each for each in found}

    async def results_by_id(self, tenant: str, ids: Collection[int]) -> dict[int, Result]:
        return {each.id: each for each in await self._results(tenant, results.c.id.in_(ids))}

    async def results_of(self, tenant: str, run_ids: Collection[int]) -> list[Result]:
        return await self._results(tenant, results.c.run_id.in_(run_ids))

    async def _results(self, tenant: str, fits: ColumnElement[bool]) -> list[Result]:
        async with self.database.read() as connection:
            rows = await connection.all(select(results).where(results.c.tenant_id == tenant, fits))
        return [_result(row) for row in rows]

    async def moved(self, tenant: str, run_ids: Collection[int], curve_ids: Collection[int]) -> set[int]:
        """Those of the curves that any of the runs has moved."""
        own = results.c
        statement = select(own.curve_id).where(_of(tenant, run_ids, curve_ids), own.mid.is_not(None)).distinct()
        async with self.database.read() as connection:
            return {row.curve_id for row in await connection.all(statement)}

    async def mids(self, tenant: str, run_ids: Collection[int], curve_ids: Collection[int]) -> list[ResultMids]:
        own = results.c
        statement = select(own.id, own.run_id, own.curve_id, own.snapshot_id, own.mid)
        async with self.database.read() as connection:
            rows = await connection.all(statement.where(_of(tenant, run_ids, curve_ids)))
        return [ResultMids(*row) for row in rows]

    async def results_pages(
        self, tenant: str, run_ids: Collection[int], moved: bool | None, request: PageRequest
    ) -> dict[int, Page[Result]]:
        """By run: a page of its results, by the key of the curve. One statement.

        `moved`: only those that a driver moved, or did not.
        """
        columns = results.c
        statement = select(results).where(columns.tenant_id == tenant, columns.run_id.in_(run_ids))
        if moved is not None:
            statement = statement.where(columns.mid.is_not(None) if moved else columns.mid.is_(None))
        async with self.database.read() as connection:
            found = await read_pages(connection, statement, columns.run_id, [SortKey(columns.curve_key)], request)
        return {run_id: page.map(_result) for run_id, page in found.items()}

    async def result_counts(self, tenant: str, run_ids: Collection[int]) -> dict[int, tuple[int, int]]:
        """By run: how many curves it has, and how many of them were moved."""
        statement = (
            select(results.c.run_id, func.count(), func.count(results.c.mid))
            .where(results.c.tenant_id == tenant, results.c.run_id.in_(run_ids))
            .group_by(results.c.run_id)
        )
        async with self.database.read() as connection:
            return {row[0]: (row[1], row[2]) for row in await connection.all(statement)}


def _of(tenant: str, run_ids: Collection[int], curve_ids: Collection[int]) -> ColumnElement[bool]:
    own = results.c
    return and_(own.tenant_id == tenant, own.run_id.in_(run_ids), own.curve_id.in_(curve_ids))


async def _of_keys(connection: ReadConnection, tenant: str, keys: Collection[str]) -> dict[str, Known]:
    own = run_keys.c
    statement = select(*_COLUMNS, own.idempotency_key.label("key"), own.asked).join(runs, runs.c.id == own.run_id)
    statement = statement.where(own.tenant_id == tenant, own.idempotency_key.in_(keys))
    return {row.key: (run_of(row), row.asked) for row in await connection.all(statement)}


def _abandoned(now: datetime, of: Any = runs.c) -> ColumnElement[bool]:
    return and_(of.state == RunState.RUNNING, of.lease_expires_at < now)


def _lost(now: datetime, max_attempts: int) -> ColumnElement[bool]:
    return and_(_abandoned(now), runs.c.lost + 1 >= max_attempts)


def _free(now: datetime, of: Any = runs.c) -> ColumnElement[bool]:
    return or_(of.state == RunState.QUEUED, _abandoned(now, of))


def _only(run: RunKey | None, of: Any = runs.c) -> list[ColumnElement[bool]]:
    return [] if run is None else [of.tenant_id == run[0], of.id == run[1]]


def _claimed(claims: Collection[Claim]) -> ColumnElement[bool]:
    return tuple_(runs.c.id, runs.c.attempt).in_([(each.run_id, each.attempt) for each in claims])


def _held(claims: Collection[Claim]) -> ColumnElement[bool]:
    return and_(runs.c.state == RunState.RUNNING, _claimed(claims))


def _conditions(tenant: str, wanted: RunFilter) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = [runs.c.tenant_id == tenant]
    if wanted.scenario_id is not None:
        found.append(runs.c.scenario_id == wanted.scenario_id)
    if wanted.states is not None:
        found.append(runs.c.state.in_(wanted.states))
    return found


def run_of(row: AnyRow) -> Run:
    variation = None if row.variation is None else Variation(**row.variation)
    return Run(
        row.id, row.scenario_id, row.version, variation, RunState(row.state), Priority(row.priority), row.seed,
        row.time_limit, row.as_of, row.known_at, row.idempotency_key, row.requested_by, row.created_at, row.started_at,
        row.finished_at, row.attempt, row.progress, row.input_digest, row.output_digest, read_issues(row.issues),
        row.error_code, row.error, row.hint,
    )  # fmt: skip


def _result(row: AnyRow) -> Result:
    return Result(
        row.id, row.run_id, row.curve_id, row.curve_key, row.snapshot_id, row.mid, row.drivers, row.amounts
    )  # fmt: skip
