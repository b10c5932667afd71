"""Parameters that are possible each, but not together."""

from __future__ import annotations

from collections.abc import Iterable
from functools import singledispatch

import numpy as np

from aurum.scenarios.distributions import PARAMETERS, misfit
from aurum.scenarios.documents.reading import MOST_TOLD, Reader
from aurum.scenarios.drivers import Composite, Driver, Fx, LoadGrowth, Matrix, Stochastic, TimeSeries
from aurum.scenarios.plans.series import month_written
from aurum.scenarios.suggestions import nearest

_LEAST_EIGENVALUE = -1e-9  # of a matrix whose diagonal is 1: what rounding makes of 0


@singledispatch
def check(driver: Driver, reader: Reader, path: str) -> None:
    """Puts issues of the driver itself, apart from curves, to the reader's; `path` is that of its payload."""


@check.register
def _(driver: Composite, reader: Reader, path: str) -> None:
    names = [each.name for each in driver.components if each.name is not None]
    if len(set(names)) < len(names):
        reader.refuse("NAME_TWICE", "two components have the same name", f"{path}.components")
    places = [str(n) for n in range(len(driver.components))]
    _named(reader, (name for name, _ in driver.weights), [*names, *places], f"{path}.weights")


@check.register
def _(driver: Fx, reader: Reader, path: str) -> None:
    if driver.base == driver.quote:
        reader.refuse("OUT_OF_RANGE", "a currency gains nothing on itself", f"{path}.quote")


@check.register
def _(driver: LoadGrowth, reader: Reader, path: str) -> None:
    if driver.start_year is not None and driver.end_year is not None and driver.end_year < driver.start_year:
        reader.refuse("OUT_OF_RANGE", f"growth ends in {driver.end_year}, before it starts", f"{path}.end_year")


@check.register
def _(driver: Stochastic, reader: Reader, path: str) -> None:
    given, wanted = dict(driver.parameters), PARAMETERS[driver.distribution_type]
    _named(reader, given, list(wanted), f"{path}.parameters")
    missing = [name for name in wanted if name not in given]
    for name in missing:
        reader.refuse("MISSING_FIELD", f"{name} is not given: {wanted[name]}", f"{path}.parameters.{name}")
    wrong = None if missing else misfit(driver.distribution_type, given)
    if wrong is not None:
        reader.refuse("OUT_OF_RANGE", wrong[1], f"{path}.parameters.{wrong[0]}")
    why = _no_correlation(driver.correlation_matrix)
    if why is not None:
        reader.refuse("NOT_A_CORRELATION", why, f"{path}.correlation_matrix")


def _no_correlation(matrix: Matrix) -> str | None:
    """Why it cannot be the correlations of anything; None if it can."""
    names = [name for name, _ in matrix]
    if any([name for name, _ in row] != names for _, row in matrix):
        return "every row must have a number for every name"
    values = np.array([[value for _, value in row] for _, row in matrix], dtype=float)
    if not names:
        return None
    if (np.diag(values) != 1.0).any():
        return "the correlation of anything with itself is 1"
    if (values != values.T).any():
        return "it is not symmetric"
    least = float(np.linalg.eigvalsh(values)[0])
    if least < _LEAST_EIGENVALUE:
        return f"it is not positive semi-definite: its smallest eigenvalue is {least:.3g}"
    return None


@check.register
def _(driver: TimeSeries, reader: Reader, path: str) -> None:
    if not driver.base_values:
        reader.refuse("EMPTY", "there is no month", f"{path}.base_values")
    for month, _ in driver.base_values:
        try:
            month_written(month)
        except ValueError:
            where = f"{path}.base_values.{month[:40]}"
            reader.refuse("WRONG_TYPE", f"{month[:40]!r} is not a month", where, "As 2026-01.")
    _named(reader, (name for name, _ in driver.trend_params), ["slope_per_month"], f"{path}.trend_params")
    twelve = [str(month) for month in range(1, 13)]
    _named(reader, (name for name, _ in driver.seasonal_params), twelve, f"{path}.seasonal_params")


def _named(reader: Reader, given: Iterable[str], known: list[str], path: str) -> None:
    for name in [each for each in given if each not in set(known)][:MOST_TOLD]:
        reader.refuse("UNKNOWN_FIELD", f"there is no {name[:40]!r} here", f"{path}.{name[:40]}", nearest(name, known))
