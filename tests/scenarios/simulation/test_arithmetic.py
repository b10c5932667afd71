"""Against NumPy and the standard library, which are right to the last bits if not the same everywhere."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aurum.errors import Overflow
from aurum.scenarios.simulation.arithmetic import exp, log, normal_share, on_grid
from aurum.scenarios.simulation.eigen import eigen


@given(st.floats(-700, 700))
def test_exp_and_log_are_those_of_the_library(number: float) -> None:
    np.testing.assert_allclose(exp(np.array([number])), math.exp(number), rtol=2e-15)
    np.testing.assert_allclose(log(np.array([math.exp(number)])), math.log(math.exp(number)), rtol=1e-15, atol=1e-15)


def test_small_moves_keep_their_digits_and_what_is_missing_stays_missing() -> None:
    found = log(np.array([1.0, 1.0 + 1e-9, np.nan]))
    np.testing.assert_allclose(found, [0.0, math.log(1.0 + 1e-9), np.nan], rtol=1e-15)


@pytest.mark.parametrize("number", [700.1, -700.1, 1e308])
def test_what_is_no_number_is_refused(number: float) -> None:
    with pytest.raises(Overflow):
        exp(np.array([0.0, number]))
    with pytest.raises(Overflow):
        log(np.array([1.0, 0.0]))


@given(st.floats(-8, 8))
def test_the_share_below_a_number_is_that_of_the_error_function(number: float) -> None:
    np.testing.assert_allclose(normal_share(np.array([number])), math.erfc(-number / math.sqrt(2)) / 2, atol=2e-15)


def test_products_on_a_grid_are_exact_in_any_order() -> None:
    chance = np.random.default_rng(3)
    one, other = (on_grid(chance.standard_normal(1000), 20) for _ in range(2))
    assert one @ other == one[::-1] @ other[::-1] == math.fsum(one * other)


@given(st.integers(1, 9), st.integers(0, 1000))
def test_axes_make_the_matrix_again(size: int, seed: int) -> None:
    root = np.random.default_rng(seed).standard_normal((size, size))
    matrix = root @ root.T
    values, axes = eigen(matrix)
    assert (np.diff(values) <= 0).all()
    np.testing.assert_allclose(axes @ axes.T, np.eye(size), atol=1e-13)
    np.testing.assert_allclose(axes.T @ np.diag(values) @ axes, matrix, atol=1e-12 * values[0])
