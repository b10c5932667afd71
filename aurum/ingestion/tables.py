"""Tables of files, runs and findings."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Date, ForeignKey, Index, Integer, String, Table, UniqueConstraint

from aurum.backends.database import Id, Instant, Json, Text, tables

source_files = Table(
    "source_files",
    tables,
    Column("id", Id, primary_key=True),
    Column("tenant_id", String(64), nullable=False),
    Column("content_hash", String(64), nullable=False),
    Column("name", Text, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("received_at", Instant, nullable=False),
    Column("vendor", Text),
    Column("as_of", Date),
    Column("created_at", Instant),
    Column("modified_at", Instant),
    Column("published_at", Instant),  # set in the transaction that loads the file, null until then
    UniqueConstraint("tenant_id", "content_hash"),
    Index(None, "tenant_id", "vendor", "as_of"),
)

runs = Table(
    "ingestion_runs",
    tables,
    Column("id", Id, primary_key=True),
    Column("tenant_id", String(64), nullable=False),
    Column("file_id", ForeignKey("source_files.id"), nullable=False),
    Column("file_name", Text, nullable=False),
    Column("trigger", Text, nullable=False),
    Column("requested_by", Text, nullable=False),
    Column("requested_vendor", Text),
    Column("requested_as_of", Date),
    Column("state", String(16), nullable=False),
    Column("vendor", Text),
    Column("as_of", Date),
    Column("attempt", Integer, nullable=False),
    Column("lease_expires_at", Instant),
    Column("created_at", Instant, nullable=False),
    Column("started_at", Instant),
    Column("finished_at", Instant),
    Column("parser_version", Text, nullable=False),
    Column("counts", Json, nullable=False),
    Column("error_code", Text),
    Column("error", Text),
    Column("hint", Text),
    Column("repeats", ForeignKey("ingestion_runs.id")),
    Index(None, "tenant_id", "created_at", "id"),
    Index(None, "file_id"),
    Index(None, "state", "lease_expires_at"),
)

findings = Table(
    "ingestion_findings",
    tables,
    Column("run_id", ForeignKey("ingestion_runs.id"), primary_key=True),
    Column("place", Integer, primary_key=True),
    Column("tenant_id", String(64), nullable=False),
    Column("code", Text, nullable=False),
    Column("severity", String(16), nullable=False),
    Column("message", Text, nullable=False),
    Column("sheet", Text),
    Column("cells", Json, nullable=False),
    Column("curve_key", Text),
)
