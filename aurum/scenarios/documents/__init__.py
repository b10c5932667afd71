"""Drivers as JSON documents: `{driver_type, payload, version}`, as they are stored, digested and sent over REST.

Payloads have the names of the legacy API, and beside them `name` and `limits`.
"""

from __future__ import annotations

from aurum.scenarios.documents.drivers import MOST_DRIVERS, read_drivers
from aurum.scenarios.documents.policies import read_policy, write_policy
from aurum.scenarios.documents.writing import canonical, write_driver

__all__ = ["MOST_DRIVERS", "canonical", "read_drivers", "read_policy", "write_driver", "write_policy"]
