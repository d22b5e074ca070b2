"""What goes out: webhooks, the outbox with its attempts, and how far it has read the journal.

The database keeps two promises about a mailed digest: its row, and with it the key that lets it go out once, stays,
and one that was sent is never made to wait again.

Revision ID: 0009
Revises: 0008
"""

import sqlalchemy as sa
from alembic import op
from sqlmodel.sql.sqltypes import AutoString, UTCDateTime

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

# name, table, moment, condition, message
RULES = (
    ("delivery_mail_stays", "delivery", "BEFORE DELETE", "OLD.kind = 'mail'", "the record of a mail stays"),
    (
        "delivery_sent_once",
        "delivery",
        "BEFORE UPDATE",
        "OLD.kind = 'mail' AND OLD.state = 'sent' AND NEW.state <> 'sent'",
        "a mail that was sent stays sent",
    ),
)


def upgrade() -> None:
    _tables()
    # What was decided before there was an outbox is not sent out now.
    op.execute("INSERT INTO bookmark (reader, seq) SELECT 'outgoing', coalesce(max(seq), 0) FROM journal")
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


def _tables() -> None:
    op.create_table(
        "webhook",
        sa.Column("events", sa.JSON(), server_default=sa.text("'[]'"), nullable=False),
        sa.Column("id", AutoString(length=32), nullable=False),
        sa.Column("url", AutoString(length=4096), nullable=False),
        sa.Column("purpose", AutoString(length=200), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("secret", AutoString(length=128), nullable=False),
        sa.Column("secret_before", AutoString(length=128), nullable=True),
        sa.Column("secret_before_until", UTCDateTime(), nullable=True),
        sa.Column("failing_since", UTCDateTime(), nullable=True),
        sa.Column("taken_at", UTCDateTime(), nullable=True),
        sa.Column("alarm", AutoString(), nullable=True),
        sa.Column("created_at", UTCDateTime(), nullable=False),
        sa.Column("created_by", AutoString(length=32), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["created_by"], ["editor.id"], name=op.f("fk_webhook_created_by_editor")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhook")),
    )
    op.create_table(
        "delivery",
        sa.Column("id", AutoString(length=32), nullable=False),
        sa.Column("key", AutoString(length=4400), nullable=False),
        sa.Column("kind", AutoString(length=16), nullable=False),
        sa.Column("lane", AutoString(length=80), nullable=False),
        sa.Column("target", AutoString(length=4096), nullable=False),
        sa.Column("webhook_id", AutoString(length=32), nullable=True),
        sa.Column("subject", AutoString(length=64), nullable=False),
        sa.Column("payload", AutoString(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("state", AutoString(length=16), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("created_at", UTCDateTime(), nullable=False),
        sa.Column("due_at", UTCDateTime(), nullable=False),
        sa.Column("lease_until", UTCDateTime(), nullable=True),
        sa.Column("lease_token", sa.Integer(), nullable=False),
        sa.Column("finished_at", UTCDateTime(), nullable=True),
        sa.Column("detail", AutoString(), nullable=True),
        sa.CheckConstraint("kind IN ('ping', 'mail', 'webhook')", name=op.f("ck_delivery_kind")),
        sa.CheckConstraint(
            "state IN ('waiting', 'sending', 'sent', 'failed', 'uncertain')", name=op.f("ck_delivery_state")
        ),
        sa.ForeignKeyConstraint(
            ["webhook_id"], ["webhook.id"], name=op.f("fk_delivery_webhook_id_webhook"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_delivery")),
        sa.UniqueConstraint("key", name=op.f("uq_delivery_key")),
    )
    op.create_index("ix_delivery_due", "delivery", ["state", "lane", "due_at"])
    op.create_index("ix_delivery_webhook", "delivery", ["webhook_id", "id"])
    op.create_index(op.f("ix_delivery_finished_at"), "delivery", ["finished_at"])
    op.create_table(
        "deliveryattempt",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("delivery_id", AutoString(length=32), nullable=False),
        sa.Column("at", UTCDateTime(), nullable=False),
        sa.Column("seconds", sa.Float(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=True),
        sa.Column("detail", AutoString(), nullable=False),
        sa.ForeignKeyConstraint(
            ["delivery_id"], ["delivery.id"], name=op.f("fk_deliveryattempt_delivery_id_delivery"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_deliveryattempt")),
    )
    op.create_index(op.f("ix_deliveryattempt_delivery_id"), "deliveryattempt", ["delivery_id"])
    op.create_table(
        "bookmark",
        sa.Column("reader", AutoString(length=32), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("reader", name=op.f("pk_bookmark")),
    )
