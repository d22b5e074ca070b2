"""A digest keeps every revision, has a number and names the closing behind it; the database refuses to change one.

Revision ID: 0006
Revises: 0005
"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

KEY = ["edition_date", "revision", "extension"]
# name, table, moment, message
RULES = (
    ("digest_no_update", "digest", "BEFORE UPDATE", "a frozen digest stays as it is"),
    ("digest_no_delete", "digest", "BEFORE DELETE", "a frozen digest stays as it is"),
)


def upgrade() -> None:
    sqlite = op.get_bind().dialect.name == "sqlite"
    op.add_column("digest", sa.Column("revision", sa.Integer(), nullable=False, server_default="1"))
    op.add_column("digest", sa.Column("number", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("digest", sa.Column("close_seq", sa.Integer(), nullable=False, server_default="0"))
    # Digests from before get their numbers by day; the journal knows when each was closed last.
    op.execute(
        "UPDATE digest SET number = (SELECT count(DISTINCT other.edition_date) FROM digest AS other"
        " WHERE other.edition_date <= digest.edition_date)"
    )
    op.execute(
        "UPDATE digest SET close_seq = coalesce((SELECT max(seq) FROM journal WHERE act = 'close'"
        " AND subject = 'edition:' || CAST(digest.edition_date AS VARCHAR(10))), 0)"
    )
    if sqlite:
        with op.batch_alter_table("digest", recreate="always") as batch:
            batch.drop_constraint("pk_digest", type_="primary")
            batch.create_primary_key("pk_digest", KEY)
    else:
        op.drop_constraint("pk_digest", "digest", type_="primary")
        op.create_primary_key("pk_digest", "digest", KEY)
    for name, table, moment, message in RULES:
        if sqlite:
            op.execute(f"CREATE TRIGGER {name} {moment} ON {table} BEGIN SELECT RAISE(ABORT, '{message}'); END")
            continue
        op.execute(
            f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
            f"RAISE EXCEPTION '{message}' USING ERRCODE = 'check_violation'; END $$"
        )
        op.execute(f"CREATE TRIGGER {name} {moment} ON {table} FOR EACH ROW EXECUTE FUNCTION {name}()")
