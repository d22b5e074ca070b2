"""What the database itself refuses (design §1, promises 2, 4 and 5), as triggers on both databases.

Revision ID: 0002
Revises: 0001
"""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

UNTAGGED = "a published item needs at least one country tag"
# name, table, moment, condition on the row (SQL both databases read), message
RULES = (
    ("journal_no_update", "journal", "BEFORE UPDATE", "1 = 1", "the journal is append-only"),
    ("journal_no_delete", "journal", "BEFORE DELETE", "1 = 1", "the journal is append-only"),
    (
        "item_insert_tagged",
        "item",
        "BEFORE INSERT",
        "NEW.state = 'published' AND NOT EXISTS (SELECT 1 FROM tag WHERE tag.story_id = NEW.story_id)",
        UNTAGGED,
    ),
    (
        "item_update_tagged",
        "item",
        "BEFORE UPDATE",
        "NEW.state = 'published' AND NOT EXISTS (SELECT 1 FROM tag WHERE tag.story_id = NEW.story_id)",
        UNTAGGED,
    ),
    (
        "tag_last_stays",
        "tag",
        "AFTER DELETE",
        "EXISTS (SELECT 1 FROM item WHERE item.story_id = OLD.story_id AND item.state = 'published')"
        " AND NOT EXISTS (SELECT 1 FROM tag WHERE tag.story_id = OLD.story_id)",
        UNTAGGED,
    ),
    (
        "tag_keeps_its_story",
        "tag",
        "BEFORE UPDATE",
        "NEW.story_id <> OLD.story_id",
        "a tag belongs to its story for good",
    ),
    (
        "item_stays_public",
        "item",
        "BEFORE UPDATE",
        "OLD.state = 'published' AND NEW.state NOT IN ('published', 'withdrawn')",
        "a published item can only be corrected or withdrawn",
    ),
    (
        "item_stays_withdrawn",
        "item",
        "BEFORE UPDATE",
        "OLD.state = 'withdrawn' AND NEW.state <> 'withdrawn'",
        "a withdrawn item stays withdrawn",
    ),
    (
        "item_keeps_uri",
        "item",
        "BEFORE UPDATE",
        "OLD.uri IS NOT NULL AND (NEW.uri IS NULL OR NEW.uri <> OLD.uri)",
        "an item keeps its public id",
    ),
    (
        "item_public_stays",
        "item",
        "BEFORE DELETE",
        "OLD.state IN ('published', 'withdrawn')",
        "an item that was public is never deleted",
    ),
)


def upgrade() -> None:
    sqlite = op.get_bind().dialect.name == "sqlite"
    for name, table, moment, condition, message in RULES:
        if sqlite:
            op.execute(
                f"CREATE TRIGGER {name} {moment} ON {table} WHEN {condition} "
                f"BEGIN SELECT RAISE(ABORT, '{message}'); END"
            )
            continue
        answer = "OLD" if "DELETE" in moment else "NEW"
        op.execute(
            f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
            f"IF {condition} THEN RAISE EXCEPTION '{message}' USING ERRCODE = 'check_violation'; END IF; "
            f"RETURN {answer}; END $$"
        )
        op.execute(f"CREATE TRIGGER {name} {moment} ON {table} FOR EACH ROW EXECUTE FUNCTION {name}()")
