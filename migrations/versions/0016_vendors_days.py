"""The versions of a vendor's day, whose curves have ids beside each other, are one range of an index."""

from __future__ import annotations

from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

_BEFORE, _AFTER = ["tenant_id", "as_of"], ["tenant_id", "as_of", "curve_id"]


def upgrade() -> None:
    _replace(_BEFORE, _AFTER)


def downgrade() -> None:
    _replace(_AFTER, _BEFORE)


def _replace(before: list[str], after: list[str]) -> None:
    op.create_index(op.f(f"ix_snapshots_{'_'.join(after)}"), "snapshots", after)
    op.drop_index(op.f(f"ix_snapshots_{'_'.join(before)}"), table_name="snapshots")
