"""One digest handed to the newsroom's mail server (SMTP, RFC 5321), for one address.

A mail goes out at most once. All that can be refused is asked first (greeting, sender, recipient); then the row says
that the mail is being handed over, and only then does its text go. If the server's answer to the text is lost, nobody
can know whether it was taken: that ends ``uncertain``, and only a person sends it again. The server is the
operator's own setting, so the guard of outgoing requests does not apply. No session is open while the server is
talked to. Called by ``sending``.
"""

import json
from contextlib import suppress
from datetime import date
from ipaddress import ip_address

import aiosmtplib

from service.models import Delivery, Digest
from service.outgoing.letters import Envelope, write_letter
from service.outgoing.outbox import Ending, begin_handover
from service.publishing.edition import Site
from service.runtime import Runtime
from service.settings import Settings
from service.words import DeliveryState

DEADLINE = 30.0
"""Seconds for each step of the conversation; there are eight at the most."""


async def hand_over_mail(runtime: Runtime, claimed: Delivery, site: Site) -> Ending | None:
    """Send one mail; None if another process holds it by now."""
    settings = runtime.settings
    if not settings.smtp_host:
        return Ending(DeliveryState.FAILED, "no mail server is set any more")
    content = await _content_of(runtime, claimed, site)
    client = _client(settings)
    try:
        refused = await _introduce(client, settings, claimed.target)
        if refused is not None:
            return refused
        async with runtime.database.write() as session:
            if not await begin_handover(session, claimed):
                return None
        return await _give(client, content)
    finally:
        with suppress(aiosmtplib.SMTPException, OSError):  # it is over, whatever the server makes of our farewell
            await client.quit(timeout=5)
        client.close()


async def _content_of(runtime: Runtime, claimed: Delivery, site: Site) -> bytes:
    which = json.loads(claimed.payload)
    settings = runtime.settings
    async with runtime.database.read() as session:
        forms = {
            extension: await session.get_one(Digest, (date.fromisoformat(which["day"]), which["revision"], extension))
            for extension in ("json", "txt", "html")
        }
    envelope = Envelope(
        settings.smtp_from, claimed.target, settings.smtp_unsubscribe, key=claimed.key, written_at=claimed.created_at
    )
    letter = write_letter(
        site,
        json.loads(forms["json"].body),
        text=forms["txt"].body.decode(),
        html=forms["html"].body.decode(),
        envelope=envelope,
    )
    return bytes(letter)


def _client(settings: Settings) -> aiosmtplib.SMTP:
    return aiosmtplib.SMTP(
        hostname=settings.smtp_host,
        port=settings.smtp_port,
        username=settings.smtp_user or None,
        password=settings.smtp_password.get_secret_value() if settings.smtp_password else None,
        use_tls=settings.smtp_tls == "tls",
        start_tls=settings.smtp_tls == "starttls",
        local_hostname=_own_name(settings.authority),
        timeout=DEADLINE,
    )


def _own_name(authority: str) -> str:
    """How we greet: our public name, which the system might not know, or as RFC 5321 §4.1.3 writes an address."""
    try:
        address = ip_address(authority.strip("[]"))
    except ValueError:
        return authority.encode("idna").decode() if not authority.isascii() else authority
    return f"[IPv6:{address}]" if address.version == 6 else f"[{address}]"


async def _introduce(client: aiosmtplib.SMTP, settings: Settings, address: str) -> Ending | None:
    """All that comes before the text; the ending where it is over before the text, else None."""
    try:
        await client.connect()
        await client.mail(settings.smtp_from)
        await client.rcpt(address)
    except aiosmtplib.SMTPRecipientRefused as error:
        return _refusal(error, "the recipient was refused")
    except aiosmtplib.SMTPResponseException as error:
        # Sign-in, sender or the connection itself: that is between us and the server, whoever the mail is for.
        return Ending(DeliveryState.WAITING, f"{_named(error)}: {_words(error)}", error.code, lane_down=True)
    except (aiosmtplib.SMTPException, OSError) as error:
        return Ending(DeliveryState.WAITING, f"no conversation: {_named(error)}", lane_down=True)
    return None


async def _give(client: aiosmtplib.SMTP, content: bytes) -> Ending:
    try:
        answer = await client.data(content)
    except aiosmtplib.SMTPResponseException as error:
        return _refusal(error, "the mail was refused")
    except (aiosmtplib.SMTPException, OSError) as error:
        why = f"the server may or may not have taken it: {_named(error)} after the text"
        return Ending(DeliveryState.UNCERTAIN, why, lane_down=True)
    return Ending(DeliveryState.SENT, "taken by the mail server", answer.code)


def _refusal(error: aiosmtplib.SMTPResponseException, what: str) -> Ending:
    """5xx is for good, anything else for now (RFC 5321 §4.2.1)."""
    state = DeliveryState.FAILED if 500 <= error.code < 600 else DeliveryState.WAITING
    return Ending(state, f"{what}: {_words(error)}", error.code)


def _words(error: aiosmtplib.SMTPResponseException) -> str:
    said = "".join(char if char.isprintable() else " " for char in error.message)
    return f"{error.code} {' '.join(said.split())[:200]}"


def _named(error: Exception) -> str:
    return type(error).__name__.removeprefix("SMTP")
