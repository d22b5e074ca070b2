"""How each editor has set up the desk: interface language, keys, saved filters.

Revision ID: 0007
Revises: 0006
"""

import sqlalchemy as sa
from alembic import op
from sqlmodel.sql.sqltypes import AutoString

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """A table with a row for each editor who changed something."""
    op.create_table(
        "preference",
        sa.Column("editor_id", AutoString(32), nullable=False),
        sa.Column("language", AutoString(35), nullable=True),
        sa.Column("single_keys", sa.Boolean(), nullable=False),
        sa.Column("keys", sa.JSON(), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("filters", sa.JSON(), server_default=sa.text("'[]'"), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["editor_id"], ["editor.id"], name=op.f("fk_preference_editor_id_editor")),
        sa.PrimaryKeyConstraint("editor_id", name=op.f("pk_preference")),
    )
