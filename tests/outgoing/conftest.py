"""Fixtures of what goes out: an editor who decides, and a mail server."""

from collections.abc import AsyncIterator

import pytest

from service.db import Database
from service.models import Editor
from service.words import Role
from tests.conftest import add_account
from tests.mail_server import MailServer


@pytest.fixture
async def editor(database: Database) -> Editor:
    """Whoever decides."""
    return (await add_account(database, role=Role.CHIEF))[0]


@pytest.fixture
async def mail_server() -> AsyncIterator[MailServer]:
    """A mail server that takes everything."""
    async with MailServer() as server:
        yield server
