"""Curves and points that move as they never did."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from aurum.ingestion.checks.flags import Flags, shown
from aurum.ingestion.checks.history import History
from aurum.ingestion.checks.table import Index, Mask, Table
from aurum.ingestion.checks.thresholds import VendorLimits
from aurum.market.counts import counted
from aurum.parsers.model import Prices

MAD_TO_SIGMA = 1.4826  # of a normal distribution
_FEW = 4  # how much a score of few days is discounted: by half at four, by a sixth at twenty
_FLOOR = 0.05  # of the least move that counts: the least scale of a curve that never moved
_NEAR = np.arange(-2, 3)  # a point's own moves are pooled with those of its neighbours
_RECORD = 2.0  # a single point moves this many times as far as it or its neighbours ever did


@dataclass(frozen=True, slots=True, eq=False)
class _Moves:
    """Absolute moves since the day before, and what is usual for each curve."""

    by_period: Prices  # of the file's own day
    counted: Mask  # which of the earlier moves count: not those over a gap
    count: Index  # how many earlier moves a curve has
    today: Prices  # mean move of each curve
    usual: Prices  # median of its earlier mean moves
    scale: Prices  # what the score of a move is counted in
    least: Prices  # a smaller move is none
    market: float  # how many times their usual move the curves of the file moved

    @property
    def trust(self) -> Prices:
        """What a score is multiplied by for the number of days behind it."""
        trust: Prices = self.count / (self.count + _FEW)
        return trust


def check_outliers(history: History, limits: VendorLimits, flags: Flags) -> None:
    """Curves, and single points, that move as they never did.

    The score is (move - median) / scale: the median of the curve's own earlier moves, and a scale of 1.4826 times
    the largest of their median absolute deviation, half their median, and a twentieth of the bid-ask spread. A score
    of few days is discounted, and a move within the bid-ask spread is none. On a day when the whole file moves, moves
    are divided by how much more it moves than usual.
    """
    if len(history.days) < 3 or (history.days[-1] - history.days[-2]).days > limits.file.history_gap:
        return
    moves = _moves(history, limits)
    enough = moves.count >= limits.each("outlier_days")[:, 0]
    score = (moves.today / moves.market - moves.usual) / moves.scale * moves.trust
    jumped = enough & (score > limits.each("outlier_score")[:, 0]) & (moves.today > moves.least)
    for row in np.flatnonzero(jumped).tolist():
        _report_curve(history, moves, row, float(score[row]), limits, flags)
    _check_points(history, moves, enough & ~jumped, limits, flags)


def _moves(history: History, limits: VendorLimits) -> _Moves:
    mid = history.mid
    gaps = np.diff(np.array(history.days, dtype="datetime64[D]")).astype(int)
    counted = gaps[:-1] <= limits.file.history_gap
    by_period = np.abs(mid[-1] - mid[-2])
    # Day by day: the moves of all days at once would not fit the processor's cache, and take four times as long.
    earlier = np.array([_mean(np.abs(mid[day + 1] - mid[day])) for day in np.flatnonzero(counted).tolist()])
    earlier = earlier.reshape(-1, mid.shape[1])
    today, usual = _mean(by_period), _median(earlier)
    deviation = _median(np.abs(earlier - usual))
    least = _least(history.table, mid.shape[2], limits)
    scale = MAD_TO_SIGMA * np.maximum(np.maximum(deviation, usual / 2), _FLOOR * least)
    times = (today / usual)[(usual > 0) & np.isfinite(today)]
    market = float(np.clip(np.median(times), 1.0, limits.file.market_factor)) if len(times) else 1.0
    return _Moves(by_period, counted, np.isfinite(earlier).sum(axis=0), today, usual, scale, least, market)


def _mean(values: Prices) -> Prices:
    """Along the last axis, NaN left out; NaN where nothing is left."""
    mean: Prices = values.mean(axis=-1)
    gaps = np.flatnonzero(np.isnan(mean))
    if len(gaps):
        has = np.isfinite(values[gaps])
        mean[gaps] = np.where(has, values[gaps], 0.0).sum(axis=-1) / has.sum(axis=-1)
    return mean


def _median(values: Prices) -> Prices:
    """Along the first axis, NaN left out; NaN where nothing is left."""
    if not len(values):
        return np.full(values.shape[1:], np.nan)
    ordered = np.sort(values, axis=0)  # NaN last
    count = np.isfinite(values).sum(axis=0)
    low, high = np.maximum(count - 1, 0) // 2, np.minimum(count // 2, len(values) - 1)
    both = [np.take_along_axis(ordered, at[None], axis=0)[0] for at in (low, high)]
    median: Prices = (both[0] + both[1]) / 2
    return median


def _least(table: Table, width: int, limits: VendorLimits) -> Prices:
    """The bid-ask spread; a part of the level, where a curve is not quoted two-sided."""
    spread = _mean(np.abs(table.ask - table.bid)[:, :width]) * limits.each("outlier_spreads")[:, 0]
    level = _mean(np.abs(table.mid[:, :width])) * limits.each("outlier_level")[:, 0]
    least: Prices = np.nan_to_num(np.where(spread > 0, spread, level)) + np.finfo(float).tiny
    return least


def _report_curve(history: History, moves: _Moves, row: int, score: float, limits: VendorLimits, flags: Flags) -> None:
    table, own = history.table, np.nan_to_num(moves.by_period[row])
    key, threshold = table.keys[row], limits.of(table.keys[row]).outlier_score
    bound = moves.market * (moves.usual[row] + threshold / moves.trust[row] * moves.scale[row])
    farthest = np.argsort(-own, kind="stable")
    jumped = np.flatnonzero(own >= min(bound, own.max())).tolist()
    spoilt = [*jumped, *_strips_over(table, jumped)]
    worst = int(farthest[0])
    was, now = history.mid[-2, row, worst], history.mid[-1, row, worst]
    flags.add(
        "OUTLIER_MOVE",
        f"a mean move of {shown(moves.today[row])} since {history.days[-2]}, where {shown(moves.usual[row])} is usual "
        f"over {counted(int(moves.count[row]), 'day')}: score {score:.1f}, above {threshold:g}; most at "
        f"{table.tenors[worst].label}, from {shown(was)} to {shown(now)}",
        addresses=[table.mid_address(row, column) for column in farthest[:3].tolist() if column in jumped],
        curve_key=key,
        points={key: table.points(row, spoilt)},
    )


def _strips_over(table: Table, months: list[int]) -> list[int]:
    """The columns of strips that hold any of these months."""
    starts = [table.tenors[month].period.start for month in months]
    columns = range(len(table.months), len(table.tenors))
    periods = ((column, table.tenors[column].period) for column in columns)
    return [column for column, period in periods if any(period.start <= start < period.end for start in starts)]


def _check_points(history: History, moves: _Moves, asked: Mask, limits: VendorLimits, flags: Flags) -> None:
    """Single points of curves that as a whole move as usual, against their own and their neighbours' moves."""
    today = moves.by_period
    threshold = limits.each("outlier_point_score")[:, 0] / np.maximum(moves.trust, 1e-9)
    curve = np.nan_to_num(_median(today.T) / moves.usual, nan=1.0, posinf=1.0)
    pace = np.maximum(np.maximum(curve, moves.market), 1.0)
    floor = MAD_TO_SIGMA * np.maximum(np.nan_to_num(moves.usual) / 2, _FLOOR * moves.least)
    # No point below this can have the score, whatever its own history: few are left to be looked at.
    bound = np.maximum(threshold * floor * pace, moves.least)
    rows, at = np.nonzero(asked[:, None] & (today > bound[:, None]))
    if not len(rows):
        return
    near = at[:, None] + _NEAR
    around = history.mid[:-1, rows[:, None], np.clip(near, 0, today.shape[1] - 1)]
    pool = np.abs(np.diff(around, axis=0))[moves.counted].transpose(0, 2, 1).reshape(-1, len(rows))
    usual = np.nan_to_num(_median(pool))
    deviation = np.nan_to_num(_median(np.abs(pool - usual)))
    scale = np.maximum(MAD_TO_SIGMA * np.maximum(deviation, usual / 2), floor[rows])
    score = (today[rows, at] / pace[rows] - usual) / scale * moves.trust[rows]
    found = (score > limits.each("outlier_point_score")[rows, 0]) & (
        today[rows, at] > _RECORD * np.nan_to_num(pool).max(axis=0)
    )
    for row in sorted(set(rows[found].tolist())):
        mine = found & (rows == row)
        _report_points(history, row, at[mine], score[mine], usual[mine], limits, flags)


def _report_points(
    history: History, row: int, columns: Index, score: Prices, usual: Prices, limits: VendorLimits, flags: Flags
) -> None:
    table, key = history.table, history.table.keys[row]
    threshold = limits.of(key).outlier_point_score
    reasons = [
        f"{table.tenors[column].label}: from {shown(history.mid[-2, row, column])} to "
        f"{shown(history.mid[-1, row, column])} since {history.days[-2]}, where a move of {shown(each)} is usual: "
        f"score {of_point:.1f}, above {threshold:g}"
        for column, of_point, each in zip(columns.tolist(), score.tolist(), usual.tolist(), strict=True)
    ]
    more = f"; and {counted(len(reasons) - 1, 'more point')}" if len(reasons) > 1 else ""
    flags.add(
        "OUTLIER_POINT",
        reasons[0] + more,
        addresses=[table.mid_address(row, column) for column in columns.tolist()],
        curve_key=key,
        points={key: table.points(row, columns.tolist())},
        reasons=reasons,
    )
