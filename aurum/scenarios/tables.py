"""Tables of scenarios, their versions, policies, runs, batches of runs, and results."""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
    Column,
    Date,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    UniqueConstraint,
)

from aurum.backends.database import Id, Instant, Json, Text, tables

scenarios = Table(
    "scenarios",
    tables,
    Column("id", Id, primary_key=True),
    Column("tenant_id", String(64), nullable=False),
    Column("slug", Text),  # of the name; null once it is deleted: the name is free again
    Column("state", String(16), nullable=False),
    Column("version", Integer, nullable=False),  # the newest
    Column("parent_id", ForeignKey("scenarios.id")),
    Column("parent_version", Integer),
    Column("search", Text, nullable=False),  # name, description and tags, folded
    Column("created_at", Instant, nullable=False),
    Column("created_by", Text, nullable=False),
    UniqueConstraint("tenant_id", "slug"),
    Index(None, "tenant_id", "created_at", "id"),
    Index(None, "parent_id"),
)

# What a scenario says. A version is never changed.
scenario_versions = Table(
    "scenario_versions",
    tables,
    Column("scenario_id", ForeignKey("scenarios.id"), primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("tenant_id", String(64), nullable=False),
    Column("name", Text, nullable=False),
    Column("description", Text),
    Column("drivers", Json, nullable=False),  # documents, in order
    Column("filter", Json, nullable=False),  # of curves: {condition: values}
    Column("as_of", Date),
    Column("known_at", Instant),
    Column("tags", Json, nullable=False),
    Column("author", Text, nullable=False),
    Column("reason", Text),
    Column("created_at", Instant, nullable=False),
    Column("merged_id", ForeignKey("scenarios.id")),  # what was merged into the version before it makes this one
    Column("merged_version", Integer),
)

# Those of the newest version, to choose scenarios by.
scenario_tags = Table(
    "scenario_tags",
    tables,
    Column("tenant_id", String(64), primary_key=True),
    Column("tag", Text, primary_key=True),
    Column("scenario_id", ForeignKey("scenarios.id"), primary_key=True),
)

# Policies of tenants. A version is never changed.
policies = Table(
    "scenario_policies",
    tables,
    Column("tenant_id", String(64), primary_key=True),
    Column("name_folded", Text, primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("document", Json, nullable=False),
    Column("author", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("created_at", Instant, nullable=False),
)

runs = Table(
    "scenario_runs",
    tables,
    Column("id", Id, primary_key=True),
    Column("tenant_id", String(64), nullable=False),
    Column("scenario_id", ForeignKey("scenarios.id"), nullable=False),
    Column("version", Integer, nullable=False),
    Column("variation", Json),  # how its drivers differ from the version's; null: they do not
    Column("state", String(16), nullable=False),
    Column("priority", Integer, nullable=False),
    Column("seed", Integer, nullable=False),
    Column("time_limit", Integer, nullable=False),  # seconds
    Column("as_of", Date, nullable=False),
    Column("known_at", Instant, nullable=False),
    Column("inputs", Json, nullable=False),  # [[curve id, snapshot id, currency, unit], ...]
    Column("request_digest", String(64), nullable=False),
    Column("idempotency_key", Text),  # that it was queued with
    Column("requested_by", Text, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("started_at", Instant),
    Column("finished_at", Instant),
    Column("attempt", Integer, nullable=False),
    Column("lost", Integer, nullable=False),  # how many of its workers went silent
    Column("lease_expires_at", Instant),
    Column("progress", Float, nullable=False),
    Column("input_digest", String(64)),
    Column("output_digest", String(64)),
    Column("issues", Json, nullable=False),
    Column("error_code", Text),
    Column("error", Text),
    Column("hint", Text),
    UniqueConstraint("tenant_id", "idempotency_key"),
    Index(None, "tenant_id", "request_digest"),
    Index(None, "tenant_id", "created_at", "id"),
    Index(None, "scenario_id", "id"),
    Index(None, "state", "priority", "id"),
)

# What keys have asked for, for ever: `asked` is what the caller said, to know one that is used for something else.
run_keys = Table(
    "scenario_run_keys",
    tables,
    Column("tenant_id", String(64), primary_key=True),
    Column("idempotency_key", Text, primary_key=True),
    Column("run_id", ForeignKey("scenario_runs.id"), nullable=False),
    Column("asked", Json, nullable=False),
)

# A curve as a run has it. While the run is under way, some of what it has computed: rows of their own, with other ids.
results = Table(
    "scenario_results",
    tables,
    Column("id", Id, primary_key=True),
    Column("tenant_id", String(64), nullable=False),
    Column("run_id", ForeignKey("scenario_runs.id"), nullable=False),
    Column("curve_id", ForeignKey("curves.id"), nullable=False),
    Column("curve_key", Text, nullable=False),
    Column("snapshot_id", ForeignKey("snapshots.id"), nullable=False),  # its base
    Column("mid", LargeBinary),  # float64, little-endian, one per tenor of the base's grid; null: as the base
    Column("drivers", Json, nullable=False),  # numbers of those that moved it
    Column("amounts", LargeBinary),  # what each did, one vector like `mid` after another
    UniqueConstraint("run_id", "curve_id"),
    UniqueConstraint("run_id", "curve_key"),
    sqlite_autoincrement=True,  # else the id of one that is gone would be another one's
)

# What a run simulates: there with the run; what has come out of it once the run has succeeded.
simulations = Table(
    "scenario_simulations",
    tables,
    Column("run_id", ForeignKey("scenario_runs.id"), primary_key=True),
    Column("tenant_id", String(64), nullable=False),
    Column("terms", Json, nullable=False),
    Column("histories", LargeBinary, nullable=False),  # int64, little-endian: curve, how many, its snapshots; the next
    Column("issues", Json, nullable=False),  # warnings of when it was asked for
    Column("digest", String(64)),
    Column("summary", Json),
)

simulated_curves = Table(
    "scenario_simulated_curves",
    tables,
    Column("run_id", ForeignKey("scenario_runs.id"), primary_key=True),
    Column("curve_id", ForeignKey("curves.id"), primary_key=True),
    Column("tenant_id", String(64), nullable=False),
    Column("curve_key", Text, nullable=False),
    Column("moves", String(16), nullable=False),
    Column("unmodelled", Integer, nullable=False),
    Column("numbers", LargeBinary, nullable=False),  # float64, little-endian: one vector after another, see `packed`
    UniqueConstraint("run_id", "curve_key"),
)

# Runs that were asked for at once.
batches = Table(
    "scenario_batches",
    tables,
    Column("id", Id, primary_key=True),
    Column("tenant_id", String(64), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("scenario_id", ForeignKey("scenarios.id")),  # whose drivers vary; null: runs of any scenarios
    Column("idempotency_key", Text),
    Column("asked", Json, nullable=False),  # what the caller said
    Column("requested_by", Text, nullable=False),
    Column("created_at", Instant, nullable=False),
    UniqueConstraint("tenant_id", "idempotency_key"),
    Index(None, "tenant_id", "created_at", "id"),
    Index(None, "scenario_id", "id"),
)

batch_runs = Table(
    "scenario_batch_runs",
    tables,
    Column("batch_id", ForeignKey("scenario_batches.id"), primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("tenant_id", String(64), nullable=False),
    Column("run_id", ForeignKey("scenario_runs.id"), nullable=False),
    Column("queued", Boolean, nullable=False),  # by this batch; false: the same had been asked for before
    Index(None, "run_id"),
)
