"""``huoban demo``: the real service on a temporary database, its feeds served by a loopback server beside it.

Nothing in the service knows that it is a demonstration: the sample feeds are a ``feeds.yaml``, the accounts are
made by the actions that make any account, and the day's list is tagged, placed and published by one of them
through the same actions as the API's. Only what ``samples`` and ``feed_server`` hold is invented.
"""

import asyncio
import os
import socket
import tempfile
from contextlib import suppress
from datetime import timedelta
from ipaddress import ip_network
from pathlib import Path

import typer
import uvicorn
from sqlmodel import select

from service import auth
from service.app import create_app
from service.db import WriteSession
from service.demo import samples
from service.demo.feed_server import SampleServer
from service.demo.page import Account, demo_page
from service.desk import editions, tagging, wire
from service.desk.schemas import ItemIn, TagIn
from service.fetching.normalize import identity
from service.fetching.parsers import ParserPool
from service.fetching.run import due_feeds, run_round
from service.logs import configure_logging
from service.models import Story
from service.opening import open_service, prepare
from service.passwords import hash_password
from service.runtime import Runtime
from service.settings import Settings, load_settings
from service.words import TokenKind

PASSWORD = "sample-password-1"  # noqa: S105 - printed on the demo's page; the database is thrown away


def run_demo(listener: socket.socket, folder: Path | None) -> None:
    """Run until interrupted. Without ``folder`` everything is deleted at the end."""
    with tempfile.TemporaryDirectory(prefix="huoban-demo-") as temporary:
        home = folder or Path(temporary)
        home.mkdir(parents=True, exist_ok=True)
        with suppress(KeyboardInterrupt):
            asyncio.run(_demo(listener, home))


async def _demo(listener: socket.socket, home: Path) -> None:
    port = listener.getsockname()[1]
    settings = demo_settings(home, port)
    configure_logging(settings)
    async with open_service(settings) as runtime:
        started = runtime.clock()
        async with SampleServer(now=started) as sources:
            feeds_file = home / "feeds.yaml"
            feeds_file.write_text(samples.feeds_text(sources.base), encoding="utf-8")
            await prepare(runtime, feeds_file=feeds_file)
            await fetch_samples(runtime)
            accounts = await make_accounts(runtime)
            await publish_samples(runtime, sources.base)
            app = create_app(settings)
            app.include_router(demo_page(settings.base_url, accounts, PASSWORD))
            config = uvicorn.Config(app, log_config=None, server_header=False, timeout_graceful_shutdown=5)
            introduce(settings.base_url, accounts)
            await uvicorn.Server(config).serve(sockets=[listener])


def demo_settings(home: Path, port: int) -> Settings:
    """The demo's settings: whatever the environment says of a real newsroom does not touch it."""
    for name in [name for name in os.environ if name.startswith("HUOBAN_")]:
        del os.environ[name]
    return load_settings(
        database_url=f"sqlite+aiosqlite:///{home.absolute() / 'demo.db'}",
        base_url=f"http://127.0.0.1:{port}",
        site_title="Huoban Sample Daily",
        allowed_networks=(ip_network("127.0.0.0/8"),),
        host_gap=0.05,
        log_level="warning",
    )


async def fetch_samples(runtime: Runtime) -> None:
    """The first round, so that the wire is full when the page opens."""
    async with runtime.database.read() as session:
        everything = await due_feeds(session, now=None, only=None)
    async with ParserPool(workers=os.cpu_count() or 1) as parsers:
        await run_round(runtime, parsers, only=everything, patience=timedelta(seconds=30))


async def make_accounts(runtime: Runtime) -> list[Account]:
    """The sample accounts, each with the demo's password and a token."""
    made, now, password_hash = [], runtime.clock(), await hash_password(PASSWORD)
    async with runtime.database.write() as session:
        for sample in samples.SAMPLE_ACCOUNTS:
            editor, secret = await auth.add_editor(
                session, email=sample.email, name=sample.name, role=sample.role, now=now, by="operator"
            )
            await auth.set_up_account(session, secret, password_hash=password_hash, now=now)
            token = await auth.issue_token(session, editor, kind=TokenKind.PERSON, name="demo", now=now, by=editor)
            made.append(Account(editor.email, editor.name, editor.role, token))
    return made


async def publish_samples(runtime: Runtime, base: str) -> None:
    """An editor's morning: tag, place and publish the sample edition."""
    for sample in samples.SAMPLE_EDITION:
        async with runtime.database.write() as session:
            await _publish(session, runtime, sample, sample.url(base))


async def _publish(session: WriteSession, runtime: Runtime, sample: samples.SampleItem, url: str) -> None:
    calendar, now = runtime.settings.calendar, runtime.clock()
    by = await auth.find_editor(session, samples.SAMPLE_ACCOUNTS[0].email)
    key = identity(link=url, guid=None, title="", day=None, feed_id="")
    found = (await session.exec(select(Story).where(Story.key == key))).one()
    story = await wire.story_for_change(session, found.id, None, calendar=calendar, now=now)
    tags = [TagIn(partner=partner, tier=tier.value, reason=None) for partner, tier in sample.tags]
    await tagging.tag_story(session, story, tags, calendar=calendar, now=now, by=by)
    edition = await editions.edition_for_change(session, calendar.day_of(now), None, calendar=calendar, now=now)
    wanted = ItemIn(story_id=story.id, headline=sample.headline, blurb=sample.blurb)
    item = await editions.place_item(session, edition, wanted, calendar=calendar, now=now, by=by)
    await editions.publish_item(
        session, edition, item, calendar=calendar, authority=runtime.settings.authority, now=now, by=by
    )


def introduce(base: str, accounts: list[Account]) -> None:
    """Say where to click."""
    lines = [
        "",
        f"Huoban's demo runs at {base}/demo: begin there.",
        f"  today's list     {base}/",
        f"  as feeds         {base}/daily.rss   {base}/daily.atom   {base}/daily.json",
        f"  editor API       {base}/api/docs",
        f"  accounts         password {PASSWORD}",
    ]
    lines += [f"    {a.role:<7}{a.email:<22}token {a.token}" for a in accounts]
    lines += ["  Everything is invented or long past, and is deleted when you stop it with Ctrl-C.", ""]
    for line in lines:
        typer.echo(line)
