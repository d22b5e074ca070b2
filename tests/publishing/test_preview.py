"""The preview: a day's list with its drafts in every format, for the desk alone."""

import json
from datetime import timedelta

import pytest
from lxml import etree

from service.publishing.digest import MEDIA_TYPES
from tests.conftest import NOON, Desk
from tests.desk.newsroom import EDITIONS, TODAY, a_draft, a_published, a_wire_story, act, edition, item, place

pytestmark = pytest.mark.anyio

FORMATS = ("json", "rss", "atom", "html")


async def test_every_format_shows_drafts_in_the_editors_order_beside_what_is_public(desk: Desk) -> None:
    public = await a_published(desk, title="Public already")
    draft = await a_draft(desk, title="A draft & more")
    later = await a_draft(desk, title="For later")
    untagged = await a_wire_story(desk, title="Nobody tagged it")
    await place(desk, untagged)
    at = (NOON + timedelta(hours=3)).isoformat()
    assert (await item(desk, later, "schedule", {"publish_at": at})).status_code == 200
    order = [draft, untagged, public, later]
    assert (await edition(desk, "order", {"story_ids": order}, method="PUT")).status_code == 200

    shown = (await desk.editor.get(f"{EDITIONS}/{TODAY}/preview.json")).json()
    assert [each["_huoban"]["id"] for each in shown["items"]] == order
    assert [each["_huoban"]["position"] for each in shown["items"]] == [1, 2, 3, 4]
    assert shown["title"].startswith("Preview: ")
    assert shown["items"][3]["date_published"].startswith("2026-11-24T15:00:00")
    for extension in FORMATS:
        body = (await desk.editor.get(f"{EDITIONS}/{TODAY}/preview.{extension}")).content
        places = [body.index(title) for title in (b"A draft", b"Nobody tagged", b"Public already", b"For later")]
        assert places == sorted(places), extension
        if extension in ("rss", "atom"):
            etree.fromstring(body)
    for extension in MEDIA_TYPES:
        text = (await desk.editor.get(f"{EDITIONS}/{TODAY}/preview/digest.{extension}")).text
        assert "For later" in text, extension
        assert "Nobody tagged" not in text, extension


async def test_a_preview_is_kept_nowhere_and_needs_an_account(desk: Desk) -> None:
    await a_draft(desk, title="Secret so far")
    paths = [f"{EDITIONS}/{TODAY}/preview.{extension}" for extension in FORMATS]
    paths += [f"{EDITIONS}/{TODAY}/preview/digest.{extension}" for extension in MEDIA_TYPES]
    for path in paths:
        answer = await desk.editor.get(path)
        assert answer.headers["Cache-Control"] == "private, no-store", path
        assert answer.headers["X-Robots-Tag"] == "noindex", path
        assert "Access-Control-Allow-Origin" not in answer.headers, path
        assert "script-src" not in answer.headers["Content-Security-Policy"], path
        assert (await desk.public.get(path)).status_code == 401, path
    assert (await desk.editor.get(f"{EDITIONS}/{TODAY}/preview.pdf")).status_code == 404
    assert (await desk.editor.get(f"{EDITIONS}/{TODAY}/preview/digest.rss")).status_code == 404


async def test_looking_at_a_preview_makes_nothing_public_and_changes_nothing(desk: Desk) -> None:
    draft = await a_draft(desk, title="Secret so far")
    before = (await desk.editor.get(f"{EDITIONS}/{TODAY}")).headers["ETag"]
    for extension in FORMATS:
        assert "Secret so far" in (await desk.editor.get(f"{EDITIONS}/{TODAY}/preview.{extension}")).text
        assert "Secret so far" not in (await desk.public.get(f"/editions/{TODAY}.{extension}")).text
        assert "Secret so far" not in (await desk.public.get(f"/daily.{extension}")).text
    assert (await desk.editor.get(f"{EDITIONS}/{TODAY}")).headers["ETag"] == before
    assert (await desk.public.get(f"/stories/{draft}")).status_code == 404


async def test_what_is_withdrawn_or_taken_out_is_not_in_the_preview(desk: Desk) -> None:
    withdrawn, removed = await a_published(desk), await a_draft(desk)
    await item(desk, withdrawn, "withdraw", {"reason": "Wrong."})
    await act(desk, removed, "reopen")
    shown = (await desk.editor.get(f"{EDITIONS}/{TODAY}/preview.json")).json()
    assert shown["items"] == []
    assert withdrawn in json.dumps(shown["_huoban"]["tombstones"])


async def test_a_day_to_come_can_be_previewed(desk: Desk) -> None:
    story_id = await a_wire_story(desk, title="For tomorrow")
    await place(desk, story_id, "2026-11-25")
    assert "For tomorrow" in (await desk.editor.get(f"{EDITIONS}/2026-11-25/preview.html")).text
    assert (await desk.editor.get(f"{EDITIONS}/2027-01-01/preview.json")).json()["items"] == []


async def test_an_item_reads_in_its_preview_as_in_the_documents_that_publish_it(desk: Desk) -> None:
    story = await a_draft(desk, title="A draft & <b>more</b>", blurb="Its blurb.")
    path = f"{EDITIONS}/{TODAY}/items/{story}/preview"
    shown = (await desk.editor.get(path)).json()
    written = (await desk.editor.get(path, params={"headline": "Fish & chips", "blurb": "<i>Fried</i>."})).json()
    assert written["rss_title"] == "Fish & chips"
    assert written["rss_description"] == "<i>Fried</i>."
    assert "Fish & chips" in written["digest"]
    assert (await item(desk, story, "publish")).is_success
    rss = etree.fromstring((await desk.public.get("/daily.rss")).content)
    assert rss.findtext("channel/item/title") == shown["rss_title"] == "A draft & <b>more</b>"
    digest = (await desk.public.get(f"/digest/{TODAY}.txt")).text
    assert shown["digest"] in digest
    assert (await desk.editor.get(f"{EDITIONS}/2026-11-23/items/{story}/preview")).status_code == 404
    assert (await desk.public.get(path)).status_code == 401


async def test_an_item_without_a_country_has_no_line_in_the_digest(desk: Desk) -> None:
    story = await a_wire_story(desk, title="Nobody tagged it")
    await place(desk, story)
    shown = (await desk.editor.get(f"{EDITIONS}/{TODAY}/items/{story}/preview")).json()
    assert (shown["rss_title"], shown["digest"]) == ("Nobody tagged it", "")
