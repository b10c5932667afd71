"""Functions whose answers are the same bits on every machine.

NumPy's exp and log, and a matrix product, depend on the processor in their last bits, and the product on the number of
threads too. What is here is made of operations that IEEE 754 rounds in one way only (sums, products, quotients, square
roots), in a stated order; and products of numbers on a grid, which are exact in any order.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from aurum.errors import Overflow

Numbers = NDArray[np.float64]
_LN2_HIGH, _LN2_LOW = 6.93147180369123816490e-01, 1.90821492927058770002e-10  # their sum is ln 2; the first is short
_LARGEST_POWER = 700.0
_EXP_TERMS = tuple(1.0 / math.factorial(n) for n in range(14))
_LOG_TERMS = tuple(1.0 / (2 * n + 1) for n in range(12))


def on_grid(numbers: Numbers, bits: int) -> Numbers:
    """The nearest multiples of 2^-bits. Sums of products of such numbers are exact below 2^53 steps of the grid."""
    found: Numbers = np.rint(numbers * 2.0**bits) * 2.0**-bits
    return found


def exp(numbers: Numbers) -> Numbers:
    """To 2e-15 of the value. Raises Overflow beyond -700 and 700; NaN stays NaN."""
    if (np.abs(numbers) > _LARGEST_POWER).any():
        raise Overflow("an exponential is too large or too small for a number")
    twos = np.rint(numbers * math.log2(math.e))
    rest = numbers - twos * _LN2_HIGH
    rest -= twos * _LN2_LOW
    found = np.full_like(rest, _EXP_TERMS[-1])
    for term in _EXP_TERMS[-2::-1]:
        found *= rest
        found += term
    found *= ((twos.astype(np.int64) + 1023) << 52).view(np.float64)  # 2 to the power of `twos`
    return found


def log(numbers: Numbers) -> Numbers:
    """Of numbers that are not negative, to 1e-15; NaN stays NaN. Raises Overflow for 0."""
    if (numbers == 0.0).any():
        raise Overflow("a logarithm is too large for a number")
    mantissa, twos = np.frexp(numbers)
    small = mantissa < math.sqrt(0.5)
    mantissa, twos = np.where(small, 2.0 * mantissa, mantissa), twos - small
    ratio = (mantissa - 1.0) / (mantissa + 1.0)
    square = ratio * ratio
    found = np.full_like(ratio, _LOG_TERMS[-1])
    for term in _LOG_TERMS[-2::-1]:
        found = found * square + term
    answer: Numbers = twos * _LN2_HIGH + (2.0 * ratio * found + twos * _LN2_LOW)
    return answer


def normal_share(numbers: Numbers) -> Numbers:
    """How much of a standard normal is below each number, to 1e-15 (Marsaglia 2004, the series of 1/2 + phi(x) ...)."""
    clipped = np.clip(numbers, -8.0, 8.0)
    square = clipped * clipped
    term = total = clipped
    for odd in range(3, 401, 2):
        term = term * square / odd
        total = total + term
    share: Numbers = np.clip(0.5 + total * exp(-0.5 * square) / math.sqrt(2.0 * math.pi), 0.0, 1.0)
    return share
