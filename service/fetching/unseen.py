"""A document read no further than needed: of its items only those are parsed that the last one did not have.

Most changed documents have one new item among dozens of known ones, and parsing is the dearest step. So the
document is cut at its items (``slices``), and the feed's head goes to the parser with the unseen ones. Whatever
could make that differ from reading the whole has the whole read: a document that cannot be cut, a count that does
not match, bytes that fit no charset, addresses shared by several items. Pure. Called in the processes of
``parsers``.
"""

from dataclasses import replace

from service.fetching.charset import decode
from service.fetching.defuse import MOST_ITEMS
from service.fetching.document import Parsed, ParsedFeed, ParseJob
from service.fetching.parse import parse_document
from service.fetching.slices import Slices, cut_items


def parse_unseen(job: ParseJob) -> Parsed:
    """Read a document: all of it, or what ``job.known`` does not have.

    The answer tells the dates and hashes of all items of the document either way, so that what is reckoned from
    them is the same; its ``entries`` may be only the new ones.
    """
    pieces = cut_items(job.body)
    if pieces is None or len(pieces.items) > MOST_ITEMS:
        return _parsed(job, job.body)
    return _unseen(job, pieces) or _whole(job, pieces)


def _whole(job: ParseJob, pieces: Slices) -> Parsed:
    parsed = _parsed(job, job.body)
    if not isinstance(parsed, ParsedFeed) or parsed.links_shared or len(parsed.dates) != len(pieces.items):
        return parsed
    return replace(parsed, hashes=pieces.hashes)


def _unseen(job: ParseJob, pieces: Slices) -> ParsedFeed | None:
    """The document by its unseen items; None if only the whole tells."""
    hashes = pieces.hashes
    unseen = {digest for digest in hashes if digest not in job.known}
    if len(unseen) == len(set(hashes)):
        return None
    decoded = decode(job.body, job.content_type, job.options.charset)
    if decoded.broken:
        return None
    # Without any new item one known one goes along, since what the head says may be new.
    wanted = unseen or {hashes[0]}
    # The charset was found on the whole: a single item may be too short to tell.
    parsed = _parsed(job, pieces.keeping(wanted), charset=decoded.charset)
    places = [place for place, digest in enumerate(hashes) if digest in wanted]
    if not isinstance(parsed, ParsedFeed) or parsed.links_shared or len(parsed.dates) != len(places):
        return None
    dates = [job.known.get(digest) for digest in hashes]
    for place, date in zip(places, parsed.dates, strict=True):
        dates[place] = date
    newest = max((date for date in dates if date), default=None)
    return replace(parsed, dates=tuple(dates), hashes=hashes, newest=newest)


def _parsed(job: ParseJob, body: bytes, charset: str | None = None) -> Parsed:
    options = replace(job.options, charset=charset) if charset else job.options
    return parse_document(body, content_type=job.content_type, url=job.url, now=job.now, options=options)
