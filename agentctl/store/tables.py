"""The tables. A change here is a new migration, and a new `VERSION`.

Strings have no length: SQLite minds none, so whoever names a role or a model longer would be
the first to hear of it on Postgres, in the middle of a run.
"""

from sqlalchemy import JSON, Boolean, Column, Float, Index, Integer, LargeBinary, MetaData, String, Table, Text

VERSION = "0003"
"""Revision of the newest migration in `migrations/versions`."""

metadata = MetaData()

runs = Table(
    "runs",
    metadata,
    Column("run_id", String, primary_key=True),
    Column("session_id", String, nullable=False),
    Column("user_id", String, nullable=False),
    Column("workspace", String, nullable=False),
    Column("generation", String, nullable=False),
    Column("task", JSON, nullable=False),  # JSON keeps what text may not: lone surrogates, NUL
    Column("model", String),
    Column("tools", JSON, nullable=False),
    Column("status", String, nullable=False),
    Column("created_at", String, nullable=False),
    Column("updated_at", String, nullable=False),
    Column("holder", String),
    Column("lease", Integer, nullable=False),  # grows with every claim: the fence that a late writer fails at
    Column("is_cancelled", Boolean, nullable=False),  # somebody wants it to stop
    Column("seed", JSON(none_as_null=True)),
    Column("active_s", Float, nullable=False),
    Column("timeout_s", Float),
    Column("result", JSON(none_as_null=True)),
    Column("expired", Boolean, nullable=False),
    Column("reserved", Integer, nullable=False),
    Index("ix_runs_session_id", "session_id"),
)

holders = Table(
    "holders",
    metadata,
    Column("holder", String, primary_key=True),
    Column("host", String, nullable=False),
    Column("pid", Integer, nullable=False),
    Column("pid_started", String, nullable=False),
    Column("expires_at", Float, nullable=False),
)

sessions = Table(
    "sessions",
    metadata,
    Column("session_id", String, primary_key=True),
    Column("user_id", String, nullable=False),
    Column("workspace", String, nullable=False),
    Column("name", String),
    Column("tags", JSON, nullable=False),
    Column("metadata", JSON, nullable=False),
    Column("created_at", String, nullable=False),
    Column("updated_at", String, nullable=False),
    Column("turns", Integer, nullable=False),
    Column("active_run", String),
    Column("parent_id", String),
    Column("parent_turn", Integer),
    Index("ix_sessions_user_id_name", "user_id", "name", unique=True),
    Index("ix_sessions_user_id_updated_at", "user_id", "updated_at"),
    Index("ix_sessions_updated_at", "updated_at"),
)

# Texts are JSON here, too.
turns = Table(
    "turns",
    metadata,
    Column("session_id", String, primary_key=True),
    Column("turn", Integer, primary_key=True),
    Column("run_id", String),
    Column("status", String, nullable=False),
    Column("user", JSON, nullable=False),
    Column("attachments", JSON, nullable=False),
    Column("answer", JSON(none_as_null=True)),
    Column("winner", JSON(none_as_null=True)),
    Column("decision", JSON(none_as_null=True)),
    Column("stages", JSON(none_as_null=True)),
    Column("usage", JSON(none_as_null=True)),
    Column("generation", String),
    Column("threads", JSON(none_as_null=True)),
    Column("started_at", String, nullable=False),
    Column("finished_at", String),
    Index("ix_turns_run_id", "run_id"),
)
_HAS_THREADS = turns.c.threads.is_not(None)  # few have; else every turn would be read to find them
Index(
    "ix_turns_threads",
    turns.c.session_id,
    turns.c.turn,
    sqlite_where=_HAS_THREADS,
    postgresql_where=_HAS_THREADS,
)

summaries = Table(
    "summaries",
    metadata,
    Column("session_id", String, primary_key=True),
    Column("upto", Integer, primary_key=True),
    Column("text", JSON, nullable=False),
    Column("usage", JSON(none_as_null=True)),
    Column("created_at", String, nullable=False),
)

attachments = Table(
    "attachments",
    metadata,
    Column("session_id", String, primary_key=True),
    Column("digest", String, primary_key=True),
    Column("body", LargeBinary, nullable=False),
)

# Of the checkpointer: see `dead_threads.py`.
dead_threads = Table(
    "dead_threads",
    metadata,
    Column("thread_id", String, primary_key=True),
    Column("dead_at", String, nullable=False),
)

calls = Table(
    "calls",
    metadata,
    Column("run_id", String, primary_key=True),
    Column("agent", String, primary_key=True),
    Column("stage", String, primary_key=True),
    Column("visit", Integer, primary_key=True),
    Column("round", Integer, primary_key=True),
    Column("ordinal", Integer, primary_key=True),
    Column("kind", String, nullable=False),
    Column("name", String, nullable=False),
    Column("digest", String, nullable=False),
    Column("status", String, nullable=False),
    Column("result", Text),
    Column("error", Text),
    Column("started_at", String, nullable=False),
    Column("finished_at", String),
)

# What is shown to people may be any text, hence JSON.
approvals = Table(
    "approvals",
    metadata,
    Column("id", String, primary_key=True),
    Column("run_id", String, nullable=False),
    Column("session_id", String, nullable=False),
    Column("user_id", String, nullable=False),
    Column("workspace", String, nullable=False),
    Column("agent", String, nullable=False),
    Column("stage", String, nullable=False),
    Column("round", Integer, nullable=False),
    Column("kind", String, nullable=False),
    Column("tool", String, nullable=False),
    Column("args", JSON, nullable=False),
    Column("digest", String, nullable=False),
    Column("schema", JSON(none_as_null=True)),
    Column("why", JSON, nullable=False),
    Column("requested_at", String, nullable=False),
    Column("expires_at", String, nullable=False),
    Column("status", String, nullable=False),
    Column("decided_at", String),
    Column("decided_by", String),
    Column("reason", JSON, nullable=False),
    Column("edited", JSON(none_as_null=True)),
    Column("always", Boolean, nullable=False),
    Index("ix_approvals_run_id", "run_id"),
    Index("ix_approvals_session_id_digest", "session_id", "digest"),
    Index("ix_approvals_status", "status"),
)

run_events = Table(
    "run_events",
    metadata,
    Column("run_id", String, primary_key=True),
    Column("seq", Integer, primary_key=True),
    Column("key", String, nullable=False),
    Column("event", Text, nullable=False),
)

# Alembic's own table, written here so that Alembic need not be imported to read it.
version = Table("alembic_version", metadata, Column("version_num", String, primary_key=True))
