"""Prices of blocks of hours from those of others."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from aurum.curves.model import Prices


def off_peak(
    around_the_clock: Prices, peak: Prices, hours: NDArray[np.float64], peak_hours: NDArray[np.float64]
) -> Prices:
    """(ATC x hours - peak x peak hours) / (hours - peak hours), for each period; prices per MWh, NaN: not quoted.

    The three blocks are delivered at the same rate, so that their values add up: ATC over all hours is peak over its
    own and off-peak over the rest. NaN where peak is all hours. Raises ValueError for hours that are negative, not
    finite, or more at peak than in all.
    """
    hours, peak_hours = np.asarray(hours, dtype=float), np.asarray(peak_hours, dtype=float)
    if not (np.isfinite(hours) & np.isfinite(peak_hours) & (peak_hours >= 0) & (peak_hours <= hours)).all():
        raise ValueError("peak hours lie between none and all hours of a period")
    rest = np.where(hours == peak_hours, np.nan, hours - peak_hours)
    found: Prices = (around_the_clock * hours - peak * peak_hours) / rest
    return found
