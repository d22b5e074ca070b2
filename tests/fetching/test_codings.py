"""Whatever leaves this service asks for gzip or plain bytes, and brotli in an answer is never unpacked."""

import tracemalloc

import brotli
import pytest

from service.fetching.adding import add_story_by_url
from service.fetching.discovery import discover
from service.fetching.looking import look_at
from service.fetching.outcomes import Outcome
from service.fetching.parsers import ParserPool
from service.fetching.run import run_round
from service.fetching.websub import Step, ask_hub
from service.models import Subscription
from service.runtime import Runtime
from tests.builders import a_feed, stored
from tests.conftest import NOON, add_account
from tests.feed_server import FeedServer

pytestmark = pytest.mark.anyio


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """One kind is enough: nothing here is about the database."""
    return sqlite_url


async def test_no_way_out_asks_for_brotli_or_unpacks_it(runtime: Runtime) -> None:
    editor, _ = await add_account(runtime.database)
    bomb = brotli.compress(b"0" * 50_000_000)
    async with FeedServer() as server, ParserPool(workers=1) as parsers:
        for path in ("/rss.xml", "/page", "/site", "/hub"):
            server.on(path, body=bomb, headers={"Content-Encoding": "br", "Content-Type": "text/html"})
        feed = a_feed(url=server.url("/rss.xml"), url_key="x", host=f"127.0.0.1:{server.port}")
        await stored(runtime.database, feed)
        hub = Subscription(
            feed_id=feed.id, hub=server.url("/hub"), topic=feed.url, callback="c", secret="s", state="wanted",
            asked_at=NOON,
        )  # fmt: skip
        tracemalloc.start()
        try:
            (report,) = await run_round(runtime, parsers)
            look = await look_at(runtime, server.url("/page"), patience=5, now=NOON)
            await add_story_by_url(runtime, server.url("/page"), now=NOON, by=editor)
            found = await discover(runtime, parsers, server.url("/site"), now=NOON)
            assert await ask_hub(runtime, hub, Step.SUBSCRIBE) is None
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert (report.outcome, look.outcome) == (Outcome.BAD_ENCODING, Outcome.BAD_ENCODING)
        assert not any(feed.items for feed in found)
        assert {request.path for request in server.requests} >= {"/rss.xml", "/page", "/site", "/hub"}
        assert {request.headers["accept-encoding"] for request in server.requests} <= {"gzip", "identity"}
        assert peak < 20_000_000
