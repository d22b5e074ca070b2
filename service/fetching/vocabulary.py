"""The words a feed may be described with, and the grammar of its id, address and language.

Pure: every check takes what somebody wrote and answers its one canonical spelling, or raises ``BadValue``
with the nearest words that would have been accepted. It knows no file, no row and no network. Called by
``feeds_file`` (which adds the line), ``catalogue`` (which adds the field) and ``opml``.
"""

import re
import unicodedata
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from functools import cache
from types import MappingProxyType
from typing import Any

from babel import Locale
from babel.core import get_global
from yarl import URL

REGIONS: Mapping[str, str] = MappingProxyType(
    {
        "china": "China",
        "africa": "Africa",
        "latin-america": "Latin America and the Caribbean",
        "mena": "Middle East and North Africa",
        "southeast-asia": "South-East Asia",
        "south-asia": "South Asia",
        "central-asia": "Central Asia",
        "pacific": "Pacific",
        "europe-russia": "Europe and Russia",
        "global": "Global",
    }
)
"""What part of the world a source mostly writes about, and its name for people."""

KINDS: Mapping[str, str] = MappingProxyType(
    {
        "academic": "a university, journal or scholars' site",
        "blog": "one author or a small team",
        "independent": "a news outlet that is not run by a state (public broadcasters at arm's length included)",
        "official": "a government body, an international organisation or a chamber",
        "state-media": "a news outlet that a state owns or directs",
        "think-tank": "a policy research institute",
        "wire": "a news agency, or a collection of many outlets' news",
    }
)
"""Who stands behind a source."""

QUIRKS: Mapping[str, str] = MappingProxyType(
    {
        "bot-wall": "has answered 403 or a challenge to some networks or clients",
        "broken-xml": "not well-formed: only a lenient parser reads it",
        "browser-ua": "has refused clients whose user agent is not a browser's",
        "charset": "the declared character encoding is missing, old or wrong",
        "credit-required": "the publisher asks for credit and a link back",
        "few-items": "holds few items, so a long interval loses some",
        "flapping": "refused and answered within days",
        "frozen-risk": "this or a sister address has answered long after it stopped being updated",
        "full-text": "items carry the whole article",
        "future-dates": "items have been dated in the future",
        "geo-blocked": "not served to, or not reachable from, some countries",
        "gn-wrapper": "a Google News search: opaque links, titles ending in the outlet, sometimes silently empty",
        "guid-churn": "the same article comes back under new guids",
        "gzip-unasked": "sends compressed bodies without being asked",
        "html-in-title": "titles hold markup or entities",
        "legal-check": "the terms or robots.txt speak against automated use: ask before relying on it",
        "low-volume": "a few items a month or fewer",
        "many-items": "hundreds of items, or a very busy feed",
        "mixed-languages": "a part of the items is in other languages",
        "mixed-topics": "covers much that is not about our field",
        "needs-bridge": "made by a bridge that should be run by the newsroom itself",
        "no-dates": "items carry no date that can be read",
        "other-hosts": "articles live on other hosts than the feed",
        "paywall": "articles are partly or wholly for subscribers",
        "plain-http": "known only under an http address",
        "promotional": "published to promote the projects it covers",
        "rate-limited": "refuses a client after many requests",
        "redirects": "the listed address redirects",
        "relative-links": "links are not absolute",
        "slow": "takes many seconds to answer",
        "thin-summary": "summaries of a sentence or less",
        "titles-only": "no summaries",
        "unordered": "items are not in order of date",
        "unverified": "no dated evidence that this address answers with fresh items",
        "utm-params": "links carry tracking parameters",
    }
)
"""What a newsroom should know about a feed. Facts for people: fetching follows options, not quirks."""

MAX_URL = 2000
_ID = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
_LANGUAGE = re.compile(r"([A-Za-z]{2,3})(?:-([A-Za-z]{4}))?(?:-([A-Za-z]{2}|[0-9]{3}))?")
_NO_COUNTRIES = frozenset({"EU", "EZ", "UN", "QO", "XA", "XB", "ZZ"})  # CLDR's groupings and test regions


class BadValue(ValueError):
    """A value that cannot be accepted; ``suggestions`` are the nearest ones that can, best first."""

    def __init__(self, message: str, suggestions: Iterable[str] = ()) -> None:
        self.message = message
        self.suggestions = tuple(suggestions)
        hint = f" (did you mean {self.suggestions[0]!r}?)" if self.suggestions else ""
        super().__init__(message + hint)


def nearest(word: str, words: Iterable[str]) -> tuple[str, ...]:
    """Up to three of ``words`` that look like ``word``, best first, letter case aside."""
    known = {candidate.lower(): candidate for candidate in words}
    return tuple(known[match] for match in get_close_matches(word.lower(), known, n=3, cutoff=0.6))


def one_of(what: str, value: str, words: Iterable[str]) -> str:
    """``value`` if it is one of ``words``.

    Raises:
        BadValue: it is not; all the words are named when none is near.
    """
    known = tuple(words)
    if value in known:
        return value
    near = nearest(value, known)
    raise BadValue(f"unknown {what} {value!r}" + ("" if near else f"; it is one of {', '.join(known)}"), near)


def check_id(value: str) -> str:
    """A slug: small letters, digits and single hyphens, at most 64 characters."""
    if len(value) <= 64 and _ID.fullmatch(value):
        return value
    proposal = slug(value)
    raise BadValue(
        f"bad id {value!r}: use at most 64 small letters a-z, digits and single hyphens",
        (proposal,) if proposal and proposal != value else (),
    )


def slug(text: str) -> str:
    """The nearest id to any text: accents dropped, other runs of characters made one hyphen; may be empty."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode("ascii").lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:64].rstrip("-")


def check_name(value: str) -> str:
    """A name for people: one line of 1 to 200 printable characters, runs of blanks made one."""
    name = " ".join(value.split())
    if not name or not name.isprintable() or len(name) > 200:
        raise BadValue("the name must be a line of 1 to 200 printable characters")
    return name


def check_url(value: str) -> str:
    """An absolute http or https address without user-info (RFC 9110 §4.2.4 warns of it), as written.

    Only the grammar is checked; whether the address may be reached is the guard's question.
    """
    if len(value) > MAX_URL:
        raise BadValue(f"the URL is longer than {MAX_URL} characters")
    shown = f"{value!r}" if "@" not in value else "(not shown, since it may hold a password)"
    if not value.isprintable() or " " in value or "\\" in value:
        raise BadValue(f"bad URL {shown}: it holds a space, a backslash or a control character")
    try:
        url = URL(value)
        port = url.port
    except ValueError as error:
        raise BadValue(f"bad URL {shown}: {str(error).removesuffix(f': {value!r}')}") from error
    if url.raw_user is not None or url.raw_password is not None:
        raise BadValue("bad URL: it holds a user name or password; secrets belong in 'headers'")
    if url.scheme not in ("http", "https") or not url.raw_host:
        bare = "://" not in value and re.match(r"[\w-]+(\.[\w-]+)+(/|$)", value)
        hint = (f"https://{value}",) if bare else ()
        raise BadValue(f"bad URL {shown}: write an absolute http or https address", hint)
    if len(str(url)) > MAX_URL or len(url.raw_host) > 253:
        raise BadValue(f"the URL is longer than {MAX_URL} characters when encoded, or its host than 253")
    if port == 0:
        raise BadValue(f"bad URL {shown}: there is no port 0")
    return value


def feed_host(url: str) -> str:
    """The host of an accepted URL: small letters, IDNA form, no port. The unit of politeness."""
    return URL(url).raw_host or ""


def url_key(url: str) -> str:
    """What makes two addresses the same feed.

    http and https, letter case of the host, a default port, ``.`` and ``..`` segments, escapes that need
    not be, a trailing slash and the fragment make no difference; everything else does, the query included.
    """
    parts = URL(url)
    port = parts.explicit_port
    authority = feed_host(url) if port in (None, 80, 443) else f"{feed_host(url)}:{port}"
    query = f"?{parts.raw_query_string}" if parts.raw_query_string else ""
    return authority + parts.raw_path.rstrip("/") + query


def check_language(value: str) -> str:
    """A BCP 47 tag of language, script and region (RFC 5646 §2.1), in its usual letter case.

    Variants and extensions, which no feed of news needs, are not taken.
    """
    names = _english()
    match = _LANGUAGE.fullmatch(value)
    if match:
        language, script, region = match.group(1).lower(), match.group(2), match.group(3)
        script, region = script and script.title(), region and region.upper()
        known = language in names.languages and (not script or script in names.scripts)
        if known and (not region or region in names.territories):
            return "-".join(part for part in (language, script, region) if part)
    message = f"unknown language {value!r}: write a BCP 47 tag such as en, zh-Hans or pt-BR"
    raise BadValue(message, _languages_near(value))


def check_country(value: str) -> str:
    """A country's or territory's ISO 3166-1 alpha-2 code, or XK, in capitals."""
    code = value.upper()
    countries = _countries()
    if code in countries:
        return code
    renamed = [new for new in get_global("territory_aliases").get(code, ()) if new in countries]
    by_name = {name: short for short, name in countries.items()}
    near = renamed or [by_name[name] for name in nearest(value, by_name)]
    raise BadValue(f"unknown country {value!r}: write its two-letter ISO 3166-1 code", near)


def _languages_near(value: str) -> tuple[str, ...]:
    tag = value.replace("_", "-")
    if tag != value and _LANGUAGE.fullmatch(tag):
        return (check_language(tag),)
    languages = _english().languages
    by_name = {name: code.replace("_", "-") for code, name in languages.items()}
    renamed = get_global("language_aliases").get(value.lower())
    if renamed:
        return (renamed.replace("_", "-"),)
    return tuple(by_name[name] for name in nearest(value, by_name)) or nearest(value, by_name.values())


@cache
def _english() -> Locale:
    # Cached because the tables are read from a file; it is the same for the life of the process.
    return Locale("en")


@cache
def _countries() -> Mapping[str, str]:
    names: Mapping[Any, str] = _english().territories
    codes = (code for code in names if re.fullmatch("[A-Z]{2}", code) and code not in _NO_COUNTRIES)
    return {code: names[code] for code in codes}
