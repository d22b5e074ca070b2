"""A newsroom with somebody to tell: a runtime whose settings name the servers of a test."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date, datetime
from typing import Any

from sqlmodel import col, select

from service.app import open_service
from service.db import Database
from service.models import Delivery, DeliveryAttempt
from service.runtime import Runtime
from tests.conftest import NOON, SettableClock, settings_for

TODAY = date(2026, 11, 24)
EVENING = NOON.replace(hour=18)
READERS = ("amina@readers.example", "bello@readers.example")


@asynccontextmanager
async def telling(database: Database, clock: SettableClock, **settings: Any) -> AsyncIterator[Runtime]:
    """The runtime of one more process on this database."""
    url = database.url.render_as_string(hide_password=False)
    async with open_service(settings_for(url, **settings), clock=clock) as runtime:
        yield runtime


def mail_settings(port: int, **more: Any) -> dict[str, Any]:
    """Settings for a mail server on loopback."""
    return {
        "smtp_host": "127.0.0.1",
        "smtp_port": port,
        "smtp_tls": "none",
        "smtp_from": "digest@news.example",
        "smtp_recipients": READERS,
        **more,
    }


async def deliveries(database: Database, kind: str) -> list[Delivery]:
    """What stands in the outbox, by target."""
    async with database.read() as session:
        query = select(Delivery).where(Delivery.kind == kind).order_by(col(Delivery.target), col(Delivery.id))
        return list((await session.exec(query)).all())


async def attempts(database: Database) -> list[DeliveryAttempt]:
    """Every attempt, in order."""
    async with database.read() as session:
        return list((await session.exec(select(DeliveryAttempt).order_by(col(DeliveryAttempt.id)))).all())


def states(rows: list[Delivery]) -> list[str]:
    """Their states, in order."""
    return [row.state for row in rows]


def at(hour: int, minute: int = 0) -> datetime:
    """A moment of the day."""
    return NOON.replace(hour=hour, minute=minute)
