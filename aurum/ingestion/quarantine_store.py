"""Reads and writes points in quarantine, and what people decided about them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, false, func, insert, or_, select, update

from aurum.backends.database import AnyRow, Database, WriteConnection
from aurum.backends.paging import Page, PageRequest, SortKey, read_page
from aurum.ingestion.checks import Flag, Withheld, key_of, located
from aurum.ingestion.model import (
    Decision,
    PointPrices,
    Quarantined,
    QuarantineFilter,
    QuarantineState,
    Resolution,
)
from aurum.ingestion.store import Claim
from aurum.ingestion.tables import decisions, quarantine
from aurum.market.periods import DeliveryPeriod, Tenor, TenorType
from aurum.parsers.model import ParsedCurve, ParsedWorkbook

OPEN = (QuarantineState.OPEN, QuarantineState.PROPOSED)


class QuarantineStore:
    def __init__(self, database: Database) -> None:
        self.database = database

    async def add(self, transaction: WriteConnection, rows: Sequence[dict[str, Any]]) -> None:
        if rows:
            await transaction.execute(insert(quarantine), rows)

    async def supersede(
        self, transaction: WriteConnection, tenant: str, vendor: str, as_of: date, curve_ids: Collection[int], run: int,
        *, pointless: bool, again: int | None = None, anew: Collection[int] = (),
    ) -> None:  # fmt: skip
        """Closes what earlier runs hold of these curves on this day; `pointless`: and what they made no point of.

        `again`: a file that is read anew; what was rejected of an earlier reading cannot be accepted any more, nor
        anything of curves that it reads otherwise (`anew`).
        """
        columns = quarantine.c
        closed = or_(columns.curve_id.in_(curve_ids), columns.tenor.is_(None) if pointless else false())
        theirs = and_(
            columns.tenant_id == tenant, columns.vendor == vendor, columns.as_of == as_of, columns.run_id != run,
            or_(
                and_(columns.state.in_(OPEN), closed),
                and_(columns.state == QuarantineState.REJECTED, columns.file_id == (again or -1)),
                and_(columns.curve_id.in_(anew), columns.file_id == (again or -1)),
            ),
        )  # fmt: skip
        await transaction.execute(update(quarantine).where(theirs).values(state=QuarantineState.SUPERSEDED))

    async def by_id(self, tenant: str, ids: Collection[int]) -> dict[int, Quarantined]:
        async with self.database.read() as connection:
            rows = await connection.all(_with_ids(tenant, ids))
        return {row.id: _quarantined_of(row) for row in rows}

    async def held(self, transaction: WriteConnection, tenant: str, ids: Collection[int]) -> dict[int, Quarantined]:
        """The same within a transaction, as it is once others that decide about them have committed."""
        statement = _with_ids(tenant, ids)
        if transaction.dialect == "postgresql":
            statement = statement.order_by(quarantine.c.id).with_for_update()
        return {row.id: _quarantined_of(row) for row in await transaction.all(statement)}

    async def page(self, tenant: str, wanted: QuarantineFilter, request: PageRequest) -> Page[Quarantined]:
        """Newest first."""
        statement = select(quarantine).where(*_fitting(tenant, wanted))
        order = (SortKey(quarantine.c.id, descending=True),)
        async with self.database.read() as connection:
            return (await read_page(connection, statement, order, request)).map(_quarantined_of)

    async def count(self, tenant: str, wanted: QuarantineFilter) -> int:
        statement = select(func.count()).select_from(quarantine).where(*_fitting(tenant, wanted))
        async with self.database.read() as connection:
            return int(await connection.scalar(statement))

    async def decide(
        self, transaction: WriteConnection, tenant: str, states: Mapping[int, QuarantineState],
        made: Sequence[Resolution],
    ) -> None:  # fmt: skip
        """Points, by their ids, go into these states; the decisions are kept for good."""
        for state in set(states.values()):
            ids = [id_ for id_, its in states.items() if its is state]
            await transaction.execute(update(quarantine).where(quarantine.c.id.in_(ids)).values(state=state))
        rows = [
            {
                "tenant_id": tenant, "quarantine_id": each.quarantine_id, "decision": each.decision,
                "mid": each.prices.mid, "bid": each.prices.bid, "ask": each.prices.ask, "author": each.author,
                "reason": each.reason, "decided_at": each.decided_at, "version": each.version,
            }
            for each in made
        ]  # fmt: skip
        await transaction.execute(insert(decisions), rows)

    async def resolutions(self, tenant: str, ids: Collection[int]) -> dict[int, list[Resolution]]:
        """By point: every decision, oldest first."""
        async with self.database.read() as connection:
            rows = await connection.all(_decided(tenant, ids))
        return _by_point(rows)

    async def proposals(self, transaction: WriteConnection, tenant: str, ids: Collection[int]) -> dict[int, Resolution]:
        """By point: the last decision."""
        found = _by_point(await transaction.all(_decided(tenant, ids)))
        return {id_: made[-1] for id_, made in found.items()}


def _with_ids(tenant: str, ids: Collection[int]) -> Select[Any]:
    return select(quarantine).where(quarantine.c.tenant_id == tenant, quarantine.c.id.in_(ids))


def _decided(tenant: str, ids: Collection[int]) -> Select[Any]:
    columns = decisions.c
    return select(decisions).where(columns.tenant_id == tenant, columns.quarantine_id.in_(ids)).order_by(columns.id)


def _by_point(rows: Sequence[AnyRow]) -> dict[int, list[Resolution]]:
    found: dict[int, list[Resolution]] = {}
    for row in rows:
        prices = PointPrices(row.mid, row.bid, row.ask)
        found.setdefault(row.quarantine_id, []).append(
            Resolution(
                row.quarantine_id, Decision(row.decision), prices, row.author, row.reason, row.decided_at, row.version
            )
        )
    return found


def _fitting(tenant: str, wanted: QuarantineFilter) -> list[ColumnElement[bool]]:
    columns = quarantine.c
    conditions = [columns.tenant_id == tenant]
    chosen = {"state": wanted.states, "vendor": wanted.vendors, "code": wanted.codes, "curve_key": wanted.curve_keys,
              "run_id": wanted.run_ids}  # fmt: skip
    conditions += [columns[name].in_(values) for name, values in chosen.items() if values is not None]
    if wanted.first is not None:
        conditions.append(columns.as_of >= wanted.first)
    if wanted.last is not None:
        conditions.append(columns.as_of <= wanted.last)
    return conditions


def _quarantined_of(row: AnyRow) -> Quarantined:
    tenor = None
    if row.tenor is not None:
        tenor = Tenor(row.tenor, TenorType(row.tenor_type), DeliveryPeriod(row.delivery_start, row.delivery_end))
    return Quarantined(
        row.id, row.run_id, row.file_id, row.vendor, row.as_of, row.curve_id, row.curve_key, tenor, row.code,
        row.message, row.sheet, tuple(row.cells), PointPrices(row.mid, row.bid, row.ask), QuarantineState(row.state),
        tuple(row.findings),
    )  # fmt: skip


# ------------------------------------------------------------------------------------------------- what a load holds


def row_of(
    claim: Claim, parsed: ParsedWorkbook, item: Withheld, flags: Sequence[Flag], ids: dict[str, int]
) -> dict[str, Any]:
    """A row of quarantine."""
    flag, curve, point = flags[item.flags[0]], item.curve, item.point
    key = flag.finding.curve_key if curve is None else key_of(curve.identity)
    row: dict[str, Any] = {
        "tenant_id": claim.tenant, "run_id": claim.run.id, "file_id": claim.run.file_id, "vendor": parsed.vendor,
        "as_of": parsed.as_of, "curve_id": ids.get(key or ""), "curve_key": key, "findings": list(item.flags),
        "code": flag.finding.code, "message": _reason(flag, key, point), "sheet": flag.finding.sheet,
        "cells": list(flag.finding.cells), "tenor": None, "tenor_type": None, "delivery_start": None,
        "delivery_end": None, "mid": None, "bid": None, "ask": None,
        "state": QuarantineState.OPEN,
    }  # fmt: skip
    if curve is not None and point is not None:
        row |= _point(curve, point)
    return row


def _reason(flag: Flag, key: str | None, point: int | None) -> str:
    """Why this point: a finding may be about many."""
    if flag.reasons and key is not None and point is not None and key == flag.finding.curve_key:
        return flag.reasons[flag.points[key].index(point)]
    return flag.finding.message


def _point(curve: ParsedCurve, point: int) -> dict[str, Any]:
    tenor = curve.tenors[point]
    sides = (cells for cells in (curve.mid_cells, curve.quote_cells) if cells is not None)
    addresses = [address for cells in sides if (address := cells.address(point)) is not None]
    sheet, found = located(addresses)
    given = [None if side is None else float(side[point]) for side in (curve.mid, curve.bid, curve.ask)]
    prices = PointPrices(*(None if number is None or number != number else number for number in given))
    return {
        "tenor": tenor.label, "tenor_type": tenor.type.value, "delivery_start": tenor.period.start,
        "delivery_end": tenor.period.end, "sheet": sheet, "cells": list(found), "mid": prices.mid,
        "bid": prices.bid, "ask": prices.ask,
    }  # fmt: skip
