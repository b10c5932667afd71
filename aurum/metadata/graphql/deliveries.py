"""A delivery period as it is asked for."""

from __future__ import annotations

from datetime import date

import strawberry

from aurum.errors import InvalidInput
from aurum.market.periods import DeliveryPeriod


@strawberry.input(description="One delivery period, exactly.")
class DeliveryInput:
    start: date = strawberry.field(description="The first day of delivery.")
    end: date = strawberry.field(description="The day after the last day of delivery.")


def period_of(delivery: DeliveryInput, field: str = "delivery") -> DeliveryPeriod:
    """Raises InvalidInput, about the argument `field`, for one that ends before it starts."""
    if delivery.end <= delivery.start:
        raise InvalidInput("a delivery period ends after it starts", field=field)
    return DeliveryPeriod(delivery.start, delivery.end)
