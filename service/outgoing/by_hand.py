"""A digest that a person sends from the command line: the same outbox and the same keys, only now.

Whoever got it is not sent it again; ``again`` is for addresses where it failed or where nobody knows.
"""

from collections.abc import Sequence
from datetime import date

from sqlmodel import col, select

from service.errors import NotNow, SetupError
from service.models import Delivery
from service.outgoing.filling import SMTP_LANE, addressees_of, enter_mails, open_outbox
from service.outgoing.outbox import want_again
from service.outgoing.sending import empty_lane
from service.publishing.routes import digest_site_of
from service.runtime import Runtime


async def send_digest(runtime: Runtime, day: date, *, again: bool) -> Sequence[Delivery]:
    """Send a day's frozen digest to every address that has not got it; answers how each stands, by address.

    Raises:
        SetupError: no mail server is set.
        NotNow: the day is not closed, or its digest has nothing to tell.
    """
    if not runtime.settings.smtp_host:
        raise SetupError("No mail server is set. HUOBAN_SMTP_HOST, _FROM and _RECIPIENTS say how to send.")
    now = runtime.clock()
    async with runtime.database.write() as session:
        bookmark = await open_outbox(session)
        whom = addressees_of(runtime.settings, digest_site_of(runtime.settings))
        keys = await enter_mails(session, day, whom, seq=bookmark.seq, now=now)
        if not keys:
            raise NotNow(f"There is no digest of {day} to send: the day is not closed, or nobody published anything.")
        await want_again(session, keys, failed_too=again, now=now)
    await empty_lane(runtime, SMTP_LANE)
    async with runtime.database.read() as reading:
        query = select(Delivery).where(col(Delivery.key).in_(keys)).order_by(col(Delivery.target))
        return (await reading.exec(query)).all()
