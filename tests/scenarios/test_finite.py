"""Whatever finite numbers scenarios start from: what they answer is finite, or refused as OVERFLOW."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from typing import Any, TypeVar

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aurum.curves.analytics.comparisons import Bucket, By
from aurum.errors import InvalidScenario, Overflow
from aurum.scenarios.analytics.settling import settled
from aurum.scenarios.application import apply
from aurum.scenarios.batches.model import Holding
from aurum.scenarios.batches.summary import held, table
from aurum.scenarios.model import Outcome
from aurum.scenarios.variations import tornado
from tests.scenario_curves import GAS, POWER, compare, curve, document, drivers, only, shapley

T = TypeVar("T")
LARGEST = 1.7976931348623157e308
NUMBERS = (
    st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from([LARGEST, -LARGEST, 9e307, -9e307, 1e154, 5e-324, -5e-324, 2.2e-308, 0.0, -0.0])
    | st.floats(-100, 100)
)  # fmt: skip
DAY = (date(2025, 3, 1), date(2025, 5, 1))
SHARE = {"delivery_start": "2025-03-11"}
DRIVERS: Sequence[dict[str, Any]] = [
    document("shift", amount=1e6, limits=only(GAS)),
    document("scale", percent=1e6, limits=SHARE),
    document("scale", percent=-100, limits=only(GAS)),
    document("replace", price=-1e6, limits=only(GAS, **SHARE)),
    document("basis", reference=GAS, factor=-1e6, limits=only(POWER)),
    document("heat_rate", reference=GAS, heat_rate=1000),
    document("load_growth", annual_growth_pct=100, elasticity=100, start_year=1950),
    document(
        "composite", composition_type="additive", weights={"0": 1e6, "1": -1e6},
        components=[document("scale", percent=1e6), document("shift", amount=1e6, limits=only(GAS))],
    ),
    document(
        "conditional", true_driver=document("scale", percent=50), false_driver=document("scale", percent=-50),
        conditions=[{"curve": GAS, "comparison": "above", "level": 0, "delivery_start": "2025-03-01",
                     "delivery_end": "2025-05-01"}],
    ),
]  # fmt: skip
TRIED = drivers(*DRIVERS)


def or_overflow(made: Callable[..., T], *said: Any) -> T | None:
    """None where it is refused because of its size: any other refusal, and any warning, is a failure."""
    try:
        return made(*said)
    except Overflow:
        return None
    except InvalidScenario as refused:
        if {each["code"] for each in refused.details["issues"]} != {"OVERFLOW"}:
            raise
        return None


def finite(outcome: Outcome) -> bool:
    """Whether every curve has all its prices, and each contribution is a number."""
    return all(
        np.isfinite(each.mid).all() and all(np.isfinite(part.amounts).all() for part in each.contributions)
        for each in outcome.curves.values()
    )


@given(
    gas=st.lists(NUMBERS, min_size=2, max_size=2), power=st.lists(NUMBERS, min_size=2, max_size=2), strip=NUMBERS,
    chosen=st.lists(st.sampled_from(TRIED), min_size=1, max_size=3),
)  # fmt: skip
def test_a_run_has_finite_prices_or_none_at_all_and_so_has_all_that_is_read_of_it(
    gas: list[float], power: list[float], strip: float, chosen: list[Any]
) -> None:
    curves = [curve(GAS, [*gas, 1.0, 2.0], {"Q2 2025": strip}), curve(POWER, power)]
    run = or_overflow(apply, curves, chosen)
    without_order = or_overflow(shapley, curves, chosen)
    assert without_order is None or finite(without_order)
    if run is None:
        return
    assert finite(run)
    for bucket in Bucket:
        for by in By:
            for each in or_overflow(compare, [run], bucket, by) or []:
                (value,) = each.runs
                assert value is not None
                numbers = [each.spread, value.base, value.value, value.move, *(part for _, part in value.contributions)]
                assert np.isfinite(numbers).all()
                assert np.isfinite(each.size) or (by is By.PERCENT and value.base == 0)
    mids = [{key: each.mid for key, each in run.curves.items()}, None]
    for row in or_overflow(table, curves, mids, Bucket.ALL) or []:
        assert np.isfinite([row.line.base, row.line.spread, row.line.changes[0] or 0.0]).all()
    position = or_overflow(held, [Holding(GAS, *DAY, 1e12)], {GAS: curves[0]}, mids)
    assert position is None or np.isfinite([position[1].base, position[1].values[0] or 0.0, position[1].spread]).all()


@given(base=NUMBERS, moves=st.lists(NUMBERS, min_size=1, max_size=4))
def test_contributions_are_numbers_that_add_up_at_every_size(base: float, moves: list[float]) -> None:
    """Subnormal ones too: the grid that they are taken to is never finer than numbers are."""
    with np.errstate(over="ignore"):
        final = base + np.add.accumulate(moves)[-1]
        if not np.isfinite(abs(base) + np.abs(moves).sum() + abs(final)):
            return
    amounts, mid = settled(np.array([base]), np.array(moves)[:, None], np.array([final]))
    total = np.add.accumulate(np.append(0.0, amounts))[-1]
    assert np.isfinite(amounts).all()
    assert total == mid[0] - base or base + total == mid[0]
    assert not (np.signbit(amounts) & (amounts == 0.0)).any()


def test_moves_that_only_cancel_are_refused_and_the_driver_is_named() -> None:
    with pytest.raises(InvalidScenario) as refusal:
        apply([curve(GAS, [1e305])], drivers(document("scale", percent=1e6), document("scale", percent=-100)))
    assert refusal.value.details["issues"][0]["path"] == "drivers.0"
    assert or_overflow(apply, [curve(GAS, [LARGEST])], drivers(document("scale", percent=-100))) is None


def test_a_tornado_of_a_large_run_is_finite_or_refused() -> None:
    curves = [curve(GAS, [8e307, 8e307, 8e307, 8e307])]
    stories = [apply(curves, (each,)) for each in drivers(document("scale", percent=-1))]
    assert tornado(drivers(document("scale", percent=-1)), 0.1)
    mids = [{key: each.mid for key, each in story.curves.items()} for story in stories]
    assert table(curves, mids, Bucket.MONTH)[0].line.base == 8e307
    with pytest.raises(Overflow):
        table(curves, mids, Bucket.QUARTER)
