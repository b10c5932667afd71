"""The GraphQL face of curves and their prices."""

from __future__ import annotations

from aurum.curves.graphql.arguments import DateRange, event_cursor
from aurum.curves.graphql.curves import Curve, CurveSnapshot, curve_of, snapshot_of
from aurum.curves.graphql.roots import CurveMutation, CurveQuery, CurveSubscription

__all__ = [
    "Curve",
    "CurveMutation",
    "CurveQuery",
    "CurveSnapshot",
    "CurveSubscription",
    "DateRange",
    "curve_of",
    "event_cursor",
    "snapshot_of",
]
