"""The distributions of stochastic drivers: their parameters, and what they come to in a run without simulation."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from aurum.scenarios.drivers import Distribution

PARAMETERS: Mapping[Distribution, Mapping[str, str]] = MappingProxyType(
    {
        Distribution.NORMAL: {"mean": "the mean", "std": "the standard deviation, above 0"},
        Distribution.LOGNORMAL: {
            "mean": "the mean of the number itself, above 0",
            "sigma": "the standard deviation of its logarithm, above 0",
        },
        Distribution.UNIFORM: {"low": "the smallest", "high": "the largest, above `low`"},
        Distribution.TRIANGULAR: {"low": "the smallest", "mode": "the likeliest", "high": "the largest, above `low`"},
    }
)  # fmt: skip


def mean_of(distribution: Distribution, parameters: Mapping[str, float]) -> float:
    match distribution:
        case Distribution.NORMAL | Distribution.LOGNORMAL:
            return parameters["mean"]
        case Distribution.UNIFORM:
            return (parameters["low"] + parameters["high"]) / 2.0
        case Distribution.TRIANGULAR:
            return (parameters["low"] + parameters["mode"] + parameters["high"]) / 3.0


def misfit(distribution: Distribution, parameters: Mapping[str, float]) -> tuple[str, str] | None:
    """The first parameter that is impossible, and why; None if all are possible. All must be there."""
    low, high = parameters.get("low", 0.0), parameters.get("high", 0.0)
    for name in ("std", "sigma"):
        if parameters.get(name, 1.0) <= 0.0:
            return name, f"{name} must be above 0"
    if distribution is Distribution.LOGNORMAL and parameters["mean"] <= 0.0:
        return "mean", "the mean of a lognormal number must be above 0"
    if "high" in parameters and high <= low:
        return "high", "high must be above low"
    if "mode" in parameters and not low <= parameters["mode"] <= high:
        return "mode", "mode must lie between low and high"
    return None
