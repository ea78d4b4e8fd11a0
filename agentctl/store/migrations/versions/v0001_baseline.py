"""The first tables: runs, calls and run_events."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "runs",
        sa.Column("run_id", sa.String, primary_key=True),
        sa.Column("session_id", sa.String, nullable=False),
        sa.Column("user_id", sa.String, nullable=False),
        sa.Column("workspace", sa.String, nullable=False),
        sa.Column("generation", sa.String, nullable=False),
        sa.Column("task", sa.JSON, nullable=False),
        sa.Column("model", sa.String),
        sa.Column("status", sa.String, nullable=False),
        sa.Column("created_at", sa.String, nullable=False),
        sa.Column("updated_at", sa.String, nullable=False),
        sa.Column("pid", sa.Integer),
        sa.Column("pid_started", sa.String),
        sa.Column("active_s", sa.Float, nullable=False),
        sa.Column("timeout_s", sa.Float),
        sa.Column("result", sa.JSON),
        sa.Column("expired", sa.Boolean, nullable=False),
        sa.Column("reserved", sa.Integer, nullable=False),
    )
    op.create_index("ix_runs_session_id", "runs", ["session_id"])
    op.create_table(
        "calls",
        sa.Column("run_id", sa.String, primary_key=True),
        sa.Column("agent", sa.String, primary_key=True),
        sa.Column("stage", sa.String, primary_key=True),
        sa.Column("visit", sa.Integer, primary_key=True),
        sa.Column("round", sa.Integer, primary_key=True),
        sa.Column("ordinal", sa.Integer, primary_key=True),
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("name", sa.String, nullable=False),
        sa.Column("digest", sa.String, nullable=False),
        sa.Column("status", sa.String, nullable=False),
        sa.Column("result", sa.Text),
        sa.Column("error", sa.Text),
        sa.Column("started_at", sa.String, nullable=False),
        sa.Column("finished_at", sa.String),
    )
    op.create_table(
        "run_events",
        sa.Column("run_id", sa.String, primary_key=True),
        sa.Column("seq", sa.Integer, primary_key=True),
        sa.Column("key", sa.String, nullable=False),
        sa.Column("event", sa.Text, nullable=False),
    )
