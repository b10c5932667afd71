"""Sheets that repeat columns of another: they add no number, say a curve's group, and must agree."""

from __future__ import annotations

import numpy as np

from aurum.market.counts import counted
from aurum.parsers.assembly import NO_CELL, Table
from aurum.parsers.cells import address
from aurum.parsers.findings import Findings
from aurum.parsers.workbook import Block, Column

Places = dict[tuple[str, str], list[int]]


def compare_regional(table: Table, blocks: list[Block], findings: Findings) -> dict[int, list[str]]:
    """The names of the regional sheets that each curve stands on; a finding for each column that disagrees."""
    curves: Places = {}
    for at, headed in enumerate(table.headed):
        curves.setdefault(headed.place, []).append(at)
    groups: dict[int, list[str]] = {}
    for block in blocks:
        name = block.sheet.rule.name
        for curve in _compare(table, block, curves, findings):
            if name not in groups.setdefault(curve, []):
                groups[curve].append(name)
    return groups


def _compare(table: Table, block: Block, curves: Places, findings: Findings) -> list[int]:
    matched: list[tuple[int, int]] = []
    for at, column in enumerate(block.columns):
        found = curves.get(column.headed.place, [])
        if len(found) == 1:
            matched.append((at, found[0]))
        else:
            _report_unmatched(block, column, len(found), findings)
    periods = [table.periods.get((tenor.type, tenor.period), -1) for tenor in block.tenors]
    here = block.values[0][:, [at for at, _ in matched]]
    main = table.mid.values[0].T[np.ix_(periods, [curve for _, curve in matched])]
    main[np.array(periods) < 0] = np.nan
    differs = ~((here == main) | (np.isnan(here) & np.isnan(main)))
    for place in np.flatnonzero(differs.any(axis=0)).tolist():
        _report_difference(table, block, *matched[place], np.flatnonzero(differs[:, place]).tolist(), findings)
    return [curve for _, curve in matched]


def _report_unmatched(block: Block, column: Column, curves: int, findings: Findings) -> None:
    location, product = column.headed.header.location, column.headed.header.product
    message = f"{location}, {product}: {'more than one curve' if curves else 'no curve'} of the other sheets"
    findings.error("REGIONAL_MISMATCH", message, block.sheet.name, address(block.at[0], column.at))


def _report_difference(table: Table, block: Block, at: int, curve: int, rows: list[int], findings: Findings) -> None:
    row, sheet = rows[0], block.sheet.name
    tenor = block.tenors[row]
    period = table.periods.get((tenor.type, tenor.period))
    other = "no number" if period is None else repr(float(table.mid.values[0][curve, period]))
    here = float(block.values[0][row, at])
    message = f"{tenor.label} is {here!r} here and {other} there; the two differ in {counted(len(rows), 'row')}"
    cells = [cell for row in rows for cell in _both_cells(table, block, row, at, curve)]
    if len(rows) == len(block.tenors) > 1:  # all of them: another curve's column, and so are its strips
        cells += [table.cell(curve, place, sheet) for place in _other_places(table, block, curve)]
    findings.error("REGIONAL_MISMATCH", message, sheet, *cells, curve_key=table.key(curve))


def _other_places(table: Table, block: Block, curve: int) -> list[int]:
    """Where the curve's mids of other periods than the sheet's stand."""
    here = {table.periods.get((tenor.type, tenor.period)) for tenor in block.tenors}
    places = enumerate(table.mid.places[curve].tolist())
    return [place for period, place in places if period not in here and place != NO_CELL]


def _both_cells(table: Table, block: Block, row: int, at: int, curve: int) -> list[str]:
    """Where the number stands here and, where the main sheet has that period, there."""
    tenor = block.tenors[row]
    period = table.periods.get((tenor.type, tenor.period))
    place = NO_CELL if period is None else int(table.mid.places[curve, period])
    there = [] if place == NO_CELL else [table.cell(curve, place, block.sheet.name)]
    return [block.cell(row, at), *there]
