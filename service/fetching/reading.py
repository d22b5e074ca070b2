"""How a document of a feed is to be read, by what the newsroom said of that feed.

Pure: options in, a job for the parser out, and afterwards the entries that the feed's own rules admit. The same
for a document that we fetched and for one that a hub pushed. Called by ``run``, ``pushes`` and ``date_trial``.
"""

from dataclasses import replace
from datetime import datetime

from service.fetching.document import ParsedFeed, ParseJob, ParseOptions
from service.fetching.options import FetchOptions
from service.models import Feed


def parse_job(
    feed: Feed, options: FetchOptions, *, body: bytes, url: str, content_type: str | None, now: datetime
) -> ParseJob:
    """The parser's job for one document; ``url`` is where it came from, after redirects."""
    return ParseJob(
        body=body,
        url=url,
        now=now,
        content_type=content_type,
        options=ParseOptions(
            feed_id=feed.id,
            language=feed.language,
            charset=options.charset,
            date_zone=options.date_zone,
            date_format=options.date_format,
            date_policy="first_seen" if options.date_policy == "first_seen" else "feed",
            link_policy="opaque" if options.link_policy == "opaque" else "direct",
            max_items=options.max_items,
        ),
    )


def admitted(parsed: ParsedFeed, options: FetchOptions) -> ParsedFeed:
    """The document with only the entries that the feed's own rules admit."""
    if not (options.include or options.exclude or options.article_hosts):
        return parsed
    entries = tuple(entry for entry in parsed.entries if entry.link and options.admits(entry.link))
    return replace(parsed, entries=entries)
