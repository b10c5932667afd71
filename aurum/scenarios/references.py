"""Curves that drivers name, which a run needs beside those that its scenario looks at."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

from aurum.scenarios.drivers import Driver, Policy
from aurum.scenarios.nesting import inside, remade
from aurum.scenarios.policies import SHIPPED, Policies, PolicyVersion
from aurum.scenarios.registry import ParameterKind, type_of


def references(drivers: Iterable[Driver], policies: Policies = SHIPPED) -> frozenset[str]:
    """Keys, or legacy keys, as the drivers and the policies among them have them."""
    return frozenset(key for driver in all_of(drivers, policies) for key in _keys(driver))


def policies_used(drivers: Iterable[Driver], policies: Policies = SHIPPED) -> list[PolicyVersion]:
    """The versions that drivers come to, in their order."""
    named = (each for each in all_of(drivers, policies) if isinstance(each, Policy))
    found = (policies.find(each.policy_name, each.policy_version) for each in named)
    return [each for each in found if each is not None]


def pinned(driver: Driver, policies: Policies) -> Driver:
    """The driver with the versions that its policies come to: newer ones change nothing of it any more."""
    if isinstance(driver, Policy):
        found = policies.find(driver.policy_name, driver.policy_version)
        return driver if found is None else replace(driver, policy_version=found.version)
    return remade("", driver, lambda _, each: pinned(each, policies))


def all_of(drivers: Iterable[Driver], policies: Policies = SHIPPED) -> Iterator[Driver]:
    """They, and those inside of them and of their policies."""
    for driver in drivers:
        yield driver
        if isinstance(driver, Policy):
            found = policies.find(driver.policy_name, driver.policy_version)
            yield from () if found is None else found.effects
        yield from all_of((each for *_, each in inside("", driver)), policies)


def _keys(driver: Driver) -> Iterator[str]:
    for parameter in type_of(driver).parameters:
        value: Any = getattr(driver, parameter.name)
        if parameter.kind is ParameterKind.CURVE and value is not None:
            yield value
        elif parameter.kind is ParameterKind.CONDITIONS:
            yield from (each.curve for each in value)
