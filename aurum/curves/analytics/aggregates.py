"""What many prices come to, group by group: how many, mean, spread, extremes, percentiles."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

Keys = NDArray[np.int64]
Numbers = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Groups:
    """A row for each group, by key. Without values its mean is NaN, its minimum and maximum infinite.

    `squares` is the sum of squared distances from the mean; `hours` and `priced_hours` are the sums of the weights, and
    of weights times values, of the points that have a value.
    """

    keys: Keys
    count: NDArray[np.int64]
    missing: NDArray[np.int64]
    mean: Numbers
    squares: Numbers
    minimum: Numbers
    maximum: Numbers
    hours: Numbers
    priced_hours: Numbers

    @classmethod
    def none(cls) -> Groups:
        blank = np.empty(0)
        return cls(*(blank.astype(np.int64),) * 3, *(blank,) * 6)

    @property
    def deviation(self) -> Numbers:
        """That of a sample, with n - 1; NaN for fewer than two values."""
        return np.sqrt(self.squares / np.where(self.count > 1, self.count - 1, np.nan))

    @property
    def weighted_mean(self) -> Numbers:
        return self.priced_hours / np.where(self.hours > 0, self.hours, np.nan)


def groups_of(rows: Keys, columns: Keys, values: Numbers, weights: Numbers | None) -> Groups:
    """The groups of a matrix; the key of a value is `rows[n] + columns[m]`, and `columns` never falls. NaN is missing.

    `weights` of every value; None: none.
    """
    if (rows[1:] < rows[:-1]).any():
        order = np.argsort(rows, kind="stable")
        rows, values, weights = rows[order], values[order], None if weights is None else weights[order]
    (cut_rows, heights), (cut_columns, widths) = _runs(rows), _runs(columns)
    keys = (rows[cut_rows, None] + columns[cut_columns]).ravel()

    def total(each: NDArray[np.generic], sums: np.ufunc = np.add) -> Numbers:
        within = sums.reduceat(each, cut_rows, axis=0)
        whole = within if len(cut_columns) == len(columns) else sums.reduceat(within, cut_columns, axis=1)
        return whole.astype(np.float64, copy=False)

    def spread(each: Numbers) -> Numbers:
        high = each if len(each) == 1 else np.repeat(each, heights, axis=0)
        return high if len(cut_columns) == len(columns) else np.repeat(high, widths, axis=1)

    sizes, sums = heights[:, None] * widths, total(values)
    count, mean, quoted = sizes, sums / sizes, None
    if np.isnan(sums).any():
        quoted = ~np.isnan(values)
        count = total(quoted.astype(np.int64)).astype(np.int64)
        mean = total(np.where(quoted, values, 0.0)) / np.where(count > 0, count, np.nan)

    def there(each: Numbers, else_: float = 0.0) -> Numbers:
        return each if quoted is None else np.where(quoted, each, else_)

    distance = there(values - spread(mean))
    squares = total(np.square(distance, out=distance))
    lowest = total(there(values, np.inf), np.minimum)  # a third of the time of `fmin`
    highest = total(there(values, -np.inf), np.maximum)
    hours = priced_hours = np.zeros(count.shape)
    if weights is not None:
        hours, priced_hours = total(there(weights)), total(there(weights) * there(values))
    found: list[NDArray[Any]] = [count, sizes - count, mean, squares, lowest, highest, hours, priced_hours]
    return Groups(keys, *(each.ravel() for each in found))


def merged(parts: Sequence[Groups]) -> Groups:
    """The groups of all parts together: means by their counts, and what the means differ by into the squares."""
    if len(parts) == 1:
        return parts[0]
    every = {each.name: np.concatenate([getattr(part, each.name) for part in parts]) for each in fields(Groups)}
    keys, group = np.unique(every["keys"], return_inverse=True)

    def total(values: NDArray[np.generic]) -> Numbers:
        found = np.zeros(len(keys))
        np.add.at(found, group, values)
        return found

    count = total(every["count"])
    with_values = np.where(every["count"] > 0, every["mean"], 0.0)
    mean = total(every["count"] * with_values) / np.where(count > 0, count, np.nan)
    apart = np.where(every["count"] > 0, with_values - mean[group], 0.0)
    minimum, maximum = np.full(len(keys), np.inf), np.full(len(keys), -np.inf)
    np.minimum.at(minimum, group, every["minimum"])
    np.maximum.at(maximum, group, every["maximum"])
    return Groups(
        keys, count.astype(np.int64), total(every["missing"]).astype(np.int64), mean,
        total(every["squares"]) + total(every["count"] * apart * apart), minimum, maximum, total(every["hours"]),
        total(every["priced_hours"]),
    )  # fmt: skip


@dataclass(slots=True)
class Values:
    """The values of groups themselves, part by part: those of a part sorted by group."""

    parts: list[tuple[Keys, NDArray[np.int64], Numbers]] = field(default_factory=list)

    def add(self, rows: Keys, columns: Keys, values: Numbers) -> None:
        quoted = ~np.isnan(values)
        keys, found = (rows[:, None] + columns)[quoted], values[quoted]
        order = np.argsort(keys, kind="stable")
        which, counts = np.unique(keys, return_counts=True)
        self.parts.append((which, counts, found[order]))

    def percentiles(self, groups: Groups, percents: Sequence[float]) -> Numbers:
        """A row for each group, a column for each percentile: between the two values beside it, by its distance from
        each (NumPy's `linear`). The parts are used up.
        """
        starts = np.cumsum(groups.count) - groups.count
        filled, every = starts.copy(), np.empty(int(groups.count.sum()))
        while self.parts:
            keys, counts, values = self.parts.pop()
            at = np.searchsorted(groups.keys, keys)
            every[np.repeat(filled[at] - np.cumsum(counts) + counts, counts) + np.arange(len(values))] = values
            filled[at] += counts
        for start, end in zip(starts.tolist(), filled.tolist(), strict=True):
            every[start:end].sort()
        return _linear(every, starts, groups.count, np.array(percents) / 100)


def _linear(ordered: Numbers, starts: Keys, counts: NDArray[np.int64], shares: Numbers) -> Numbers:
    found = np.full((len(counts), len(shares)), np.nan)
    there = counts > 0
    place = (counts[there, None] - 1) * shares
    below = np.floor(place).astype(np.int64)
    above = np.minimum(below + 1, counts[there, None] - 1)
    low, high = ordered[starts[there, None] + below], ordered[starts[there, None] + above]
    # A share of the way between the two is the same from either side, to the last bit.
    part, way = place - below, high - low
    found[there] = np.where(part < 0.5, low + way * part, high - way * (1 - part))
    return found


def _runs(ordered: Keys) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Where each run of equal values begins, and how long it is."""
    ends = np.concatenate([[0], (ordered[1:] != ordered[:-1]).nonzero()[0] + 1, [len(ordered)]])
    return ends[:-1], ends[1:] - ends[:-1]
