"""The GraphQL face of what exists: the catalogue of curves, units and currencies."""

from aurum.metadata.graphql.catalogue import (
    Attribute,
    Currency,
    CurveFilter,
    CurveOrder,
    CurveReview,
    MetadataMutation,
    MetadataQuery,
    Problem,
    Unit,
    UnitVersion,
    currency_of,
    filter_of,
    order_of,
    problem_of,
    review_of,
    unit_of,
    unit_version_of,
)
from aurum.metadata.graphql.deliveries import DeliveryInput, period_of

__all__ = [
    "Attribute",
    "Currency",
    "CurveFilter",
    "CurveOrder",
    "CurveReview",
    "DeliveryInput",
    "MetadataMutation",
    "MetadataQuery",
    "Problem",
    "Unit",
    "UnitVersion",
    "currency_of",
    "filter_of",
    "order_of",
    "period_of",
    "problem_of",
    "review_of",
    "unit_of",
    "unit_version_of",
]
