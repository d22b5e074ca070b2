"""A hint that two stories report the same news is part of what the desk shows of both: it moves their time of change.

Without this a client that keeps a copy by ``changed_since`` would never hear of a hint that was found later.

Revision ID: 0004
Revises: 0003
"""

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

NAME = "stories_change_with_hint"
# One statement with a time bound to one column, so that the index of changes is touched only where it moves.
ACT = (
    "UPDATE story SET changed_at = NEW.found_at WHERE id IN (NEW.story_id, NEW.other_id) AND changed_at < NEW.found_at"
)


def upgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        op.execute(f"CREATE TRIGGER {NAME} AFTER INSERT ON sibling BEGIN {ACT}; END")
        return
    op.execute(f"CREATE FUNCTION {NAME}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {ACT}; RETURN NULL; END $$")
    op.execute(f"CREATE TRIGGER {NAME} AFTER INSERT ON sibling FOR EACH ROW EXECUTE FUNCTION {NAME}()")
