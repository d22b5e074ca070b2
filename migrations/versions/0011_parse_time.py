"""How long each document took to parse.

Revision ID: 0011
Revises: 0010
"""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Without a value for what is there: nobody measured it. Adding it rewrites no row on either database.
    op.add_column("fetch", sa.Column("parse_seconds", sa.Float(), nullable=True))
