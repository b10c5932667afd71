"""Principal axes of a symmetric matrix by Jacobi's rotations: the same bits on every machine, unlike LAPACK's."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from aurum.scenarios.simulation.arithmetic import Numbers

Rows = NDArray[np.int64]

_MOST_SWEEPS = 40  # 8 to 12 are usual
_ENOUGH = 1e-14  # of the matrix: what may stay beside the diagonal


def eigen(matrix: Numbers) -> tuple[Numbers, Numbers]:
    """Eigenvalues, the largest first, and eigenvectors as rows.

    Each sweep rotates every pair of rows once, in rounds of pairs that do not touch each other (Brent and Luk 1985).
    """
    size = len(matrix) + len(matrix) % 2  # an even number of players in a tournament; the one too many is all zero
    values, vectors = np.zeros((size, size)), np.eye(size)
    values[: len(matrix), : len(matrix)] = matrix
    whole, players = (values * values).sum(), np.arange(size)
    for _ in range(_MOST_SWEEPS):
        beside = values - np.diag(np.diag(values))
        if (beside * beside).sum() <= _ENOUGH**2 * whole:
            break
        for _ in range(size - 1):
            values, vectors = _round(values, vectors, players[: size // 2], players[: size // 2 - 1 : -1])
            players = np.append(players[0], np.roll(players[1:], 1))
    found = np.diag(values)[: len(matrix)]
    order = np.argsort(-found, kind="stable")
    return found[order], vectors[: len(matrix), : len(matrix)][order]


def _round(values: Numbers, vectors: Numbers, one: Rows, other: Rows) -> tuple[Numbers, Numbers]:
    """Rotates the rows and columns of each pair so that what stands between them becomes zero."""
    between = values[one, other]
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        theta = (values[other, other] - values[one, one]) / (2.0 * between)
        tangent = np.copysign(1.0, theta) / (np.abs(theta) + np.sqrt(theta * theta + 1.0))
    tangent = np.where(between == 0.0, 0.0, tangent)
    cosine = 1.0 / np.sqrt(tangent * tangent + 1.0)
    sine = tangent * cosine
    pairs = (one, other, cosine[:, None], sine[:, None])
    turned = np.ascontiguousarray(_turned(values, *pairs).T)  # its columns are the rows of the transposed
    return _turned(turned, *pairs), _turned(vectors, *pairs)


def _turned(rows: Numbers, one: Rows, other: Rows, cosine: Numbers, sine: Numbers) -> Numbers:
    first, second = rows[one], rows[other]
    rows[one] = cosine * first - sine * second
    rows[other] = sine * first + cosine * second
    return rows
