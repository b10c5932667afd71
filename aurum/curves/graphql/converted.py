"""Prices of a snapshot in another unit of the same currency and dimension."""

from __future__ import annotations

from collections.abc import Sequence

import strawberry

from aurum.curves import expressions, model
from aurum.curves.graphql.arguments import Delivery, TenorTypes
from aurum.curves.graphql.points import CurveColumns, CurvePoint, chosen, columns_of, points_of
from aurum.errors import UnknownUnit
from aurum.graphql.arrow.tables import parallel
from aurum.graphql.columnar.plans import batched
from aurum.graphql.sizes import sized, weighing
from aurum.metadata import model as catalogue
from aurum.metadata.graphql import Currency, Unit, currency_of, unit_of


@strawberry.type(description="How values were brought into another unit of the same currency and dimension.")
class UnitConversion:
    source: str = strawberry.field(description="From this unit, such as `GBX/therm`.")
    target: str = strawberry.field(description="Into this unit.")
    factor: float = strawberry.field(description="What values were multiplied with.")
    reasons: list[str] = strawberry.field(description="Where the factor is from.")


@strawberry.type(description="The prices of a snapshot times one factor: mids, bids and asks alike.")
class ConvertedSnapshot:
    currency: Currency | None = strawberry.field(description="What prices are in.")
    unit: Unit | None = strawberry.field(description="What prices are per.")
    conversion: UnitConversion = strawberry.field(description="The factor, and where it is from.")
    prices: strawberry.Private[model.CurvePrices]

    @strawberry.field(
        description="See `CurveSnapshot.points`; prices are in this currency and unit.",
        metadata=batched(),
        directives=[sized(120)],
    )
    def points(self, tenor_types: TenorTypes = None, delivery: Delivery = None) -> Sequence[CurvePoint]:
        return points_of(self.prices, chosen(self.prices.tenors, tenor_types, delivery))

    @strawberry.field(
        description="The points as parallel lists.", metadata={**batched(), **parallel()}, directives=[weighing(20)]
    )
    def columns(self, tenor_types: TenorTypes = None, delivery: Delivery = None) -> CurveColumns:
        return columns_of(self.prices, chosen(self.prices.tenors, tenor_types, delivery))


def converted_of(
    prices: model.CurvePrices, priced_in: catalogue.UnitAssignment, currency: str | None, unit: str | None
) -> ConvertedSnapshot:
    """Raises UnknownUnit, UnitMismatch, NoExchangeRate, and InvalidInput for a code that is not known."""
    source = expressions.unit_of_codes(priced_in.currency, priced_in.unit)
    if source is None:
        raise UnknownUnit("nobody has said what the curve is priced in", hint="Say it with `setUnit`.")
    conversion = expressions.conversion_to(source, currency, unit)
    target = conversion.target.price
    return ConvertedSnapshot(
        currency=currency_of(target.currency if target else None), unit=unit_of(target.unit if target else None),
        conversion=conversion_of(conversion), prices=prices.scaled(conversion.factor),
    )  # fmt: skip


def conversion_of(conversion: expressions.Conversion) -> UnitConversion:
    return UnitConversion(
        source=str(conversion.source), target=str(conversion.target), factor=conversion.factor,
        reasons=list(conversion.reasons),
    )  # fmt: skip
