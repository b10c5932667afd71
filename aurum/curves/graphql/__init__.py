"""The GraphQL face of curves and their prices."""

from __future__ import annotations

from aurum.curves.graphql.aggregates import AggregateQuery
from aurum.curves.graphql.arguments import DateRange, DeliveryRange, EventsAfter, bounds, instant_of
from aurum.curves.graphql.curves import Curve, curve_of
from aurum.curves.graphql.derived import DerivedQuery
from aurum.curves.graphql.live import CurveSubscription
from aurum.curves.graphql.locations import Location, LocationMutation, LocationQuery, location_face
from aurum.curves.graphql.movers import MoverQuery
from aurum.curves.graphql.quotes import QuoteQuery
from aurum.curves.graphql.reviews import ReviewMutation
from aurum.curves.graphql.roots import CurveMutation, CurveQuery
from aurum.curves.graphql.series import SeriesMutation, SeriesQuery
from aurum.curves.graphql.snapshots import CurveSnapshot, snapshot_of

__all__ = [
    "AggregateQuery",
    "Curve",
    "CurveMutation",
    "CurveQuery",
    "CurveSnapshot",
    "CurveSubscription",
    "DateRange",
    "DeliveryRange",
    "DerivedQuery",
    "EventsAfter",
    "Location",
    "LocationMutation",
    "LocationQuery",
    "MoverQuery",
    "QuoteQuery",
    "ReviewMutation",
    "SeriesMutation",
    "SeriesQuery",
    "bounds",
    "curve_of",
    "instant_of",
    "location_face",
    "snapshot_of",
]
