"""Tables of the curve catalogue. Columns `*_folded` hold the text as it is matched."""

from __future__ import annotations

from sqlalchemy import Column, Float, ForeignKey, Index, Integer, String, Table, UniqueConstraint, text

from aurum.backends.database import Id, Instant, Json, Text, tables

curves = Table(
    "curves",
    tables,
    Column("id", Id, primary_key=True),
    Column("tenant_id", String(64), nullable=False),
    Column("key", Text, nullable=False),
    Column("legacy_key", String(64), nullable=False),
    Column("vendor", Text, nullable=False),
    Column("iso", Text),
    Column("market", Text, nullable=False),
    Column("location", Text, nullable=False),
    Column("product", Text, nullable=False),
    Column("block", Text),
    Column("measure", Text, nullable=False),
    Column("leg", Text),
    Column("identity_unit", Text),
    Column("region", Text),
    Column("name", Text, nullable=False),
    Column("asset_class", Text, nullable=False),
    Column("commodity", Text, nullable=False),
    Column("currency", Text),
    Column("unit", Text),
    Column("attributes", Json, nullable=False),
    Column("iso_folded", Text),
    Column("market_folded", Text, nullable=False),
    Column("location_folded", Text, nullable=False),
    Column("product_folded", Text, nullable=False),
    Column("block_folded", Text),
    Column("region_folded", Text),
    Column("search", Text, nullable=False),  # words, indexed by migration 0008
    Column("created_at", Instant, nullable=False),
    Column("location_key", Text),
    UniqueConstraint("tenant_id", "key"),
    Index(None, "tenant_id", "legacy_key"),
    Index(None, "tenant_id", "vendor", "location_folded"),
    Index(None, "tenant_id", "location_key"),
)

# Every word that a curve of the tenant has, by each of its trigrams.
curve_trigrams = Table(
    "curve_trigrams",
    tables,
    Column("tenant_id", String(64), primary_key=True),
    Column("trigram", Text, primary_key=True),
    Column("word", Text, primary_key=True),
)

curve_units = Table(
    "curve_units",
    tables,
    Column("curve_id", ForeignKey("curves.id"), primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("tenant_id", String(64), nullable=False),
    Column("currency", Text),
    Column("unit", Text),
    Column("confidence", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("note", Text),
    Column("known_from", Instant, nullable=False),
    Index(None, "tenant_id", "curve_id", postgresql_where=text("version > 1"), sqlite_where=text("version > 1")),
)

# Somebody has looked at a curve. One without a row waits for it.
curve_reviews = Table(
    "curve_reviews",
    tables,
    Column("id", Id, primary_key=True),
    Column("tenant_id", String(64), nullable=False),
    Column("curve_id", ForeignKey("curves.id"), nullable=False),
    Column("author", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("reviewed_at", Instant, nullable=False),
    Index(None, "curve_id", "id"),
)

unit_mappings = Table(
    "unit_mappings",
    tables,
    Column("tenant_id", String(64), primary_key=True),
    Column("text", Text, primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("currency", Text),
    Column("unit", Text),
    Column("source", Text, nullable=False),
    Column("known_from", Instant, nullable=False),
)

# What a tenant says that texts mean as a location; `*`: whatever a curve has there. No location: none that is known.
location_aliases = Table(
    "location_aliases",
    tables,
    Column("tenant_id", String(64), primary_key=True),
    Column("vendor", Text, primary_key=True),
    Column("iso", Text, primary_key=True),
    Column("market", Text, primary_key=True),
    Column("product", Text, primary_key=True),
    Column("text_folded", Text, primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("text", Text, nullable=False),
    Column("location", Text),
    Column("author", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("known_from", Instant, nullable=False),
)

# Which curve a series of another system is. No curve: the mapping was removed.
series_mappings = Table(
    "series_mappings",
    tables,
    Column("tenant_id", String(64), primary_key=True),
    Column("source", Text, primary_key=True),
    Column("series", Text, primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("curve_key", Text),
    Column("confidence", Float, nullable=False),
    Column("method", Text, nullable=False),
    Column("author", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("known_from", Instant, nullable=False),
    Index(None, "tenant_id", "curve_key"),
)
