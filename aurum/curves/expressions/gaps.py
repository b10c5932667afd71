"""Why points of a derived curve have no value."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from aurum.curves.expressions.alignment import NOWHERE, marked
from aurum.curves.expressions.forms import Values
from aurum.curves.expressions.model import GAPS, NO_GAP, Gap, Input

Gaps: TypeAlias = NDArray[np.int8]
Blamed: TypeAlias = NDArray[np.int16]


def gaps_of(
    values: Values, inputs: Sequence[Input], failed: Mapping[Gap, NDArray[np.bool_]]
) -> tuple[Gaps, Blamed]:  # fmt: skip
    """Why values are missing, and which input is to blame: the first one that has nothing there.

    `failed`: where the computation itself had none, for which reason; of two the later.
    """
    gaps: Gaps = np.full(len(values), NO_GAP, dtype=np.int8)
    blamed: Blamed = np.full(len(values), NO_GAP, dtype=np.int16)
    missing = np.isnan(values)
    if not missing.any():
        return gaps, blamed
    gaps[missing] = GAPS.index(Gap.OVERFLOW)
    for reason, where in failed.items():
        gaps[missing & where] = GAPS.index(reason)
    for at, each in reversed(list(enumerate(inputs))):
        held = marked(len(each.source.snapshot.prices.tenors), each.source.snapshot.prices.withheld, each.places)
        reasons = np.where(held, GAPS.index(Gap.WITHHELD), GAPS.index(Gap.NOT_QUOTED))
        reasons[each.places == NOWHERE] = GAPS.index(Gap.NO_PERIOD)
        here = missing & np.isnan(each.prices)
        gaps[here], blamed[here] = reasons[here], at
    return gaps, blamed
