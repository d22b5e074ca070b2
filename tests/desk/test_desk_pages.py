"""The desk without script: every act as a plain form, from the wire to the digest."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from sqlmodel import select

from service import auth
from service.desk.frame import safe_path
from service.models import Editor
from service.words import Role
from tests.builders import a_feed, a_story, stored
from tests.conftest import NOON, Desk
from tests.desk.forms import FormDesk, signed_in
from tests.desk.newsroom import EDITIONS, STORIES, TODAY, a_draft, a_published, a_wire_story, act

pytestmark = pytest.mark.anyio


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """One database is enough: the pages call the actions, whose tests run on both."""
    return sqlite_url


async def _editor(desk: Desk, role: Role = Role.EDITOR) -> Editor:
    async with desk.database.read() as session:
        return (await session.exec(select(Editor).where(Editor.role == role))).one()


@pytest.fixture
async def forms(desk: Desk) -> AsyncIterator[FormDesk]:
    """An editor's browser."""
    browser = await signed_in(desk, desk.database, await _editor(desk))
    async with browser.client:
        yield browser


@pytest.fixture
async def chief(desk: Desk) -> AsyncIterator[FormDesk]:
    """A chief's browser."""
    browser = await signed_in(desk, desk.database, await _editor(desk, Role.CHIEF))
    async with browser.client:
        yield browser


async def test_a_person_signs_in_is_led_where_they_wanted_to_go_and_signs_out(desk: Desk) -> None:
    async with desk.database.write() as session:
        _, secret = await auth.add_editor(
            session, email="paper@example.org", name="Paper", role=Role.EDITOR, now=NOON, by="operator"
        )
    browser = FormDesk(desk.base)
    async with browser.client:
        await browser.client.post(f"/setup/{secret}", data={"password": "correct horse battery"})
        await browser.open(f"/desk/editions/{TODAY}")
        assert browser.answer.url.path == "/desk/sign-in"
        wrong = await browser.send("/desk/sign-in", email="paper@example.org", password="wrong")
        assert wrong.status_code == 401
        assert "wrong" in browser.text
        await browser.send("/desk/sign-in", email="paper@example.org", password="correct horse battery")
        assert browser.answer.url.path == f"/desk/editions/{TODAY}"
        await browser.send("/desk/sign-out")
        await browser.open("/desk/wire")
        assert browser.answer.url.path == "/desk/sign-in"


async def test_a_form_of_another_site_does_nothing(desk: Desk, forms: FormDesk) -> None:
    story = await a_wire_story(desk)
    await forms.open(f"/desk/stories/{story}")
    page, answer = forms.page, forms.answer
    for site in ("cross-site", "same-site", "none"):
        forms.page, forms.answer = page, answer
        forms.client.headers["Sec-Fetch-Site"] = site
        assert (await forms.send(f"{story}/hold")).status_code == 403
    assert (await desk.editor.get(f"{STORIES}/{story}")).json()["state"] == "new"
    stranger = FormDesk(desk.base)
    async with stranger.client:
        await stranger.open("/desk/sign-in")
        stranger.client.headers["Sec-Fetch-Site"] = "cross-site"
        assert (await stranger.send("/desk/sign-in", email="a@example.org", password="x")).status_code == 403


async def test_a_program_gets_no_further_at_the_desk_than_in_the_api(desk: Desk) -> None:
    story = await a_wire_story(desk)
    answer = await desk.program.post(f"/desk/stories/{story}/hold", data={"version": "1"})
    assert answer.status_code == 403
    assert (await desk.editor.get(f"{STORIES}/{story}")).json()["state"] == "new"


async def test_the_wire_says_everything_about_a_story_without_a_click(desk: Desk, forms: FormDesk) -> None:
    feed = a_feed(name="Nairobi Paper", country="KE")
    story = a_story(
        feed,
        title="بكين ونيروبي",
        headline="Beijing and Nairobi",
        language="ar",
        date_rule="rfc822+zone",
        opaque=True,
        summary="First lines.",
    )
    story_id = story.id
    await stored(desk.database, feed, story)
    await act(desk, story_id, "claim")
    await forms.open("/desk/wire")
    row = forms.page.get_element_by_id(f"row-{story_id}")
    words = " ".join(row.text_content().split())
    for part in ("Beijing and Nairobi", "بكين ونيروبي", "Nairobi Paper", "Kenya", "24 Nov 11:00 UTC", "1 h",
                 "First lines.", "claimed by Amina Test", "time repaired", "opaque link"):  # fmt: skip
        assert part in words
    [source_title] = row.find_class("source-title")
    assert (source_title.get("lang"), source_title.get("dir")) == ("ar", "auto")


async def test_the_wire_says_who_is_at_the_desk(desk: Desk, forms: FormDesk, chief: FormDesk) -> None:
    await forms.open("/desk/wire")
    here = [name.text_content().strip() for name in forms.page.get_element_by_id("here")]
    assert here == ["Amina Test", "Chidi Chief"]
    assert (await desk.program.get("/api/v1/presence")).json() == {"editors": here}
    await chief.open("/desk/wire")
    await chief.send("/desk/sign-out")
    assert (await desk.editor.get("/api/v1/presence")).json() == {"editors": ["Amina Test"]}


async def test_filters_are_links_with_counts_and_are_kept_under_a_name(desk: Desk, forms: FormDesk) -> None:
    await a_wire_story(desk, language="fr", title="Un accord")
    await a_wire_story(desk, language="en", title="A deal")
    await forms.open("/desk/wire")
    assert "2 here" in forms.text
    await forms.follow("fr")
    assert "1 here, 1 hidden by filters" in forms.text
    await forms.send("/filters/save", name="French")
    assert forms.said == "Filter saved."
    await forms.open("/desk/wire")
    await forms.follow("French")
    assert "Un accord" in forms.text
    assert "A deal" not in forms.text
    await forms.send("/filters/remove")
    assert "French" not in forms.text
    await forms.open("/desk/wire?q=accord&sort=source")
    assert "1 here" in forms.text
    assert (await forms.open("/desk/wire?sort=best")).status_code == 422
    assert (await forms.open("/desk/wire?language=&feed=")).status_code == 200


async def test_load_more_goes_through_the_wire_without_gaps(desk: Desk, forms: FormDesk) -> None:
    ids = [await a_wire_story(desk) for _ in range(53)]
    await forms.open("/desk/wire")
    seen = [row.get("data-story") for row in forms.page.find_class("row")]
    await a_wire_story(desk, at=NOON + timedelta(minutes=1))  # an arrival shifts nothing
    await forms.follow("Load more")
    seen += [row.get("data-story") for row in forms.page.find_class("row")]
    assert sorted(seen) == sorted(ids)


async def test_an_editors_day_from_the_wire_to_the_digest_without_script(
    desk: Desk, forms: FormDesk, chief: FormDesk
) -> None:
    first = await a_wire_story(desk, title="Kenya opens a railway", summary="In Nairobi.")
    second = await a_wire_story(desk, title="A cook book")
    await forms.open(f"/desk/wire?story={second}")
    await forms.send(f"{second}/pass", reason="off_topic")
    assert forms.said == "Passed."
    await forms.open(f"/desk/wire?story={first}")
    assert "named: “Kenya”" in forms.text
    await forms.send(f"{first}/note", text="Call the ministry.")
    await forms.send(f"{first}/claim")
    await forms.send(f"{first}/words", headline="Kenya has its railway", blurb="It runs.")
    await forms.send(f"{first}/tags", partner="KE")
    assert forms.said == "Tagged."
    await forms.send(f"{first}/place")
    await forms.follow("Publish …")
    assert "Readers will see it at once, at place 1" in forms.text
    await forms.send(f"{first}/publish")
    assert forms.said == "Published."
    assert b"Kenya has its railway" in (await desk.public.get("/daily.rss")).content
    await forms.follow("Correct …")
    await forms.send(f"{first}/correct", headline="Kenya has a railway", note="It has several.")
    assert forms.said == "Corrected."
    await forms.follow("Close the edition …")
    await forms.send("/close")
    assert forms.said == "Edition closed."
    digest = (await desk.public.get(f"/digest/{TODAY}.txt")).text
    assert "Kenya has a railway" in digest
    await forms.follow("Open it again …")
    assert (await forms.send("/reopen")).status_code == 403
    await chief.open(f"/desk/editions/{TODAY}/reopen")
    await chief.send("/reopen")
    assert chief.said == "Edition open again."
    await forms.open(f"/desk/editions/{TODAY}")
    await forms.follow("Withdraw …")
    await forms.send(f"{first}/withdraw", reason="The source took it back.")
    assert (await desk.public.get(f"/stories/{first}")).status_code == 410


async def test_a_partner_is_looked_up_in_any_language_and_shown_before_it_is_confirmed(
    desk: Desk, forms: FormDesk
) -> None:
    story = await a_wire_story(desk)
    await forms.open(f"/desk/wire?story={story}&add=肯尼亚&add=Atlantis")
    assert "comprehensive strategic cooperative partnership" in forms.text
    assert "“Atlantis” is no partner" in forms.text
    assert (await desk.editor.get(f"{STORIES}/{story}")).json()["tags"] == []
    refused = await forms.send(f"{story}/tags", **{"tier-KE": "strategic"})
    assert refused.status_code == 422
    assert "reason" in forms.text
    await forms.open(f"/desk/wire?story={story}&add=KE")
    await forms.send(f"{story}/tags", **{"tier-KE": "strategic", "reason-KE": "an older text"})
    [tag] = (await desk.editor.get(f"{STORIES}/{story}")).json()["tags"]
    assert (tag["partner"], tag["tier"], tag["reason"]) == ("KE", "strategic", "an older text")


async def test_when_somebody_was_faster_both_values_are_shown_and_nothing_is_overwritten(
    desk: Desk, forms: FormDesk
) -> None:
    story = await a_wire_story(desk)
    await forms.open(f"/desk/stories/{story}")
    headers = {"If-Match": '"1"'}
    await desk.chief.patch(f"{STORIES}/{story}", json={"headline": "Theirs"}, headers=headers)
    clash = await forms.send(f"{story}/words", headline="Mine", blurb="")
    assert clash.status_code == 412
    assert "Theirs" in forms.text
    assert "Mine" in forms.text
    assert (await desk.editor.get(f"{STORIES}/{story}")).json()["headline"] == "Theirs"
    await forms.send(f"{story}/words")
    assert (await desk.editor.get(f"{STORIES}/{story}")).json()["headline"] == "Mine"


async def test_the_list_is_ordered_scheduled_and_emptied_by_forms(desk: Desk, forms: FormDesk) -> None:
    one, two = await a_draft(desk), await a_draft(desk)
    await forms.open(f"/desk/editions/{TODAY}")
    await forms.send(f"{two}/move", position="1")
    assert forms.said == "Moved."
    items = (await desk.editor.get(f"{EDITIONS}/{TODAY}")).json()["items"]
    assert [item["story_id"] for item in items] == [two, one]
    await forms.send("/order", story_ids=[one, two])
    items = (await desk.editor.get(f"{EDITIONS}/{TODAY}")).json()["items"]
    assert [item["story_id"] for item in items] == [one, two]
    await forms.open(f"/desk/editions/{TODAY}/items/{two}/schedule")
    assert (await forms.send(f"{two}/schedule", publish_at="")).status_code == 422
    await forms.open(f"/desk/editions/{TODAY}/items/{two}/schedule")
    await forms.send(f"{two}/schedule", publish_at="2026-11-24T18:30")
    assert "goes public 24 Nov 18:30 UTC" in forms.text
    await forms.send(f"{two}/takeout")
    assert forms.said == "Taken out of the list."
    await forms.send(f"{one}/move", edition="2026-11-25")
    assert (await desk.editor.get(f"{EDITIONS}/2026-11-25")).json()["items"][0]["story_id"] == one


async def test_siblings_are_merged_and_split_and_a_day_compared_with_the_one_before(
    desk: Desk, forms: FormDesk
) -> None:
    lead, other = await a_wire_story(desk, title="Lead"), await a_wire_story(desk, title="Other")
    await act(desk, lead, "merge", {"stories": [other]})
    await forms.open(f"/desk/stories/{lead}")
    assert "Other" in forms.text
    await forms.send(f"{lead}/split", stories=[other])
    assert forms.said == "Split off."
    await forms.open(f"/desk/stories/{other}")
    await a_published(desk, title="Public now")
    await forms.open(f"/desk/editions/{TODAY}")
    await forms.follow("Compare with the day before")
    assert "Public now" in forms.text


async def test_what_was_decided_about_a_story_stands_on_its_page(desk: Desk, forms: FormDesk) -> None:
    story = await a_wire_story(desk)
    await act(desk, story, "pass", {"reason": "old"})
    await forms.open(f"/desk/stories/{story}")
    assert "pass · Amina Test" in forms.text
    assert (await forms.open("/desk/stories/nothing")).status_code == 404
    assert (await forms.open("/desk/keys")).status_code == 200


async def test_an_article_is_added_by_its_address_and_an_opaque_link_gets_its_publishers(
    desk: Desk, forms: FormDesk
) -> None:
    known = await a_wire_story(desk, opaque=True, url="https://news.google.com/rss/articles/x")
    await forms.open("/desk/wire")
    assert (await forms.send("/desk/add", url="http://192.168.0.1/")).status_code == 422
    await forms.open(f"/desk/stories/{known}")
    await forms.send(f"{known}/resolve", url="https://paper.example/the-article")
    assert forms.said == "The address is the publisher's now."
    story = (await desk.editor.get(f"{STORIES}/{known}")).json()
    assert (story["url"], story["opaque"]) == ("https://paper.example/the-article", False)
    await forms.open("/desk/wire")
    await forms.send("/desk/add", url="https://paper.example/the-article")
    assert forms.answer.url.path == f"/desk/stories/{known}"
    assert forms.said == "This story was on the wire already."


async def test_no_page_of_the_desk_is_kept_or_framed_or_runs_what_stands_in_it(desk: Desk, forms: FormDesk) -> None:
    await a_wire_story(desk, title="<script>alert(1)</script>", summary='"><img src=x onerror=alert(1)>')
    for path in ("/desk/wire", f"/desk/editions/{TODAY}", "/desk/sign-in"):
        answer = await forms.open(path)
        assert answer.headers["Cache-Control"] == "no-store"
        policy = answer.headers["Content-Security-Policy"]
        assert "script-src 'self'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert "<script>" not in answer.text
        assert "onerror=" not in answer.text.replace("&lt;img src=x onerror=", "").replace("&#34;&gt;", "")
        assert " style=" not in answer.text


@pytest.mark.parametrize(
    ("path", "safe"),
    [
        ("/desk/wire?q=a#row-1", True),
        ("/desk", True),
        ("//evil.example/desk", False),
        ("https://evil.example/desk", False),
        ("/\\evil.example", False),
        ("/desk\\..\\x", False),
        ("/deskevil", False),
        ("/api/v1/me", False),
        ("javascript:alert(1)", False),
        ("/desk/\n", False),
        ("", False),
        (None, False),
    ],
)
def test_a_way_back_stays_at_the_desk(path: str | None, safe: bool) -> None:
    assert safe_path(path) == (path if safe else "/desk/wire")


async def test_many_stories_are_passed_at_once_and_those_that_changed_are_left_and_named(
    desk: Desk, forms: FormDesk
) -> None:
    one, two, three = [await a_wire_story(desk, title=f"Story {number}") for number in (1, 2, 3)]
    await forms.open("/desk/wire")
    await forms.send("/desk/wire/pass", stories=[f"{one}:1"], reason="off_topic")
    assert "The ticked stories are passed." in forms.said
    assert (await forms.send("/desk/wire/pass", reason="off_topic")).status_code == 422
    await act(desk, two, "hold")
    await forms.open("/desk/wire")
    await forms.send("/desk/wire/pass", stories=[f"{two}:1", f"{three}:1"], reason="old")
    assert "1 of 2 stories were passed." in forms.text
    assert "Story 2" in forms.text
    states = [(await desk.editor.get(f"{STORIES}/{story}")).json() for story in (one, two, three)]
    assert [(story["state"], story["pass_reason"]) for story in states] == [
        ("passed", "off_topic"), ("held", None), ("passed", "old"),
    ]  # fmt: skip
