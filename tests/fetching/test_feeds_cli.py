"""``huoban feeds add`` with a page's address and ``feeds check`` with a date rule, as an operator runs them."""

import asyncio
import os
import sys

import pytest

from tests.feed_server import Answer, FeedServer

pytestmark = pytest.mark.anyio

RSS = b"""<?xml version="1.0"?><rss version="2.0"><channel><title>Nairobi Paper</title>
<item><title>One</title><link>https://paper.example/1</link><pubDate>24/11/2025 09:00</pubDate></item>
</channel></rss>"""


async def huoban(url: str, *words: str) -> tuple[int, str, str]:
    """Run one command on this database; answers its exit code and what it printed."""
    environment = os.environ | {
        "HUOBAN_DATABASE_URL": url,
        "HUOBAN_ALLOWED_NETWORKS": "127.0.0.0/8",
        "HUOBAN_HOST_GAP": "0",
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "service",
        *words,
        env=environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, error = await process.communicate()
    return process.returncode or 0, out.decode(), error.decode()


def page(*feeds: str) -> Answer:
    links = "".join(f'<link rel="alternate" type="application/rss+xml" href="{feed}">' for feed in feeds)
    return Answer(
        body=f"<!DOCTYPE html><html><head>{links}</head></html>".encode(), headers={"Content-Type": "text/html"}
    )


async def test_the_address_of_a_page_adds_its_only_feed_and_names_several(sqlite_url: str) -> None:
    async with FeedServer() as paper:
        paper.on("/one", page("/rss.xml"))
        paper.on("/two", page("/other.xml", "/another.xml"))
        for path in ("/rss.xml", "/other.xml", "/another.xml"):
            paper.on(path, body=RSS)
        code, out, error = await huoban(sqlite_url, "feeds", "add", paper.url("/one"))
        assert (code, out) == (0, "nairobi-paper\n"), error
        assert paper.url("/rss.xml") in error
        code, out, error = await huoban(sqlite_url, "feeds", "add", paper.url("/two"))
        assert (code, out) == (1, "")
        assert paper.url("/other.xml") in error
        assert paper.url("/another.xml") in error


async def test_a_check_with_a_date_rule_shows_what_it_would_change(sqlite_url: str) -> None:
    async with FeedServer() as paper:
        paper.on("/rss.xml", body=RSS)
        words = ("feeds", "check", paper.url("/rss.xml"), "--zone", "Africa/Nairobi")
        code, out, error = await huoban(sqlite_url, *words)
        assert code == 0, error
        assert "24/11/2025 09:00" in out
        assert "2025-11-24 06:00" in out
        assert "1 of 1 dates would be others" in out
        code, _, error = await huoban(sqlite_url, "feeds", "check", "--zone", "Africa/Nairobi")
        assert code == 1
        assert "one feed" in error
