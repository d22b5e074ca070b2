"""An example of each shape that the API takes, and of its chief answers, for the description and the page of it.

One newsroom, one story, one day throughout, so that the examples can be read as an editor's morning. A test checks
each against the shape that it is an example of. Pure; ``openapi`` puts them in.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

_STORY = "01ngaz203xk209g5dj"
_OTHER = "01ngaz2098mffpmmg1"
_TAG: dict[str, Any] = {"partner": "KE", "tier": "comprehensive_strategic_cooperative", "reason": None}
_URL = "https://paper.example/news/rail-deal"
_TIME = "2026-11-24T07:30:00Z"
_ITEM: dict[str, Any] = {
    "story_id": _STORY,
    "story_version": 6,
    "edition": "2026-11-24",
    "position": 1,
    "state": "published",
    "headline": "The railway reaches Naivasha",
    "blurb": "It opened in 2019.",
    "title": "China-built railway reaches the Rift Valley",
    "language": "en",
    "feed": {"id": "the-paper", "name": "The Paper", "url": "https://paper.example/rss.xml", "country": "KE"},
    "url": _URL,
    "tags": [
        {
            "partner": "KE",
            "name": "Kenya",
            "tier": "comprehensive_strategic_cooperative",
            "label_en": "comprehensive strategic cooperative partnership",
            "label_zh": "全面战略合作伙伴关系",
            "tier_now": "comprehensive_strategic_cooperative",
            "confirmed_by": "Amina Wanjiru",
            "confirmed_at": _TIME,
            "reason": None,
        }
    ],
    "publish_at": None,
    "published_by": "Amina Wanjiru",
    "published_at": _TIME,
    "updated_at": _TIME,
    "correction": None,
    "withdrawn_at": None,
    "withdrawn_reason": None,
    "uri": f"tag:daily.example.org,2026-11-24:{_STORY}",
    "decision": "9fd04c8ea22eccb5981af23c47c2bc070fcda056fc39698b37c292d0e26359ee",
}

EXAMPLES: Mapping[str, Any] = MappingProxyType(
    {
        "TagsIn": {"tags": [_TAG]},
        "StoryPatch": {"headline": "The railway reaches Naivasha", "blurb": "It opened in 2019."},
        "PassIn": {"reason": "off_topic"},
        "BulkPassIn": {"story_ids": [_STORY, _OTHER], "reason": "duplicate", "versions": {_STORY: 3}},
        "NoteIn": {"text": "Calling the railway."},
        "MergeIn": {"into": _OTHER},
        "SplitIn": {"stories": [_OTHER]},
        "AddressIn": {"url": _URL},
        "ItemIn": {"story_id": _STORY, "position": 1, "headline": "The railway reaches Naivasha"},
        "OrderIn": {"story_ids": [_STORY, _OTHER]},
        "MoveIn": {"position": 2},
        "ScheduleIn": {"publish_at": "2026-11-24T15:00:00Z"},
        "CorrectIn": {"blurb": "It opened on 16 October 2019.", "note": "The day was added."},
        "WithdrawIn": {"reason": "The source took its report back."},
        "SignIn": {"email": "amina@example.org", "password": "correct horse battery staple"},
        "TokenIn": {"name": "archive script", "scopes": ["read"], "days": 30},
        "EditorIn": {"email": "amina@example.org", "name": "Amina Wanjiru", "role": "editor"},
        "EditorPatch": {"role": "chief"},
        "PasswordIn": {"current": "correct horse battery staple", "password": "a longer and better one"},
        "PageIn": {"url": "https://paper.example/"},
        "FeedIn": {"url": "https://paper.example/rss.xml", "name": "The Paper", "language": "en", "region": "africa"},
        "FeedPatch": {"enabled": False},
        "DismissIn": {"stories": [_OTHER]},
        "WebhookPatch": {"enabled": True},
        "PreferencesPatch": {"language": "fr", "single_keys": False},
        "AmendmentIn": {
            "partner": "KE",
            "tier": "comprehensive_strategic_cooperative",
            "label_en": "comprehensive strategic cooperative partnership",
            "label_zh": "全面战略合作伙伴关系",
            "in_force_from": "2017-05-15",
            "source": "Joint communiqué of 15 May 2017",
        },
        "ItemOut": _ITEM,
        "EditionOut": {
            "date": "2026-11-24",
            "zone": "Africa/Nairobi",
            "state": "open",
            "begins_at": "2026-11-23T21:00:00Z",
            "cutoff_at": "2026-11-25T03:00:00Z",
            "closed_at": None,
            "closed_by": None,
            "items": [_ITEM],
            "version": 4,
        },
        "StoryCounts": {
            "counts": {"new": 118, "held": 4, "passed": 2_000, "picked": 87},
            "lower_bounds": ["passed"],
            "oldest_waiting_at": "2026-11-22T19:12:08Z",
        },
        "Problem": {
            "type": "urn:huoban:problem:invalid",
            "title": "Some values cannot be accepted",
            "status": 422,
            "code": "invalid",
            "detail": "Nothing was changed. Each error names the field and what it must be.",
            "errors": [
                {
                    "field": "tags[0].tier",
                    "message": "'strategic_co-operative' is not a tier",
                    "suggestions": ["strategic_cooperative"],
                }
            ],
        },
    }
)
"""By the name of the shape."""
