"""Runs migrations inside a connection that ``service.migrating`` opened; there is no other way in.

The caller holds the lock and commits, so that an upgrade that fails leaves the schema as it was.
"""

from alembic import context

from service.desk.search_index import in_models
from service.models import METADATA

connection = context.config.attributes["connection"]

context.configure(
    connection=connection,
    target_metadata=METADATA,
    render_as_batch=True,  # SQLite cannot alter a column in place
    compare_type=True,
    include_object=in_models,
    transactional_ddl=False,  # the caller's transaction is the only one
)
context.run_migrations()
