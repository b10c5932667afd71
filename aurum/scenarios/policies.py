"""Policies: named and versioned, made of primitives. What Aurum ships are illustrations; tenants add their own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from aurum.market.identity import fold
from aurum.metadata.model import CurveFilter
from aurum.scenarios.drivers import Basis, Emission, Fx, HeatRate, Limits, Replace, Scale, Shift

Primitive = Shift | Scale | Replace | Basis | HeatRate | Emission | Fx
PRIMITIVES = (Shift, Scale, Replace, Basis, HeatRate, Emission, Fx)


@dataclass(frozen=True, slots=True)
class PolicyVersion:
    """What a policy does, one primitive after another. Never changes; `source` says where its numbers are from."""

    name: str
    version: int
    description: str
    source: str
    effects: tuple[Primitive, ...]


@dataclass(frozen=True, slots=True)
class Policies:
    """All versions of all policies, by the folded name, oldest first."""

    versions: Mapping[str, tuple[PolicyVersion, ...]]

    @classmethod
    def of(cls, given: Iterable[PolicyVersion]) -> Policies:
        """Raises ValueError for two of the same name and version."""
        found: dict[str, dict[int, PolicyVersion]] = {}
        for each in given:
            versions = found.setdefault(fold(each.name), {})
            if each.version in versions:
                raise ValueError(f"policy {each.name!r} has two versions {each.version}")
            versions[each.version] = each
        return cls(MappingProxyType({name: tuple(v for _, v in sorted(all_.items())) for name, all_ in found.items()}))

    def with_own(self, given: Iterable[PolicyVersion]) -> Policies:
        """With a tenant's own; of a name that both have, the tenant's alone."""
        return Policies({**self.versions, **Policies.of(given).versions})

    def __contains__(self, name: str) -> bool:
        return fold(name) in self.versions

    @property
    def names(self) -> list[str]:
        return sorted(all_[-1].name for all_ in self.versions.values())

    def find(self, name: str, version: int | None = None) -> PolicyVersion | None:
        """That version, or the newest."""
        known = self.versions.get(fold(name), ())
        return next((each for each in reversed(known) if version in (None, each.version)), None)


_EUA = "eugp:eu/eua/carbon"
_EU_POWER = CurveFilter(markets=("EU", "EE"), asset_classes=("power",), measures=("price",))
_ILLUSTRATION = "an illustration: no forecast and no law says these numbers"

SHIPPED = Policies.of(
    (
        PolicyVersion(
            "Carbon price 90", 1, "EU allowances at 90 EUR/tCO2; power on the continent follows.",
            "level: " + _ILLUSTRATION + "; emission factor: the default of `emission`",
            (
                Replace(price=90.0, unit="EUR/tCO2", limits=Limits(curves=CurveFilter(keys=(_EUA,)))),
                Emission(reference=_EUA, limits=Limits(curves=_EU_POWER)),
            ),
        ),
        PolicyVersion(
            "Renewable portfolio standard", 1, "Power 3 % lower, renewable certificates 10 % higher.", _ILLUSTRATION,
            (
                Scale(percent=-3.0, limits=Limits(curves=CurveFilter(asset_classes=("power",), measures=("price",)))),
                Scale(percent=10.0, limits=Limits(curves=CurveFilter(commodities=("REC",)))),
            ),
        ),
        PolicyVersion(
            "Emissions cap", 1, "A tighter cap: allowances 25 % higher.", _ILLUSTRATION,
            (Scale(percent=25.0, limits=Limits(curves=CurveFilter(commodities=("carbon",)))),),
        ),
    )
)  # fmt: skip
