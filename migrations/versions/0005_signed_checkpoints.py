"""Signed checkpoints of the journal, and the keys under them.

Revision ID: 0005
Revises: 0004
"""

import sqlalchemy as sa
from alembic import op
from sqlmodel.sql.sqltypes import AutoString, UTCDateTime

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

# name, table, moment, condition on the row (SQL both databases read), message
RULES = (
    ("checkpoint_no_update", "checkpoint", "BEFORE UPDATE", "1 = 1", "a checkpoint stays as it was signed"),
    ("checkpoint_no_delete", "checkpoint", "BEFORE DELETE", "1 = 1", "a checkpoint stays as it was signed"),
    (
        "ledgerkey_no_update",
        "ledgerkey",
        "BEFORE UPDATE",
        "NEW.id <> OLD.id OR NEW.public <> OLD.public OR NEW.made_at <> OLD.made_at OR NEW.private IS NOT NULL",
        "a key that signed stays; only its private half can be forgotten",
    ),
    ("ledgerkey_no_delete", "ledgerkey", "BEFORE DELETE", "1 = 1", "a key that signed stays"),
)


def upgrade() -> None:
    op.create_table(
        "ledgerkey",
        sa.Column("id", AutoString(length=64), nullable=False),
        sa.Column("public", AutoString(), nullable=False),
        sa.Column("private", AutoString(), nullable=True),
        sa.Column("made_at", UTCDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_ledgerkey"),
    )
    op.create_table(
        "checkpoint",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("key_id", AutoString(length=64), nullable=False),
        sa.Column("records", sa.Integer(), nullable=False),
        sa.Column("statement", AutoString(), nullable=False),
        sa.Column("signature", AutoString(length=88), nullable=False),
        sa.ForeignKeyConstraint(["key_id"], ["ledgerkey.id"], name="fk_checkpoint_key_id_ledgerkey"),
        sa.PrimaryKeyConstraint("day", name="pk_checkpoint"),
    )
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
