"""Terms of simulations, and how they are kept."""

from __future__ import annotations

import json
from datetime import date

import pytest

from aurum.market.periods import DeliveryPeriod, months_from
from aurum.scenarios.runs.pinning import pack_histories, unpack_histories
from aurum.scenarios.simulation.asked import Held, Per, RiskPeriod, Terms
from aurum.scenarios.simulation.computing import Summary
from aurum.scenarios.simulation.documents import document_of, read_summary, read_terms
from aurum.scenarios.simulation.risk import Risk
from aurum.scenarios.simulation.stress import StressDay

AS_OF = date(2025, 2, 14)
WINTER = DeliveryPeriod(date(2025, 11, 1), date(2026, 4, 1))


def terms(periods: RiskPeriod, *held: tuple[date, date]) -> Terms:
    positions = tuple(Held("gas", start, end, -2.5, Per.HOUR, (744.0,) * 3, "GBX", 0.012) for start, end in held)
    return Terms(AS_OF, 1000, 10, 120, 0.95, 0.9, periods, 5, ("spread",), "EUR", positions)


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        (RiskPeriod.MONTH, [months_from(2025, 12, 1), months_from(2026, 1, 1), months_from(2026, 3, 1)]),
        (RiskPeriod.QUARTER, [months_from(2025, 10, 3), months_from(2026, 1, 3)]),
        (RiskPeriod.SEASON, [WINTER]),
        (RiskPeriod.CALENDAR, [months_from(2025, 1, 12), months_from(2026, 1, 12)]),
        (RiskPeriod.GAS_YEAR, [months_from(2025, 10, 12)]),
    ],
)
def test_risk_is_told_by_the_periods_of_positions_each_once(kind: RiskPeriod, expected: list[DeliveryPeriod]) -> None:
    held = [(date(2026, 3, 1), date(2026, 4, 1)), (date(2025, 12, 1), date(2026, 2, 1))]
    assert terms(kind, *held, held[0]).risk_periods == expected


def test_what_is_kept_comes_back() -> None:
    given = terms(RiskPeriod.SEASON, (date(2025, 12, 1), date(2026, 3, 1)))
    risks = (Risk(None, 1.5, 0.1, 2.5, 0.2, 2.5), Risk(WINTER, 1.5, 0.1, 2.5, 0.2, 2.5))
    found = Summary(30, 31, 33, 1, 2, AS_OF, AS_OF, (0.5, 1.0), risks, (StressDay(AS_OF, 7.0, (7.0,)),), 3)
    assert read_terms(json.loads(json.dumps(document_of(given)))) == given
    assert read_summary(json.loads(json.dumps(document_of(found)))) == found
    histories = {7: [1, 2**40], 3: [], 9: [5]}
    assert unpack_histories(pack_histories(histories)) == histories
