"""Where chance comes from: standard normals by seed and name, the same on every machine."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np

from aurum.errors import InvalidInput
from aurum.scenarios.simulation.arithmetic import Numbers, on_grid

MOST_PATHS, MOST_HORIZON = 20_000, 260  # 200 MiB for a curve of 120 months
_LEAST_PATHS = 100
_BITS = 20


@dataclass(frozen=True, slots=True)
class Sampling:
    """How many `paths`, `horizon` trading days (Monday to Friday) after the as-of date, from which `seed`."""

    paths: int = 1000
    horizon: int = 10
    seed: int = 0

    def __post_init__(self) -> None:
        limits = {"paths": (_LEAST_PATHS, MOST_PATHS), "horizon": (1, MOST_HORIZON), "seed": (0, 2**63 - 1)}
        for name, (low, high) in limits.items():
            if not low <= getattr(self, name) <= high:
                raise InvalidInput(f"{name} is {low} to {high}", field=name)


def normals(seed: int, name: str, rows: int, paths: int) -> Numbers:
    """Every name has a stream of its own, so that what one curve draws never depends on which others there are.

    Philox, keyed with the first 128 bits of SHA-256 of `seed/name`. The numbers are taken to a grid of 2^-20: NumPy's
    own differ in the last bits of their far tails between mathematical libraries, and products of these are exact.
    """
    key = int.from_bytes(hashlib.sha256(f"{seed}/{name}".encode()).digest()[:16], "little")
    return on_grid(np.random.Generator(np.random.Philox(key=key)).standard_normal((rows, paths)), _BITS)
