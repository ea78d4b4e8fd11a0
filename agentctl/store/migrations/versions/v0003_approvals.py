"""What people are asked in a run, and what they decide; the tools that a turn enabled."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Create the table; no turn has enabled a tool yet."""
    op.create_table(
        "approvals",
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("run_id", sa.String, nullable=False),
        sa.Column("session_id", sa.String, nullable=False),
        sa.Column("user_id", sa.String, nullable=False),
        sa.Column("workspace", sa.String, nullable=False),
        sa.Column("agent", sa.String, nullable=False),
        sa.Column("stage", sa.String, nullable=False),
        sa.Column("round", sa.Integer, nullable=False),
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("tool", sa.String, nullable=False),
        sa.Column("args", sa.JSON, nullable=False),
        sa.Column("digest", sa.String, nullable=False),
        sa.Column("schema", sa.JSON),
        sa.Column("why", sa.JSON, nullable=False),
        sa.Column("requested_at", sa.String, nullable=False),
        sa.Column("expires_at", sa.String, nullable=False),
        sa.Column("status", sa.String, nullable=False),
        sa.Column("decided_at", sa.String),
        sa.Column("decided_by", sa.String),
        sa.Column("reason", sa.JSON, nullable=False),
        sa.Column("edited", sa.JSON),
        sa.Column("always", sa.Boolean, nullable=False),
    )
    op.create_index("ix_approvals_run_id", "approvals", ["run_id"])
    op.create_index("ix_approvals_session_id_digest", "approvals", ["session_id", "digest"])
    op.create_index("ix_approvals_status", "approvals", ["status"])
    with op.batch_alter_table("runs") as runs:
        runs.add_column(sa.Column("tools", sa.JSON, nullable=False, server_default="[]"))
    with op.batch_alter_table("runs") as runs:
        runs.alter_column("tools", server_default=None)
