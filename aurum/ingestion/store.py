"""Reads and writes files, runs and findings."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, and_, case, func, insert, or_, select, update

from aurum.backends.database import AnyRow, Database, WriteConnection
from aurum.backends.paging import Page, PageRequest, SortKey, read_page
from aurum.ingestion.model import Counts, Noted, Run, RunFilter, RunState, SourceFile, Stage, Times
from aurum.ingestion.tables import findings, runs, source_files
from aurum.market.counts import counted
from aurum.market.words import check_sought
from aurum.parsers.model import Finding, ParsedWorkbook, Severity


@dataclass(frozen=True, slots=True)
class Claim:
    """A run that this worker may execute: until another one claims it, with a higher attempt."""

    run: Run
    tenant: str
    content_hash: str
    requested_vendor: str | None
    requested_as_of: date | None


class Silent(NamedTuple):
    """Runs nobody has been heard of: `lost` have failed, `taken` are queued again, `waiting` are queued still."""

    lost: list[tuple[str, Run]]
    taken: list[tuple[str, Run]]
    waiting: list[tuple[str, Run]]


class IngestionStore:
    def __init__(self, database: Database) -> None:
        self.database = database

    async def keep_file(self, transaction: WriteConnection, tenant: str, file: Mapping[str, Any]) -> int:
        """The id of the file with these bytes, added if it is new."""
        same = (source_files.c.tenant_id == tenant) & (source_files.c.content_hash == file["content_hash"])
        known = await transaction.scalar(select(source_files.c.id).where(same))
        if known is not None:
            return int(known)
        added = insert(source_files).values(tenant_id=tenant, **file).returning(source_files.c.id)
        return int(await transaction.scalar(added))

    async def runs_of_file(self, transaction: WriteConnection, tenant: str, file_id: int) -> list[Run]:
        """Newest first."""
        statement = select(runs).where(runs.c.tenant_id == tenant, runs.c.file_id == file_id).order_by(runs.c.id.desc())
        return [run_of(row) for row in await transaction.all(statement)]

    async def runs_of_content(self, tenant: str, digest: str) -> list[Run]:
        file = select(source_files.c.id).where(
            source_files.c.tenant_id == tenant, source_files.c.content_hash == digest
        )
        async with self.database.read() as connection:
            return [run_of(row) for row in await connection.all(select(runs).where(runs.c.file_id.in_(file)))]

    async def add_run(self, transaction: WriteConnection, tenant: str, **values: Any) -> Run:
        values = {"tenant_id": tenant, "attempt": 0, "counts": asdict(Counts()), **values}
        row = await transaction.first(insert(runs).values(**values).returning(runs))
        assert row is not None  # noqa: S101  INSERT ... RETURNING answers the row
        return run_of(row)

    async def claim(
        self, transaction: WriteConnection, tenant: str, run_id: int, now: datetime, lease_until: datetime
    ) -> Claim | None:
        """The run, now RUNNING and ours; None where it has ended or another worker is alive on it."""
        abandoned = and_(runs.c.state == RunState.RUNNING, runs.c.lease_expires_at < now)
        take = (
            update(runs)
            .where(
                runs.c.tenant_id == tenant,
                runs.c.id == run_id,
                or_(runs.c.state == RunState.QUEUED, abandoned),
            )
            .values(
                state=RunState.RUNNING,
                attempt=runs.c.attempt + 1,
                lost=runs.c.lost + case((runs.c.state == RunState.RUNNING, 1), else_=0),
                stage=Stage.READING,
                started_at=now,
                lease_expires_at=lease_until,
            )
            .returning(runs)
        )
        row = await transaction.first(take)
        if row is None:
            return None
        digest = await transaction.scalar(select(source_files.c.content_hash).where(source_files.c.id == row.file_id))
        return Claim(run_of(row), tenant, digest, row.requested_vendor, row.requested_as_of)

    async def extend(self, transaction: WriteConnection, claim: Claim, lease_until: datetime) -> bool:
        """Whether the run is still ours."""
        return await self._update(transaction, claim, {"lease_expires_at": lease_until})

    async def finish(self, transaction: WriteConnection, claim: Claim, **values: Any) -> bool:
        """Ends a run or puts it back into the queue. False where it is no longer ours: then nothing may be kept."""
        if "counts" in values:
            values["counts"] = asdict(values["counts"])
        return await self._update(transaction, claim, values)

    async def cancel(
        self, transaction: WriteConnection, tenant: str, run_id: int, now: datetime, by: str
    ) -> Run | None:
        """The run, cancelled; None where it has ended or is not there. A worker that is at it cannot finish it."""
        alive = runs.c.state.in_((RunState.QUEUED, RunState.RUNNING))
        statement = (
            update(runs)
            .where(runs.c.tenant_id == tenant, runs.c.id == run_id, alive)
            .values(
                state=RunState.CANCELLED, stage=None, finished_at=now, error_code="CANCELLED",
                error=f"cancelled by {by}", hint="Nothing of the file was loaded. Retry the run to load it.",
            )
            .returning(runs)
        )  # fmt: skip
        row = await transaction.first(statement)
        return None if row is None else run_of(row)

    async def request_of(self, transaction: WriteConnection, tenant: str, run_id: int) -> dict[str, Any]:
        """What was asked for with a run: to ask for it again."""
        columns = (runs.c.file_id, runs.c.file_name, runs.c.requested_vendor, runs.c.requested_as_of)
        statement = (
            select(*columns, source_files.c.content_hash)
            .join(source_files, source_files.c.id == runs.c.file_id)
            .where(runs.c.tenant_id == tenant, runs.c.id == run_id)
        )
        row = await transaction.first(statement)
        assert row is not None  # noqa: S101  the caller has read the run
        return dict(row._mapping)

    async def last_file(self, tenant: str, vendor: str, as_of: date, except_file: int) -> SourceFile | None:
        """The vendor's last loaded file as of this day or before, but for one."""
        columns = source_files.c
        statement = (
            select(source_files)
            .where(
                columns.tenant_id == tenant, columns.vendor == vendor, columns.as_of <= as_of,
                columns.published_at.is_not(None), columns.id != except_file,
            )
            .order_by(
                columns.as_of.desc(), columns.published_at.desc(), columns.modified_at.desc().nulls_last(),
                columns.id.desc(),
            )
            .limit(1)
        )  # fmt: skip
        async with self.database.read() as connection:
            row = await connection.first(statement)
        return None if row is None else file_of(row)

    async def _update(self, transaction: WriteConnection, claim: Claim, values: dict[str, Any]) -> bool:
        ours = and_(runs.c.id == claim.run.id, runs.c.state == RunState.RUNNING, runs.c.attempt == claim.run.attempt)
        return (await transaction.execute(update(runs).where(ours).values(**values))).rowcount == 1

    async def requeue(
        self, transaction: WriteConnection, now: datetime, lease_until: datetime, max_attempts: int
    ) -> Silent:
        """Takes runs from workers that are silent, and looks after those that wait for one."""
        lost = await self._take(
            transaction,
            and_(_silent(RunState.RUNNING, now), runs.c.lost + 1 >= max_attempts),
            state=RunState.FAILED,
            stage=None,
            finished_at=now,
            error_code="WORKER_LOST",
            error=f"the process that loaded the file ended {counted(max_attempts, 'time')} before it was done",
            hint="Nothing of the file was loaded. Look into the server's log, then send it again.",
        )
        waiting = await self._take(transaction, _silent(RunState.QUEUED, now), lease_expires_at=lease_until)
        taken = await self._take(
            transaction, _silent(RunState.RUNNING, now), state=RunState.QUEUED, stage=None,
            lost=runs.c.lost + 1, lease_expires_at=lease_until,
        )  # fmt: skip
        return Silent(lost, taken, waiting)

    async def _take(
        self, transaction: WriteConnection, condition: ColumnElement[bool], **values: Any
    ) -> list[tuple[str, Run]]:
        statement = update(runs).where(condition).values(**values).returning(runs)
        return [(row.tenant_id, run_of(row)) for row in await transaction.all(statement)]

    async def times_of(self, transaction: WriteConnection, file_id: int) -> datetime | None:
        """When the prices of a file became known; None where it has not been loaded."""
        found: datetime | None = await transaction.scalar(
            select(source_files.c.published_at).where(source_files.c.id == file_id)
        )
        return found

    async def loaded_times(
        self, transaction: WriteConnection, tenant: str, vendor: str, as_of: date, except_file: int
    ) -> list[Times]:
        columns = source_files.c
        statement = select(columns.created_at, columns.modified_at, columns.published_at).where(
            columns.tenant_id == tenant,
            columns.vendor == vendor,
            columns.as_of == as_of,
            columns.published_at.is_not(None),
            columns.id != except_file,
        )
        return [Times(*row) for row in await transaction.all(statement)]

    async def describe_file(
        self, transaction: WriteConnection, file_id: int, parsed: ParsedWorkbook, published_at: datetime
    ) -> None:
        """Says what a reading of a loaded file told. The first load decides when it was published."""
        await transaction.execute(
            update(source_files)
            .where(source_files.c.id == file_id, source_files.c.published_at.is_(None))
            .values(
                vendor=parsed.vendor,
                as_of=parsed.as_of,
                created_at=parsed.published_at,
                modified_at=parsed.modified_at,
                published_at=published_at,
            )
        )

    async def add_findings(
        self, transaction: WriteConnection, tenant: str, run_id: int, found: Sequence[Noted]
    ) -> None:
        rows = [
            {
                "run_id": run_id, "place": place, "tenant_id": tenant, "code": noted.finding.code,
                "severity": noted.finding.severity.value, "message": noted.finding.message,
                "sheet": noted.finding.sheet, "cells": list(noted.finding.cells),
                "curve_key": noted.finding.curve_key,
                "points": {key: list(points) for key, points in noted.points.items()} or None,
            }
            for place, noted in enumerate(found)
        ]  # fmt: skip
        if rows:
            await transaction.execute(insert(findings), rows)

    async def files(self, tenant: str, ids: Collection[int]) -> dict[int, SourceFile]:
        statement = select(source_files).where(source_files.c.tenant_id == tenant, source_files.c.id.in_(ids))
        async with self.database.read() as connection:
            return {row.id: file_of(row) for row in await connection.all(statement)}

    async def files_page(self, tenant: str, wanted: RunFilter, request: PageRequest) -> Page[SourceFile]:
        """Newest first."""
        columns = source_files.c
        statement = select(source_files).where(columns.tenant_id == tenant)
        if wanted.vendors is not None:
            statement = statement.where(columns.vendor.in_(wanted.vendors))
        if wanted.first is not None:
            statement = statement.where(columns.as_of >= wanted.first)
        if wanted.last is not None:
            statement = statement.where(columns.as_of <= wanted.last)
        if wanted.search:
            statement = statement.where(_has(columns.name, wanted.search))
        order = (SortKey(columns.received_at, descending=True), SortKey(columns.id, descending=True))
        async with self.database.read() as connection:
            return (await read_page(connection, statement, order, request)).map(file_of)

    async def runs(self, tenant: str, ids: Collection[int]) -> dict[int, Run]:
        async with self.database.read() as connection:
            rows = await connection.all(select(runs).where(runs.c.tenant_id == tenant, runs.c.id.in_(ids)))
        return {row.id: run_of(row) for row in rows}

    async def runs_page(self, tenant: str, wanted: RunFilter, request: PageRequest) -> Page[Run]:
        """Newest first."""
        statement = select(runs).where(*_fitting(tenant, wanted))
        order = (SortKey(runs.c.created_at, descending=True), SortKey(runs.c.id, descending=True))
        async with self.database.read() as connection:
            return (await read_page(connection, statement, order, request)).map(run_of)

    async def runs_count(self, tenant: str, wanted: RunFilter) -> int:
        async with self.database.read() as connection:
            statement = select(func.count()).select_from(runs).where(*_fitting(tenant, wanted))
            return int(await connection.scalar(statement))

    async def findings(self, tenant: str, run_ids: Collection[int]) -> dict[int, list[Noted]]:
        statement = (
            select(findings)
            .where(findings.c.tenant_id == tenant, findings.c.run_id.in_(run_ids))
            .order_by(findings.c.run_id, findings.c.place)
        )
        found: dict[int, list[Noted]] = {}
        async with self.database.read() as connection:
            for row in await connection.all(statement):
                finding = Finding(
                    row.code, Severity(row.severity), row.message, row.sheet, tuple(row.cells), row.curve_key
                )
                found.setdefault(row.run_id, []).append(Noted(finding, row.points or {}))
        return found


def _silent(state: RunState, now: datetime) -> ColumnElement[bool]:
    return and_(runs.c.state == state, runs.c.lease_expires_at < now)


def _fitting(tenant: str, wanted: RunFilter) -> list[ColumnElement[bool]]:
    columns = runs.c
    conditions = [columns.tenant_id == tenant]
    if wanted.states is not None:
        conditions.append(columns.state.in_(wanted.states))
    if wanted.vendors is not None:
        conditions.append(columns.vendor.in_(wanted.vendors))
    if wanted.file_ids is not None:
        conditions.append(columns.file_id.in_(wanted.file_ids))
    if wanted.first is not None:
        conditions.append(columns.as_of >= wanted.first)
    if wanted.last is not None:
        conditions.append(columns.as_of <= wanted.last)
    if wanted.search:
        conditions.append(_has(columns.file_name, wanted.search))
    return conditions


def _has(column: ColumnElement[str], text: str) -> ColumnElement[bool]:
    """In any case. Raises InvalidInput for a text that is too long."""
    check_sought(text)
    return column.icontains(text, autoescape=True)


def file_of(row: AnyRow) -> SourceFile:
    return SourceFile(
        row.id, row.content_hash, row.name, row.size, row.received_at, row.vendor, row.as_of, row.created_at,
        row.modified_at, row.published_at,
    )  # fmt: skip


def run_of(row: AnyRow) -> Run:
    return Run(
        row.id, row.file_id, row.file_name, row.trigger, row.requested_by, RunState(row.state), row.as_of, row.vendor,
        row.attempt, row.created_at, row.started_at, row.finished_at, row.parser_version, Counts(**row.counts),
        row.error_code, row.error, row.hint, row.repeats, row.retries, Stage(row.stage) if row.stage else None,
        row.thresholds_version, row.drift_from,
    )  # fmt: skip
