"""Run by Alembic: uses the connection and the transaction that the store has open."""

from alembic import context

from agentctl.store.tables import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
context.run_migrations()
