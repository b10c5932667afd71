"""Reads and writes simulations: what they are pinned to, with their run, and what has come out."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy import ColumnElement, insert, select, tuple_, update

from aurum.backends.database import AnyRow, Database, WriteConnection
from aurum.backends.paging import Page, PageRequest, SortKey, read_pages
from aurum.scenarios.runs.model import read_issues
from aurum.scenarios.runs.pinning import Pinned
from aurum.scenarios.runs.simulated import RunSimulation, Simulated, SimulatedRunCurve, packed, unpacked
from aurum.scenarios.simulation.documents import document_of, read_summary, read_terms
from aurum.scenarios.simulation.moves import MoveKind
from aurum.scenarios.tables import simulated_curves, simulations

_AT_ONCE = 100  # curves in a statement


class SimulationStore:
    def __init__(self, database: Database) -> None:
        self.database = database

    async def add(self, transaction: WriteConnection, tenant: str, run_id: int, given: Pinned) -> None:
        """With its run."""
        row = {
            "run_id": run_id, "tenant_id": tenant, "terms": document_of(given.terms),
            "histories": given.histories, "issues": [asdict(each) for each in given.issues],
        }  # fmt: skip
        await transaction.execute(insert(simulations), [row])

    async def pinned(self, tenant: str, run_id: int) -> Pinned | None:
        """None: the run simulates nothing."""
        statement = select(simulations).where(simulations.c.tenant_id == tenant, simulations.c.run_id == run_id)
        async with self.database.read() as connection:
            row = await connection.first(statement)
        if row is None:
            return None
        return Pinned(read_terms(row.terms), row.histories, read_issues(row.issues))

    async def keep(self, transaction: WriteConnection, tenant: str, run_id: int, simulated: Simulated) -> None:
        """Of a run that has just succeeded."""
        own, found = simulations.c, simulated.computed
        told = {"digest": found.digest, "summary": document_of(found.summary)}
        statement = update(simulations).where(own.tenant_id == tenant, own.run_id == run_id).values(**told)
        await transaction.execute(statement)
        rows = [
            {
                "run_id": run_id, "curve_id": simulated.ids[each.line.key], "tenant_id": tenant,
                "curve_key": each.line.key, "moves": found.kinds[each.line.key], "unmodelled": each.unmodelled,
                "numbers": packed(each),
            }
            for each in found.simulation.curves
        ]  # fmt: skip
        for start in range(0, len(rows), _AT_ONCE):
            await transaction.execute(insert(simulated_curves), rows[start : start + _AT_ONCE])

    async def simulations(self, tenant: str, run_ids: Collection[int]) -> dict[int, RunSimulation]:
        """By run, where it simulates something."""
        own = simulations.c
        statement = select(own.run_id, own.terms, own.digest, own.summary)
        statement = statement.where(own.tenant_id == tenant, own.run_id.in_(run_ids))
        async with self.database.read() as connection:
            return {row.run_id: _simulation(row) for row in await connection.all(statement)}

    async def pages(
        self, tenant: str, run_ids: Collection[int], request: PageRequest
    ) -> dict[int, Page[SimulatedRunCurve]]:
        """By run: a page of its curves, by their keys. One statement."""
        own = simulated_curves.c
        statement = select(simulated_curves).where(own.tenant_id == tenant, own.run_id.in_(run_ids))
        async with self.database.read() as connection:
            found = await read_pages(connection, statement, own.run_id, [SortKey(own.curve_key)], request)
        return {run_id: page.map(_curve) for run_id, page in found.items()}

    async def curves(
        self, tenant: str, keys: Collection[tuple[int, int]]
    ) -> dict[tuple[int, int], SimulatedRunCurve]:  # fmt: skip
        """By run and curve."""
        fits: ColumnElement[bool] = tuple_(simulated_curves.c.run_id, simulated_curves.c.curve_id).in_(list(keys))
        statement = select(simulated_curves).where(simulated_curves.c.tenant_id == tenant, fits)
        async with self.database.read() as connection:
            found: Sequence[Any] = [_curve(row) for row in await connection.all(statement)]
        return {(each.run_id, each.curve_id): each for each in found}


def _simulation(row: AnyRow) -> RunSimulation:
    summary = None if row.summary is None else read_summary(row.summary)
    return RunSimulation(row.run_id, read_terms(row.terms), row.digest, summary)


def _curve(row: AnyRow) -> SimulatedRunCurve:
    return SimulatedRunCurve(
        row.run_id, row.curve_id, MoveKind(row.moves), row.unmodelled, unpacked(row.numbers)
    )  # fmt: skip
