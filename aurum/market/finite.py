"""Arithmetic that never makes an infinity: what is too large for a number is refused."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from aurum.errors import Overflow


@contextmanager
def finite(what: str = "the result") -> Iterator[None]:
    """Within it, or as a decorator: raises Overflow as soon as NumPy makes an infinity of finite numbers, before
    anything is computed with it. Python's own floats, `bincount`, `einsum` and `interp` are not seen.
    """
    try:
        with np.errstate(over="raise"):
            yield
    except FloatingPointError:
        raise Overflow(f"{what} is too large for a number") from None
