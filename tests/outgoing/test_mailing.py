"""The digest by e-mail: to each address once, whatever is restarted, refused or lost on the way."""

import asyncio
import ssl
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from service.db import Database
from service.desk.closing import reopen_edition
from service.desk.editions import edition_for_change
from service.errors import NotNow, SetupError
from service.models import Editor
from service.outgoing import outbox
from service.outgoing.by_hand import send_digest
from service.outgoing.filling import SMTP_LANE, addressees_of, fill_outbox
from service.outgoing.sending import send_outgoing
from service.publishing.routes import site_of
from service.runtime import Runtime
from tests.conftest import NOON, SettableClock
from tests.mail_server import DROP, MailServer
from tests.outgoing.newsroom import EVENING, READERS, TODAY, attempts, deliveries, mail_settings, states, telling
from tests.publishing.newsroom import UTC_CALENDAR, closed, corrected, published

pytestmark = pytest.mark.anyio


async def a_closed_day(database: Database, editor: Editor, clock: SettableClock) -> str:
    """Today's list with one story, closed in the evening; answers the story."""
    story = await published(database, editor, headline="Nairobi's railway", blurb="Work begins in March.")
    await closed(database, editor, day=TODAY, at=EVENING)
    clock.now = EVENING
    return story


async def enter(runtime: Runtime) -> None:
    """Read the journal, and send nothing yet."""
    async with runtime.database.write() as session:
        whom = addressees_of(runtime.settings, site_of(runtime.settings))
        await fill_outbox(session, whom, now=runtime.clock())


async def test_a_closed_day_is_mailed_to_each_address_once_by_any_number_of_processes(
    database: Database, editor: Editor, clock: SettableClock, mail_server: MailServer
) -> None:
    await a_closed_day(database, editor, clock)
    settings = mail_settings(mail_server.port)
    async with telling(database, clock, **settings) as one, telling(database, clock, **settings) as other:
        await asyncio.gather(*(send_outgoing(runtime) for runtime in (one, other, one, other)))
        assert sorted(mail_server.recipients) == list(READERS)
        assert states(await deliveries(database, "mail")) == ["sent", "sent"]
        clock.move(days=3)
        assert await send_outgoing(one) == 0
    assert len(mail_server.letters) == 2
    assert [attempt.status for attempt in await attempts(database)] == [250, 250]


async def test_a_letter_has_what_mail_programs_want(
    database: Database, editor: Editor, clock: SettableClock, mail_server: MailServer
) -> None:
    await published(database, editor, title="نيروبي والسكة الحديدية", language="ar")
    await published(database, editor, title="非盟与中国签署协议", language="zh", tags=[("ET", "all_weather")])
    await closed(database, editor, day=TODAY, at=EVENING)
    clock.now = EVENING
    ways = ("mailto:leave@news.example", "https://news.example/leave?who={address}")
    settings = mail_settings(
        mail_server.port,
        smtp_unsubscribe=ways,
        site_title="Huoban\r\nBcc: all@example.org 伙伴",
        base_url="https://n.example",
    )
    async with telling(database, clock, **settings) as runtime:
        await send_outgoing(runtime)
    letter, other = sorted(mail_server.letters, key=lambda letter: str(letter["To"]))
    assert letter["To"] == READERS[0]
    assert letter["Bcc"] is None, "a title is one line, whatever it holds"
    assert letter["Subject"] == "Huoban Bcc: all@example.org 伙伴 No. 1, 24 November 2026"
    assert letter["Date"].datetime == EVENING
    assert letter["Message-ID"].endswith("@news.example>")
    assert letter["Message-ID"] != other["Message-ID"]
    assert letter["List-Unsubscribe"] == (
        "<mailto:leave@news.example>, <https://news.example/leave?who=amina%40readers.example>"
    )
    assert letter["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert letter.get_content_type() == "multipart/alternative"
    plain, html = letter.iter_parts()
    assert "نيروبي" in plain.get_content()
    assert "非盟与中国签署协议" in plain.get_content()
    assert 'dir="rtl"' in html.get_content()
    for forbidden in ("<img", "<script", '<link rel="stylesheet', "url("):
        assert forbidden not in html.get_content()
    assert all(len(line) <= 998 for line in mail_server.raw[0].split(b"\r\n"))
    assert mail_server.raw[0].isascii()


async def test_what_is_refused_for_now_is_tried_again_and_is_the_same_letter(
    database: Database, editor: Editor, clock: SettableClock, mail_server: MailServer
) -> None:
    await a_closed_day(database, editor, clock)
    mail_server.on_text("451 come again", "250 OK")
    settings = mail_settings(mail_server.port, smtp_recipients=READERS[:1])
    async with telling(database, clock, **settings) as runtime:
        assert await send_outgoing(runtime) == 0
        assert states(await deliveries(database, "mail")) == ["waiting"]
        assert await send_outgoing(runtime) == 0, "not before its time"
        clock.move(minutes=1)
    async with telling(database, clock, **settings) as restarted:
        assert await send_outgoing(restarted) == 1
    assert mail_server.raw[0] == mail_server.raw[1]
    assert [(attempt.status, attempt.detail) for attempt in await attempts(database)] == [
        (451, "the mail was refused: 451 come again"),
        (250, "taken by the mail server"),
    ]


async def test_an_address_refused_for_good_keeps_nothing_from_the_others(
    database: Database, editor: Editor, clock: SettableClock, mail_server: MailServer
) -> None:
    await a_closed_day(database, editor, clock)
    mail_server.on_recipient("550 no such user", "250 OK")
    async with telling(database, clock, **mail_settings(mail_server.port)) as runtime:
        assert await send_outgoing(runtime) == 1
        clock.move(days=2)
        assert await send_outgoing(runtime) == 0
    assert sorted(states(await deliveries(database, "mail"))) == ["failed", "sent"]
    assert len(mail_server.recipients) == 2


async def test_a_server_that_hangs_up_after_the_text_leaves_it_uncertain_and_is_not_sent_it_again(
    database: Database, editor: Editor, clock: SettableClock, mail_server: MailServer
) -> None:
    await a_closed_day(database, editor, clock)
    mail_server.on_text(DROP, "250 OK")
    settings = mail_settings(mail_server.port, smtp_recipients=READERS[:1])
    async with telling(database, clock, **settings) as runtime:
        assert await send_outgoing(runtime) == 0
        clock.move(days=1)
        assert await send_outgoing(runtime) == 0
    (mail,) = await deliveries(database, "mail")
    assert (mail.state, len(mail_server.letters)) == ("uncertain", 1)
    assert mail.detail is not None
    assert mail.detail.startswith("the server may or may not have taken it")


async def test_a_process_that_dies_before_the_text_repeats_and_one_that_dies_during_it_does_not(
    database: Database, editor: Editor, clock: SettableClock, mail_server: MailServer
) -> None:
    await a_closed_day(database, editor, clock)
    async with telling(database, clock, **mail_settings(mail_server.port)) as runtime:
        await enter(runtime)
        async with database.write() as session:
            before = await outbox.claim_next(session, SMTP_LANE, now=clock())
            during = await outbox.claim_next(session, SMTP_LANE, now=clock())
            assert before is not None
            assert during is not None
            session.expunge_all()
            assert await outbox.begin_handover(session, during)
        assert await send_outgoing(runtime) == 0, "both are somebody's"
        clock.move(minutes=6)
        assert await send_outgoing(runtime) == 1
    assert sorted(states(await deliveries(database, "mail"))) == ["sent", "uncertain"]
    assert mail_server.recipients == [before.target]
    async with database.write() as session:
        late = outbox.Ending(outbox.DeliveryState.WAITING, "what the dead one would say")
        assert await outbox.finish(session, before, late, now=clock()) is None, "somebody else took it over"


async def test_while_the_server_is_down_all_wait_and_then_all_go(
    database: Database, editor: Editor, clock: SettableClock
) -> None:
    await a_closed_day(database, editor, clock)
    async with MailServer() as gone:
        port = gone.port
    async with telling(database, clock, **mail_settings(port)) as runtime:
        assert await send_outgoing(runtime) == 0
        assert len(await attempts(database)) == 1, "one attempt says that the server is down"
        clock.move(minutes=1)
        async with MailServer(port=port) as server:
            assert await send_outgoing(runtime) == 2
            assert sorted(server.recipients) == list(READERS)


async def test_a_day_that_nobody_filled_is_not_mailed_and_corrections_alone_are(
    database: Database, editor: Editor, clock: SettableClock, mail_server: MailServer
) -> None:
    settings = mail_settings(mail_server.port, smtp_recipients=READERS[:1])
    story = await a_closed_day(database, editor, clock)
    async with telling(database, clock, **settings) as runtime:
        assert await send_outgoing(runtime) == 1
        clock.move(days=1)
        await closed(database, editor, day=TODAY + timedelta(days=1), at=clock())
        assert await send_outgoing(runtime) == 0
        clock.move(days=1)
        await corrected(database, editor, story, day=TODAY, at=clock(), headline="Mombasa's railway")
        await closed(database, editor, day=TODAY + timedelta(days=2), at=clock())
        assert await send_outgoing(runtime) == 1
    letter = mail_server.letters[-1]
    assert letter["Subject"] == "Huoban Daily No. 3, 26 November 2026: corrections, no edition"
    plain = next(letter.iter_parts()).get_content()
    assert "no edition: no editor published a story" in plain
    assert "It said: Nairobi's railway" in plain


async def test_a_day_closed_anew_is_mailed_again_only_if_it_says_something_new(
    database: Database, editor: Editor, clock: SettableClock, mail_server: MailServer
) -> None:
    settings = mail_settings(mail_server.port, smtp_recipients=READERS[:1])
    await a_closed_day(database, editor, clock)

    async def reopen() -> None:
        async with database.write() as session:
            edition = await edition_for_change(session, TODAY, None, calendar=UTC_CALENDAR, now=clock())
            await reopen_edition(session, edition, now=clock(), by=editor)

    async with telling(database, clock, **settings) as runtime:
        assert await send_outgoing(runtime) == 1
        await reopen()
        await closed(database, editor, day=TODAY, at=clock.move(minutes=5))
        assert await send_outgoing(runtime) == 0
        await reopen()
        await published(database, editor, at=clock())
        await closed(database, editor, day=TODAY, at=clock.move(minutes=5))
        assert await send_outgoing(runtime) == 1
        await reopen()
        await published(database, editor, at=clock())
        await closed(database, editor, day=TODAY, at=clock.move(minutes=5))
        clock.now = NOON + timedelta(days=9)
        assert await send_outgoing(runtime) == 0, "too late to be news"
    assert [letter["Subject"] for letter in mail_server.letters] == [
        "Huoban Daily No. 1, 24 November 2026",
        "Huoban Daily No. 1, 24 November 2026, revised",
    ]


async def test_a_person_sends_a_digest_to_whom_has_not_got_it(
    database: Database, editor: Editor, clock: SettableClock, mail_server: MailServer
) -> None:
    await published(database, editor)
    async with telling(database, clock) as runtime:
        with pytest.raises(SetupError, match="No mail server"):
            await send_digest(runtime, TODAY, again=False)
    async with telling(database, clock, **mail_settings(mail_server.port)) as runtime:
        with pytest.raises(NotNow, match="not closed"):
            await send_digest(runtime, TODAY, again=False)
        await closed(database, editor, day=TODAY, at=EVENING)
        clock.move(days=40)
        assert await send_outgoing(runtime) == 0, "the clock sends no old news"
        mail_server.on_recipient("550 no", "250 OK")
        assert sorted(states(list(await send_digest(runtime, TODAY, again=False)))) == ["failed", "sent"]
        assert sorted(states(list(await send_digest(runtime, TODAY, again=False)))) == ["failed", "sent"]
        assert states(list(await send_digest(runtime, TODAY, again=True))) == ["sent", "sent"]
        assert len(mail_server.letters) == 2


def _certificate(folder: Path) -> tuple[ssl.SSLContext, Path]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "mail.example")])
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    now = datetime.now(UTC)  # noqa: DTZ005, TID251, RUF100 - the real one: OpenSSL compares with it
    builder = (
        builder.serial_number(1).not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
    )
    names = x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))])
    builder = builder.add_extension(names, critical=False)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    certificate = builder.sign(key, hashes.SHA256())
    pem, private = folder / "mail.pem", folder / "mail.key"
    pem.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem, private)
    return context, pem


async def test_starttls_is_used_checked_and_never_done_without(
    database: Database, editor: Editor, clock: SettableClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await a_closed_day(database, editor, clock)
    context, pem = _certificate(tmp_path)
    more = {"smtp_tls": "starttls", "smtp_recipients": READERS[:1]}
    async with MailServer() as bare:
        async with telling(database, clock, **mail_settings(bare.port, **more)) as runtime:
            assert await send_outgoing(runtime) == 0
        assert bare.recipients == [], "nothing is said in the clear"
    async with MailServer(tls=context) as server:
        async with telling(database, clock, **mail_settings(server.port, **more)) as runtime:
            clock.move(minutes=10)
            assert await send_outgoing(runtime) == 0, "nobody vouches for its certificate"
            monkeypatch.setenv("SSL_CERT_FILE", str(pem))
            clock.move(minutes=10)
            assert await send_outgoing(runtime) == 1
        assert server.recipients == list(READERS[:1])


async def test_the_database_forgets_no_mail_and_sends_none_back_to_wait(
    database: Database, editor: Editor, clock: SettableClock, mail_server: MailServer
) -> None:
    await a_closed_day(database, editor, clock)
    async with telling(database, clock, **mail_settings(mail_server.port)) as runtime:
        await send_outgoing(runtime)
    for statement in ("DELETE FROM delivery", "UPDATE delivery SET state = 'waiting'"):
        with pytest.raises(DBAPIError, match="mail"):
            async with database.write() as session:
                await (await session.connection()).execute(text(statement))
