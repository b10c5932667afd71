"""Differences of random histories, from the publications to the answer: restated, rolled off, corrected, exchanged."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from math import isfinite, nan
from random import Random
from typing import Any

import numpy as np
import pytest

from aurum.auth import local_principal
from aurum.curves.model import CurvePrices
from aurum.market.cells import Cells, PointRows
from aurum.market.identity import CurveIdentity
from aurum.market.periods import TenorGrid
from aurum.metadata.model import CurveDescription
from aurum.services import Services
from aurum.settings import Settings
from tests.api.conftest import Ask, said
from tests.published import TTF, Book, months

US = local_principal(Settings().auth, "test")
RATES = CurveDescription(CurveIdentity("EUGP", "EU", "EURUSD", "rate"), "other", "other", "EU")
MONTHS = months(date(2025, 1, 1), 14)
DAYS = [date(2025, 1, 20) + timedelta(12 * n) for n in range(6)]
PARTS = ("market", "restatement", "rollOff", "listing", "unitMove", "fxMove")
DIFF = """query($from: SnapshotRef!, $to: SnapshotRef!, $currency: String, $fx: String) {
    curve(key: "eugp:eu/dutch_ttf/gas") { diff(from: $from, to: $to, currency: $currency, fx: $fx) { unconverted
      points { tenor fromMid toMid market restatement rollOff listing unitMove fxMove }
      move { total market restatement rollOff listing unitMove fxMove } } } }"""
Prices = dict[str, float]  # by month; NaN where none is quoted
End = tuple[date, str | None]  # as of, known at


def drawn(numbers: Prices) -> CurvePrices:
    listed = [tenor for tenor in MONTHS if tenor.label in numbers]
    rows = PointRows(("Fixed Prices - Mid",), (0,) * len(listed), tuple(range(len(listed))))
    mids = np.array([numbers[tenor.label] for tenor in listed])
    return CurvePrices(TenorGrid(listed), mids, mid_cells=Cells(rows, ("D",)))


class History:
    """What was published of prices in EUR/MWh and of rates, and when."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.versions: list[tuple[date, str, Prices]] = []
        self.rates: dict[date, Prices] = {}

    def _some(self, low: float, high: float, share: float) -> Prices:
        random = self.random
        return {
            tenor.label: nan if random.random() < 0.1 else round(random.uniform(low, high), random.choice((0, 2, 6)))
            for tenor in MONTHS
            if random.random() < share
        }

    async def publish(self, book: Book) -> None:
        """Of each day one to three versions, later ones after days that follow."""
        for day in DAYS:
            for version in range(self.random.choice((1, 1, 2, 3))):
                at = f"{day + timedelta(9 * version)}T22:{15 + version}:00Z"
                prices = self._some(-50, 150, 0.75) | {"2025-06": 40.0}
                await book.publish(str(day), [(TTF, drawn(prices))], at[:-1], US)
                self.versions.append((day, at, prices))
            self.rates[day] = self._some(1, 1.6, 0.85) | {"2025-06": 1.25}
            await book.publish(str(day), [(RATES, drawn(self.rates[day]))], f"{day}T22:00", US)

    def end(self) -> End:
        """Any that is known; after all that was published, too."""
        day, at, _ = self.random.choice(self.versions)
        later = [each for _, each, _ in self.versions if each >= at]
        return day, self.random.choice([*later, None])

    def priced(self, end: End) -> dict[str, Decimal]:
        day, known_at = end
        found = [of for as_of, at, of in self.versions if as_of == day and (known_at is None or at <= known_at)]
        return decimals(found[-1])


def decimals(numbers: Prices) -> dict[str, Decimal]:
    return {month: Decimal(repr(number)) for month, number in numbers.items() if isfinite(number)}


def close(wanted: Decimal) -> Any:
    return pytest.approx(float(wanted), rel=0, abs=1e-9)


async def compare(ask: Ask, history: History, corrected: bool, exchanged: bool) -> None:
    """`corrected`: since all was published the curve is said to be in EUR/kWh."""
    ends = history.end(), history.end()
    refs = [{"asOf": str(day), "knownAt": known_at} for day, known_at in ends]
    fx = {"currency": "USD", "fx": "quoted_in([eugp:eu/eurusd/rate], USD/EUR)"} if exchanged else {}
    diff = (await said(ask, DIFF, **{"from": refs[0], "to": refs[1]}, **fx))["diff"]
    into_kwh = corrected and any(known_at is None for _, known_at in ends)
    wanted: list[dict[str, Decimal]] = []
    for day, known_at in ends:
        unit = Decimal("0.001") if into_kwh and known_at is not None else Decimal(1)
        rates = decimals(history.rates[day])
        prices = {month: price * unit for month, price in history.priced((day, known_at)).items()}
        if exchanged:
            prices = {month: price * rates[month] for month, price in prices.items() if month in rates}
        wanted.append({month: price for month, price in prices.items() if month not in diff["unconverted"]})
    total = Decimal(0)
    assert set(wanted[0]) | set(wanted[1]) <= {point["tenor"] for point in diff["points"]}
    for point in diff["points"]:
        mids = [of.get(point["tenor"]) for of in wanted]
        assert [point["fromMid"], point["toMid"]] == [None if mid is None else close(mid) for mid in mids]
        change = (mids[1] or Decimal(0)) - (mids[0] or Decimal(0))
        assert sum(point[part] for part in PARTS) == close(change), point
        total += change
    assert diff["move"]["total"] == close(total)
    assert sum(diff["move"][part] for part in PARTS) == close(total)


@pytest.mark.parametrize("seed", range(3))
async def test_the_parts_of_any_move_are_the_whole_of_it(services: Services, ask: Ask, seed: int) -> None:
    history = History(seed)
    await history.publish(Book(services.database))
    for exchanged in (False, True) * 8:
        await compare(ask, history, False, exchanged)
    id_ = (await said(ask, '{ curve(key: "eugp:eu/dutch_ttf/gas") { id } }'))["id"]
    set_unit = """mutation($id: ID!) { setUnit(input: {curveId: $id, currency: "EUR", unit: "kWh", reason: "a test"}) {
        problems { message } } }"""
    assert (await said(ask, set_unit, id=id_))["problems"] == []
    for exchanged in (False, True) * 8:
        await compare(ask, history, True, exchanged)
