"""Writes what loads made of contracts, and reads it with what else data sets are judged by."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date, datetime
from typing import NamedTuple

from sqlalchemy import func, insert, select

from aurum.backends.database import Database, WriteConnection
from aurum.ingestion.contracts import Checked
from aurum.ingestion.model import ContractCheck, Counts, RunState, SourceFile
from aurum.ingestion.store import Claim, file_of
from aurum.ingestion.tables import contract_checks, runs, source_files


class Load(NamedTuple):
    """A file that was read and checked: loaded, or refused."""

    state: RunState
    counts: Counts


class ContractStore:
    def __init__(self, database: Database) -> None:
        self.database = database

    async def add(
        self, transaction: WriteConnection, claim: Claim, vendor: str, as_of: date, version: int,
        checked: Sequence[Checked], at: datetime,
    ) -> None:  # fmt: skip
        given = {"run_id": claim.run.id, "tenant_id": claim.tenant, "vendor": vendor, "as_of": as_of,
                 "contract_version": version, "checked_at": at}  # fmt: skip
        rows = [
            {**given, "promise": each.promise, "promised": each.promised, "found": each.found, "kept": each.kept}
            for each in checked
        ]
        if rows:
            await transaction.execute(insert(contract_checks), rows)

    async def newest(self, tenant: str, vendors: Collection[str], loads: int) -> dict[str, list[ContractCheck]]:
        """By vendor: those of its last loads that were checked, the newest first, each in the order of promises."""
        columns = contract_checks.c
        place = func.dense_rank().over(partition_by=columns.vendor, order_by=columns.run_id.desc())
        ranked = (
            select(contract_checks, place.label("place"))
            .where(columns.tenant_id == tenant, columns.vendor.in_(vendors))
            .subquery()
        )
        statement = select(ranked).where(ranked.c.place <= loads)
        found: dict[str, list[ContractCheck]] = {}
        async with self.database.read() as connection:
            for row in await connection.all(statement.order_by(ranked.c.run_id.desc(), ranked.c.promise)):
                check = Checked(row.promise, row.promised, row.found, row.kept)
                found.setdefault(row.vendor, []).append(
                    ContractCheck(row.run_id, row.as_of, row.contract_version, check, row.checked_at)
                )
        return found

    async def loads(
        self, tenant: str, vendors: Collection[str], most: int, finished_by: datetime | None = None
    ) -> dict[str, list[Load]]:
        """By vendor: its last files that were read and checked, one for each file, the newest first."""
        columns = runs.c
        judged = (
            columns.tenant_id == tenant, columns.vendor.in_(vendors), columns.as_of.is_not(None),
            columns.state.in_((RunState.SUCCEEDED, RunState.FAILED)), columns.thresholds_version.is_not(None),
            *(() if finished_by is None else (columns.finished_at <= finished_by,)),
        )  # fmt: skip
        last = select(func.max(columns.id)).where(*judged).group_by(columns.file_id)
        place = func.row_number().over(partition_by=columns.vendor, order_by=columns.id.desc()).label("place")
        ranked = select(columns.vendor, columns.id, columns.state, columns.counts, place).where(columns.id.in_(last))
        rows = ranked.subquery()
        found: dict[str, list[Load]] = {}
        async with self.database.read() as connection:
            for row in await connection.all(select(rows).where(rows.c.place <= most).order_by(rows.c.id.desc())):
                found.setdefault(row.vendor, []).append(Load(RunState(row.state), Counts(**row.counts)))
        return found

    async def newest_files(
        self, tenant: str, vendors: Collection[str], received_by: datetime | None = None
    ) -> dict[str, SourceFile]:
        """By vendor: the loaded file of its last day that became known last."""
        columns = source_files.c
        best = (columns.as_of.desc(), columns.published_at.desc(), columns.id.desc())
        place = func.row_number().over(partition_by=columns.vendor, order_by=best).label("place")
        loaded = (columns.tenant_id == tenant, columns.vendor.in_(vendors), columns.published_at.is_not(None))
        by_then = () if received_by is None else (columns.received_at <= received_by,)
        ranked = select(source_files, place).where(*loaded, *by_then).subquery()
        async with self.database.read() as connection:
            rows = await connection.all(select(ranked).where(ranked.c.place == 1))
        return {row.vendor: file_of(row) for row in rows}
