"""Requests that are refused for what they ask."""

from __future__ import annotations

from aurum.errors import AurumError


class DocumentRefused(AurumError):
    """What is asked for is wrong, not how: 200 where the client only knows `application/json`."""

    code = "GRAPHQL_INVALID"
    status = 400
