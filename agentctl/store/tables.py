"""The tables. A change here is a new migration, and a new `VERSION`."""

from sqlalchemy import JSON, Boolean, Column, Float, Index, Integer, MetaData, String, Table, Text

VERSION = "0001"
"""Revision of the newest migration in `migrations/versions`."""

metadata = MetaData()

runs = Table(
    "runs",
    metadata,
    Column("run_id", String(32), primary_key=True),
    Column("session_id", String(128), nullable=False),
    Column("user_id", String(128), nullable=False),
    Column("workspace", String(64), nullable=False),
    Column("generation", String(12), nullable=False),
    Column("task", JSON, nullable=False),  # JSON keeps what text may not: lone surrogates, NUL
    Column("model", String(256)),
    Column("status", String(16), nullable=False),
    Column("created_at", String(24), nullable=False),
    Column("updated_at", String(24), nullable=False),
    Column("pid", Integer),
    Column("pid_started", String(64)),
    Column("active_s", Float, nullable=False),
    Column("timeout_s", Float),
    Column("result", JSON(none_as_null=True)),
    Column("expired", Boolean, nullable=False),
    Column("reserved", Integer, nullable=False),
    Index("ix_runs_session_id", "session_id"),
)

calls = Table(
    "calls",
    metadata,
    Column("run_id", String(32), primary_key=True),
    Column("agent", String(64), primary_key=True),
    Column("stage", String(64), primary_key=True),
    Column("visit", Integer, primary_key=True),
    Column("round", Integer, primary_key=True),
    Column("ordinal", Integer, primary_key=True),
    Column("kind", String(8), nullable=False),
    Column("name", String(256), nullable=False),
    Column("digest", String(64), nullable=False),
    Column("status", String(8), nullable=False),
    Column("result", Text),
    Column("error", Text),
    Column("started_at", String(24), nullable=False),
    Column("finished_at", String(24)),
)

run_events = Table(
    "run_events",
    metadata,
    Column("run_id", String(32), primary_key=True),
    Column("seq", Integer, primary_key=True),
    Column("key", String(256), nullable=False),
    Column("event", Text, nullable=False),
)

# Alembic's own table, written here so that Alembic need not be imported to read it.
version = Table("alembic_version", metadata, Column("version_num", String(32), primary_key=True))
