"""Relay's interface of what has an id."""

from __future__ import annotations

import strawberry


@strawberry.interface(description="Anything that can be fetched again by its id.")
class Node:
    id: strawberry.ID = strawberry.field(description="Opaque and lasting; `node(id)` answers the same thing.")
