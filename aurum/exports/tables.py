"""Jobs that make a file of a selection."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Integer, String, Table

from aurum.backends.database import Id, Instant, Text, tables

exports = Table(
    "exports",
    tables,
    Column("id", Id, primary_key=True),
    Column("tenant_id", String(64), nullable=False),
    Column("selection", Text, nullable=False),  # as the parameters of an address
    Column("format", String(16), nullable=False),
    Column("state", String(16), nullable=False),
    Column("requested_by", Text, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("due_at", Instant, nullable=False),  # QUEUED: to be begun from then; RUNNING: then its worker is silent
    Column("attempt", Integer, nullable=False, server_default="0"),
    Column("done", BigInteger, nullable=False, server_default="0"),
    Column("total", BigInteger),
    Column("started_at", Instant),
    Column("finished_at", Instant),
    Column("expires_at", Instant),
    Column("size", BigInteger),
    Column("digest", String(64)),
    Column("error_code", Text),
    Column("error", Text),
    Column("hint", Text),
    Index(None, "tenant_id", "id"),
    Index(None, "state", "due_at"),
    Index(None, "digest"),
)
