"""Frozen editions for the tests of formats and digest: plain values, every field with a sensible default."""

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

from service.publishing.edition import PublicEdition, PublicItem, PublicSource, PublicTag, Site, Tombstone

DAY = date(2026, 11, 24)
SITE = Site(title="Huoban Daily", base_url="https://news.example", zone="Africa/Nairobi")

KENYA = PublicTag(
    code="KE",
    name="Kenya",
    flag="🇰🇪",
    region="africa",
    tier="comprehensive_strategic_cooperative",
    label_en="comprehensive strategic cooperative partnership",
    label_zh="全面战略合作伙伴关系",
    tier_now="comprehensive_strategic_cooperative",
)
ETHIOPIA = replace(
    KENYA,
    code="ET",
    name="Ethiopia",
    flag="🇪🇹",
    tier="all_weather",
    label_en="all-weather strategic partnership",
    label_zh="全天候战略伙伴关系",
    tier_now="all_weather",
)
EGYPT = replace(
    KENYA,
    code="EG",
    name="Egypt",
    flag="🇪🇬",
    region="mena",
    tier="comprehensive_strategic",
    label_en="comprehensive strategic partnership",
    label_zh="全面战略伙伴关系",
    tier_now="all_weather",
)
AFRICAN_UNION = replace(
    KENYA,
    code="X-AU",
    name="African Union",
    flag="",
    tier="strategic",
    label_en="strategic partnership",
    label_zh="战略伙伴关系",
    tier_now="strategic",
)
PARAGUAY = replace(
    KENYA,
    code="PY",
    name="Paraguay",
    flag="🇵🇾",
    region="latin-america",
    tier="no_relations",
    label_en="",
    label_zh="",
    tier_now="no_relations",
)


def an_item(number: int = 1, **changes: Any) -> PublicItem:
    """Item ``number`` of the day: published at 05:00 UTC plus that many minutes."""
    moment = datetime(2026, 11, 24, 5, number % 60, tzinfo=UTC)
    item = PublicItem(
        id=f"story{number:04}",
        uri=f"tag:news.example,2026-11-24:stories/story{number:04}",
        permalink=f"https://news.example/stories/story{number:04}",
        source_url=f"https://paper.example/articles/{number}?a=1&b=2",
        edition=DAY,
        position=number,
        headline="Nairobi and Beijing agree on the railway's last stretch",
        blurb="Work begins in March; Kenya pays two thirds in shillings.",
        language="en",
        source=PublicSource(name="The Daily Paper", url="https://paper.example/", language="en"),
        tags=(KENYA,),
        editor="Wanjiru Kamau",
        source_published_at=datetime(2026, 11, 23, 22, 10, tzinfo=UTC),
        published_at=moment,
        updated_at=moment,
        correction=None,
        decision=f"{number:064x}",
    )
    return replace(item, **changes)


def an_edition(*items: PublicItem, **changes: Any) -> PublicEdition:
    """The list of 24 November 2026, open unless told otherwise."""
    edition = PublicEdition(
        site=SITE,
        title="Huoban Daily, 24 November 2026",
        description="What China and its partners did, chosen by people.",
        path="/editions/2026-11-24",
        items=items,
        updated_at=max((item.updated_at for item in items), default=datetime(2026, 11, 23, 21, tzinfo=UTC)),
        day=DAY,
        cutoff_at=datetime(2026, 11, 25, 3, tzinfo=UTC),
        previous=date(2026, 11, 23),
    )
    return replace(edition, **changes)


def a_tombstone(number: int = 9, **changes: Any) -> Tombstone:
    """A withdrawn item of the same day."""
    stone = Tombstone(
        id=f"story{number:04}",
        uri=f"tag:news.example,2026-11-24:stories/story{number:04}",
        permalink=f"https://news.example/stories/story{number:04}",
        withdrawn_at=datetime(2026, 11, 24, 9, 30, tzinfo=UTC),
        reason="The paper took its report back <itself> & apologised.",
    )
    return replace(stone, **changes)


def arabic_item(number: int = 2) -> PublicItem:
    """A story in a language that runs from right to left, whose country's tier has changed since."""
    return an_item(
        number,
        headline="القاهرة وبكين توقعان اتفاقا بشأن قناة السويس",
        blurb="يبدأ العمل في الربيع، وتتحمل الصين نصف الكلفة.",
        language="ar",
        source=PublicSource(name="جريدة الصباح", url=None, language="ar"),
        tags=(EGYPT, ETHIOPIA),
        source_published_at=None,
    )


def chinese_item(number: int = 3) -> PublicItem:
    """A story in Chinese about an organisation."""
    return an_item(
        number,
        headline="非盟与中国签署铁路合作协议",
        blurb="双方同意明年三月开工，预计二零三零年前完成全部路段的建设工作，并将由六个成员国共同出资维护全线。",
        language="zh-Hans",
        source=PublicSource(name="每日新闻", url="https://news.example.cn/", language="zh"),
        tags=(AFRICAN_UNION, KENYA),
    )


def corrected_item(number: int = 4) -> PublicItem:
    """A story that was corrected after the edition's cut-off."""
    return an_item(
        number,
        headline='Addis <Ababa> & Beijing: 5 > 3 ]]> "done"',
        blurb="A dam, a road* and a _bridge_ [all] at #once.",
        tags=(ETHIOPIA,),
        updated_at=datetime(2026, 11, 25, 8, 15, tzinfo=UTC),
        correction="The road is 80 km long, not 800.",
    )


def a_full_edition(**changes: Any) -> PublicEdition:
    """Every kind of item at once: closed, with a correction after the close and a withdrawal."""
    items = (
        an_item(1),
        arabic_item(2),
        chinese_item(3),
        corrected_item(4),
        an_item(5, language=None, tags=(PARAGUAY,), headline="Asunción looks again", blurb=""),
    )
    settled: dict[str, Any] = {
        "state": "closed",
        "closed_at": datetime(2026, 11, 25, 3, tzinfo=UTC),
        "next": date(2026, 11, 25),
        "tombstones": (a_tombstone(),),
        "links": {"hub": "https://hub.example/", "prev-archive": "https://news.example/latest.{ext}?page=4"},
    }
    return an_edition(*items, **{**settled, **changes})
