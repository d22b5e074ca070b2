"""A frozen digest as an e-mail: plain text and HTML, the same bytes each time it is tried (RFC 5322, RFC 2046).

Pure. ``EmailMessage`` writes the headers and refuses a line break in any of them; the only texts in them are the
newsroom's own title and addresses that the settings checked. List-Unsubscribe is by RFC 2369, and one-click by RFC
8058 where an https address is set.
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from typing import Any
from urllib.parse import quote

from service.publishing.edition import Site
from service.publishing.formats.markup import clean, language_tag
from service.translations import translations
from service.translations.dates import date_words

_POLICY = SMTP.clone(cte_type="7bit")  # any server takes it, whether it knows 8BITMIME or not


@dataclass(frozen=True)
class Envelope:
    """From whom, to whom, and how to be left alone."""

    sender: str
    recipient: str
    unsubscribe: tuple[str, ...]
    """``mailto:`` and ``https:`` addresses; ``{address}`` stands for the recipient's."""
    key: str
    """The send key; the Message-ID is made of it."""
    written_at: datetime


def write_letter(site: Site, digest: dict[str, Any], *, text: str, html: str, envelope: Envelope) -> EmailMessage:
    """The mail of one digest (``digest`` is its JSON) to one address."""
    mark = hashlib.sha256(envelope.key.encode()).hexdigest()[:40]
    letter = EmailMessage(policy=_POLICY)
    domain = envelope.sender.rpartition("@")[2]
    letter["From"] = Address(clean(site.title), addr_spec=envelope.sender)
    letter["To"] = Address(addr_spec=envelope.recipient)
    letter["Subject"] = subject_of(site, digest)
    letter["Date"] = format_datetime(envelope.written_at)
    letter["Message-ID"] = f"<digest.{mark}@{domain}>"
    letter["List-ID"] = f"<digest.{domain}>"
    letter["Auto-Submitted"] = "auto-generated"
    if language := language_tag(site.language):
        letter["Content-Language"] = language
    addresses = [address.replace("{address}", quote(envelope.recipient, safe="")) for address in envelope.unsubscribe]
    if addresses:
        letter["List-Unsubscribe"] = ", ".join(f"<{address}>" for address in addresses)
        if any(address.startswith("https:") for address in addresses):
            letter["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    letter.set_content(text)
    letter.add_alternative(html, subtype="html")
    # Drawn at random otherwise, and a letter that is tried again would be another one.
    letter.set_boundary(f"=_{mark}")
    return letter


def subject_of(site: Site, digest: dict[str, Any]) -> str:
    """``Huoban Daily No. 12, 24 November 2026``; a day whose digest has only corrections says so."""
    words = translations(site.interface)
    day = date_words(datetime.fromisoformat(digest["edition"]).date(), site.interface)
    number = f" {words.gettext('No. %(number)s') % {'number': digest['number']}}" if digest["number"] else ""
    revised = words.gettext(", revised") if (digest["revision"] or 1) > 1 else ""
    only_changes = "" if digest["items"] else words.gettext(": corrections, no edition")
    return f"{clean(site.title)}{number}, {day}{revised}{only_changes}"
