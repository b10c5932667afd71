"""Registered operations, and when each was last used; also those of the server's files."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, String, Table

from aurum.backends.database import Instant, Text, tables

operations = Table(
    "operations",
    tables,
    Column("tenant_id", String(64), primary_key=True),
    Column("id", Text, primary_key=True),
    Column("document", Text, nullable=False),
    Column("digest", String(64), nullable=False),
    Column("registered_at", Instant, nullable=False),
    Column("registered_by", Text, nullable=False),
    Column("retired_at", Instant),
    Column("retired_by", Text),
    Column("revision", BigInteger, nullable=False),  # of the tenant's operations: each change counts one up
    Index(None, "tenant_id", "revision"),
)

operation_uses = Table(
    "operation_uses",
    tables,
    Column("tenant_id", String(64), primary_key=True),
    Column("id", Text, primary_key=True),
    Column("last_used_at", Instant, nullable=False),
)
