"""Tables of files, runs and findings."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Date,
    Float,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    UniqueConstraint,
)

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
    Column("retries", ForeignKey("ingestion_runs.id")),
    Column("stage", String(16)),
    Column("lost", Integer, nullable=False, server_default="0"),  # how many of its workers went silent
    Column("thresholds_version", Integer),
    Column("drift_from", ForeignKey("source_files.id")),  # the vendor's file before, that it was compared with
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
    Column("points", Json),  # {curve key: [place in its tenors]}
)

# A point that is not served until somebody has decided; or cells of which no point could be made.
quarantine = Table(
    "quarantine",
    tables,
    Column("id", Id, primary_key=True),
    Column("tenant_id", String(64), nullable=False),
    Column("run_id", ForeignKey("ingestion_runs.id"), nullable=False),
    Column("file_id", ForeignKey("source_files.id"), nullable=False),
    Column("vendor", Text, nullable=False),
    Column("as_of", Date, nullable=False),
    Column("curve_id", ForeignKey("curves.id")),
    Column("curve_key", Text),
    Column("tenor", Text),
    Column("tenor_type", Text),
    Column("delivery_start", Date),
    Column("delivery_end", Date),
    Column("findings", Json, nullable=False),  # places in the run's findings, the reason first
    Column("code", Text, nullable=False),
    Column("message", Text, nullable=False),
    Column("sheet", Text),
    Column("cells", Json, nullable=False),
    Column("mid", Float),  # as the file has them
    Column("bid", Float),
    Column("ask", Float),
    Column("state", String(16), nullable=False),
    Index(None, "tenant_id", "state", "id"),
    Index(None, "tenant_id", "vendor", "as_of"),
    Index(None, "run_id"),
)

# What people decided about it, one after the other; the last one holds.
decisions = Table(
    "quarantine_decisions",
    tables,
    Column("id", Id, primary_key=True),
    Column("tenant_id", String(64), nullable=False),
    Column("quarantine_id", ForeignKey("quarantine.id"), nullable=False),
    Column("decision", String(16), nullable=False),
    Column("mid", Float),
    Column("bid", Float),
    Column("ask", Float),
    Column("author", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("decided_at", Instant, nullable=False),
    Column("version", Integer),  # of the curve's day that it made
    Index(None, "quarantine_id", "id"),
)

# Documents that operators edit: thresholds of checks, expected files. A version is never changed.
policies = Table(
    "ingestion_policies",
    tables,
    Column("tenant_id", String(64), primary_key=True),
    Column("name", String(64), primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("document", Json, nullable=False),
    Column("author", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("known_from", Instant, nullable=False),
)

# What each load made of the promises of its data set.
contract_checks = Table(
    "contract_checks",
    tables,
    Column("run_id", ForeignKey("ingestion_runs.id"), primary_key=True),
    Column("promise", String(32), primary_key=True),
    Column("tenant_id", String(64), nullable=False),
    Column("vendor", Text, nullable=False),
    Column("as_of", Date, nullable=False),
    Column("contract_version", Integer, nullable=False),
    Column("promised", Text, nullable=False),
    Column("found", Text, nullable=False),
    Column("kept", Boolean),
    Column("checked_at", Instant, nullable=False),
    Index(None, "tenant_id", "vendor", "run_id"),
)

# Expected files that did not come in time: noticed once each.
missing_files = Table(
    "missing_files",
    tables,
    Column("tenant_id", String(64), primary_key=True),
    Column("vendor", Text, primary_key=True),
    Column("as_of", Date, primary_key=True),
    Column("due_at", Instant, nullable=False),
    Column("noticed_at", Instant, nullable=False),
)
