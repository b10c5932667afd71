"""The vendors' own files, loaded: what is stored gives back counts, sums, strips and spreads."""

from __future__ import annotations

import csv
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from aurum.auth import Principal, Scope
from aurum.backends.paging import PageRequest
from aurum.curves.model import Snapshot
from aurum.ingestion.model import RunState
from aurum.ingestion.service import Submission
from aurum.market.identity import Measure
from aurum.market.periods import TenorType
from aurum.metadata.model import Curve, CurveFilter
from aurum.services import Services
from tests.published import snapshots_of_day

DESK = Principal("desk", "analyst", frozenset(Scope))
HEAT_RATE, NBP_FACTOR = 2.0, 0.694513017
Stored = dict[str, tuple[Curve, Snapshot]]


async def stored(services: Services, vendor: str, as_of: date) -> Stored:
    """Key to curve and snapshot of exactly that date, read back through the services."""
    page = await services.metadata.curves(DESK, CurveFilter(vendors=(vendor,)), [], PageRequest(1000))
    curves = {curve.id: curve for curve in page.items}
    found = await snapshots_of_day(services.curves, DESK, curves, as_of)
    return {curves[id_].key: (curves[id_], snapshot) for id_, snapshot in found.items()}


async def test_every_real_file_gives_its_counts_sums_strips_and_spreads(services: Services, vendor_files: Path) -> None:
    with (vendor_files / "truth_files.csv").open() as file:
        truth = list(csv.DictReader(file))
    assert len(truth) == 28
    for row in truth:
        data = (vendor_files / row["file"]).read_bytes()
        run = await services.ingestion.ingest(DESK, Submission(data, row["file"], "test"))
        assert run.state is RunState.SUCCEEDED, run.error
        book = await stored(services, row["vendor"], date.fromisoformat(row["asof"]))
        check_counts(row, book)
        check_strips(book)
        if row["vendor"] == "EUGP":
            check_spark_spreads(book)


def check_counts(row: dict[str, Any], book: Stored) -> None:
    assert len(book) == int(row["curves"])
    prices = [snapshot.prices for _, snapshot in book.values()]
    assert sum(len(each.tenors) for each in prices) == int(row["points"])
    quoted = [each for each in prices if each.bid is not None and each.ask is not None]
    assert sum(int(np.isfinite(each.bid).sum()) for each in quoted if each.bid is not None) == int(
        row["points_with_bidask"]
    )
    for side, sides in (
        ("mid", [each.mid for each in prices]),
        ("bid", [each.bid for each in quoted]),
        ("ask", [each.ask for each in quoted]),
    ):
        total = float(np.nansum(np.concatenate([each for each in sides if each is not None])))
        assert total == pytest.approx(float(row[f"sum_{side}"]), abs=1e-6, rel=0), (row["file"], side)


def check_strips(book: Stored) -> None:
    """A strip is the mean of its months that are still quoted, rounded to three decimals."""
    checked = 0
    for curve, snapshot in book.values():
        tenors, mid = snapshot.prices.tenors, snapshot.prices.mid
        months = [(n, tenor.period) for n, tenor in enumerate(tenors) if tenor.type is TenorType.MONTH]
        for n, tenor in enumerate(tenors):
            if tenor.type is TenorType.MONTH:
                continue
            within = [m for m, month in months if tenor.period.start <= month.start and month.end <= tenor.period.end]
            assert mid[n] == pytest.approx(mid[within].mean(), abs=0.0005 + 1e-9), (curve.key, tenor.label)
            checked += 1
    assert checked > 1000


def check_spark_spreads(book: Stored) -> None:
    """Power less the gas that makes it: 50 % efficient on the continent, 49.13 % of pence a therm in Britain."""
    spreads = [each for each in book.values() if each[0].identity.measure is Measure.SPARK_SPREAD]
    assert len(spreads) == 35
    for curve, spread in spreads:
        identity = curve.identity
        assert identity.leg
        assert identity.block
        market, place = identity.market.lower(), identity.location.lower()
        power = book[f"eugp:{market}/{place.replace('/', '%2f')}/power/{identity.block.lower()}"][1].prices
        gas = next(
            snapshot.prices
            for each, snapshot in book.values()
            if each.identity.location.lower() == identity.leg.lower() and each.identity.product == "gas"
        )
        factor = NBP_FACTOR if identity.market == "UK" else HEAT_RATE
        months = len(spread.prices.tenors)
        np.testing.assert_allclose(
            spread.prices.mid, power.mid[:months] - factor * gas.mid[:months], rtol=0, atol=1e-6, err_msg=curve.key
        )


async def test_the_golden_power_file_has_twins_that_differ_by_unit(services: Services, vendor_files: Path) -> None:
    data = (vendor_files / "pw_golden.xlsx").read_bytes()
    run = await services.ingestion.ingest(DESK, Submission(data, "pw_golden.xlsx", "test", as_of=date(2025, 1, 2)))
    assert run.state is RunState.SUCCEEDED, run.error
    book = await stored(services, "PW", date(2025, 1, 2))
    twins = {
        curve.identity.unit: (curve.currency, snapshot.prices.mid.tolist())
        for curve, snapshot in book.values()
        if curve.identity.block
    }
    assert twins == {"CAD/MWh": ("CAD", [45.5, 46.1]), "USD/MWh": ("USD", [47.0, 47.8])}
    strips = [snapshot for curve, snapshot in book.values() if not curve.identity.block]
    assert [tenor.label for tenor in strips[0].prices.tenors] == ["Q1 2025", "Bal 2025"]
    assert strips[0].prices.mid.tolist() == [53.2, 52.5]
