"""What a MWh of power takes of each fuel, where a driver does not say. Conventions, each with its source."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from aurum.scenarios.drivers import Fuel


@dataclass(frozen=True, slots=True)
class FuelUse:
    """`consumption` in `unit`: of the fuel, or of what is emitted, for power."""

    consumption: float
    unit: str
    source: str


FUELS: Mapping[Fuel, FuelUse] = MappingProxyType(
    {
        Fuel.NATURAL_GAS: FuelUse(
            2.0, "MWh/MWh", "50 % efficiency, as in the vendors' spark spreads of the continent (all cells agree)"
        ),
        Fuel.COAL: FuelUse(
            0.377, "mt/MWh", "38 % efficiency, 6,000 kcal/kg = 25.12 GJ/t: 3.6 / (0.38 x 25.12); a convention"
        ),
        Fuel.CO2: FuelUse(
            0.404, "tCO2/MWh", "natural gas, 56.1 kg CO2/GJ (IPCC 2006, lower heating value) = 0.202 t/MWh, at 50 %"
        ),
        Fuel.OIL: FuelUse(1.681, "bbl/MWh", "35 % efficiency, 5.8 MMBtu/bbl: 3.412141633 / (0.35 x 5.8); a convention"),
    }
)
