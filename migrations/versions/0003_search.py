"""Search, and a time of change for every story.

A trigger marks each story whose words are new or changed; ``service.desk.search_index`` gives it its entry. On SQLite
the entries feed an FTS5 table, on PostgreSQL a GIN index. Triggers also move ``story.changed_at`` with whatever is
recorded about a story, by the time that the service gave the record, never by the database's own clock.

Revision ID: 0003
Revises: 0002
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import TSVECTOR
from sqlmodel.sql.sqltypes import AutoString, UTCDateTime

from service.desk.search_index import index_marked

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

# The wire shows no merged stories, so its indexes hold none; lead_id stands in them only so that SQLite need not look
# at the row to see that. With an index of all lead_ids SQLite would begin with the many that are NULL.
INDEXES = (
    ("ix_story_wire", "lead_id IS NULL", ["state", "received_at", "id", "lead_id"]),
    ("ix_story_dated", "lead_id IS NULL", ["state", "dated_at", "id", "lead_id"]),
    ("ix_story_of_feed", "lead_id IS NULL", ["feed_id", "state", "received_at", "id", "lead_id"]),
    ("ix_story_of_language", "lead_id IS NULL", ["language", "state", "received_at", "id", "lead_id"]),
    ("ix_story_merged", "lead_id IS NOT NULL", ["lead_id", "id"]),
)
MARK = "INSERT INTO searchmark (story_id) VALUES (NEW.id) ON CONFLICT DO NOTHING"
WORDS_DIFFER = " OR ".join(
    f"NEW.{column} IS DISTINCT FROM OLD.{column}" for column in ("title", "summary", "headline", "blurb")
)


def _changed(story: str, at: str) -> str:
    return f"UPDATE story SET changed_at = NEW.{at} WHERE id = {story} AND changed_at < NEW.{at}"


# name, moment and table, condition, what happens (SQL both databases read)
TRIGGERS = (
    ("story_new_is_marked", "AFTER INSERT ON story", "1 = 1", MARK),
    ("story_reworded_is_marked", "AFTER UPDATE OF title, summary, headline, blurb ON story", WORDS_DIFFER, MARK),
    ("story_changes_with_sighting", "AFTER INSERT ON sighting", "1 = 1", _changed("NEW.story_id", "seen_at")),
    ("story_changes_with_revision", "AFTER INSERT ON revision", "1 = 1", _changed("NEW.story_id", "replaced_at")),
    (
        "story_changes_with_decision",
        "AFTER INSERT ON journal",
        "NEW.subject LIKE 'story:%'",
        _changed("substr(NEW.subject, 7)", "at"),
    ),
)
# The usual three for an index over another table's text (SQLite's documentation of FTS5, external content).
ADD = "INSERT INTO storysearch (rowid, words) VALUES (NEW.number, NEW.words)"
TAKE_OUT = "INSERT INTO storysearch (storysearch, rowid, words) VALUES ('delete', OLD.number, OLD.words)"
FTS5_TRIGGERS = (
    ("searchentry_added", "AFTER INSERT", ADD),
    ("searchentry_gone", "AFTER DELETE", TAKE_OUT),
    ("searchentry_changed", "AFTER UPDATE", f"{TAKE_OUT}; {ADD}"),
)


def upgrade() -> None:
    sqlite = op.get_bind().dialect.name == "sqlite"
    _change_story()
    words = AutoString() if sqlite else TSVECTOR()
    number = sa.Integer() if sqlite else sa.BigInteger()
    op.create_table("searchmark", _story_key(), sa.PrimaryKeyConstraint("story_id", name="pk_searchmark"))
    op.create_table(
        "searchentry",
        sa.Column("number", number, autoincrement=False, nullable=False),
        _story_key(),
        sa.Column("words", words, nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_searchentry"),
        sa.UniqueConstraint("story_id", name="uq_searchentry_story_id"),
    )
    if sqlite:
        # The terms come folded and cut, so the tokenizer only has to split at blanks.
        op.execute(
            "CREATE VIRTUAL TABLE storysearch USING fts5(words, content='searchentry', content_rowid='number', "
            "tokenize=\"unicode61 remove_diacritics 0 categories 'L* M* N* Co'\")"
        )
        for name, moment, act in FTS5_TRIGGERS:
            op.execute(f"CREATE TRIGGER {name} {moment} ON searchentry BEGIN {act}; END")
    else:
        op.create_index("ix_searchentry_words", "searchentry", ["words"], postgresql_using="gin")
    for name, moment, condition, act in TRIGGERS:
        _create_trigger(name, moment, condition, act, sqlite=sqlite)
    op.execute("INSERT INTO searchmark (story_id) SELECT id FROM story")
    while index_marked(op.get_bind()):
        pass


def _story_key() -> sa.Column[str]:
    key = sa.ForeignKey("story.id", ondelete="CASCADE")
    return sa.Column("story_id", AutoString(length=32), key, nullable=False)


def _change_story() -> None:
    # With a default, since SQLite adds a NOT NULL column in place only then, and a rebuild would lose the CHECKs.
    never = sa.text("'1970-01-01 00:00:00.000000'")
    op.add_column("story", sa.Column("changed_at", UTCDateTime(), nullable=False, server_default=never))
    op.execute("UPDATE story SET changed_at = received_at")
    for name in ("ix_story_wire", "ix_story_dated", "ix_story_feed_received", "ix_story_lead_id"):
        op.drop_index(name, "story")
    for name, only, columns in INDEXES:
        op.create_index(name, "story", columns, sqlite_where=sa.text(only), postgresql_where=sa.text(only))
    op.create_index("ix_story_changed", "story", ["changed_at", "id"])


def _create_trigger(name: str, moment: str, condition: str, act: str, *, sqlite: bool) -> None:
    if sqlite:
        # SQLite 3.39 was the first to know IS DISTINCT FROM; its own IS NOT says the same.
        op.execute(
            f"CREATE TRIGGER {name} {moment} WHEN {condition.replace('IS DISTINCT FROM', 'IS NOT')} BEGIN {act}; END"
        )
        return
    op.execute(f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {act}; RETURN NULL; END $$")
    op.execute(f"CREATE TRIGGER {name} {moment} FOR EACH ROW WHEN ({condition}) EXECUTE FUNCTION {name}()")
