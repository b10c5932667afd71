"""Contributions add up, to the last bit, in order and without it."""

from __future__ import annotations

from fractions import Fraction
from itertools import combinations, permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aurum.errors import InvalidScenario
from aurum.scenarios.analytics.settling import settled
from aurum.scenarios.application import apply
from aurum.scenarios.attribution import WithoutOrder
from aurum.scenarios.digest import output_digest
from aurum.scenarios.drivers import Driver, Scale, Shift
from aurum.scenarios.model import Outcome
from aurum.scenarios.plans.book import CurveBook
from aurum.scenarios.plans.planning import plan
from aurum.scenarios.policies import SHIPPED
from tests.scenario_curves import CARBON, FRENCH, GAS, POWER, curve, document, drivers, mids, only, shapley

PRICES = st.floats(-500, 5000).filter(lambda price: price == 0 or abs(price) > 1e-4)
PERCENT = st.floats(-90, 300)
DRIVERS = st.lists(
    st.one_of(PERCENT.map(lambda by: Scale(percent=by)), PRICES.map(lambda by: Shift(amount=by, unit="EUR/MWh"))),
    min_size=1, max_size=5,
)  # fmt: skip


def parts(found: Outcome, key: str) -> dict[int, float]:
    """Of the first point, by driver."""
    return {each.driver: float(each.amounts[0]) for each in found.curves[key].contributions}


@settings(max_examples=40)
@given(st.lists(PRICES, min_size=1, max_size=4), DRIVERS)
def test_contributions_add_up_to_the_last_bit(prices: list[float], by: list[Driver]) -> None:
    """To price less base; or, where large moves cancel, with the base to the price."""
    for found in (apply([curve(GAS, prices)], by), shapley([curve(GAS, prices)], by)):
        made = found.curves[GAS]
        for at, base in enumerate(prices):
            total = 0.0
            for each in made.contributions:
                total += float(each.amounts[at])
            assert total == made.mid[at] - base or base + total == made.mid[at]
            assert total == made.move[at]


@given(st.floats(1, 1000), st.lists(st.floats(-0.1, 0.1), min_size=1, max_size=6))
def test_moves_smaller_than_the_price_add_up_in_exact_arithmetic(base: float, shares: list[float]) -> None:
    raw = np.array([[base * share] for share in shares])
    final = base + raw.sum(axis=0)
    amounts, made = settled(np.array([base]), raw, final)
    assert made[0] == final[0]
    exact = sum((Fraction(float(each)) for each in amounts[:, 0]), Fraction(0))
    assert exact == Fraction(float(made[0])) - Fraction(base)
    np.testing.assert_allclose(amounts, raw, rtol=1e-9, atol=1e-12 * base)


@given(PRICES, PRICES)
def test_a_price_that_is_put_there_is_that_price(base: float, price: float) -> None:
    found = apply([curve(GAS, [base])], drivers(document("replace", price=price)))
    assert mids(found, GAS) == [price]
    assert found.curves[GAS].move.tolist() == [price - base]


def test_shapley_by_hand() -> None:
    """100 with +10 and then +20 %: alone 10 and 20, together 32. The mean of both orders is 11 and 21."""
    by = drivers(document("shift", amount=10), document("scale", percent=20))
    assert parts(apply([curve(GAS, [100])], by), GAS) == {0: 10, 1: 22}
    assert parts(shapley([curve(GAS, [100])], by), GAS) == pytest.approx({0: 11, 1: 21})


def test_shapley_gives_power_to_gas_and_to_what_makes_it_follow() -> None:
    """Neither does anything without the other: half of 2 x 10 each."""
    by = drivers(document("scale", percent=20, limits=only(GAS)), document("heat_rate", reference=GAS))
    found = shapley([curve(GAS, [50]), curve(POWER, [100])], by)
    assert parts(found, POWER) == {0: 10, 1: 10}


@settings(max_examples=40)
@given(st.lists(PERCENT, min_size=1, max_size=4), st.permutations(range(5)), PRICES)
def test_shapley_sums_is_symmetric_and_gives_nothing_for_nothing(
    percents: list[float], order: list[int], price: float
) -> None:
    idle = Scale(percent=7.0, limits=drivers(document("scale", percent=7, limits=only(POWER)))[0].limits)
    by = [*(Scale(percent=each) for each in percents), Scale(percent=percents[0]), idle]
    found = shapley([curve(GAS, [price])], by)
    amounts = parts(found, GAS)
    assert len(by) - 1 not in amounts
    twins = amounts.get(0, 0.0), amounts.get(len(percents), 0.0)
    assert twins[0] == pytest.approx(twins[1], rel=1e-9, abs=1e-9)
    shuffled = [at for at in order if at < len(by)] + list(range(5, len(by)))
    other = parts(shapley([curve(GAS, [price])], [by[at] for at in shuffled]), GAS)
    for place, at in enumerate(shuffled):
        assert other.get(place, 0.0) == pytest.approx(amounts.get(at, 0.0), rel=1e-6, abs=1e-6)


@settings(max_examples=15)
@given(st.permutations(["up", "follow", "if", "shift"]), st.floats(20, 90))
def test_shapley_is_the_mean_over_all_orders(order: list[str], gas: float) -> None:
    """Of what each set of drivers makes by itself, as `apply` does: no tree, and nothing left out."""
    reads = {"curve": GAS, "delivery_start": "2025-03-01", "delivery_end": "2025-04-01", "comparison": "above",
             "level": 60}  # fmt: skip
    said = {
        "up": document("scale", percent=20, limits=only(GAS)), "follow": document("heat_rate", reference=GAS),
        "if": document("conditional", conditions=[reads], true_driver=document("scale", percent=10)),
        "shift": document("shift", amount=3),
    }  # fmt: skip
    by = drivers(*(said[each] for each in order))
    curves = [curve(GAS, [gas]), curve(POWER, [100])]
    alone = {
        chosen: apply(curves, [each for at, each in enumerate(by) if at in chosen])
        for size in range(5) for chosen in combinations(range(4), size)
    }  # fmt: skip
    found = shapley(curves, by)
    for key in (GAS, POWER):
        mean = dict.fromkeys(range(4), 0.0)
        for comes in permutations(range(4)):
            for at, driver in enumerate(comes):
                before, after = tuple(sorted(comes[:at])), tuple(sorted(comes[: at + 1]))
                mean[driver] += (mids(alone[after], key)[0] - mids(alone[before], key)[0]) / 24
        amounts = parts(found, key)
        assert [amounts.get(each, 0.0) for each in range(4)] == pytest.approx(list(mean.values()), abs=1e-9)


def test_only_drivers_that_move_a_curve_or_what_it_follows_count() -> None:
    """Twelve drivers, of which carbon has one, and power four: gas, what follows it, and two of its own."""
    others = [document("scale", percent=1, limits=only(FRENCH)) for _ in range(7)]
    own = [document("scale", percent=by, limits=only(POWER)) for by in (5, 6)]
    by = drivers(
        *others, document("scale", percent=20, limits=only(GAS)),
        document("heat_rate", reference=GAS, limits=only(POWER)), *own,
        document("shift", amount=1, limits=only(CARBON)),
    )  # fmt: skip
    book = CurveBook([curve(GAS, [50]), curve(POWER, [100]), curve(FRENCH, [90]), curve(CARBON, [70])])
    whole = WithoutOrder(plan(book, by, SHIPPED))
    groups = whole.groups({at: whole.check(at) for at in range(4)})
    counting = {book.curves[at].key: group.drivers for group in groups for at in group.curves}
    assert counting == {FRENCH: tuple(range(7)), GAS: (7,), POWER: (7, 8, 9, 10), CARBON: (11,)}


def test_what_would_take_too_much_memory_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("aurum.scenarios.attribution.MOST_VALUES", 7)
    by = drivers(document("scale", percent=1), document("scale", percent=2))
    with pytest.raises(InvalidScenario) as refusal:
        shapley([curve(GAS, [100, 101])], by)
    assert refusal.value.details["issues"][0]["code"] == "TOO_MANY_CURVES"


def test_curves_are_attributed_with_what_they_depend_on_however_many_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    reads = {"curve": GAS, "delivery_start": "2025-03-01", "delivery_end": "2025-04-01", "comparison": "above",
             "level": 55}  # fmt: skip
    up = document("scale", percent=10, limits=only(POWER))
    by = drivers(
        document("scale", percent=20, limits=only(GAS)), document("conditional", conditions=[reads], true_driver=up),
        document("emission", reference=CARBON), document("replace", price=80, limits=only(CARBON)),
    )  # fmt: skip
    curves = [curve(GAS, [50]), curve(POWER, [100]), curve(CARBON, [70])]
    together = shapley(curves, by)
    assert parts(together, POWER) == {0: 5, 1: 5}  # only above 55, and carbon moves too late to be followed
    monkeypatch.setattr("aurum.scenarios.attribution._VALUES", 1)
    assert output_digest(shapley(curves, by)) == output_digest(together)


def test_ten_drivers_are_attributed_without_order_and_eleven_are_refused() -> None:
    by = [Scale(percent=float(percent)) for percent in range(1, 12)]
    found = shapley([curve(GAS, [100])], by[:10])
    assert mids(found, GAS) == mids(apply([curve(GAS, [100])], by[:10]), GAS)
    assert len(parts(found, GAS)) == 10
    with pytest.raises(InvalidScenario) as refusal:
        shapley([curve(GAS, [100])], by)
    assert refusal.value.details["issues"][0]["code"] == "TOO_MANY_DRIVERS"
