"""Runs migrations on the connection, and in the transaction, of `Database.upgrade`."""

from alembic import context

from app.models import Base

context.configure(connection=context.config.attributes["connection"], target_metadata=Base.metadata)
with context.begin_transaction():
    context.run_migrations()
