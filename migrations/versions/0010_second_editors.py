"""Stories that an editor wants a colleague to look at.

Revision ID: 0010
Revises: 0009
"""

import sqlalchemy as sa
from alembic import op
from sqlmodel.sql.sqltypes import AutoString, UTCDateTime

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """A table with a row for each question that nobody has answered yet."""
    op.create_table(
        "secondlook",
        sa.Column("story_id", AutoString(32), nullable=False),
        sa.Column("asked_by", AutoString(32), nullable=False),
        sa.Column("asked_at", UTCDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["asked_by"], ["editor.id"], name=op.f("fk_secondlook_asked_by_editor")),
        sa.ForeignKeyConstraint(["story_id"], ["story.id"], name=op.f("fk_secondlook_story_id_story")),
        sa.PrimaryKeyConstraint("story_id", name=op.f("pk_secondlook")),
    )
