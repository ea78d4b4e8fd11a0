"""Sessions with their turns, summaries and attached files; runs are held by leases instead of by process ids."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Create the tables, and let go of every run: whoever held one used an older agentctl."""
    _sessions()
    _parts_of_sessions()
    op.create_table(
        "holders",
        sa.Column("holder", sa.String, primary_key=True),
        sa.Column("host", sa.String, nullable=False),
        sa.Column("pid", sa.Integer, nullable=False),
        sa.Column("pid_started", sa.String, nullable=False),
        sa.Column("expires_at", sa.Float, nullable=False),
    )
    with op.batch_alter_table("runs", recreate="auto") as runs:
        runs.add_column(sa.Column("holder", sa.String))
        runs.add_column(sa.Column("lease", sa.Integer, nullable=False, server_default="0"))
        runs.add_column(sa.Column("is_cancelled", sa.Boolean, nullable=False, server_default=sa.false()))
        runs.add_column(sa.Column("seed", sa.JSON))
        runs.drop_column("pid")
        runs.drop_column("pid_started")
    with op.batch_alter_table("runs") as runs:
        runs.alter_column("lease", server_default=None)
        runs.alter_column("is_cancelled", server_default=None)


def _sessions() -> None:
    op.create_table(
        "sessions",
        sa.Column("session_id", sa.String, primary_key=True),
        sa.Column("user_id", sa.String, nullable=False),
        sa.Column("workspace", sa.String, nullable=False),
        sa.Column("name", sa.String),
        sa.Column("tags", sa.JSON, nullable=False),
        sa.Column("metadata", sa.JSON, nullable=False),
        sa.Column("created_at", sa.String, nullable=False),
        sa.Column("updated_at", sa.String, nullable=False),
        sa.Column("turns", sa.Integer, nullable=False),
        sa.Column("active_run", sa.String),
        sa.Column("parent_id", sa.String),
        sa.Column("parent_turn", sa.Integer),
    )
    op.create_index("ix_sessions_user_id_name", "sessions", ["user_id", "name"], unique=True)
    op.create_index("ix_sessions_user_id_updated_at", "sessions", ["user_id", "updated_at"])
    op.create_index("ix_sessions_updated_at", "sessions", ["updated_at"])


def _parts_of_sessions() -> None:
    op.create_table(
        "turns",
        sa.Column("session_id", sa.String, primary_key=True),
        sa.Column("turn", sa.Integer, primary_key=True),
        sa.Column("run_id", sa.String),
        sa.Column("status", sa.String, nullable=False),
        sa.Column("user", sa.JSON, nullable=False),
        sa.Column("attachments", sa.JSON, nullable=False),
        sa.Column("answer", sa.JSON),
        sa.Column("winner", sa.JSON),
        sa.Column("decision", sa.JSON),
        sa.Column("stages", sa.JSON),
        sa.Column("usage", sa.JSON),
        sa.Column("generation", sa.String),
        sa.Column("threads", sa.JSON),
        sa.Column("started_at", sa.String, nullable=False),
        sa.Column("finished_at", sa.String),
    )
    op.create_index("ix_turns_run_id", "turns", ["run_id"])
    has_threads = sa.text("threads IS NOT NULL")
    columns = ["session_id", "turn"]
    op.create_index("ix_turns_threads", "turns", columns, sqlite_where=has_threads, postgresql_where=has_threads)
    op.create_table(
        "summaries",
        sa.Column("session_id", sa.String, primary_key=True),
        sa.Column("upto", sa.Integer, primary_key=True),
        sa.Column("text", sa.JSON, nullable=False),
        sa.Column("usage", sa.JSON),
        sa.Column("created_at", sa.String, nullable=False),
    )
    op.create_table(
        "attachments",
        sa.Column("session_id", sa.String, primary_key=True),
        sa.Column("digest", sa.String, primary_key=True),
        sa.Column("body", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "dead_threads",
        sa.Column("thread_id", sa.String, primary_key=True),
        sa.Column("dead_at", sa.String, nullable=False),
    )
