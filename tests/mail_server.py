"""A mail server on loopback (aiosmtpd) that takes, refuses or drops what a test tells it to.

    async with MailServer() as server:
        server.on_recipient("450 later", "250 fine")      # one after the other, the last stays
        server.on_text(DROP)                              # takes the text, then hangs up without a word
        ... server.port ... server.letters ...

Used by tests only.
"""

import asyncio
import email
import ssl
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.policy import default
from types import TracebackType
from typing import Any, Self

from aiosmtpd.smtp import SMTP, Envelope, Session

DROP = "drop"
"""Hang up instead of an answer."""


@dataclass
class MailServer:
    """The server; use it as an async context manager, on the event loop of the test."""

    tls: ssl.SSLContext | None = None
    """Offers STARTTLS with this context."""
    port: int = 0
    letters: list[EmailMessage] = field(default_factory=list)
    """Every text that came, taken or not."""
    raw: list[bytes] = field(default_factory=list)
    recipients: list[str] = field(default_factory=list)
    _to_recipient: list[str] = field(default_factory=lambda: ["250 OK"])
    _to_text: list[str] = field(default_factory=lambda: ["250 OK"])
    _server: asyncio.Server | None = None

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()

        def talk() -> SMTP:
            return SMTP(self, hostname="mail.example", enable_SMTPUTF8=False, tls_context=self.tls, loop=loop)

        self._server = await loop.create_server(talk, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._server is not None
        self._server.close()

    def on_recipient(self, *answers: str) -> None:
        """What RCPT is answered."""
        self._to_recipient = list(answers)

    def on_text(self, *answers: str) -> None:
        """What the text is answered."""
        self._to_text = list(answers)

    async def handle_RCPT(
        self, _server: Any, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        """Called by aiosmtpd."""
        self.recipients.append(address)
        answer = self._to_recipient.pop(0) if len(self._to_recipient) > 1 else self._to_recipient[0]
        if answer.startswith("250"):
            envelope.rcpt_tos.append(address)
        return answer

    async def handle_DATA(self, server: SMTP, _session: Session, envelope: Envelope) -> str:
        """Called by aiosmtpd."""
        assert isinstance(envelope.content, bytes)
        self.raw.append(envelope.content)
        self.letters.append(email.message_from_bytes(envelope.content, policy=default))  # type: ignore[arg-type]
        answer = self._to_text.pop(0) if len(self._to_text) > 1 else self._to_text[0]
        if answer == DROP:
            assert server.transport is not None
            server.transport.close()
        return answer
