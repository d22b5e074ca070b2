"""An index of the stories seen in each feed, so that a feed's list is read without looking at every sighting.

Revision ID: 0012
Revises: 0011
"""

from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """One index more; on a million sightings it takes seconds."""
    op.create_index("ix_sighting_of_feed", "sighting", ["feed_id", "story_id"])
