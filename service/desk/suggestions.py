"""Partners that a story's text names, with China's tier towards each on the story's date: hints for whoever tags it.

Never stored, never ordering anything (design §1, promise 1): an editor sees them and decides. Called by
``wire_routes``; the words are found by ``partnerships.gazetteer``.
"""

from collections import Counter

from pydantic import Field
from sqlmodel.ext.asyncio.session import AsyncSession

from service.clock import Calendar
from service.desk.schemas import Shape
from service.desk.wire import story_day
from service.models import Story
from service.partnerships import places, register
from service.partnerships.gazetteer import Mention, find_partners

_FIELDS = ("title", "summary")


class SuggestionOut(Shape):
    """A partner that a story's text names: a hint, never a tag until a person confirms it."""

    partner: str
    name: str
    tier: str = Field(description="What the register holds on the story's date.")
    label_en: str
    label_zh: str
    field: str = Field(description="`title` or `summary`: where it is named first.")
    text: str = Field(description="The words that name it there.")
    start: int = Field(description="Where they begin, in Unicode code points from 0.")
    end: int = Field(description="Where they end: the place after the last one.")
    mentions: int = Field(description="How often title and summary name it.")


class SuggestionsOut(Shape):
    """What a story's text names, in the order of the text."""

    enabled: bool = Field(description="False where the newsroom has switched suggestions off.")
    items: list[SuggestionOut]


async def suggest_tags(session: AsyncSession, story: Story, *, calendar: Calendar) -> SuggestionsOut:
    """Each partner once, where title and summary name it first, in the order of the text."""
    texts = [getattr(story, field) for field in _FIELDS]
    mentions = find_partners(*texts)
    times = Counter(mention.code for mention in mentions)
    first: dict[str, Mention] = {}
    for mention in mentions:
        first.setdefault(mention.code, mention)
    standings = await register.standings(session, on=story_day(story, calendar), partners=list(first)) if first else {}
    return SuggestionsOut(
        enabled=True,
        items=[
            SuggestionOut(
                partner=code,
                name=places.name(code),
                tier=standings[code].tier,
                label_en=standings[code].label_en,
                label_zh=standings[code].label_zh,
                field=_FIELDS[mention.part],
                text=texts[mention.part][mention.start : mention.end],
                start=mention.start,
                end=mention.end,
                mentions=times[code],
            )
            for code, mention in first.items()
        ],
    )
