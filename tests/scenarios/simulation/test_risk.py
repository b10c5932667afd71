"""What positions may lose; losses are positive."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aurum.errors import InvalidInput, NoExchangeRate
from aurum.market.periods import DeliveryPeriod, months_from
from aurum.scenarios.simulation.factors import fitted
from aurum.scenarios.simulation.histories import Line
from aurum.scenarios.simulation.moves import daily_moves
from aurum.scenarios.simulation.risk import Ledger, Position, Risk
from aurum.scenarios.simulation.shocks import Sampling
from aurum.scenarios.simulation.simulating import simulate
from tests.simulated import last_line, random_histories

MARCH = 2025 * 12 + 2
LINE = Line("gas", np.datetime64("2025-02-14"), MARCH + np.arange(2), np.array([50.0, 60.0]))
PERIODS = [months_from(2025, 3, 1), months_from(2025, 4, 1)]


def position(*volumes: float, key: str = "gas", hours: float = 1.0, **more: object) -> Position:
    count = len(volumes)
    return Position(key, MARCH + np.arange(count), np.array(volumes), np.full(count, hours), "EUR", **more)  # type: ignore[arg-type]


def risks(losses: list[float], level: float) -> Risk:
    """Of a position of 1 in a month at 50 that falls by these."""
    ledger = Ledger([position(1.0)], [], len(losses))
    ledger.add(LINE, 50.0 - np.array([losses, losses]))
    return ledger.risks(level)[0]


def test_losses_of_1_to_100() -> None:
    """At 90 % the ten worst are 91 to 100. At 85.5 % they are 14 and half of the 86: (87 + ... + 100 + 43) / 14.5."""
    losses = [float(each) for each in range(100, 0, -1)]
    found = risks(losses, 0.9)
    assert (found.value_at_risk, found.conditional) == pytest.approx((90.0, 95.5))
    assert found.contribution == pytest.approx(95.5)
    other = risks(losses, 0.855)
    assert (other.value_at_risk, other.conditional) == pytest.approx((86.0, (1309 + 43) / 14.5))


def test_ten_megawatts_for_a_month_of_743_hours() -> None:
    """Bought at 50 EUR/MWh and sold at 48: 10 MW x 743 h x 2 EUR/MWh = 14,860 EUR lost; 12,631 at a rate of 0.85."""
    for rate, loss in ((1.0, 14_860.0), (0.85, 12_631.0)):
        ledger = Ledger([position(10.0, hours=743.0, exchange_rate=rate)], PERIODS, 100)
        ledger.add(LINE, np.full((2, 100), 48.0))
        assert [each.value_at_risk for each in ledger.risks(0.9)] == pytest.approx([loss, loss, 0.0])


def test_periods_by_themselves_and_what_they_contribute() -> None:
    """What March loses April gains, half of it: the whole loses least, and contributions add up."""
    moves = np.linspace(-10, 10, 1000)
    ledger = Ledger([position(1.0, 1.0)], PERIODS, 1000)
    ledger.add(LINE, np.array([50 + moves, 60 - moves / 2]))
    total, march, april = ledger.risks(0.95)
    assert march.value_at_risk == pytest.approx(9.0, abs=0.03)
    assert (total.value_at_risk, april.value_at_risk) == pytest.approx((4.5, 4.5), abs=0.03)
    assert march.contribution + april.contribution == pytest.approx(total.conditional)
    assert april.contribution < 0  # it hedges


LOSSES = st.lists(st.floats(-1e6, 1e6), min_size=100, max_size=200)


@given(LOSSES, st.floats(0.5, 0.9), st.floats(0.01, 1000))
def test_cvar_is_between_var_and_the_worst(losses: list[float], level: float, size: float) -> None:
    """VaR is at most CVaR, CVaR at most the worst; both rise with the level and in proportion to the position."""
    found, higher = risks(losses, level), risks(losses, 0.9)
    smallest = 1e-9 * max(1.0, *map(abs, losses))
    assert found.value_at_risk <= found.conditional <= max(losses) + smallest
    assert found.value_at_risk <= higher.value_at_risk
    assert found.conditional <= higher.conditional + smallest
    ledger = Ledger([position(size)], [], len(losses))
    ledger.add(LINE, 50.0 - np.array([losses, losses]))
    scaled = ledger.risks(level)[0]
    np.testing.assert_allclose(
        [scaled.value_at_risk, scaled.conditional], [size * found.value_at_risk, size * found.conditional],
        rtol=1e-9, atol=size * smallest,
    )  # fmt: skip


def test_errors_are_those_of_repeated_runs() -> None:
    chance = np.random.default_rng(4)
    found = [risks(chance.standard_normal(1000).tolist(), 0.95) for _ in range(200)]
    for name, error in (("value_at_risk", "value_at_risk_error"), ("conditional", "conditional_error")):
        spread = np.std([getattr(each, name) for each in found])
        assert np.mean([getattr(each, error) for each in found]) == pytest.approx(spread, rel=0.25)
    assert np.mean([each.conditional for each in found]) == pytest.approx(2.0627, abs=0.03)  # of a standard normal


def test_positions_that_make_no_sum_are_refused() -> None:
    with pytest.raises(NoExchangeRate):
        Ledger([position(1.0), Position("oil", np.array([MARCH]), np.ones(1), np.ones(1), "USD")], [], 100)
    prices = np.full((2, 100), 50.0)
    prices[1] = np.nan
    for wrong in (position(1.0, 1.0), position(1.0, 1.0, 1.0), position(np.nan)):
        with pytest.raises(InvalidInput) as refused:
            Ledger([wrong], [], 100).add(LINE, prices)
        assert refused.value.details["field"] == "positions"
    for level in (0.4, 0.91, 1.0):
        with pytest.raises(InvalidInput):
            risks([1.0] * 100, level)


def test_from_paths_a_hedge_loses_nothing_and_a_missing_curve_is_refused() -> None:
    histories = random_histories(2, 6, 40)
    model, lines = fitted(daily_moves(histories)), [last_line(each) for each in histories]
    months = lines[0].months[1:3]

    def held(key: str, volume: float) -> Position:
        return Position(key, months, np.full(2, volume), np.full(2, 720.0), "EUR")

    period = DeliveryPeriod(date(2025, 1, 1), date(2026, 1, 1))
    one = simulate(model, lines, Sampling(500), positions=[held("curve/000", 5.0)], periods=[period]).risks
    assert one[0].value_at_risk == one[1].value_at_risk > 0
    hedged = [held("curve/000", 5.0), held("curve/000", -5.0)]
    assert simulate(model, lines, Sampling(500), positions=hedged).risks[0].conditional == pytest.approx(0, abs=1e-9)
    with pytest.raises(InvalidInput):
        simulate(model, lines, Sampling(500), positions=[held("other", 1.0)])
