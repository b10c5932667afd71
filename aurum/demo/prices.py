"""Invented prices that behave: seasons, a term structure, and days that follow from each other.

A curve is moved by walks: its own, and those of the markets it belongs to (gas pulls power along). A walk is
the sum of the shocks of the business days before, each weighing less the longer ago it was; the shock of a
day is hashed from the seed, the walk's name and the day: any day can be made without the days before it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

from aurum.demo.tenors import Prices

DEFAULT_SEED = 2025
# A front that fades from the curve within the year and is forgotten in months; a level that stays for years.
_FRONT_MEMORY, _FRONT_DAYS, _FRONT_YEARS = 0.97, 250, 0.7
_LEVEL_MEMORY, _LEVEL_DAYS, _LEVEL_WEIGHT = 0.995, 1200, 0.35


@dataclass(frozen=True, slots=True)
class Shape:
    """How a curve behaves, in its own unit.

    `level` is the price it returns to. An outright has `swing` (half its range over the year), `slope` (a
    year), `own` and `loads` (the move of a day, of its own and with its markets) as fractions of the price; a
    differential has them in price. `peak` is its dearest month, `still` a curve that is quoted anew once a
    week.
    """

    level: float
    swing: float = 0.0
    peak: int = 1
    slope: float = 0.0
    own: float = 0.004
    loads: Mapping[str, float] = field(default_factory=dict)
    differential: bool = False
    still: bool = False

    @property
    def size(self) -> float:
        """How large its prices are: what a bid-ask spread is measured by."""
        return max(abs(self.level), abs(self.swing)) if self.differential else self.level


def prices(
    curves: Sequence[tuple[str, Shape]], months: Sequence[date], as_of: date, seed: int = DEFAULT_SEED
) -> Prices:
    """A row per month and a column per curve. The name says which walk is the curve's own: it is its seed."""
    walks = _Walks(seed, {name for name, _ in curves} | {name for _, s in curves for name in s.loads})
    today = int(np.busday_count("2000-01-03", as_of))
    daily, weekly = walks.states(today), walks.states(today - today % 5)
    columns = [
        _curve(shape, months, (weekly if shape.still else daily), name, walks.bumps(name, months))
        for name, shape in curves
    ]
    return np.array(columns).T


def _curve(
    shape: Shape, months: Sequence[date], states: _States, name: str, bumps: NDArray[np.float64]
) -> NDArray[np.float64]:
    years = np.arange(len(months)) / 12
    season = np.cos(2 * np.pi * (np.array([month.month for month in months]) - shape.peak) / 12)
    moved = shape.own * (states.at(name, years) + bumps)
    for market, load in shape.loads.items():
        moved = moved + load * states.at(market, years)
    if shape.differential:
        return shape.level + shape.swing * season + shape.slope * years + moved
    average = shape.level * np.exp(shape.slope * years + moved)
    return np.asarray(average * (1 + shape.swing * season))


@dataclass(frozen=True, slots=True)
class _States:
    """Where every walk stands on one day."""

    row: Mapping[str, int]
    front: NDArray[np.float64]
    level: NDArray[np.float64]

    def at(self, name: str, years: NDArray[np.float64]) -> NDArray[np.float64]:
        row = self.row[name]
        return np.asarray(self.front[row] * np.exp(-years / _FRONT_YEARS) + _LEVEL_WEIGHT * self.level[row])


class _Walks:
    def __init__(self, seed: int, names: set[str]) -> None:
        self._seed = seed
        self._row = {name: row for row, name in enumerate(sorted(names))}
        self._fronts = np.array([_hash(f"{seed}/front/{name}") for name in self._row], dtype=np.uint64)
        self._levels = np.array([_hash(f"{seed}/level/{name}") for name in self._row], dtype=np.uint64)

    def states(self, day: int) -> _States:
        front = _faded(self._fronts, day, _FRONT_DAYS, _FRONT_MEMORY)
        return _States(self._row, front, _faded(self._levels, day, _LEVEL_DAYS, _LEVEL_MEMORY))

    def bumps(self, name: str, months: Sequence[date]) -> NDArray[np.float64]:
        """What a delivery month has of its own on every day: keeps curves from being smooth."""
        seed = np.array([_hash(f"{self._seed}/bump/{name}")], dtype=np.uint64)
        return np.asarray(_normals(seed, np.array([month.toordinal() for month in months]))[0])


def _faded(seeds: NDArray[np.uint64], day: int, days: int, memory: float) -> NDArray[np.float64]:
    ages = np.arange(days)
    return np.asarray(_normals(seeds, day - ages) @ memory**ages)


def _hash(text: str) -> int:
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "little")


def _normals(seeds: NDArray[np.uint64], counters: NDArray[np.int64]) -> NDArray[np.float64]:
    """Standard normal numbers: a row per seed, a column per counter."""
    key = seeds[:, None] + counters.astype(np.uint64)[None, :] * np.uint64(0x9E3779B97F4A7C15)
    radius = np.sqrt(-2 * np.log(_uniforms(key)))
    return np.asarray(radius * np.cos(2 * np.pi * _uniforms(~key)))


def _uniforms(key: NDArray[np.uint64]) -> NDArray[np.float64]:
    """In (0, 1): the finalizer of splitmix64 (Steele, Lea and Flood, 2014)."""
    mixed = (key ^ (key >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    mixed = mixed ^ (mixed >> np.uint64(31))
    return np.asarray(((mixed >> np.uint64(11)).astype(np.float64) + 0.5) / 2**53)
