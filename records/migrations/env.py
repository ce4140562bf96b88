"""Alembic's entry: works on the connection that the caller put into ``config.attributes["connection"]``."""

from alembic import context

from records.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,
    compare_type=True,
)
with context.begin_transaction():
    context.run_migrations()
