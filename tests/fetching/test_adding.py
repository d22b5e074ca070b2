"""Adding a story by its address: known or not, read or not, and what may never be asked for."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

import pytest
from sqlmodel import select

from service.app import open_service
from service.db import Database
from service.errors import Invalid, NotNow
from service.fetching.adding import Added, add_story_by_url, resolve_story
from service.fetching.guard import guarded_transport
from service.journal import history_of
from service.models import Editor, Host, Item, Sibling, Story
from service.runtime import Runtime
from tests.builders import a_feed, a_story, stored
from tests.conftest import NOON, Desk, SettableClock, add_account, settings_for
from tests.feed_server import Answer, FeedServer

pytestmark = pytest.mark.anyio

HTML = {"Content-Type": "text/html; charset=utf-8"}
PAGE = """<!doctype html><html lang="en"><head><title>Rail deal signed | Nairobi Paper</title>
<meta property="og:site_name" content="Nairobi Paper"><meta name="description" content="To Malaba by 2028.">
<meta property="article:published_time" content="2026-11-24T09:00:00+03:00">{more}</head><body></body></html>"""


def page(more: str = "") -> Answer:
    return Answer(body=PAGE.format(more=more).encode(), headers=HTML)


async def an_editor(database: Database) -> Editor:
    return (await add_account(database))[0]


async def add(runtime: Runtime, url: str, by: Editor) -> Added:
    return await add_story_by_url(runtime, url, now=NOON, by=by)


async def the_story(runtime: Runtime, story_id: str) -> Story:
    async with runtime.database.read() as session:
        return await session.get_one(Story, story_id)


async def test_an_unknown_address_becomes_a_story_with_what_its_page_says(runtime: Runtime) -> None:
    by = await an_editor(runtime.database)
    async with FeedServer() as paper:
        paper.on("/rail", page())
        added = await add(runtime, f"  {paper.url('/rail')}?utm_source=mail#top ", by)
        asked = paper.requests[0]
    assert (added.created, added.warning) == (True, None)
    assert asked.headers["accept"].startswith("text/html")
    assert asked.headers["user-agent"].startswith("Huoban/")
    story = await the_story(runtime, added.story_id)
    assert story.url == paper.url("/rail")
    assert (story.title, story.summary, story.language) == ("Rail deal signed", "To Malaba by 2028.", "en")
    assert story.published_at == story.dated_at == datetime(2026, 11, 24, 6, tzinfo=UTC)
    assert (story.feed_id, story.state, story.backfilled, story.received_at) == (None, "new", False, NOON)
    async with runtime.database.read() as session:
        [record] = await history_of(session, f"story:{story.id}")
    assert (record.act, record.by, record.public) == ("add_story", by.id, False)
    assert record.content()["after"] == {"url": story.url, "title": story.title, "page": "ok"}


async def test_a_known_address_is_answered_without_asking_anybody(runtime: Runtime) -> None:
    by = await an_editor(runtime.database)
    async with FeedServer() as paper:
        paper.on("/rail", page())
        first = await add(runtime, paper.url("/rail"), by)
        again = await add(runtime, paper.url("/rail/?utm_medium=x"), by)
        assert (again.story_id, again.created, paper.count()) == (first.story_id, False, 1)


@pytest.mark.parametrize("status", [301, 302])
async def test_a_redirect_to_a_known_story_answers_that_story(runtime: Runtime, status: int) -> None:
    by = await an_editor(runtime.database)
    async with FeedServer() as paper:
        paper.on("/rail", page())
        paper.on("/go", Answer(status=status, headers={"Location": "/rail"}))
        first = await add(runtime, paper.url("/rail"), by)
        assert await add(runtime, paper.url("/go"), by) == Added(first.story_id, created=False, warning=None)


async def test_the_canonical_link_is_the_storys_address_and_meets_the_story_that_a_feed_brought(
    runtime: Runtime,
) -> None:
    by = await an_editor(runtime.database)
    async with FeedServer() as paper:
        paper.on("/1", page('<link rel="canonical" href="/rail-deal">'))
        paper.on("/2", page('<link rel="canonical" href="/rail-deal">'))
        one = await add(runtime, paper.url("/1"), by)
        two = await add(runtime, paper.url("/2"), by)
        assert (await the_story(runtime, one.story_id)).url == paper.url("/rail-deal")
    assert (one.created, two.created, two.story_id) == (True, False, one.story_id)


async def test_a_redirect_for_the_moment_does_not_make_one_story_of_two(runtime: Runtime) -> None:
    by = await an_editor(runtime.database)
    async with FeedServer() as paper:
        paper.on("/consent", page('<link rel="canonical" href="/consent">'))
        for path in ("/1", "/2"):
            paper.on(path, Answer(status=302, headers={"Location": "/consent"}))
        one, two = await add(runtime, paper.url("/1"), by), await add(runtime, paper.url("/2"), by)
        assert (await the_story(runtime, one.story_id)).url == paper.url("/1")
    assert one.created
    assert two.created
    assert "led to another page" in (one.warning or "")


async def test_a_permanent_redirect_gives_the_story_its_new_address(runtime: Runtime) -> None:
    by = await an_editor(runtime.database)
    async with FeedServer() as paper:
        paper.on("/old", Answer(status=301, headers={"Location": "/new"}))
        paper.on("/new", page())
        added = await add(runtime, paper.url("/old"), by)
        assert (await the_story(runtime, added.story_id)).url == paper.url("/new")
    assert added.warning is None


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (Answer(status=403), "the server answered 403"),
        (Answer(status=404), "the server answered 404"),
        (Answer(status=500), "the server answered 500"),
        (
            Answer(body=b"%PDF-1.7", headers={"Content-Type": "application/pdf"}),
            "it is no web page but application/pdf",
        ),
        (Answer(body=b"x" * 4_000_001, headers=HTML), "more than 4000000 bytes"),
        (Answer(raw=b"nonsense"), "could not be read"),
        (Answer(body=b"<html><title>Just a moment...</title>", headers=HTML), "does not tell its title"),
    ],
)
async def test_a_page_that_cannot_be_read_is_a_story_with_a_warning(runtime: Runtime, answer: Answer, why: str) -> None:
    by = await an_editor(runtime.database)
    async with FeedServer() as paper:
        paper.on("/%E9%93%81%E8%B7%AF/deal", answer)
        added = await add(runtime, paper.url("/%E9%93%81%E8%B7%AF/deal"), by)
    assert added.created
    assert why in (added.warning or "")
    assert "Write a headline" in (added.warning or "")
    assert (await the_story(runtime, added.story_id)).title == "127.0.0.1/铁路/deal"


REFUSED = [
    "paper.example/rail",
    "ftp://paper.example/rail",
    "javascript:alert(1)",
    "file:///etc/hostname",
    "https://user:secret@paper.example/",
    "http://10.0.0.1/",
    "http://[::ffff:10.0.0.1]/",
    "http://169.254.169.254/latest/meta-data",
    "http://0x0a000001/",
    "http://2130706433/",
    "http://192.168.1.1:8080/",
    "https://paper.example:0/",
    "https://a b.example/",
    "https://paper.example/" + "a" * 5_000,
    "https://www.google.com/url?q=http://10.0.0.1/",
    "",
]


async def test_an_address_that_may_not_be_followed_is_refused_by_its_field_and_stored_nowhere(
    runtime: Runtime,
) -> None:
    by = await an_editor(runtime.database)
    for url in REFUSED:
        with pytest.raises(Invalid) as refused:
            await add(runtime, url, by)
        assert [error.field for error in refused.value.errors] == ["url"], url
        assert "secret" not in f"{refused.value} {refused.value.errors}"
    async with runtime.database.read() as session:
        assert (await session.exec(select(Story))).first() is None


async def test_a_redirect_to_a_private_address_is_refused(runtime: Runtime) -> None:
    by = await an_editor(runtime.database)
    async with FeedServer() as paper:
        paper.on("/rail", Answer(status=301, headers={"Location": "http://10.1.2.3/admin"}))
        with pytest.raises(Invalid) as refused:
            await add(runtime, paper.url("/rail"), by)
    assert refused.value.errors[0].field == "url"


async def test_an_aggregators_link_stays_marked_and_says_what_to_do(runtime: Runtime) -> None:
    by = await an_editor(runtime.database)
    story = a_story(opaque=True, key="url:https://news.google.com/articles/x", url="https://news.google.com/articles/x")
    known = a_story(key="url:https://paper.example/rail")
    await stored(runtime.database, story, known)
    async with runtime.database.write() as session:
        row = await session.get_one(Story, story.id)
        with pytest.raises(Invalid):
            await resolve_story(session, row, url="https://news.google.com/articles/y", now=NOON, by=by)
        with pytest.raises(NotNow) as taken:
            await resolve_story(session, row, url="http://www.paper.example/rail/", now=NOON, by=by)
        assert taken.value.errors[0].suggestions == (known.id,)
        await resolve_story(session, row, url="https://paper.example/deal?utm_source=g", now=NOON, by=by)
    resolved = await the_story(runtime, story.id)
    assert (resolved.url, resolved.opaque) == ("https://paper.example/deal", False)
    assert (await add(runtime, "https://paper.example/deal", by)).story_id == story.id
    async with runtime.database.write() as session:
        row = await session.get_one(Story, story.id)
        with pytest.raises(NotNow):
            await resolve_story(session, row, url="https://paper.example/other", now=NOON, by=by)


async def test_an_aggregators_link_that_is_added_says_that_the_true_address_is_wanted(
    database_url: str, clock: SettableClock
) -> None:
    async def everything_is_here(_host: str, _port: int) -> list[str]:
        return ["127.0.0.1"]

    settings = settings_for(database_url)
    transport = guarded_transport(settings.allowed_networks, resolve=everything_is_here)
    async with FeedServer() as google, open_service(settings, clock=clock, transport=transport) as runtime:
        by = await an_editor(runtime.database)
        google.on("/articles/CBMi", Answer(body=b"<html><title>Google News</title>", headers=HTML))
        google.on("/x", Answer(status=302, headers={"Location": f"http://paper.example:{google.port}/rail"}))
        google.on("/rail", page())
        opaque = await add(runtime, f"http://news.google.com:{google.port}/articles/CBMi", by)
        short = await add(runtime, f"http://bit.ly:{google.port}/x", by)
        assert (await the_story(runtime, opaque.story_id)).opaque
        assert f"/stories/{opaque.story_id}/resolve" in (opaque.warning or "")
        story = await the_story(runtime, short.story_id)
    assert (story.url, story.opaque) == (f"http://paper.example:{google.port}/rail", False)


async def _while_another_process_stores(
    database: Database, story: Story, act: Callable[[], Awaitable[object]]
) -> object:
    """What the act gives when the same story is stored between its look and its write."""
    another = Database(database.url.render_as_string(hide_password=False))
    async with another.write() as session:
        session.add(story)
        await session.flush()
        acting = asyncio.ensure_future(act())
        await asyncio.sleep(0.3)  # it waits for this transaction by now
        assert not acting.done()
    await another.close()
    return await acting


@pytest.mark.postgres
async def test_intake_that_stores_the_same_address_at_that_moment_wins(postgres_url: str, clock: SettableClock) -> None:
    async with FeedServer() as paper, open_service(settings_for(postgres_url), clock=clock) as runtime:
        by = await an_editor(runtime.database)
        paper.on("/rail", page())
        theirs = a_story(url=paper.url("/rail"), key=f"url:https://127.0.0.1:{paper.port}/rail")
        theirs_id = theirs.id
        added = await _while_another_process_stores(
            runtime.database, theirs, lambda: add(runtime, paper.url("/rail"), by)
        )
        assert added == Added(theirs_id, created=False, warning=None)

        opaque = a_story(opaque=True)
        opaque_id = opaque.id
        await stored(runtime.database, opaque)

        async def resolve() -> None:
            async with runtime.database.write() as session:
                row = await session.get_one(Story, opaque_id)
                await resolve_story(session, row, url="https://paper.example/deal", now=NOON, by=by)

        with pytest.raises(NotNow):
            await _while_another_process_stores(
                runtime.database, a_story(key="url:https://paper.example/deal"), resolve
            )


async def test_an_added_story_finds_its_siblings(runtime: Runtime) -> None:
    by = await an_editor(runtime.database)
    async with FeedServer() as paper:
        for path, title in (("/1", "Kenya and China sign a rail deal"), ("/2", "China, Kenya sign railway deal")):
            paper.on(path, Answer(body=f"<html lang=en><title>{title}</title>".encode(), headers=HTML))
            await add(runtime, paper.url(path), by)
    async with runtime.database.read() as session:
        assert (await session.exec(select(Sibling))).one().reason.startswith("Both titles say")


async def test_a_busy_host_is_not_disturbed_and_nothing_is_stored(
    runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    by = await an_editor(runtime.database)
    monkeypatch.setattr("service.fetching.adding.PATIENCE", 0.0)
    feed = a_feed(host="127.0.0.1")
    await stored(runtime.database, feed)
    async with runtime.database.write() as session:
        host = await session.get_one(Host, "127.0.0.1")
        host.lease_owner, host.lease_until = "a fetch round", datetime(2027, 1, 1, tzinfo=UTC)
    async with FeedServer() as paper:
        with pytest.raises(NotNow):
            await add(runtime, paper.url("/rail"), by)
        assert paper.count() == 0
    async with runtime.database.read() as session:
        assert (await session.exec(select(Item))).first() is None
        assert (await session.exec(select(Story))).first() is None


async def test_the_api_answers_the_whole_story_and_lets_a_program_add_but_not_resolve(desk: Desk) -> None:
    async with FeedServer() as paper:
        paper.on("/rail", page())
        created = await desk.program.post("/api/v1/stories", json={"url": paper.url("/rail")})
        known = await desk.editor.post("/api/v1/stories", json={"url": paper.url("/rail")})
    assert created.status_code == 201, created.text
    assert known.status_code == 200, known.text
    story = created.json()
    assert created.headers["location"] == known.headers["location"] == f"/api/v1/stories/{story['id']}"
    assert created.headers["etag"] == '"1"'
    assert (story["title"], story["feed"], story["tags"], story["warning"]) == ("Rail deal signed", None, [], None)
    assert (await desk.editor.get(created.headers["location"])).json() == {
        key: value for key, value in known.json().items() if key != "warning"
    }
    refused = await desk.editor.post("/api/v1/stories", json={"url": "http://10.0.0.1/"})
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["field"] == "url"
    assert (await desk.public.post("/api/v1/stories", json={"url": paper.url("/rail")})).status_code == 401
    resolve = f"{created.headers['location']}/resolve"
    body = {"url": "https://paper.example/x"}
    assert (await desk.program.post(resolve, json=body, headers={"If-Match": '"1"'})).status_code == 403
    assert (await desk.editor.post(resolve, json=body)).status_code == 428
    assert (await desk.editor.post(resolve, json=body, headers={"If-Match": '"1"'})).status_code == 409


async def test_the_api_resolves_an_opaque_story_against_the_version_that_was_seen(desk: Desk) -> None:
    story = a_story(opaque=True, url="https://news.google.com/articles/x")
    await stored(desk.database, story)
    resolve = f"/api/v1/stories/{story.id}/resolve"
    body = {"url": "https://paper.example/x"}
    assert (await desk.editor.post(resolve, json=body, headers={"If-Match": '"7"'})).status_code == 412
    resolved = await desk.editor.post(resolve, json=body, headers={"If-Match": '"1"'})
    assert resolved.status_code == 200, resolved.text
    assert (resolved.json()["url"], resolved.json()["opaque"]) == ("https://paper.example/x", False)
    assert resolved.headers["etag"] == '"2"'


async def test_a_story_is_dated_by_when_it_is_stored_and_not_by_when_it_was_asked_for(
    runtime: Runtime, clock: SettableClock
) -> None:
    by = await an_editor(runtime.database)
    clock.move(minutes=2)  # the page took that long
    async with FeedServer() as paper:
        paper.on("/rail", page())
        added = await add(runtime, paper.url("/rail"), by)
    story = await the_story(runtime, added.story_id)
    assert (story.received_at, story.changed_at) == (clock.now, clock.now)
